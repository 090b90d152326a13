"""Asset files of one's own: every form, and what is wrong told with where and what to do."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rpcsight.baseline import _asset_files, assets
from rpcsight.baseline.assets import Asset, Inventory, read_assets
from rpcsight.baseline.roles import ROLES
from rpcsight.errors import InputError
from tests.inventories import read, refusal

OWN = [
    Asset("10.0.0.5", "dc1.corp.example", "domain controller", "AD team"),
    Asset("10.1.0.0/16", "", "workstation", "desktop"),
    Asset("", "jump1", "administration host", ""),
]


@pytest.mark.parametrize(
    "content",
    [
        "ip,name,role,owner\n10.0.0.5,DC1.corp.example.,dc,AD team\n10.1.0.0/16,,Workstation,desktop\n,JUMP1,jump-host,\n",
        "IP;Role;Owner;Name\r\n10.0.0.5;domain_controller;AD team;DC1.corp.example\r\n"
        "10.1.0.0/16;clients;desktop\r\n\r\n;bastion;;jump1\r\n",
        "\ufeff# ours, with what Windows' programs write first\nip_or_cidr\tname\trole\towner\n10.0.0.5\tdc1.corp.example\tAD DC\tAD team\n"
        "10.1.0.0/16\t\tlaptop\tdesktop\n\tjump1\tpaw\t\n",
        "ip,name,role,owner\n10.0.0.5,dc1.corp.example,dc,AD team\n10.1.0.0/16,,pc,desktop\n,jump1,admin,\n".encode("utf-16"),
        [
            {"ip": "10.0.0.5", "name": "dc1.corp.example", "role": "RODC", "owner": "AD team"},
            {"cidr": "10.1.0.0/16", "role": "desktop", "owner": "desktop"},
            {"name": "jump1", "role": "help desk"},
        ],
        '{"network": "10.0.0.5/32", "name": "dc1.corp.example", "role": "dc", "owner": "AD team"}\n\n'
        '{"subnet": "10.1.0.0/16", "role": "client", "owner": "desktop"}\n{"name": "jump1", "role": "jump box", "ip": null}\n',
    ],
    ids=["commas", "semicolons", "tabs and a mark", "utf-16", "JSON", "JSON lines"],
)  # fmt: skip
def test_files_of_ones_own(content: str | bytes | list[Any], tmp_path: Path) -> None:
    assert read(tmp_path, content) == Inventory(OWN)


def test_several_addresses_and_the_same_row_twice(tmp_path: Path) -> None:
    rows = [{"ip": ["10.0.0.1", "::ffff:10.0.0.2"], "role": "server"}, {"ip": "10.0.0.1", "role": "file server"}]
    assert read(tmp_path, rows) == Inventory([Asset("10.0.0.1", role="server"), Asset("10.0.0.2", role="server")])


NONE = "is no address or network"
TOO_LONG = "is too long or not printable"
MOST = "255 characters at most"
OBJECT = 'write {"ip": "10.0.0.5", "role": "server"}'
ALLOWED = f"one of {', '.join(ROLES)}; or leave it empty"
ADDRESS = "write an address as 10.0.0.5, a network as 10.0.0.0/24; names go into the column name"
FIELDS = "columns: ip (address or network) or name, and role, owner; or an export of ECS hosts or of NetBox"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("ip,role\n10.0.0.5,server\n10.0.0.6,printer\n", ("FILE, line 3", "role: 'printer' is no role", ALLOWED)),
        ("ip,role\nws1,server\n", ("FILE, line 2", f"ip: 'ws1' {NONE} ('ws1' does not appear to be an IPv4 or IPv6 network)", ADDRESS)),
        ("cidr,role\n10.0.0.5/24,dc\n", ("FILE, line 2", f"cidr: '10.0.0.5/24' {NONE} (10.0.0.5/24 has host bits set)", ADDRESS)),
        ("ip,role\n10.0.0.5,dc\n10.0.0.5,server\n", ("FILE, line 3", "10.0.0.5 was something else in line 2", "keep one of the two rows")),
        ("ip,rôle\n10.0.0.5,dc\n", ("FILE, line 2", "'rôle' is no field that is known", FIELDS)),
        ("host,what\nx,y\n", ("FILE, line 2", "none of the fields is known: host, what", FIELDS)),
        ("ip,role\n10.0.0.5,dc,x,y\n", ("FILE, line 2", "has 4 fields, and the header 2", "put texts with commas in quotation marks")),
        ('ip,role\n"10.0.0.5,dc\n', ("FILE, line 2", "is no CSV (unexpected end of data)", "")),
        (b"ip,role\n10.0.0.5,d\xe9\n", ("FILE, line 2", "is no utf-8-sig text", "save it as CSV UTF-8")),
        ("[{]", ("FILE", "is no JSON (Expecting property name enclosed in double quotes: line 1 column 3 (char 2))", "")),
        ('{"ip": "10.0.0.5"}\n{"ip"\n', ("FILE, line 2", "is no JSON (Expecting ':' delimiter: line 1 column 6 (char 5))", "")),
        ('{"ip": "10.0.0.5"}\n7\n', ("FILE, line 2", "'7' is no object", OBJECT)),
        ([7], ("FILE, row 1", "'7' is no object", OBJECT)),
        ([{"ip": "10.0.0.5", "name": "a\x1b[2J"}], ("FILE, row 1", f"name: 'a\\x1b[2J' {TOO_LONG}", MOST)),
        ([{"ip": "10.0.0.5", "owner": "x" * 300}], ("FILE, row 1", f"owner: '{'x' * 40}' {TOO_LONG}", MOST)),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_where_and_what_to_do(
    content: str | bytes | list[Any], expected: tuple[str, str, str], tmp_path: Path
) -> None:
    assert refusal(tmp_path, content) == expected


def test_deep_and_long_files_are_refused_or_read_not_crashed_on(tmp_path: Path) -> None:
    assert refusal(tmp_path, "[" * 100_000)[0] == "FILE"
    deep = '{"ip": "10.0.0.5", "name": ' + '{"name": ' * 400 + '"x"' + "}" * 400 + "}"
    assert read(tmp_path, deep) == Inventory([Asset("10.0.0.5")])
    assert refusal(tmp_path, "ip,role\n10.0.0.5," + "x" * 200_000 + "\n")[:2] == (
        "FILE, line 2", "is no CSV (field larger than field limit (131072))",
    )  # fmt: skip


def test_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "MOST_ROWS", 2)
    rows = "ip\n10.0.0.1\n10.0.0.2\n10.0.0.3\n"
    expected = "FILE, line 4", "more than 2 rows", "name networks instead of hosts, or split the file"
    assert refusal(tmp_path, rows) == expected
    monkeypatch.setattr(_asset_files, "MOST_BYTES", 10)
    assert refusal(tmp_path, rows) == ("FILE", "is larger than 0 MB", "name networks instead of hosts, or split it")


@pytest.mark.parametrize("text", ["", "ip,role\n", "[]"])
def test_a_file_that_says_nothing_is_refused(tmp_path: Path, text: str) -> None:
    hint = "to drop what an earlier file said: rpcsight baseline assets --remove"
    assert refusal(tmp_path, text) == ("FILE", "says nothing of any host", hint)


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_assets(tmp_path / "none.csv")
    assert caught.value.what == "can't be read (No such file or directory)"


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(["10.0.0.1", "10.0.0.0/8", "dc"])
)
FIELD = st.sampled_from(
    ["ip", "name", "role", "host", "host.ip", "_source", "address", "primary_ip", "tenant", "prefix", "hits", "results"]
)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELD, inner, max_size=4), max_leaves=12
)
tables = st.lists(st.lists(scalars.map(str), max_size=4).map(",".join), max_size=5).map(
    lambda lines: "\n".join(["ip,name,role", *lines])
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(st.binary(max_size=60) | documents | tables)
def test_whatever_is_in_a_file_is_read_or_refused(tmp_path: Path, content: Any) -> None:
    written = content if isinstance(content, bytes | str) else [content]
    with suppress(InputError):
        assert all(each.ip_or_cidr or each.name for each in read(tmp_path, written).rows)

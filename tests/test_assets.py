"""The asset file: what people say of hosts, of their own and in exports; and what holds for which address."""

import ipaddress
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcsight.baseline import _asset_files, assets
from rpcsight.baseline.assets import Asset, Inventory, read_assets, resolve
from rpcsight.baseline.roles import ROLES, role_of
from rpcsight.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def read(folder: Path, content: str | bytes | list[Any] | dict[str, Any]) -> Inventory:
    path = folder / "assets"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return read_assets(path)


def refusal(folder: Path, content: str | bytes | list[Any] | dict[str, Any]) -> tuple[str, str, str]:
    """Where, what and hint of the error; the file is FILE."""
    with pytest.raises(InputError) as caught:
        read(folder, content)
    return caught.value.where.replace(str(folder / "assets"), "FILE"), caught.value.what, caught.value.hint


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
def test_files_of_ones_own(content: str | bytes | list[Any], folder: Path) -> None:
    assert read(folder, content) == Inventory(OWN)


def test_several_addresses_and_the_same_row_twice(folder: Path) -> None:
    rows = [{"ip": ["10.0.0.1", "::ffff:10.0.0.2"], "role": "server"}, {"ip": "10.0.0.1", "role": "file server"}]
    assert read(folder, rows) == Inventory([Asset("10.0.0.1", role="server"), Asset("10.0.0.2", role="server")])


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
    content: str | bytes | list[Any], expected: tuple[str, str, str], folder: Path
) -> None:
    assert refusal(folder, content) == expected


def test_deep_and_long_files_are_refused_or_read_not_crashed_on(folder: Path) -> None:
    assert refusal(folder, "[" * 100_000)[0] == "FILE"
    deep = '{"ip": "10.0.0.5", "name": ' + '{"name": ' * 400 + '"x"' + "}" * 400 + "}"
    assert read(folder, deep) == Inventory([Asset("10.0.0.5")])
    assert refusal(folder, "ip,role\n10.0.0.5," + "x" * 200_000 + "\n")[:2] == (
        "FILE, line 2", "is no CSV (field larger than field limit (131072))",
    )  # fmt: skip


def test_too_much_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "MOST_ROWS", 2)
    rows = "ip\n10.0.0.1\n10.0.0.2\n10.0.0.3\n"
    expected = "FILE, line 4", "more than 2 rows", "name networks instead of hosts, or split the file"
    assert refusal(folder, rows) == expected
    monkeypatch.setattr(_asset_files, "MOST_BYTES", 10)
    assert refusal(folder, rows) == ("FILE", "is larger than 0 MB", "name networks instead of hosts, or split it")


def test_what_is_not_there_is_told(folder: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_assets(folder / "none.csv")
    assert caught.value.what == "can't be read (No such file or directory)"


ECS = {
    "host": {"name": "FS1", "hostname": "fs1", "type": "file-server", "ip": ["10.0.0.7", "fe80::1", "127.0.0.1", "2001:db8::7"]},
    "labels": {"owner": "storage"},
    "event": {"kind": "asset"},
}  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        [ECS],
        {"hits": {"hits": [{"_index": "hosts", "_source": ECS}]}},
        json.dumps(ECS) + "\n",
        [{"host.name": "FS1", "host.type": "file-server", "host.ip": ECS["host"]["ip"], "labels.owner": "storage"}],
        'host.name,host.ip,host.type,labels.owner\nFS1,"10.0.0.7,fe80::1,127.0.0.1,2001:db8::7",file-server,storage\n',
    ],
    ids=["nested", "what Elasticsearch answers", "lines", "dotted", "CSV of a table"],
)
def test_ecs_hosts(content: str | list[Any] | dict[str, Any], folder: Path) -> None:
    said = [Asset(place, "fs1", "server", "storage") for place in ("10.0.0.7", "2001:db8::7", "")]
    assert read(folder, content) == Inventory(said, Counter({"loopback and link-local addresses": 2}))


def test_exports_change_their_mind_and_know_other_words(folder: Path) -> None:
    documents = [
        {"host": {"name": "ws1", "ip": "10.1.0.9", "type": "t2.medium"}},
        {"host": {"name": "ws2", "ip": ["10.1.0.9"]}},
        {"host": {"id": "x"}},
    ]
    assert read(folder, documents) == Inventory(
        [Asset("10.1.0.9", "ws2"), Asset("", "ws1"), Asset("", "ws2")],
        Counter({"neither address nor name": 1}), Counter({"t2.medium": 2}), 1,
    )  # fmt: skip


def test_netbox_devices_from_its_api_and_its_table(folder: Path) -> None:
    device = {
        "id": 3, "name": "PRN1", "display": "PRN1", "tenant": {"name": "Facilities"},
        "role": {"id": 1, "name": "Print Server", "slug": "print-server"},
        "primary_ip": {"id": 4, "family": 4, "address": "10.0.0.8/24"}, "primary_ip4": {"id": 4, "family": 4, "address": "10.0.0.8/24"},
        "primary_ip6": None, "status": {"value": "active", "label": "Active"},
    }  # fmt: skip
    old = {
        "name": "core-sw-1",
        "device_role": {"name": "Core Switch"},
        "primary_ip4": {"address": "10.0.0.1/24"},
        "tenant": None,
    }
    bare = {"name": "spare", "role": {"name": "Laptop"}, "primary_ip": None, "tenant": None}
    expected = Inventory(
        [Asset("10.0.0.8", "prn1", "server", "Facilities"), Asset("10.0.0.1", "core-sw-1"), Asset("", "spare", "workstation")],
        unknown_roles=Counter({"Core Switch": 1}),
    )  # fmt: skip
    assert read(folder, {"count": 3, "next": None, "results": [device, old, bare]}) == expected
    table = (
        "Name,Status,Tenant,Site,Rack,Role,Manufacturer,Type,IP Address\nPRN1,Active,Facilities,S1,,Print Server,X,Y,10.0.0.8/24\n"
        "core-sw-1,Active,\u2014,S1,R1,Core Switch,X,Y,10.0.0.1/24\nspare,Active,,S1,,Laptop,X,Y,\n"
    )
    assert read(folder, table) == expected


def test_netbox_addresses_and_prefixes(folder: Path) -> None:
    addresses = (
        "IP Address,VRF,Status,Role,Tenant,Assigned,DNS Name,Description\n"
        "10.0.0.9/24,,Active,VIP,Web,True,www.corp.example,\n10.0.0.10/24,,Active,,,False,,\n"
    )
    assert read(folder, addresses) == Inventory([Asset("10.0.0.9", "www.corp.example", "", "Web"), Asset("10.0.0.10")])
    address = {
        "address": "10.0.0.9/24",
        "dns_name": "",
        "role": {"value": "vip"},
        "assigned_object": {"device": {"name": "LB1"}},
        "tenant": None,
    }
    assert read(folder, [address]) == Inventory([Asset("10.0.0.9", "lb1")])
    prefix = {
        "prefix": "10.2.0.0/16",
        "role": {"name": "Clients", "slug": "clients"},
        "tenant": {"name": "Desk"},
        "vlan": None,
    }
    assert read(folder, [prefix]) == Inventory([Asset("10.2.0.0/16", "", "workstation", "Desk")])


def test_words_mean_roles() -> None:
    words = (
        "DC",
        " Domain-Controller ",
        "file_server",
        "NAS",
        "SCCM",
        "jump-host",
        "Help.Desk",
        "vulnerability scanner",
        "notebook",
        "unknown",
    )
    assert [role_of(word) for word in words] == [
        "domain controller", "domain controller", "server", "server", "management server", "administration host", "administration host",
        "scanner", "workstation", "unknown",
    ]  # fmt: skip
    assert [role_of(word) for word in ("", "printer", "dcc")] == [None, None, None]


ROWS = [
    Asset("10.0.0.0/8", role="server", owner="network"),
    Asset("10.1.0.0/16", "clients", role="workstation"),
    Asset("10.1.0.5", "dc1.corp.example"),
    Asset("", "dc1.corp.example", "domain controller", "AD team"),
    Asset("", "jump1", "administration host"),
    Asset("", "twin.a.example", "scanner"),
    Asset("", "twin.b.example", "scanner"),
    Asset("2001:db8::/32", owner="six"),
]


@pytest.mark.parametrize(
    ("ip", "name", "expected"),
    [
        ("10.9.9.9", "", Asset("10.0.0.0/8", "", "server", "network")),
        ("10.1.9.9", "", Asset("10.1.0.0/16", "", "workstation", "network")),
        ("10.1.0.5", "", Asset("10.1.0.5", "dc1.corp.example", "domain controller", "AD team")),
        ("10.1.9.9", "JUMP1.corp.example.", Asset("", "jump1", "administration host", "network")),
        ("10.1.9.9", "DC1", Asset("", "dc1.corp.example", "domain controller", "AD team")),
        ("10.1.9.9", "dc1.other.example", Asset("10.1.0.0/16", "", "workstation", "network")),
        ("10.1.9.9", "twin", Asset("10.1.0.0/16", "", "workstation", "network")),
        ("::ffff:10.9.9.9", "", Asset("10.0.0.0/8", "", "server", "network")),
        ("2001:db8:1::1", "", Asset("2001:db8::/32", "", "", "six")),
        ("192.0.2.1", "", None),
        ("no address", "jump1", Asset("", "jump1", "administration host", "")),
    ],
)
def test_the_most_specific_row_holds_field_by_field(ip: str, name: str, expected: Asset | None) -> None:
    assert resolve(ROWS, [ip], {ip: name} if name else None) == ({ip: expected} if expected else {})


networks = st.builds(
    lambda start, length: ipaddress.ip_network((start << 24 >> (32 - length) << (32 - length) if length else 0, length)),
    st.integers(0, 255), st.integers(0, 32),
)  # fmt: skip
hosts = st.builds(
    lambda start, rest: str(ipaddress.ip_address((start << 24) + rest)), st.integers(0, 255), st.integers(0, 3)
)


@given(st.lists(st.tuples(networks, st.sampled_from(["", *ROLES[:3]])), max_size=20), st.lists(hosts, max_size=10))
def test_networks_as_looking_at_each_of_them_tells(
    said: list[tuple[ipaddress.IPv4Network, str]], ips: list[str]
) -> None:
    latest = dict(said)
    rows = [
        Asset(str(each.network_address if each.prefixlen == 32 else each), role=role) for each, role in latest.items()
    ]
    expected = {}
    for ip in ips:
        around = sorted((each for each in latest if ipaddress.ip_address(ip) in each), key=lambda each: -each.prefixlen)
        if around:
            first = around[0]
            place = str(first.network_address if first.prefixlen == 32 else first)
            expected[ip] = Asset(place, role=next((latest[each] for each in around if latest[each]), ""))
    assert resolve(rows, ips) == expected


def test_ten_thousand_hosts_and_a_thousand_networks() -> None:
    rows = [
        Asset(f"10.{number // 250}.{number % 250}.0/24", role="server", owner=f"{number}") for number in range(1000)
    ]
    ips = [f"10.{number // 2500 % 4}.{number // 10 % 250}.{number % 250}" for number in range(10_000)]
    found = resolve(rows, ips)
    assert {ip: each.owner for ip, each in found.items()} == {
        ip: str(int(ip.split(".")[1]) * 250 + int(ip.split(".")[2])) for ip in ips
    }

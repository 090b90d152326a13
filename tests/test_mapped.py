"""Readers that are files of a few lines: the user's own, what is wrong with one, and what those that come along make of records."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rpcsight.errors import SchemaError, SettingsError
from rpcsight.pipeline import Request, opened
from rpcsight.readers import all_readers, pick
from rpcsight.readers._inputs import Input, look
from rpcsight.readers._json_records import LONGEST_RECORD_BYTES, lines
from rpcsight.readers._mapped_files import check, shipped
from rpcsight.readers._paths import find
from rpcsight.settings import load
from tests.contracts import exported
from tests.contracts.exported import by_line, defend, defender, eve, gcp, listening, ocsf, optc, packetbeat
from tests.contracts.reading import read, skips
from tests.contracts.samples import BASE_US, FLOWS, SERVER, iso
from tests.system import ROOT

PAGE = (ROOT / "docs" / "own-format.md").read_text("utf-8")
RECORDS, EXAMPLE = (re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)[0] for kind in ("json", "toml"))


def own(tmp_path: Path, text: str = EXAMPLE, name: str = "proxy") -> Path:
    """A settings file with a folder of one reader."""
    folder = tmp_path / "formats"
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.toml").write_text(text)
    settings = tmp_path / "rpcsight.toml"
    settings.write_text('readers = "formats"\n')
    return settings


def put(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_bytes(by_line(records))
    return path


def rows(path: Path, sql: str, **options: Any) -> list[dict[str, Any]]:
    with opened(Request(paths=[str(path)], **options)) as session:
        return session._engine.rows(sql, {}).to_pylist()


# --- the user's own


def test_the_page_s_example(tmp_path: Path) -> None:
    path = tmp_path / "proxy.json"
    path.write_text(RECORDS)
    (strict, robust), account = read(path, settings=load(own(tmp_path)))
    assert [(row["mapper_time"], row["gap_s"], row["endpoint_dest_port"]) for row in strict] == [(BASE_US, 0.12, 49664)]
    assert [(row["src_ip"], row["dest_ip"], row["observer"]) for row in robust] == [("10.0.0.1", SERVER, "fw-1")]
    assert (account.records, account.skips, dict(account.readers)) == (3, [], {"proxy": 1})
    ends = rows(path, "select end_us - start_us as us from reading order by start_us", settings=load(own(tmp_path)))
    assert ends == [{"us": 500_000}, {"us": 900_000}]


def test_a_file_of_the_user_s_wins(tmp_path: Path) -> None:
    text = EXAMPLE.replace('"proxy"', '"suricata"')
    readers = all_readers(load(own(tmp_path, text)).readers)
    assert [reader.NAME for reader in readers].count("suricata") == 1
    assert readers[0].ABOUT == "our proxy's connections"


def test_csv_of_the_user_s(tmp_path: Path) -> None:
    text = EXAMPLE.replace("mark =", 'forms = ["csv"]\nmark =').replace("duration_ms}", "duration_s}")
    path = tmp_path / "proxy.csv"
    cells = [
        f"conn;{BASE_US // 1000};1.5;10.0.0.1;50001;{SERVER};135;tcp;;fw",
        f"conn;{BASE_US // 1000 + 50};x;{SERVER};49664;10.0.0.1;50002;6;in;",
    ]
    path.write_text(
        "\n".join(
            ["kind;at;took_ms;client.ip;client.port;server.ip;server.port;proto;how;node", *cells, "stats;;;;;;;;;", ""]
        )
    )
    sql = "select start_us, end_us, src_ip, src_port, dest_ip, dest_port, transport_protocol, observer from reading order by start_us"
    assert [tuple(row.values()) for row in rows(path, sql, settings=load(own(tmp_path, text)))] == [
        (BASE_US, BASE_US + 1_500_000, "10.0.0.1", 50001, SERVER, 135, "tcp", "fw"),
        (BASE_US + 50_000, BASE_US + 50_000, "10.0.0.1", 50002, SERVER, 49664, "tcp", "proxy"),
    ]


WRONG = [
    ('name = "proxy"', 'name = "Our Proxy"', "[name]", "String should match pattern"),
    ("mark =", "marks =", "[mark]", "Field required"),
    ("about =", 'colour = "red"\nabout =', "[colour]", "Extra inputs are not permitted"),
    ('table = "record"', 'table = "records"', "[gives.0.table]", "'records' is no table that a file can give"),
    ('table = "record"', "", "[gives.0.table]", "Field required"),
    ("src_port =", "source_port =", "[gives.0.source_port]", "record has no such column"),
    ('src_port = "{client.port}"', "", "[gives.0]", "record needs src_port"),
    ('src_port = "{client.port}"', "src_port = 5", "[gives.0.src_port]", "is no text"),
    ("{at:epoch_ms}", "{at:millis}", "[gives.0.start_time]", "{at:millis}: no form 'millis'"),
    ("{how} = 'in'", "{how} = ", "[gives.0.inbound]", "is no SQL expression"),
    ("{how} = 'in'", "how = 'in'", "[gives.0.inbound]", "how is no field"),
    ("{how} = 'in'", "exists (select 1)", "[gives.0.inbound]", "can't be used"),
    ("{how} = 'in'", "{how} in (select 'in')", "[gives.0.inbound]", "can't be used"),
    ("{how} = 'in'", "true; drop table reading", "[gives.0.inbound]", "is not one SQL expression"),
    ("{how} = 'in'", "true from read_csv('/etc/passwd')", "[gives.0.inbound]", "is not one SQL expression"),
    ("{how} = 'in'", "read_text('/etc/passwd')", "[gives.0.inbound]", "the function `READ_TEXT('/etc/passwd')` can't be used"),
    ("{how} = 'in'", "getenv('HOME') = 'x'", "[gives.0.inbound]", "the function `GETENV('HOME')` can't be used"),
    ("{how} = 'in'", "{how} = $window_us", "[gives.0.inbound]", "can't be used"),
    ("{how} = 'in'", "*", "[gives.0.inbound]", "can't be used"),
    ("{how} = 'in'", "true, false", "[gives.0.inbound]", "is not one SQL expression"),
    ("{how} = 'in'", "{how} = 'in' as x", "[gives.0.inbound]", "is not one SQL expression"),
    ("{how} = 'in'", "((((" * 400 + "1" + "))))" * 400, "[gives.0.inbound]", "is no SQL expression"),
    ('"{node}"', '"{member.node}"', "[gives.0.observer]", "{member.node}: there is no `each`"),
    ("[[gives]]", "[[gives", "", "can't be read as TOML"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "where", "what"), WRONG, ids=[f"{number}" for number in range(len(WRONG))])
def test_what_is_wrong_is_named(old: str, new: str, where: str, what: str, tmp_path: Path) -> None:
    settings = load(own(tmp_path, EXAMPLE.replace(old, new)))
    with pytest.raises(SettingsError) as raised:
        all_readers(settings.readers)
    assert raised.value.where == f"{tmp_path}/formats/proxy.toml{where and ' ' + where}"
    assert what in raised.value.what


def test_wrong_folders(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text('readers = "nowhere"')
    with pytest.raises(SettingsError, match="there is no such folder"):
        all_readers(load(tmp_path / "s.toml").readers)
    own(tmp_path)
    with pytest.raises(SettingsError, match="another file there has the name 'proxy', too"):
        all_readers(load(own(tmp_path, name="second")).readers)


@pytest.mark.parametrize("reader", shipped(), ids=lambda reader: reader.NAME)
def test_those_that_come_along_pass_the_same_checks(reader: Any) -> None:
    check(reader.mapped, reader.NAME)


# --- fields


@pytest.mark.parametrize(
    ("record", "path", "place"),
    [
        ({"a": {"b": {"c": 1}}}, "a.b.c", ("a", "b", "c")),
        ({"a.b.c": 1}, "a.b.c", ("a.b.c",)),
        ({"a.b": {"c": 1}}, "a.b.c", ("a.b", "c")),
        ({"a": {"b.c": None}}, "a.b.c", ("a", "b.c")),
        ({"a": [{"b": 1}]}, "a[1].b", ("a[1]", "b")),
        ({"a": [{"b": 1}]}, "a[2].b", None),
        ({"a": 5}, "a.b", None),
        ({}, "a", None),
    ],
)
def test_places(record: dict[str, Any], path: str, place: tuple[str, ...] | None) -> None:
    assert find(record, path) == place


def test_nested_and_dotted_in_one_file(tmp_path: Path) -> None:
    records = [
        packetbeat(flow) if number % 2 else dict(exported.flat(packetbeat(flow))) for number, flow in enumerate(FLOWS)
    ]
    one = put(tmp_path / "one.json", [packetbeat(flow) for flow in FLOWS])
    mixed = put(tmp_path / "mixed.json", records)
    wanted, found = (
        rows(path, "select * exclude (source, observer) from reading order by all") for path in (one, mixed)
    )
    assert found == wanted


@pytest.mark.parametrize(
    ("path", "text", "where"),
    [
        (
            "src_port",
            "suricata flow records without src_port (src_port)",
            "the first one has: timestamp, flow_id, event_type, src_ip, dest_ip",
        ),
        (
            "flow.start",
            "suricata flow records without start_time (flow.start)",
            "the first one has: timestamp, flow_id",
        ),
    ],
)
def test_a_missing_field_is_named(path: str, text: str, where: str, tmp_path: Path) -> None:
    records = [eve(flow) for flow in FLOWS]
    for record in records:
        holder, _, name = path.rpartition(".")
        del (record[holder] if holder else record)[name]
    with pytest.raises(SchemaError) as raised:
        read(put(tmp_path / "eve.json", records))
    assert raised.value.what == text
    assert raised.value.hint.startswith(where)


def test_optional_and_unknown_fields(tmp_path: Path) -> None:
    records = [
        {name: value for name, value in eve(flow).items() if name not in {"proto", "tcp"}} | {"new": {"a": [1]}}
        for flow in FLOWS
    ]
    sql = "select distinct transport_protocol, is_established, is_oriented from reading"
    assert rows(put(tmp_path / "eve.json", records), sql) == [
        {"transport_protocol": None, "is_established": True, "is_oriented": True}
    ]


def test_lines_that_are_broken_are_shown(tmp_path: Path) -> None:
    bad = eve(FLOWS[0]) | {"src_port": "x"}
    late = eve(FLOWS[0]) | {"flow": {"start": "yesterday"}}
    path = tmp_path / "eve.json"
    path.write_bytes(by_line([*map(eve, FLOWS), *exported.eve_others(), bad, late]) + b"broken\n")
    assert [(skip.what, [line.partition("; ")[0] for line in skip.examples]) for skip in read(path)[1].skips] == [
        (
            "no flow record: broken, or without any of the fields",
            [f"{path}:22: no JSON (Expecting value: line 1 column 1 (char 0))"],
        ),
        ("src_port missing or not a port", [f"{path}:20: src_port is 'x'"]),
        ("start_time missing or not a time", [f"{path}:21: start_time is 'yesterday'"]),
    ]


# --- JSON in its wrappings


def unpacked(content: bytes, tmp_path: Path) -> list[bytes] | None:
    path = tmp_path / "f.json"
    path.write_bytes(content)
    made = lines(look(Input(path, str(path))))
    return None if made is None else b"".join(made).splitlines()


ONE, TWO = b'{"a": {"b": "}\\" {["}}', b'{"c": [1, {"d": 2}]}'


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (ONE + b"\n" + TWO, None),
        (b"[" + ONE + b"," + TWO + b"]", [ONE, TWO]),
        (b"\xef\xbb\xbf[\n " + ONE + b"\n,\n" + TWO + b"\n]\n", [ONE, TWO]),
        (b'{"Records": [' + ONE + b", " + TWO + b'], "Count": 2}', [ONE, TWO]),
        (b'{"Count": 2,\r\n "records" : [\r\n' + ONE + b",\r\n" + TWO + b"]}", [ONE, TWO]),
        (b'{"Records": [' + ONE + b']}{"Records": [' + TWO + b"]}\n", [ONE, TWO]),
        (b'{"c":\n 5}\n{"d":\n 6}', [b'{"c":  5}', b'{"d":  6}']),
        (b"[" + ONE + b"," + TWO[:9], [ONE, TWO[:9]]),
        (b"[" + ONE + b", junk " + TWO + b"]", [ONE, b", junk", TWO]),
        (
            b"[" + ONE + b', {"x": ' + b"[" * 90_000 + b"1" + b"]" * 90_000 + b"}, " + TWO + b"]",
            [ONE, b'{"x": ' + b"[" * 194, TWO],
        ),
        (
            b"[" + ONE + b', {"x": "' + b"y" * LONGEST_RECORD_BYTES + b'"}, ' + TWO + b"]",
            [ONE, b'{"x": "' + b"y" * 193, TWO],
        ),
        (b"a,b\n1,2\n", None),
    ],
)
def test_records_become_lines(content: bytes, wanted: list[bytes] | None, tmp_path: Path) -> None:
    assert unpacked(content, tmp_path) == wanted


def test_an_endless_array(tmp_path: Path) -> None:
    """Blocks are cut anywhere; nothing is lost at their ends."""
    records = [json.dumps({"n": number, "x": "{}" * (number % 70)}).encode() for number in range(60_000)]
    assert unpacked(b"[" + b",\n".join(records) + b"]", tmp_path) == records


# --- what the formats say


def dcerpc(number: int, request: str, response: str, **more: Any) -> dict[str, Any]:
    kept = {name: value for name, value in eve(FLOWS[1]).items() if name not in {"flow", "tcp", "event_type"}}
    told = {"request": request, "response": response, "call_id": number, "rpc_version": "5.0", **more}
    return kept | {"event_type": "dcerpc", "timestamp": iso(BASE_US + number), "dcerpc": told}


SVCCTL, NDR64 = "367ABB81-9844-35F1-AD32-98F038001003", "12345778-1234-abcd-ef00-0123456789ac"
BOUND = {"uuid": SVCCTL, "version": "2.0", "ack_result": 0}
CALLED = {"req": {"opnum": 12, "frag_cnt": 1, "stub_data_size": 40}, "res": {"frag_cnt": 1, "stub_data_size": 28}}
CALLS = """
    select time_us - {} as us, interface, version, opnum, call_id, is_answered, request_bytes, response_bytes
    from rpc_call
    order by us
"""


def test_suricata_calls(tmp_path: Path) -> None:
    """Older versions name the interface in the bind, version 8 in the request; where binds differ, it is not known."""
    other = dcerpc(6, "REQUEST", "RESPONSE", **CALLED) | {"flow_id": "another"}
    twice = [
        dcerpc(number, "BIND", "BINDACK", interfaces=[BOUND | {"uuid": uuid}]) | {"flow_id": "C"}
        for number, uuid in ((7, SVCCTL), (8, NDR64))
    ]
    records = [
        *map(eve, FLOWS),
        dcerpc(1, "BIND", "BINDACK", interfaces=[BOUND | {"ack_result": 2}, BOUND, BOUND | {"ack_result": 3}]),
        dcerpc(2, "REQUEST", "RESPONSE", **CALLED),
        dcerpc(3, "REQUEST", "UNREPLIED", req={"opnum": 13}),
        dcerpc(4, "REQUEST", "FAULT", req={"opnum": 14}, interfaces=[{"uuid": NDR64, "version": "1.0"}]),
        dcerpc(5, "BIND", "UNREPLIED", interfaces=[{"uuid": NDR64, "version": "1.0"}]) | {"flow_id": "unanswered"},
        other,
        *twice,
        dcerpc(9, "REQUEST", "RESPONSE", **CALLED) | {"flow_id": "C"},
    ]
    path = put(tmp_path / "eve.json", records)
    low = SVCCTL.lower()
    assert [tuple(row.values()) for row in rows(path, CALLS.format(BASE_US))] == [
        (2, low, "2.0", 12, 2, True, 40, 28),
        (3, low, "2.0", 13, 3, False, None, None),
        (4, NDR64, "1.0", 14, 4, True, None, None),
        (6, None, None, 12, 6, True, 40, 28),
        (9, None, None, 12, 9, True, 40, 28),
    ]
    binds = (
        f"select time_us - {BASE_US} as us, interface, version, result, src_ip, dest_port from rpc_bind order by all"
    )
    ends = ("10.0.0.1", 49664)
    assert [tuple(row.values()) for row in rows(path, binds)] == [
        (1, low, "2.0", "accepted", *ends),
        (1, low, "2.0", "negotiated", *ends),
        (1, low, "2.0", "rejected", *ends),
        (5, NDR64, "1.0", None, *ends),
        (7, low, "2.0", "accepted", *ends),
        (8, NDR64, "2.0", "accepted", *ends),
    ]
    with opened(Request(paths=[str(path)]), asked=("rpc_call",)) as session:
        assert [row["interface"] for row in session.run("rpc-calls").to_pylist()] == [low, low, NDR64, None, None]


def test_suricata_calls_in_pipes(tmp_path: Path) -> None:
    """Which pipe is not said: named_pipe is the share of tree connects."""
    told = {
        "request": "REQUEST",
        "response": "RESPONSE",
        "opnum": 15,
        "interfaces": [{"uuid": SVCCTL, "version": "2.0"}],
        "call_id": 1,
    }
    record = dcerpc(1, "", "") | {"event_type": "smb", "smb": {"dcerpc": told}}
    path = put(tmp_path / "eve.json", [record])
    (row,) = rows(path, "select transport_protocol, pipe, interface, opnum from rpc_call")
    assert row == {"transport_protocol": "smb", "pipe": None, "interface": SVCCTL.lower(), "opnum": 15}


@pytest.mark.parametrize(
    ("tcp", "state", "is_established"),
    [
        ({"tcp_flags_ts": "1b", "tcp_flags_tc": "1b"}, "closed", True),
        ({"tcp_flags_ts": "1a", "tcp_flags_tc": "12"}, "established", True),
        ({"tcp_flags_ts": "02", "tcp_flags_tc": "14"}, "closed", False),
        ({"tcp_flags_ts": "c2", "tcp_flags_tc": "00"}, "new", False),
        ({}, "new", False),
        ({}, "bypassed", None),
    ],
)
def test_suricata_states(tcp: dict[str, str], state: str, is_established: bool | None, tmp_path: Path) -> None:
    record = eve(FLOWS[0]) | {"tcp": tcp}
    record["flow"] |= {"state": state}
    assert rows(put(tmp_path / "eve.json", [record]), "select is_established from reading") == [
        {"is_established": is_established}
    ]


def test_suricata_netflow_beside_flows_is_not_counted_twice(tmp_path: Path) -> None:
    netflow = [exported.eve_netflow(*half) for half in exported.samples.halves(FLOWS)]
    path = put(tmp_path / "eve.json", [*netflow[:9], *map(eve, FLOWS), *netflow[9:]])
    assert read(path)[1].candidates == 15


def test_ecs_leaves_windows_events_to_others(tmp_path: Path) -> None:
    path = put(tmp_path / "sysmon.json", [defend(FLOWS[0]) | {"winlog": {"event_id": 3}}])
    item = look(Input(path, str(path)))
    assert pick(item, all_readers()).NAME == "windows_json"
    (ecs,) = [reader for reader in all_readers() if reader.NAME == "ecs"]
    assert str(ecs.why_not(item)).startswith("records with winlog")


def test_ecs_ends_and_other_logs(tmp_path: Path) -> None:
    end = defend(FLOWS[1])
    end["event"] = {"action": "disconnect_received", "type": ["end"]}
    zeek = packetbeat(FLOWS[1]) | {"zeek": {"dce_rpc": {}}}
    zeek["event"] = zeek["event"] | {"dataset": "zeek.dce_rpc"}
    process = {"@timestamp": iso(BASE_US), "event": {"category": ["process"]}}
    path = put(tmp_path / "all.json", [process, *map(packetbeat, FLOWS), zeek, end])
    _, account = read(path)
    assert (account.candidates, skips(account)) == (15, [("all.json", "end of a connection, without its start", 1)])


def test_hosts_flows_and_processes(tmp_path: Path) -> None:
    start = optc(FLOWS[0]) | {"object": "PROCESS", "action": "CREATE", "pid": 77, "ppid": 4}
    start["properties"] = {"image_path": "c:\\x.exe", "command_line": "x /y", "parent_image_path": "c:\\p.exe"}
    ecar = put(tmp_path / "ecar.json", [optc(FLOWS[0]), start])
    sql = "select host, is_outbound, src_ip, dest_port, transport_protocol, pid, image_path, user_name from host_flow order by all"
    system = ("\\Device\\svchost.exe", "NT AUTHORITY\\SYSTEM")
    assert [tuple(row.values()) for row in rows(ecar, sql)] == [
        ("SysClient0201.systemia.com", False, "10.0.0.1", 135, "tcp", 1236, *system)
    ]
    made = "select time_us, pid, image_path, command_line, parent_pid, parent_guid, parent_image_path, user_name from process"
    assert [tuple(row.values()) for row in rows(ecar, made)] == [
        (BASE_US, 77, "c:\\x.exe", "x /y", 4, "a-1", "c:\\p.exe", "NT AUTHORITY\\SYSTEM")
    ]
    seen = [defender(FLOWS[0]), defender(FLOWS[2]), listening()]
    (tmp_path / "d.csv").write_bytes(exported.table(seen))
    account = ("c:\\windows\\system32\\svchost.exe", "nt authority\\network service")
    for path in (tmp_path / "d.csv", put(tmp_path / "d.json", seen)):
        assert [tuple(row.values()) for row in rows(path, sql)] == [
            ("ws1.lab", False, "10.0.0.2", 135, "tcp", 1236, *account),
            ("ws1.lab", True, "10.0.0.1", 135, "tcp", 1236, *account),
        ]


def test_defender_found_open(tmp_path: Path) -> None:
    path = put(tmp_path / "d.json", [*map(defender, FLOWS), defender(FLOWS[0]) | {"ActionType": "ConnectionFound"}])
    assert skips(read(path)[1]) == [("d.json", "connection found open: when it began is not known", 1)]


def test_ocsf_of_a_cloud_is_one_way_and_coarse(tmp_path: Path) -> None:
    halves = [
        ocsf(half) | {"metadata": {"product": {"name": "Amazon VPC"}}} for half, _ in exported.samples.halves(FLOWS)
    ]
    _, account = read(put(tmp_path / "vpc.json", halves))
    assert (account.records, account.candidates, account.skips) == (31, 15, [])
    assert account.warnings[0].startswith("Amazon VPC's flow logs are aggregated")
    assert account.warnings[0].endswith("co-occurrence only")


def test_ocsf_other_activities(tmp_path: Path) -> None:
    close = {name: value for name, value in (ocsf(FLOWS[1]) | {"activity_id": 2}).items() if name != "start_time"}
    listen = ocsf(FLOWS[0]) | {"activity_id": 7}
    dns = {"class_uid": 4003, "activity_id": 1, "src_endpoint": {"ip": "10.0.0.1"}, "time": 5}
    path = put(tmp_path / "ocsf.json", [dns, *map(ocsf, FLOWS), close, listen])
    _, account = read(path)
    assert (account.candidates, skips(account)) == (15, [("ocsf.json", "end of a connection, without its start", 1)])


def test_google_cloud_says_what_limits_it(tmp_path: Path) -> None:
    _, account = read(put(tmp_path / "gcp.json", [gcp(replace(flow)) for flow in FLOWS]))
    assert account.warnings == [
        "Google Cloud's VPC flow logs are sampled and aggregated: times are those of the first packet sampled in an interval of 5 "
        "seconds or more. Flows together in time are co-occurrence only"
    ]

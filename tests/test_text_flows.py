"""Text and cloud flow logs: the vendors' documented records, and what each says beside the flows that every form tells."""

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from rpcsight.analytics import step
from rpcsight.engines import Statements
from rpcsight.engines.duckdb import DuckDB
from rpcsight.errors import InputError, SchemaError
from rpcsight.intake.plan import plan
from rpcsight.pipeline import Request
from tests.contracts import text_samples as lines
from tests.contracts.reading import read, skips
from tests.contracts.samples import BASE_US, FLOWS

Row = tuple[Any, ...]
COLUMNS = "src_ip, src_port, dest_ip, dest_port, transport_protocol, is_established, problem"
CONTINUED = "continuation of a connection that started before"
LATER = "continuation of a connection (states C and E)"


def put(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def readings(path: Path, columns: str = f"start_us, end_us, {COLUMNS}", facts: Sequence[str] = ()) -> list[Row]:
    """Everything that is read of a file, on any port, in the order of the columns."""
    engine = DuckDB(str(path.parent))
    statements = Statements(step("reading"), step("half"), step("paired"), facts=facts)
    parameters: Mapping[str, int] = {**Request(paths=[]).parameters(), "dynamic_low": 0, "dynamic_high": 65535}
    made = plan([str(path)], {}, path.parent, None)
    assert made.unusable == []
    for planned in made.scans:
        assert engine.read(planned.scan, statements, parameters).unreadable == 0
    engine.pair(statements, parameters)
    table = facts[0] if facts else "reading"
    found = engine.rows(f"select {columns} from {table} order by all", {}).to_pylist()
    engine.close()
    return [tuple(row.values()) for row in found]


def us(seconds: float) -> int:
    return round(seconds * 1_000_000)


# --- AWS VPC: "Flow log record examples" of the Amazon VPC User Guide

AWS_DEFAULT = """\
2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK
2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK
2 123456789010 eni-1235b8ca123456789 - - - - - - - 1431280876 1431280934 - NODATA
2 123456789010 eni-11111111aaaaaaaaa - - - - - - - 1431280876 1431280934 - SKIPDATA
2 123456789010 eni-1235b8ca123456789 2001:db8:1234:a100:8d6e:3477:df66:f105 2001:db8:1234:a102:3304:8879:34cf:4071 34892 22 6 54 8855 \
1477913708 1477913820 ACCEPT OK
"""
AWS_FLAGS_HEADER = (
    "version vpc-id subnet-id instance-id interface-id account-id type srcaddr dstaddr srcport dstport pkt-srcaddr pkt-dstaddr "
    "protocol bytes packets start end action tcp-flags log-status\n"
)
AWS_WHO = "3 vpc-abcdefab012345678 subnet-aaaaaaaa012345678 i-01234567890123456 eni-1235b8ca123456789 123456789010 IPv4"
CLIENT, SERVER = "52.213.180.42", "10.0.0.62"


def aws_flags(*rest: tuple[bool, int, str]) -> str:
    """Records between the client and port 5001 of the server: whether the client sent, its port, bytes to log-status."""
    found = [AWS_FLAGS_HEADER]
    for is_client, number, text in rest:
        src, dest = (CLIENT, SERVER) if is_client else (SERVER, CLIENT)
        ports = f"{number} 5001" if is_client else f"5001 {number}"
        found.append(f"{AWS_WHO} {src} {dest} {ports} {src} {dest} 6 {text}\n")
    return "".join(found)


def test_aws_documented_records(tmp_path: Path) -> None:
    day, later = 1418530010, 1431280876
    v6 = ("2001:db8:1234:a100:8d6e:3477:df66:f105", 34892, "2001:db8:1234:a102:3304:8879:34cf:4071", 22)
    nothing = (None,) * 6
    assert readings(put(tmp_path / "a.log", AWS_DEFAULT)) == [
        (us(day), us(day + 60), "172.31.16.139", 20641, "172.31.16.21", 22, "tcp", None, None),
        (us(day), us(day + 60), "172.31.9.69", 49761, "172.31.9.12", 3389, "tcp", False, None),
        (us(later), us(later + 58), *nothing, "window without records: AWS skipped them (SKIPDATA)"),
        (us(later), us(later + 58), *nothing, "window without records: no traffic (NODATA)"),
        (us(1477913708), us(1477913820), *v6, "tcp", None, None),
    ]


def test_aws_documented_flags(tmp_path: Path) -> None:
    """Two connections; the second goes on, and is closed, in the next window."""
    first, second, last = 1566848875, 1566848933, 1566849113
    content = aws_flags(
        (False, 43418, f"632 12 {first} {second} ACCEPT 18 OK"),
        (True, 43416, f"568 8 {first} {second} ACCEPT 2 OK"),
        (False, 43416, f"376 7 {first} {second} ACCEPT 18 OK"),
        (True, 43418, f"100701 70 {first} {second} ACCEPT 2 OK"),
        (False, 43418, f"63388 1219 {second} {last} ACCEPT 1 OK"),
        (True, 43418, f"23294588 15774 {second} {last} ACCEPT 1 OK"),
    )
    assert readings(
        put(tmp_path / "a.log", content), "start_us, end_us, src_ip, src_port, is_established, is_oriented"
    ) == [
        (us(first), us(second), CLIENT, 43416, True, True),
        (us(first), us(last), CLIENT, 43418, True, True),
    ]


@pytest.mark.parametrize(
    ("records", "wanted"),
    [
        ([(True, "156 3 {} ACCEPT 2 OK")], (CLIENT, False, None)),
        ([(True, "52 1 {} ACCEPT 2 OK"), (False, "40 1 {} ACCEPT 4 OK")], (CLIENT, False, None)),
        ([(True, "156 3 {} REJECT 2 OK")], (CLIENT, False, None)),
        ([(True, "92 2 {} ACCEPT 6 OK"), (False, "44 1 {} ACCEPT 18 OK")], (CLIENT, False, None)),
        ([(True, "900 5 {} ACCEPT 2 OK")], (CLIENT, True, None)),
        ([(True, "208 5 {} ACCEPT 3 OK"), (False, "164 4 {} ACCEPT 19 OK")], (CLIENT, True, None)),
        ([(True, "900 5 {} ACCEPT 0 OK"), (False, "900 5 {} ACCEPT 0 OK")], (CLIENT, True, CONTINUED)),
    ],
    ids=["no answer", "refused", "rejected", "half open", "payload, one way", "closed within", "continued"],
)
def test_aws_states(records: list[tuple[bool, str]], wanted: Row, tmp_path: Path) -> None:
    content = aws_flags(*((is_client, 40000, text.format("100 160")) for is_client, text in records))
    assert readings(put(tmp_path / "a.log", content), "src_ip, is_established, problem") == [wanted]


def test_aws_ends_are_those_of_packets(tmp_path: Path) -> None:
    """Behind a NAT gateway; a `-` says that they are the same."""
    header = "srcaddr pkt-srcaddr dstaddr pkt-dstaddr srcport dstport protocol start log-status action\n"
    content = f"{header}10.0.0.220 10.0.1.5 203.0.113.5 - 40000 135 6 100 OK ACCEPT\n"
    assert readings(put(tmp_path / "a.log", content), "src_ip, dest_ip") == [("10.0.1.5", "203.0.113.5")]


def test_aws_needs_ports_and_start(tmp_path: Path) -> None:
    """The documented format for NAT gateways has neither."""
    header = "instance-id interface-id srcaddr dstaddr pkt-srcaddr pkt-dstaddr"
    content = f"{header}\n- eni-1235b8ca123456789 10.0.1.5 10.0.0.220 10.0.1.5 203.0.113.5\n"
    with pytest.raises(SchemaError) as raised:
        read(put(tmp_path / "a.log", content))
    assert (raised.value.what, raised.value.hint) == (
        "AWS VPC flow log without srcport, dstport, start",
        f"its fields: {header.replace(' ', ', ')}",
    )


def test_aws_custom_format_without_header_is_told(tmp_path: Path) -> None:
    content = "eni-1235b8ca123456789 10.0.1.5 10.0.0.220 40000 135 100\n" * 3
    with pytest.raises(
        InputError, match="aws_vpc: neither a header line with AWS's fields, nor records of their default"
    ):
        read(put(tmp_path / "a.log", content))


def test_aws_logs_of_many_parts_are_one_scan(tmp_path: Path) -> None:
    """Files of S3, each packed and with its header, and put together into one."""
    content = lines.aws(lines.VERSION_5)(FLOWS)
    for part in range(3):
        name = f"123456789010_vpcflowlogs_us-east-1_fl-1234abcd_20260302T10{part:02}Z_{part:08x}.log.gz"
        put(tmp_path / name, gzip.compress(content if part else content + content))
    made = plan([str(tmp_path)], {}, tmp_path, None)
    assert [len(planned.scan.paths) for planned in made.scans] == [3]
    _, account = read(tmp_path)
    records = len(list(lines.halves(FLOWS)))
    assert (account.files, account.records, account.skips) == (3, 4 * records, [])
    assert [clock.observer for clock in account.clocks] == [lines.INTERFACE]


def test_aws_account_says_what_windows_mean(tmp_path: Path) -> None:
    _, account = read(put(tmp_path / "a.log", lines.aws(lines.VERSION_2)(FLOWS)))
    assert [warning.partition(":")[0] for warning in account.warnings] == [
        "AWS VPC flow logs",
        "AWS VPC flow logs without tcp-flags",
        lines.INTERFACE,
    ]


# --- Azure: the records of "Flow logging for network security groups" and "Virtual network flow logs"


def blob(*records: Mapping[str, object]) -> str:
    return json.dumps({"records": records})


def test_nsg_documented_tuples(tmp_path: Path) -> None:
    one = lines.nsg_record(["1487282421,42.119.146.95,10.1.0.4,51529,5358,T,I,D"], 1)
    two = lines.nsg_record(
        [
            "1542110377,10.5.16.4,203.0.113.118,59831,443,T,O,A,B,,,,",
            "1493763938,185.170.185.105,10.2.0.4,35370,23,T,I,A,B,,,,",
            "1493695838,185.170.185.105,10.2.0.4,35370,23,T,I,A,C,1021,588096,8005,4610880",
            "1493696138,185.170.185.105,10.2.0.4,35370,23,T,I,A,E,52,29952,47,27072",
            "1542110490,176.119.4.30,10.5.16.4,57067,52801,U,I,D,B,,,,",
        ]
    )
    columns = f"observer, start_us, {COLUMNS}"
    talk = ("185.170.185.105", 35370, "10.2.0.4", 23, "tcp", None)
    assert readings(put(tmp_path / "PT1H.json", blob(one, two)), columns) == [
        (lines.MAC, us(1487282421), "42.119.146.95", 51529, "10.1.0.4", 5358, "tcp", False, None),
        (lines.MAC, us(1493695838), *talk, LATER),
        (lines.MAC, us(1493696138), *talk, LATER),
        (lines.MAC, us(1493763938), *talk, None),
        (lines.MAC, us(1542110377), "10.5.16.4", 59831, "203.0.113.118", 443, "tcp", None, None),
        (lines.MAC, us(1542110490), "176.119.4.30", 57067, "10.5.16.4", 52801, "udp", False, None),
    ]


def test_vnet_documented_tuples(tmp_path: Path) -> None:
    record = lines.vnet_record(
        [
            "1663146003599,10.0.0.6,192.0.2.180,23956,443,6,O,B,NX,0,0,0,0",
            "1663146003606,10.0.0.6,192.0.2.180,23956,443,6,O,E,NX,3,767,2,1580",
            "1663145998065,101.33.218.153,10.0.0.6,55188,22,6,I,D,NX,0,0,0,0",
        ]
    )
    out = ("10.0.0.6", 23956, "192.0.2.180", 443, "tcp", None)
    assert readings(put(tmp_path / "PT1H.json", blob(record)), f"observer, start_us, {COLUMNS}") == [
        (lines.MAC, us(1663145998.065), "101.33.218.153", 55188, "10.0.0.6", 22, "tcp", False, None),
        (lines.MAC, us(1663146003.599), *out, None),
        (lines.MAC, us(1663146003.606), *out, LATER),
    ]


def test_azure_blob_cut_in_the_middle(tmp_path: Path) -> None:
    """The records before are read, the cut one is told."""
    content = lines.azure("vnet")(FLOWS)
    _, account = read(put(tmp_path / "PT1H.json", content[:-60]))
    assert (account.records, skips(account)) == (15, [("PT1H.json", "lines that can't be read", 1)])


HOSTILE_TUPLES: list[object] = [
    "",
    "a\nb,c",
    "x" * 20_000,
    ",".join("1" * 8),
    ",".join("1" * 7),
    "\x00,\x1b[2J,,,,,,,",
    None,
    5,
    ["1"],
    "1772445600000,10.0.0.1,10.0.0.2,50000,70000,6,O,B,NX,0,0,0,0",
    "then,10.0.0.1,10.0.0.2,50000,135,6,O,B,NX,0,0,0,0",
]


@pytest.mark.parametrize("kind", ["nsg", "vnet"])
def test_azure_hostile_tuples(kind: str, tmp_path: Path) -> None:
    """Each is told, none becomes a record on an RPC port or costs another."""
    good = lines.nsg_tuple(FLOWS[0]) if kind == "nsg" else lines.vnet_tuple(FLOWS[0])
    make: Any = lines.nsg_record if kind == "nsg" else lines.vnet_record
    _, account = read(put(tmp_path / "PT1H.json", blob(make([*HOSTILE_TUPLES, good]))))
    assert (account.candidates, account.first_time is not None) == (1, True)
    assert sum(skip.count for skip in account.skips) >= len(HOSTILE_TUPLES) - 2
    assert all(example.isprintable() for skip in account.skips for example in skip.examples)


@pytest.mark.parametrize(
    "record",
    [
        {"category": "FlowLogFlowEvent", "flowRecords": {"flows": 5}},
        {"category": "FlowLogFlowEvent", "flowRecords": [], "macAddress": {}},
        {
            "category": "NetworkSecurityGroupFlowEvent",
            "properties": {"flows": [{"flows": [{"flowTuples": {}}]}, 1, None]},
        },
        {"category": "FlowLogFlowEvent", "records": [[], 1]},
    ],
)
def test_azure_records_of_another_shape(record: Mapping[str, object], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no flows: Azure flow log without records"):
        read(put(tmp_path / "PT1H.json", blob(record)))


def test_azure_endless_record(tmp_path: Path) -> None:
    content = lines.azure("vnet")(FLOWS)
    endless = content.removesuffix(b"]}") + b',{"flowTuples":["' + b"1," * 10_000_000
    _, account = read(put(tmp_path / "PT1H.json", endless))
    assert account.records == len(FLOWS)
    assert skips(account) == [("PT1H.json", "has a record of more than 16 MiB, which no flow log has", 1)]


# --- SiLK: what rwcut prints, in the examples of its documentation and of the SEI's containers

SILK = """\
     sIP|        dIP|sPort|dPort|pro|   packets|     bytes|   flags|                  sTime| duration|                  eTime|sen|
10.0.0.1|   10.0.0.2| 9998|33342|  6|         8|       447|   PA   |2023/10/30T18:49:20.567|    8.201|2023/10/30T18:49:28.768| S0|
10.0.0.3|   10.0.0.2|45476| 5666|  6|        11|      2511|FS PA   |2023/10/30T18:49:47.027|    0.296|2023/10/30T18:49:47.323| S1|
10.0.0.2|   10.0.0.3| 5666|45476|  6|         1|        44| S  A   |2023/10/30T18:49:47.028|    0.000|2023/10/30T18:49:47.028| S1|
10.0.0.4|  10.0.0.22|50222| 1900| 17|         1|       202|        |2023/10/30T18:50:44.133|    0.000|2023/10/30T18:50:44.133| S0|
"""


def test_silk_documented_records(tmp_path: Path) -> None:
    at = 1698691680  # 18:48:00
    assert readings(put(tmp_path / "a.txt", SILK), f"observer, start_us, end_us, {COLUMNS}") == [
        ("S0", us(at + 80.567), us(at + 88.768), "10.0.0.2", 33342, "10.0.0.1", 9998, "tcp", True, CONTINUED),
        ("S0", us(at + 164.133), us(at + 164.133), "10.0.0.4", 50222, "10.0.0.22", 1900, "udp", None, None),
        ("S1", us(at + 107.027), us(at + 107.323), "10.0.0.3", 45476, "10.0.0.2", 5666, "tcp", True, None),
    ]


def silk_line(**changed: str) -> str:
    cells = {
        "sIP": "10.0.0.1",
        "dIP": "10.0.0.2",
        "sPort": "40000",
        "dPort": "135",
        "pro": "6",
        "sTime": "100.500",
    } | changed
    return f"{'|'.join(cells)}\n{'|'.join(cells.values())}\n"


@pytest.mark.parametrize(
    ("changed", "column", "value"),
    [
        ({"flags": "27"}, "is_established", True),
        ({"flags": "2"}, "is_established", False),
        ({"initialF": " S      ", "sessionF": "F  PA   "}, "is_established", True),
        ({"initialF": " S      ", "sessionF": "        "}, "is_established", False),
        ({"sIP": "010.000.000.001"}, "src_ip", "10.0.0.1"),
        ({"sIP": "::ffff:10.0.0.1"}, "src_ip", "10.0.0.1"),
        ({"dur+msec": "1.250"}, "end_us", 101_750_000),
    ],
)
def test_silk_ways_to_print(changed: dict[str, str], column: str, value: object, tmp_path: Path) -> None:
    assert readings(put(tmp_path / "a.txt", silk_line(**changed)), column) == [(value,)]


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"sIP": "167772161"}, "sIP is '167772161', no address"),
        ({"sTime": "yesterday"}, "sTime is 'yesterday', in none of rwcut's time formats"),
        ({"dPort": ""}, None),
    ],
)
def test_silk_that_can_not_be_read(changed: dict[str, str], what: str | None, tmp_path: Path) -> None:
    path = put(tmp_path / "a.txt", silk_line(**changed))
    with pytest.raises(SchemaError if what else InputError) as raised:
        read(path)
    assert what is None or raised.value.what == what


def test_silk_without_needed_fields(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"rwcut's output without sPort, dPort, sTime"):
        read(put(tmp_path / "a.txt", "sIP|dIP|pro|\n10.0.0.1|10.0.0.2|6|\n"))


# --- Argus: lines of CTU-13, and the marks of ra(1)

CTU = """\
StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,Label
2011/08/10 09:46:59.607825,1.026539,tcp,94.44.127.113,1577,   ->,147.32.84.59,6881,S_RA,0,0,4,276,156,flow=Background-Established-cmpgw-CVUT
2011/08/10 09:46:53.058760,20.360268,tcp,147.32.3.93,443,  <?>,147.32.84.59,51790,FPA_FRPA,0,0,133,81929,67597,flow=Background
"""


def test_argus_documented_records(tmp_path: Path) -> None:
    at = 1312969613  # 09:46:53
    assert readings(put(tmp_path / "a.binetflow", CTU), f"start_us, end_us, is_oriented, {COLUMNS}") == [
        (
            us(at + 0.05876),
            us(at + 20.419028),
            False,
            "147.32.3.93",
            443,
            "147.32.84.59",
            51790,
            "tcp",
            True,
            CONTINUED,
        ),
        (us(at + 6.607825), us(at + 7.634364), True, "94.44.127.113", 1577, "147.32.84.59", 6881, "tcp", False, None),
    ]


ARGUS_HEADER = "StartTime,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State"


def argus_row(tmp_path: Path, columns: str, **changed: str) -> Row:
    cells = dict(
        zip(
            ARGUS_HEADER.split(","),
            ("1312969613.5", "tcp", "10.0.0.1", "40000", "->", "10.0.0.2", "135", "CON"),
            strict=True,
        )
    )
    (row,) = readings(put(tmp_path / "a.csv", f"{ARGUS_HEADER}\n{','.join((cells | changed).values())}\n"), columns)
    return row


@pytest.mark.parametrize(
    ("mark", "is_turned", "is_oriented"),
    [
        ("   ->", False, True),
        ("  <-", True, True),
        ("  <->", False, True),
        ("   ?>", False, False),
        ("  <?", False, False),
        ("  <?>", False, False),
        ("  <|", True, True),
        ("  o>", False, True),
        ("", False, True),
    ],
)
def test_argus_directions(mark: str, is_turned: bool, is_oriented: bool, tmp_path: Path) -> None:
    ends = ("10.0.0.1", 40000, "10.0.0.2", 135)
    wanted = (*ends[2:], *ends[:2]) if is_turned else ends
    columns = "src_ip, src_port, dest_ip, dest_port, is_oriented"
    assert argus_row(tmp_path, columns, Dir=mark) == (*wanted, is_oriented)


@pytest.mark.parametrize(
    ("state", "protocol", "wanted"),
    [
        ("FSPA_FSPA", "tcp", (True, None)),
        ("SPA_SPA", "tcp", (True, None)),
        ("S_", "tcp", (False, None)),
        ("S_RA", "tcp", (False, None)),
        ("SR_SA", "tcp", (False, None)),
        ("S_FSPA", "tcp", (True, None)),
        ("PA_PA", "tcp", (True, CONTINUED)),
        ("CON", "tcp", (True, None)),
        ("REQ", "tcp", (False, None)),
        ("RST", "tcp", (None, None)),
        ("CON", "udp", (None, None)),
    ],
)
def test_argus_states(state: str, protocol: str, wanted: Row, tmp_path: Path) -> None:
    assert argus_row(tmp_path, "is_established, problem", State=state, Proto=protocol) == wanted


@pytest.mark.parametrize(
    ("text", "protocol", "wanted"),
    [
        ("135", "tcp", 135),
        ("0x0087", "tcp", 135),
        ("0x87", "tcp", 135),
        ("epmap", "tcp", 135),
        ("0x0303", "icmp", None),
    ],
)
def test_argus_ports(text: str, protocol: str, wanted: int | None, tmp_path: Path) -> None:
    assert argus_row(tmp_path, "dest_port", Dport=text, Proto=protocol) == (wanted,)


def test_argus_lines_that_only_look_alike(tmp_path: Path) -> None:
    """Delimited text that shares names with Argus stays with the reader of any delimited text."""
    content = "StartTime,SrcAddr,SrcPort,DstAddr,DstPort\n2026-03-02T10:00:00Z,10.0.0.1,40000,10.0.0.2,135\n"
    _, account = read(put(tmp_path / "a.csv", content))
    assert (dict(account.readers), account.candidates) == ({"csv": 1}, 1)


def test_argus_times_without_a_date(tmp_path: Path) -> None:
    content = f"{ARGUS_HEADER}\n09:46:53.047277,tcp,10.0.0.1,40000,->,10.0.0.2,135,CON\n"
    with pytest.raises(SchemaError) as raised:
        read(put(tmp_path / "a.csv", content))
    assert (raised.value.what, raised.value.hint) == (
        "StartTime is '09:46:53.047277', without a date",
        "print it with ra -u",
    )


@pytest.mark.parametrize("is_epoch", [False, True])
def test_argus_account_says_what_local_times_mean(is_epoch: bool, tmp_path: Path) -> None:
    _, account = read(put(tmp_path / "a.csv", lines.argus(is_epoch=is_epoch)(FLOWS)))
    assert [warning.partition(":")[0] for warning in account.warnings] == ([] if is_epoch else ["Argus"])


# --- Windows' firewall: records of Microsoft's documentation, and of the log's actions before Windows Vista

PFIREWALL = """\
#Version: 1.5\r
#Software: Microsoft Windows Firewall\r
#Time Format: Local\r
#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path \r
\r
2017-12-22 07:38:54 ALLOW TCP 169.254.211.124 169.254.211.12 63863 4369 0 - 0 0 0 - - - SEND\r
2015-11-22 04:14:00 DROP TCP 10.31.42.53 10.0.0.1 52209 359 52 S 3190407656 0 8192 - - - RECEIVE\r
2015-11-22 04:14:00 DROP TCP 10.31.42.53 10.0.0.1 52209 360 52 FA 3190407656 1 8192 - - - RECEIVE\r
2019-11-06 12:35:19 DROP UDP fe80::3680:dff:fe01:9e88 ff02::fb 5353 5353 89 - - - - - - - \r
2003-05-05 10:00:00 OPEN TCP 10.0.0.1 10.0.0.2 1042 135 - - - - - - - - -\r
2003-05-05 10:00:01 OPEN-INBOUND TCP 10.0.0.3 10.0.0.1 1043 135 - - - - - - - - -\r
2003-05-05 10:00:02 CLOSE TCP 10.0.0.1 10.0.0.2 1042 135 - - - - - - - - -\r
2003-05-05 10:00:03 INFO-EVENTS-LOST - - - - - - - - - - - - 7 -\r
"""


def test_pfirewall_documented_records(tmp_path: Path) -> None:
    old, drop, allowed = 1052128800, 1448165640, 1513928334
    asked = ("10.0.0.1", 1042, "10.0.0.2", 135, "tcp", None)
    scan = ("10.31.42.53", 52209, "10.0.0.1")
    assert readings(put(tmp_path / "pfirewall.log", PFIREWALL), f"start_us, {COLUMNS}") == [
        (us(old), *asked, None),
        (us(old + 1), "10.0.0.3", 1043, "10.0.0.1", 135, "tcp", None, None),
        (us(old + 2), *asked, "end of a connection"),
        (us(old + 3), *(None,) * 4, None, None, "events lost by the firewall: 7"),
        (us(drop), *scan, 359, "tcp", False, None),
        (us(drop), *scan, 360, "tcp", False, "packet that opens no connection, dropped"),
        (us(allowed), "169.254.211.124", 63863, "169.254.211.12", 4369, "tcp", None, None),
        (us(1573043719), "fe80::3680:dff:fe01:9e88", 5353, "ff02::fb", 5353, "udp", False, None),
    ]


def test_pfirewall_processes(tmp_path: Path) -> None:
    """With its pid column the log says whose connection it is; dropped packets have no process."""
    path = put(tmp_path / "pfirewall.log", lines.pfirewall(pid="1234")(FLOWS[10:12]))
    columns = "time_us, host, is_outbound, src_ip, src_port, dest_ip, dest_port, transport_protocol, pid, image_path"
    at = BASE_US // 1_000_000 + 50
    assert readings(path, columns, ["host_flow"]) == [
        (us(at), "pfirewall", True, "10.0.0.6", 50040, "10.0.0.10", 135, "tcp", 1234, None)
    ]


def test_pfirewall_of_two_layouts(tmp_path: Path) -> None:
    """An update of Windows adds a column on the way."""
    content = lines.pfirewall()(FLOWS[:8]) + lines.pfirewall(pid="4")(FLOWS[8:])
    _, account = read(put(tmp_path / "pfirewall.log", content))
    assert (account.records, account.candidates, account.skips) == (16, 15, [])


def test_pfirewall_without_header(tmp_path: Path) -> None:
    content = b"".join(lines.pfirewall()(FLOWS).splitlines(keepends=True)[5:])
    _, account = read(put(tmp_path / "pfirewall.log", content))
    assert (account.records, account.candidates, dict(account.readers)) == (16, 15, {"pfirewall": 1})


@pytest.mark.parametrize(("zone", "warned"), [("Local", True), ("UTC", False)])
def test_pfirewall_account_says_what_local_times_mean(zone: str, warned: bool, tmp_path: Path) -> None:
    _, account = read(put(tmp_path / "pfirewall.log", lines.pfirewall(zone=zone)(FLOWS)))
    assert any("times are local to the host" in warning for warning in account.warnings) == warned


def test_pfirewall_without_needed_fields(tmp_path: Path) -> None:
    content = "#Fields: date time action protocol src-ip dst-ip\n2017-12-22 07:38:54 ALLOW TCP 10.0.0.1 10.0.0.2\n"
    with pytest.raises(SchemaError, match="Windows firewall log without src-port, dst-port"):
        read(put(tmp_path / "pfirewall.log", content))

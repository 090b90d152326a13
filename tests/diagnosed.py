"""Inputs for the diagnosis, one for each thing that it must tell: written by hand, or cut from our own recording."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.recording import CONTROLLERS, NFDUMP

BEGIN = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
CLIENTS = tuple(f"10.9.1.{number}" for number in range(11, 19))
SERVER = "10.9.0.5"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()


def calls() -> list[tuple[int, str, int, str, int]]:
    """Each client asks the mapper and calls the port it was told, then looks at a share: seconds, and both ends."""
    found: list[tuple[int, str, int, str, int]] = []
    for number, client in enumerate(CLIENTS):
        at_s, port = 40 * number, 50000 + 10 * number
        found.append((at_s, client, port, SERVER, 135))
        found.append((at_s, client, port + 1, SERVER, 49664))
        found.append((at_s + 5, client, port + 2, SERVER, 445))
    return found


def json_lines(records: Sequence[Mapping[str, object]]) -> bytes:
    return "".join(f"{json.dumps(record)}\n" for record in records).encode()


def local_seconds(at_s: float) -> str:
    """As NXLog writes times: by the clock on the wall, four hours behind UTC."""
    return (BEGIN + timedelta(seconds=at_s, hours=-4)).strftime("%Y-%m-%d %H:%M:%S")


def whole_seconds() -> bytes:
    """The server's Security log as NXLog sends it: event 5156 only, local whole seconds, no word on whether anybody answered."""
    records = [
        {
            "EventTime": local_seconds(at_s),
            "EventReceivedTime": local_seconds(at_s + 2),
            "@timestamp": f"{BEGIN + timedelta(seconds=at_s + 2, milliseconds=345):%Y-%m-%dT%H:%M:%S}.345Z",
            "Hostname": "SRV05.corp.lab",
            "EventID": 5156,
            "SourceName": "Microsoft-Windows-Security-Auditing",
            "Channel": "Security",
            "RecordNumber": 110_748 + number,
            "ExecutionProcessID": 4,
            "ProcessId": "884",
            "Application": r"\device\harddiskvolume2\windows\system32\svchost.exe",
            "Direction": "%%14592",
            "SourceAddress": SERVER,
            "SourcePort": str(dest_port),
            "DestAddress": src,
            "DestPort": str(src_port),
            "Protocol": "6",
            "LayerName": "%%14610",
        }
        for number, (at_s, src, src_port, _, dest_port) in enumerate(calls())
    ]
    return json_lines(records)


def aws() -> bytes:
    """VPC flow logs in AWS's default format: a record for each direction, with the beginning of a minute's sum, without TCP flags."""
    lines: list[str] = []
    for at_s, src, src_port, dest, dest_port in calls():
        start = int(BEGIN.timestamp()) + at_s
        for ends in ((src, dest, src_port, dest_port), (dest, src, dest_port, src_port)):
            shown = " ".join(map(str, ends))
            lines.append(f"2 123456789010 eni-0a1b2c3d4e5f60718 {shown} 6 8 900 {start} {start + 55} ACCEPT OK\n")
    return "".join(lines).encode()


def one_way() -> bytes:
    """Our recording as a router exports it that looks at what comes from clients only."""
    records = json.loads(gzip.decompress(NFDUMP.read_bytes()))
    kept = [each for each in records if each.get("src4_addr") not in CONTROLLERS]
    return json.dumps(kept, indent=1).encode()


def minutes() -> bytes:
    """A collector's sums, by minute."""
    header = ("start_time", "src_ip", "src_port", "dest_ip", "dest_port", "transport_protocol", "is_established")
    rows = [
        ((BEGIN + timedelta(minutes=at_s // 60)).isoformat(), src, src_port, dest, dest_port, "tcp", "true")
        for at_s, src, src_port, dest, dest_port in calls() * 2
    ]
    return table(header, rows)


def no_mapper() -> bytes:
    """Sysmon's log of three clients as winlogbeat sends it; its configuration knows neither port 135 nor Windows' services."""
    records: list[dict[str, object]] = []
    for number, (at_s, src, src_port, dest, dest_port) in enumerate(calls()):
        if dest_port == 135 or src not in CLIENTS[:3]:
            continue
        time = BEGIN + timedelta(seconds=at_s, milliseconds=7 * number)
        fields = {
            "UtcTime": time.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
            "ProcessGuid": f"{{b8a0d2c1-0001-0002-0003-{number:012}}}",
            "ProcessId": "4711",
            "Image": r"C:\Tools\client.exe",
            "User": r"CORP\alice",
            "Protocol": "tcp",
            "Initiated": "true",
            "SourceIp": src,
            "SourcePort": str(src_port),
            "DestinationIp": dest,
            "DestinationPort": str(dest_port),
        }
        winlog = {
            "channel": "Microsoft-Windows-Sysmon/Operational",
            "provider_name": "Microsoft-Windows-Sysmon",
            "computer_name": f"pc{src.rpartition('.')[2]}.corp.lab",
            "event_id": 3,
            "record_id": number,
            "event_data": fields,
        }
        records.append({"@timestamp": f"{time:%Y-%m-%dT%H:%M:%S}.500Z", "winlog": winlog})
    return json_lines(records)


INPUTS: Mapping[str, tuple[str, Callable[[], bytes]]] = {
    "security-1s": ("security.json", whole_seconds),
    "sysmon-without-135": ("sysmon.json", no_mapper),
    "aws": ("vpc.log", aws),
    "netflow-one-way": ("router.json", one_way),
    "minutes": ("collector.csv", minutes),
}
"""Name of the case: the file, and what is in it."""


def written(folder: Path, case: str) -> Path:
    name, make = INPUTS[case]
    path = folder / name
    path.write_bytes(make())
    return path

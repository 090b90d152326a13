"""Inputs for the diagnosis, one for each thing that it must tell: written by hand, or cut from our own recording."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rpcsight.engines import Scan
from rpcsight.readers import Input
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


def whole_seconds() -> bytes:
    """Security event 5156 as a collector flattens it: local whole seconds, no word on whether anybody answered."""
    header = ("time", "hostname", "source_ip", "source_port", "destination_ip", "destination_port", "protocol")
    rows = [
        ((BEGIN + timedelta(seconds=at_s)).strftime("%Y-%m-%d %H:%M:%S"), "SRV05", src, src_port, dest, dest_port, 6)
        for at_s, src, src_port, dest, dest_port in calls()
    ]
    return table(header, rows)


def aws() -> bytes:
    """VPC flow logs as a query of Athena exports them: a record for each direction, with the beginning of a minute's sum."""
    header = (
        "interface_id",
        "srcaddr",
        "dstaddr",
        "srcport",
        "dstport",
        "protocol",
        "packets",
        "bytes",
        "start",
        "end",
    )
    rows: list[Sequence[object]] = []
    for at_s, src, src_port, dest, dest_port in calls():
        start = int(BEGIN.timestamp()) + at_s
        rows.append(("eni-0a1b", src, dest, src_port, dest_port, 6, 8, 900, start, start + 55))
        rows.append(("eni-0a1b", dest, src, dest_port, src_port, 6, 7, 800, start, start + 55))
    return table(header, rows)


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
    """A log of hosts (`HostLog`) whose configuration knows neither port 135 nor Windows' services."""
    header = ("hostlog", "start_time", "src_ip", "src_port", "dest_ip", "dest_port", "image_path", "process_guid")
    rows: list[Sequence[object]] = []
    for number, (at_s, src, src_port, dest, dest_port) in enumerate(calls()):
        if dest_port == 135:
            continue
        time = (BEGIN + timedelta(seconds=at_s, milliseconds=7 * number)).isoformat()
        rows.append(
            (f"PC{number % 3}", time, src, src_port, dest, dest_port, r"C:\Tools\client.exe", f"{{{number:036}}}")
        )
    return table(header, rows)


class HostLog:
    """A reader of a log of hosts, until one of Windows' own events is enough: it gives flows and what the hosts say of them."""

    NAME = "hostlog"
    ABOUT = "a log of hosts"
    IS_GENERIC = False

    def why_not(self, item: Input) -> str | None:
        return None if item.head.startswith(b"hostlog,") else "does not begin with hostlog"

    def scan(self, item: Input, mapping: Mapping[str, str]) -> Scan:
        del mapping
        columns = dict.fromkeys(item.lines()[0].split(","), "VARCHAR")
        ends = {name: name for name in ("src_ip", "dest_ip")} | {
            name: f"cast({name} as integer)" for name in ("src_port", "dest_port")
        }
        time = "epoch_us(cast(start_time as timestamptz))"
        own = {
            "reader": self.NAME,
            "form": "csv",
            "paths": (str(item.path),),
            "observer": item.observer,
            "columns": columns,
            "skip_lines": 1,
        }
        said = {**ends, "time_us": time, "host": "hostlog", "image_path": "image_path", "process_guid": "process_guid"}
        facts = Scan(**own, gives="host_flow", fields=said)  # pyright: ignore
        flows = {
            **ends,
            "start_us": time,
            "observer": "hostlog",
            "transport_protocol": "'tcp'",
            "is_established": "true",
        }
        return Scan(**own, fields=flows, others=(facts,))  # pyright: ignore


INPUTS: Mapping[str, tuple[str, Callable[[], bytes]]] = {
    "security-1s": ("security.csv", whole_seconds),
    "sysmon-without-135": ("sysmon.csv", no_mapper),
    "aws": ("vpc.csv", aws),
    "netflow-one-way": ("router.json", one_way),
    "minutes": ("collector.csv", minutes),
}
"""Name of the case: the file, and what is in it."""


def written(folder: Path, case: str) -> Path:
    name, make = INPUTS[case]
    path = folder / name
    path.write_bytes(make())
    return path

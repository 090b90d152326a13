"""Where in a text file the lines are that could not be used: a second look, only at files that had some.

DuckDB's JSON reader gives no line numbers, and what comes through a pipe has lost them.
"""

import csv
import ipaddress
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from rpcsight.engines import EXAMPLES_KEPT, TEXT_FORMS, Scan, Unreadable
from rpcsight.engines.pump import whole_lines
from rpcsight.errors import InputError
from rpcsight.readers._paths import values_at

__all__ = ["NO_RECORD", "UNREADABLE", "locate"]

THOROUGH_BYTES = 1 << 26
MOST_BYTES = 1 << 30
SHOWN_CHARACTERS = 80
HIGHEST_PORT = 65535
LATEST_S = 4_102_444_800

LEAST_ADDRESS, LONGEST_ADDRESS = 2, 45
LONGEST_YEAR = 6
MOST_US = 2**63
CELL_FIELDS = ("start_us", "src_ip", "src_port", "dest_ip", "dest_port")
CELLS = ("start_time", *CELL_FIELDS[1:])
PORTED = ("", "tcp", "udp", "6", "17")
QUOTED = re.compile(r'"((?:[^"]|"")+)"')
"""An identifier in SQL."""
SCALED = re.compile(r"\* (\d+(?:\.\d+)?)\)")
"""Microseconds that a number counts, in the SQL of a time."""
DAY = re.compile(r"\d{1,6}([-/ ])\d{1,2}\1\d{1,2}(?!\d)")

# As steps/reading.sql words them.
NO_RECORD = "no flow record: broken, or without any of the fields"
UNREADABLE = "lines that can't be read"
NO_PORT = "{} missing or not a port"
NO_TIME = "start_time missing or not a time"
FAR_TIME = "start_time before 1970 or after 2099"
NO_ADDRESS = "{} missing or not an address"

KEYS: Mapping[str, tuple[str, ...]] = {
    "start_time": ("ts", "first"),
    "src_ip": ("id.orig_h", "id_orig_h", "src4_addr", "src6_addr"),
    "src_port": ("id.orig_p", "id_orig_p", "src_port"),
    "dest_ip": ("id.resp_h", "id_resp_h", "dst4_addr", "dst6_addr"),
    "dest_port": ("id.resp_p", "id_resp_p", "dst_port"),
    "log": ("_path", "@stream"),
    "protocol": ("proto",),
}

Complaint = tuple[str, str] | None
"""The problem, as the account words it, and what is wrong in particular."""


def locate(
    scan: Scan, path: str, parameters: Mapping[str, int], wanted: Mapping[str, int]
) -> dict[str, list[Unreadable]]:
    """The first few lines of a file for each problem that the account counts.

    Looks closely at the first 64 MiB, then at how lines begin and end up to 1 GiB.

    Args:
        scan: the scan that read the file.
        path: the file, one of the scan's.
        parameters: the rule's, which say what ports are of interest.
        wanted: problem, as in `Skip.what`, to how often it was counted.

    Returns:
        Problem, as in `Skip.what`, to lines; nothing for forms that have none.
    """
    found: dict[str, list[Unreadable]] = {}
    if scan.form not in TEXT_FORMS:
        return found
    complain = _json_judge(scan, parameters) if scan.form == "json" else _csv_judge(scan, parameters)
    for number, line, is_thorough in _numbered(scan, path):
        if scan.form == "json" and not is_thorough and line.startswith(b"{") and line.endswith(b"}"):
            continue
        complaint = complain(line)
        if complaint is None or complaint[0] not in wanted:
            continue
        problem, what = complaint
        lines = found.setdefault(problem, [])
        if len(lines) < EXAMPLES_KEPT:
            begin = line[: 4 * SHOWN_CHARACTERS].decode("utf-8", errors="replace")[:SHOWN_CHARACTERS]
            shown = begin.encode("unicode_escape").decode("ascii")
            lines.append(Unreadable(scan.source or path, number, f"{what}; the line begins '{shown}'"))
        if all(len(found.get(each, ())) >= min(count, EXAMPLES_KEPT) for each, count in wanted.items()):
            break
    return found


def _numbered(scan: Scan, path: str) -> Iterator[tuple[int, bytes, bool]]:
    number = 0
    seen = 0
    try:
        for block in whole_lines(path, scan.compression, scan.source):
            for line in block.splitlines():
                number += 1
                if number > scan.skip_lines and line.strip():
                    yield number, line.strip(), seen < THOROUGH_BYTES
            seen += len(block)
            if seen > MOST_BYTES or (seen > THOROUGH_BYTES and scan.form == "csv"):
                return
    except (InputError, OSError):  # the break is told elsewhere
        return


def _json_judge(scan: Scan, parameters: Mapping[str, int]) -> Callable[[bytes], Complaint]:
    def judge(line: bytes) -> Complaint:
        try:
            record = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError:
            return NO_RECORD, "not UTF-8"
        except RecursionError:
            return NO_RECORD, "JSON nested too deeply"
        except ValueError as cause:
            return NO_RECORD, f"no JSON ({cause})"
        if not isinstance(record, dict):
            return NO_RECORD, "no JSON object"
        return _complaint(record, scan, parameters)

    return judge


def _complaint(record: dict[str, Any], scan: Scan, parameters: Mapping[str, int]) -> Complaint:
    if scan.keys:
        return _mapped_complaint(record, scan, parameters)
    value = {
        name: next((record[key] for key in keys if record.get(key) is not None), None) for name, keys in KEYS.items()
    }
    if value["log"] not in {None, "conn"}:
        return None
    if all(value[name] is None for name in ("start_time", "src_ip", "src_port", "dest_ip", "dest_port")):
        return NO_RECORD, "none of a flow's fields"
    port = _port(value["dest_port"])
    if port is None:
        is_portless = str(value["protocol"]).lower() not in {"none", "tcp", "udp", "6", "17"}
        return None if is_portless else (NO_PORT.format("dest_port"), _told("dest_port", value["dest_port"]))
    if not _is_wanted(port, parameters):
        return None
    if _port(value["src_port"]) is None:
        return NO_PORT.format("src_port"), _told("src_port", value["src_port"])
    if problem := _time_problem(value["start_time"]):
        return problem, _told("start_time", value["start_time"])
    for name in ("src_ip", "dest_ip"):
        if not _is_address(value[name]):
            return NO_ADDRESS.format(name), _told(name, value[name])
    return None


def _mapped_complaint(record: dict[str, Any], scan: Scan, parameters: Mapping[str, int]) -> Complaint:
    """What is wrong with a record whose fields are where the scan says."""
    for place, texts in scan.kinds:
        kind = values_at(record, place)
        if kind is not None and str(kind).lower() not in map(str.lower, texts):
            return None
    found = {name: [values_at(record, place) for place in places] for name, places in scan.keys.items()}
    value = {name: [str(each) for each in each_value if each is not None] or [""] for name, each_value in found.items()}
    if not any(value[name][0] for name in CELLS):
        return NO_RECORD, "none of a flow's fields"
    is_portless = not value["dest_port"][0] and value["transport_protocol"][0].lower() not in PORTED
    if is_portless:
        return None
    return _cells_complaint({"start_us": value["start_time"], **value}, scan.fields["start_us"], parameters)


def _told(name: str, value: object) -> str:
    return f"{name} missing" if value is None else f"{name} is {str(value)[:SHOWN_CHARACTERS]!r}"


def _is_wanted(port: int, parameters: Mapping[str, int]) -> bool:
    """Whether `steps/reading.sql` keeps records to that port."""
    is_dynamic = parameters["dynamic_low"] <= port <= parameters["dynamic_high"]
    return is_dynamic or port in (parameters["mapper_port"], parameters["smb_port"])


def _port(value: object) -> int | None:
    try:
        port = int(float(str(value)))
    except (ValueError, OverflowError):
        return None
    return port if 0 <= port <= HIGHEST_PORT else None


def _time_problem(value: object) -> str | None:
    try:
        seconds = float(str(value))
    except ValueError:
        try:
            time = datetime.fromisoformat(str(value))
        except ValueError:
            return NO_TIME
        seconds = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    return None if 0 <= seconds < LATEST_S else FAR_TIME


def _is_address(value: object) -> bool:
    try:
        ipaddress.ip_address(str(value).partition("%")[0])
    except ValueError:
        return False
    return True


def _csv_judge(scan: Scan, parameters: Mapping[str, int]) -> Callable[[bytes], Complaint]:
    names = list(scan.columns)
    used = {
        field: [name.replace('""', '"') for name in QUOTED.findall(scan.fields.get(field, ""))] for field in CELL_FIELDS
    }

    def judge(line: bytes) -> Complaint:
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            return UNREADABLE, "not UTF-8"
        if scan.header_mark and text.startswith(scan.header_mark):
            return None
        quotes = {"quotechar": scan.quote} if scan.quote else {"quoting": csv.QUOTE_NONE}
        cells = next(csv.reader([text], delimiter=scan.delimiter, **quotes), [])  # type: ignore[arg-type]
        if len(cells) != len(names):
            return UNREADABLE, f"{len(cells)} columns instead of {len(names)}"
        for name, cell in zip(names, cells, strict=True):
            kind = scan.columns[name]
            if cell in scan.null_texts or kind == "VARCHAR":
                continue
            if kind == "USMALLINT" and _port(cell) is None:
                return UNREADABLE, f"{name} is {cell[:SHOWN_CHARACTERS]!r}, no port"
            if kind == "DOUBLE" and not _is_number(cell):
                return UNREADABLE, f"{name} is {cell[:SHOWN_CHARACTERS]!r}, no number"
        cell_of = {
            name: "" if cell in scan.null_texts else cell.strip() for name, cell in zip(names, cells, strict=True)
        }
        return _cells_complaint(
            {field: [cell_of.get(name, "") for name in columns] or [""] for field, columns in used.items()},
            scan.fields["start_us"],
            parameters,
        )

    return judge


def _cells_complaint(value: Mapping[str, list[str]], time_sql: str, parameters: Mapping[str, int]) -> Complaint:
    """What is wrong with a record on an RPC port.

    Args:
        value: the cells that each field is made of (two, where some records are turned round).
        time_sql: how the time is made of its cell.
        parameters: the rule's.
    """
    ports = [port for cell in value["dest_port"] if (port := _port(cell)) is not None]
    if not ports:
        return NO_PORT.format("dest_port"), _told("dest_port", value["dest_port"][0] or None)
    if not any(_is_wanted(port, parameters) for port in ports):
        return None
    if all(_port(cell) is None for cell in value["src_port"]):
        return NO_PORT.format("src_port"), _told("src_port", value["src_port"][0] or None)
    time = value["start_us"][0]
    if problem := _cell_time_problem(time, time_sql):
        return problem, _told("start_time", time or None)
    for name in ("src_ip", "dest_ip"):
        if not any(LEAST_ADDRESS <= len(cell) <= LONGEST_ADDRESS for cell in value[name]):
            return NO_ADDRESS.format(name), _told(name, value[name][0] or None)
    return None


def _cell_time_problem(text: str, sql: str) -> str | None:
    """As far as it is certain: what engines read beyond ISO-8601 counts as a time."""
    if scale := SCALED.search(sql):
        number = float(text) * float(scale[1]) if _is_number(text) else math.nan
        if not abs(number) < MOST_US:
            return NO_TIME
        return None if 0 <= number < LATEST_S * 1_000_000 else FAR_TIME
    if _is_number(text):
        return NO_TIME if len(text) > LONGEST_YEAR else None
    problem = _time_problem(text)
    return None if problem == NO_TIME and DAY.match(text) else problem


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

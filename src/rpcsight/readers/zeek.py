"""Zeek conn.log: tab-separated with its header, or JSON lines, as Zeek, Corelight or a shipper write it.

Source: Zeek's documentation of base/protocols/conn (conn_state, history) and of its ASCII and JSON log writers. `ts` is the first
packet; a record is written when its connection ends, so records come in no order of `ts`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from rpcsight.engines import Scan
from rpcsight.engines.text import identifier, literal
from rpcsight.errors import InputError, SchemaError
from rpcsight.readers import NoFlows
from rpcsight.readers._inputs import HEAD_BYTES, Input, blocks
from rpcsight.readers._names import end_after
from rpcsight.readers._zeek_sections import sections

__all__ = ["ABOUT", "IS_GENERIC", "NAME", "scan", "sections", "why_not"]

NAME = "zeek"
ABOUT = "Zeek conn.log: TSV in any order and subset of columns, or JSON lines (dotted or underscored names)"
IS_GENERIC = False

KINDS = {
    "ts": "DOUBLE",
    "uid": "VARCHAR",
    "id.orig_h": "VARCHAR",
    "id.orig_p": "USMALLINT",
    "id.resp_h": "VARCHAR",
    "id.resp_p": "USMALLINT",
    "proto": "VARCHAR",
    "duration": "DOUBLE",
    "conn_state": "VARCHAR",
    "history": "VARCHAR",
}
REQUIRED = ("ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p")
STREAMS = ("_path", "@stream")
SYSTEMS = ("_system_name", "@system")
CONN_ONLY = ("conn_state", "history", "orig_bytes", "orig_pkts", "orig_ip_bytes", "missed_bytes")
ESTABLISHED = ("S1", "SF", "S2", "S3", "RSTO", "RSTR")
FAILED = ("S0", "REJ", "SH", "RSTOS0", "RSTRH")
HEADLESS = re.compile(r"\d{9,10}\.\d{6}\t[A-Z][0-9A-Za-z]{10,25}\t[0-9A-Fa-f.:]{2,45}\t\d{1,5}\t")
"""How a record of most of Zeek's logs begins: ts, uid, id.orig_h, id.orig_p."""
CONN_STREAM = re.compile(rb'"(?:_path|@stream)"\s{0,8}:\s{0,8}"conn"')
LONGEST_MARK_BYTES = 32


def why_not(item: Input) -> str | None:
    """None for a Zeek log of any kind (those that hold no flows are told apart by `scan`)."""
    lines = item.lines()
    if _is_tsv(lines):
        return None
    if not lines or not lines[0].lstrip().startswith("{"):
        return "no #fields header, and the first line is no JSON object"
    if any(_is_zeek(record) for record in _records(lines)):
        return None
    return "JSON without Zeek's names (ts, uid, id.orig_h or id_orig_h, _path or @stream)"


def scan(item: Input, mapping: Mapping[str, str]) -> Scan:
    """A csv or json scan of the log.

    Args:
        item: the log.
        mapping: not used; Zeek's names are known.

    Raises:
        NoFlows: it is another of Zeek's logs.
        SchemaError: conn.log lacks a field that the analytics need.
        InputError: the header is broken.
    """
    del mapping
    return _scan_tsv(item) if _is_tsv(item.lines()) else _scan_json(item)


def _is_tsv(lines: Sequence[str]) -> bool:
    """Whether there is a header, or what looks as if it had been cut off."""
    has_header = any(line.startswith(("#fields", "#separator")) for line in lines[:20])
    return has_header or HEADLESS.match("".join(lines[:1])) is not None


def _scan_tsv(item: Input) -> Scan:
    header: dict[str, str] = {}
    names_line = ""
    sample: list[str] = []
    for line in item.lines():
        if line.startswith("#"):
            key, _, value = line[1:].partition(header.get("delimiter", " " if line.startswith("#separator") else "\t"))
            if key == "separator":
                header["delimiter"] = _separator(item, value)
            elif key == "fields" and not names_line:
                names_line = line
            header.setdefault(key, value)
        elif line and not sample:
            sample = line.split(header.get("delimiter", "\t"))
    delimiter = header.get("delimiter", "\t")
    fields = header.get("fields", "").split(delimiter) if names_line else []
    path = header.get("path", "conn")
    if path != "conn" and not path.startswith("conn"):
        raise NoFlows(f"Zeek {path} log")
    if not fields:
        raise SchemaError(item.source, "a Zeek log without its #fields header", "copy the log with its header lines")
    columns = {_plain(name): name for name in fields}
    _need(item, columns, fields)
    if not sample and len(item.head) < HEAD_BYTES:
        raise NoFlows("Zeek conn log without records")
    kinds = {name: KINDS.get(_plain(name), "VARCHAR") for name in fields}
    sampled = dict(zip(fields, sample, strict=False))
    if not _is_number(sampled.get(columns["ts"], "0")):
        kinds[columns["ts"]] = "VARCHAR"
    return Scan(
        reader=NAME,
        form="csv",
        paths=(str(item.path),),
        observer=item.observer,
        columns=kinds,
        fields=_values(columns, kinds, ()),
        source=item.source if item.is_spooled else "",
        compression=item.compression,
        delimiter=delimiter,
        null_texts=(header.get("unset_field", "-"),),
        header_mark="#",
        header=names_line,
    )


def _separator(item: Input, value: str) -> str:
    text = re.sub(r"\\x([0-9a-fA-F]{2})", lambda match: chr(int(match[1], 16)), value)
    if len(text) != 1:
        raise InputError(item.source, f"#separator {value!r} is not one character")
    return text


def _need(item: Input, columns: Mapping[str, str], seen: Sequence[str]) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise SchemaError(item.source, f"conn.log without {', '.join(missing)}", f"its fields: {', '.join(seen)}")


def _scan_json(item: Input) -> Scan:
    records = _records(item.lines())
    keys = {key for record in records for key in record}
    streams = [name for name in STREAMS if name in keys]
    if not streams and not keys.intersection(CONN_ONLY):
        raise NoFlows("Zeek JSON log of another kind (no conn_state, history, orig_bytes …)")
    if streams and not any(record.get(streams[0]) == "conn" for record in records) and not _holds_conn(item):
        seen = sorted({str(record.get(streams[0])) for record in records})
        raise NoFlows(f"Zeek {', '.join(seen)[:60]} log")
    underscored = "id_orig_h" in keys or "id_resp_h" in keys
    columns = {name: name.replace(".", "_") if underscored else name for name in KINDS}
    kinds = {columns[name]: kind for name, kind in KINDS.items()}
    times = [record["ts"] for record in records if "ts" in record]
    if times and not isinstance(times[0], int | float):
        kinds["ts"] = "VARCHAR"
    systems = [name for name in SYSTEMS if name in keys]
    kinds |= dict.fromkeys([*streams, *systems], "VARCHAR")
    fields = _values(columns, kinds, streams)
    if systems:
        fields["observer"] = f"coalesce({', '.join(map(identifier, systems))})"
    if not streams and "conn_state" in keys:
        # Every record of conn.log has a state. Without a mark, one of dce_rpc.log looks like a connection to the mapper.
        fields["set_aside"] = "case when conn_state is null and ts is not null then 'record of another log' end"
    return Scan(
        reader=NAME,
        form="json",
        paths=(str(item.path),),
        observer=item.observer,
        columns=kinds,
        fields=fields,
        source=item.source if item.is_spooled else "",
        compression=item.compression,
    )


def _holds_conn(item: Input) -> bool:
    """Whether any record down to the end says that it is of conn.log."""
    rest = b""
    for block in blocks(item):
        text = rest + block
        if b'"conn"' in text and CONN_STREAM.search(text):
            return True
        rest = text[-LONGEST_MARK_BYTES:]
    return False


def _values(columns: Mapping[str, str], kinds: Mapping[str, str], streams: Sequence[str]) -> dict[str, str]:
    """SQL for each column of `record`."""
    field = {name: identifier(column) for name, column in columns.items()}
    if kinds[columns["ts"]] == "DOUBLE":
        start = f"try_cast(round({field['ts']} * 1000000) as bigint)"
    else:
        start = f"epoch_us(try_cast({field['ts']} as timestamptz))"
    fields = {
        "start_us": start,
        "src_ip": field["id.orig_h"],
        "src_port": field["id.orig_p"],
        "dest_ip": field["id.resp_h"],
        "dest_port": field["id.resp_p"],
    }
    if "duration" in columns:
        fields["end_us"] = end_after(start, field["duration"])
    if "uid" in columns:
        fields["flow_id"] = field["uid"]
    if "proto" in columns:
        fields["transport_protocol"] = field["proto"]
    if {"conn_state", "history"} & columns.keys():
        fields["is_established"] = _is_established(field)
    if "history" in columns:
        fields["is_oriented"] = _is_oriented(field)
    if streams:
        stream = f"coalesce({', '.join(map(identifier, streams))})"
        fields["set_aside"] = f"case when {stream} <> 'conn' then concat('record of another log: ', {stream}) end"
    return fields


def _is_established(field: Mapping[str, str]) -> str:
    """By conn_state; half-seen connections (SHR, OTH, or S0 with an acknowledged handshake) by history: payload or an
    acknowledgement shows that both sides spoke.
    """
    cases: list[str] = []
    if "conn_state" in field:
        cases.append(f"when {field['conn_state']} in {_list(ESTABLISHED)} then true")
    if "history" in field:
        spoke = " or ".join(f"{field['history']} like '%{letter}%'" for letter in "AaDd")
        cases.append(f"when {spoke} then true")
    if "conn_state" in field:
        cases.append(f"when {field['conn_state']} in {_list(FAILED)} then false")
    return f"case {' '.join(cases)} end"


def _is_oriented(field: Mapping[str, str]) -> str:
    """Whether a SYN or SYN-ACK was seen. Without one, the sender of the first packet seen is taken for the caller, or (`^`) Zeek
    turned the connection round by its ports: both are guesses.
    """
    history = field["history"]
    seen = " or ".join(f"{history} like '%{letter}%'" for letter in "SsHh")
    other = f"{field['proto']} <> 'tcp' or " if "proto" in field else ""
    return f"coalesce({other}{seen} or {history} = '', true)"


def _list(texts: Sequence[str]) -> str:
    return f"({', '.join(map(literal, texts))})"


def _plain(name: str) -> str:
    return re.sub(r"^id_(orig|resp)_([hp])$", r"id.\1_\2", name)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d*)?([eE][-+]?\d+)?|-", text) is not None


def _records(lines: Sequence[str]) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            records.append(record)
    return records


def _is_zeek(record: Mapping[str, Any]) -> bool:
    names = record.keys()
    is_flow = "ts" in names and bool({"id.orig_h", "id_orig_h"} & names)
    return is_flow or ("ts" in names and bool(set(STREAMS) & names))

"""Zeek's conn.log, dce_rpc.log, smb_mapping.log, smb_files.log and dhcp.log: tab-separated with their header, or JSON lines, as Zeek,
Corelight or a shipper write them, also several logs in one file.

Source: Zeek's documentation of base/protocols/conn (conn_state, history) and of its ASCII and JSON log writers. `ts` is the first
packet, of a call its request; a record is written when its connection ends, so records come in no order of `ts`.
"""

import re
from collections.abc import Mapping, Sequence

from rpcsight.engines import Scan
from rpcsight.engines.text import identifier, literal
from rpcsight.errors import InputError, SchemaError
from rpcsight.readers import NoFlows
from rpcsight.readers._inputs import HEAD_BYTES, Input
from rpcsight.readers._zeek_json import is_zeek, json_scan, records_of
from rpcsight.readers._zeek_logs import LOGS, time_us
from rpcsight.readers._zeek_sections import sections
from rpcsight.readers._zeek_sides import one_sided

__all__ = ["ABOUT", "IS_GENERIC", "NAME", "scan", "sections", "sides", "why_not"]

NAME = "zeek"
ABOUT = (
    "Zeek conn.log, and dce_rpc.log, smb_mapping.log, smb_files.log, dhcp.log (answered calls; SMB events; leases): TSV in any order and "
    "subset of columns, "
    "or JSON lines (dotted or underscored names), several logs in one file, too"
)
IS_GENERIC = False

HEADLESS = re.compile(r"\d{9,10}\.\d{6}\t[A-Z][0-9A-Za-z]{10,25}\t[0-9A-Fa-f.:]{2,45}\t\d{1,5}\t")
"""How a record of most of Zeek's logs begins: ts, uid, id.orig_h, id.orig_p."""
ESCAPED = ("named_pipe", "path", "name")
"""Fields in which tab-separated logs write a backslash as two."""


def why_not(item: Input) -> str | None:
    """None for a Zeek log of any kind (those that hold no flows are told apart by `scan`)."""
    lines = item.lines()
    if _is_tsv(lines):
        return None
    if not lines or not lines[0].lstrip().startswith("{"):
        return "no #fields header, and the first line is no JSON object"
    if any(is_zeek(record) for record in records_of(lines)):
        return None
    return "JSON without Zeek's names (ts, uid, id.orig_h or id_orig_h, _path or @stream)"


def scan(item: Input, mapping: Mapping[str, str]) -> Scan:
    """A csv or json scan of the log.

    Args:
        item: the log.
        mapping: not used; Zeek's names are known.

    Raises:
        NoFlows: it is another of Zeek's logs.
        SchemaError: the log lacks a field that is needed.
        InputError: the header is broken.
    """
    del mapping
    return _scan_tsv(item) if _is_tsv(item.lines()) else json_scan(item, NAME)


def sides(item: Input) -> tuple[int, int]:
    """Of how many TCP connections among the log's first records packets of one side only were seen; and how many these records show."""
    lines = item.lines()
    if not _is_tsv(lines):
        return one_sided(str(each.get("history") or "") for each in records_of(lines) if each.get("proto") == "tcp")
    names = next((line.split("\t")[1:] for line in lines if line.startswith("#fields")), [])
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    records = [dict(zip(names, row, strict=False)) for row in rows]
    return one_sided(each.get("history", "") for each in records if each.get("proto") == "tcp")


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
    names = header.get("fields", "").split(delimiter) if names_line else []
    path = header.get("path", "conn")
    kind = "conn" if path.startswith("conn") else path
    if kind not in LOGS:
        raise NoFlows(f"Zeek {path} log")
    if not names:
        raise SchemaError(item.source, "a Zeek log without its #fields header", "copy the log with its header lines")
    columns = {_plain(name): name for name in names}
    missing = [name for name in LOGS[kind].required if name not in columns]
    if missing:
        raise SchemaError(item.source, f"{kind}.log without {', '.join(missing)}", f"its fields: {', '.join(names)}")
    if not sample and len(item.head) < HEAD_BYTES:
        raise NoFlows(f"Zeek {kind} log without records")
    log = LOGS[kind]
    kinds = {name: log.kinds.get(_plain(name), "VARCHAR") for name in names}
    sampled = dict(zip(names, sample, strict=False))
    if not _is_number(sampled.get(columns["ts"], "0")):
        kinds[columns["ts"]] = "VARCHAR"
    field = {name: _unescaped(identifier(column), name) for name, column in columns.items()}
    return Scan(
        reader=NAME,
        form="csv",
        paths=(str(item.path),),
        observer=item.observer,
        columns=kinds,
        fields=log.values(field, time_us(log, field["ts"], kinds[columns["ts"]])),
        gives=log.gives,
        when=log.when(field),
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


def _unescaped(column: str, name: str) -> str:
    return f"replace({column}, {literal(chr(92) * 2)}, {literal(chr(92))})" if name in ESCAPED else column


def _plain(name: str) -> str:
    return re.sub(r"^id_(orig|resp)_([hp])$", r"id.\1_\2", name)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d*)?([eE][-+]?\d+)?|-", text) is not None

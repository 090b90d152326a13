"""Zeek's logs as JSON lines: one log a file, or many in one, told apart by a mark (`_path`, `@stream`) or by their fields."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from rpcsight.engines import Scan
from rpcsight.engines.text import identifier, literal
from rpcsight.errors import InputError
from rpcsight.readers import NoFlows
from rpcsight.readers._inputs import HEAD_BYTES, Input, blocks
from rpcsight.readers._zeek_logs import LOGS, time_us

__all__ = ["is_zeek", "json_scan", "records_of"]

STREAMS = ("_path", "@stream")
SYSTEMS = ("_system_name", "@system")
MARK = re.compile(rb'"(?:_path|@stream)"\s{0,8}:\s{0,8}"(' + "|".join(LOGS).encode() + rb')"')
LONGEST_MARK_BYTES = 48
SEARCHED_BYTES = 1 << 28


def is_zeek(record: Mapping[str, Any]) -> bool:
    """Whether a JSON record has Zeek's names."""
    names = record.keys()
    is_flow = "ts" in names and bool({"id.orig_h", "id_orig_h"} & names)
    is_other = bool(set(STREAMS) & names) or LOGS["dhcp"].is_known(record)
    return is_flow or ("ts" in names and is_other)


def records_of(lines: Iterable[str]) -> list[dict[str, Any]]:
    """The lines that are JSON objects."""
    records: list[dict[str, Any]] = []
    for line in lines:
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            records.append(record)
    return records


def json_scan(item: Input, reader: str) -> Scan:
    """A json scan of the logs in the file.

    Args:
        item: the file.
        reader: the reader's name.

    Raises:
        NoFlows: it holds none of the logs that are read.
    """
    records = records_of(item.lines())
    keys = {key for record in records for key in record}
    marks = [name for name in STREAMS if name in keys]
    held = _held(item, records, marks)
    if not held and not marks:
        raise NoFlows("Zeek JSON log of another kind (no conn_state, history, orig_bytes …)")
    if not held:
        seen = sorted({str(record.get(marks[0])) for record in records})
        raise NoFlows(f"Zeek {', '.join(seen)[:60]} log")
    columns = _columns(records, keys, held)
    stream = f"coalesce({', '.join(map(identifier, marks))})" if marks else _stream(held)
    systems = [name for name in SYSTEMS if name in keys]
    set_aside = ""
    if marks:
        set_aside = f"case when {stream} <> 'conn' then concat('record of another log: ', {stream}) end"
    elif "conn_state" in keys:
        set_aside = "case when conn_state is null and ts is not null then 'record of another log' end"
    parts: list[Scan] = []
    for name in held:
        fields, when = _values(name, held, columns[name], stream)
        if systems:
            fields["observer"] = f"coalesce({', '.join(map(identifier, systems))})"
        if name == "conn" and set_aside:
            fields["set_aside"] = set_aside
        parts.append(
            Scan(
                reader=reader,
                form="json",
                paths=(str(item.path),),
                observer=item.observer,
                columns={},
                fields=fields,
                gives=LOGS[name].gives,
                when=when,
                source=item.source if item.is_spooled else "",
                compression=item.compression,
            )
        )
    kinds = {column: kind for each in columns.values() for column, kind in each.values()}
    kinds |= dict.fromkeys([*marks, *systems], "VARCHAR")
    first, *others = (replace(part, columns=kinds) for part in parts)
    return replace(first, others=tuple(others))


def _held(item: Input, records: Sequence[Mapping[str, Any]], marks: Sequence[str]) -> list[str]:
    """The logs of `LOGS` that the file holds, conn.log first.

    A file whose beginning shows no conn.log is looked through for marks: any record down to the end may be of it. Others are looked
    through as far as that costs little; a log that begins further on is set aside by its records' marks.
    """
    if not marks:
        shown = [*records, *records_of(_last_lines(item))]
        return [name for name, log in LOGS.items() if any(log.is_known(record) for record in shown)]
    found = {str(record.get(mark)) for record in records for mark in marks}
    if "conn" not in found:
        found |= _marked(item)
    elif len(item.head) == HEAD_BYTES:
        found |= _marked_alike(item)
        found |= {str(record.get(mark)) for record in records_of(_last_lines(item)) for mark in marks}
    return [name for name in LOGS if name in found]


def _last_lines(item: Input) -> list[str]:
    """The last lines of a large file that is not packed: logs that were put together one after another are told by them."""
    if item.compression or len(item.head) < HEAD_BYTES:
        return []
    with item.path.open("rb") as file:
        file.seek(-HEAD_BYTES, os.SEEK_END)
        return file.read(HEAD_BYTES).decode(errors="replace").split("\n")[1:]


def _marked(item: Input) -> set[str]:
    """The logs of `LOGS` that any record down to the end says it is of."""
    found: set[str] = set()
    rest = b""
    for block in _until_broken(item):
        text = rest + block
        found.update(name.decode() for name in MARK.findall(text))
        if len(found) == len(LOGS):
            break
        rest = text[-LONGEST_MARK_BYTES:]
    return found


def _until_broken(item: Input) -> Iterator[bytes]:
    """The content up to where its packing is broken; that shows up again when all is read."""
    with suppress(InputError):
        yield from blocks(item)


def _marked_alike(item: Input) -> set[str]:
    """The same, of the file's first part only, and of marks that are written as the first one is: much faster."""
    found: set[str] = set()
    first = MARK.search(item.head)
    if first is None:
        return found
    begins = item.head[first.start() : first.start(1)]
    wanted = {name: begins + name.encode() + b'"' for name in LOGS}
    for number, block in enumerate(_until_broken(item)):
        found |= {name for name, mark in wanted.items() if name not in found and mark in block}
        if len(found) == len(LOGS) or number * len(block) > SEARCHED_BYTES:
            break
    return found


def _columns(
    records: Sequence[Mapping[str, Any]], keys: set[str], held: Sequence[str]
) -> dict[str, dict[str, tuple[str, str]]]:
    """For each log, its fields: the column that holds one, and its type."""
    is_underscored = "id_orig_h" in keys or "id_resp_h" in keys
    times = [record["ts"] for record in records if "ts" in record]
    is_text = bool(times) and not isinstance(times[0], int | float)
    return {
        log: {
            name: (
                name.replace(".", "_") if is_underscored else name,
                "VARCHAR" if name == "ts" and is_text else kind,
            )
            for name, kind in LOGS[log].kinds.items()
        }
        for log in held
    }


def _values(
    name: str, held: Sequence[str], columns: Mapping[str, tuple[str, str]], stream: str
) -> tuple[dict[str, str], str]:
    """SQL for the values of one of the logs in the file, and for which records are its own; the first takes what is broken."""
    log = LOGS[name]
    field = {name: identifier(column) for name, (column, _) in columns.items()}
    fields = log.values(field, time_us(log, field["ts"], columns["ts"][1]))
    if name == "conn":
        others = ", ".join(literal(each) for each in held if each != name)
        return fields, f"{stream} not in ({others})" if others else ""
    of_log = f"coalesce({stream}, {literal(name)})" if name == held[0] else stream
    own = log.when(field)
    return fields, f"{of_log} = {literal(name)}" + (f" and {own}" if own else "")


def _stream(held: Sequence[str]) -> str:
    """The log that a record without a mark is of, by its fields, as SQL; empty where none of them tells."""
    return f"case {' '.join(f'when {LOGS[name].known_by} then {literal(name)}' for name in held)} end"

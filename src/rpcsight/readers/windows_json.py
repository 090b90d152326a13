"""Windows events as lines of JSON: NXLog, Get-WinEvent, winlogbeat 6 to 8 and other shippers in ECS, the Security-Datasets of OTRF.

Sources: NXLog's im_msvistalog; winlogbeat's exported fields (6.8, 8.x) and its module for Sysmon, which moves fields to ECS's names; the
files themselves. The layout is seen from the head's records; within it every field may be missing. Times, by layout:

- Sysmon's UtcTime, wherever there is one (`steps/logged.sql`).
- winlogbeat, ECS: `@timestamp`, the event's own time to the millisecond, UTC.
- NXLog: EventTime is the collector's local time in whole seconds; EventReceivedTime, by the same clock, and `@timestamp`, when it arrived
  in UTC, tell the zone. `@timestamp` alone is up to a minute late.
- Get-WinEvent: TimeCreated is local time, also where it is written with a Z; Sysmon's events tell the zone.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rpcsight.engines import Kind, Scan
from rpcsight.engines.text import identifier, literal
from rpcsight.readers._inputs import Input, blocks
from rpcsight.readers._windows import FIREWALL, IDS, LONGEST_EVENT_BYTES, TASKS, VALUE_SET, windows_name
from rpcsight.schema.events import DATA

NAME = "windows_json"
ABOUT = "Windows events as JSON lines: NXLog, Get-WinEvent, winlogbeat 6 to 8 and ECS with winlog, nested or dotted"
IS_GENERIC = False

Path = tuple[str, ...]

QUARTER_US = 900_000_000
ZONED = "(Z|[+-][0-9]{2}:?[0-9]{2})$"
OFFSET = "[+-][0-9]{2}:?[0-9]{2}$"
FLAT_MARKS = frozenset({"Channel", "SourceName", "ProviderName", "LogName", "Hostname", "Computer", "MachineName"})
# Where winlogbeat's module for Sysmon and ECS have moved fields of the event to.
ECS: Mapping[str, str] = {
    "source_ip": "source.ip",
    "source_port": "source.port",
    "destination_ip": "destination.ip",
    "destination_port": "destination.port",
    "protocol": "network.transport",
    "direction": "network.direction",
    "process_guid": "process.entity_id",
    "process_id": "process.pid",
    "image": "process.executable",
    "command_line": "process.command_line",
    "parent_process_guid": "process.parent.entity_id",
    "parent_process_id": "process.parent.pid",
    "parent_image": "process.parent.executable",
    "pipe_name": "file.name",
    "target_object": "registry.path",
}
OWN_PID = re.compile(rb'"ProcessID"(\s{0,8}:)')
RENAMED = rb'"ProcessID_"\1'
"""Security 5156's ProcessID, beside the ProcessId of others: engines take names that differ in case only for one."""
OVERLAP_BYTES = 32


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a layout has the fields.

    Args:
        heads: columns of `schema.EVENT` beside the times, and the places of their values, best first.
        data: where the event's own fields are.
        moved: fields that may be elsewhere.
        has_ids: whether a field ProcessID is the event's own, not what the shipper tells of who wrote it.
        is_local: whether times are local.
    """

    heads: Mapping[str, tuple[Path, ...]]
    data: Path = ()
    moved: Mapping[str, Path] = field(default_factory=dict[str, Path])
    has_ids: bool = True
    is_local: bool = False


FLAT_HEADS: Mapping[str, tuple[Path, ...]] = {
    "host": (("Hostname",), ("Computer",), ("MachineName",)),
    "channel": (("Channel",), ("LogName",)),
    "provider": (("SourceName",), ("ProviderName",)),
    "event_id": (("EventID",), ("Id",)),
    "record_id": (("RecordNumber",), ("EventRecordID",), ("RecordId",)),
}
BEAT_HEADS: Mapping[str, tuple[Path, ...]] = {
    "host": (("computer_name",),),
    "channel": (("log_name",),),
    "provider": (("source_name",),),
    "event_id": (("event_id",),),
    "record_id": (("record_number",),),
}
WINLOG_HEADS: Mapping[str, tuple[Path, ...]] = {
    "host": (("winlog", "computer_name"), ("host", "name")),
    "channel": (("winlog", "channel"),),
    "provider": (("winlog", "provider_name"),),
    "event_id": (("winlog", "event_id"),),
    "record_id": (("winlog", "record_id"),),
}


def why_not(item: Input) -> str | None:
    """None where a record of the head has the names of one of the layouts."""
    records = _records(item)
    if not records:
        return "the first lines hold no JSON object"
    return (
        None
        if _layout(records)
        else "JSON without Windows' names (EventID with Channel, event_id with log_name, winlog)"
    )


def unpack(item: Input) -> Iterator[bytes] | None:
    """The file with ProcessID under a name of its own, where 5156 has it so."""
    layout, _ = _layout(_records(item)) or (None, False)
    if layout is None or not layout.has_ids or not OWN_PID.search(item.head):
        return None
    return _renamed(blocks(item))


def scan(item: Input, mapping: Mapping[str, str]) -> Scan:
    """A json scan of the events.

    Args:
        item: the file.
        mapping: not used; Windows' names are known.
    """
    del mapping
    layout, is_dotted = _layout(_records(item)) or (Layout(FLAT_HEADS), False)
    columns: dict[str, Kind] = {}
    fields = _fields(layout, _Places(columns, is_dotted))
    number = fields["event_id"]
    numbers = sorted({each for ids in IDS.values() for each in ids})
    return Scan(
        reader=NAME,
        form="json",
        paths=(str(item.path),),
        observer=item.observer,
        columns=columns,
        fields=fields,
        gives="event",
        when=f"{number} in ({', '.join(map(str, numbers))}) and ({number} <> {VALUE_SET} "
        f"or coalesce(strpos({fields['target_object']}, {literal(TASKS)}), 0) > 0)",
        source=item.source if item.is_spooled else "",
        compression=item.compression,
        longest_line=LONGEST_EVENT_BYTES,
    )


def _layout(records: Sequence[Mapping[str, Any]]) -> tuple[Layout, bool] | None:
    """The layout of most of the records that have one, and whether its names are dotted."""
    found = [layout for layout in map(_layout_of, records) if layout]
    if not found:
        return None
    kind, is_dotted = max(sorted(set(found)), key=found.count)
    keys = {key for record, layout in zip(records, map(_layout_of, records), strict=True) if layout for key in record}
    if kind == "flat":
        is_nxlog = bool(keys & {"EventReceivedTime", "SourceModuleName", "ExecutionProcessID"})
        return Layout(FLAT_HEADS, has_ids=not is_nxlog, is_local=True), False
    if kind == "beat":
        return Layout(BEAT_HEADS, ("event_data",)), is_dotted
    moved = {name: tuple(place.split(".")) for name, place in ECS.items()}
    return Layout(WINLOG_HEADS, ("winlog", "event_data"), moved), is_dotted


def _layout_of(record: Mapping[str, Any]) -> tuple[str, bool] | None:
    keys = record.keys()
    if isinstance(record.get("winlog"), dict) and "event_id" in record["winlog"]:
        return "winlog", False
    if "winlog.event_id" in keys:
        return "winlog", True
    if {"event_id", "log_name"} <= keys:
        return "beat", any(key.startswith("event_data.") for key in keys)
    if ("EventID" in keys and keys & FLAT_MARKS) or {"Id", "LogName", "ProviderName"} <= keys:
        return "flat", False
    return None


class _Places:
    """Notes the columns that a scan needs while it says, in SQL, where their values are.

    Args:
        columns: is filled.
        is_dotted: whether names of nested places are written as one, with dots.
    """

    def __init__(self, columns: dict[str, Kind], is_dotted: bool) -> None:
        self._columns = columns
        self._is_dotted = is_dotted

    def sql(self, *paths: Path) -> str:
        """The first value there is of these places."""
        values = [self._value(path) for path in paths]
        return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"

    def _value(self, path: Path) -> str:
        if self._is_dotted:
            path = (".".join(path),)
        inner: Any = self._columns
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = "VARCHAR"
        return ".".join(map(identifier, path))


def _fields(layout: Layout, places: _Places) -> dict[str, str]:
    """SQL for the columns of `event`."""
    fields = {name: places.sql(*paths) for name, paths in layout.heads.items()}
    fields["event_id"] = f"try_cast({fields['event_id']} as integer)"
    fields |= {name: f"lower({fields[name]})" for name in ("channel", "provider")}
    for name in DATA:
        own: list[Path] = [(*layout.data, windows_name(name))]
        if name == "process_id" and layout.has_ids:
            own.append((*layout.data, "ProcessID_"))
        if name in FIREWALL and layout.data:
            own.append((*layout.data, f"param{FIREWALL.index(name) + 1}"))
        if name in layout.moved:
            own.append(layout.moved[name])
        fields[name] = places.sql(*own)
    return fields | (_local_times(places) if layout.is_local else _beat_times(places))


def _beat_times(places: _Places) -> dict[str, str]:
    return {"time_us": _us(places.sql(("@timestamp",))), "clock_us": "1000"}


def _local_times(places: _Places) -> dict[str, str]:
    """SQL for times of the flat layouts."""
    written, received = places.sql(("EventTime",)), places.sql(("EventReceivedTime",), ("EventTime",))
    created, arrived = places.sql(("TimeCreated",)), places.sql(("@timestamp",))
    zone = f"cast(round(({_us(received)} - {_us(arrived)}) / {QUARTER_US}.0) as bigint) * {QUARTER_US}"
    return {
        "time_us": f"case when regexp_matches({written}, '{ZONED}') then {_us(written)} "
        f"when {written} is not null and {arrived} is not null then {_us(written)} - {zone} "
        f"when regexp_matches({created}, '{OFFSET}') then {_us(created)} "
        f"when {written} is null and {created} is null then {_us(arrived)} end",
        "local_us": f"case when {written} is not null and {arrived} is null and not regexp_matches({written}, '{ZONED}') "
        f"then {_us(written)} when {written} is null and not regexp_matches({created}, '{OFFSET}') then {_us(created)} end",
        "clock_us": f"case when {written} is not null and not contains({written}, '.') then 1000000 else 1000 end",
    }


def _us(text: str) -> str:
    return f"epoch_us(try_cast({text} as timestamptz))"


def _records(item: Input) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for line in item.lines():
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            records.append(record)
    return records


def _renamed(content: Iterator[bytes]) -> Iterator[bytes]:
    held = b""
    for block in content:
        text = held + block
        end = text.rfind(b"\n") + 1 or max(0, len(text) - OVERLAP_BYTES)
        yield OWN_PID.sub(RENAMED, text[:end])
        held = text[end:]
    yield OWN_PID.sub(RENAMED, held)

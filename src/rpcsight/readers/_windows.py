"""Windows events: which are read, and how the elements of one become a row of `schema.EVENT`.

Sources: the manifests of Sysmon, Microsoft-Windows-Security-Auditing, Service Control Manager and Microsoft-Windows-RPC; the strings
that RPC Firewall (github.com/zeronetworks/rpcfirewall, rpcMessages.cpp) reports.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from rpcsight.engines import Feed, Scan
from rpcsight.errors import InputError
from rpcsight.readers._inputs import Input
from rpcsight.schema import EVENT
from rpcsight.schema.events import DATA

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "COLUMNS",
    "FIREWALL",
    "LONGEST_EVENT_BYTES",
    "NAMES",
    "RELATION",
    "TASKS",
    "VALUE_SET",
    "batches",
    "event_scan",
    "note_others",
    "row",
    "wanted",
    "windows_name",
]

RELATION = "windows_event"
LONGEST_EVENT_BYTES = 1 << 20
LONGEST_TEXT = 1 << 16
"""Letters of a field that are kept: a scheduled task's definition may be long."""
ROWS_AT_ONCE = 2_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
CLOCK_US = 1
KINDS_SHOWN = 3
OTHERS_ONLY = "no event of a kind that is looked at, only others, mostly {kinds}"
IDS: Mapping[str, tuple[int, ...]] = {
    "record": (3, 5156),
    "host_flow": (3, 5156),
    "process": (1, 4688),
    "host_event": (13, 17, 18, 4624, 4697, 4698, 5145, 7045),
    "smb_event": (5145,),
    "rpc_call": (3, 5, 6),
}
"""The numbers of the events that each table is made of."""
VALUE_SET, TASKS = 13, "TaskCache"
"""Of values set in the registry (Sysmon 13), those below this key are looked at: the definitions of scheduled tasks."""
FIREWALL = (
    "",  # the function
    "process_id",
    "image_path",
    "protocol",
    "endpoint",
    "network_address",
    "interface_uuid",
    "op_num",
    "",  # the client's account
    "authentication_level",
    "authentication_service",
    "client_port",
    "server_address",
    "server_port",
)
"""Fields of RPC Firewall's event 3, which has no names for them, in their order; releases differ in how many there are."""
COLUMNS: Mapping[str, str] = {column.name: column.kind for column in EVENT if column.name not in {"observer", "source"}}


def windows_name(name: str) -> str:
    """The field's name in the event, from that of the column."""
    return "".join(part.capitalize() for part in name.split("_"))


NAMES: Mapping[str, str] = {**{windows_name(name): name for name in DATA}, "ProcessID": "process_id"}
"""Columns by the names of the events' fields."""


def wanted(facts: Iterable[str]) -> frozenset[int]:
    """The numbers of the events that flows and these tables are made of."""
    return frozenset(number for table in ("record", *facts) for number in IDS.get(table, ()))


def row(system: Mapping[str, str], data: Mapping[str, Any], unnamed: Sequence[str]) -> dict[str, Any]:
    """One event.

    Args:
        system: of its element System: Provider, EventID, SystemTime, EventRecordID, Channel, Computer.
        data: its named fields.
        unnamed: the values of those without names.

    Raises:
        ValueError: the event's number is none.
    """
    found: dict[str, Any] = {
        "event_id": int(system["EventID"]),
        "time_us": _microseconds(system.get("SystemTime", "")),
        "clock_us": CLOCK_US,
        "host": system.get("Computer"),
        "channel": system.get("Channel", "").lower(),
        "provider": system.get("Provider", "").lower(),
        "record_id": system.get("EventRecordID"),
    }
    for name, value in data.items():
        column = NAMES.get(name)
        if column is not None and value is not None:
            found[column] = value[:LONGEST_TEXT] if isinstance(value, str) else _text(value)
    if unnamed and found["provider"] == "rpcfw":
        found.update({name: value for name, value in zip(FIREWALL, unnamed, strict=False) if name})
    return found


def batches(rows: Iterator[dict[str, Any]]) -> "Iterator[tuple[str, pa.RecordBatch]]":
    """The rows as they come, some thousand at once.

    Raises:
        InputError: what makes the rows broke off; those before it have been given.
    """
    import pyarrow as pa

    from rpcsight.engines.feed import ARROW_TYPES

    kind = pa.struct([(name, ARROW_TYPES[kind]) for name, kind in COLUMNS.items()])
    held: list[dict[str, Any]] = []
    broken: InputError | None = None
    try:
        for each in rows:
            held.append(each)
            if len(held) >= ROWS_AT_ONCE:
                yield RELATION, pa.RecordBatch.from_struct_array(pa.array(held, kind))
                held = []
    except InputError as error:
        broken = error
    if held:
        yield RELATION, pa.RecordBatch.from_struct_array(pa.array(held, kind))
    if broken:
        raise broken


def note_others(others: Counter[str], notes: Counter[str]) -> None:
    """Say what a file holds that shows nothing.

    Args:
        others: how many events there are of each number; none where there is one that is looked at.
        notes: of the feed.
    """
    if others:
        kinds = ", ".join(number for number, _ in others.most_common(KINDS_SHOWN))
        notes[OTHERS_ONLY.format(kinds=kinds)] += others.total()


def event_scan(item: Input, reader: str, feed: Feed) -> Scan:
    """The scan of a file of events that a feed reads."""
    return Scan(
        reader=reader,
        form="feed",
        paths=(str(item.path),),
        observer=item.observer,
        columns={},
        fields={name: name for name in COLUMNS},
        gives="event",
        source=item.source if item.is_spooled else "",
        compression=item.compression,
        feed=feed,
        relation=RELATION,
    )


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def _microseconds(text: str) -> int | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND

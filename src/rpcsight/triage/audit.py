"""The audit log, and changes to what people decided: as a whole, with the baseline that follows from them."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime

import pyarrow as pa

from rpcsight.baseline.settling import following
from rpcsight.baseline.workspace import Workspace
from rpcsight.schema.arrow import ARROW_TYPES
from rpcsight.schema.column import Column
from rpcsight.schema.triage import TRIAGE

__all__ = ["HUNT", "changing", "entries", "note", "now_us", "table", "today"]

HUNT = "hunt"
"""Who it was, where it was no person."""


def now_us() -> int:
    """The time, in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def today() -> date:
    """The day, UTC."""
    return datetime.now(UTC).date()


@contextmanager
def changing(workspace: Workspace, ids: Sequence[str] | None = None) -> Iterator[None]:
    """Keep everything within, or nothing, with the baseline that follows from it.

    Args:
        workspace: is changed.
        ids: findings that may be changed; None: any.
    """
    with workspace.store.transaction(), following(workspace, ids):
        yield


def note(workspace: Workspace, subjects: Iterable[tuple[str, str]], action: str, who: str) -> None:
    """Write into the audit log.

    Args:
        workspace: keeps it.
        subjects: findings or entries by id, each with the reason.
        action: what was done to them.
        who: by whom.
    """
    (row,) = workspace.rows("select coalesce(max(number), 0) as number from audit")
    at = now_us()
    rows = [
        (number, at, subject, action, reason, who)
        for number, (subject, reason) in enumerate(subjects, row["number"] + 1)
    ]
    workspace.store.insert("audit", table(TRIAGE["audit"], rows))


def entries(workspace: Workspace, since_us: int) -> pa.Table:
    """The log from a time on (microseconds since 1970 UTC), the newest first: time, who, action, subject, reason."""
    sql = """
        select make_timestamp(at_us) as time, who, action, subject, reason
        from audit
        where at_us >= $since
        order by number desc
    """
    return workspace.store.rows(sql, {"since": since_us})


def table(columns: tuple[Column, ...], rows: Sequence[tuple[object, ...]]) -> pa.Table:
    """Rows as a table of these columns."""
    schema = pa.schema([(column.name, ARROW_TYPES[column.kind]) for column in columns])
    return pa.table([[row[place] for row in rows] for place in range(len(schema))], schema=schema)

"""The audit log, and changes to what people decided: as a whole, with the baseline that follows from them."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime

import pyarrow as pa

from rpcsight.baseline.workspace import HELD_FROM, Workspace
from rpcsight.schema.arrow import ARROW_TYPES
from rpcsight.schema.column import Column
from rpcsight.schema.triage import TRIAGE
from rpcsight.settings import BaselineSettings

__all__ = ["HUNT", "changing", "entries", "note", "now_us", "table", "today"]

HUNT = "hunt"
"""Who it was, where it was no person."""
HELD = f"""
select distinct held.src_ip, held.dest_ip, held.day
from ({HELD_FROM}) as held
join pair_day on pair_day.src_ip = held.src_ip and pair_day.dest_ip = held.dest_ip and pair_day.day >= held.day
"""
FORGETTING_NOTHING = BaselineSettings(keep_days=3660)
"""What is forgotten is settled by learning alone."""


def now_us() -> int:
    """The time, in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def today() -> date:
    """The day, UTC."""
    return datetime.now(UTC).date()


@contextmanager
def changing(workspace: Workspace) -> Iterator[None]:
    """Keep everything within, or nothing; where it changes which days are held back, the baseline follows."""
    with workspace.store.transaction():
        before = _held(workspace)
        yield
        if _held(workspace) != before:
            workspace.settle(FORGETTING_NOTHING)


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


def _held(workspace: Workspace) -> set[tuple[str, str, int]]:
    return {(row["src_ip"], row["dest_ip"], row["day"]) for row in workspace.rows(HELD)}

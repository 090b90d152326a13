"""What each hunt read, with what losses: kept beside its findings."""

import json
from collections import Counter
from datetime import datetime
from typing import Any

from rpcsight.account import Account, lines
from rpcsight.baseline.workspace import Workspace
from rpcsight.schema.triage import TRIAGE
from rpcsight.triage.audit import now_us, table
from rpcsight.triage.matching import microseconds

__all__ = ["MOST_RUNS", "keep_run", "runs"]

MOST_RUNS = 1_000
MOST_SKIPS = 50
LONGEST = 500


def keep_run(workspace: Workspace, account: Account, findings: int) -> None:
    """Keep what a hunt read.

    Args:
        workspace: keeps it, and forgets the oldest.
        account: of the hunt.
        findings: how many it told.
    """
    (row,) = workspace.rows("select coalesce(max(number), 0) + 1 as number from hunt_run")
    number = row["number"]
    made = (
        number,
        now_us(),
        account.files,
        account.records,
        account.candidates,
        _time(account.first_time),
        _time(account.last_time),
        findings,
        json.dumps(_document(account), ensure_ascii=False),
    )
    workspace.store.insert("hunt_run", table(TRIAGE["hunt_run"], [made]))
    workspace.store.run("delete from hunt_run where number <= $last", {"last": number - MOST_RUNS})


def runs(workspace: Workspace, limit: int = 100) -> list[dict[str, Any]]:
    """What hunts read, the newest first: the columns of `hunt_run`, and what is in its document."""
    if not workspace.rows("select 1 as one from information_schema.tables where table_name = 'hunt_run'"):
        return []
    rows = workspace.rows("select * from hunt_run order by number desc limit $limit", {"limit": limit})
    return [{**row, **json.loads(row.pop("document"))} for row in rows]


def _document(account: Account) -> dict[str, Any]:
    skipped: Counter[str] = Counter()
    for each in account.skips:
        skipped[(each.what.splitlines() or [""])[0][:LONGEST]] += each.count
    return {
        "readers": dict(sorted(account.readers.items())),
        "skipped": [{"what": what, "count": count} for what, count in skipped.most_common(MOST_SKIPS)],
        "left_out": dict(sorted(account.left_out.items())),
        "warnings": [each[:LONGEST] for each in account.warnings[:MOST_SKIPS]],
        "lines": [each[:LONGEST] for each in lines(account)][:MOST_SKIPS],
    }


def _time(given: datetime | None) -> int | None:
    return None if given is None else microseconds(given)

"""What came since a page was made: told in a line on it, never by moving what somebody reads."""

from rpcsight.baseline.workspace import Workspace
from rpcsight.web.pages.rendering import to

__all__ = ["new_findings", "news_of", "start", "start_of"]

FAR = 2**62


def start(workspace: Workspace) -> str:
    """Where a list asks for findings that came after it."""
    (row,) = workspace.rows("select coalesce(max(kept_us), 0) as since from finding")
    return to("findings/new", since=str(row["since"]))


def start_of(finding_id: str, decided: int) -> str:
    """Where the page of a finding asks for what was decided after it."""
    return to(["findings", finding_id, "new"], since=str(decided))


def new_findings(workspace: Workspace, since_us: int) -> str:
    """How many open findings came after a time, in words; empty for none."""
    sql = "select count(*) as findings from finding where kept_us > $since and status = 'open'"
    count = workspace.rows(sql, {"since": max(0, min(since_us, FAR))})[0]["findings"]
    return "" if not count else "1 new finding" if count == 1 else f"{count:,} new findings"


def news_of(workspace: Workspace, finding_id: str, decided: int) -> str:
    """What was decided about a finding since, in words; empty for nothing."""
    sql = "select who, action from audit where subject = $id order by number"
    rows = workspace.rows(sql, {"id": finding_id})[max(0, decided) :]
    return f"meanwhile {rows[-1]['who']}: {rows[-1]['action']}" if rows else ""

"""When findings began: by hour and day."""

from rpcsight.baseline.workspace import Workspace
from rpcsight.triage._conditions import conditions, hit_of
from rpcsight.triage.matching import DAY_US, HOUR_US
from rpcsight.triage.query import SEVERITIES, parsed

__all__ = ["Hours", "hours"]

Hours = dict[tuple[int, int], int]
"""How many, by day (since 1970) and hour, UTC."""


def hours(workspace: Workspace, query: str) -> tuple[Hours, Hours]:
    """How many of the findings that a query finds began in each hour; and how many of high severity.

    Raises:
        UsageError: the query is none.
    """
    found = conditions(workspace, parsed(query))
    sql = f"""
        {hit_of(found)}
        select first_us // {DAY_US} as day, first_us % {DAY_US} // {HOUR_US} as hour, count(*) as findings,
          count(*) filter (where weight = {len(SEVERITIES) - 1}) as high
        from hit
        where first_us >= 0
        group by all
    """
    rows = workspace.rows(sql, found.parameters)
    began = {(row["day"], row["hour"]): row["findings"] for row in rows}
    return began, {(row["day"], row["hour"]): row["high"] for row in rows if row["high"]}

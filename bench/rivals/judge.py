"""How many attacks are among each day's first alerts.

An attack is found when one of its steps is a pair of an alert within the day's budget: of the same day, or, where the alert has times, at
the same time, give or take a minute. Alerts of equal score have no order: an attack then counts with its chance to be within the budget.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from math import comb

from rivals.records import Records

__all__ = ["Judged", "Simulated", "chance", "judged", "load_labels", "simulation"]

SLACK_US = 60_000_000
LABELS = """
create table step as
select
  attack, kind, visibility, src_ip, dest_ip,
  epoch_us(cast(start_time as timestamp)) as start_us,
  epoch_us(cast(end_time as timestamp)) as end_us,
  date_diff('day', date '{first}', cast(cast(start_time as timestamp) as date)) as start_day,
  date_diff('day', date '{first}', cast(cast(end_time as timestamp) as date)) as end_day
from read_csv('{path}', all_varchar = true)
"""
GROUPS = """
with ranked as (
  select day, alert, max(score) as score from alerts group by day, alert
),
grouped as (
  select day, score, count(*) as tied, coalesce(sum(count(*)) over (partition by day order by score desc
    rows between unbounded preceding and 1 preceding), 0) as before
  from ranked group by day, score
),
near as (select * from grouped where before < {budget}),
hit as (
  select distinct alerts.day, alerts.score, alerts.alert, step.attack
  from alerts
  join near using (day, score)
  join step on step.src_ip = alerts.src_ip and (step.dest_ip = alerts.dest_ip or alerts.dest_ip is null)
  where case
    when alerts.first_us is null then alerts.day between step.start_day and step.end_day
    else alerts.first_us - {slack} <= step.end_us and alerts.last_us + {slack} >= step.start_us
  end
)
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """How a rival did: shares of attacks found, of those that flows show, of alerts within the budget that are right; alerts in all;
    of each kind of attack how many were found, and how many there were.
    """

    recall: float
    recall_flow: float
    precision: float
    alerts: int
    kinds: Mapping[str, tuple[float, int]]


@dataclass(frozen=True, slots=True)
class Simulated:
    """What was simulated: attacks by what shows them, and workstations that use RPC on one another for the first time on a working day."""

    attacks: int
    flow: int
    pipe: int
    none: int
    first_seen: float


def load_labels(records: Records) -> None:
    """Make the table `step` of the truth."""
    path = records.folder / "_truth" / "labels.csv"
    records.database.execute(LABELS.format(first=records.dates[0], path=path))


def simulation(records: Records) -> Simulated:
    """What was simulated in the tested days."""
    shown = "case when bool_or(visibility = 'flow') then 'flow' when bool_or(visibility = 'pipe') then 'pipe' else 'none' end"
    found = records.database.execute(
        f"select shown, count(*) from (select attack, {shown} as shown from step group by attack) group by shown"
    ).fetchall()
    counts: dict[str, int] = dict(found)
    path = records.folder / "_truth" / "pairs.csv"
    tested = ", ".join(f"date '{records.dates[day]}'" for day in records.tested)
    row = records.database.execute(
        f"""
        select count(pairs.day) / greatest(1, count(distinct days.day))
        from (select unnest([{tested}]) as day) as days
        left join read_csv('{path}', types = {{'day': 'date'}}) as pairs on pairs.day = days.day
        where isodow(days.day) < 6
        """
    ).fetchall()
    first_seen = float(row[0][0])
    by = {each: counts.get(each, 0) for each in ("flow", "pipe", "none")}
    return Simulated(sum(by.values()), **by, first_seen=first_seen)


def judged(records: Records, alerts: str, budget: int) -> Judged:
    """Judge a query for rows of `ALERT` by the table `step`."""
    database = records.database
    database.execute(f"create or replace temp table alerts as {alerts}")
    groups = GROUPS.format(budget=budget, slack=SLACK_US)
    hits = database.execute(
        f"""{groups}
        select hit.attack, near.before, near.tied, count(distinct hit.alert)
        from hit join near using (day, score) group by hit.attack, hit.day, near.score, near.before, near.tied
        """
    ).fetchall()
    missed: dict[str, float] = {}
    for attack, before, tied, count in hits:
        missed[attack] = missed.get(attack, 1.0) * (1 - chance(count, tied, budget - before))
    shown = database.execute(
        "select attack, bool_or(visibility = 'flow'), min(kind) from step group by attack"
    ).fetchall()
    within = database.execute(
        f"""{groups}
        select least(tied, {budget} - before), tied, count(distinct hit.alert)
        from near left join hit using (day, score) group by near.day, near.score, tied, before
        """
    ).fetchall()
    listed = sum(taken for taken, _, _ in within)
    right = sum(taken * count / tied for taken, tied, count in within)
    total = database.execute("select count(*) from (select distinct day, alert from alerts)").fetchall()
    found = {attack: 1 - missed.get(attack, 1.0) for attack, _, _ in shown}
    of_kind: dict[str, list[float]] = {}
    for attack, _, kind in sorted(shown, key=lambda each: each[2]):
        of_kind.setdefault(kind, []).append(found[attack])
    return Judged(
        share(found.values()),
        share(found[attack] for attack, is_flow, _ in shown if is_flow),
        right / listed if listed else 0.0,
        total[0][0],
        {kind: (round(sum(each), 3), len(each)) for kind, each in of_kind.items()},
    )


def chance(right: int, tied: int, places: int) -> float:
    """That at least one of the right alerts is among those that get the places, of alerts that are tied."""
    if places >= tied:
        return 1.0
    return 1 - comb(tied - right, places) / comb(tied, places)


def share(values: Iterable[float]) -> float:
    """Their mean; 0 of none."""
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0


def flat(value: Judged | Simulated) -> dict[str, object]:
    """As a line of the results."""
    return asdict(value)

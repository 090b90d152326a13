"""First-seen tuples, as many commercial products have them: an alert for what was in none of the days before.

Those of hosts that seldom make or get first-seen tuples come first: a host's habit is the number of its first-seen tuples so far, today's
included. Or one alert for all of a source's first-seen tuples of the day, the most first.
"""

from itertools import product
from zlib import crc32

from rivals.mapper_port import on_desks
from rivals.records import Records, Rival, Variant, of_pairs

__all__ = ["BETWEEN_WORKSTATIONS", "PAIRS", "TUPLES"]

SEEN = {
    "RPC": "select day, src_ip, dest_ip, '' as what from pair_day where mappers + endpoints > 0",
    "RPC and SMB": "select day, src_ip, dest_ip, '' as what from pair_day",
}
CALLED = "select day, src_ip, dest_ip, interface as what from called_day"
SINCE = {"first day": 0, "second week": 7}
HABITS = {
    "sum of habits": "-(source_habit + destination_habit)",
    "product of habits": "-(source_habit * destination_habit)",
    "the rarer habit": "-least(source_habit, destination_habit)",
}
SIDES = {"from": ("src_ip",), "between": ("src_ip", "dest_ip")}


def new_pairs(seen: str, since: int, records: Records) -> str:
    """The table of tested days' pairs with a tuple that no day before had, and both hosts' habits; made when first asked for.

    Args:
        seen: query for the tuples of each day.
        since: the day from which a host's first-seen tuples count as its habit.
        records: what was recorded.
    """
    name = f"new_pairs_{crc32(f'{since} {seen}'.encode())}"
    records.database.execute(
        f"create table if not exists {name} as {query(seen, min(since, records.learned), records)}"
    )
    return name


def query(seen: str, since: int, records: Records) -> str:
    """What is in that table."""
    return f"""
        with first as materialized (select src_ip, dest_ip, what, min(day) as day from ({seen}) group by all),
        counted as (select * from first where day >= {since}),
        source as (
          select src_ip, day, count(*) as source_today, sum(count(*)) over (partition by src_ip order by day) as source_habit
          from counted group by src_ip, day
        ),
        destination as (
          select dest_ip, day, sum(count(*)) over (partition by dest_ip order by day) as destination_habit
          from counted group by dest_ip, day
        )
        select distinct day, src_ip, dest_ip, source_today, source_habit, destination_habit
        from counted
        join source using (src_ip, day)
        join destination using (dest_ip, day)
        where day >= {records.learned}
    """


def by_habits(seen: str, since: int, score: str, sides: tuple[str, ...] = ()) -> Variant:
    """An alert a pair, of hosts with few first-seen tuples first."""

    def variant(records: Records) -> str:
        return of_pairs(on_desks(f"select *, {score} as score from {new_pairs(seen, since, records)}", sides))

    return variant


def by_sources(seen: str) -> Variant:
    """An alert a source with all its new pairs of the day, the source with most first-seen tuples first."""

    def variant(records: Records) -> str:
        return of_pairs(f"select *, source_today as score from {new_pairs(seen, 0, records)}", alert="src_ip")

    return variant


def variants(also: str = "") -> dict[str, Variant]:
    """Every ranking of pairs, or of pairs and what else is seen of them."""
    found = {
        f"{what}, {habit} since the {begin}": by_habits(seen + also, since, score)
        for (what, seen), (begin, since), (habit, score) in product(SEEN.items(), SINCE.items(), HABITS.items())
    }
    return found | {f"{what}, one alert a source, most first": by_sources(seen + also) for what, seen in SEEN.items()}


PAIRS = Rival("first-seen pair", "a source and destination that no earlier day had", variants())
TUPLES = Rival(
    "first-seen pair or interface",
    "a source, destination and interface (of decoded calls) that no earlier day had",
    variants(f" union all {CALLED}"),
)
BETWEEN_WORKSTATIONS = Rival(
    "first-seen pair, workstations listed",
    "first-seen pairs from or between workstations, by a list of them that is always right (here: the truth)",
    {
        f"{what} {which} workstations, {habit}": by_habits(seen, 0, score, sides)
        for (what, seen), (which, sides), (habit, score) in product(SEEN.items(), SIDES.items(), HABITS.items())
    },
)

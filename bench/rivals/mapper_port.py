"""Port 135 alone: an alert for every pair and day with a connection to the endpoint mapper.

What Sigma's old rule and the wide reading of CASCADE's pseudocode for CAR-2014-05-001 come to on flows: neither has a memory or a rank,
so the number of such connections on the day is the rank, most or fewest first.
"""

from collections.abc import Callable

from rivals.records import Records, Rival, Variant, of_pairs

__all__ = ["ALONE", "BETWEEN_WORKSTATIONS", "ORDERS", "SOURCES", "on_desks"]

ORDERS = {"most flows first": "", "fewest flows first": "-"}
SOURCES = {"any source": (), "from workstations": ("src_ip",)}


def on_desks(rows: str, sides: tuple[str, ...]) -> str:
    """Those rows whose addresses on these sides stand on desks that day."""
    named = " and ".join(
        f"exists (select 1 from desk where desk.ip = rows.{side} and rows.day >= desk.since and rows.day < desk.until)"
        for side in sides
    )
    return f"select * from ({rows}) as rows" + (f" where {named}" if sides else "")


def by_flows(sides: tuple[str, ...], sign: str) -> Variant:
    """Alerts of pairs by the day's number of connections to the mapper."""

    def variant(records: Records) -> str:
        rows = (
            f"select day, src_ip, dest_ip, {sign}mappers as score from pair_day "
            f"where mappers > 0 and day >= {records.learned}"
        )
        return of_pairs(on_desks(rows, sides))

    return variant


def variants(make: Callable[[tuple[str, ...], str], Variant]) -> dict[str, Variant]:
    """Every source in every order."""
    return {
        f"{source}, {order}": make(sides, sign) for source, sides in SOURCES.items() for order, sign in ORDERS.items()
    }


ALONE = Rival(
    "port 135 alone",
    "any connection to the endpoint mapper (CASCADE's wide reading, Sigma's old rule)",
    variants(by_flows),
)
BETWEEN_WORKSTATIONS = Rival(
    "port 135 between workstations",
    "the same, both ends on a list of workstations that is always right (here: the truth)",
    {order: by_flows(("src_ip", "dest_ip"), sign) for order, sign in ORDERS.items()},
)

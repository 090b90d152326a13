"""What a simulation recorded, as the rivals read it, and what they answer with."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

__all__ = ["ALERT", "LEARNED_DAYS", "Records", "Rival", "Variant", "opened"]

LEARNED_DAYS = 14
ALERT = "alert varchar, day integer, src_ip varchar, dest_ip varchar, first_us bigint, last_us bigint, score double"
"""A row for each pair of hosts that an alert is about. The higher the score, the sooner it is looked at; times are null where an alert is
about the pair's whole day."""
PEOPLE = ("help desk workstation", "administrator workstation", "developer workstation", "workstation", "Linux client")
"""Roles of `_truth/hosts.csv` that stand on desks: what a good inventory knows."""
MEMORY = "4GB"

PAIR_DAY = """
create table pair_day as
select
  day, src_ip, dest_ip,
  count(*) filter (dest_port = 135) as mappers,
  count(*) filter (dest_port >= 49152) as endpoints,
  count(*) filter (dest_port = 445) as smb,
  count(*) filter (not is_established) as failed,
  count(*) as flows,
  count(distinct dest_port) as ports,
  sum(epoch_us(end_time) - epoch_us(start_time)) as busy_us,
  sum(out_bytes) as out_bytes,
  sum(in_bytes) as in_bytes,
  min(epoch_us(start_time)) as first_us,
  max(epoch_us(start_time)) as last_us,
  count(*) filter (hour(start_time) < 6 or hour(start_time) >= 20) as at_night
from flow
group by all
"""
CALLED_DAY = "create table called_day as select distinct day, src_ip, dest_ip, interface from rpc_call"
NOT_CALLED = "create table called_day (day integer, src_ip varchar, dest_ip varchar, interface varchar)"
DESK = """
create table desk as
select ip, since, until
from (
  select ip, date_diff('day', date '{first}', since) as since, date_diff('day', date '{first}', until) as until, role
  from read_csv('{hosts}', types = {{'ip': 'varchar', 'since': 'date', 'until': 'date'}})
)
where role in ({roles})
"""


@dataclass(frozen=True, slots=True)
class Records:
    """A simulation's records in a database: views `flow` and `rpc_call`, tables `pair_day`, `called_day` and `desk`; days count from 0.

    Args:
        database: where they are.
        folder: the simulation.
        dates: of all days from the first to the last; the first are learned.
        learned: how many.
        command: how rpcsight is called.
    """

    database: duckdb.DuckDBPyConnection
    folder: Path
    dates: tuple[str, ...]
    learned: int
    command: tuple[str, ...]

    def folders(self, table: str, days: range) -> list[str]:
        """A table's folders of those days, as far as they are there."""
        paths = (self.folder / table / f"day={self.dates[day]}" for day in days)
        return [str(path) for path in paths if path.is_dir()]

    @property
    def tested(self) -> range:
        """The days that are not learned."""
        return range(self.learned, len(self.dates))


Variant = Callable[[Records], str]
"""Makes of the records a query for rows of `ALERT`, of tested days only."""


@dataclass(frozen=True, slots=True)
class Rival:
    """A way to find attacks.

    Args:
        name: of its row.
        about: what it is, and where it comes from.
        variants: rankings that were tried: the best of them counts.
    """

    name: str
    about: str
    variants: Mapping[str, Variant]


@contextmanager
def opened(folder: Path, command: tuple[str, ...], learned: int = LEARNED_DAYS) -> Iterator[Records]:
    """Count a simulation's records by pair and day.

    Args:
        folder: what `rpcsight simulate` wrote as Parquet.
        command: how rpcsight is called.
        learned: how many of the days are learned.
    """
    there = sorted(date.fromisoformat(path.name.removeprefix("day=")) for path in (folder / "flow").glob("day=*"))
    dates = tuple(str(there[0] + timedelta(days=number)) for number in range((there[-1] - there[0]).days + 1))
    with duckdb.connect() as database:
        database.execute(f"set threads = 2; set memory_limit = '{MEMORY}'; set preserve_insertion_order = false")
        database.execute(f"set temp_directory = '{folder.parent / 'spill'}'")
        for table in ("flow", "rpc_call"):
            if (folder / table).is_dir():
                database.execute(
                    f"create view {table} as "
                    f"select * replace (cast(date_diff('day', date '{dates[0]}', cast(day as date)) as integer) as day) "
                    f"from read_parquet('{folder}/{table}/*/*.parquet', hive_partitioning = true)"
                )
        database.execute(PAIR_DAY)
        database.execute(CALLED_DAY if (folder / "rpc_call").is_dir() else NOT_CALLED)
        roles = ", ".join(f"'{role}'" for role in PEOPLE)
        database.execute(DESK.format(first=dates[0], hosts=folder / "_truth" / "hosts.csv", roles=roles))
        yield Records(database, folder, dates, learned, command)


def of_pairs(rows: str, alert: str = "src_ip || ' ' || dest_ip") -> str:
    """The query for alerts on the whole days of pairs, of one with `day`, `src_ip`, `dest_ip` and `score`, one `alert` together."""
    return (
        f"select {alert} as alert, day, src_ip, dest_ip, "
        f"cast(null as bigint) as first_us, cast(null as bigint) as last_us, cast(score as double) as score from ({rows})"
    )

"""What a diagnosis is made from: numbers that the engine counts, and what the inputs themselves tell."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rpcsight.account import Account
from rpcsight.intake.locate import UNREADABLE
from rpcsight.intake.plan import Plan
from rpcsight.intake.read import MAPPED, OTHER_PORT, UNUSABLE
from rpcsight.pipeline import Session
from rpcsight.readers import sides

__all__ = ["Difference", "Gap", "HostClock", "Measures", "Sides", "measured"]

CLOUDS = ("aws", "azure", "gcp")
WINDOWS_LOGS = frozenset({"evtx", "windows_xml", "windows_json", "csv", "parquet"})
CLOUD_COLUMNS = {"aws": {"interfaceid", "srcaddr"}, "gcp": {"reporter", "srcip"}}
"""Columns, without signs between their words, of clouds' flow logs in other hands: tables of Athena and BigQuery."""
COLUMN = re.compile(r'"((?:[^"]|"")*)"')


@dataclass(frozen=True, slots=True)
class Gap:
    """The longest time without a candidate."""

    minutes: int
    from_time: datetime
    until_time: datetime


@dataclass(frozen=True, slots=True)
class Sides:
    """Of how many connections a file's first records show one side only, and of how many they tell."""

    source: str
    one_sided: int
    told: int


@dataclass(frozen=True, slots=True)
class Difference:
    """How far the second's times are after the first's, in seconds, on connections that both recorded.

    `whole_seconds` of the comparisons have a time of whole seconds, which was taken for its middle.
    """

    first_observer: str
    second_observer: str
    connections: int
    whole_seconds: int
    median_s: float
    lower_quartile_s: float
    upper_quartile_s: float
    least_s: float
    most_s: float


@dataclass(frozen=True, slots=True)
class HostClock:
    """What Windows events tell of a computer's clocks (`schema.events.HOST_CLOCK`)."""

    source: str
    host: str
    events: int
    without_zone: int
    moved: int
    moved_us: int
    in_both_logs: int
    apart_us: int | None
    lower_quartile_us: int | None
    upper_quartile_us: int | None
    whole_seconds: int


@dataclass(frozen=True, slots=True)
class Measures:
    """The numbers.

    Args:
        account: of the reading.
        rule: the rule's parameters: ports, and times in microseconds.
        flows: row of `steps/flow_traits.sql`.
        facts: row of `steps/fact_counts.sql`.
        sides: of each file that tells.
        halves: row of `steps/one_sided.sql`; zeros where no one-way records were asked about.
        clouds: clouds whose flow logs these are.
        time_columns: columns that times were taken from, where a reader goes by names.
        unused_files: files that were not read, with the reason.
        lines: records, and lines that could not be read as one.
        unusable: those of them that could not be used.
        skips: what was left out of the files that were read: reason, how many, an example.
        other_ports: records by port that carries RPC where the rule does not look.
        hosts: row of `steps/host_count.sql`.
        gap: the longest.
        differences: between observers' clocks, most connections first.
        host_clocks: of the computers in Windows events.
        activities: rows of rpc-activity; None where that was not asked.
    """

    account: Account
    rule: Mapping[str, int]
    flows: Mapping[str, int]
    facts: Mapping[str, int]
    sides: tuple[Sides, ...]
    halves: Mapping[str, int]
    clouds: tuple[str, ...]
    time_columns: tuple[str, ...]
    unused_files: tuple[tuple[str, str], ...]
    lines: int
    unusable: int
    skips: tuple[tuple[str, int, str], ...]
    other_ports: Mapping[int, int]
    hosts: Mapping[str, int]
    gap: Gap | None = None
    differences: tuple[Difference, ...] = ()
    host_clocks: tuple[HostClock, ...] = ()
    activities: int | None = None

    @property
    def readers(self) -> tuple[str, ...]:
        """Names of the readers, in order."""
        return tuple(sorted(self.account.readers))

    @property
    def has_windows_logs(self) -> bool:
        """Whether connections in hosts' logs may come from Windows' own (a lake that `convert` wrote may hold such)."""
        return any(name in WINDOWS_LOGS for name in self.account.readers)

    @property
    def span_s(self) -> float:
        """Seconds from the first candidate to the last."""
        first, last = self.account.first_time, self.account.last_time
        return (last - first).total_seconds() if first and last else 0.0


def measured(session: Session, *, is_short: bool = False) -> Measures:
    """Count; with `is_short`, only what takes one pass over the candidates.

    Args:
        session: opened with `is_survey` (else records on other ports and one-way records without answer are not known).
        is_short: leave out hosts, gaps, clocks' differences and the rule's results.
    """
    account, made = session.account, session.made
    unused = [(source, f"holds no flows: {why}") for source, why in made.flowless]
    unused += [(error.where, error.what.splitlines()[0]) for error in made.unusable]
    files = {(source, what) for source, what in unused}
    others = Counter[int]()
    unusable = unreadable = 0
    left_out = Counter[str]()
    examples: dict[str, str] = {}
    for skip in account.skips:
        what = skip.what.splitlines()[0]
        if what.startswith(OTHER_PORT):
            others[int(what.removeprefix(OTHER_PORT))] += skip.count
        elif (skip.source, what) not in files:
            unusable += skip.count if what.startswith(UNUSABLE) else 0
            unreadable += skip.count if what == UNREADABLE else 0
            left_out[what] += skip.count
            examples.setdefault(what, (skip.examples or (skip.source,))[0])
    gaps = [] if is_short else session.ask("longest_gap", ["candidate"])
    return Measures(
        account=account,
        rule=session.parameters,
        flows=_numbers(session, "flow_traits"),
        facts=_numbers(session, "fact_counts"),
        sides=_sides(made),
        halves={} if is_short else session.held("one_sided")[0],
        clouds=_clouds(made, account),
        time_columns=_time_columns(made),
        unused_files=tuple(unused),
        lines=account.records + unreadable,
        unusable=unusable,
        skips=tuple((what, count, examples[what]) for what, count in left_out.most_common()),
        other_ports=others,
        hosts={} if is_short else _numbers(session, "host_count"),
        gap=Gap(**gaps[0]) if gaps else None,
        differences=() if is_short else _differences(session),
        host_clocks=() if is_short else tuple(HostClock(**row) for row in session.held("host_clock")),
        activities=None if is_short else session.count("rpc-activity"),
    )


def _differences(session: Session) -> tuple[Difference, ...]:
    """None where a single sensor recorded everything: that need not be compared with itself."""
    if len(session.account.clocks) <= 1 and not _numbers(session, "fact_counts")["host_flows"]:
        return ()
    return tuple(Difference(**row) for row in session.ask("clock_difference", ["candidate"]))


def _numbers(session: Session, name: str) -> dict[str, int]:
    """The one row of a step; sums over nothing are 0."""
    return {key: int(value or 0) for key, value in session.ask(name, ["candidate"])[0].items()}


def _sides(made: Plan) -> tuple[Sides, ...]:
    looks = [Sides(item.source, *sides(reader, item)) for planned in made.scans for item, reader in planned.inputs]
    return tuple(each for each in looks if each.told)


def _clouds(made: Plan, account: Account) -> tuple[str, ...]:
    found = {cloud for cloud in CLOUDS for reader in account.readers if reader.startswith(cloud)}
    for planned in made.scans:
        columns = {re.sub(r"[^a-z]", "", name.lower()) for name in planned.scan.columns}
        found |= {cloud for cloud, names in CLOUD_COLUMNS.items() if names <= columns}
    return tuple(sorted(found))


def _time_columns(made: Plan) -> tuple[str, ...]:
    scans = [planned.scan for planned in made.scans if planned.scan.reader in MAPPED]
    columns = [COLUMN.search(scan.fields.get("start_us", "")) for scan in scans]
    return tuple(sorted({each[1].replace('""', '"') for each in columns if each}))

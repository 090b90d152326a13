"""The figures of an evaluation: plain values, in the order and with the names that JSON gives them."""

from dataclasses import asdict, dataclass
from math import ceil, sqrt
from statistics import median
from typing import Any

__all__ = ["Attack", "Curves", "Day", "Days", "Delay", "Evaluation", "Findings", "Load", "Precision", "Rank", "Recall"]

Z = 1.959964
"""Of a normal distribution, 95 % lies within this many standard deviations."""


@dataclass(frozen=True, slots=True)
class Days:
    """The days that count; `first` and `last` are dates, None where there is no finding and no attack."""

    first: str | None
    last: str | None
    count: int
    with_attacks: int


@dataclass(frozen=True, slots=True)
class Findings:
    """How many count; those below the least score, or that begin on other days, are left out."""

    count: int
    left_out_by_score: int
    left_out_by_day: int


@dataclass(frozen=True, slots=True)
class Recall:
    """How many attacks were found; `low` to `high` is Wilson's interval of 95 % (E. B. Wilson, JASA 22, 1927). None where there is none."""

    name: str
    attacks: int
    found: int
    recall: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, name: str, attacks: int, found: int) -> "Recall":
        """The recall and its interval."""
        if not attacks:
            return cls(name, 0, 0, None, None, None)
        share, z2 = found / attacks, Z * Z
        middle = (share + z2 / (2 * attacks)) / (1 + z2 / attacks)
        half = Z / (1 + z2 / attacks) * sqrt(share * (1 - share) / attacks + z2 / (4 * attacks * attacks))
        return cls(name, attacks, found, share, max(0.0, middle - half), min(1.0, middle + half))


@dataclass(frozen=True, slots=True)
class Precision:
    """Of the first `at` findings of each day, how many are right; None where there is no finding."""

    at: int
    findings: int
    right: int
    precision: float | None


@dataclass(frozen=True, slots=True)
class Load:
    """Findings a day on some days; `over_budget` days have more than the budget. None where there is no such day."""

    days: int
    findings: int
    mean: float | None
    median: float | None
    most: int | None
    over_budget: int

    @classmethod
    def of(cls, counts: list[int], budget: int) -> "Load":
        """The load of days with so many findings each."""
        if not counts:
            return cls(0, 0, None, None, None, 0)
        over = sum(count > budget for count in counts)
        return cls(len(counts), sum(counts), sum(counts) / len(counts), float(median(counts)), max(counts), over)


@dataclass(frozen=True, slots=True)
class Rank:
    """Where the first right finding stands: of the days that have one, at the median; and of all findings together."""

    days: int
    median: float | None
    overall: int | None

    @classmethod
    def of(cls, ranks: list[int], overall: int | None) -> "Rank":
        """Of the days' ranks."""
        return cls(len(ranks), float(median(ranks)) if ranks else None, overall)


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds from the first step of an attack to the first finding about it, of the attacks found."""

    attacks: int
    median: float | None
    p90: float | None
    longest: float | None

    @classmethod
    def of(cls, seconds: list[float]) -> "Delay":
        """Of the attacks' seconds."""
        if not seconds:
            return cls(0, None, None, None)
        ninth = sorted(seconds)[ceil(len(seconds) * 0.9) - 1]
        return cls(len(seconds), float(median(seconds)), ninth, max(seconds))


@dataclass(frozen=True, slots=True)
class Curves:
    """How many attacks would be found, were more or fewer findings looked at.

    Args:
        by_rank: (first findings of each day, attacks found), where that grows.
        by_score: (findings a day above a score for all days, attacks found), where that grows.
    """

    by_rank: tuple[tuple[int, int], ...]
    by_score: tuple[tuple[float, int], ...]


@dataclass(frozen=True, slots=True)
class Attack:
    """What became of an attack.

    Args:
        attack: its name in the labels.
        kind: as there.
        techniques: of its steps.
        visibility: of its most visible step.
        first_time: its first step, UTC.
        steps: how many count.
        found_steps: how many of those were found.
        is_found: at least one.
        rank: the best rank, of its day, of a finding about it; None where there is no such finding.
        seconds: from the first step to the first finding about it within the budget; None where not found.
    """

    attack: str
    kind: str
    techniques: tuple[str, ...]
    visibility: str
    first_time: str
    steps: int
    found_steps: int
    is_found: bool
    rank: int | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Day:
    """A day: how many findings, how many of those are right, and whether an attack was under way."""

    day: str
    findings: int
    right: int
    has_attack: bool


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well findings tell attacks.

    Args:
        budget: how many findings a day are looked at.
        least: the score below which findings are left out; None for none.
        days: the days that count.
        findings: those that count, and why others don't.
        recall: of all attacks that count.
        left_out: attacks that don't, since records can't show them: by visibility.
        by_technique: an attack counts once for each of its techniques, found where a step of that technique is.
        by_kind: as the labels call them.
        by_visibility: by the most visible step.
        precision: at 1, 5, 10 and the budget.
        benign_days: findings a day, days without an attack under way.
        all_days: findings a day.
        first_right: rank of the first right finding.
        delay: time to find.
        curves: recall at other budgets.
        attacks: each, by time.
        daily: each day.
        notes: what makes the figures doubtful, in words.
    """

    budget: int
    least: float | None
    days: Days
    findings: Findings
    recall: Recall
    left_out: dict[str, int]
    by_technique: tuple[Recall, ...]
    by_kind: tuple[Recall, ...]
    by_visibility: tuple[Recall, ...]
    precision: tuple[Precision, ...]
    benign_days: Load
    all_days: Load
    first_right: Rank
    delay: Delay
    curves: Curves
    attacks: tuple[Attack, ...]
    daily: tuple[Day, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values, keys in the order of the fields."""
        return asdict(self)

"""Findings held against the truth: ranked day by day as a person would look at them, and counted."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate

from rpcsight.errors import InputError
from rpcsight.evaluation.alerts import DAY_US, Alert, Pair, Step
from rpcsight.evaluation.figures import (
    Attack,
    Curves,
    Day,
    Days,
    Delay,
    Evaluation,
    Findings,
    Load,
    Precision,
    Rank,
    Recall,
)
from rpcsight.evaluation.matching import Matcher

__all__ = ["BUDGET", "VISIBILITIES", "judge"]

BUDGET = 10
AT = (1, 5, 10)
VISIBILITIES = ("flow", "pipe", "none")
"""Most visible first; whatever else labels say comes after."""
MOST_DAYS = 3660
SECOND_US = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def judge(
    findings: Iterable[Alert],
    labels: Sequence[Step],
    budget: int = BUDGET,
    days: tuple[date | None, date | None] = (None, None),
    *,
    visible: Collection[str] | None = None,
    least: float | None = None,
) -> Evaluation:
    """Rank the findings of each day by score, and hold them against the steps of attacks.

    An attack is found when one of its steps is what one of a day's first `budget` findings is about: the same client and server, at
    the same time give or take 60 s. A finding is right when it is about any step, of attacks that are left out, too.

    Args:
        findings: what a detector said, in any order.
        labels: what is true.
        budget: how many findings a day are looked at.
        days: the first and the last UTC day that count, None for the first or last of any finding or step; findings and steps
            belong to the UTC day on which they begin.
        visible: attacks whose most visible step is of none of these are left out; None for no such limit.
        least: findings with a lower score are left out.

    Raises:
        InputError: the days are more than ten years.
    """
    given = list(findings)
    scored = given if least is None else [each for each in given if each.score >= least]
    low, high = _span([each.day for each in (*scored, *labels)], days)
    counted = sorted((each for each in scored if low <= each.day <= high), key=_order)
    seen = _Seen(budget)
    matcher = Matcher(labels)
    for alert in counted:
        seen.add(alert, matcher.matches(alert))
    span = range(low, high + 1)
    attacks, left_out = _attacks(labels, span, visible)
    busy = _busy(labels, span)
    told = [_told(name, labels, places, seen) for name, places in attacks.items()]
    places = [place for own in attacks.values() for place in own]
    return Evaluation(
        budget=budget,
        least=least,
        days=Days(_date(low) if span else None, _date(high) if span else None, len(span), len(busy)),
        findings=Findings(len(counted), len(given) - len(scored), len(scored) - len(counted)),
        recall=Recall.of("all", len(told), sum(each.is_found for each in told)),
        left_out=left_out,
        by_technique=_recalls(((name, labels[at].attack, at) for at in places for name in labels[at].techniques), seen),
        by_kind=_recalls(((labels[at].kind, labels[at].attack, at) for at in places if labels[at].kind), seen),
        by_visibility=_recalls(
            ((each.visibility, each.attack, at) for each in told for at in attacks[each.attack] if each.visibility),
            seen,
        ),
        precision=tuple(seen.precision(at) for at in sorted({*AT, budget})),
        benign_days=Load.of([seen.findings[day] for day in span if day not in busy], budget),
        all_days=Load.of([seen.findings[day] for day in span], budget),
        first_right=Rank.of(list(seen.first_right.values()), seen.first_overall),
        delay=Delay.of([each.seconds for each in told if each.seconds is not None]),
        curves=Curves(
            _grown(attacks, seen.rank),
            tuple((place / len(span), found) for place, found in _grown(attacks, seen.overall)),
        ),
        attacks=tuple(sorted(told, key=lambda each: (each.first_time, each.attack))),
        daily=tuple(Day(_date(day), seen.findings[day], seen.right[day], day in busy) for day in span),
        notes=tuple(_notes(counted, [labels[at] for at in places], seen.tied, budget)),
    )


@dataclass(slots=True)
class _Seen:
    """What shows as findings are looked at in order of score."""

    budget: int
    count: int = 0
    findings: Counter[int] = field(default_factory=Counter)
    right: Counter[int] = field(default_factory=Counter)
    ranks: Counter[int] = field(default_factory=Counter)
    right_ranks: Counter[int] = field(default_factory=Counter)
    first_right: dict[int, int] = field(default_factory=dict)
    first_overall: int | None = None
    rank: dict[int, int] = field(default_factory=dict)
    overall: dict[int, int] = field(default_factory=dict)
    found_us: dict[int, int] = field(default_factory=dict)
    cut: dict[int, float] = field(default_factory=dict)
    tied: int = 0

    def add(self, alert: Alert, steps: set[int]) -> None:
        """The next finding, and the places of the steps that it is about."""
        day = alert.day
        self.findings[day] += 1
        self.count += 1
        rank = self.findings[day]
        self.ranks[rank] += 1
        if rank == self.budget:
            self.cut[day] = alert.score
        self.tied += rank == self.budget + 1 and self.cut[day] == alert.score
        if not steps:
            return
        self.right[day] += 1
        self.right_ranks[rank] += 1
        self.first_right.setdefault(day, rank)
        self.first_overall = self.first_overall or self.count
        for step in steps:
            self.rank[step] = min(rank, self.rank.get(step, rank))
            self.overall.setdefault(step, self.count)
            if rank <= self.budget:
                self.found_us[step] = min(alert.lead.first_us, self.found_us.get(step, alert.lead.first_us))

    def precision(self, at: int) -> Precision:
        """Of each day's first findings together."""
        shown = sum(count for rank, count in self.ranks.items() if rank <= at)
        right = sum(count for rank, count in self.right_ranks.items() if rank <= at)
        return Precision(at, shown, right, right / shown if shown else None)


def _span(days: Sequence[int], asked: tuple[date | None, date | None]) -> tuple[int, int]:
    """The first and last day that count; the last before the first where there is none."""
    first, last = ((day - EPOCH.date()).days if day else None for day in asked)
    within = [day for day in days if (first is None or day >= first) and (last is None or day <= last)]
    if not within and (first is None or last is None):
        return 0, -1
    low, high = min(within) if first is None else first, max(within) if last is None else last
    if high - low >= MOST_DAYS:
        hint = "see to wrong times in either, or name the days that count: --since 2026-03-16 --until 2026-03-29"
        raise InputError(
            "findings and labels", f"they span {_date(low)} to {_date(high)}, over {MOST_DAYS:,} days", hint
        )
    return low, high


def _order(alert: Alert) -> tuple[object, ...]:
    """By score; what is alike after that by all it has, so that the order of the input does not matter."""
    return (-alert.score, *_key(alert.lead), *sorted(_key(pair) for pair in alert.pairs))


def _key(pair: Pair) -> tuple[int, str, str, int]:
    return pair.first_us, pair.src_ip or "", pair.dest_ip or "", pair.last_us


def _attacks(
    labels: Sequence[Step], span: range, visible: Collection[str] | None
) -> tuple[dict[str, list[int]], dict[str, int]]:
    """The places of each attack's steps that begin in the span, and how many attacks are left out by visibility."""
    attacks: dict[str, list[int]] = {}
    for place, step in enumerate(labels):
        if step.day in span:
            attacks.setdefault(step.attack, []).append(place)
    left_out: Counter[str] = Counter()
    for name, places in list(attacks.items()):
        if visible is not None and (best := _visibility(labels[place] for place in places)) not in visible:
            left_out[best] += 1
            del attacks[name]
    return attacks, dict(sorted(left_out.items()))


def _busy(labels: Sequence[Step], span: range) -> set[int]:
    """The days on which a step is under way."""
    changes: Counter[int] = Counter()
    for step in labels:
        first, after = max(step.day, span.start), min(step.end_us // DAY_US + 1, span.stop)
        if first < after:
            changes[first] += 1
            changes[after] -= 1
    running = accumulate(changes[day] for day in span)
    return {day for day, number in zip(span, running, strict=True) if number}


def _visibility(steps: Iterable[Step]) -> str:
    words = {step.visibility for step in steps}
    return min(words, key=lambda word: (VISIBILITIES.index(word) if word in VISIBILITIES else len(VISIBILITIES), word))


def _told(name: str, labels: Sequence[Step], places: Sequence[int], seen: _Seen) -> Attack:
    steps = [labels[place] for place in places]
    first = min(steps, key=lambda step: (step.start_us, step.dest_ip, step.kind))
    found = [seen.found_us[place] for place in places if place in seen.found_us]
    return Attack(
        attack=name,
        kind=first.kind,
        techniques=tuple(sorted({technique for step in steps for technique in step.techniques})),
        visibility=_visibility(steps),
        first_time=f"{(EPOCH + timedelta(microseconds=first.start_us)).replace(tzinfo=None).isoformat()}Z",
        steps=len(steps),
        found_steps=len(found),
        is_found=bool(found),
        rank=_best(places, seen.rank),
        seconds=max(0, min(found) - first.start_us) / SECOND_US if found else None,
    )


def _best(places: Iterable[int], ranks: Mapping[int, int]) -> int | None:
    return min((ranks[place] for place in places if place in ranks), default=None)


def _recalls(parts: Iterable[tuple[str, str, int]], seen: _Seen) -> tuple[Recall, ...]:
    """The recall of each name, most attacks first.

    Args:
        parts: name, attack and the place of a step.
        seen: which steps were found.
    """
    found: dict[str, dict[str, bool]] = {}
    for name, attack, place in parts:
        own = found.setdefault(name, {})
        own[attack] = own.get(attack, False) or place in seen.found_us
    made = (Recall.of(name, len(own), sum(own.values())) for name, own in found.items())
    return tuple(sorted(made, key=lambda each: (-each.attacks, each.name)))


def _grown(attacks: Mapping[str, Sequence[int]], ranks: Mapping[int, int]) -> tuple[tuple[int, int], ...]:
    """How many attacks are found up to each rank at which one is found first."""
    best = (_best(places, ranks) for places in attacks.values())
    counts = sorted(Counter(rank for rank in best if rank is not None).items())
    return tuple(zip((rank for rank, _ in counts), accumulate(count for _, count in counts), strict=True))


def _notes(findings: Sequence[Alert], steps: Sequence[Step], tied: int, budget: int) -> Iterable[str]:
    if not steps:
        yield "no attack counts on these days: nothing can be said of recall"
    if not findings:
        yield "there is no finding on these days"
    if tied:
        yield f"days on which findings {budget:,} and {budget + 1:,} have the same score: {tied:,}; which is looked at is by time there"
    if long := sum(each.lead.last_us - each.lead.first_us > DAY_US for each in findings):
        yield f"findings that last more than a day: {long:,}; each is ranked on its first, and about all between its hosts until its end"
    if findings and steps:
        named = {ip for each in findings for pair in (each.lead, *each.pairs) for ip in (pair.src_ip, pair.dest_ip)}
        if named.isdisjoint(ip for step in steps for ip in (step.src_ip, step.dest_ip)):
            yield "no address of the labels is in any finding: they may be of another network"


def _date(day: int) -> str:
    return (EPOCH + timedelta(days=day)).date().isoformat()

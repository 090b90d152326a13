"""An evaluation for people, in lines of at most 80 columns."""

import textwrap
from collections.abc import Iterator, Sequence

from rpcsight.evaluation.figures import Attack, Evaluation, Load, Recall
from rpcsight.writers.table import printable

__all__ = ["as_text"]

WIDTH = 80
LABEL = 14
NAME = 34
SHORT, TIME = 27, 18
SHOWN = 20
"""Rows of a table of recalls; JSON has all."""
UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def as_text(evaluation: Evaluation) -> str:
    """All that a person needs to compare; JSON has every attack and day beside."""
    return "".join(f"{line.rstrip()}\n" for line in _lines(evaluation))


def _lines(of: Evaluation) -> Iterator[str]:
    yield from _wrapped(_given(of))
    yield ""
    yield from _labelled("found", _found(of))
    if of.left_out:
        told = ", ".join(f"{count:,} {_name(name) or 'not told'}" for name, count in of.left_out.items())
        yield from _labelled("left out", f"attacks that these records can't show, by visibility: {told}")
    yield from _labelled("time to find", _delay(of))
    yield from _labelled("first right", _rank(of))
    yield from (line for note in of.notes for line in _labelled("note", note))
    for title, recalls in (("kind", of.by_kind), ("technique", of.by_technique), ("visibility", of.by_visibility)):
        yield from _recalls(title, recalls)
    yield from _missed([each for each in of.attacks if not each.is_found])
    yield ""
    yield "first of each day" + "".join(f"{each.at:>9,}" for each in of.precision)
    yield "precision        " + "".join(f"{_number(each.precision):>9}" for each in of.precision)
    yield "right, of        " + "".join(f"{f'{each.right:,}/{each.findings:,}':>9}" for each in of.precision)
    yield ""
    yield f"{'findings a day':<22}{'days':>6}{'mean':>9}{'median':>9}{'most':>8}{f'over {of.budget:,}':>12}"
    yield _load("days without attack", of.benign_days)
    yield _load("all days", of.all_days)


def _given(of: Evaluation) -> str:
    days = f" on {_counted(of.days.count, 'day')} ({of.days.first} to {of.days.last}, UTC)" if of.days.count else ""
    attacks = of.recall.attacks + sum(of.left_out.values())
    text = f"{_counted(of.findings.count, 'finding')} and {_counted(attacks, 'attack')}{days}; the first {of.budget:,} a day are looked at"
    if of.findings.left_out_by_score:
        text += f"; left out: {_counted(of.findings.left_out_by_score, 'finding')} of a score below {of.least:g}"
    if of.findings.left_out_by_day:
        text += f"; left out: {_counted(of.findings.left_out_by_day, 'finding')} of other days"
    return text


def _found(of: Evaluation) -> str:
    recall = of.recall
    if recall.recall is None:
        return "no attacks to find"
    told = f"{recall.found:,} of {_counted(recall.attacks, 'attack')}: recall {_number(recall.recall)} ({_interval(recall)})"
    if missed := [each for each in of.attacks if not each.is_found]:
        below = sum(each.rank is not None for each in missed)
        told += (
            f"; missed: {below:,} below the first {of.budget:,} of a day, {len(missed) - below:,} without any finding"
        )
    return told


def _delay(of: Evaluation) -> str:
    delay = of.delay
    if delay.median is None or delay.p90 is None or delay.longest is None:
        return "nothing found"
    return f"median {_time(delay.median)}, 90 % within {_time(delay.p90)}, longest {_time(delay.longest)}"


def _rank(of: Evaluation) -> str:
    first = of.first_right
    if first.median is None:
        return "no finding is right"
    days = f"days that have one: {first.days:,} of {of.days.count:,}; with attacks: {of.days.with_attacks:,}"
    return f"median rank {first.median:g} of the day ({days}); rank {first.overall:,} of all findings"


def _recalls(title: str, recalls: Sequence[Recall]) -> Iterator[str]:
    if not recalls:
        return
    yield ""
    yield f"{'by ' + title:<{NAME}}{'attacks':>9}{'found':>8}{'recall':>9}  {'95 % interval'}"
    for each in recalls[:SHOWN]:
        name = _name(each.name)
        yield f"{name:<{NAME}}{each.attacks:>9,}{each.found:>8,}{_number(each.recall):>9}  {_interval(each)}"
    if len(recalls) > SHOWN:
        yield f"and {len(recalls) - SHOWN:,} more (--format json lists all)"


def _missed(attacks: Sequence[Attack]) -> Iterator[str]:
    """The attacks that were not found, those first that nearly were."""
    if not attacks:
        return
    yield ""
    yield f"{'missed':<{SHORT}}{'began (UTC)':<{TIME}}{'rank':>6}  kind"
    ordered = sorted(attacks, key=lambda each: (each.rank is None, each.rank, each.first_time, each.attack))
    for each in ordered[:SHOWN]:
        rank = "none" if each.rank is None else f"{each.rank:,}"
        began = each.first_time[: len("2026-11-01T09:00")].replace("T", " ")
        yield f"{_name(each.attack, SHORT):<{SHORT}}{began:<{TIME}}{rank:>6}  {_name(each.kind, SHORT)}"
    if len(attacks) > SHOWN:
        yield f"and {len(attacks) - SHOWN:,} more (--format json lists all)"


def _load(name: str, load: Load) -> str:
    if load.mean is None or load.median is None or load.most is None:
        return f"{name:<22}{0:>6}"
    return f"{name:<22}{load.days:>6,}{load.mean:>9,.1f}{load.median:>9,.1f}{load.most:>8,}{load.over_budget:>12,}"


def _interval(recall: Recall) -> str:
    return f"{_number(recall.low)} to {_number(recall.high)}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _name(text: str, width: int = NAME) -> str:
    """A name out of a file: without control characters, and cut where it is long."""
    shown = printable(text)
    return shown if len(shown) < width else f"{shown[: width - 2]}…"


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _time(seconds: float) -> str:
    for size, unit in UNITS:
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def _labelled(label: str, text: str) -> Iterator[str]:
    for number, line in enumerate(_wrapped(text, WIDTH - LABEL)):
        yield f"{'' if number else label:<{LABEL}}{line}"


def _wrapped(text: str, width: int = WIDTH) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)

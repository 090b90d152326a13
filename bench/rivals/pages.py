"""Results as the tables of docs/detections.md."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any, TypeAlias

__all__ = ["PAGE", "Result", "page", "spread", "table", "write"]

Result: TypeAlias = Mapping[str, Any]
PAGE = Path(__file__).parents[2] / "docs" / "detections.md"
BEGIN, END = "<!-- begin: {command} --write -->", "<!-- end -->"


def page(results: Sequence[Result], order: Sequence[str]) -> str:
    """The tables: what was simulated, one for each number of hosts, what kinds of attacks were found, which rankings were tried.

    Args:
        results: what was measured.
        order: of the rivals.
    """
    made = [each for each in results if not each["rival"]]
    ranks = {name: rank for rank, name in enumerate(order)}
    found = sorted(
        (each for each in results if each["rival"]), key=lambda each: ranks.get(str(each["rival"]), len(ranks))
    )
    parts = [simulations(made)] if made else []
    parts += [recalls(hosts, of(found, hosts=hosts)) for hosts in values(found, "hosts")]
    parts += [kinds(found), rankings(found)] if found else []
    return "\n".join(parts)


def write(text: str, command: str, path: Path = PAGE) -> None:
    """Put tables between the two lines of the page that name the command that makes them."""
    begin = BEGIN.format(command=command)
    old = path.read_text(encoding="utf-8")
    head, _, rest = old.partition(begin)
    _, _, tail = rest.partition(END)
    path.write_text(f"{head}{begin}\n\n{text}\n{END}{tail}", encoding="utf-8")


def simulations(made: Sequence[Result]) -> str:
    """What was simulated."""
    rows = [
        [
            f"{hosts:,}", f"{noise:g}", ", ".join(str(each["seed"]) for each in runs),
            *(spread((float(each[name]) for each in runs), "{:.0f}") for name in ("attacks", "flow", "pipe", "none", "first_seen")),
        ]
        for hosts in values(made, "hosts")
        for noise in values(of(made, hosts=hosts), "noise")
        for runs in [sorted(of(made, hosts=hosts, noise=noise), key=lambda each: each["seed"])]
    ]  # fmt: skip
    head = ["hosts", "noise", "seeds", "attacks", "in flows", "in pipes only", "encrypted", "benign first-seen pairs"]
    return table(head, rows)


def recalls(hosts: float, found: Sequence[Result]) -> str:
    """A row for each rival, with the best of its rankings."""
    noises = values(found, "noise")
    taken = {name: of(found, rival=name, variant=taken_of(of(found, rival=name))) for name in names(found)}
    rows: list[list[str]] = []
    for name in names(found):
        cells: list[str] = []
        for noise in noises:
            runs = of(taken[name], noise=noise)
            cells += [spread((100 * float(each[key]) for each in runs), "{:.0f}") for key in ("recall", "recall_flow")]
            cells.append(f"{mean(100 * float(each['precision']) for each in runs):.0f}" if runs else "")
        rows.append([name, *cells])
    heads = [f"{text}, noise {noise:g}" for noise in noises for text in ("all", "in flows", "right")]
    return f"### {hosts:,} hosts\n\n{table(['% found of', *heads], rows)}"


def kinds(found: Sequence[Result]) -> str:
    """Found and all attacks of each kind, in the runs of the middle noise of the middle number of hosts."""
    hosts, noise = (middle(values(found, key)) for key in ("hosts", "noise"))
    sized = of(found, hosts=hosts)
    chosen = {
        name: of(sized, rival=name, noise=noise, variant=taken_of(of(sized, rival=name))) for name in names(sized)
    }
    totals = {name: added(runs) for name, runs in chosen.items() if runs}
    there = {kind: max(counts[kind][1] for counts in totals.values() if kind in counts) for kind in kinds_of(totals)}
    rows = [
        [kind, str(number), *(percent(counts.get(kind)) for counts in totals.values())]
        for kind, number in there.items()
    ]
    head = ["% found of", "attacks", *totals]
    return f"### By kind of attack, {hosts:,} hosts, noise {noise:g}\n\n{table(head, rows)}"


def percent(count: tuple[float, int] | None) -> str:
    """Found of all."""
    return f"{100 * count[0] / count[1]:.0f}" if count else ""


def kinds_of(totals: Mapping[str, Mapping[str, tuple[float, int]]]) -> list[str]:
    """All kinds of attacks."""
    return sorted({kind for counts in totals.values() for kind in counts})


def added(runs: Sequence[Result]) -> dict[str, tuple[float, int]]:
    """Found and all attacks of each kind over the runs."""
    totals: dict[str, tuple[float, int]] = {}
    for each in runs:
        counts = each.get("kinds")
        for kind, (found, there) in counts.items() if isinstance(counts, Mapping) else ():
            old = totals.get(kind, (0.0, 0))
            totals[kind] = (old[0] + found, old[1] + there)
    return totals


def middle(numbers: Sequence[float]) -> float:
    """The one in the middle, or just above."""
    return numbers[len(numbers) // 2]


def rankings(found: Sequence[Result]) -> str:
    """Which rankings were taken, of those that were tried."""
    rows: list[list[str]] = []
    for hosts in values(found, "hosts"):
        for name in names(found):
            runs = of(found, rival=name, hosts=hosts)
            tried = len({each["variant"] for each in runs})
            if tried > 1:
                taken = of(runs, variant=taken_of(runs))
                alerts = mean(each["alerts"] for each in taken)
                rows.append([name, f"{hosts:,}", taken[0]["variant"], str(tried), f"{alerts:,.0f}"])
    head = ["", "hosts", "ranking taken", "tried", "alerts without a budget"]
    return f"### The rankings that were taken\n\n{table(head, rows)}"


def taken_of(runs: Sequence[Result]) -> str:
    """The ranking that finds most over all runs."""
    variants = dict.fromkeys(each["variant"] for each in runs)
    return max(variants, key=lambda name: mean(each["recall"] for each in of(runs, variant=name)))


def names(found: Sequence[Result]) -> list[str]:
    """The rivals as they were measured."""
    return list(dict.fromkeys(str(each["rival"]) for each in found))


def values(found: Sequence[Result], key: str) -> list[float]:
    """The numbers that there are, in order."""
    return sorted({each[key] for each in found if not isinstance(each[key], str)})


def of(found: Sequence[Result], **wanted: str | float) -> list[Result]:
    """Those with these values."""
    return [each for each in found if all(each[key] == value for key, value in wanted.items())]


def spread(numbers: Iterable[float], form: str) -> str:
    """Their mean, and the least and most where they differ."""
    listed = list(numbers)
    if not listed:
        return ""
    low, high = (form.format(value) for value in (min(listed), max(listed)))
    return form.format(mean(listed)) + (f" ({low}-{high})" if low != high else "")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)

"""The tables people read, and the JSON that keeps every run."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version

from growth import Step
from pairs import Row

PACKAGES = ("rpcsight", "duckdb", "pyarrow", "chdb", "eql", "zat", "pandas")


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table with aligned columns."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    cells = [[text.ljust(width) for text, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def aim(value: float) -> str:
    """Return an aim as people say it."""
    return f"<= {value:g}" if value >= 1 else f"<= 1/{1 / value:g}"


def pair_line(row: Row) -> list[str]:
    """Return a pair's cells."""
    pair = row.pair
    start = [f"{pair.key}: {pair.other}", str(pair.input)]
    if row.ours is None or row.theirs is None:
        return [*start, "-", "-", row.problem, "-", aim(pair.aim), "not run", "-", "-", "-"]
    ours, theirs = row.ours, row.theirs
    found = theirs.runs[-1].stdout if pair.key in "cde" else "-"
    return [
        *start,
        f"{ours.wall_s:.2f}",
        f"{theirs.wall_s:.2f}",
        f"{row.ratio:.3f}",
        f"{min(row.ratios):.3f}-{max(row.ratios):.3f}",
        aim(pair.aim),
        "yes" if row.ratio <= pair.aim else "no",
        f"{ours.cpu_s:.2f} / {theirs.cpu_s:.2f}",
        f"{ours.peak_mib:.0f} / {theirs.peak_mib:.0f}",
        f"{row.our_rows} / {found}",
    ]


def pairs_table(rows: list[Row]) -> str:
    """Return the table of pairs; `a / b` is rpcsight / the other."""
    head = ["what", "input", "rpcsight s", "other s", "ratio", "min-max", "aim", "reached"]
    return table([*head, "cpu s", "peak MiB", "rows"], [pair_line(row) for row in rows])


def growth_table(steps: list[Step]) -> str:
    """Return the table of the series; relative is to the first of the series, per flow."""
    first: dict[str, float] = {}
    lines: list[list[str]] = []
    for step in steps:
        start = [step.key, str(step.input)]
        if step.runs is None:
            lines.append([*start, "-", step.problem, "-", "-", "-"])
            continue
        relative = step.per_million / first.setdefault(step.key, step.per_million)
        numbers = [f"{step.runs.wall_s:.2f}", f"{step.per_million:.3f}", f"{relative:.2f}"]
        lines.append([*start, *numbers, f"{step.runs.peak_mib:.0f}", str(step.rows)])
    return table(["what", "input", "rpcsight s", "s per million", "relative", "peak MiB", "rows"], lines)


def installed(name: str) -> str:
    """Return a package's version, or that there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def record(rows: list[Row], steps: list[Step]) -> dict[str, object]:
    """Return everything measured, ready for JSON."""
    return {
        "machine": {"cpus": os.cpu_count(), "system": platform.system(), "python": platform.python_version()},
        "packages": {name: installed(name) for name in PACKAGES},
        "pairs": [
            {
                "key": row.pair.key,
                "other": row.pair.other,
                "input": str(row.pair.input),
                "aim": row.pair.aim,
                "ratio": row.ratio if row.ratios else None,
                "ratios": row.ratios,
                "rpcsight_rows": row.our_rows,
                "rpcsight": row.ours.as_json() if row.ours else None,
                "other_runs": row.theirs.as_json() if row.theirs else None,
                "problem": row.problem,
            }
            for row in rows
        ],
        "series": [
            {
                "key": step.key,
                "input": str(step.input),
                "s_per_million": step.per_million,
                "rows": step.rows,
                "rpcsight": step.runs.as_json() if step.runs else None,
                "problem": step.problem,
            }
            for step in steps
        ],
    }

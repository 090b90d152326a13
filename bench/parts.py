#!/usr/bin/env python3
"""What each part of rpcsight's score adds on simulated records: the last table of docs/detections.md.

bench/parts.py --seeds 1-5 --write

14 days are learned, the 14 after them hunted at once; then the same stories are ranked again without each part.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from detections import BUDGET, simulate, whole
from rivals.judge import judged, load_labels
from rivals.ours import Settings as Run
from rivals.ours import inputs
from rivals.ours import run as ran
from rivals.pages import spread, table, write
from rivals.records import ALERT, Records, opened
from rpcsight.findings.score import PARTS
from rpcsight.hunting import hunt, weighed
from rpcsight.pipeline import Request
from rpcsight.pipeline import opened as session_of
from rpcsight.settings import ScoreSettings, Settings

ALL = ""
"""Stands for a ranking by all parts."""


def recalls(records: Records, scratch: Path, budget: int) -> Iterator[tuple[str, str, float]]:
    """What is read, the part that is left out, and the share of attacks that are found."""
    for run in (Run(has_calls=False), Run(has_calls=True)):
        workspace = scratch / f"{run.has_calls}.duckdb"
        ran(records, "learn", inputs(records, range(records.learned), run), "--workspace", str(workspace))
        with session_of(Request(inputs(records, records.tested, run))) as session:
            hunt(session, Settings(), workspace, budget)
            for part in (ALL, *PARTS):
                groups = weighed(session, ScoreSettings(without=(part,) if part else ()), budget)
                yield run.name, part, recall(records, groups, budget)


def recall(records: Records, groups: Sequence[Sequence[Mapping[str, Any]]], budget: int) -> float:
    """The share of attacks that are among the first groups of their day; groups come best first."""
    first = min(records.dates)
    rows = [
        (str(place), f"{story['day']}", story["src_ip"], story["dest_ip"], story["first_us"], story["last_us"], -float(place))
        for place, group in enumerate(groups)
        for story in group
    ]  # fmt: skip
    records.database.execute(f"create or replace table finding ({ALERT})")
    records.database.executemany("insert into finding values (?, ?, ?, ?, ?, ?, ?)", rows)
    days = f"select * replace (day - date_diff('day', date '1970-01-01', date '{first}') as day) from finding"
    return judged(records, days, budget).recall


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print or write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=whole, default=(1,))
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--scratch", type=Path, help="where simulations are made")
    parser.add_argument("--write", action="store_true", help="put the table into docs/detections.md")
    args = parser.parse_args(argv)
    command = (sys.executable, "-m", "rpcsight")
    found: dict[tuple[str, str], list[float]] = {}
    for seed in args.seeds:
        with tempfile.TemporaryDirectory(prefix="rpcsight-bench-", dir=args.scratch) as name:
            folder = Path(name).absolute() / "corp"
            simulate(folder, command, {"hosts": args.hosts, "noise": 1, "seed": seed, "calls": "all"})
            with opened(folder, command) as records:
                load_labels(records)
                for read, part, share in recalls(records, Path(name), BUDGET):
                    found.setdefault((read, part), []).append(share)
                    print(seed, read, part or "all", f"{share:.3f}", file=sys.stderr, flush=True)
    text = page(found, args.hosts, args.seeds)
    write(text, "bench/parts.py") if args.write else print(text)
    return 0


def page(found: Mapping[tuple[str, str], Sequence[float]], hosts: int, seeds: Sequence[int]) -> str:
    """A row for each part: how many points of recall are lost without it.

    Args:
        found: recalls of the seeds, by what was read and the part that was left out.
        hosts, seeds: what was simulated.
    """
    heads = list(dict.fromkeys(read for read, _ in found))
    lost = {
        key: [100 * (every - without) for every, without in zip(found[key[0], ALL], shares, strict=True)]
        for key, shares in found.items()
    }
    parts = sorted(PARTS, key=lambda part: -mean(lost[heads[0], part]))
    rows = [["", *(f"{spread([100 * share for share in found[read, ALL]], '{:.0f}')} found" for read in heads)]]
    rows += [[f"`{part}`", *(spread(lost[read, part], "{:+.1f}") for read in heads)] for part in parts]
    told = ", ".join(str(seed) for seed in seeds)
    return f"{hosts:,} hosts, noise 1, seeds {told}\n\n" + table(["without", *heads], rows)


if __name__ == "__main__":
    sys.exit(main())

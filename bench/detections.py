#!/usr/bin/env python3
"""What rpcsight and others find on the same simulated records, at the same budget of alerts a day: the table of docs/detections.md.

bench/detections.py                                                  1,000 hosts, seed 1: some minutes
bench/detections.py --seeds 1-5 --hosts 100,1000,10000 --noise 0.3,1,3 --results bench/results/detections.jsonl --write
bench/detections.py --results bench/detections.jsonl.gz --calls all --write --seeds ""      the tables of what was measured before

14 days are learned, 14 tested. Every run is a simulation in a scratch folder that is removed. With --results each result is a line of that
file (.gz: packed); what is there already is not run again. detections.jsonl.gz has what docs/detections.md shows. Flows do not depend on
--calls: results of `--calls none` (smaller, for many hosts) are shown beside others.
"""

import argparse
import gzip
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO, cast

from rivals import RIVALS
from rivals.judge import Judged, flat, judged, load_labels, simulation
from rivals.ours import Settings, rival
from rivals.pages import Result, page, write
from rivals.records import Records, Rival, opened

BUDGET, DAYS = 10, 28
KEY = ("hosts", "noise", "seed", "calls", "budget", "rival", "variant")
"""What tells one result from another."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to run."""

    seeds: tuple[int, ...]
    hosts: tuple[int, ...]
    noise: tuple[float, ...]
    budget: int
    calls: str
    only: str
    is_others_only: bool
    has_no_baseline: bool
    command: tuple[str, ...]
    results: Path | None
    scratch: Path | None


def chosen(options: Options) -> list[Rival]:
    """The rivals in the order of the table, rpcsight last."""
    if options.is_others_only:
        return [each for each in RIVALS if options.only in each.name]
    inputs = (False,) if options.calls == "none" else (False, True)
    own = [
        Settings(has_calls=has_calls, is_learning=is_learning, budget=options.budget)
        for is_learning in ((False, True) if options.has_no_baseline else (True,))
        for has_calls in inputs
    ]
    every = [*RIVALS, *(rival(settings) for settings in own)]
    return [each for each in every if options.only in each.name]


def measured(options: Options, known: set[tuple[object, ...]]) -> Iterator[Result]:
    """Every result that is not known yet."""
    for hosts in options.hosts:
        for noise in options.noise:
            for seed in options.seeds:
                place = {"hosts": hosts, "noise": noise, "seed": seed, "calls": options.calls, "budget": options.budget}
                wanted = [
                    (each, name)
                    for each in chosen(options)
                    for name in each.variants
                    if (*place.values(), each.name, name) not in known
                ]
                if wanted:
                    yield from simulated(options, place, wanted)


def simulated(options: Options, place: dict[str, Any], wanted: Sequence[tuple[Rival, str]]) -> Iterator[Result]:
    """The results of one simulation."""
    with tempfile.TemporaryDirectory(prefix="rpcsight-bench-", dir=options.scratch) as scratch:
        folder = Path(scratch).absolute() / "corp"
        simulate(folder, options.command, place)
        with opened(folder, options.command) as records:
            load_labels(records)
            yield {**place, "rival": "", "variant": "", **flat(simulation(records))}
            for each, name in wanted:
                begin = time.perf_counter()
                if (found := tried(records, each, name, options.budget)) is None:
                    continue
                took = round(time.perf_counter() - begin, 1)
                yield {
                    **place,
                    "rival": each.name,
                    "variant": name,
                    **flat(found),
                    "seconds": took,
                }


def simulate(folder: Path, command: Sequence[str], place: Mapping[str, Any]) -> None:
    """Write the records of that many hosts, that noise, seed and choice of calls."""
    plan = [text for name in ("hosts", "noise", "seed", "calls") for text in (f"--{name}", str(place[name]))]
    subprocess.run([*command, "simulate", "-o", str(folder), "--quiet", "--days", str(DAYS), *plan], check=True)


def tried(records: Records, each: Rival, name: str, budget: int) -> Judged | None:
    """How a rival does; none, with a word, where it can't run."""
    try:
        return judged(records, each.variants[name](records), budget)
    except subprocess.CalledProcessError as cause:
        print(
            f"{each.name}: left out: exit code {cause.returncode} of {shlex.join(cause.cmd)[:80]}...", file=sys.stderr
        )
    except ImportError as cause:
        print(f"{each.name}: left out: {cause}", file=sys.stderr)
    return None


def known_results(path: Path | None) -> list[Result]:
    """The lines that an earlier run wrote."""
    if path is None or not path.exists():
        return []
    with text_file(path, "rt") as file:
        return [json.loads(line) for line in file]


def text_file(path: Path, mode: str) -> TextIO:
    """The file of results, packed where its name ends with .gz."""
    return cast("TextIO", (gzip.open if path.suffix == ".gz" else open)(path, mode, encoding="utf-8"))


def whole(text: str) -> tuple[int, ...]:
    """Whole numbers between commas, or spans of them."""
    ends = [part.partition("-") for part in filter(None, text.split(","))]
    return tuple(value for low, _, high in ends for value in range(int(low), int(high or low) + 1))


def factors(text: str) -> tuple[float, ...]:
    """Numbers between commas."""
    return tuple(float(part) for part in filter(None, text.split(",")))


def parsed(argv: Sequence[str] | None) -> tuple[Options, bool]:
    """The options, and whether the page is to be written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=whole, default=(1,))
    parser.add_argument("--hosts", type=whole, default=(1000,))
    parser.add_argument(
        "--noise", type=factors, default=(1.0,), help="factors on what workstations do among one another"
    )
    parser.add_argument("--budget", type=int, default=BUDGET, help="alerts a day (default: %(default)s)")
    parser.add_argument(
        "--calls", default="some", help="which calls sensors decode: some or all (default: %(default)s)"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="only rows whose name holds this")
    parser.add_argument("--others", action="store_true", help="leave rpcsight itself out")
    parser.add_argument(
        "--no-baseline", action="store_true", help="also rpcsight without a baseline, each day by itself"
    )
    parser.add_argument(
        "--rpcsight", default=f"{sys.executable} -m rpcsight", metavar="CMD", help="the command to measure"
    )
    parser.add_argument("--results", type=Path, help="lines of JSON: read first, and added to")
    parser.add_argument("--scratch", type=Path, help="where simulations are made (10,000 hosts: 2 GB)")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/detections.md")
    args = parser.parse_args(argv)
    options = Options(
        args.seeds, args.hosts, args.noise, args.budget, args.calls, args.only, args.others, args.no_baseline,
        tuple(shlex.split(args.rpcsight)), args.results, args.scratch,
    )  # fmt: skip
    return options, args.write


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print or write the tables."""
    options, is_writing = parsed(argv)
    results = known_results(options.results)
    known = {tuple(each[name] for name in KEY) for each in results}
    for result in measured(options, known):
        line = json.dumps(result)
        if tuple(result[name] for name in KEY) not in known:
            results.append(result)
            if options.results:
                with text_file(options.results, "at") as file:
                    file.write(f"{line}\n")
        print(line, file=sys.stderr, flush=True)
    # what reads no calls finds the same in records without any
    shown = [each for each in results if each["calls"] in {options.calls, "none"} and each["budget"] == options.budget]
    everyone = replace(options, only="", is_others_only=False, has_no_baseline=True)
    text = page(shown, [each.name for each in chosen(everyone)])
    write(text, "bench/detections.py") if is_writing else print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

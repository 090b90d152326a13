"""The benchmark: rpcsight against others, whole processes in turn, one table.

Makes the inputs it needs in bench/data first. Parts: a (bare scan), b (zcat), c (EQL), d (zat and pandas),
e (ClickHouse), f (bare scan of exports in JSON), growth (1, 10, 100 million flows), skew (one pair of hosts against many).
"""

import argparse
import json
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from growth import GROWTH, SKEW, Step, series
from inputs import HERE
from pairs import PAIRS, Row, compare
from report import growth_table, pairs_table, record

PARTS = ("a", "b", "c", "d", "e", "f", "growth", "skew")
SMALL = 20


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PARTS), help=f"parts, by commas, of {','.join(PARTS)}")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each, after one uncounted (default 5)")
    parser.add_argument("--small", action="store_true", help=f"inputs {SMALL} times smaller, to try it out")
    parser.add_argument("--rpcsight", metavar="CMD", default="", help="the command to measure (default: rpcsight)")
    parser.add_argument("--data", type=Path, default=HERE / "data", help="folder of the inputs (default bench/data)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every single run here too")
    args = parser.parse_args(argv)
    args.only = args.only.split(",")
    if unknown := set(args.only) - set(PARTS):
        parser.error(f"--only: {', '.join(sorted(unknown))} is none of {', '.join(PARTS)}")
    if args.runs < 1:
        parser.error("--runs must be at least 1")
    return args


def command(given: str) -> list[str]:
    """Return the words of the command to measure: as given, or the rpcsight beside this Python, or on the PATH."""
    if given:
        return shlex.split(given)
    beside = shutil.which("rpcsight", path=str(Path(sys.executable).parent))
    return [beside or shutil.which("rpcsight") or "rpcsight"]


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    args = arguments(argv)
    base, factor = command(args.rpcsight), SMALL if args.small else 1
    rows: list[Row] = []
    steps: list[Step] = []
    with tempfile.TemporaryDirectory(prefix="rpcsight-bench-") as folder:
        scratch = Path(folder)
        for pair in (pair.smaller(factor) for pair in PAIRS if pair.key in args.only):
            print(f"{pair.key}: {pair.other}, {pair.input} ...", file=sys.stderr, flush=True)
            rows.append(compare(pair, base, args.data, scratch, args.runs))
        for key, inputs in (("growth", GROWTH), ("skew", SKEW)):
            if key in args.only:
                print(f"{key} ...", file=sys.stderr, flush=True)
                smaller = [wanted.smaller(factor) for wanted in inputs]
                steps += series(smaller, base, args.data, scratch, key=key, runs=args.runs)
    if rows:
        print(pairs_table(rows))
    if steps:
        print(growth_table(steps) if not rows else "\n" + growth_table(steps))
    if args.json:
        args.json.write_text(json.dumps(record(rows, steps), indent=2) + "\n", encoding="utf-8")
    return 1 if any(row.problem and not row.missing for row in rows) or any(step.problem for step in steps) else 0


if __name__ == "__main__":
    sys.exit(main())

"""The pairs: rpcsight and something else on the same flows."""

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from inputs import HERE, Input
from measure import FailedError, Runs, interleaved

Command = Callable[[Path, Path], list[str]]
"""Given an input and a file for the results: what to run."""


@dataclass(frozen=True)
class Pair:
    """One row of the table."""

    key: str
    other: str
    input: Input
    command: Command
    aim: float
    module: str = ""
    other_input: Input | None = None

    def smaller(self, factor: int) -> "Pair":
        """Return the same pair on smaller inputs."""
        other = self.other_input.smaller(factor) if self.other_input else None
        small = self.input.smaller(factor)
        return Pair(self.key, self.other, small, self.command, self.aim, self.module, other)


@dataclass(frozen=True)
class Row:
    """What became of a pair: runs of both, or why there are none (`missing`: the other is not installed)."""

    pair: Pair
    ours: Runs | None = None
    theirs: Runs | None = None
    our_rows: int = 0
    problem: str = ""
    missing: bool = False
    ratios: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """The median of the ratios of neighbouring runs, rpcsight to the other."""
        return median(self.ratios)


def script(name: str, *options: str, out: bool = True) -> Command:
    """Return the command that runs one of the competitors' scripts."""

    def command(path: Path, results: Path) -> list[str]:
        tail = ["-o", str(results)] if out else []
        return [sys.executable, str(HERE / "competitors" / name), str(path), *options, *tail]

    return command


def zcat(path: Path, _results: Path) -> list[str]:
    """Return the command that only unpacks and counts lines."""
    return ["sh", "-c", f"zcat {shlex.quote(str(path))} | wc -l"]


def scan(form: str, flows: int, key: str = "a", aim: float = 1.25) -> Pair:
    """Return a pair with the bare scan of the same file."""
    bare = script("bare_scan.py", "--format", form, out=False)
    return Pair(key, "bare DuckDB scan", Input(form, flows), bare, aim, "duckdb")


def clickhouse(form: str, flows: int) -> Pair:
    """Return a pair with ClickHouse on the same file."""
    join = script("clickhouse_join.py", "--format", form)
    return Pair("e", "ClickHouse join (chdb)", Input(form, flows), join, 1.0, "chdb")


PAIRS = [
    scan("parquet", 20_000_000),
    scan("zeek-tsv", 5_000_000),
    scan("zeek-json", 5_000_000),
    scan("aws-text", 2_500_000),
    Pair("b", "zcat, wc -l", Input("zeek-tsv.gz", 5_000_000), zcat, 1.0),
    Pair(
        "c",
        "EQL sequence (eql)",
        Input("zeek-json", 2_000_000),
        script("eql_sequence.py"),
        1 / 40,
        "eql",
        Input("eql-json", 2_000_000),
    ),
    Pair("d", "zat, pandas merge_asof", Input("zeek-tsv", 2_000_000), script("zat_merge_asof.py"), 1 / 10, "zat"),
    clickhouse("parquet", 20_000_000),
    clickhouse("zeek-tsv", 5_000_000),
    clickhouse("zeek-tsv.gz", 5_000_000),
    clickhouse("zeek-json", 5_000_000),
    scan("eve-json", 1_000_000, "f", 1.5),
    scan("ecs-json", 1_000_000, "f", 1.5),
    scan("ocsf-json", 1_000_000, "f", 1.5),
]


def rpcsight(base: list[str], path: Path, results: Path) -> list[str]:
    """Return rpcsight's command line."""
    return [*base, "run", "rpc-activity", str(path), "--format", "jsonl", "-o", str(results)]


def count_lines(path: Path) -> int:
    """Return the number of lines of a results file (0 if there is none)."""
    if not path.is_file():
        return 0
    with path.open("rb") as lines:
        return sum(1 for _ in lines)


def compare(pair: Pair, base: list[str], data: Path, scratch: Path, runs: int) -> Row:
    """Make the inputs, run both in turn, return the row; a competitor that is not there or fails gives no numbers."""
    if pair.module and find_spec(pair.module) is None:
        return Row(pair, problem=f"{pair.module} is not installed", missing=True)
    path = pair.input.ready(data)
    other_path = pair.other_input.ready(data) if pair.other_input else path
    ours, theirs = scratch / "ours.jsonl", scratch / "theirs.jsonl"
    ours.unlink(missing_ok=True)
    try:
        results = interleaved([rpcsight(base, path, ours), pair.command(other_path, theirs)], runs)
    except FailedError as error:
        return Row(pair, problem=str(error))
    ratios = [a.wall_s / b.wall_s for a, b in zip(results[0].runs, results[1].runs, strict=True)]
    return Row(pair, results[0], results[1], count_lines(ours), ratios=ratios)

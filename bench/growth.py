"""How rpcsight's time and memory grow: with the number of flows, and when all flows are of one pair of hosts."""

from dataclasses import dataclass
from pathlib import Path

from inputs import Input
from measure import FailedError, Runs, interleaved
from pairs import count_lines, rpcsight

GROWTH = [Input("parquet-files", million * 1_000_000) for million in (1, 10, 100)]
SKEW = [Input("parquet-files", 5_000_000, shape) for shape in ("mix", "spread", "hot")]


@dataclass(frozen=True)
class Step:
    """One input of a series, measured (or why not)."""

    key: str
    input: Input
    runs: Runs | None
    rows: int = 0
    problem: str = ""

    @property
    def per_million(self) -> float:
        """Seconds for a million flows."""
        return self.runs.wall_s / (self.input.flows / 1e6) if self.runs else 0.0


def series(inputs: list[Input], base: list[str], data: Path, scratch: Path, *, key: str, runs: int) -> list[Step]:
    """Run rpcsight on each input by itself."""
    steps: list[Step] = []
    out = scratch / "ours.jsonl"
    for wanted in inputs:
        path = wanted.ready(data)
        out.unlink(missing_ok=True)
        try:
            steps.append(Step(key, wanted, interleaved([rpcsight(base, path, out)], runs)[0], count_lines(out)))
        except FailedError as error:
            steps.append(Step(key, wanted, None, problem=str(error)))
    return steps

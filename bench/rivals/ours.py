"""rpcsight itself, as its user calls it: learn the first days, then every day hunt, and learn what was hunted."""

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rivals.records import ALERT, Records, Rival, Variant

__all__ = ["Settings", "alerts_of", "ours", "rival"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How rpcsight is run.

    Args:
        has_calls: whether it gets the decoded calls, too.
        is_learning: whether it has a workspace; else each day is hunted alone.
        is_daily: whether each tested day is learned after it was hunted.
        budget: alerts a day.
    """

    has_calls: bool = False
    is_learning: bool = True
    is_daily: bool = True
    budget: int = 10

    @property
    def name(self) -> str:
        """Of its row."""
        told = "flows and calls" if self.has_calls else "flows"
        told += "" if self.is_learning else ", no baseline"
        return f"rpcsight: {told}"


def rival(settings: Settings) -> Rival:
    """As one of the rows."""
    about = "`learn` 14 days, then `hunt` every day" if settings.is_learning else "`hunt` every day by itself"
    return Rival(settings.name, about, {"": variant(settings)})


def variant(settings: Settings) -> Variant:
    """Findings as alerts."""

    def alerts(records: Records) -> str:
        records.database.execute(f"create or replace table finding ({ALERT})")
        for day, found in ours(records, settings):
            rows = [row for place, finding in enumerate(found) for row in alerts_of(finding, day, place)]
            if rows:
                records.database.executemany("insert into finding values (?, ?, ?, ?, ?, ?, ?)", rows)
        return "select * from finding"

    return alerts


def ours(records: Records, settings: Settings) -> Iterator[tuple[int, list[Mapping[str, object]]]]:
    """The findings of each tested day, as many as the budget allows."""
    with tempfile.TemporaryDirectory(prefix="rpcsight-bench-") as scratch:
        out, workspace = (Path(scratch) / name for name in ("found.jsonl", "workspace.duckdb"))
        kept = ["--workspace", str(workspace)] if settings.is_learning else []
        if settings.is_learning:
            run(records, "learn", inputs(records, range(records.learned), settings), *kept)
        for day in records.tested:
            paths = inputs(records, range(day, day + 1), settings)
            if not paths:
                continue
            asked = [
                "--budget",
                str(settings.budget) if settings.is_learning else "all",
            ]  # what follows the budget is cut below
            run(records, "hunt", paths, *kept, *asked, "--format", "jsonl", "-o", str(out))
            with out.open(encoding="utf-8") as lines:
                yield day, [json.loads(line) for line, _ in zip(lines, range(settings.budget), strict=False)]
            if settings.is_learning and settings.is_daily:
                run(records, "learn", paths, *kept)


def inputs(records: Records, days: range, settings: Settings) -> list[str]:
    """The folders of those days."""
    return [*records.folders("flow", days), *(records.folders("rpc_call", days) if settings.has_calls else [])]


def run(records: Records, command: str, paths: list[str], *options: str) -> None:
    """Call rpcsight; a complaint ends the benchmark."""
    subprocess.run([*records.command, command, "--quiet", *paths, *options], check=True, stdout=subprocess.DEVNULL)


def alerts_of(
    finding: Mapping[str, object], day: int, place: int
) -> Iterator[tuple[str, int, object, object, int, int, float]]:
    """A row of `ALERT` for each pair of a finding; findings come best first, whatever their scores."""
    listed = finding.get("pairs") or [finding]
    for pair in listed if isinstance(listed, list) else []:
        times = (microseconds(pair[name] or finding[name]) for name in ("first_time", "last_time"))
        yield f"{day} {place}", day, pair["src_ip"], pair["dest_ip"], *times, float(-place)


def microseconds(text: object) -> int:
    """Since 1970."""
    delta = datetime.fromisoformat(str(text)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds

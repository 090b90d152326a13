"""The rule of CAR-2014-05-001 as published, an alert for each pair and day on which it holds, ranked by how often."""

import subprocess
import tempfile
from pathlib import Path

from rivals.mapper_port import on_desks, variants
from rivals.records import Records, Rival, Variant, of_pairs

__all__ = ["RIVAL"]


def by_matches(sides: tuple[str, ...], sign: str) -> Variant:
    """Alerts of pairs by the day's number of matches."""

    def variant(records: Records) -> str:
        if not records.database.sql("select 1 from duckdb_tables() where table_name = 'strict'").fetchall():
            match(records)
        return of_pairs(on_desks(f"select day, src_ip, dest_ip, {sign}matches as score from strict", sides))

    return variant


def match(records: Records) -> None:
    """Make the table `strict`: pairs by tested day, with how often the rule holds."""
    records.database.execute(
        "create or replace table matching (day integer, src_ip varchar, dest_ip varchar, matches bigint)"
    )
    with tempfile.TemporaryDirectory(prefix="rpcsight-bench-") as scratch:
        out = Path(scratch) / "strict.parquet"
        for day in records.tested:
            if not (flows := records.folders("flow", range(day, day + 1))):
                continue
            run = [*records.command, "run", "CAR-2014-05-001", *flows, "--quiet", "--format", "parquet", "-o", str(out)]
            subprocess.run(run, check=True)
            records.database.execute(
                f"insert into matching select {day}, src_ip, dest_ip, count(*) from read_parquet('{out}') group by all"
            )
    records.database.execute("alter table matching rename to strict")


RIVAL = Rival("strict rule alone", "`rpcsight run CAR-2014-05-001`: the rule as published", variants(by_matches))

"""Write a day of flow records, seeded and repeatable: the benchmark's inputs.

python bench/generate.py --flows 20000000 --format parquet --out bench/data/mix.parquet

A name without a suffix makes a directory of Parquet files. Records are made and written in batches by time, so memory
does not grow with the number of flows.
"""

import argparse
import gzip
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import duckdb

import flows_sql
from flows_sql import DAY_US, SHAPES, Recording

BATCH = 4_000_000
"""Flows sorted at once."""
TEXT: dict[str, tuple[Callable[[str], str], str, str]] = {
    "zeek-tsv": (flows_sql.zeek_tsv, flows_sql.TSV_HEADER, flows_sql.TSV_FOOTER),
    "zeek-tsv.gz": (flows_sql.zeek_tsv, flows_sql.TSV_HEADER, flows_sql.TSV_FOOTER),
    "zeek-json": (flows_sql.zeek_json, "", ""),
    "aws-text": (flows_sql.aws_text, flows_sql.AWS_HEADER, ""),
    "csv": (flows_sql.csv, flows_sql.COLUMNS.replace(" ", "") + "\n", ""),
    "eve-json": (flows_sql.eve_json, "", ""),
    "ecs-json": (flows_sql.ecs_json, "", ""),
    "ocsf-json": (flows_sql.ocsf_json, "", ""),
    "eql-json": (flows_sql.eql_json, "", ""),
}
FORMATS = ("parquet", *TEXT)


def slices(recording: Recording, batch: int) -> list[tuple[int | None, int | None]]:
    """Cut the day into parts of about `batch` flows: [low, high) in microseconds, open at both ends."""
    count = max(1, -(-recording.flows // batch))
    cuts = [DAY_US * part // count for part in range(1, count)]
    return list(zip([None, *cuts], [*cuts, None], strict=True))


def write_parquet(con: duckdb.DuckDBPyConnection, recording: Recording, out: Path, batch: int) -> None:
    """Write Parquet: one file if `out` has a suffix, otherwise a directory of one file a batch."""
    folder = out if not out.suffix else out.with_name(out.name + ".parts")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    parts: list[Path] = []
    for number, (low, high) in enumerate(slices(recording, batch)):
        parts.append(folder / f"part-{number:04}.parquet")
        select = flows_sql.parquet(recording.select(low, high))
        con.execute(f"copy ({select}) to '{parts[-1]}' (format parquet, row_group_size 122880)")
    if folder is out:
        return
    if len(parts) == 1:
        parts[0].replace(out)
    else:
        names = ", ".join(f"'{part}'" for part in parts)
        con.execute(f"copy (from read_parquet([{names}])) to '{out}' (format parquet, row_group_size 122880)")
    shutil.rmtree(folder)


@contextmanager
def opened(out: Path, form: str) -> Iterator[IO[bytes]]:
    """Open the output for writing bytes, through gzip where the format says so."""
    if form.endswith(".gz"):
        with out.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as packed:
            yield cast("IO[bytes]", packed)
    else:
        with out.open("wb") as raw:
            yield raw


def write_text(con: duckdb.DuckDBPyConnection, recording: Recording, out: Path, form: str, batch: int) -> None:
    """Write lines: DuckDB makes them in one text column, whose bytes go to the file as they lie in memory."""
    lines, header, footer = TEXT[form]
    order = "start_us" if form == "eql-json" else "end_us"
    with opened(out, form) as file:
        file.write(header.encode())
        for low, high in slices(recording, batch):
            reader = con.sql(lines(recording.select(low, high, order=order))).to_arrow_reader(100_000)
            for records in reader:
                column = records.column(0)
                offsets = memoryview(column.buffers()[1]).cast("i")
                first, last = offsets[column.offset], offsets[column.offset + len(column)]
                file.write(memoryview(column.buffers()[2])[first:last])
        file.write(footer.encode())


def generate(recording: Recording, form: str, out: Path, batch: int = BATCH) -> None:
    """Write `recording` to `out`; the name appears only when the data is whole."""
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name("unfinished-" + out.name)
    con = duckdb.connect(config={"temp_directory": str(out.parent / "unfinished-spill")})
    try:
        if form == "parquet":
            write_parquet(con, recording, unfinished, batch)
        else:
            write_text(con, recording, unfinished, form, batch)
    finally:
        con.close()
    if out.is_dir():
        shutil.rmtree(out)
    unfinished.replace(out)


def main(argv: list[str] | None = None) -> int:
    """Parse, write, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flows", type=int, required=True, help="how many flows, spread evenly over 24 hours")
    parser.add_argument("--format", choices=FORMATS, required=True)
    parser.add_argument("--out", type=Path, required=True, help="file; for Parquet, no suffix: a directory of files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shape", choices=SHAPES, default="mix", help="mix: an enterprise's day; hot: one pair only")
    parser.add_argument("--batch", type=int, default=BATCH, help="flows sorted at once (memory, not content)")
    args = parser.parse_args(argv)
    if args.flows < 1:
        parser.error("--flows must be at least 1")
    generate(Recording(args.flows, args.seed, args.shape), args.format, args.out, args.batch)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How Spark opens a scan's files: each line with its file, taken apart and typed as DuckDB would, the unreadable ones counted."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rpcsight.engines import Scan
from rpcsight.engines._spark_types import json_type, typed_text
from rpcsight.engines.pump import unpacked_blocks
from rpcsight.errors import InputError

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, Observation, SparkSession

__all__ = ["PATH", "Raw", "Staged", "raw", "staged"]

PATH = "path of the file"
OPENED = "path as opened"
LINE = "line of the file"
CELLS = "cells of the line"
NOTE = "note on the line"
NOTE_TYPE = "struct<kind: string, path: string, what: string, begins: string>"
UNREADABLE, MARKED, CHANGED, HEADER = "unreadable", "marked", "changed", "header"
WHOLE = "whether the line is whole"
GIVEN = "whether there is a value of "
HEADER_BYTES = 1 << 20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SHOWN_LETTERS = 80
PLAIN_PATH = re.compile(r"[\w./-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
CODECS = (".gz", ".bz2", ".deflate", ".snappy", ".lz4", ".zst")


@dataclass(frozen=True, slots=True)
class Raw:
    """A scan's raw columns and `PATH`, not yet read.

    Args:
        rows: every record that can be read.
        count: notes, while `rows` are read: `records`, `unreadable`, `changed` (header lines that differ), and `least` and
            `greatest`, two of the unreadable lines: file, what is wrong, how the line begins.
        again: makes what reads the records for these notes alone.
    """

    rows: "DataFrame"
    count: "Observation"
    again: "Callable[[], DataFrame]"

    def counts(self) -> dict[str, Any]:
        """The notes, once `rows` were read."""
        from py4j.protocol import Py4JJavaError

        try:
            return self.count.get
        except Py4JJavaError as cause:
            if "toPyRow" not in str(cause):
                raise
        # Spark answered without reading: its optimizer saw that nothing of the rows is asked for.
        return self.again().collect()[0].asDict()


@dataclass(frozen=True, slots=True)
class Staged:
    """Files ready for Spark.

    Args:
        files: for each file, as Spark shall open it, what it is called in results.
        broken: errors of files that were unpacked here and end in the middle; what came before is there.
    """

    files: Mapping[str, str]
    broken: Sequence[InputError]


def staged(scan: Scan, scratch: str, *, inflate: bool = False) -> Staged:
    """Bring a scan's files under names and into forms that Spark opens.

    Spark tells compression by the name, takes `*[]{}` for patterns, passes over names that begin with `.` or `_`, and has no zstd:
    such files get a link, or an unpacked copy, in the scratch folder.

    Args:
        scan: gives the files.
        scratch: for links and copies.
        inflate: unpack gzip, too.
    """
    files: dict[str, str] = {}
    broken: list[InputError] = []
    for path in scan.paths:
        full = str(Path(path).absolute())
        if scan.compression == "zst" or (inflate and scan.compression):
            full = _unpacked(full, scan, scan.source or path, scratch, broken)
        elif not _is_plain(full, scan.compression):
            link = _spare(scratch, ".gz" if scan.compression else "")
            link.symlink_to(full)
            full = str(link)
        files[full] = scan.source or path
    return Staged(files, broken)


def raw(session: "SparkSession", scan: Scan, files: Mapping[str, str]) -> Raw:
    """What reading the scan's files will give.

    Args:
        session: reads them.
        scan: how they are written.
        files: of `staged`.
    """
    from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention

    reader = session.read.option("recursiveFileLookup", "true")  # folders named `date=…` are no columns
    form = "parquet" if scan.form == "parquet" else "text"
    opened = reader.format(form).load(list(files))
    path = F.regexp_replace("_metadata.file_path", "^file:(//)?", "")
    rows = _named(session, opened.select(*map(_column, opened.columns), path.alias(OPENED)), files)
    if scan.form == "parquet":
        return _counted(rows.select(*_parquet_columns(rows, scan), PATH, F.lit(None).cast(NOTE_TYPE).alias(NOTE)))
    lines = rows.filter(F.trim("value") != "").select(F.col("value").alias(LINE), PATH)
    return _json(lines, scan) if scan.form == "json" else _csv(lines, scan, files)


def _is_plain(path: str, compression: str) -> bool:
    """Whether Spark opens the file under its own name, and as what it is."""
    ending = path.endswith(".gz") if compression == "gz" else not path.endswith(CODECS)
    return ending and PLAIN_PATH.fullmatch(path) is not None


def _unpacked(path: str, scan: Scan, source: str, scratch: str, broken: list[InputError]) -> str:
    """A copy; of a file that ends in the middle, its whole lines."""
    copy = _spare(scratch)
    with copy.open("w+b") as out:
        try:
            out.writelines(unpacked_blocks(path, scan.compression, source))
        except InputError as error:
            broken.append(error)
            end = out.tell()
            start = max(0, end - scan.longest_line)
            out.seek(start)
            out.truncate(start + out.read().rfind(b"\n") + 1)
    return str(copy)


def _spare(scratch: str, ending: str = "") -> Path:
    """A name that is free in the scratch folder."""
    return Path(scratch) / f"spark-{len(list(Path(scratch).iterdir()))}{ending}"


def _named(session: "SparkSession", rows: "DataFrame", files: Mapping[str, str]) -> "DataFrame":
    """`OPENED` replaced by `PATH`."""
    from pyspark.sql import functions as F  # noqa: N812

    if len(set(files.values())) == 1:
        return rows.withColumn(PATH, F.lit(next(iter(files.values())))).drop(OPENED)
    called = session.createDataFrame(pa.table({OPENED: list(files), PATH: list(files.values())}))
    return rows.join(F.broadcast(called), OPENED).drop(OPENED)


def _parquet_columns(rows: "DataFrame", scan: Scan) -> "Iterator[Column]":
    """The columns; times of nanoseconds, which Spark gives as whole numbers, as times again."""
    from pyspark.sql import functions as F  # noqa: N812

    types = dict(rows.dtypes)
    for name in _wanted(scan):
        column = _column(name)
        if str(scan.columns[name]).startswith("TIMESTAMP"):
            column = (
                F.timestamp_micros(F.call_function("div", column, F.lit(1000)))
                if types[name] == "bigint"
                else column.cast("timestamp")
            )
        yield column.alias(name)


def _column(name: str) -> "Column":
    """The column of that very name, dots and all."""
    from pyspark.sql import functions as F  # noqa: N812

    return F.col("`" + name.replace("`", "``") + "`")


def _json(rows: "DataFrame", scan: Scan) -> Raw:
    """A line that is no object becomes a record without values, as in DuckDB."""
    from pyspark.sql import functions as F  # noqa: N812

    names = _wanted(scan)
    fields = json_type({name: scan.columns[name] for name in names})
    is_whole = F.is_valid_utf8(LINE) & F.rtrim(LINE).endswith("}")
    record = F.from_json(F.when(is_whole, F.col(LINE)), fields, {"allowSingleQuotes": "false"})
    parsed = rows.select(record.alias(CELLS), PATH)
    columns = [typed_text(F.col(CELLS).getField(name), scan.columns[name]).alias(name) for name in names]
    return _counted(parsed.select(*columns, PATH, F.lit(None).cast(NOTE_TYPE).alias(NOTE)))


def _csv(rows: "DataFrame", scan: Scan, files: Mapping[str, str]) -> Raw:
    """Lines taken apart; those with another number of columns, or a value of the wrong type, can't be read."""
    from pyspark.sql import functions as F  # noqa: N812

    places = {name: place for place, name in enumerate(scan.columns)}
    wanted = _wanted(scan)
    strict = [name for name in wanted if scan.columns[name] != "VARCHAR"]
    cells, is_whole = _cells(scan)
    # One step at a time, so that Spark computes each value once.
    split = rows.select(LINE, PATH, cells.alias(CELLS))
    texts = [(name, F.get(CELLS, F.lit(places[name]))) for name in wanted]
    given = split.select(
        LINE,
        PATH,
        is_whole.alias(WHOLE),
        *(F.when(~text.isin(list(scan.null_texts)), text).alias(name) for name, text in texts),
    )
    typed = given.select(
        LINE,
        PATH,
        WHOLE,
        *(typed_text(_column(name), scan.columns[name]).alias(name) for name in wanted),
        *(_column(name).isNotNull().alias(GIVEN + name) for name in strict),
    )
    wrong = F.when(~F.is_valid_utf8(LINE), F.lit("is not UTF-8"))
    wrong = wrong.when(F.octet_length(LINE) > scan.longest_line, F.lit(f"has more than {scan.longest_line} bytes"))
    wrong = wrong.when(~F.col(WHOLE), F.lit(f"does not have {len(scan.columns)} columns"))
    for name in strict:
        is_wrong = _column(name).isNull() & _column(GIVEN + name)
        wrong = wrong.when(is_wrong, F.lit(f"{name} is no {scan.columns[name]}"))
    headers = _headers(files, scan)
    judged = typed.select(*map(_column, wanted), PATH, _note(scan, headers, wrong).alias(NOTE))
    return _counted(judged, len(headers))


def _note(scan: Scan, headers: Sequence[bytes], wrong: "Column") -> "Column":
    """What is to be said about a line; NULL for a record."""
    from pyspark.sql import functions as F  # noqa: N812

    line = F.col(LINE)
    cases: list[tuple[Column, str]] = []
    if scan.header:
        cases.append(((F.lower(F.left(line, F.lit(7))) == "#fields") & (line != scan.header), CHANGED))
    if scan.header_mark:
        cases.append((line.startswith(scan.header_mark), MARKED))
    if scan.trailer:
        cases.append((line.rlike(f"^(?:{scan.trailer})$"), MARKED))
    if headers:
        cases.append((line.cast("binary").isin([F.lit(header) for header in headers]), HEADER))
    cases.append((wrong.isNotNull(), UNREADABLE))
    kind = F.when(*cases[0])
    for case in cases[1:]:
        kind = kind.when(*case)
    said = F.struct(kind, F.col(PATH), wrong, F.left(line, F.lit(SHOWN_LETTERS)))
    return F.when(kind.isNotNull(), said.cast(NOTE_TYPE))


def _counted(rows: "DataFrame", headers: int = 0) -> Raw:
    """The rows without a note, and the count of the others: `headers` of them are the files' first lines."""
    from pyspark.sql import Observation
    from pyspark.sql import functions as F  # noqa: N812

    count = Observation()
    kind = F.col(NOTE).getField("kind")
    unreadable = F.when(kind == UNREADABLE, F.col(NOTE))
    notes = (
        F.count_if(kind.isNull()).alias("records"),
        (F.count_if(kind.isin(UNREADABLE, HEADER)) - F.lit(headers)).alias("unreadable"),
        F.count_if(kind == CHANGED).alias("changed"),
        F.min(unreadable).alias("least"),
        F.max(unreadable).alias("greatest"),
    )
    observed = rows.observe(count, *notes)
    return Raw(observed.filter(F.col(NOTE).isNull()).drop(NOTE), count, lambda: rows.agg(*notes))


def _cells(scan: Scan) -> "tuple[Column, Column]":
    """A line's cells as an array, and whether there are as many as there are columns."""
    from pyspark.sql import functions as F  # noqa: N812

    wide = len(scan.columns)
    if not scan.quote:
        return F.split(LINE, re.escape(scan.delimiter), -1), F.size(CELLS) == wide
    names = [f"c{place}" for place in range(wide)]
    schema = ", ".join(f"{name} string" for name in [*names, "broken"])
    options = {"sep": scan.delimiter, "quote": scan.quote, "escape": scan.quote, "columnNameOfCorruptRecord": "broken"}
    record = F.from_csv(F.col(LINE), schema, options)
    cells = F.when(record.getField("broken").isNull(), F.array(*(record.getField(name) for name in names)))
    return cells, F.col(CELLS).isNotNull()


def _wanted(scan: Scan) -> list[str]:
    """The columns that the scan and its others are made from (at least)."""
    texts = scan.texts()
    return [name for name in scan.columns if name.replace('"', '""') in texts]


def _headers(files: Mapping[str, str], scan: Scan) -> list[bytes]:
    """The first lines of the files, without byte order marks (Spark drops them) and blank ones."""
    headers: list[bytes] = []
    for path in files if scan.skip_lines else ():
        with Path(path).open("rb") as file:
            block = next(unpacked_blocks(path, "gz")) if path.endswith(".gz") else file.read(HEADER_BYTES)
        headers += block.removeprefix(BYTE_ORDER_MARK).splitlines()[: scan.skip_lines]
    return [header for header in headers if header.strip()]

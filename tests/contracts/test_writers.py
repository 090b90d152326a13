"""Every writer: what it wrote can be read again, whatever the rows hold; what people see holds no control characters."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.cells import cell_len

from rpcsight import writers
from rpcsight.errors import UsageError
from rpcsight.findings._arrow import FINDING_SCHEMA
from rpcsight.pipeline import Request, opened
from rpcsight.schema import RPC_ACTIVITY
from rpcsight.writers import Look, Rows, Writer, all_writers, batches, writer
from tests.oracles.flow import Flow
from tests.properties.strategies import EPOCH
from tests.recording import PARQUET, arrow_schema, written

STRICT = {
    "src_ip": pa.string(),
    "dest_ip": pa.string(),
    "mapper_time": pa.timestamp("us"),
    "mapper_src_port": pa.int32(),
    "endpoint_time": pa.timestamp("us"),
    "endpoint_src_port": pa.int32(),
    "endpoint_dest_port": pa.int32(),
    "gap_s": pa.float64(),
    "mapper_id": pa.string(),
    "endpoint_id": pa.string(),
    "source": pa.string(),
}
TIMES_US = (0, -1, 1_000_000, 1_795_305_378_570_000, -62_135_596_800_000_000, 253_402_300_799_999_999)
TIMES = [EPOCH + timedelta(microseconds=us) for us in TIMES_US]
ISO = [
    "1970-01-01T00:00:00.000000Z",
    "1969-12-31T23:59:59.999999Z",
    "1970-01-01T00:00:01.000000Z",
    "2026-11-21T23:56:18.570000Z",
    "0001-01-01T00:00:00.000000Z",
    "9999-12-31T23:59:59.999999Z",
]
HOSTILE = [
    "",
    "null",
    'say "no", they said',
    "back\\slash \\u0041 \\",
    "two\nlines\r\nand\ra tab\t.",
    "\x1b[2J\x1b]0;owned\x07 \x00 \x7f \x9b31m",
    "=cmd|' /C calc'!A0",
    "+1-1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "日本語 ✓ \U0001f600 \u202egnp.exe \u2028 \ufeff",
    "[bold]not markup[/bold] [/]",
    "x" * 100_000,
    " =1",
    "\n=1",
    "\uff1d1\uff0b1",
    "a;=cmd|' /C calc'!A0",
    "a\t@SUM(A1); '-1;+2",
    "1;2; 3 - 4",
]
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", " =", "\uff1d")
INNER = {
    "a;=cmd|' /C calc'!A0": "a;'=cmd|' /C calc'!A0",
    "a\t@SUM(A1); '-1;+2": "a\t'@SUM(A1);' '-1;'+2",
    "\n=1": "'\n'=1",
    "\t=1": "'\t'=1",
    "\r=1": "'\r'=1",
}
"""What is a formula where semicolons, tabs or line ends separate cells."""
WHOLE = pa.array([0, -1, 1, 2**31 - 1, -(2**31), None], pa.int32())
LONG = pa.array([0, -1, 1, 2**63 - 1, -(2**63), None], pa.int64())
REAL = pa.array([0.0, 1.0, -0.5, 1e-06, 0.002698, None], pa.float64())
MIXED = pa.table(
    {
        "time": pa.array([*TIMES[:5], None], pa.timestamp("us")),
        "whole": WHOLE,
        "long": LONG,
        "real": REAL,
        "flag": pa.array([True, False, None, True, False, None], pa.bool_()),
        "text": pa.array(["a", None, "c", None, "e", ""], pa.string()),
    }
)
TEXTS = pa.table({"text": pa.array(HOSTILE, pa.string()), "large": pa.array(HOSTILE, pa.large_string())})
NESTED_ROWS = [
    {"names": ["a", '"', "=b"], "parts": [{"time": TIMES[1], "text": 'a"\n', "real": 1.5, "flag": None}]},
    {"names": [], "parts": None},
    {"names": None, "parts": []},
]
PART = pa.struct([("time", pa.timestamp("us")), ("text", pa.string()), ("real", pa.float64()), ("flag", pa.bool_())])
NESTED = pa.Table.from_pylist(NESTED_ROWS, pa.schema([("names", pa.list_(pa.string())), ("parts", pa.list_(PART))]))
TABLES = {
    "mixed": MIXED,
    "times": pa.table({"time": pa.array(TIMES, pa.timestamp("us"))}),
    "texts": TEXTS,
    "nested": NESTED,
    "empty": MIXED.slice(0, 0),
    "empty nested": FINDING_SCHEMA.empty_table(),
    "many": pa.table(
        {"number": pa.array(range(60_001), pa.int64()), "text": pa.array(["t", None, '"'] * 20_000 + ["t"])}
    ),
}


def as_table(rows: pa.Table) -> Rows:
    return rows


def as_batches(rows: pa.Table) -> Rows:
    return pa.RecordBatchReader.from_batches(
        rows.schema, rows.to_batches(max_chunksize=2 if rows.num_rows < 100 else 9999)
    )


def output(name: str, rows: Rows, look: Look | None = None) -> bytes:
    out = io.BytesIO()
    writer(name).write(rows, out, look or Look())
    return out.getvalue()


def iso(value: Any) -> Any:
    """The value as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds") + "Z"
    if isinstance(value, list):
        return [iso(part) for part in value]
    return {name: iso(part) for name, part in value.items()} if isinstance(value, dict) else value


def csv_cell(value: Any) -> str:
    """The value as a cell of CSV has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        harmless = f"'{value}" if value.startswith(FORMULAS) else value
        return INNER.get(value, harmless)
    return iso(value) if isinstance(value, datetime) else json.dumps(iso(value), ensure_ascii=False)


def read_jsonl(written: bytes, wanted: pa.Table) -> None:
    rows = [json.loads(line) for line in written.decode().split("\n")[:-1]]
    assert [list(row.items()) for row in rows] == [list(iso(row).items()) for row in wanted.to_pylist()]


def read_csv(written: bytes, wanted: pa.Table) -> None:
    header, *rows = csv.reader(io.StringIO(written.decode(), newline=""))
    assert header == wanted.column_names
    reals = [pa.types.is_floating(kind) for kind in wanted.schema.types]
    found = [[float(cell) if real and cell else cell for real, cell in zip(reals, row, strict=True)] for row in rows]
    assert found == [
        [value if isinstance(value, float) else csv_cell(value) for value in row.values()] for row in wanted.to_pylist()
    ]


def read_parquet(written: bytes, wanted: pa.Table) -> None:
    assert pq.read_table(io.BytesIO(written)).equals(wanted)


READ_AGAIN: dict[str, Callable[[bytes, pa.Table], None]] = {
    "jsonl": read_jsonl,
    "csv": read_csv,
    "parquet": read_parquet,
}
FOR_PEOPLE = {"table", "markdown"}
OF_OTHERS = {"navigator", "ecs", "ocsf", "stix", "syslog"}
"""Formats of other programs: test_navigator.py, test_findings_written.py."""


def test_the_folder_is_the_list() -> None:
    folder = Path(writers.__file__).parent
    files = {path.stem for path in folder.glob("*.py") if not path.stem.startswith("_")}
    assert {each.NAME for each in all_writers()} == files == {*READ_AGAIN, *FOR_PEOPLE, *OF_OTHERS}


@pytest.mark.parametrize("each", all_writers(), ids=lambda each: each.NAME)
def test_it_says_what_it_is(each: Writer) -> None:
    assert (writer(each.NAME), bool(each.ABOUT), type(each.IS_BINARY)) == (each, True, bool)


def test_an_unknown_writer_is_an_error() -> None:
    with pytest.raises(UsageError, match="'xml' is no format"):
        writer("xml")


@pytest.mark.parametrize("given", [as_table, as_batches], ids=["table", "batches"])
@pytest.mark.parametrize("rows", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("name", READ_AGAIN)
def test_what_was_written_can_be_read_again(name: str, rows: pa.Table, given: Callable[[pa.Table], Rows]) -> None:
    READ_AGAIN[name](output(name, given(rows)), rows)


def test_times_are_iso_with_microseconds_and_zulu() -> None:
    rows = pa.table({"time": pa.array(TIMES, pa.timestamp("us")), "zoned": pa.array(TIMES, pa.timestamp("us", "UTC"))})
    lines = [json.loads(line) for line in output("jsonl", rows).splitlines()]
    assert lines == [{"time": text, "zoned": text} for text in ISO]
    assert list(csv.reader(io.StringIO(output("csv", rows).decode())))[1:] == [[text, text] for text in ISO]


@pytest.mark.parametrize("rows", [TABLES["mixed"], NESTED], ids=["flat", "nested"])
def test_json_has_no_word_for_infinity(rows: pa.Table) -> None:
    odd = rows.append_column("odd", pa.array([float("inf"), float("nan"), -float("inf")] * (rows.num_rows // 3)))
    found = [json.loads(line, parse_constant=pytest.fail) for line in output("jsonl", odd).splitlines()]
    assert [row["odd"] for row in found] == [None] * rows.num_rows


SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}


@pytest.mark.parametrize("separator", SEPARATORS.values(), ids=SEPARATORS)
def test_no_cell_is_a_formula(separator: str) -> None:
    """Wherever the program that opens it takes columns to end: Excel's separator is the region's, not the file's."""
    texts = [text for text in HOSTILE if len(text) < 100]
    nested = [[f"a;{text}", text] for text in texts]
    made = output("csv", pa.table({"before": ["x"] * len(texts), "text": texts, "nested": nested})).decode()
    cells = [cell for row in csv.reader(io.StringIO(made, newline=""), delimiter=separator) for cell in row]
    assert [cell for cell in cells if re.match(r"[\s\"]*[=+@\uff1d\uff0b\uff0d\uff20-]", cell)] == []


# --- for people


@pytest.mark.parametrize("width", [20, 60, 100, 160])
@pytest.mark.parametrize("rows", TABLES.values(), ids=TABLES)
def test_a_table_fits_and_holds_no_control_characters(rows: pa.Table, width: int) -> None:
    shown = output("table", rows, Look(width, limit=30)).decode()
    lines = shown.split("\n")
    assert [line for line in lines if not all(letter.isprintable() for letter in line)] == []
    assert [line for line in lines if cell_len(line) > width] == []


def test_a_coloured_table_has_our_escapes_only() -> None:
    shown = output("table", TEXTS, Look(100, is_coloured=True)).decode()
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert plain == output("table", TEXTS, Look(100)).decode()
    assert plain != shown


def test_a_table_shows_what_it_leaves_out() -> None:
    wide = [f"{'w' * 50}{number}" for number in range(4)]
    rows = pa.table(
        {"n": [1, 2, 3, 4], "same": ["s"] * 4, "empty": [None] * 4, "wide": wide, "why": ["a b"] * 3 + ["c"]}
    )
    assert [line.rstrip() for line in output("table", rows, Look(40, limit=3)).decode().splitlines()] == [
        "n",
        "1",
        "2",
        "3",
        "in all rows shown: same = s",
        "in all rows shown: empty = (empty)",
        "in all rows shown: why = a b",
        "no room for: wide (a wider terminal, or",
        "--format jsonl)",
        "4 rows, 1 more not shown (--limit 4, or",
        "--format jsonl)",
    ]


def test_a_table_of_all_rows_says_so() -> None:
    rows = pa.table({"n": [1, 2, 3], "same": ["s"] * 3})
    assert output("table", rows, Look(40, limit=3)).decode().splitlines()[-2:] == ["in all rows: same = s", "3 rows"]


SHORT, LONG_ADDRESS = "10.77.0.22", "2001:db8:85a3:1234:5678:8a2e:370:7334"
WHY = "no other client in this input uses this server for RPC (+27)"


@pytest.mark.parametrize("width", [60, 80, 100, 160])
@pytest.mark.parametrize("address", [SHORT, "2001:db8:10:77::22", LONG_ADDRESS])
def test_addresses_are_always_shown(address: str, width: int) -> None:
    """Whole, or wrapped where there is no room otherwise; the score stays beside them, reasons there or beneath."""
    row = {"score": "27", "severity": "medium", "client": address, "server": address, "conns": 3}
    rows = pa.Table.from_pylist([row | {"first": "2026-11-21 23:56", "why": WHY}])
    header, *lines = output("table", rows, Look(width)).decode().splitlines()
    names = header.split()
    assert {"score", "client", "server"} <= set(names)
    reasons = [line[header.index("why") :] if "why" in names else line for line in lines]
    assert WHY in " ".join(line.strip() for line in reasons)
    lines = [line for line in lines if not line.startswith(("no room for", "--format", "1 row"))]
    for name in ("client", "server"):
        start = header.index(name)
        after = names[names.index(name) + 1 :]
        end = header.index(after[0]) if after else None
        rows_alone = lines if "why" in names else lines[:1]
        assert "".join(line[start:end].strip() for line in rows_alone) == address
    least = len(f"score  {address}  {address}")
    assert any(line.count(address) == 2 for line in lines) == (width >= least)


def test_reasons_stand_beneath_their_row_where_beside_it_they_would_be_a_tall_column() -> None:
    why = ["one in 207 such beginnings would lead to this workstation (+23); and 3 more", "new (+2)"]
    rows = pa.table({"id": ["3c1b56b7", "0fe55ece"], "client": ["10.0.0.1", "10.0.0.22"], "pairs": [1, 2], "why": why})
    assert [line.rstrip() for line in output("table", rows, Look(50)).decode().splitlines()] == [
        "id        client     pairs",
        "3c1b56b7  10.0.0.1       1",
        "          one in 207 such beginnings would lead to",
        "          this workstation (+23); and 3 more",
        "0fe55ece  10.0.0.22      2",
        "          new (+2)",
        "2 rows",
    ]
    assert output("table", rows, Look(110)).decode().splitlines()[1].split("  ")[-1] == why[0]


def test_tables_are_given_in_batches_of_bounded_size() -> None:
    assert [each.num_rows for each in batches(TABLES["many"])] == [50_000, 10_001]
    assert [each.num_rows for each in batches(as_batches(MIXED))] == [2, 2, 2]


# --- the columns of results


@pytest.mark.parametrize("is_empty", [False, True], ids=["recording", "nothing found"])
def test_results_have_their_columns_and_types(is_empty: bool, tmp_path: Path) -> None:
    other = Flow("web", 0, None, "10.0.0.1", 50000, "10.0.0.2", 443)
    paths = [str(written([other], tmp_path / "flows.parquet") if is_empty else PARQUET)]
    with opened(Request(paths)) as session:
        strict, robust = session.run("CAR-2014-05-001"), session.run("rpc-activity")
        streamed = session.stream("rpc-activity").schema
    assert (strict.schema, robust.schema) == (pa.schema(list(STRICT.items())), arrow_schema(RPC_ACTIVITY))
    assert streamed == robust.schema
    assert (strict.num_rows == 0, robust.num_rows == 0) == (is_empty, is_empty)

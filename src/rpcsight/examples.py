"""Examples that come with analytics: records that make one fire, and near misses that must not; read, run and compared.

An analytic's examples stand in ID.toml beside ID.sql: a list `[[example]]` with `about`, `rows` (how many rows the analytic gives; 0 for a
near miss), tables of records by name (`flow`, or one of `schema.FACTS`), and, if wanted, `expect`: cells of the rows, in their order.
Tables are text: a line of column names, then a line a record; cells are two or more spaces apart, `-` is empty. Columns that are not named
have what `DEFAULTS` says. Times are seconds (`time_s`, `flow_s`, `start_s`, `end_s`) after `START`. `interface` may be a name and
`opnum` an operation's, as in `rpcsight interfaces`.
A line with `times` stands for as many records, `every_s` apart, `{n}` counting them from 1.
"""

import re
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rpcsight import analytics, catalog
from rpcsight.analytics import Analytic
from rpcsight.errors import SettingsError
from rpcsight.pipeline import Request, opened
from rpcsight.schema import FACTS, FLOW, Column
from rpcsight.schema.arrow import ARROW_TYPES
from rpcsight.settings import Settings

__all__ = ["Example", "Outcome", "examples", "outcome", "shown", "write"]

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
MOST_TIMES = 10_000
TABLES: dict[str, tuple[Column, ...]] = {"flow": FLOW, **FACTS}
SECONDS = {"time_s": "time_us", "flow_s": "flow_us", "start_s": "start_time", "end_s": "end_time"}
DEFAULTS: dict[str, object] = {
    "src_port": 50000,
    "dest_port": 49667,
    "transport_protocol": "tcp",
    "is_established": True,
    "is_oriented": True,
    "is_answered": True,
    "is_callback": False,
    "observer": "sensor",
    "source": "example",
}
WORDS = {"true": True, "false": False}
MOST_BYTES = 1 << 20
KEYS = f"it is a list [[example]] with about, rows, expect, {', '.join(TABLES)}"


class Example(BaseModel):
    """One example: what it shows, how many rows the analytic gives, the records by table, and cells of the rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: str
    rows: Annotated[int, Field(ge=0)]
    expect: str = ""
    flow: str = ""
    rpc_bind: str = ""
    rpc_call: str = ""
    rpc_mapping: str = ""
    smb_event: str = ""
    host_flow: str = ""
    process: str = ""
    host_event: str = ""
    lease: str = ""

    def texts(self) -> dict[str, str]:
        """The tables that have records, as text."""
        return {name: text for name in TABLES if (text := getattr(self, name))}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an example: the analytic's rows, and what is wrong with them in words (empty: nothing)."""

    example: Example
    rows: pa.Table
    problem: str


def examples(name: str | Analytic) -> tuple[Example, ...]:
    """The examples of an analytic, in their order.

    Raises:
        UsageError: there is no such analytic.
        SettingsError: they are not as described above.
    """
    found = analytics.analytic(name)
    own = found.path and found.path.with_suffix(".toml")
    file = own or files("rpcsight.analytics") / f"{found.header.id}.toml"
    if not file.is_file():
        return ()
    try:
        if own and own.stat().st_size > MOST_BYTES:
            raise SettingsError(_file(found), f"is larger than {MOST_BYTES} bytes")
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        if unknown := [key for key in content if key != "example"]:
            raise SettingsError(_file(found), f"there is no key {unknown[0]!r}", KEYS)
        return tuple(_example(each, f"{_file(found)} [example {n}") for n, each in enumerate(content["example"], 1))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError, RecursionError) as cause:
        raise SettingsError(_file(found), f"can't be read as TOML ({cause})", KEYS) from cause


def _example(content: object, where: str) -> Example:
    try:
        return Example.model_validate(content)
    except ValidationError as cause:
        first = cause.errors()[0]
        place = "".join(f", {part}" for part in first["loc"])
        raise SettingsError(f"{where}{place}]", first["msg"], KEYS) from cause


def outcome(
    name: str | Analytic,
    example: Example,
    engine: str = "duckdb",
    settings: Settings | None = None,
    master: str | None = None,
) -> Outcome:
    """Run an analytic over the records of an example, as if they had been read from files.

    Args:
        name: the analytic, or its id.
        example: one of its examples.
        engine: "duckdb" or "spark".
        settings: parameters of the rules.
        master: Spark's master URL.

    Raises:
        SettingsError: a table of the example is not as described above, or the analytic is the user's and its SQL is refused.
    """
    found = analytics.analytic(name)
    with tempfile.TemporaryDirectory(prefix="rpcsight-") as scratch:
        try:
            write(example, Path(scratch))
        except SettingsError as cause:
            where = f"{_file(found)} {cause.where}, {example.about!r}"
            raise SettingsError(where, cause.what, cause.hint) from cause
        asked = Request([scratch], settings or Settings(), engine=engine, master=master)
        with opened(asked, asked=analytics.facts(found)) as session:
            rows = session.run(found)
    return Outcome(example, rows, _problem(example, rows))


def write(example: Example, folder: Path) -> None:
    """Write the records of an example as Parquet, a file a table, as `rpcsight convert` does.

    Raises:
        SettingsError: a table of the example is not as described above.
    """
    for table, text in example.texts().items():
        columns = TABLES[table]
        fields = [(column.name, ARROW_TYPES[column.kind]) for column in columns]
        rows = pa.Table.from_pylist(
            list(_records(table, columns, text)), pa.schema(fields, metadata={"rpcsight": "example"})
        )
        pq.write_table(rows, folder / f"{table}.parquet")


def _file(found: Analytic) -> str:
    """What errors call the file of the examples."""
    return f"analytics/{found.header.id}.toml" if found.path is None else str(found.path.with_suffix(".toml"))


def _records(table: str, columns: tuple[Column, ...], text: str) -> Iterator[dict[str, Any]]:
    kinds = {column.name: column.kind for column in columns}
    for number, line in enumerate(_lines(text)):
        times, every_s = int(line.pop("times", None) or 1), float(line.pop("every_s", None) or 0)
        if not 1 <= times <= MOST_TIMES:
            raise SettingsError(f"example [{table}.times]", f"{times} is not 1 to {MOST_TIMES}", "name fewer")
        record: dict[str, Any] = {name: value for name, value in DEFAULTS.items() if name in kinds}
        if "src_port" in kinds:
            record["src_port"] = 50000 + number
        if table == "flow":
            record["flow_id"] = f"F{number + 1}"
        for place in range(times):
            given = {
                SECONDS.get(name, name): _value(table, name, kinds, cell, line, place, every_s)
                for name, cell in line.items()
            }
            made = record | given
            if times > 1 and "src_port" not in given and "src_port" in kinds:
                made["src_port"] = 50000 + number + place
            if times > 1 and table == "flow" and "flow_id" not in given:
                made["flow_id"] = f"F{number + 1}.{place + 1}"
            yield made


def _value(
    table: str,
    name: str,
    kinds: Mapping[str, str],
    cell: str | None,
    line: Mapping[str, str | None],
    place: int,
    every_s: float,
) -> object:
    column = SECONDS.get(name, name)
    if column not in kinds or (column in SECONDS.values() and name not in SECONDS):
        known = ", ".join(kinds)
        raise SettingsError(
            f"example [{table}.{name}]", "there is no such column", f"columns: {known}; times: {', '.join(SECONDS)}"
        )
    if cell is None:
        return None
    try:
        if name in SECONDS:
            time = START + timedelta(seconds=float(cell) + place * every_s)
            return time.replace(tzinfo=None) if kinds[column] == "TIMESTAMP" else int(time.timestamp() * 1_000_000)
        if name == "interface":
            return _interface(cell)
        if name == "opnum" and not cell.isdigit():
            return _opnum(line.get("interface") or "", cell)
        if kinds[column] == "BOOLEAN":
            return WORDS[cell]
        return cell.replace("{n}", str(place + 1)) if kinds[column] == "VARCHAR" else int(cell)
    except (ValueError, KeyError) as cause:
        hint = f"it is a {kinds[column]}"
        if name in {"interface", "opnum"}:
            hint = "a name or number as in `rpcsight interfaces`"
        raise SettingsError(f"example [{table}.{name}]", f"{cell!r} does not fit", hint) from cause


def _interface(text: str) -> str:
    if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text):
        return text
    found = sorted({each.uuid for each in catalog.by_name(text)})
    if len(found) != 1:
        raise ValueError(text)
    return found[0]


def _opnum(interface: str, text: str) -> int:
    found = {
        each.opnum for each in catalog.operations(_interface(interface)) if text in {each.name, *each.names.values()}
    }
    if len(found) != 1:
        raise ValueError(text)
    return found.pop()


def _problem(example: Example, rows: pa.Table) -> str:
    if rows.num_rows != example.rows:
        return f"{rows.num_rows} rows instead of {example.rows}"
    wanted = list(_lines(example.expect))
    if wanted and len(wanted) != example.rows:
        return f"expect has {len(wanted)} rows, rows says {example.rows}"
    for number, (line, row) in enumerate(zip(wanted, rows.to_pylist(), strict=False), 1):
        for name, cell in line.items():
            if name not in row:
                return f"row {number}: there is no column {name}"
            if shown(row[name]) != cell:
                return f"row {number}: {name} is {shown(row[name])} instead of {cell}"
    return ""


def shown(value: object) -> str | None:
    """A value of a row as examples write it."""
    if isinstance(value, datetime):
        return f"{(value.replace(tzinfo=UTC) - START).total_seconds():g}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return None if value is None else str(value)


def _lines(text: str) -> Iterator[dict[str, str | None]]:
    """The lines of a table as text, by column."""
    lines = [re.split(r" {2,}", line.strip()) for line in text.splitlines() if line.strip()]
    for cells in lines[1:]:
        if len(cells) != len(lines[0]):
            raise SettingsError(
                "example",
                f"{len(cells)} cells under {len(lines[0])} columns: {'  '.join(cells)!r}",
                "two spaces between cells, - for none",
            )
        yield {name: None if cell == "-" else cell for name, cell in zip(lines[0], cells, strict=True)}

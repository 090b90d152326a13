"""What mapped readers look at before they read: an input's first records, its columns where those are fixed, how it is written."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from rpcsight.errors import InputError
from rpcsight.readers._inputs import Input
from rpcsight.readers._json_records import first_records
from rpcsight.readers._paths import Place

__all__ = ["Form", "Head", "head"]

Form = Literal["json", "csv", "parquet"]
DELIMITERS = ",;\t|"
SAMPLE_ROWS = 100
PARQUET_MAGIC = b"PAR1"
MOST_DEEP = 6


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of an input.

    Args:
        form: how it is written.
        records: the first records.
        columns: its columns, in order; None for JSON.
        kinds: DuckDB's types of columns, or of what is in them, that are no text.
        delimiter: between the cells of csv.
        is_empty: whether there are no records in the whole input.
    """

    form: Form
    records: Sequence[Mapping[str, Any]]
    columns: Sequence[str] | None = None
    kinds: Mapping[Place, str] = field(default_factory=dict[Place, str])
    delimiter: str = ","
    is_empty: bool = False


def head(item: Input, forms: Sequence[Form]) -> Head | str:
    """The beginning of the input, or why it has none of the forms."""
    if item.head.startswith(PARQUET_MAGIC):
        if "parquet" not in forms:
            return "is Parquet"
        return _parquet(str(item.path), item.source)
    if "json" in forms and (records := first_records(item)):
        return Head("json", records)
    if "csv" in forms:
        return _csv(item)
    return f"no {' or '.join(forms)}"


def _csv(item: Input) -> Head | str:
    lines = item.lines()[: SAMPLE_ROWS + 1]
    if not lines or "\0" in lines[0] or lines[0].lstrip().startswith(("{", "[", "<")):
        return "no line of column names"
    first = lines[0].removeprefix("\ufeff")
    delimiter = max(DELIMITERS, key=first.count)
    rows = [next(csv.reader([line.replace("\r", " ")], delimiter=delimiter), []) for line in (first, *lines[1:])]
    columns = [name.strip() or f"column {place}" for place, name in enumerate(rows[0], 1)]
    if len({name.lower() for name in columns}) < len(columns):
        return "two columns have the same name"
    records = [dict(zip(columns, map(str.strip, row), strict=True)) for row in rows[1:] if len(row) == len(columns)]
    shown = [{name: cell or None for name, cell in record.items()} for record in records]
    return Head("csv", shown or [dict.fromkeys(columns)], columns, delimiter=delimiter, is_empty=len(lines) == 1)


@lru_cache(maxsize=4)
def _parquet(path: str, source: str) -> Head | str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(Path(path)) as file:
            schema = file.schema_arrow
            batch = next(file.iter_batches(batch_size=SAMPLE_ROWS), None)
            columns = [] if batch is None else [_values(each) for each in batch.columns]
    except (pa.ArrowException, OSError, ValueError) as cause:
        what = f"is no whole Parquet file ({str(cause).splitlines()[0]})"
        raise InputError(source, what, "copy the file again") from cause
    records = [dict(zip(schema.names, row, strict=True)) for row in zip(*columns, strict=True)]
    kinds: dict[Place, str] = {}
    empty = {each.name: _member(each.type, (each.name,), kinds) for each in schema}
    return Head("parquet", [*records, empty], list(schema.names), kinds, is_empty=not records)


def _values(column: Any) -> list[Any]:  # noqa: ANN401 - Arrow's types have none
    """The values of a column; nothing where they are times that Python can't tell."""
    try:
        return column.to_pylist()
    except (OverflowError, ValueError):
        return [None] * len(column)


def _member(kind: Any, place: Place, kinds: dict[Place, str]) -> Any:  # noqa: ANN401 - Arrow's types have none
    """A field without value, with what is in it, for looking up what there is; notes the types of times."""
    import pyarrow as pa

    if pa.types.is_struct(kind) and len(place) < MOST_DEEP:
        return {each.name: _member(each.type, (*place, each.name), kinds) for each in kind}
    kinds[place] = "TIMESTAMP" if pa.types.is_timestamp(kind) else str(kind)
    return None

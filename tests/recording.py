"""Flows in files for tests: our own recording, and Parquet of flows made up for a case."""

import csv
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import rpcsight
from rpcsight.schema import FLOW, Column
from tests.oracles.flow import Flow
from tests.properties.strategies import to_rows

DEMO = Path(rpcsight.__file__).parent / "demo"
PARQUET = DEMO / "recording.parquet"
NFDUMP = DEMO / "recording.nfdump.json.gz"
CONTROLLERS = ("10.77.0.10", "10.77.0.11")
KINDS = {
    "VARCHAR": pa.string(),
    "TIMESTAMP": pa.timestamp("us"),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
}


def arrow_schema(columns: Iterable[Column]) -> pa.Schema:
    """The columns of `schema.py` as Arrow has them."""
    return pa.schema([(column.name, KINDS[column.kind]) for column in columns])


def written(flows: Iterable[Flow], path: Path) -> Path:
    """The flows as a Parquet file of our own."""
    pq.write_table(pa.Table.from_pylist(to_rows(list(flows)), arrow_schema(FLOW)), path)
    return path


@cache
def truth() -> tuple[dict[str, str], ...]:
    """What each connection of the recording was."""
    with (DEMO / "truth.csv").open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))

"""Strict and robust give, on random flows, exactly what the plain-Python oracles give."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings

from rpcsight.pipeline import Request, Session, opened
from rpcsight.schema import FLOW
from tests.oracles.flow import Flow, Parameters
from tests.oracles.robust import robust
from tests.oracles.strict import strict
from tests.properties.strategies import flow_lists, to_rows

KINDS = {
    "VARCHAR": pa.string(),
    "TIMESTAMP": pa.timestamp("us"),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
}
SCHEMA = pa.schema([(column.name, KINDS[column.kind]) for column in FLOW])
EPOCH = datetime(1970, 1, 1)
EXAMPLES = 50
COUNTED = ("failed", "loopback", "not tcp", "self", "repeated")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("flows")


def written(flows: list[Flow], folder: Path) -> Path:
    path = folder / "flows.parquet"
    pq.write_table(pa.Table.from_pylist(to_rows(flows), SCHEMA), path)
    return path


def microseconds(row: dict[str, Any]) -> dict[str, Any]:
    times = {name: value for name, value in row.items() if isinstance(value, datetime)}
    return {**row, **{name: (value - EPOCH) // (EPOCH.resolution) for name, value in times.items()}}


def unsourced(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, whatever file they came from: the test writes all flows into one."""
    return [{**row, "source": "flows"} for row in rows]


def answers(session: Session, name: str) -> list[dict[str, Any]]:
    return unsourced([microseconds(row) for row in session.run(name).to_pylist()])


@settings(max_examples=EXAMPLES, deadline=None)
@given(flow_lists())
def test_rules_equal_oracles(folder: Path, flows: list[Flow]) -> None:
    assume(flows)
    with opened(Request([str(written(flows, folder))])) as session:
        assert answers(session, "CAR-2014-05-001") == unsourced(strict(flows, Parameters()))
        rows, counts = robust(flows, Parameters())
        assert answers(session, "rpc-activity") == unsourced(rows)
        found = {reason: session.account.left_out.get(reason, 0) for reason in COUNTED}
        assert found == {reason: counts[reason] for reason in COUNTED}

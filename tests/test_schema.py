"""The tables: names are unique and say what they hold; what goes from one to the next keeps its type."""

import pytest

from rpcsight import schema
from rpcsight.schema import BASELINE, CATALOG, FACTS, FLOW, LEARNED, PROVEN, RECORD, Column, names
from rpcsight.schema.triage import TRIAGE

MANY = {"BASELINE", "CATALOG", "FACTS", "LEARNED", "PROVEN"}
TABLES = {name: getattr(schema, name) for name in schema.__all__ if name.isupper() and name not in MANY}
EVERY = {**TABLES, **CATALOG, **PROVEN, **LEARNED, **BASELINE, **TRIAGE}


@pytest.mark.parametrize("table", EVERY.values(), ids=EVERY)
def test_a_table_names_and_explains_each_column_once(table: tuple[Column, ...]) -> None:
    assert len(set(names(table))) == len(table)
    assert [column.name for column in table if not column.about or not column.kind or not column.name.islower()] == []


def test_every_table_is_here() -> None:
    flows = {"DETECTION", "EVENT", "FINDING", "FLOW", "HALF", "HOST_CLOCK", "RECORD", "RPC_ACTIVITY"}
    facts = {"HOST_EVENT", "HOST_FLOW", "LEASE", "PROCESS", "RPC_BIND", "RPC_CALL", "RPC_MAPPING", "SMB_EVENT"}
    assert set(TABLES) == flows | facts
    assert {name.upper(): table for name, table in FACTS.items()} == {name: TABLES[name] for name in facts}


@pytest.mark.parametrize(
    "table", [table for name, table in TABLES.items() if name != "EVENT"], ids=lambda table: table[-1].name
)
def test_a_column_keeps_its_type(table: tuple[Column, ...]) -> None:
    kinds = {column.name: column.kind for column in FLOW}
    assert [column.name for column in table if kinds.get(column.name, column.kind) != column.kind] == []


def test_what_a_reader_must_give() -> None:
    needed = ["src_ip", "src_port", "dest_ip", "dest_port"]
    assert [column.name for column in FLOW if column.is_required] == ["start_time", *needed]
    assert [column.name for column in RECORD if column.is_required] == ["start_us", *needed]

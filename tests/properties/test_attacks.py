"""Attack analytics give, on random records, exactly the rows that the plain-Python oracles give."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rpcsight import analytics
from rpcsight.catalog import techniques
from rpcsight.catalog.relations import rows
from rpcsight.engines.text import used
from rpcsight.pipeline import Request
from rpcsight.schema import CATALOG
from tests import system
from tests.oracles import attacks, combined, consequences, made, objects, published
from tests.properties import host_records, records
from tests.properties.records import COLUMNS, Row

KINDS = {
    "VARCHAR": pa.string(),
    "DOUBLE": pa.float64(),
    "TIMESTAMP": pa.timestamp("us"),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
}
SCHEMAS = {
    name: pa.schema([(column.name, KINDS[column.kind]) for column in columns]) for name, columns in COLUMNS.items()
}
FEW = {
    "storm_calls": 3,
    "sweep_servers": 2,
    "mapper_servers": 2,
    "discovery_calls": 3,
    "copies": 2,
}
"""Thresholds that small inputs reach."""
PARAMETERS = Request([]).parameters() | FEW
ORACLES = {
    **attacks.ORACLES,
    **combined.ORACLES,
    **consequences.ORACLES,
    **made.ORACLES,
    **objects.ORACLES,
    **published.ORACLES,
}
EXAMPLES = 15
ELSEWHERE = {"CAR-2014-05-001", "rpc-chain", "rpc-internet"}
"""Analytics whose oracles have tests of their own."""
KNOWN = {each.header.id for each in analytics.all_analytics()}
EPOCH = datetime(1970, 1, 1)

SERVED = {
    "rpc-techniques": ("T1003.006", "T1543.003", "T1047", "T1033"),
    "dcsync": ("T1003.006",),
    "service-pipe": ("T1543.003", "T1569.002", "T1489"),
    "task-atsvc": ("T1053.002", "T1053.005"),
    "remote-registry": ("T1112", "T1003.002", "T1012"),
    "eventlog-clear": ("T1070.001",),
    "forced-authentication": ("T1187",),
    "print-driver": ("T1547.012", "T1547.010"),
    "remote-shutdown": ("T1529",),
    "zerologon": ("T1210",),
    "enumeration-sweep": ("T1069", "T1033"),
    "discovery-burst": tuple(sorted(attacks.SWEPT)),
    "share-execution": ("T1047", "T1569.002"),
}
"""Techniques whose operations an analytic looks at."""
FEW_OPERATIONS = {"enumeration-sweep": 3, "discovery-burst": 8, "share-execution": 4}


@cache
def operations(analytic: str) -> tuple[tuple[str, int], ...]:
    """Operations to call: few, so that many calls are of the same."""
    if analytic == "mapper-sweep":
        return ((combined.EPMAPPER, 2),)
    found = sorted({(each.interface, each.opnum) for each in techniques() if each.technique in SERVED[analytic]})
    return tuple(found[:: max(1, len(found) // FEW_OPERATIONS.get(analytic, 12))])


WBEM, LOGIN = consequences.WBEM, consequences.LOGIN
SCENES = {
    "remote-service": (
        ("services.exe", "services.exe", "svchost.exe"),
        ("services.exe", "services.exe", "explorer.exe"),
        ((attacks.SVCCTL, 12), (attacks.SVCCTL, 19), (attacks.SVCCTL, 15)),
    ),
    "remote-wmi": (("svchost.exe",), ("WmiPrvSE.exe", "services.exe"), ((WBEM, 24), (WBEM, 14), (WBEM, 20))),
    "wmi-launch": (
        ("svchost.exe", "svchost.exe", "services.exe"),
        ("WmiPrvSE.exe", "WmiPrvSE.exe", "services.exe"),
        ((WBEM, 24), (LOGIN, 6), (attacks.SVCCTL, 12)),
    ),
    "remote-task": (("svchost.exe",), ("services.exe",), ((attacks.TASKS, 1), (attacks.TASKS, 12), (attacks.TASKS, 7))),
    "dcom-execution": (
        ("mmc.exe", "mmc.exe", "explorer.exe", "mshta.exe", "svchost.exe"),
        ("mmc.exe", "mmc.exe", "explorer.exe", "svchost.exe"),
        (*sorted(objects.ACTIVATIONS)[::2], objects.INVOKE, objects.INVOKE),
    ),
    "CAR-2014-03-005": (("services.exe",), ("services.exe", "services.exe", "explorer.exe"), ((attacks.SVCCTL, 12),)),
    "CAR-2015-04-002": (("svchost.exe",), ("services.exe",), ((attacks.TASKS, 1), (attacks.TASKS, 7), (WBEM, 24))),
    "CAR-2014-11-007": (("svchost.exe",), ("services.exe",), ((published.REM_UNKNOWN, 3), (attacks.TASKS, 1))),
    "CAR-2014-12-001": (("svchost.exe",), ("WmiPrvSE.exe",), ((published.REM_UNKNOWN, 3), (published.REM_UNKNOWN, 5))),
}
"""Programs that accept connections, those that start others, and operations called."""
COPY_US = (1, 599_999_999, 600_000_000)


def inputs(analytic: str) -> st.SearchStrategy[dict[str, list[Row]]]:
    """Records for an analytic, by table."""
    if analytic in SCENES:
        return host_records.scenes(*SCENES[analytic])
    drawn: dict[str, st.SearchStrategy[list[Row]]] = {}
    if analytic in made.ORACLES:
        return host_records.visits(analytic.partition("-")[0], operations(analytic))
    if analytic in SERVED or analytic == "mapper-sweep":
        edges_us = COPY_US if analytic.startswith("share") else ()
        drawn["rpc_call"] = records.call_lists(operations(analytic), *edges_us)
    if analytic in {"dcsync", "enumeration-sweep"}:
        drawn["rpc_mapping"] = st.lists(records.mappings(), max_size=2)
    if analytic.startswith("share"):
        drawn["smb_event"] = records.smb_lists("share" if analytic == "share-attempts" else "write", *COPY_US)
    if analytic == "mapper-sweep":
        drawn["flow"] = records.mapper_flow_lists()
    return st.fixed_dictionaries(drawn)


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set threads = 1")  # for so few rows
        for name in CATALOG:
            connection.from_arrow(rows(name)).create(name)
        yield connection


@cache
def text(analytic: str) -> str:
    return analytics.compose(analytic, from_flow=True, held=(*COLUMNS, *CATALOG))


def found(database: duckdb.DuckDBPyConnection, analytic: str, tables: dict[str, list[Row]]) -> list[Row]:
    """The analytic's rows, times in microseconds."""
    header = analytics.analytic(analytic).header
    for name in {*header.needs, *analytics.facts(analytic)}:
        given_rows = tables.get(name, [])
        if name == "flow":
            given_rows = [row | {"start_time": EPOCH + timedelta(microseconds=row["start_time"])} for row in given_rows]
        table = pa.Table.from_pylist(given_rows, SCHEMAS[name])
        database.execute(f"drop table if exists {name}")
        database.from_arrow(table).create(name)
    sql = text(analytic)
    answer = database.sql(sql, params=used(sql, PARAMETERS)).to_arrow_table().to_pylist()
    return [
        {
            name: (value - EPOCH) // EPOCH.resolution if isinstance(value, datetime) else value
            for name, value in row.items()
        }
        for row in answer
    ]


def in_order(found_rows: list[Row]) -> list[Row]:
    return sorted(found_rows, key=lambda row: [(value is None, str(value)) for value in row.values()])


def test_every_analytic_that_judges_has_an_oracle() -> None:
    judging = {each.header.id for each in analytics.all_analytics() if each.header.kind != "list"}
    assert judging - ORACLES.keys() - ELSEWHERE == set()


def told(tables: dict[str, list[Row]], rows_found: list[Row], wanted: list[Row]) -> str:
    """Records, rows and rows wanted without their empty cells."""
    parts = {**tables, "FOUND": rows_found, "WANTED": wanted}
    return "\n".join(
        f"{name}: { {cell: value for cell, value in row.items() if value is not None} }"
        for name, each in parts.items()
        for row in each
    )


@pytest.mark.parametrize("analytic", [pytest.param(name) for name in sorted(ORACLES)])
@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_rows_equal_the_oracles(database: duckdb.DuckDBPyConnection, analytic: str, data: st.DataObject) -> None:
    if analytic not in KNOWN:
        system.lacking(f"there is no analytic {analytic}")
    tables = data.draw(inputs(analytic))
    rows_found = found(database, analytic, tables)
    assert [row["start_time"] for row in rows_found] == sorted(row["start_time"] for row in rows_found)
    wanted = in_order(ORACLES[analytic](tables, PARAMETERS))
    assert in_order(rows_found) == wanted, told(tables, rows_found, wanted)

"""Every analytic and every step: complete, composable, and the same rows from a warehouse's table as from the engine."""

import re
from importlib.resources import files
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from rpcsight.analytics import Analytic, all_analytics, analytic, compose, compose_steps, facts, step
from rpcsight.catalog import relations
from rpcsight.engines import open_engine
from rpcsight.engines.dialects import translated
from rpcsight.errors import UsageError
from rpcsight.examples import examples, write
from rpcsight.pipeline import Request, opened
from rpcsight.schema import CATALOG, DETECTION, FACTS, FLOW, RPC_ACTIVITY, names
from rpcsight.schema.flows import SMB
from tests import system
from tests.recording import PARQUET

ANALYTICS = [pytest.param(each, id=each.header.id) for each in all_analytics()]
FILES = {Path(str(file)).stem for file in files("rpcsight.analytics").iterdir() if file.name.endswith(".sql")}
STEPS = sorted(Path(str(file)).stem for file in (files("rpcsight") / "steps").iterdir())
PARAMETERS = Request([]).parameters()
PUBLISHED_COLUMNS = {
    "CAR-2014-05-001": [
        *("src_ip", "dest_ip", "mapper_time", "mapper_src_port", "endpoint_time", "endpoint_src_port"),
        *("endpoint_dest_port", "gap_s", "mapper_id", "endpoint_id", "source"),
    ],
    "rpc-activity": names(RPC_ACTIVITY),
    "smb-connections": ["src_ip", "dest_ip", "start_time", "src_port", "dest_port", "flow_id", "observer", "source"],
    "rpc-attempts": ["src_ip", "dest_ip", "start_time", "src_port", "dest_port", "flow_id", "observer", "source"],
    "rpc-calls": [
        *(
            "call_time",
            "flow_time",
            "src_ip",
            "src_port",
            "dest_ip",
            "dest_port",
            "transport_protocol",
            "pipe",
            "user_name",
        ),
        *(
            "interface",
            "interface_version",
            "interface_name",
            "opnum",
            "operation",
            "is_answered",
            "fault",
            "auth_type",
            "auth_level",
            "request_bytes",
        ),
        *("response_bytes", "is_callback", "context_id", "call_id", "image_path", "flow_id", "observer", "source"),
    ],
    "rpc-mappings": [
        *(
            "answer_time",
            "flow_time",
            "src_ip",
            "src_port",
            "dest_ip",
            "dest_port",
            "transport_protocol",
            "pipe",
            "user_name",
        ),
        *(
            "answer",
            "interface",
            "interface_version",
            "mapped_address",
            "mapped_port",
            "mapped_pipe",
            "observer",
            "source",
        ),
    ],
    "smb-events": [
        *(
            "event_time",
            "flow_time",
            "src_ip",
            "src_port",
            "dest_ip",
            "dest_port",
            "user_name",
            "action",
            "share",
            "name",
        ),
        *("written_bytes", "observer", "source"),
    ],
}
CAPTURE = ("pcap", "OTRF+Security-Datasets", "covenant_sharpsc_create_dcerpc_smb_svcctl_2020-08-06022635.cap")


def from_engine(name: str, path: Path = PARQUET) -> pa.Table:
    with opened(Request([str(path)])) as session:
        return session.run(name)


def test_the_folder_is_the_list() -> None:
    assert {each.header.id for each in all_analytics()} == FILES


@pytest.mark.parametrize("each", ANALYTICS)
def test_its_header_is_complete(each: Analytic) -> None:
    header = each.header
    assert [name for name, value in header if not value and name not in {"d3fend", "of_many"}] == []
    assert [name for name in header.attack if not re.fullmatch(r"T\d{4}(\.\d{3})?", name)] == []
    assert [name for name in header.d3fend if not re.fullmatch(r"D3-[A-Z]+", name)] == []
    assert set(header.needs) <= {"flow", *FACTS}
    assert [name for name in header.uses if name not in {*STEPS, *FACTS, *CATALOG}] == []
    assert (analytic(header.id.upper()), analytic(header.id.lower())) == (each, each)


@pytest.mark.parametrize("each", ANALYTICS)
def test_it_uses_the_facts_that_its_text_names(each: Analytic) -> None:
    words = set(re.findall(r"\w+", compose(each.header.id)))
    columns = {column.name for table in CATALOG.values() for column in table}  # `process` is one
    assert words & {*FACTS, SMB} - columns == set(facts(each.header.id)) - columns
    assert set(facts(each.header.id)) <= words


@pytest.mark.parametrize("each", ANALYTICS)
def test_it_needs_known_parameters_only(each: Analytic) -> None:
    wanted = set(re.findall(r"\$([a-z_]+)", compose(each.header.id, from_flow=True)))
    assert wanted - PARAMETERS.keys() == set()


@pytest.mark.parametrize("each", ANALYTICS)
def test_without_flows_it_gives_no_rows_and_its_columns(each: Analytic, tmp_path: Path) -> None:
    engine = open_engine("duckdb", scratch=str(tmp_path))
    try:
        rows = engine.rows(compose(each.header.id), PARAMETERS)
    finally:
        engine.close()
    assert rows.equals(from_engine(each.header.id).schema.empty_table())
    wanted = (
        names(DETECTION) if each.header.kind == "attack" else PUBLISHED_COLUMNS.get(each.header.id, rows.column_names)
    )
    assert rows.column_names == wanted


@pytest.mark.parametrize("each", ANALYTICS)
def test_a_warehouse_gives_the_rows_of_the_engine(each: Analytic, tmp_path: Path) -> None:
    name, needs = each.header.id, each.header.needs
    path = tmp_path
    if shown := [example for example in examples(name) if example.rows]:
        write(shown[0], tmp_path)
    else:
        path = PARQUET if needs == ("flow",) else system.shared_data(*CAPTURE)
    with duckdb.connect() as warehouse:
        warehouse.execute("set TimeZone = 'UTC'")
        for table in needs:
            columns = ", ".join(f"{column.name} {column.kind}" for column in {"flow": FLOW, **FACTS}[table])
            warehouse.execute(f"create table {table} ({columns})")
        if path == PARQUET:
            warehouse.execute(f"insert into flow by name select *, '{PARQUET}' as source from '{PARQUET}'")
        else:
            with opened(Request([str(path)]), is_whole=True) as session:
                for table in needs:
                    rows = session.table(table).read_all().select(names({"flow": FLOW, **FACTS}[table]))
                    warehouse.from_arrow(rows).insert_into(table)
        for table in (table for table in each.header.uses if table in CATALOG):
            warehouse.from_arrow(relations.rows(table)).create(table)
        rows = warehouse.sql(translated(compose(name, from_flow=True), "duckdb", PARAMETERS)).to_arrow_table()
    assert rows.equals(from_engine(name, path))
    assert rows.num_rows


@pytest.mark.parametrize("name", STEPS)
def test_a_step_says_what_it_is(name: str) -> None:
    text = (files("rpcsight") / "steps" / f"{name}.sql").read_text("utf-8")
    assert text.startswith(f"/* {name}: ")
    assert ";" not in re.sub(r"'(?:[^']|'')*'", "", text.partition("*/")[2])
    assert step(name) == text.partition("*/")[2].strip()


def test_steps_that_are_held_are_left_out_of_the_text() -> None:
    assert compose_steps(["reading", "candidate"], "select 1", ("reading", "candidate")) == "select 1"
    composed = compose_steps(["problem"], "with a as (\n  select 1\n)\nselect * from a")
    assert composed == f"with problem as (\n{indented(step('problem'))}\n),\na as (\n  select 1\n)\nselect * from a"


def indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def test_an_unknown_analytic_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"(?s)there is none called 'CAR-1'.*one of: CAR-2014-0.*rpc-activity"):
        analytic("CAR-1")

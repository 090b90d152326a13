"""What packets prove about activities is exactly what the plain-Python oracle says, on random ones."""

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpcsight.analytics import compose_steps, step
from tests.oracles.facts import Answer, Met, Said, facts

HOSTS = ("10.0.0.1", "10.0.0.2", "10.0.0.3")
PORTS = (49152, 49153)
TIMES = st.integers(0, 6)
UUIDS = (None, "367abb81-9844-35f1-ad32-98f038001003", "86d35949-83c9-4044-b424-db363231fd0c")
ONE = (HOSTS[0], PORTS[0], HOSTS[1], PORTS[0])
ENDS = st.sampled_from((ONE, ONE, ONE, (*ONE[:3], PORTS[1]), (HOSTS[1], PORTS[0], HOSTS[2], PORTS[0])))
MET = st.builds(Met, ENDS, TIMES)
SAID = st.builds(
    Said,
    st.sampled_from(("one.pcap", "other.pcap")),
    ENDS,
    TIMES,
    st.sampled_from(UUIDS),
    st.sampled_from(("1.0", "2.0")),
    st.sampled_from((0, 1, 1)),
    st.sampled_from(("tcp", "tcp", "tcp", "smb")),
    st.sampled_from((False, False, False, True)),
    st.sampled_from((None, None, "C1", "C2")),
)
ANSWER = st.builds(
    Answer,
    st.sampled_from(HOSTS[:2]),
    st.sampled_from(HOSTS[1:]),
    TIMES,
    st.sampled_from(("", *HOSTS[1:])),
    st.sampled_from((*PORTS, 50000, None)),
    st.sampled_from(("ept_map", "ept_lookup", "activation")),
)
TABLES = (
    "activity(pair_no bigint, src_ip varchar, dest_ip varchar, start_us bigint, src_port integer, dest_port integer, mapper_us bigint, "
    "mapper_count bigint, gap_us bigint, basis varchar, mapper_id varchar, is_mapper_exchanged boolean, flow_id varchar, "
    "observer varchar, source varchar, is_exchanged boolean)",
    *(
        f"{name}(source varchar, src_ip varchar, src_port integer, dest_ip varchar, dest_port integer, time_us bigint, "
        "interface varchar, version varchar, transport_protocol varchar, is_callback boolean, flow_id varchar, "
        "opnum integer, interface_name varchar, operation varchar, image_path varchar)"
        for name in ("rpc_call", "rpc_bind")
    ),
    "rpc_mapping(src_ip varchar, dest_ip varchar, time_us bigint, mapped_address varchar, mapped_port integer, answer varchar)",
)
FACT = compose_steps(("uttered", "spoken", "named"), step("fact"))


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for table in TABLES:
            connection.execute(f"create table {table}")
        yield connection


def fill(database: duckdb.DuckDBPyConnection, activities: list[Met], said: list[Said], answers: list[Answer]) -> None:
    for name in ("activity", "rpc_call", "rpc_bind", "rpc_mapping"):
        database.execute(f"delete from {name}")
    for met in activities:
        client, port, server, server_port = met.ends
        row = (client, server, met.start_us, port, server_port)
        database.execute(
            "insert into activity(src_ip, dest_ip, start_us, src_port, dest_port, basis) values (?, ?, ?, ?, ?, 'mapper')",
            row,
        )
    for each in said:
        table = "rpc_call" if each.calls else "rpc_bind"
        row = (each.source, *each.ends, each.time_us, each.interface, each.version, each.transport_protocol)
        database.execute(
            f"insert into {table} values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, null, null, null, null)",
            (*row, each.is_callback, each.flow_id),
        )
    for answer in answers:
        row = (answer.client, answer.server, answer.time_us, answer.address, answer.port, answer.answer)
        database.execute("insert into rpc_mapping values (?, ?, ?, ?, ?, ?)", row)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(MET, max_size=8, unique=True),
    st.lists(SAID, max_size=20),
    st.lists(ANSWER, max_size=8),
)
def test_facts_equal_the_oracle(
    database: duckdb.DuckDBPyConnection, activities: list[Met], said: list[Said], answers: list[Answer]
) -> None:
    fill(database, activities, said, answers)
    rows = database.execute(
        f"select start_us, src_ip, src_port, dest_ip, dest_port, basis, interface, version, calls, named_by from ({FACT})"
    ).fetchall()
    found = [
        {
            "start_us": start_us,
            "ends": tuple(ends),
            "is_decoded": basis == "decoded",
            "interface": interface,
            "version": version,
            "calls": calls,
            "named_by": named_by,
        }
        for start_us, *ends, basis, interface, version, calls, named_by in rows
    ]
    expected = facts(activities, said, answers)
    order = lambda row: (row["start_us"], row["ends"])  # noqa: E731
    assert sorted(found, key=order) == sorted(expected, key=order)

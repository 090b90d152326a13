"""The service of activities is exactly what the plain-Python oracle says, on random ones."""

from collections.abc import Iterator, Sequence

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpcsight.analytics import compose_steps, step
from rpcsight.schema import CATALOG, FACTS
from tests.oracles.facts import Ends, Met
from tests.oracles.services import Catalog, Heard, Pointed, Served, Uttered, services

MINUTE_US = 60_000_000
CLIENTS = ("10.0.0.1", "10.0.0.2")
SERVERS = ("10.0.0.3", "10.0.0.4")
PORTS = (49152, 49153, 49154)
SVCCTL, WINREG, SAMR, LSARPC, UNNAMED, OBJECT, STRANGE = (f"{digit}" * 8 for digit in "1234567")
CATALOG_SEEN = Catalog(
    names={SVCCTL: "svcctl", WINREG: "winreg", SAMR: "samr", LSARPC: "lsarpc", OBJECT: "IRemUnknown"},
    programs={
        **{SVCCTL: "services.exe", WINREG: "svchost.exe"},
        **{SAMR: "lsass.exe", LSARPC: "lsass.exe", UNNAMED: "lsass.exe"},
    },
    operations={
        (SVCCTL, 1): "Create",
        (SVCCTL, 2): "Close",
        (SAMR, 1): "Connect",
        (LSARPC, 1): "Open",
        (WINREG, 2): "Save",
    },
    weights={(SVCCTL, 1): 0.5, (SAMR, 1): 0.5, (SAMR, 2): 0.1, (WINREG, 2): 0.8},
    logged={("svcctl", "create"): (SVCCTL, 1), ("zwinreg", "save"): (WINREG, 2)},
)
TIMES = st.sampled_from([0, 1, *(minutes * MINUTE_US + more for minutes in (1, 2, 3) for more in (-1, 0, 0, 1))])
ENDS = st.sampled_from(
    [
        (client, port, server, there)
        for client in CLIENTS
        for port in (50000, 50001)
        for server in SERVERS
        for there in PORTS
    ]
)
FEW_ENDS = st.one_of(st.just((CLIENTS[0], 50000, SERVERS[0], PORTS[0])), ENDS)
UUIDS = st.sampled_from((None, SVCCTL, SVCCTL, WINREG, SAMR, SAMR, LSARPC, UNNAMED, OBJECT, STRANGE))
IMAGES = st.sampled_from(
    (None, None, "C:\\Windows\\System32\\services.exe", "C:\\Windows\\system32\\LSASS.exe", "/x/svchost.exe", "C:\\a\\")
)
MET = st.builds(Met, FEW_ENDS, TIMES, st.sampled_from((None, "C1", "C2", "C3")))
UTTERED = st.builds(
    Uttered,
    st.sampled_from(("one.pcap", "other.log")),
    FEW_ENDS,
    TIMES,
    UUIDS,
    st.sampled_from(("1.0", "2.0")),
    st.sampled_from((0, 1, 1, 1)),
    st.sampled_from(("tcp", "tcp", "tcp", "tcp", "smb")),
    st.sampled_from((False, False, False, False, True)),
    st.sampled_from((None, None, "C1", "C2")),
    st.sampled_from((None, 1, 2, 3)),
    st.sampled_from((None, None, None, "svcctl", "ZWinreg", "other")),
    st.sampled_from((None, None, "CREATE", "save", "Else")),
    st.one_of(st.none(), st.none(), IMAGES),
    st.sampled_from((None, "accepted", "rejected", "negotiated")),
)
POINTED = st.builds(
    Pointed,
    st.sampled_from(CLIENTS),
    st.sampled_from(SERVERS),
    TIMES,
    st.sampled_from(("", "", *SERVERS)),
    st.sampled_from((*PORTS, None)),
    st.sampled_from(("ept_map", "ept_lookup", "activation")),
    UUIDS,
)
HEARD = st.builds(
    Heard, FEW_ENDS, TIMES, IMAGES, st.sampled_from((False, False, True)), st.sampled_from(("tcp", "tcp", "udp"))
)
SERVED = compose_steps(
    (
        "uttered",
        "spoken",
        "decoded",
        "sole_service",
        "answering",
        "listening",
        "service_evidence",
        "server_epoch",
        "learned",
    ),
    step("served"),
)
ACTIVITY = "src_ip varchar, src_port integer, dest_ip varchar, dest_port integer, start_us bigint, flow_id varchar"
READ = ("rpc_call", "rpc_bind", "rpc_mapping", "host_flow")


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(f"create table activity({ACTIVITY})")
        for name, columns in {**CATALOG, **{each: FACTS[each] for each in READ}}.items():
            connection.execute(
                f"create table {name}({', '.join(f'{column.name} {column.kind}' for column in columns)})"
            )
        for uuid in {*CATALOG_SEEN.names, *CATALOG_SEEN.programs}:
            row = uuid, CATALOG_SEEN.names.get(uuid), CATALOG_SEEN.programs.get(uuid)
            connection.execute("insert into rpc_interface(interface, name, process) values (?, ?, ?)", row)
        for (uuid, opnum), name in CATALOG_SEEN.operations.items():
            connection.execute("insert into rpc_operation values (?, ?, ?)", (uuid, opnum, name))
        for (uuid, opnum), weight in CATALOG_SEEN.weights.items():
            for less in (0, 0.05):
                row = uuid, opnum, weight - less
                connection.execute("insert into rpc_technique(interface, opnum, weight) values (?, ?, ?)", row)
        for (interface, operation), (uuid, opnum) in CATALOG_SEEN.logged.items():
            connection.execute("insert into rpc_name values (?, ?, ?, ?, 1)", (interface, operation, uuid, opnum))
        for uuid in (SVCCTL, WINREG):
            connection.execute("insert into rpc_name values ('svcctl', 'save', ?, 9, 2)", (uuid,))
        yield connection


def fill(
    database: duckdb.DuckDBPyConnection,
    activities: Sequence[Met],
    uttered: Sequence[Uttered],
    answers: Sequence[Pointed],
    heard: Sequence[Heard],
) -> None:
    for name in ("activity", *READ):
        database.execute(f"delete from {name}")
    for met in activities:
        database.execute("insert into activity values (?, ?, ?, ?, ?, ?)", (*met.ends, met.start_us, met.flow_id))
    for each in uttered:
        row = _ends(each.ends) | {
            "time_us": each.time_us,
            "transport_protocol": each.transport_protocol,
            "is_callback": each.is_callback,
            "interface": each.interface,
            "version": each.version,
            "source": each.source,
        }
        called = {
            name: getattr(each, name) for name in ("opnum", "flow_id", "interface_name", "operation", "image_path")
        }
        insert(database, *(("rpc_call", row | called) if each.calls else ("rpc_bind", row | {"result": each.result})))
    for answer in answers:
        row = {"src_ip": answer.client, "dest_ip": answer.server, "time_us": answer.time_us, "answer": answer.answer}
        told = {"mapped_address": answer.address, "mapped_port": answer.port, "interface": answer.interface}
        insert(database, "rpc_mapping", row | told)
    for each in heard:
        row = {name: getattr(each, name) for name in ("time_us", "image_path", "is_outbound", "transport_protocol")}
        insert(database, "host_flow", _ends(each.ends) | row)


def insert(database: duckdb.DuckDBPyConnection, table: str, row: dict[str, object]) -> None:
    places = ", ".join("?" * len(row))
    database.execute(f"insert into {table}({', '.join(row)}) values ({places})", list(row.values()))


def _ends(ends: Ends) -> dict[str, object]:
    return dict(zip(("src_ip", "src_port", "dest_ip", "dest_port"), ends, strict=True))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(MET, min_size=1, max_size=8, unique_by=lambda met: (met.ends, met.start_us)),
    st.lists(UTTERED, max_size=12),
    st.lists(POINTED, max_size=8),
    st.lists(HEARD, max_size=5),
)
def test_services_equal_the_oracle(
    database: duckdb.DuckDBPyConnection,
    activities: list[Met],
    uttered: list[Uttered],
    answers: list[Pointed],
    heard: list[Heard],
) -> None:
    uttered = [each if each.calls else bind(each) for each in uttered]
    fill(database, activities, uttered, answers, heard)
    columns = "src_ip, src_port, dest_ip, dest_port, start_us, service, operation, tier, tier_confidence"
    rows = database.execute(f"select {columns} from ({SERVED})").fetchall()
    found = {
        (tuple(ends), start_us): Served(*told)
        for *ends, start_us, service, operation, tier, confidence in rows
        for told in [(service, operation, tier, confidence)]
    }
    assert len(found) == len(rows)
    verdicts = services(activities, uttered, answers, heard, CATALOG_SEEN)
    expected = {(met.ends, met.start_us): told for met, told in zip(activities, verdicts, strict=True) if told.tier}
    assert found == expected


def bind(each: Uttered) -> Uttered:
    """Without what a bind does not say."""
    return Uttered(
        *(each.source, each.ends, each.time_us, each.interface, each.version, 0),
        each.transport_protocol,
        each.is_callback,
        result=each.result,
    )

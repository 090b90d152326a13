"""Chains of hosts and RPC with the internet are exactly what the plain-Python oracle says, on random contacts."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpcsight.analytics import analytic, compose_steps, step
from rpcsight.engines.dialects import translated
from rpcsight.pipeline import Request
from tests.oracles.chains import EPMAPPER, HOUR_US, Contact, chains, internet, is_public
from tests.oracles.flow import Row
from tests.properties.strategies import EPOCH

CHAIN_US = 3
HOSTS = ("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6")
SVCCTL = "367abb81-9844-35f1-ad32-98f038001003"
ADDRESSES = {
    **dict.fromkeys(("8.8.8.8", "1.0.0.0", "11.0.0.0", "126.255.255.255", "128.0.0.1", "223.255.255.255"), True),
    **dict.fromkeys(
        ("172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "100.63.255.255", "100.128.0.0"), True
    ),
    **dict.fromkeys(
        ("169.253.255.255", "169.255.0.0", "2001:db8::1", "2A00:1450::8A", "fb00::1", "fec0::1", "64:ff9b::808:808"),
        True,
    ),
    **dict.fromkeys(("::ffff:8.8.8.8", "::FFFF:8.8.8.8", "0:0:0:0:0:ffff:8.8.8.8", "fe7f::1", "1::", "1000::"), True),
    **dict.fromkeys(
        ("10.0.0.1", "172.16.0.0", "172.31.255.255", "192.168.1.1", "100.64.0.0", "100.127.255.255"), False
    ),
    **dict.fromkeys(("169.254.1.1", "127.0.0.1", "0.0.0.1", "224.0.0.251", "239.1.2.3", "255.255.255.255"), False),
    **dict.fromkeys(("::1", "::", "0:0:0:0:0:0:0:1", "fe80::1", "FEBF::1", "fc00::1", "fd12::1", "ff02::1"), False),
    **dict.fromkeys(("::ffff:10.0.0.1", "::ffff:127.0.0.1", "0:0:0:0:0:ffff:192.168.0.1", "fe80::1%eth0"), False),
    **dict.fromkeys(("", "-", "8.8.8", "8.8.8.8.8", "8.8.8.256", "300.1.1.1", "host", "8.8.8.8:53", "a.b.c.d"), False),
}
TABLES = (
    "judged(src_ip varchar, dest_ip varchar, start_us bigint, flow_id varchar, observer varchar, source varchar)",
    "sighting(src_ip varchar, dest_ip varchar, start_us bigint, is_mapper boolean, left_out varchar, flow_id varchar, observer varchar, "
    "source varchar)",
    "called(src_ip varchar, dest_ip varchar, at_us bigint, is_callback boolean, known_interface varchar, service varchar, "
    "user_name varchar, flow_id varchar, observer varchar, source varchar)",
    "controller(ip varchar)",
    "logon_server(ip varchar)",
)
GIVEN = [table.partition("(")[0] for table in TABLES]
KINDS = st.sampled_from(("activity", "activity", "call", "mapper"))


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for table in TABLES:
            connection.execute(f"create table {table}")
        yield connection


@st.composite
def contact_lists(draw: st.DrawFn, hosts: Sequence[str], step_us: int) -> list[Contact]:
    """Contacts of few hosts at few times: one-way mostly, so that servers with few clients are not seldom."""
    ends = st.lists(st.sampled_from(hosts), min_size=2, max_size=2, unique=True)
    pairs = draw(st.lists(ends, min_size=1, max_size=8))
    contacts: list[Contact] = []
    for number in range(draw(st.integers(0, 16))):
        src_ip, dest_ip = draw(st.sampled_from(pairs))
        kind = draw(KINDS)
        interface, service = (None, None)
        if kind == "call":
            interface, service = draw(st.sampled_from(((SVCCTL, "svcctl"), (EPMAPPER, "epmapper"), (None, "winreg"))))
        at_us = draw(st.integers(0, 8)) * step_us
        flow_id = draw(st.sampled_from((f"F{number}", None))) if kind == "call" else f"F{number}"
        observer = draw(st.sampled_from(("one", "other")))
        contacts.append(Contact(kind, src_ip, dest_ip, at_us, interface, service, flow_id, observer))
    return contacts


def fill(
    database: duckdb.DuckDBPyConnection, contacts: Sequence[Contact], controllers: set[str], checkers: set[str]
) -> None:
    for name in GIVEN:
        database.execute(f"delete from {name}")
    for number, each in enumerate(contacts):
        ends, end = (each.src_ip, each.dest_ip), (each.flow_id, each.observer, "file")
        if each.kind == "activity":
            database.execute("insert into judged values (?, ?, ?, ?, ?, ?)", (*ends, each.at_us, *end))
        elif each.kind == "mapper":
            database.execute("insert into sighting values (?, ?, ?, true, null, ?, ?, ?)", (*ends, each.at_us, *end))
        else:
            turned = number % 3 == 0
            row = (*(ends[::-1] if turned else ends), each.at_us, turned, each.interface, each.service, None, *end)
            database.execute("insert into called values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    # what is no contact: refused, not to the mapper, on one host
    database.execute("insert into sighting values ('10.0.0.1', '8.8.8.8', 1, true, 'failed', 'X', 'one', 'file')")
    database.execute("insert into sighting values ('10.0.0.1', '8.8.8.8', 1, false, null, 'X', 'one', 'file')")
    database.execute(
        "insert into called values ('10.0.0.1', '10.0.0.1', 1, false, null, 'x', null, 'X', 'one', 'file')"
    )
    database.execute(
        "insert into called values ('127.0.0.1', '8.8.8.8', 1, false, null, 'x', null, 'X', 'one', 'file')"
    )
    for ip in controllers:
        database.execute("insert into controller values (?)", (ip,))
    for ip in checkers:
        database.execute("insert into logon_server values (?)", (ip,))


def rows(database: duckdb.DuckDBPyConnection, name: str, columns: Sequence[str]) -> list[Row]:
    """What an analytic gives, times in microseconds."""
    steps = ("contact", "public") if name == "rpc-internet" else ("contact",)
    parameters = {**Request([]).parameters(), "chain_us": CHAIN_US}
    text = translated(compose_steps(steps, analytic(name).sql, GIVEN), "duckdb", parameters)
    found = database.sql(text).to_arrow_table().to_pylist()
    for row in found:
        row |= {f"{end}_us": (row[f"{end}_time"] - EPOCH) // timedelta(microseconds=1) for end in ("start", "end")}
    return [{column: row[column] for column in columns} for row in found]


CHAIN = ("tier", "start_us", "end_us", "src_ip", "dest_ip", "service", "events", "target", "flow_id", "observer")
INTERNET = ("technique", "tier", "confidence", *CHAIN[1:7], "flow_id", "observer")


@settings(max_examples=30, deadline=None)
@given(
    contact_lists(HOSTS, 1), st.sets(st.sampled_from(HOSTS), max_size=1), st.sets(st.sampled_from(HOSTS), max_size=1)
)
def test_chains_equal_the_oracle(
    database: duckdb.DuckDBPyConnection, contacts: list[Contact], controllers: set[str], checkers: set[str]
) -> None:
    fill(database, contacts, controllers, checkers)
    assert rows(database, "rpc-chain", CHAIN) == chains(contacts, controllers | checkers, CHAIN_US)


def test_of_a_middle_the_hosts_reached_first_are_told(database: duckdb.DuckDBPyConnection) -> None:
    onward = [Contact("activity", HOSTS[1], f"10.1.0.{n}", n % 3 + 1, flow_id=f"F{n}") for n in range(30)]
    contacts = [Contact("activity", HOSTS[0], HOSTS[1], 1, flow_id="A"), *onward]
    fill(database, contacts, set(), set())
    found = rows(database, "rpc-chain", CHAIN)
    assert found == chains(contacts, set(), CHAIN_US)
    assert len(found) == 20


@settings(max_examples=20, deadline=None)
@given(contact_lists((*HOSTS[:2], "8.8.8.8", "2001:db8::1", "fd00::1", "203.0.113.9"), HOUR_US // 4))
def test_rpc_with_the_internet_equals_the_oracle(database: duckdb.DuckDBPyConnection, contacts: list[Contact]) -> None:
    fill(database, contacts, set(), set())
    assert rows(database, "rpc-internet", INTERNET) == internet(contacts)


def public(database: duckdb.DuckDBPyConnection, addresses: Sequence[str]) -> dict[str, bool]:
    """What the step says of addresses."""
    relation = database.from_arrow(pa.table({"src_ip": list(addresses), "dest_ip": list(addresses)}))
    sql = f"with contact as (select * from given), {step('public').removeprefix('with ')}"
    found = {ip for (ip,) in relation.query("given", sql).fetchall()}
    return {address: address in found for address in addresses}


def test_addresses_of_the_internet(database: duckdb.DuckDBPyConnection) -> None:
    assert public(database, list(ADDRESSES)) == ADDRESSES
    assert {address: is_public(address) for address in ADDRESSES} == ADDRESSES


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.one_of(st.ip_addresses(), st.ip_addresses(v=4), st.ip_addresses(v=6, network="f000::/4")),
        min_size=1,
        max_size=60,
    )
)
def test_any_address(database: duckdb.DuckDBPyConnection, addresses: list[object]) -> None:
    texts = list(dict.fromkeys(str(address) for address in addresses))
    assert public(database, texts) == {text: is_public(text) for text in texts}

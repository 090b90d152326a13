"""Random records for the attack analytics, small and dense: few hosts, times at and around the edges of windows, hours and slots."""

from functools import cache
from typing import Any

from hypothesis import strategies as st

from rpcsight.catalog.relations import rows
from rpcsight.schema import FACTS, FLOW

Row = dict[str, Any]
START_US = 1_772_442_000_000_000
"""A whole hour."""
HOSTS = ("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4")
ADDRESSES = (*HOSTS, *HOSTS, *HOSTS, "127.0.0.1", "::1", "fe80::1", "203.0.113.9", None)
OBSERVERS = ("sensor", "sensor", "sensor", "other", None)
EDGES_US = (0, 0, 1, 500_000, 1_000_000, 299_999_999, 300_000_000, 3_599_999_999, 3_600_000_000)
COLUMNS = {"flow": FLOW, **FACTS}
TOLD = ("interface", "opnum", "version", "interface_name", "operation")
ALIKE = (
    (),
    ("src_ip", "dest_ip"),
    ("src_ip", "dest_ip", "observer", "is_callback", *TOLD),
    ("src_ip", *TOLD, "is_callback"),
)
"""What most calls of a list have in common."""
NOISE = (
    ("12345778-1234-abcd-ef00-0123456789ab", 44),
    ("e3514235-4b06-11d1-ab04-00c04fc2dcd2", 12),
    ("338cd001-2244-31f1-aaaa-900038001003", 17),
    ("367abb81-9844-35f1-ad32-98f038001003", 2),
    ("99999999-1234-abcd-ef00-0123456789ab", 1),
)


def record(table: str, **cells: object) -> Row:
    """A record of a table; what is not named is empty."""
    names = [column.name for column in COLUMNS[table]]
    assert cells.keys() <= set(names), cells.keys() - set(names)
    return {name: cells.get(name) for name in names}


@cache
def names_of(interface: str, opnum: int) -> tuple[tuple[str, str], ...]:
    """What logs that give names only call an operation."""
    return tuple(
        (row["interface_name"], row["operation"])
        for row in rows("rpc_name").to_pylist()
        if (row["interface"], row["opnum"]) == (interface, opnum)
    )


def times(*edges_us: int) -> st.SearchStrategy[int]:
    """Times that are often exactly one or two of the edges apart."""
    offsets = st.sampled_from((0, 0, *edges_us, *EDGES_US))
    return st.builds(
        lambda one, other, less: START_US + one + other - less, offsets, offsets, st.sampled_from((0, 0, 0, 1))
    )


def host_pairs() -> st.SearchStrategy[tuple[Any, Any]]:
    """Mostly two hosts; now and then one and the same, a loopback address, or nothing."""
    ordinary = st.permutations(HOSTS).map(lambda hosts: (hosts[0], hosts[1]))
    own = st.sampled_from(ADDRESSES).map(lambda host: (host, host))
    odd = st.one_of(own, st.tuples(st.sampled_from(ADDRESSES), st.sampled_from((*HOSTS, "fe80::1", None))))
    return st.integers(0, 7).flatmap(lambda choice: odd if choice == 7 else ordinary)


@st.composite
def calls(draw: st.DrawFn, operations: tuple[tuple[str, int], ...], *edges_us: int) -> Row:
    """One call of rpc_call: as packets or as logs of names show it."""
    interface, opnum = draw(st.sampled_from(operations if draw(st.integers(0, 5)) else NOISE))
    src_ip, dest_ip = draw(host_pairs())
    time_us = draw(times(*edges_us))
    transport = draw(st.sampled_from(("tcp", "tcp", "smb", None)))
    told: Row = {"interface": interface, "opnum": opnum, "version": "2.0"}
    form = draw(st.sampled_from(("packets", "packets", "packets", "names", "unbound", "foreign")))
    if form == "names" and names_of(interface, opnum):
        name, operation = draw(st.sampled_from(names_of(interface, opnum)))
        told = {"interface_name": draw(st.sampled_from((name, name.upper()))), "operation": operation}
    elif form == "unbound":
        told = {"opnum": opnum}
    elif form == "foreign":
        told = {"interface_name": "nobody", "operation": "nothing"}
    return record(
        "rpc_call",
        time_us=time_us,
        flow_us=time_us - draw(st.sampled_from((0, 1_000_000))),
        src_ip=src_ip,
        src_port=draw(st.sampled_from((50000, 49152, 49151))),
        dest_ip=dest_ip,
        dest_port=445 if transport == "smb" else draw(st.sampled_from((49152, 49667, 49151, 135))),
        transport_protocol=transport,
        pipe=draw(st.sampled_from(("svcctl", "atsvc", None))) if transport == "smb" else None,
        user_name=draw(st.sampled_from((None, "LAB\\amy", "LAB\\bob"))),
        is_callback=draw(st.sampled_from((False, False, False, False, True, None))),
        is_answered=draw(st.booleans()),
        flow_id=draw(st.sampled_from((None, "C1", "C2"))),
        observer=draw(st.sampled_from(OBSERVERS)),
        source=draw(st.sampled_from(("one.pcap", "two.pcap"))),
        **told,
    )


@st.composite
def call_lists(draw: st.DrawFn, operations: tuple[tuple[str, int], ...], *edges_us: int) -> list[Row]:
    """Calls, some of them seen again elsewhere, some on one pair."""
    found = draw(st.lists(calls(operations, *edges_us), max_size=14))
    if found:
        same = {name: found[0][name] for name in draw(st.sampled_from(ALIKE))}
        found = [row | same if draw(st.integers(0, 3)) else row for row in found]
    if found:
        again = draw(st.lists(st.sampled_from(found), max_size=4))
        found += [row | {"observer": "other", "source": "three.pcap"} for row in again]
    return found


@st.composite
def mappings(draw: st.DrawFn) -> Row:
    """One answer of the endpoint mapper."""
    src_ip, dest_ip = draw(host_pairs())
    return record(
        "rpc_mapping",
        time_us=draw(times()),
        src_ip=src_ip,
        src_port=50000,
        dest_ip=dest_ip,
        dest_port=135,
        transport_protocol="tcp",
        answer=draw(st.sampled_from(("ept_map", "ept_lookup"))),
        interface=draw(st.sampled_from((None, NOISE[0][0], NOISE[1][0], NOISE[1][0]))),
        mapped_address=draw(st.sampled_from((None, "", *HOSTS))),
        mapped_port=draw(st.sampled_from((None, 49667))),
        observer="sensor",
        source="one.pcap",
    )


SHARES = ("\\\\10.0.0.2\\C$", "\\\\srv\\admin$", "ADMIN$", "d$", "//srv/c$", "\\\\srv\\IPC$", "XC$", "data", "", None)


@st.composite
def smb_events(draw: st.DrawFn, action: str, *edges_us: int) -> Row:
    """One event of SMB, mostly that action on an administrative share."""
    src_ip, dest_ip = draw(host_pairs())
    time_us = draw(times(*edges_us))
    action = draw(st.sampled_from((action, action, action, action, "share", "write", "open")))
    return record(
        "smb_event",
        time_us=time_us,
        flow_us=time_us,
        src_ip=src_ip,
        src_port=50000,
        dest_ip=dest_ip,
        dest_port=445,
        user_name=draw(st.sampled_from((None, "LAB\\amy", "LAB\\bob"))),
        action=action,
        share=draw(st.sampled_from((*SHARES[:4], *SHARES))),
        name=draw(st.sampled_from((None, "", "a.exe", "b.exe"))) if action == "share" else draw(st.sampled_from("ab")),
        observer=draw(st.sampled_from(OBSERVERS)),
        source=draw(st.sampled_from(("one.pcap", "two.pcap"))),
    )


@st.composite
def smb_lists(draw: st.DrawFn, action: str, *edges_us: int) -> list[Row]:
    """Events of SMB, many by one client, some seen again elsewhere."""
    found = draw(st.lists(smb_events(action, *edges_us), max_size=10))
    if found:
        same = {
            name: found[0][name]
            for name in draw(st.sampled_from(((), ("src_ip",), ("src_ip", "action", "share", "name"))))
        }
        found = [row | same if draw(st.integers(0, 3)) else row for row in found]
        found += [row | {"observer": "other"} for row in draw(st.lists(st.sampled_from(found), max_size=3))]
    return found


@st.composite
def mapper_flows(draw: st.DrawFn) -> Row:
    """One connection, mostly to an endpoint mapper, whatever became of it."""
    src_ip, dest_ip = draw(host_pairs().filter(all))
    ports = draw(st.sampled_from(((50000, 135), (50000, 135), (135, 50000), (50001, 49667), (135, 135))))
    return record(
        "flow",
        flow_id=draw(st.sampled_from(("F1", "F2", "F3"))),
        start_time=draw(times(599_999_999, 600_000_000)),
        src_ip=src_ip,
        src_port=ports[0],
        dest_ip=dest_ip,
        dest_port=ports[1],
        transport_protocol=draw(st.sampled_from(("tcp", "tcp", "tcp", "udp", None))),
        is_established=draw(st.sampled_from((True, True, False, None))),
        is_oriented=draw(st.sampled_from((True, True, False))),
        observer=draw(st.sampled_from(("sensor", "sensor", "other"))),
        source=draw(st.sampled_from(("one.pcap", "two.pcap"))),
    )


@st.composite
def mapper_flow_lists(draw: st.DrawFn) -> list[Row]:
    """Connections, many by one client."""
    found = draw(st.lists(mapper_flows(), max_size=10))
    same = {name: found[0][name] for name in ("src_ip", "src_port", "dest_port", "is_oriented") if found}
    return [row | same if draw(st.booleans()) else row for row in found]

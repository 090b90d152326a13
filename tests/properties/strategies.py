"""Random lists of flows, dense where the rule has an edge: exact distances, shared hosts, copies, odd records."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import strategies as st

from tests.oracles.flow import Flow, Row

V4 = ("10.0.0.1", "10.0.0.2", "10.0.0.10", "192.168.1.9")
V6 = ("2001:db8::1", "2001:db8::2")
STRANGER = "10.0.0.7"
LOOPBACK = ("127.0.0.1", "127.8.0.1", "::1")

# The edges: same instant, just inside, on and just past the window, and on and just past one connection.
DISTANCES_US = (0, 1, 1_999_999, 2_000_000, 2_000_001, 60_000_000, 60_000_001)
# Sums of two, so that any two flows are often exactly one edge apart.
OFFSETS_US = tuple(sorted({one + other for one in DISTANCES_US for other in DISTANCES_US}))
NEAR_US = (0, 0, 1, 1_999_999, 2_000_000, 2_000_001)
# A whole even second, an odd one with a fraction (the other side of any two-second bucket), and the epoch itself.
BASES_US = (1_700_000_000_000_000, 1_700_000_001_999_999, 0)
# Repeats are weights, here and below.
LENGTHS_US = (None, None, None, 0, 0, 1, 1_999_999, 2_000_000, 60_000_000, 3_600_000_000, -1)
# Ends at a fixed offset, whatever the start, so that long connections end together or one edge before another flow.
COMMON_ENDS_US = (2_000_001, 58_000_000, 60_000_000)
SRC_PORTS = (49152, 49152, 49153, 49664, 65535, 49151, 40000, 1024, 1023, 135, 445)
DEST_PORTS = (135, 135, 135, 135, 49152, 49152, 49664, 49664, 49153, 65535, 49151, 40000, 1024, 1023, 445)
# transport_protocol, is_established, is_oriented, observer
ORDINARY = ("tcp", True, True, "sensor")
STATES: tuple[tuple[str | None, bool | None, bool, str], ...] = (
    *(ORDINARY,) * 8,
    *(("tcp", None, True, "sensor"),) * 2,
    *(("tcp", True, True, "other"),) * 3,
    *(("tcp", True, False, "sensor"),) * 3,
    (None, None, False, "other"),
    (None, True, True, "sensor"),
    ("tcp", False, True, "sensor"),
    ("tcp", False, False, "other"),
    ("udp", None, True, "sensor"),
    ("udp", False, False, "other"),
)

EPOCH = datetime(1970, 1, 1)  # the tables hold UTC without a zone
MOST = 40


def flow_lists(max_size: int = MOST) -> st.SearchStrategy[list[Flow]]:
    """Lists of 0..max_size flows in no order of time, every flow_id once."""
    return _flow_lists(max_size)


@st.composite
def _flow_lists(draw: st.DrawFn, max_size: int) -> list[Flow]:
    base_us = draw(st.sampled_from(BASES_US))
    pairs = draw(st.lists(_host_pairs(), min_size=1, max_size=3))
    least = draw(st.sampled_from((0, 0, max_size // 4, max_size // 2)))
    flows = draw(st.lists(_flows(base_us, pairs, _offsets(draw)), min_size=least, max_size=max_size))
    scene = draw(st.sampled_from((_nothing, _nothing, _long_mappers, _one_connection)))
    flows = (draw(scene(base_us, pairs[0])) + flows)[:max_size]
    room = max_size - len(flows)
    if flows and room:
        flows = flows + draw(st.lists(_copies(flows), max_size=min(room, max_size // 3)))
    if draw(st.booleans()):
        flows = flows[::-1]  # so that a copy's flow_id sorts before the flow it copies, too
    return [replace(flow, flow_id=f"f{index}") for index, flow in enumerate(flows)]


def _offsets(draw: st.DrawFn) -> tuple[int, ...]:
    """All starts, or the few of a burst."""
    return draw(st.sampled_from((OFFSETS_US, DISTANCES_US, NEAR_US)))


def _host_pairs() -> st.SearchStrategy[tuple[str, str]]:
    """Two hosts of one family; now and then a loopback address or the same host twice."""
    v4, v6 = st.permutations(V4), st.permutations(V6)
    ordinary = st.one_of(v4, v4, v4, v6).map(lambda hosts: (hosts[0], hosts[1]))
    loopback = st.tuples(st.sampled_from(V4), st.sampled_from(LOOPBACK))
    same = st.sampled_from(V4 + V6).map(lambda host: (host, host))
    return st.integers(0, 15).flatmap(lambda choice: {14: loopback, 15: same}.get(choice, ordinary))


@st.composite
def _flows(draw: st.DrawFn, base_us: int, pairs: list[tuple[str, str]], offsets_us: tuple[int, ...]) -> Flow:
    """One flow, mostly between one of the list's pairs of hosts, mostly a kept TCP connection."""
    choice = draw(st.integers(0, 11))
    hosts = draw(_host_pairs()) if choice == 11 else draw(st.sampled_from(pairs))
    if choice in {9, 10}:
        hosts = hosts[::-1]
    start_us = base_us + draw(st.sampled_from(offsets_us))
    protocol, is_established, is_oriented, observer = draw(st.sampled_from(STATES))
    return Flow(
        flow_id="",
        start_us=start_us,
        end_us=draw(_ends(base_us, start_us)),
        src_ip=hosts[0],
        src_port=draw(st.sampled_from(SRC_PORTS)),
        dest_ip=hosts[1],
        dest_port=draw(st.sampled_from(DEST_PORTS)),
        transport_protocol=protocol,
        is_established=is_established,
        is_oriented=is_oriented,
        observer=observer,
        source="conn.log" if choice % 2 else "flows",
    )


def _ends(base_us: int, start_us: int) -> st.SearchStrategy[int | None]:
    """Unknown, a length after the start (one before it), or an instant many flows end at (never before the start)."""
    lengths = [None if length_us is None else start_us + length_us for length_us in LENGTHS_US]
    common = [max(start_us, base_us + end_us) for end_us in COMMON_ENDS_US]
    return st.sampled_from(lengths + common + common)


def _nothing(base_us: int, hosts: tuple[str, str]) -> st.SearchStrategy[list[Flow]]:
    return st.just([])


@st.composite
def _long_mappers(draw: st.DrawFn, base_us: int, hosts: tuple[str, str]) -> list[Flow]:
    """Mappers that end (nearly) together, a later short one, and an endpoint near the end of the window of both."""
    end_us = base_us + 60_000_000
    flows = [
        Flow("", base_us + start_us, end_us - less_us, hosts[0], port, hosts[1], 135)
        for port, start_us, less_us in draw(
            st.lists(
                st.tuples(st.sampled_from((50001, 50002, 50003)), st.sampled_from(NEAR_US), st.sampled_from((0, 0, 1))),
                min_size=2,
                max_size=3,
            )
        )
    ]
    short_us = base_us + draw(st.sampled_from((2_000_001, 60_000_000)))
    start_us = end_us + draw(st.sampled_from(NEAR_US))
    flows.append(Flow("", short_us, None, hosts[0], 50004, hosts[1], 135))
    flows.append(Flow("", start_us, None, hosts[0], 50005, hosts[1], 49664))
    return draw(st.permutations(flows))


@st.composite
def _one_connection(draw: st.DrawFn, base_us: int, hosts: tuple[str, str]) -> list[Flow]:
    """One endpoint connection again and again, by two observers, some long, some not oriented, some turned; a mapper."""
    start_us = base_us + draw(st.sampled_from(NEAR_US))
    mapper_ends = st.sampled_from((None, base_us + 60_000_000, base_us + 3_600_000_000))
    flows = [
        Flow("", base_us, draw(mapper_ends), hosts[0], 50001, hosts[1], 135, observer=observer)
        for observer in draw(st.sampled_from((("sensor",), ("sensor", "other"))))
    ]
    if draw(st.booleans()):
        flows.append(Flow("", base_us, draw(mapper_ends), hosts[1], 50003, hosts[0], 135))
    elif draw(st.booleans()):  # the endpoint is known by another client's mapper only
        flows = [replace(flow, src_ip=STRANGER) for flow in flows]
        flows.append(Flow("", base_us, None, STRANGER, 50002, hosts[1], 49664))
    steps = st.tuples(
        st.sampled_from((0, 1, 60_000_000, 60_000_000, 60_000_001, 120_000_000, 120_000_001)),
        st.sampled_from((None, None, -1, 1, 60_000_000, 180_000_000)),
        st.sampled_from(STATES),
    )
    for step_us, length_us, state in draw(st.lists(steps, min_size=2, max_size=5)):
        end_us = None if length_us is None else start_us + length_us
        flow = Flow("", start_us, end_us, hosts[0], 50002, hosts[1], 49664, *state)
        turn = draw(st.sampled_from(("as drawn", "as drawn", "as drawn", "unoriented", "exchanged")))
        if turn == "unoriented":
            flow = replace(flow, is_oriented=False)
        flows.append(_exchanged(flow, is_oriented=False) if turn == "exchanged" else flow)
        start_us += step_us
    return draw(st.permutations(flows))


@st.composite
def _copies(draw: st.DrawFn, flows: list[Flow]) -> Flow:
    """A flow again: whole, later, by the other observer, exchanged, or as the endpoint a mapper flow announces."""
    flow = draw(st.sampled_from(flows))
    change = draw(st.sampled_from(("whole", "later", "observed", "exchanged", "announced", "announced")))
    if change == "later":
        return _later(flow, draw(st.sampled_from(DISTANCES_US)))
    if change == "observed":
        other = "other" if flow.observer == "sensor" else "sensor"
        return replace(_later(flow, draw(st.sampled_from(DISTANCES_US))), observer=other)
    if change == "exchanged":
        return _exchanged(flow, is_oriented=draw(st.booleans()))
    if change == "announced":
        mapper_us = flow.start_us if flow.end_us is None else max(0, flow.end_us)  # no reader takes times before 1970
        start_us = mapper_us + draw(st.sampled_from(NEAR_US))
        dest_port = draw(st.sampled_from((49152, 49664, 65535)))
        return replace(flow, start_us=start_us, end_us=None, src_port=49153, dest_port=dest_port)
    return flow


def _later(flow: Flow, distance_us: int) -> Flow:
    end_us = None if flow.end_us is None else flow.end_us + distance_us
    return replace(flow, start_us=flow.start_us + distance_us, end_us=end_us)


def _exchanged(flow: Flow, *, is_oriented: bool) -> Flow:
    return replace(
        flow,
        src_ip=flow.dest_ip,
        src_port=flow.dest_port,
        dest_ip=flow.src_ip,
        dest_port=flow.src_port,
        is_oriented=is_oriented,
    )


def to_rows(flows: list[Flow]) -> list[Row]:
    """Return the flows as rows of the flow table: start_time and end_time are datetimes, UTC without a zone."""
    return [_to_row(flow) for flow in flows]


def _to_row(flow: Flow) -> Row:
    return {
        "flow_id": flow.flow_id,
        "start_time": to_time(flow.start_us),
        "end_time": None if flow.end_us is None else to_time(flow.end_us),
        "src_ip": flow.src_ip,
        "src_port": flow.src_port,
        "dest_ip": flow.dest_ip,
        "dest_port": flow.dest_port,
        "transport_protocol": flow.transport_protocol,
        "is_established": flow.is_established,
        "is_oriented": flow.is_oriented,
        "observer": flow.observer,
        "source": flow.source,
    }


def to_time(time_us: int) -> datetime:
    """Return a time in microseconds since 1970 as the datetime the tables hold, exactly."""
    return EPOCH + timedelta(microseconds=time_us)

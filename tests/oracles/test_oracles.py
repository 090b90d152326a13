"""The oracles themselves, held to examples worked by hand from docs/rule.md."""

import pytest

from tests.oracles.flow import NO_PACKETS, SECOND_US, Flow, Parameters, Row
from tests.oracles.robust import robust
from tests.oracles.strict import strict

CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
NOTHING = {"not tcp": 0, "self": 0, "loopback": 0, "failed": 0, "repeated": 0, "seen again": 0}


def mapper(flow_id: str = "m", start_us: int = 0, end_us: int | None = None, src_port: int = 50000) -> Flow:
    return Flow(flow_id, start_us, end_us, CLIENT, src_port, SERVER, 135)


def endpoint(flow_id: str = "e", start_us: int = SECOND_US, src_port: int = 50001, observer: str = "sensor") -> Flow:
    return Flow(flow_id, start_us, None, CLIENT, src_port, SERVER, 49664, observer=observer)


def turned(flow: Flow) -> Flow:
    """The same connection, recorded from the server's side by a record that does not say who called."""
    return Flow(
        flow.flow_id,
        flow.start_us,
        flow.end_us,
        flow.dest_ip,
        flow.dest_port,
        flow.src_ip,
        flow.src_port,
        is_oriented=False,
    )


def activity(**changes: object) -> Row:
    """The row of `mapper()` and `endpoint()`, with changes."""
    row: Row = {
        "src_ip": CLIENT,
        "dest_ip": SERVER,
        "start_time": SECOND_US,
        "src_port": 50001,
        "dest_port": 49664,
        "mapper_time": 0,
        "mapper_count": 1,
        "gap_s": 1.0,
        "basis": "mapper",
        **NO_PACKETS,
        "is_strict": True,
        "is_robust": True,
        "mapper_id": "m",
        "flow_id": "e",
        "observer": "sensor",
        "source": "flows",
    }
    assert changes.keys() <= row.keys()
    return row | changes


def known(**changes: object) -> Row:
    """A row without a mapper, with changes."""
    without: Row = {"mapper_time": None, "mapper_count": 0, "gap_s": None, "basis": "known_endpoint", "mapper_id": None}
    return activity(**(without | {"is_strict": False} | changes))


def run_robust(*flows: Flow) -> tuple[list[Row], dict[str, int]]:
    return robust(flows, Parameters())


def test_strict_row_has_the_columns_in_order() -> None:
    rows = strict([endpoint(start_us=1_999_999), mapper()], Parameters())
    assert [list(row.items()) for row in rows] == [
        [
            ("src_ip", CLIENT),
            ("dest_ip", SERVER),
            ("mapper_time", 0),
            ("mapper_src_port", 50000),
            ("endpoint_time", 1_999_999),
            ("endpoint_src_port", 50001),
            ("endpoint_dest_port", 49664),
            ("gap_s", 1.999999),
            ("mapper_id", "m"),
            ("endpoint_id", "e"),
            ("source", "flows"),
        ]
    ]


@pytest.mark.parametrize("start_us", [-1, 0, 2_000_000, 2_000_001])
def test_strict_leaves_out_both_ends_of_the_window(start_us: int) -> None:
    assert strict([mapper(), endpoint(start_us=start_us)], Parameters()) == []


def test_strict_gives_every_pair_whatever_the_state_in_order() -> None:
    late = Flow("a", 2, None, CLIENT, 49152, SERVER, 65535, "udp", False, False, "other")
    rows = strict([late, endpoint(start_us=2), mapper("m2", 1), mapper("m1", 1), mapper("m3", 0)], Parameters())
    assert [(row["mapper_id"], row["endpoint_id"]) for row in rows] == [
        ("m3", "a"),
        ("m3", "e"),
        ("m1", "a"),
        ("m2", "a"),
        ("m1", "e"),
        ("m2", "e"),
    ]


@pytest.mark.parametrize(("src_port", "dest_port"), [(49151, 49664), (49152, 49151), (49152, 65536)])
def test_strict_wants_both_ports_in_the_range(src_port: int, dest_port: int) -> None:
    other = Flow("e", 1, None, CLIENT, src_port, SERVER, dest_port)
    assert strict([mapper(), other], Parameters()) == []


def test_robust_row_has_the_columns_in_order() -> None:
    rows, counts = run_robust(mapper(), endpoint())
    assert ([list(row.items()) for row in rows], counts) == ([list(activity().items())], NOTHING)


@pytest.mark.parametrize(("start_us", "is_strict"), [(0, False), (1, True), (1_999_999, True), (2_000_000, False)])
def test_robust_takes_in_both_ends_of_the_window(start_us: int, is_strict: bool) -> None:
    row = activity(start_time=start_us, gap_s=start_us / SECOND_US, is_strict=is_strict)
    assert run_robust(mapper(), endpoint(start_us=start_us)) == ([row], NOTHING)


@pytest.mark.parametrize("start_us", [-1, 2_000_001])
def test_robust_ends_where_the_window_ends(start_us: int) -> None:
    assert run_robust(mapper(), endpoint(start_us=start_us)) == ([], NOTHING)


def test_the_window_runs_from_the_mappers_end() -> None:
    long = mapper(end_us=90_000_000)
    row = activity(start_time=92_000_000, gap_s=92.0, is_strict=False)
    assert run_robust(long, endpoint(start_us=92_000_000)) == ([row], NOTHING)
    assert run_robust(long, endpoint(start_us=92_000_001)) == ([], NOTHING)


def test_an_end_before_the_start_counts_as_the_start() -> None:
    row = activity(start_time=2_000_000, gap_s=2.0, is_strict=False)
    assert run_robust(mapper(end_us=-5), endpoint(start_us=2_000_000)) == ([row], NOTHING)


def test_the_latest_mapper_is_named_and_all_are_counted() -> None:
    flows = [mapper("m1", 0, 9, 50000), mapper("m3", 5, None, 50002), mapper("m2", 5, None, 50003), endpoint()]
    assert run_robust(*flows) == ([activity(mapper_time=5, mapper_count=3, gap_s=0.999995, mapper_id="m3")], NOTHING)


def test_the_latest_end_is_named_where_the_latest_mapper_is_too_old() -> None:
    flows = [
        mapper("short", 3_000_000, 3_000_000, 50002),
        mapper("tie", 1_000_000, 20_000_000, 50003),
        mapper("m", 0, 20_000_000, 50004),
        mapper("less", 2_000_000, 19_000_000, 50005),
        endpoint(start_us=20_500_000),
    ]
    row = activity(start_time=20_500_000, mapper_count=3, gap_s=20.5, is_strict=False)
    assert run_robust(*flows) == ([row], NOTHING)


def test_mappers_of_other_hosts_and_later_ones_do_not_decide_which_is_named() -> None:
    elsewhere = Flow("x", 900_000, None, "10.0.0.3", 50000, SERVER, 135)
    unseen = Flow("y", 900_000, None, CLIENT, 50009, SERVER, 135, observer="other")
    flows = [mapper(), elsewhere, unseen, mapper("later", 1_000_001, None, 50008), endpoint()]
    assert run_robust(*flows) == ([activity()], NOTHING)


def test_an_endpoint_known_from_elsewhere_needs_no_mapper() -> None:
    alone = Flow("k", -SECOND_US, None, "10.0.0.9", 1024, SERVER, 49664, observer="other")
    stranger = Flow("n", -SECOND_US, None, "10.0.0.9", 1024, SERVER, 49665, observer="other")
    row = known(src_ip="10.0.0.9", src_port=1024, start_time=-SECOND_US, flow_id="k", observer="other")
    assert run_robust(mapper(), endpoint(), alone, stranger) == ([row, activity()], NOTHING)


def test_a_well_known_source_port_is_no_endpoint() -> None:
    assert run_robust(mapper(), endpoint(src_port=1023)) == ([], NOTHING)
    assert run_robust(mapper(), endpoint(src_port=1024)) == ([activity(src_port=1024, is_strict=False)], NOTHING)


def test_repeats_chain_from_one_to_the_next() -> None:
    flows = [mapper()] + [endpoint(f"e{minute}", SECOND_US + minute * 60_000_000) for minute in range(4)]
    assert run_robust(*flows) == ([activity(flow_id="e0")], NOTHING | {"repeated": 3})


def test_a_repeat_too_late_is_another_connection() -> None:
    again = endpoint("f", SECOND_US + 60_000_001)
    rows = [activity(), known(start_time=SECOND_US + 60_000_001, flow_id="f")]
    assert run_robust(mapper(), endpoint(), again) == (rows, NOTHING)


def part(flow_id: str, start_us: int, end_us: int | None = None, *, is_oriented: bool = False) -> Flow:
    return Flow(flow_id, start_us, end_us, CLIENT, 50001, SERVER, 49664, is_oriented=is_oriented)


def test_a_part_that_does_not_say_who_called_belongs_to_what_ended_before() -> None:
    flows = [
        mapper(),
        part("e", SECOND_US, 200_000_000, is_oriented=True),
        part("p", 150_000_000),
        part("q", 260_000_000),
    ]
    assert run_robust(*flows) == ([activity()], NOTHING | {"repeated": 2})


def test_a_part_too_late_or_with_a_caller_is_another_connection() -> None:
    long = part("e", SECOND_US, 200_000_000, is_oriented=True)
    late = known(start_time=260_000_001, flow_id="p")
    assert run_robust(mapper(), long, part("p", 260_000_001)) == ([activity(), late], NOTHING)
    called = known(start_time=200_000_000, flow_id="p")
    assert run_robust(mapper(), long, part("p", 200_000_000, is_oriented=True)) == ([activity(), called], NOTHING)
    again = part("q", 200_000_001, is_oriented=True)
    assert run_robust(mapper(), long, part("p", 200_000_000), again) == (
        [activity(), known(start_time=200_000_001, flow_id="q")],
        NOTHING | {"repeated": 1},
    )


def test_a_part_the_other_way_round_is_dropped_from_the_rows() -> None:
    long = part("e", SECOND_US, 200_000_000, is_oriented=True)
    back = Flow("n", 200_000_000, None, SERVER, 50002, CLIENT, 135)
    flows = [mapper(), long, back, turned(endpoint("p", 200_000_001))]
    assert run_robust(*flows) == ([activity()], NOTHING | {"repeated": 1, "seen again": 1})


def test_the_first_of_a_repeated_mapper_stands_for_it() -> None:
    flows = [mapper("m2", 500_000, 9_000_000), mapper("m", 0, 0), endpoint()]
    assert run_robust(*flows) == ([activity()], NOTHING | {"repeated": 1})


def test_two_observers_of_one_connection_give_one_row() -> None:
    other = endpoint("a", SECOND_US - 1, observer="other")
    assert run_robust(mapper(), endpoint(), other) == ([activity()], NOTHING | {"seen again": 1})


def test_of_two_observers_with_mappers_the_smaller_gap_is_kept() -> None:
    other_mapper = Flow("n", 500_000, None, CLIENT, 50000, SERVER, 135, observer="other")
    other = endpoint("f", SECOND_US + 1, observer="other")
    row = activity(
        start_time=SECOND_US + 1, mapper_time=500_000, gap_s=0.500001, mapper_id="n", flow_id="f", observer="other"
    )
    assert run_robust(mapper(), endpoint(), other_mapper, other) == ([row], NOTHING | {"seen again": 1})


def test_unoriented_flows_are_turned_and_never_strict_then() -> None:
    assert run_robust(turned(mapper()), turned(endpoint())) == ([activity(is_strict=False)], NOTHING)


def test_an_unoriented_flow_as_recorded_may_be_strict() -> None:
    as_recorded = Flow("e", SECOND_US, None, CLIENT, 50001, SERVER, 49664, is_oriented=False)
    assert run_robust(mapper(), as_recorded) == ([activity()], NOTHING)


def test_both_orientations_of_one_flow_give_one_row() -> None:
    as_recorded = Flow("e", SECOND_US, None, CLIENT, 50001, SERVER, 49664, is_oriented=False)
    back = Flow("n", 900_000, None, SERVER, 50002, CLIENT, 135)
    row = activity(
        src_ip=SERVER, src_port=49664, dest_ip=CLIENT, dest_port=50001, mapper_time=900_000, gap_s=0.1,
        mapper_id="n", is_strict=False,
    )  # fmt: skip
    assert run_robust(mapper(), as_recorded, back) == ([row], NOTHING | {"seen again": 1})


def test_left_out_for_the_first_reason_and_counted_once() -> None:
    flows = [
        Flow("1", 1, None, "::1", 50001, "::1", 49664, "udp", False),
        Flow("2", 1, None, "::1", 50001, "::1", 49664, None, False),
        Flow("3", 1, None, "127.0.0.9", 50001, SERVER, 49664, "tcp", False),
        Flow("4", 1, None, CLIENT, 50001, SERVER, 49664, "tcp", False, is_oriented=False),
        Flow("5", 1, None, CLIENT, 135, SERVER, 40000, "tcp", False, is_oriented=False),
        Flow("6", 1, None, CLIENT, 135, SERVER, 40000, "tcp", False),
        Flow("7", 1, None, CLIENT, 50000, SERVER, 445, "udp", False),
    ]
    assert run_robust(mapper(), *flows) == ([], NOTHING | {"not tcp": 1, "self": 1, "loopback": 1, "failed": 2})


def test_unknown_protocol_and_state_are_kept() -> None:
    unknown = Flow("e", SECOND_US, None, CLIENT, 50001, SERVER, 49664, None, None)
    assert run_robust(mapper(), unknown) == ([activity()], NOTHING)


def test_rows_are_ordered_by_start_then_flow_id() -> None:
    flows = [mapper(), endpoint("b", 2, 50001), endpoint("a", 2, 50003), endpoint("c", 1, 50002)]
    rows, counts = run_robust(*flows)
    assert ([row["flow_id"] for row in rows], counts) == (["c", "a", "b"], NOTHING)

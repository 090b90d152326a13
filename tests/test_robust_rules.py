"""Every way in which rpc-activity differs from the published rule, one test each, on the fewest flows that show it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rpcsight.pipeline import Request, opened
from tests.oracles.flow import NO_PACKETS, SECOND_US, Flow, Row
from tests.properties.strategies import to_time
from tests.recording import written

T0_US = 1_772_445_600_000_000  # 2026-03-02 10:00:00 UTC
CLIENT, SERVER, OTHER = "10.0.0.1", "10.0.0.2", "10.0.0.3"


def mapper(at_s: float = 0, length_s: float | None = None, **changes: Any) -> Flow:
    start_us = T0_US + round(at_s * SECOND_US)
    end_us = None if length_s is None else start_us + round(length_s * SECOND_US)
    return replace(Flow("M", start_us, end_us, CLIENT, 50001, SERVER, 135), **changes)


def endpoint(at_s: float = 1, **changes: Any) -> Flow:
    return replace(Flow("E", T0_US + round(at_s * SECOND_US), None, CLIENT, 50002, SERVER, 49664), **changes)


def turned(flow: Flow) -> Flow:
    """The flow as recorded by something that does not know who called, from the server's side."""
    ends = {"src_ip": flow.dest_ip, "src_port": flow.dest_port, "dest_ip": flow.src_ip, "dest_port": flow.src_port}
    return replace(flow, **ends, is_oriented=False)


def row(flow: Flow, asked: Flow | None = None, **changes: Any) -> Row:
    """The row of an endpoint flow that `asked` explains; strict if nothing else is said."""
    explained: Row = {
        "src_ip": flow.src_ip,
        "dest_ip": flow.dest_ip,
        "start_time": to_time(flow.start_us),
        "src_port": flow.src_port,
        "dest_port": flow.dest_port,
        "mapper_time": to_time(asked.start_us) if asked else None,
        "mapper_count": 1 if asked else 0,
        "gap_s": (flow.start_us - asked.start_us) / SECOND_US if asked else None,
        "basis": "mapper" if asked else "known_endpoint",
        **NO_PACKETS,
        "is_strict": asked is not None,
        "is_robust": True,
        "mapper_id": asked.flow_id if asked else None,
        "flow_id": flow.flow_id,
        "observer": flow.observer,
    }
    return explained | changes


def activities(folder: Path, *flows: Flow) -> tuple[list[Row], dict[str, int]]:
    """The rows of rpc-activity without their source, and what was left out."""
    with opened(Request([str(written(flows, folder / "flows.parquet"))])) as session:
        rows = session.run("rpc-activity").drop_columns("source").to_pylist()
        return rows, session.account.left_out


def test_the_window_runs_from_the_mapper_connections_end(tmp_path: Path) -> None:
    asked, late = mapper(length_s=30), endpoint(32)
    assert activities(tmp_path, asked, late) == ([row(late, asked, is_strict=False)], {})
    assert activities(tmp_path, asked, endpoint(32.000001)) == ([], {})


def test_without_an_end_the_window_runs_from_the_start(tmp_path: Path) -> None:
    asked, late = mapper(), endpoint(2)
    assert activities(tmp_path, asked, late) == ([row(late, asked, is_strict=False)], {})
    assert activities(tmp_path, asked, endpoint(2.000001)) == ([], {})


def test_equal_times_are_in(tmp_path: Path) -> None:
    asked, same = mapper(), endpoint(0)
    assert activities(tmp_path, asked, same) == ([row(same, asked, is_strict=False)], {})


def test_the_client_port_is_free_from_1024(tmp_path: Path) -> None:
    asked, linux = mapper(), endpoint(src_port=1024)
    assert activities(tmp_path, asked, linux) == ([row(linux, asked, is_strict=False)], {})
    assert activities(tmp_path, asked, endpoint(src_port=1023)) == ([], {})


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("failed", {"is_established": False}),
        ("not tcp", {"transport_protocol": "udp"}),
        ("self", {"src_ip": SERVER}),
        ("loopback", {"dest_ip": "127.0.0.1"}),
        ("loopback", {"src_ip": "::1"}),
    ],
)
def test_what_is_no_rpc_is_left_out_and_counted(tmp_path: Path, reason: str, changes: dict[str, Any]) -> None:
    flows = mapper(**changes), endpoint(**changes)
    assert activities(tmp_path, *flows) == ([], {reason: 2})


def test_what_a_record_does_not_say_is_kept(tmp_path: Path) -> None:
    unknown: dict[str, Any] = {"is_established": None, "transport_protocol": None}
    asked, called = mapper(**unknown), endpoint(**unknown)
    assert activities(tmp_path, asked, called) == ([row(called, asked)], {})


def test_observers_are_not_joined(tmp_path: Path) -> None:
    assert activities(tmp_path, mapper(), endpoint(observer="other")) == ([], {})


def test_records_of_one_connection_are_one_row_an_observer(tmp_path: Path) -> None:
    asked, called = mapper(), endpoint()
    again = [endpoint(1 + 60 * number, flow_id=f"E{number}") for number in (1, 2)]
    assert activities(tmp_path, asked, replace(asked, flow_id="N"), called, *again) == (
        [row(called, asked)],
        {"repeated": 3},
    )


def test_a_port_used_again_later_is_another_connection(tmp_path: Path) -> None:
    asked, called, later = mapper(), endpoint(), endpoint(61.000001, flow_id="F")
    assert activities(tmp_path, asked, called, later) == ([row(called, asked), row(later)], {})


def rest(at_s: float, **changes: Any) -> Flow:
    """A record of `endpoint()`'s ports without the packets that say who called."""
    return endpoint(at_s, flow_id="R", is_oriented=False, **changes)


LONG: dict[str, Any] = {"end_us": T0_US + 100 * SECOND_US}


def test_the_rest_of_a_connection_is_no_other_one(tmp_path: Path) -> None:
    asked, called = mapper(), endpoint(**LONG)
    assert activities(tmp_path, asked, called, rest(160)) == ([row(called, asked)], {"repeated": 1})
    late = rest(160.000001)
    assert activities(tmp_path, asked, called, late) == ([row(called, asked), row(late)], {})


def test_a_port_used_again_soon_after_the_end_is_another_connection(tmp_path: Path) -> None:
    asked, called, later = mapper(), endpoint(**LONG), endpoint(101, flow_id="F")
    assert activities(tmp_path, asked, called, later) == ([row(called, asked), row(later)], {})
    assert activities(tmp_path, asked, called, rest(101), replace(later, start_us=later.start_us + 1)) == (
        [row(called, asked), row(replace(later, start_us=later.start_us + 1))],
        {"repeated": 1},
    )


def test_the_rest_of_a_connection_has_a_rest(tmp_path: Path) -> None:
    asked, called = mapper(), endpoint(**LONG)
    rests = rest(101, end_us=T0_US + 300 * SECOND_US), rest(200), rest(355)
    assert activities(tmp_path, asked, called, *rests) == ([row(called, asked)], {"repeated": 3})


def test_the_rest_of_a_mapper_connection_opens_no_window(tmp_path: Path) -> None:
    asked = mapper(length_s=100)
    again = mapper(101, length_s=100, flow_id="R", is_oriented=False)
    assert activities(tmp_path, asked, again, endpoint(150)) == ([], {"repeated": 1})


def test_the_rest_of_a_connection_that_another_saw_or_the_other_way_round_is_no_row(tmp_path: Path) -> None:
    asked, called = mapper(), endpoint(**LONG)
    assert activities(tmp_path, asked, called, rest(101, observer="other")) == ([row(called, asked)], {})
    back = mapper(100.5, src_ip=SERVER, dest_ip=CLIENT, flow_id="N")
    assert activities(tmp_path, asked, called, back, turned(rest(101))) == ([row(called, asked)], {"repeated": 1})


def test_a_record_that_is_repeated_both_ways_round_is_counted_once(tmp_path: Path) -> None:
    asked, called = mapper(), rest(1)
    back = mapper(-60, src_ip=SERVER, dest_ip=CLIENT, flow_id="N")
    assert activities(tmp_path, asked, back, called, replace(called, flow_id="S")) == (
        [row(called, asked)],
        {"repeated": 1},
    )


def test_the_rest_of_a_connection_without_any_mapper_is_no_row(tmp_path: Path) -> None:
    asked, called = mapper(), endpoint()
    alone = endpoint(-3600, src_ip=OTHER, flow_id="K", end_us=T0_US - 3000 * SECOND_US)
    after = rest(-2999, src_ip=OTHER)
    assert activities(tmp_path, asked, called, alone, after) == ([row(alone), row(called, asked)], {})
    slices = replace(alone, end_us=None), replace(alone, start_us=alone.start_us + 50 * SECOND_US, flow_id="L")
    assert activities(tmp_path, asked, called, *slices, after) == ([row(slices[0]), row(called, asked)], {})


def test_a_connection_that_two_observers_saw_is_one_row(tmp_path: Path) -> None:
    asked, called = mapper(), endpoint()
    theirs = mapper(0.001, observer="other", flow_id="N"), endpoint(1.002, observer="other", flow_id="F")
    assert activities(tmp_path, asked, called, *theirs) == ([row(called, asked)], {})


def test_an_endpoint_known_by_a_mapper_needs_none(tmp_path: Path) -> None:
    asked, called = mapper(), endpoint()
    alone = endpoint(-3600, src_ip=OTHER, flow_id="K")
    assert activities(tmp_path, asked, called, alone) == ([row(alone), row(called, asked)], {})
    assert activities(tmp_path, asked, called, replace(alone, dest_port=49665)) == ([row(called, asked)], {})


def test_records_that_do_not_say_who_called_are_read_both_ways(tmp_path: Path) -> None:
    asked, called = mapper(), endpoint()
    assert activities(tmp_path, turned(asked), turned(called)) == ([row(called, asked, is_strict=False)], {})


def test_the_latest_of_several_mapper_connections_is_named_and_all_are_counted(tmp_path: Path) -> None:
    burst = [mapper(number / 10, flow_id=f"M{number}", src_port=50100 + number) for number in range(4)]
    called = endpoint()
    assert activities(tmp_path, *burst, called) == ([row(called, burst[3], mapper_count=4)], {})


def test_a_long_mapper_connection_is_named_where_the_latest_is_over(tmp_path: Path) -> None:
    long, short = mapper(length_s=60), mapper(10, length_s=0, flow_id="N", src_port=50009)
    called = endpoint(30)
    assert activities(tmp_path, long, short, called) == ([row(called, long, is_strict=False)], {})

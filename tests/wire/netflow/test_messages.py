"""Headers and sets of v9 and IPFIX datagrams."""

import pytest

from rpcsight.wire.netflow.messages import parsed
from tests.wire.exports import ENDS, NOW_S, data, flow, ipfix, number, section, template, v9


def test_a_v9_datagram() -> None:
    payload = v9(template(300, ENDS, 9), data(300, ENDS, flow()), count=2, uptime_ms=77, seq=5, domain=9)
    found = parsed(memoryview(payload), 1, 4000)
    assert found == ((1, 0, 9, 9), NOW_S, 77, 5, [(0, 24, 60), (300, 64, 86)])


def test_an_ipfix_message() -> None:
    found = parsed(memoryview(ipfix(data(300, ENDS, flow()), seq=5, domain=9)), 1, 4000)
    assert found == ((1, 4000, 10, 9), NOW_S, 0, 5, [(300, 20, 42)])


SET = data(300, ENDS, flow())


@pytest.mark.parametrize(
    "payload",
    [
        v9(SET, count=0),
        v9(SET)[:-1],
        v9(SET) + b"\0\1",
        v9(section(2, b"abcd")),
        v9(section(255, b"abcd")),
        v9(SET, number(300, 2) + number(3, 2)),
        v9(SET, number(300, 2) + number(5, 2)),
        ipfix(SET)[:-1],
        ipfix(SET) + b"\0",
        ipfix(section(0, b"abcd")),
        ipfix(section(4, b"abcd")),
        ipfix(SET, number(300, 2) + number(0, 2)),
    ],
)
def test_what_has_no_sets(payload: bytes) -> None:
    assert parsed(memoryview(payload), 1, 4000).sets == []


def test_templates_may_be_left_out_of_the_count() -> None:
    """As softflowd does: here one flow, in three sets."""
    payload = v9(template(300, ENDS, 9), template(301, ENDS, 9), SET, count=1)
    assert len(parsed(memoryview(payload), 1, 4000).sets) == 3


def test_zeros_behind_the_sets_are_padding() -> None:
    assert len(parsed(memoryview(v9(SET) + bytes(3)), 1, 4000).sets) == 1

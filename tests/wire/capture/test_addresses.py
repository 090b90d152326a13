"""The table of IPv6 addresses."""

from collections import Counter

import numpy as np

from rpcsight.wire.capture import ip
from rpcsight.wire.capture.addresses import FIRST, Addresses
from rpcsight.wire.capture.files import frames
from rpcsight.wire.capture.packets import decode
from tests.wire.build import ethernet, ipv6, pcap, tcp


def columns(*numbers: int) -> tuple[np.ndarray, np.ndarray]:
    high = np.array([number >> 64 for number in numbers], np.uint64)
    return high, np.array([number & (2**64 - 1) for number in numbers], np.uint64)


def test_an_address_keeps_its_number() -> None:
    table = Addresses()
    one, two, three = 1, 1 << 64, (1 << 64) + 1
    first = table.numbers(*columns(two, one, two)).tolist()
    assert first == [first[0], first[1], first[0]]
    assert sorted(set(first)) == [FIRST, FIRST + 1]
    assert sorted(text for _, text in table.new()) == ["0:0:0:1::", "::1"]
    assert table.numbers(*columns(one, three)).tolist() == [first[1], FIRST + 2]
    assert table.new() == [(FIRST + 2, "::1:0:0:0:1")]
    assert table.new() == []


def test_nothing() -> None:
    assert Addresses().numbers(*columns()).tolist() == []


def test_a_full_table_numbers_no_more() -> None:
    table = Addresses(most=2)
    assert table.numbers(*columns(1, 2, 3, 1)).tolist() == [FIRST, FIRST + 1, 0, FIRST]


def test_packets_beyond_a_full_table_are_counted() -> None:
    content = pcap([(each, ethernet(ipv6(tcp(1, 2, 2), dest=f"::{each}"))) for each in range(1, 6)])
    losses: Counter[str] = Counter()
    (block,) = frames([content], losses)
    packets, _ = decode(block, Addresses(most=4), losses)
    assert (len(packets.seq), +losses) == (3, {ip.TOO_MANY_ADDRESSES: 2})

"""TCP and UDP headers."""

from collections import Counter

import pytest

from rpcsight.wire.capture import packets as module
from tests.wire.build import ethernet, ipv4, tcp, udp
from tests.wire.decoded import Datagram, Packet, of_frames

SEEN = Packet("10.0.0.1", 50000, "10.0.0.2", 135, b"hello", 5, 4_000_000_000, 3_000_000_000, 0x18)
NONE: Counter[str] = Counter()


@pytest.mark.parametrize("size", range(0, 44, 4))
def test_tcp_options_are_no_payload(size: int) -> None:
    body = tcp(50000, 135, 0x18, 4_000_000_000, 3_000_000_000, b"hello", bytes(size))
    assert of_frames([ethernet(ipv4(body))]) == ([SEEN], [], NONE)


@pytest.mark.parametrize(
    ("words", "body"), [(4, 5), (0, 5), (15, 5)], ids=["too short", "none", "longer than the packet"]
)
def test_broken_tcp_header(words: int, body: int) -> None:
    frame = ethernet(ipv4(tcp(1, 2, 16, payload=bytes(body), words=words)))
    assert of_frames([frame]) == ([], [], {module.BROKEN_TCP: 1})


def test_cut_tcp_header() -> None:
    frame = ethernet(ipv4(tcp(1, 2, 16, payload=b"hello", options=bytes(12))))
    assert of_frames([frame], snap=14 + 20 + 19) == ([], [], {module.CUT_TCP: 1})
    packets, _, losses = of_frames([frame], snap=14 + 20 + 20)  # its options are not needed
    assert ([(each.payload, each.payload_bytes) for each in packets], losses) == ([(b"", 5)], NONE)


def test_udp() -> None:
    short = ethernet(ipv4(udp(1, 2, b"abc"), protocol=17))
    assert of_frames([short])[1] == [Datagram("10.0.0.1", 1, 2, b"abc")]
    assert of_frames([short], snap=14 + 20 + 9)[1] == [Datagram("10.0.0.1", 1, 2, b"a")]
    assert of_frames([short], snap=14 + 20 + 7) == ([], [], {module.CUT_UDP: 1})
    broken = ethernet(ipv4(udp(1, 2, b"abc"), protocol=17, total=27))
    assert of_frames([broken]) == ([], [], {module.BROKEN_UDP: 1})


def test_lengths_stay_numbers() -> None:
    """A frame that claims four gigabytes, whose IP header leaves the length to it."""
    import struct

    from tests.wire.build import pcap
    from tests.wire.decoded import decoded

    content = bytearray(pcap([(1, ethernet(ipv4(tcp(1, 2, 16), total=0)))]))
    content[36:40] = struct.pack("<I", 0xFFFFFFFF)
    ((packet,), _, _) = decoded(bytes(content))
    assert packet.payload_bytes == 2**31 - 1

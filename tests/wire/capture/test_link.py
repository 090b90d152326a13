"""Link types and VLAN tags: where IP begins, and what is no IP."""

import struct
from collections import Counter

import pytest

from rpcsight.wire.capture import link
from tests.wire.build import Timed, enhanced, ethernet, interface, ipv4, ipv6, pcap, section, tcp
from tests.wire.decoded import Packet, decoded, of_frames

BODY = tcp(50000, 135, 2, seq=7, payload=b"hello")
V4, V6 = ipv4(BODY), ipv6(BODY)
FOUR = Packet("10.0.0.1", 50000, "10.0.0.2", 135, b"hello", 5, 7, 0, 2)
SIX = FOUR._replace(src="2001:db8::1", dest="2001:db8::2")
NONE: Counter[str] = Counter()


def cooked(packet: bytes, kind: int, tag: bytes = b"") -> bytes:
    return struct.pack(">HHH8sH", 0, 1, 6, bytes(8), kind) + tag + packet


def cooked2(packet: bytes, kind: int, tag: bytes = b"") -> bytes:
    return struct.pack(">HHIHBB8s", kind, 0, 1, 1, 0, 6, bytes(8)) + tag + packet


CASES = {
    "ethernet": (1, ethernet(V4), FOUR),
    "ethernet, IPv6": (1, ethernet(V6), SIX),
    "802.1Q": (1, ethernet(V4, tags=[0x8100]), FOUR),
    "802.1Q, IPv6": (1, ethernet(V6, tags=[0x8100]), SIX),
    "802.1ad": (1, ethernet(V4, tags=[0x88A8, 0x8100]), FOUR),
    "three tags": (1, ethernet(V4, tags=[0x9100, 0x8100, 0x8100]), FOUR),
    "cooked": (113, cooked(V4, 0x0800), FOUR),
    "cooked, IPv6": (113, cooked(V6, 0x86DD), SIX),
    "cooked, tagged": (113, cooked(V4, 0x8100, b"\0\x05\x08\0"), FOUR),
    "cooked 2": (276, cooked2(V4, 0x0800), FOUR),
    "cooked 2, IPv6": (276, cooked2(V6, 0x86DD), SIX),
    "cooked 2, tagged": (276, cooked2(V4, 0x8100, b"\0\x05\x08\0"), FOUR),
    **{f"raw {number}": (number, V4, FOUR) for number in (12, 14, 101, 228)},
    **{f"raw {number}, IPv6": (number, V6, SIX) for number in (12, 14, 101, 229)},
    **{
        f"loopback {number}, family {family} {order}": (number, struct.pack(f"{order}I", family) + packet, seen)
        for number in (0, 108)
        for order in "<>"
        for family, packet, seen in ((2, V4, FOUR), (24, V6, SIX), (28, V6, SIX), (30, V6, SIX))
    },
}


@pytest.mark.parametrize(("number", "frame", "seen"), CASES.values(), ids=CASES)
def test_link(number: int, frame: bytes, seen: Packet) -> None:
    assert of_frames([frame, frame], number) == ([seen, seen], [], NONE)


def test_kinds_side_by_side_keep_their_order() -> None:
    frames = [ethernet(V6, tags=[0x8100]), ethernet(V4), ethernet(V6), ethernet(V4, tags=[0x88A8, 0x8100])]
    assert of_frames(frames)[0] == [SIX, FOUR, SIX, FOUR]


def test_links_side_by_side_keep_their_order() -> None:
    """As pcapng has them: an interface each."""
    content = section() + interface(101) + interface(1) + interface(147) + interface(113)
    content += (
        enhanced(1, V4, 0) + enhanced(2, ethernet(V6), 1) + enhanced(3, V4, 2) + enhanced(4, cooked(V4, 0x0800), 3)
    )
    content += enhanced(5, V6, 0)
    packets, _, losses = decoded(content)
    assert packets == [FOUR, SIX, FOUR, SIX]
    assert losses == {link.UNKNOWN_LINK.format(147): 1}


def test_many_links_that_are_not_read() -> None:
    """A few are named; the others cost no search each and no message each."""
    numbers = range(1000, 1000 + link.MOST_NAMED + 5)
    content = section() + b"".join(interface(number) for number in numbers)
    content += b"".join(enhanced(1, V4, place) for place in range(len(numbers))) * 2
    packets, _, losses = decoded(content)
    assert packets == []
    named = {link.UNKNOWN_LINK.format(number): 2 for number in numbers[: link.MOST_NAMED]}
    assert losses == {**named, link.MORE_LINKS: 10}


def test_what_is_not_ip_is_counted() -> None:
    arp = ethernet(bytes(28), 0x0806)
    llc = ethernet(bytes(40), 0x0026)
    many_tags = ethernet(V4, tags=[0x8100] * (link.MOST_TAGS + 1))
    assert of_frames([arp, llc, ethernet(V4), many_tags]) == ([FOUR], [], {link.NOT_IP: 3})
    assert of_frames([struct.pack("<I", 7) + V4, b"\x55" + V4], 0) == ([], [], {link.NOT_IP: 2})
    assert of_frames([b"\x55" + bytes(40)], 101) == ([], [], {link.NOT_IP: 1})


@pytest.mark.parametrize("frame", [ethernet(V4), ethernet(V4, tags=[0x8100]), ethernet(V6)])
def test_cut_headers_are_counted(frame: bytes) -> None:
    """However short, a packet ends in a row or in a count."""
    for snap in range(len(frame)):
        packets, _, losses = of_frames([frame], snap=snap)
        assert len(packets) + sum(losses.values()) == 1
        assert not packets or len(packets[0].payload) == 5 - (len(frame) - snap)


def test_link_that_is_not_read() -> None:
    timed: list[Timed] = [(1, V4), (2, V4)]
    assert decoded(pcap(timed, 105)) == ([], [], {link.UNKNOWN_LINK.format(105): 2})

"""IPv4 and IPv6: options, extension headers, fragments, lengths; what is broken is counted."""

import struct
from collections import Counter

import pytest

from rpcsight.wire.capture import ip
from tests.wire.build import ethernet, ipv4, ipv6, tcp, udp
from tests.wire.decoded import Datagram, Packet, of_frames

BODY = tcp(50000, 135, 16, seq=1, ack=2, payload=b"hello")
FOUR = Packet("10.0.0.1", 50000, "10.0.0.2", 135, b"hello", 5, 1, 2, 16)
SIX = FOUR._replace(src="2001:db8::1", dest="2001:db8::2")
NONE: Counter[str] = Counter()
HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION = 0, 43, 44, 51, 60
EIGHT = (0, bytes(6))  # length field, rest


def extension(kind: int, units: int = 0) -> tuple[int, bytes]:
    """One of 8 (1 + units) bytes; AH counts 4-byte words."""
    if kind == AUTHENTICATION:
        return kind, bytes([2 * units + 1]) + bytes(8 * units + 10)
    return kind, bytes([units]) + bytes(8 * units + 6)


def fragment(offset: int, has_more: int = 1) -> tuple[int, bytes]:
    return FRAGMENT, b"\0" + struct.pack(">HI", offset << 3 | has_more, 99)


def of(*packets: bytes) -> tuple[list[Packet], list[Packet], Counter[str]]:
    return of_frames([ethernet(packet) for packet in packets])


@pytest.mark.parametrize("size", range(0, 44, 4))
def test_options(size: int) -> None:
    assert of(ipv4(BODY, options=bytes(size)), ipv4(BODY)) == ([FOUR, FOUR], [], NONE)


EXTENSIONS = {
    "hop-by-hop": [extension(HOP)],
    "longer": [extension(HOP, 3)],
    "routing": [extension(ROUTING, 2)],
    "destination": [extension(DESTINATION)],
    "authentication": [extension(AUTHENTICATION, 2)],
    "first fragment": [fragment(0)],
    "whole in one fragment": [fragment(0, 0)],
    "all": [*map(extension, (HOP, DESTINATION, ROUTING)), fragment(0), *map(extension, (AUTHENTICATION, DESTINATION))],
}  # fmt: skip


@pytest.mark.parametrize("extensions", EXTENSIONS.values(), ids=EXTENSIONS)
def test_extension_headers(extensions: list[tuple[int, bytes]]) -> None:
    assert of(ipv6(BODY, extensions=extensions), ipv4(BODY), ipv6(BODY)) == ([SIX, FOUR, SIX], [], NONE)


def test_later_fragments_are_counted() -> None:
    first, later = ipv4(BODY, fragment=0x2000), ipv4(BODY, fragment=0x2000 | 5)
    six = ipv6(BODY, extensions=[extension(HOP), fragment(5)])
    last = ipv6(BODY, extensions=[fragment(1, 0)])
    assert of(first, later, six, last, later) == ([FOUR], [], {ip.LATER_FRAGMENT: 4})


def test_do_not_fragment_is_no_fragment() -> None:
    assert of(ipv4(BODY, fragment=0x4000)) == ([FOUR], [], NONE)


@pytest.mark.parametrize("packet", [ipv4(BODY), ipv6(BODY)], ids=["IPv4", "IPv6"])
def test_padding_is_no_payload(packet: bytes) -> None:
    assert of_frames([ethernet(packet) + bytes(20)])[0][0].payload == b"hello"


def test_length_left_to_the_network_card() -> None:
    """Zero: the frame's length holds, of which not all need be captured."""
    packets, _, losses = of_frames([ethernet(ipv4(BODY, total=0)), ethernet(ipv6(BODY, size=0))], snap=75)
    assert [(each.payload, each.payload_bytes) for each in packets] == [(b"hello", 5), (b"h", 5)]
    assert losses == NONE


def test_length_beyond_the_frame_is_believed() -> None:
    """Cut by a tool that forgot what was there: payload by the IP header, captured what is there."""
    packets = of(ipv4(BODY, total=1500), ipv6(BODY, size=1000))[0]
    assert [(each.payload, each.payload_bytes) for each in packets] == [(b"hello", 1460), (b"hello", 980)]


@pytest.mark.parametrize(
    "packet",
    [
        b"\x44" + ipv4(BODY)[1:],
        b"\x65" + ipv4(BODY)[1:],
        ipv4(BODY, total=19),
        ipv4(BODY, options=bytes(8), total=27),
        b"\x46" + ipv4(BODY, total=20)[1:],
    ],
    ids=[
        "header of 16 bytes",
        "version 6",
        "shorter than its header",
        "shorter than its options",
        "no room for options",
    ],
)
def test_broken_ipv4(packet: bytes) -> None:
    frame = ethernet(packet, 0x0800)
    assert of_frames([frame]) == ([], [], {ip.BROKEN_IP: 1})


def test_broken_ipv6() -> None:
    other = ethernet(b"\x40" + ipv6(BODY)[1:], 0x86DD)
    short = ethernet(ipv6(BODY, extensions=[extension(HOP, 3)], size=16))
    endless = ethernet(ipv6(BODY, extensions=[extension(HOP)] * (ip.MOST_EXTENSIONS + 1)))
    assert of_frames([other, short]) == ([], [], {ip.BROKEN_IP: 2})
    assert of_frames([endless]) == ([], [], {ip.NEITHER: 1})


def test_extension_header_beyond_the_captured_bytes() -> None:
    assert of(ipv6(b"", extensions=[(HOP, b"\xff" + bytes(6))])) == ([], [], {ip.CUT_IP: 1})


def test_other_protocols_are_counted() -> None:
    icmp = ipv4(bytes(8), protocol=1)
    six = ipv6(bytes(8), protocol=58, extensions=[extension(HOP)])
    nothing = ipv6(b"", protocol=59)
    tunnel = ipv4(ipv4(BODY), protocol=4)
    assert of(icmp, six, nothing, tunnel, ipv4(BODY)) == ([FOUR], [], {ip.NEITHER: 4})


def test_udp_beside_tcp() -> None:
    packets, datagrams, losses = of(ipv4(udp(1, 2055, b"x"), protocol=17), ipv6(BODY), ipv6(udp(3, 4), protocol=17))
    four = Datagram("10.0.0.1", 1, 2055, b"x")
    six = Datagram("2001:db8::1", 3, 4, b"")
    assert (packets, datagrams, losses) == ([SIX], [four, six], NONE)

"""How captures begin. Apart from what reads them, so that other files can be told from them without loading numpy.

Source: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng; 0xa1b2cd34 ("modified" pcap, whose packet headers are 8 bytes longer)
from libpcap's documentation of savefiles and Wireshark's wiki.
"""

from typing import NamedTuple

__all__ = ["PCAP", "PCAPNG", "Layout", "is_capture"]


class Layout(NamedTuple):
    """What the magic number says: byte order ("<" or ">"), bytes of a packet's header, ticks of its clock in a microsecond."""

    order: str
    header_bytes: int
    ticks: int


PCAP = {
    bytes.fromhex("d4c3b2a1"): Layout("<", 16, 1),
    bytes.fromhex("a1b2c3d4"): Layout(">", 16, 1),
    bytes.fromhex("4d3cb2a1"): Layout("<", 16, 1000),
    bytes.fromhex("a1b23c4d"): Layout(">", 16, 1000),
    bytes.fromhex("34cdb2a1"): Layout("<", 24, 1),
    bytes.fromhex("a1b2cd34"): Layout(">", 24, 1),
}
PCAPNG = b"\n\r\r\n"
"""The type of a section header block, the same in both byte orders."""


def is_capture(head: bytes) -> bool:
    """Whether a file that begins like this is a pcap or pcapng capture."""
    return head[:4] in PCAP or head.startswith(PCAPNG)

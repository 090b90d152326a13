"""The fields of flow records that matter here, by number, and what their numbers mean.

Sources: IANA's registry "IP Flow Information Export (IPFIX) Entities" (RFC 7012; the first 127 numbers are NetFlow v9's field types,
RFC 3954 section 8), RFC 5103 for the reverse direction (enterprise 29305), RFC 7125 for the TCP flags, and CERT's registry (enterprise
6871) for the TCP flags of YAF.
"""

from collections.abc import Mapping
from typing import NamedTuple

__all__ = [
    "DURATIONS",
    "ENDS",
    "REVERSE_ENTERPRISE",
    "SAMPLINGS",
    "STARTS",
    "Clock",
    "Element",
    "known",
]

REVERSE_ENTERPRISE = 29305
CERT_ENTERPRISE = 6871


class Element(NamedTuple):
    """One field.

    Args:
        key: its column's name here.
        lengths: the lengths in bytes that it may have: numbers may be sent shorter than they are (RFC 7011 section 6.2), addresses and
            dates not.
    """

    key: str
    lengths: range


class Clock(NamedTuple):
    """One way to say when.

    Args:
        key: the column.
        unit: "s", "ms" since 1970, "ntp" (2^-32 s since 1900), "us before" (µs before the export) or "uptime" (ms, the exporter's).
    """

    key: str
    unit: str


NUMBER = range(1, 9)
SHORT = range(1, 3)
BYTE = range(1, 2)
IPV4 = range(4, 5)
IPV6 = range(16, 17)
DATE = range(8, 9)
SECONDS = range(4, 9, 4)

IANA: Mapping[int, Element] = {
    1: Element("octets", NUMBER),
    2: Element("packets", NUMBER),
    4: Element("protocol", BYTE),
    6: Element("flags", SHORT),
    7: Element("src_port", SHORT),
    8: Element("src_ipv4", IPV4),
    11: Element("dest_port", SHORT),
    12: Element("dest_ipv4", IPV4),
    21: Element("end_uptime", NUMBER),
    22: Element("start_uptime", NUMBER),
    27: Element("src_ipv6", IPV6),
    28: Element("dest_ipv6", IPV6),
    34: Element("sampling_interval", NUMBER),
    50: Element("sampler_interval", NUMBER),
    60: Element("ip_version", BYTE),
    85: Element("octets_total", NUMBER),
    86: Element("packets_total", NUMBER),
    148: Element("flow_id", NUMBER),
    150: Element("start_s", SECONDS),
    151: Element("end_s", SECONDS),
    152: Element("start_ms", DATE),
    153: Element("end_ms", DATE),
    154: Element("start_ntp_us", DATE),
    155: Element("end_ntp_us", DATE),
    156: Element("start_ntp_ns", DATE),
    157: Element("end_ntp_ns", DATE),
    158: Element("start_before_us", NUMBER),
    159: Element("end_before_us", NUMBER),
    160: Element("init_ms", DATE),
    161: Element("duration_ms", NUMBER),
    162: Element("duration_us", NUMBER),
    182: Element("src_port", SHORT),
    183: Element("dest_port", SHORT),
    231: Element("initiator_octets", NUMBER),
    232: Element("responder_octets", NUMBER),
    233: Element("firewall_event", BYTE),
    239: Element("biflow_direction", BYTE),
    298: Element("initiator_packets", NUMBER),
    299: Element("responder_packets", NUMBER),
    305: Element("packet_interval", NUMBER),
    306: Element("packet_space", NUMBER),
    309: Element("sample_size", NUMBER),
    310: Element("sample_population", NUMBER),
}
CERT: Mapping[int, Element] = {
    14: Element("first_flags", BYTE),
    15: Element("later_flags", BYTE),
    21: Element("reverse_delay_ms", NUMBER),
    16398: Element("reverse_first_flags", BYTE),
    16399: Element("reverse_later_flags", BYTE),
}
REVERSIBLE = frozenset({1, 2, 6, 22, 85, 86, 150, 152, 154, 156, 158})

STARTS = (
    Clock("start_ntp_ns", "ntp"),
    Clock("start_ntp_us", "ntp"),
    Clock("start_ms", "ms"),
    Clock("start_before_us", "us before"),
    Clock("start_uptime", "uptime"),
    Clock("start_s", "s"),
)
"""Where the start stands, finest first."""

ENDS = tuple(Clock(clock.key.replace("start", "end"), clock.unit) for clock in STARTS)
DURATIONS = (("duration_us", 1), ("duration_ms", 1000))
"""Durations, with their unit in µs."""

SAMPLINGS = ("sampling_interval", "sampler_interval")
"""Columns that hold N where one in N packets is looked at."""


def known(enterprise: int, number: int, length: int) -> Element | None:
    """The element of this number, if it is of use here and has a length that it may have.

    Args:
        enterprise: the private enterprise number, 0 for IANA's own.
        number: the element's number, without the enterprise bit.
        length: its length in the template, in bytes.
    """
    if enterprise == 0:
        element = IANA.get(number)
    elif enterprise == CERT_ENTERPRISE:
        element = CERT.get(number)
    elif enterprise == REVERSE_ENTERPRISE and number in REVERSIBLE:
        forward = IANA[number]
        element = Element(f"reverse_{forward.key}", forward.lengths)
    else:
        element = None
    return element if element and length in element.lengths else None

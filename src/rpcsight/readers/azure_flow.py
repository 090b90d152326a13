"""Azure flow logs of network security groups (versions 1 and 2) and of virtual networks, as they lie in storage accounts or one record
a line.

A tuple is a connection's beginning (B), one of its later intervals (C), its end (E) or a denied attempt (D); who sent the first packet is
written as its source, whichever way it goes through the interface. Source: Microsoft Learn, "Flow logging for network security groups"
(times in seconds) and "Virtual network flow logs" (in milliseconds): log format and sample records.
"""

import re
from collections.abc import Iterator, Mapping

from rpcsight.engines import Scan
from rpcsight.engines.text import identifier
from rpcsight.readers import NoFlows
from rpcsight.readers._azure_records import COLUMNS, tuples
from rpcsight.readers._inputs import Input
from rpcsight.readers._names import address, port, protocol

__all__ = ["ABOUT", "IS_GENERIC", "NAME", "scan", "unpack", "why_not"]

NAME = "azure_flow"
ABOUT = "Azure flow logs of network security groups (versions 1, 2) and virtual networks: blobs, or a record a line"
IS_GENERIC = False

MARK = re.compile(rb'"category"\s{0,8}:\s{0,8}"(NetworkSecurityGroupFlowEvent|FlowLogFlowEvent)"|"flowTuples"\s{0,8}:')
UNPACKED = b"#rpcsight azure "
WINDOWS = (
    "Azure flow logs: later parts of a connection (C, E) are of intervals and set aside; a mapper flow before an endpoint flow is no more "
    "than co-occurrence where the log has whole seconds (network security groups)"
)
UNANSWERED = "Azure flow logs: that a connection was allowed does not say that it was answered"


def why_not(item: Input) -> str | None:
    """None for JSON that has Azure's flow tuples or names their category."""
    if item.head.startswith(UNPACKED):
        return None
    if item.head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")) and MARK.search(item.head):
        return None
    return "no JSON with flowTuples, or of category NetworkSecurityGroupFlowEvent or FlowLogFlowEvent"


def unpack(item: Input) -> Iterator[bytes] | None:
    """The tuples as lines; None for lines that were made of them."""
    if item.head.startswith(UNPACKED):
        return None
    return _lines(item)


def _lines(item: Input) -> Iterator[bytes]:
    is_given = False
    for lines in tuples(item):
        if not is_given:
            yield UNPACKED + b"\n"
            is_given = True
        yield lines
    if not is_given:
        raise NoFlows("Azure flow log without records")


def scan(item: Input, mapping: Mapping[str, str]) -> Scan:
    """A csv scan of the tuples.

    Args:
        item: what `unpack` made.
        mapping: not used; what a tuple holds is known.
    """
    del mapping
    kinds = dict.fromkeys(COLUMNS, "VARCHAR") | {"time_ms": "DOUBLE", "src_port": "USMALLINT", "dest_port": "USMALLINT"}
    return Scan(
        reader=NAME,
        form="csv",
        paths=(str(item.path),),
        observer=item.observer,
        columns=kinds,
        fields={
            "start_us": "try_cast(round(time_ms * 1000) as bigint)",
            "src_ip": address(identifier("src_ip")),
            "src_port": port("src_port", kinds),
            "dest_ip": address(identifier("dest_ip")),
            "dest_port": port("dest_port", kinds),
            "transport_protocol": f"case protocol when 'T' then 'tcp' when 'U' then 'udp' else {protocol(identifier('protocol'))} end",
            "is_established": "case when decision = 'D' then false end",
            "observer": "nullif(interface, '')",
            "set_aside": "case when state in ('C', 'E') then 'continuation of a connection (states C and E)' end",
        },
        source=item.source if item.is_spooled else "",
        compression=item.compression,
        skip_lines=1,
        notes=(WINDOWS, UNANSWERED),
    )

"""What the parts of `wire/` agreed on: columns have the types that `Packets` names, and equal lengths."""

from collections import Counter
from dataclasses import fields
from typing import Any

from rpcsight.wire.capture.addresses import Addresses
from rpcsight.wire.capture.files import frames
from rpcsight.wire.capture.packets import decode
from tests.contracts.samples import FLOWS, packets
from tests.wire.build import pcap

TYPES = {
    "time_us": "int64",
    "src_no": "uint64",
    "dest_no": "uint64",
    "src_port": "uint16",
    "dest_port": "uint16",
    "seq": "uint32",
    "ack": "uint32",
    "flags": "uint8",
    "payload_start": "int64",
    "payload_bytes": "int32",
    "captured_bytes": "int32",
}

NOT_OF_UDP = {"dest_no", "seq", "ack", "flags", "captured_bytes"}


def shape(columns: Any) -> dict[str, tuple[str, int]]:
    values = {each.name: getattr(columns, each.name) for each in fields(columns)}
    return {name: (str(value.dtype), len(value)) for name, value in values.items()}


def test_columns() -> None:
    """Of packets of both families, of one, and of none."""
    timed = packets(FLOWS)
    for some in (timed, timed[:3], timed[-1:]):
        (block,) = frames([pcap(some)], Counter())
        tcp, udp = decode(block, Addresses(), Counter())
        assert shape(tcp) == {name: (kind, len(tcp.seq)) for name, kind in TYPES.items()}
        rest = {name: kind for name, kind in TYPES.items() if name not in NOT_OF_UDP}
        assert shape(udp) == {name: (kind, len(udp.src_no)) for name, kind in rest.items()}
        assert len(tcp.seq) + len(udp.src_no) == len(some)

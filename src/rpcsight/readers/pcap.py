"""Packet captures: pcap and pcapng as tcpdump, Wireshark, dumpcap or netsh's converters write them.

TCP connections are put together from their packets: `steps/tcp.sql`. Times are those of the capture, to the microsecond. In the same pass
DCE/RPC and SMB are followed, and NetFlow and IPFIX datagrams on their way to a collector give the exporter's flow records.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rpcsight.engines import Scan
from rpcsight.errors import InputError
from rpcsight.readers._inputs import Input, until_broken
from rpcsight.wire.capture.magic import is_capture

if TYPE_CHECKING:
    from rpcsight.readers._packets import Rows

NAME = "pcap"
ABOUT = (
    "packet captures: pcap and pcapng, any byte order and clock; Ethernet with VLANs, Linux cooked, loopback and raw IP"
)
IS_GENERIC = False

SHOWN = 3
HINT = "capture with: tcpdump -w FILE 'tcp port 135 or tcp portrange 49152-65535'"
UNUSED = {"bytes", "packets", "out_bytes", "in_bytes", "out_packets", "in_packets"}
COLUMNS = (
    "start_us",
    "end_us",
    "src_ip",
    "src_port",
    "dest_ip",
    "dest_port",
    "is_established",
    "is_oriented",
)


@dataclass(frozen=True, slots=True)
class Capture:
    """The feed of a capture (see `engines.Feed`)."""

    tables: Mapping[str, Mapping[str, str]]

    def rows(
        self,
        path: str,
        compression: str,
        source: str,
        facts: Collection[str],
        losses: Counter[str],
        notes: Counter[str],
    ) -> "Rows":
        """See `engines.Feed.rows`.

        Raises:
            InputError: the file can't be read or unpacked to its end, or holds neither TCP nor flow records.
        """
        from rpcsight.readers._packets import Connections, Consumer, rows_of
        from rpcsight.readers._shown import Conversations, Exports
        from rpcsight.wire.capture.addresses import Addresses

        broken: list[InputError] = []
        count = 0
        addresses = Addresses()
        exports = Exports(addresses.text)
        consumers: list[Consumer] = [Connections(), exports]
        spoken = Conversations(addresses.text) if any(name in facts for name in Conversations.tables) else None
        if spoken:
            consumers.append(spoken)
        for name, rows in rows_of(until_broken(path, compression, source, broken), addresses, consumers, losses):
            count += rows.num_rows if name in Connections.tables or name in Exports.tables else 0
            yield name, rows
        if spoken:
            losses.update(spoken.losses)
        losses.update(exports.losses)
        notes.update(exports.notes)
        if broken:
            raise broken[0]
        if not count:
            reasons = "; ".join(f"{what}: {lost:,}" for what, lost in losses.most_common(SHOWN) if lost)
            raise InputError(
                source, f"holds no TCP packets and no flow records{f' ({reasons})' if reasons else ''}", HINT
            )


def why_not(item: Input) -> str | None:
    """None for a file that begins with one of the magic numbers."""
    return None if is_capture(item.head) else "does not begin with a magic number of pcap or pcapng"


def scan(item: Input, mapping: Mapping[str, str]) -> Scan:
    """A feed of connections.

    Args:
        item: the capture.
        mapping: not used; packets have no columns.
    """
    from rpcsight.readers._packets import ADDRESS, Connections
    from rpcsight.readers._shown import EXPORTED, Conversations, Exports

    del mapping
    own = Scan(
        reader=NAME,
        form="feed",
        paths=(str(item.path),),
        observer=item.observer,
        columns={},
        fields={**{name: name for name in COLUMNS}, "transport_protocol": "'tcp'"},
        source=item.source if item.is_spooled else "",
        compression=item.compression,
        feed=Capture({**Connections.tables, "address": ADDRESS, **Conversations.tables, **Exports.tables}),
        made=("tcp",),
        relation="tcp",
    )
    return replace(
        own,
        others=tuple(
            replace(
                own,
                relation=relation,
                gives="half" if relation == "export_half" else "record",
                fields={name: name for name in schema.names if name not in UNUSED},
                feed=None,
            )
            for relation, schema in EXPORTED.items()
        ),
    )

"""What a capture shows beside its own connections: calls, bindings, mappings, SMB; and the flow records of export datagrams in it."""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from rpcsight.engines.feed import ARROW_TYPES
from rpcsight.readers._packets import Rows
from rpcsight.schema import FACTS
from rpcsight.wire import Datagrams, Packets
from rpcsight.wire.capture.frames import Octets
from rpcsight.wire.netflow.biflows import RECORDS
from rpcsight.wire.netflow.collector import Collector
from rpcsight.wire.netflow.halves import HALVES

__all__ = ["EXPORTED", "Conversations", "Exports"]

SHOWN = ("rpc_bind", "rpc_call", "rpc_mapping", "smb_event")
OTHERS = ("flow_id", "interface_name", "operation", "image_path", "observer", "source")
"""Columns of facts that packets don't show, and those that the engine adds."""
KINDS = {kind: name for name, kind in ARROW_TYPES.items()}
EXPORTED = {"export_half": HALVES, "export_record": RECORDS}


class Conversations:
    """Makes the tables `SHOWN` of `schema.FACTS` from DCE/RPC and SMB.

    Args:
        name: the text of an address, from its number.
    """

    tables: Mapping[str, Mapping[str, str]] = {
        name: {column.name: column.kind for column in FACTS[name] if column.name not in OTHERS} for name in SHOWN
    }

    def __init__(self, name: Callable[[int], str]) -> None:
        from rpcsight.wire.follow import Follower  # and all that reads protocols, where it is asked for

        self._follower = Follower(name)
        self.losses = self._follower.losses

    def take(self, data: Octets, packets: Packets, datagrams: Datagrams) -> Rows:
        """See `Consumer.take`."""
        del datagrams
        self._follower.take(data, packets)
        yield from self._rows()

    def close(self) -> Rows:
        """See `Consumer.close`."""
        self._follower.finish()
        yield from self._rows()

    def _rows(self) -> Rows:
        for name, rows in self._follower.drain().items():
            if rows:
                columns = self.tables[name]
                arrays: list[Any] = [
                    pa.array(values, ARROW_TYPES[kind])
                    for values, kind in zip(zip(*rows, strict=True), columns.values(), strict=True)
                ]
                yield name, pa.RecordBatch.from_arrays(arrays, names=list(columns))


class Exports:
    """Makes the tables of `EXPORTED` from NetFlow and IPFIX datagrams.

    Args:
        name: the text of an address, from its number.
    """

    tables: Mapping[str, Mapping[str, str]] = {
        name: {field.name: KINDS[field.type] for field in schema} for name, schema in EXPORTED.items()
    }

    def __init__(self, name: Callable[[int], str]) -> None:
        self._collector = Collector(name)

    def take(self, data: Octets, packets: Packets, datagrams: Datagrams) -> Rows:
        """See `Consumer.take`."""
        del packets
        self._collector.take(data, datagrams)
        yield from self._rows()

    def close(self) -> Rows:
        """See `Consumer.close`."""
        self._collector.close()
        yield from self._rows()

    @property
    def losses(self) -> Mapping[str, int]:
        """What could not be read, by exporter and reason."""
        return _named(self._collector.losses)

    @property
    def notes(self) -> Mapping[str, int]:
        """What limits the records, by exporter."""
        return _named(self._collector.notes)

    def _rows(self) -> Rows:
        flows = self._collector.drain()
        yield from (("export_half", rows) for rows in flows.halves)
        yield from (("export_record", rows) for rows in flows.records)


def _named(counts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    return {f"{observer}: {what}": count for observer, found in counts.items() for what, count in found.items()}

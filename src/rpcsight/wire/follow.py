"""Follows the connections of a capture that carry DCE/RPC or SMB, block by block, in bounded memory."""

from collections import Counter
from collections.abc import Callable
from heapq import nsmallest
from typing import TYPE_CHECKING

import numpy as np

from rpcsight.wire import Facts, Packets
from rpcsight.wire.reassembly import ACK, FIN, RST, SYN, TcpStream
from rpcsight.wire.rows import TABLES, Ends, Row, write_rows
from rpcsight.wire.rpc.association import Association
from rpcsight.wire.selection import RPC, SMB, EndTable, beginnings, ends
from rpcsight.wire.smb.connection import SmbConnection

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MAX_CONNECTIONS", "MAX_HELD_BYTES", "Follower"]

MAX_CONNECTIONS = 8192
"""Connections followed at a time: a busy controller serves some thousands of clients."""
MAX_HELD_BYTES = 64 * 1024 * 1024
"""What all of them together may hold back between two blocks: far from reached by whole captures."""

_PORT_BITS = 16
_EDGES = SYN | FIN | RST
_PDU_VERSION = 5

Ports = tuple[int, int]
"""Source and destination, each address and port in one number."""


class _Connection:
    """One connection that is followed: ``touched`` is the number of the last packet, ``held_bytes`` what it held after it."""

    __slots__ = ("ends", "facts", "held_bytes", "key", "outlooks", "protocol", "stream", "touched")

    def __init__(self, key: Ports, protocol: str, facts: Facts, ends: Ends) -> None:
        reader = _smb_connection(facts) if protocol == SMB else Association(facts)
        self.key = key
        self.protocol = protocol
        self.stream = TcpStream(reader)
        self.outlooks = reader.sides
        self.facts = facts
        self.ends = ends
        self.touched = 0
        self.held_bytes = 0


class Follower:
    """Takes the packets of a capture and gives what their DCE/RPC and SMB shows.

    A connection is followed from the first packet of the block in which one of its payloads begins like a PDU or an SMB message,
    or goes to or from port 135. Its start is its SYN in this block or the one before, else the first packet.

    Args:
        name: the text of an address, from its number in `Packets`.
        is_smb_read: whether SMB is followed too.
    """

    def __init__(self, name: Callable[[int], str], is_smb_read: bool = True) -> None:
        self._name = name
        self._protocols = {RPC, SMB} if is_smb_read else {RPC}
        self._live: dict[Ports, tuple[_Connection, bool]] = {}
        self._table = EndTable()
        self._rows: dict[str, list[Row]] = {table: [] for table in TABLES}
        self._held_bytes = 0
        self._taken = 0
        self._syns: tuple[list[int], list[int], list[int], list[int]] = ([], [], [], [])
        self._openings: dict[Ports, tuple[int, int]] | None = None
        self.losses: Counter[str] = Counter()
        """What could not be read, by reason in words."""

    def take(self, block: bytes | bytearray | memoryview, packets: Packets) -> None:
        """Read the packets of a block that matter, in their order."""
        src, dest = ends(packets)
        wanted = self._wanted(block, packets, src, dest)
        if wanted or self._live:
            self._mark(wanted)
            rows = self._table.choose(packets, src, dest)
            first = self._taken
            self._read(block, packets, src, dest, rows, wanted)
            self._collect(first)
        is_opening = (packets.flags & (SYN | ACK)) == SYN
        self._syns = (
            src[is_opening].tolist(),
            dest[is_opening].tolist(),
            packets.time_us[is_opening].tolist(),
            packets.seq[is_opening].tolist(),
        )
        self._openings = None

    def finish(self) -> None:
        """The capture is over: write down what waits for an answer."""
        for connection in self._connections():
            self._close(connection)

    def drain(self) -> dict[str, list[Row]]:
        """What was found since the last time: the rows of each table, columns in the order of `schema`."""
        rows, self._rows = self._rows, {table: [] for table in TABLES}
        return rows

    def _wanted(
        self,
        block: bytes | bytearray | memoryview,
        packets: Packets,
        src: "NDArray[np.uint64]",
        dest: "NDArray[np.uint64]",
    ) -> dict[Ports, tuple[str, bool]]:
        """The connections of interest that this block shows: their protocol, and whether the source is the client."""
        begun = beginnings(np.frombuffer(block, dtype=np.uint8), packets)
        rows = [row for row, _ in begun]
        wanted: dict[Ports, tuple[str, bool]] = {}
        for one, other, (_, beginning) in zip(src[rows].tolist(), dest[rows].tolist(), begun, strict=True):
            if (one, other) not in wanted and beginning.protocol in self._protocols:
                wanted[one, other] = (beginning.protocol, beginning.is_from_client)
                wanted[other, one] = (beginning.protocol, not beginning.is_from_client)
        return wanted

    def _mark(self, wanted: dict[Ports, tuple[str, bool]]) -> None:
        if self._table.marked > 2 * MAX_CONNECTIONS + 2 * len(self._live):
            self._table.clear()  # of the marks of connections that are no longer followed
            self._table.mark(self._live)
        self._table.mark([key for key in wanted if key not in self._live])

    def _read(
        self,
        block: bytes | bytearray | memoryview,
        packets: Packets,
        src: "NDArray[np.uint64]",
        dest: "NDArray[np.uint64]",
        rows: "NDArray[np.intp]",
        wanted: dict[Ports, tuple[str, bool]],
    ) -> None:
        starts = packets.payload_start[rows]
        captured = packets.captured_bytes[rows]
        ends = starts + captured
        octets = np.frombuffer(block, dtype=np.uint8)
        columns = (
            packets.time_us[rows],
            packets.seq[rows],
            packets.ack[rows],
            packets.flags[rows],
            starts,
            ends,
            np.maximum(packets.payload_bytes[rows] - captured, 0),
            octets[np.minimum(starts, len(octets) - 1)] == _PDU_VERSION,
        )
        keys = zip(src[rows].tolist(), dest[rows].tolist(), strict=True)
        data, live, taken = memoryview(block), self._live, self._taken
        for key, time_us, seq, ack, flags, start, end, missing, may_begin in zip(
            keys, *(column.tolist() for column in columns), strict=True
        ):
            found = live.get(key)
            if found is None and start == end and not flags & SYN:
                continue  # the end of an earlier connection of these ports
            if found is None or (flags & SYN and found[0].stream.is_another(found[1], seq)):
                found = self._open(key, found, wanted.get(key), time_us, flags)
                if found is None:
                    continue
            connection, is_to_server = found
            taken += 1
            connection.touched = taken
            if not flags & _EDGES:
                outlook = connection.outlooks[is_to_server]
                is_passed = end - start <= outlook.skip and not missing
                if is_passed or (outlook.is_seeking and not may_begin):
                    if connection.stream.pass_over(is_to_server, seq, end - start + missing):
                        if is_passed:
                            outlook.skip -= end - start
                        continue
            connection.stream.packet(time_us, is_to_server, seq, ack, flags, data[start:end].tobytes(), missing)
        self._taken = taken

    def _open(
        self,
        key: Ports,
        earlier: tuple[_Connection, bool] | None,
        beginning: tuple[str, bool] | None,
        time_us: int,
        flags: int,
    ) -> tuple[_Connection, bool] | None:
        """Begin to follow the connection that this packet begins; it is not of interest where nothing says so."""
        if earlier is not None:
            beginning = beginning or (earlier[0].protocol, earlier[1])
            self._close(earlier[0])
        if beginning is None:
            return None
        protocol, is_to_server = beginning
        opening: tuple[int, int] | None = None
        if flags & SYN and not flags & ACK:
            is_to_server = True
        else:
            if flags & SYN:
                is_to_server = False
            opening, is_to_server = self._opening(key, is_to_server)
        client, server = key if is_to_server else key[::-1]
        if len(self._live) >= 2 * MAX_CONNECTIONS:
            self._close_oldest()
        time_us = opening[0] if opening is not None else time_us
        ports = (1 << _PORT_BITS) - 1
        names = self._name(client >> _PORT_BITS), self._name(server >> _PORT_BITS)
        known = Ends(time_us, names[0], client & ports, names[1], server & ports)
        connection = _Connection((client, server), protocol, Facts(), known)
        if opening is not None:
            connection.stream.packet(time_us, True, opening[1], 0, SYN, b"", 0)
        self._live[client, server] = (connection, True)
        self._live[server, client] = (connection, False)
        return connection, is_to_server

    def _opening(self, key: Ports, is_to_server: bool) -> tuple[tuple[int, int] | None, bool]:
        """Time and number of the SYN that the block before held for these ends, and whether this packet goes its way."""
        if self._openings is None:
            self._openings = {}
            for one, other, time_us, seq in zip(*self._syns, strict=True):
                known = self._openings.get((one, other))
                if known is None or known[1] != seq:
                    self._openings[one, other] = (time_us, seq)
        forth, back = self._openings.get(key), self._openings.get((key[1], key[0]))
        if forth is not None and back is None:
            return forth, True
        if back is not None and forth is None:
            return back, False
        return (forth if is_to_server else back), is_to_server

    def _connections(self) -> list[_Connection]:
        return [connection for connection, is_to_server in self._live.values() if is_to_server]

    def _collect(self, first: int) -> None:
        """Write down what the connections touched since packet ``first`` show; keep what they hold within bounds."""
        for connection in self._connections():
            if connection.touched > first:
                self._write(connection)
                held = connection.stream.held_bytes + getattr(connection.stream.protocol, "held_bytes", 0)
                self._held_bytes += held - connection.held_bytes
                connection.held_bytes = held
        if self._held_bytes > MAX_HELD_BYTES:
            holders = sorted(self._connections(), key=lambda one: one.held_bytes, reverse=True)
            for connection in holders:
                if self._held_bytes <= MAX_HELD_BYTES // 2:
                    break
                self.losses["connections given up because they hold too much"] += 1
                self._close(connection)

    def _close_oldest(self) -> None:
        """Give up an eighth of the connections, those that were silent longest."""
        connections = self._connections()
        for connection in nsmallest(len(connections) // 8 + 1, connections, key=lambda one: one.touched):
            if not connection.stream.is_over:
                self.losses["connections given up because there are too many"] += 1
            self._close(connection)

    def _close(self, connection: _Connection) -> None:
        connection.stream.finish()
        self._write(connection)
        self._held_bytes -= connection.held_bytes
        client, server = connection.key
        del self._live[client, server], self._live[server, client]

    def _write(self, connection: _Connection) -> None:
        facts = connection.facts
        write_rows(facts, connection.ends, connection.protocol == SMB, self._rows)
        if facts.losses:
            self.losses += facts.losses
            facts.losses.clear()


def _smb_connection(facts: Facts) -> SmbConnection:
    """SMB's stream, its named pipes read like TCP connections."""
    return SmbConnection(facts, lambda pipe, user: Association(facts, pipe, user))

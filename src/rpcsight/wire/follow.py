"""Follows the connections of a capture that carry DCE/RPC or SMB, block by block, in bounded memory."""

from collections import Counter
from collections.abc import Callable
from heapq import nsmallest
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from rpcsight.wire import Facts, Packets
from rpcsight.wire.reassembly import ACK, SYN, TcpStream
from rpcsight.wire.rows import TABLES, Ends, Row, write_rows
from rpcsight.wire.rpc.association import Association
from rpcsight.wire.runs import Runs, by_connection
from rpcsight.wire.selection import RPC, SMB, Beginnings, EndTable, beginnings, ends
from rpcsight.wire.smb.connection import SmbConnection

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MAX_CONNECTIONS", "MAX_HELD_BYTES", "Follower"]

MAX_CONNECTIONS = 8192
"""Connections followed at a time: a busy controller serves some thousands of clients."""
MAX_HELD_BYTES = 64 * 1024 * 1024
"""What all of them together may hold back between two blocks: far from reached by whole captures."""

_PORT_BITS = 16

Ports = tuple[int, int]
"""Both ends, each address and port in one number: the lower and the higher one, unless said otherwise."""


class _Connection:
    """One connection that is followed: ``touched`` is the number of the last packet, ``held_bytes`` what it held after it."""

    __slots__ = ("ends", "facts", "held_bytes", "is_low_client", "protocol", "stream", "touched")

    def __init__(self, protocol: str, is_low_client: bool, ends: Ends) -> None:
        self.protocol = protocol
        self.is_low_client = is_low_client
        self.ends = ends
        self.facts = Facts()
        reader = _smb_connection(self.facts) if protocol == SMB else Association(self.facts)
        self.stream = TcpStream(reader, reader.sides)
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
        self._is_smb_read = is_smb_read
        self._live: dict[Ports, _Connection] = {}
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
        begun = beginnings(np.frombuffer(block, dtype=np.uint8), packets)
        wanted = self._wanted(begun, src, dest)
        if wanted or self._live:
            self._mark(wanted)
            rows = self._table.choose(packets, src, dest)
            if len(rows):
                runs = Runs(np.frombuffer(block, dtype=np.uint8), packets, (src, dest), rows, begun.row)
                self._collect(self._read(memoryview(block), runs, wanted))
        self._taken += len(src)
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
        for key in list(self._live):
            self._close(key)

    def drain(self) -> dict[str, list[Row]]:
        """What was found since the last time: the rows of each table, columns in the order of `schema`."""
        rows, self._rows = self._rows, {table: [] for table in TABLES}
        return rows

    def _wanted(
        self, begun: Beginnings, src: "NDArray[np.uint64]", dest: "NDArray[np.uint64]"
    ) -> dict[Ports, tuple[str, bool]]:
        """The connections of interest that this block shows: their protocol, and whether the lower end is the client."""
        chosen = np.flatnonzero(~begun.is_smb | self._is_smb_read)
        one, other = src[begun.row[chosen]], dest[begun.row[chosen]]
        if len(apart := np.flatnonzero(one != other)) < len(chosen):
            self.losses["packets of RPC or SMB from an end to itself"] += len(chosen) - len(apart)
            chosen, one, other = chosen[apart], one[apart], other[apart]
        order, low, high, is_other = by_connection(one, other)
        firsts = np.flatnonzero(is_other)
        shown = chosen[order[firsts]]
        is_low_client = begun.is_from_client[shown] == (one < other)[order[firsts]]
        columns = (low[firsts], high[firsts], begun.is_smb[shown], is_low_client)
        return {
            (one, other): (SMB if is_smb else RPC, is_low_client)
            for one, other, is_smb, is_low_client in zip(*(column.tolist() for column in columns), strict=True)
        }

    def _mark(self, wanted: dict[Ports, tuple[str, bool]]) -> None:
        if self._table.marked > MAX_CONNECTIONS + 2 * len(self._live):
            self._table.clear()  # of the marks of connections that are no longer followed
            self._table.mark(self._live)
        self._table.mark([key for key in wanted if key not in self._live])

    def _read(self, data: memoryview, runs: Runs, wanted: dict[Ports, tuple[str, bool]]) -> list[Ports]:
        """Read these packets; return whose they were."""
        touched: list[Ports] = []
        for low, high, begin, end, telling, is_opened, last in runs:
            key = (low, high)
            found = self._live.get(key)
            # A run of an unknown connection counts from where there is payload: before are the ends of an earlier one.
            at = begin if found is not None else min(telling, end)
            if at < end:
                is_up, seq = runs.is_up[at], runs.seqs[at]
                if found is None or (is_opened and found.stream.is_another(is_up == found.is_low_client, seq)):
                    found = self._open(key, found, wanted.get(key), is_up, runs.times[at], runs.flags[at])
            if found is None:
                at = end
            next(islice(runs.pieces, at - begin, at - begin), None)
            if found is not None:
                found.touched = self._taken + last
                touched.append(key)
                found.stream.take(data, found.is_low_client, islice(runs.pieces, end - at), runs.unfold)
        return touched

    def _open(
        self,
        key: Ports,
        earlier: _Connection | None,
        beginning: tuple[str, bool] | None,
        is_up: bool,
        time_us: int,
        flags: int,
    ) -> _Connection | None:
        """Begin to follow the connection that this packet begins; it is not of interest where nothing says so."""
        if earlier is not None:
            beginning = beginning or (earlier.protocol, earlier.is_low_client)
            self._close(key)
        if beginning is None:
            return None
        protocol, is_low_client = beginning
        opening: tuple[int, int] | None = None
        if flags & SYN and not flags & ACK:
            is_low_client = is_up
        else:
            if flags & SYN:
                is_low_client = not is_up
            opening, is_low_client = self._opening(key, is_low_client)
        if len(self._live) >= MAX_CONNECTIONS:
            self._close_oldest()
        client, server = key if is_low_client else key[::-1]
        ports = (1 << _PORT_BITS) - 1
        names = self._name(client >> _PORT_BITS), self._name(server >> _PORT_BITS)
        start_us = opening[0] if opening is not None else time_us
        known = Ends(start_us, names[0], client & ports, names[1], server & ports)
        connection = self._live[key] = _Connection(protocol, is_low_client, known)
        if opening is not None:
            connection.stream.packet(start_us, True, opening[1], 0, SYN, b"", 0)
        return connection

    def _opening(self, key: Ports, is_low_client: bool) -> tuple[tuple[int, int] | None, bool]:
        """Time and number of the SYN that the block before held for these ends, and whether it came from the lower one."""
        if self._openings is None:
            self._openings = {}
            for one, other, time_us, seq in zip(*self._syns, strict=True):
                known = self._openings.get((one, other))
                if known is None or known[1] != seq:
                    self._openings[one, other] = (time_us, seq)
        up, down = self._openings.get(key), self._openings.get((key[1], key[0]))
        if up is not None and down is None:
            return up, True
        if down is not None and up is None:
            return down, False
        return (up if is_low_client else down), is_low_client

    def _collect(self, touched: list[Ports]) -> None:
        """Write down what these connections show; keep what all of them hold within bounds."""
        for key in dict.fromkeys(touched):
            connection = self._live.get(key)
            if connection is not None:
                self._write(connection)
                held = connection.stream.held_bytes + connection.stream.protocol.held_bytes
                self._held_bytes += held - connection.held_bytes
                connection.held_bytes = held
        if self._held_bytes > MAX_HELD_BYTES:
            for key in sorted(self._live, key=lambda key: self._live[key].held_bytes, reverse=True):
                if self._held_bytes <= MAX_HELD_BYTES // 2:
                    break
                self.losses["connections given up because they hold too much"] += 1
                self._close(key)

    def _close_oldest(self) -> None:
        """Give up an eighth of the connections, those that were silent longest."""
        for key in nsmallest(len(self._live) // 8 + 1, self._live, key=lambda key: self._live[key].touched):
            if not self._live[key].stream.is_over:
                self.losses["connections given up because there are too many"] += 1
            self._close(key)

    def _close(self, key: Ports) -> None:
        connection = self._live.pop(key)
        connection.stream.finish()
        self._write(connection)
        self._held_bytes -= connection.held_bytes

    def _write(self, connection: _Connection) -> None:
        facts = connection.facts
        write_rows(facts, connection.ends, connection.protocol == SMB, self._rows)
        if facts.losses:
            self.losses += facts.losses
            facts.losses.clear()


def _smb_connection(facts: Facts) -> SmbConnection:
    """SMB's stream, its named pipes read like TCP connections."""
    return SmbConnection(facts, lambda pipe, user: Association(facts, pipe, user))

"""TCP streams: the segments of one connection, put in order for the protocol that it carries. RFC 9293 3.4, 3.5.3, 3.10."""

from collections.abc import Callable, Iterable
from heapq import heappop, heappush

from rpcsight.wire import Outlook, Stream

__all__ = ["ACK", "FIN", "MAX_HELD_BYTES", "MAX_HELD_SEGMENTS", "RST", "SEGMENT_BYTES", "SYN", "Segment", "TcpStream"]

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10

MAX_HELD_BYTES = 256 * 1024
"""Payload of one direction held behind a hole: what a sender has in flight on a local network."""
MAX_HELD_SEGMENTS = 256
"""Segments likewise, as small ones take more memory than their bytes."""

SEGMENT_BYTES = 160
"""What a held segment takes beside its payload."""

Segment = tuple[int, bool, int, int, int, int, int, int, bool, int, int]
"""A packet whose payload stands in a block: when, whether from the lower end, seq, ack, flags, where its payload begins in the block,
captured bytes, missing bytes, whether it may begin something, its place, 1; or several that follow each other, with their number and
all their bytes (see `runs`)."""

_EDGES = SYN | FIN | RST
_MASK = 0xFFFFFFFF
_HALF = 0x80000000


class _Direction:
    """One direction: sequence numbers are unwrapped, so that they only grow."""

    __slots__ = ("held", "held_bytes", "initial", "is_over", "next", "start")

    def __init__(self) -> None:
        self.initial: int | None = None
        """The SYN's number."""
        self.next = -1
        """The number of the next byte; -1 before the first."""
        self.start = -1
        """Where the middle of a stream began, until its second segment has come; else -1."""
        self.held: list[tuple[int, int, int, bytes, int]] = []
        """A heap: number, order of arrival, time, payload, missing bytes."""
        self.held_bytes = 0
        self.is_over = False

    def begin(self, number: int) -> None:
        # Above 2^32, so that numbers before it don't become negative.
        self.next = number + _MASK + 1

    def unwrapped(self, number: int) -> int:
        distance = (number - self.next) & _MASK
        return self.next + (distance if distance < _HALF else distance - _MASK - 1)

    def is_due(self, number: int, size: int) -> bool:
        """Whether a RST behind `size` bytes from `number` on is where the next byte is, or behind a FIN: others are ignored (3.5.3)."""
        return self.next < 0 or (number + size - self.next) & _MASK <= 1


class TcpStream:
    """Puts one connection's segments in order.

    What was sent first wins where segments overlap. A hole is waited for until the other side acknowledges what follows it, too
    much is held, or the connection ends: then it is a gap.

    Args:
        protocol: what gets the bytes.
        outlooks: what it will do with them, to the client's side and to the server's.
    """

    __slots__ = ("_arrivals", "_directions", "_outlooks", "protocol")

    def __init__(self, protocol: Stream, outlooks: tuple[Outlook, Outlook] | None = None) -> None:
        self.protocol = protocol
        self._outlooks = outlooks or (Outlook(), Outlook())
        self._directions = (_Direction(), _Direction())
        self._arrivals = 0

    @property
    def held_bytes(self) -> int:
        """About how much memory is in use for what is held behind holes."""
        return sum(each.held_bytes + SEGMENT_BYTES * len(each.held) for each in self._directions)

    @property
    def is_over(self) -> bool:
        """Whether both sides have ended it, or one has reset it."""
        return self._directions[0].is_over and self._directions[1].is_over

    def is_another(self, is_to_server: bool, seq: int) -> bool:
        """Whether a SYN with this number begins another connection than this one."""
        direction = self._directions[is_to_server]
        if direction.initial is not None:
            return direction.initial != seq
        # Without a SYN so far, this one may come late, behind the first segments of its direction.
        late = direction.next - direction.unwrapped((seq + 1) & _MASK)
        return direction.next >= 0 and not 0 <= late <= MAX_HELD_BYTES

    def take(
        self,
        data: memoryview,
        is_low_client: bool,
        segments: Iterable[Segment],
        unfold: Callable[[int, int], Iterable[Segment]],
    ) -> None:
        """Take packets.

        Args:
            data: the block that holds them.
            is_low_client: whether the lower end is the client.
            segments: in their order.
            unfold: gives the packets of one that stands for several, from its place and their number.
        """
        feed, gap = self.protocol.feed, self.protocol.gap
        directions, outlooks = self._directions, self._outlooks
        for time_us, is_up, seq, ack, flags, start, size, missing, may_begin, place, count in segments:
            is_to_server = is_up is is_low_client
            direction, outlook = directions[is_to_server], outlooks[is_to_server]
            is_next = (
                direction.next & _MASK == seq
                and not (flags & _EDGES or direction.held or directions[not is_to_server].held)
                and direction.next >= 0
            )
            if count > 1 and not (is_next and (outlook.is_seeking or (size <= outlook.skip and not missing))):
                self.take(data, is_low_client, unfold(place, count), unfold)
            elif not is_next:
                self.packet(time_us, is_to_server, seq, ack, flags, data[start : start + size].tobytes(), missing)
            else:
                # The usual case, for speed: the next bytes, and nothing to do but to give them on, if anybody wants them.
                direction.next += size + missing
                direction.start = -1
                if outlook.is_seeking and not may_begin:
                    continue
                if size <= outlook.skip:
                    outlook.skip -= size
                elif size:
                    feed(time_us, is_to_server, data[start : start + size].tobytes())
                if missing:
                    gap(is_to_server)

    def packet(
        self, time_us: int, is_to_server: bool, seq: int, ack: int, flags: int, payload: bytes, missing: int
    ) -> None:
        """Take a packet.

        Args:
            time_us: when it was captured.
            is_to_server: its direction.
            seq, ack, flags: of its TCP header.
            payload: as captured.
            missing: bytes of its payload that were not captured.
        """
        direction = self._directions[is_to_server]
        other = self._directions[not is_to_server]
        if other.held and flags & ACK:
            self._skip_acknowledged(other, not is_to_server, ack)
        if flags & SYN:
            if direction.initial is None:
                direction.initial = seq
                if direction.next < 0:
                    direction.begin((seq + 1) & _MASK)
            seq = (seq + 1) & _MASK
        if payload or missing:
            if direction.next < 0:
                direction.begin(seq)
                direction.start = direction.next
                self._give(direction, time_us, is_to_server, payload, missing)
            else:
                self._segment(direction, time_us, is_to_server, seq, payload, missing)
                direction.start = -1
        is_end = direction.is_due(seq, len(payload) + missing) if flags & RST else flags & FIN
        if is_end:
            self._end(direction, flags)

    def finish(self) -> None:
        """Nothing more will come: give on what is held, and close the protocol."""
        for is_to_server, direction in enumerate(self._directions):
            while direction.held:
                self._skip(direction, bool(is_to_server))
        self.protocol.close()

    def _segment(
        self, direction: _Direction, time_us: int, is_to_server: bool, seq: int, payload: bytes, missing: int
    ) -> None:
        ahead = (seq - direction.next) & _MASK
        if ahead == 0:
            self._give(direction, time_us, is_to_server, payload, missing)
            if direction.held:
                self._give_held(direction, is_to_server)
        elif ahead < _HALF:
            self._arrivals += 1
            heappush(direction.held, (direction.next + ahead, self._arrivals, time_us, payload, missing))
            direction.held_bytes += len(payload)
            if direction.held_bytes > MAX_HELD_BYTES or len(direction.held) > MAX_HELD_SEGMENTS:
                self._skip(direction, is_to_server)
        else:
            self._late(direction, time_us, is_to_server, direction.next + ahead - _MASK - 1, payload, missing)

    def _give(self, direction: _Direction, time_us: int, is_to_server: bool, payload: bytes, missing: int) -> None:
        if payload:
            direction.next += len(payload)
            self.protocol.feed(time_us, is_to_server, payload)
        if missing:
            direction.next += missing
            self.protocol.gap(is_to_server)

    def _late(
        self, direction: _Direction, time_us: int, is_to_server: bool, number: int, payload: bytes, missing: int
    ) -> None:
        """A segment that begins before the next byte: what of it is new."""
        known = direction.next - number
        if number < direction.start <= number + len(payload) + missing <= direction.start + MAX_HELD_BYTES:
            # The capture begins with two segments in the wrong order: the earlier one is read by itself.
            self.protocol.gap(is_to_server)
            self.protocol.feed(time_us, is_to_server, payload[: direction.start - number])
            self.protocol.gap(is_to_server)
        if known < len(payload) + missing:
            self._give(direction, time_us, is_to_server, payload[known:], missing - max(known - len(payload), 0))
            self._give_held(direction, is_to_server)

    def _give_held(self, direction: _Direction, is_to_server: bool) -> None:
        """Give on what is held up to the next hole."""
        held = direction.held
        while held and held[0][0] <= direction.next:
            number, _, time_us, payload, missing = heappop(held)
            direction.held_bytes -= len(payload)
            known = direction.next - number
            if known < len(payload) + missing:
                self._give(direction, time_us, is_to_server, payload[known:], missing - max(known - len(payload), 0))

    def _skip(self, direction: _Direction, is_to_server: bool) -> None:
        """Give up the first hole."""
        direction.next = direction.held[0][0]
        self.protocol.gap(is_to_server)
        self._give_held(direction, is_to_server)

    def _skip_acknowledged(self, direction: _Direction, is_to_server: bool, ack: int) -> None:
        """Give up the holes that the receiver has not: those bytes were on the wire, but are not in the capture."""
        acknowledged = direction.unwrapped(ack)
        while direction.held and direction.held[0][0] <= acknowledged:
            self._skip(direction, is_to_server)

    def _end(self, direction: _Direction, flags: int) -> None:
        was_over = self.is_over
        direction.is_over = True
        if flags & RST:
            self._directions[0].is_over = self._directions[1].is_over = True
        if self.is_over and not was_over:
            self.finish()

"""SMB on one TCP connection, ports 445 and 139: its messages cut out of the stream, DCE/RPC of its named pipes handed on.

Each message follows four bytes: a type and a length of 24 bits ([MS-SMB2] section 2.1; RFC 1002 section 4.3.1, where port 139 has a
session request before the first message and keep-alives between them). What such a message is, its own first four bytes say.
"""

import re
from dataclasses import dataclass, field

from rpcsight.wire import Facts, Outlook
from rpcsight.wire.smb.opens import CLOSED, Associate, Opens, Rest
from rpcsight.wire.smb.smb1 import Smb1
from rpcsight.wire.smb.smb2 import Smb2, head_bytes

__all__ = ["SmbConnection"]

SMB1, SMB2, ENCRYPTED, COMPRESSED = b"\xffSMB", b"\xfeSMB", b"\xfdSMB", b"\xfcSMB"
_NAMES = frozenset({SMB1, SMB2, ENCRYPTED, COMPRESSED})
_FRAME_BYTES, _NAME_BYTES = 4, 4
_LENGTH_BITS = 24
_MESSAGE = 0x00
_OTHER_TYPES = frozenset(range(0x81, 0x86))  # session request to keep-alive
_NAMED_BYTES = _FRAME_BYTES + _NAME_BYTES
_FIRST_BYTES = _FRAME_BYTES + 68
"""With these, `head_bytes` knows how many more a message's head takes."""
_ENCRYPTED_BYTES = 52
LONGEST_HEAD = 65536
"""Of a message, what is looked at: a pipe's own writes are shorter, a security blob cannot be longer."""
_NEXT_MESSAGE = re.compile(rb"\x00(?!\x00\x00[\x00-\x03])...[\xfc-\xff]SMB", re.DOTALL)
"""The frame and name of one that is long enough to hold its name."""


@dataclass(slots=True)
class _Side(Outlook):
    """One direction: the message it is in the middle of; what is passed over before anything else is of no interest.

    Args:
        head: its frame and as much as was wanted of it.
        wanted: how long `head` has to be before it is looked at again.
        rest: whose data follows the head.
        later: bytes after the rest that are of no interest.
        is_lost: no message's start is known: the next one is looked for.
    """

    head: bytearray = field(default_factory=bytearray)
    wanted: int = _FRAME_BYTES
    rest: Rest | None = None
    later: int = 0
    is_lost: bool = False

    def begin(self, follows: int = 0, rest: Rest | None = None) -> None:
        """The head is done with: the rest and what else `follows` it are dealt with, then the next message begins."""
        self.head.clear()
        self.wanted, self.rest = _FRAME_BYTES, rest
        self.skip, self.later = (follows, 0) if rest is None else (0, follows - rest.size)


class SmbConnection:
    """Reads both directions of a connection; a `Stream`.

    Args:
        facts: where events and losses go.
        associate: called with the name and user of each named pipe that data goes through: makes the stream that reads it.
    """

    def __init__(self, facts: Facts, associate: Associate) -> None:
        self._facts = facts
        self._opens = Opens(facts, associate)
        self._smb1 = Smb1(self._opens)
        self._smb2 = Smb2(self._opens)
        self.sides = (_Side(), _Side())

    @property
    def held_bytes(self) -> int:
        """About how much memory is in use for what is open, asked for, or has come in part."""
        heads = sum(len(side.head) for side in self.sides)
        return heads + self._opens.held_bytes + self._smb1.held_bytes + self._smb2.held_bytes

    def feed(self, time_us: int, is_to_server: bool, data: bytes) -> None:
        """The next bytes of one direction."""
        side, at = self.sides[is_to_server], 0
        while at < len(data):
            if side.is_lost:
                at = _find_message(side, data, at)
            elif side.rest is not None:
                at = self._carry_on(time_us, is_to_server, side, side.rest, data, at)
            elif side.skip:
                taken = min(side.skip, len(data) - at)
                side.skip -= taken
                at += taken
            elif not side.head and (read := self._read_whole(time_us, is_to_server, side, data, at)):
                at += read
            else:
                taken = data[at : at + max(side.wanted - len(side.head), 0)]
                side.head += taken
                at += len(taken)
                if len(side.head) >= side.wanted:
                    self._look(time_us, is_to_server, side)

    def gap(self, is_to_server: bool) -> None:
        """Bytes of this direction are missing: look for the next message."""
        side = self.sides[is_to_server]
        self._cut_short(side)
        side.begin()
        side.is_lost = True
        self._opens.gap(is_to_server)

    def close(self) -> None:
        """The connection is over: write down what was written to files, and close the pipes."""
        for side in self.sides:
            self._cut_short(side)
            side.begin()
            side.is_lost = False
        self._smb1.close()
        self._smb2.close()
        self._opens.close()

    def _cut_short(self, side: _Side) -> None:
        if not side.is_lost and (side.head or side.rest is not None):
            self._facts.losses["SMB message cut short"] += 1

    def _carry_on(self, time_us: int, is_to_server: bool, side: _Side, rest: Rest, data: bytes, at: int) -> int:
        """Hand on data that follows a message's head; return where it ends."""
        taken = data[at : at + rest.size]
        side.rest = rest._replace(size=rest.size - len(taken)) if len(taken) < rest.size else None
        if side.rest is None:
            side.skip = side.later
        self._opens.carry_on(time_us, is_to_server, rest.file, taken)
        if side.rest is None and rest.file.is_over:
            self._opens.lose(CLOSED)
        return at + len(taken)

    def _read_whole(self, time_us: int, is_to_server: bool, side: _Side, data: bytes, at: int) -> int:
        """Read an SMB2 message whose head is all there, the usual case; return how many bytes that took, 0 for any other."""
        size = int.from_bytes(data[at : at + _FRAME_BYTES])  # its type comes first, and is 0
        start = at + _FRAME_BYTES
        if size >> _LENGTH_BITS or size < _FIRST_BYTES - _FRAME_BYTES or not data.startswith(SMB2, start):
            return 0
        end = start + size
        if end > len(data) or size > LONGEST_HEAD:
            first = data[start : at + _FIRST_BYTES]
            if len(first) < _FIRST_BYTES - _FRAME_BYTES:
                return 0
            end = start + _wanted(SMB2, first, size)
            if end > len(data):
                return 0
        rest = self._smb2.read(time_us, is_to_server, data[start:end], size)
        if rest is not None or end - start < size:
            side.begin(size - (end - start), rest)
        return end - at

    def _look(self, time_us: int, is_to_server: bool, side: _Side) -> None:
        """Decide from a head what else it takes, or read the message."""
        size = int.from_bytes(side.head[1:_FRAME_BYTES])
        if side.wanted == _FRAME_BYTES:
            self._look_at_frame(side, size)
            return
        head = bytes(side.head[_FRAME_BYTES:])
        name = head[:_NAME_BYTES]
        if name not in _NAMES:
            self._lose_track(side)
            return
        wanted = min(_FRAME_BYTES + size, _FIRST_BYTES)
        if len(side.head) >= wanted:
            wanted = _FRAME_BYTES + _wanted(name, head, size)
        if len(side.head) < wanted:
            side.wanted = wanted
            return
        rest = None
        if name == SMB1:
            rest = self._smb1.read(time_us, is_to_server, head, size)
        elif name == SMB2:
            rest = self._smb2.read(time_us, is_to_server, head, size)
        elif name == ENCRYPTED:
            self._smb2.read_encrypted(time_us, head)
        else:
            self._facts.losses["compressed SMB"] += 1
        side.begin(size - len(head), rest)

    def _look_at_frame(self, side: _Side, size: int) -> None:
        kind = side.head[0]
        if kind in _OTHER_TYPES:
            side.begin(size)
        elif kind == _MESSAGE and size >= _NAME_BYTES:
            side.wanted = _NAMED_BYTES
        else:
            self._lose_track(side)

    def _lose_track(self, side: _Side) -> None:
        self._facts.losses["bytes between SMB messages that are none"] += 1
        side.is_lost = True


def _wanted(name: bytes, head: bytes, size: int) -> int:
    """How much of a message is looked at."""
    if name == SMB2:
        size = head_bytes(head, size)
    elif name != SMB1:
        size = min(size, _ENCRYPTED_BYTES)
    return min(size, LONGEST_HEAD)


def _find_message(side: _Side, data: bytes, at: int) -> int:
    """Look for a message's start from there on, and in the few bytes kept from before; return how far that was read."""
    kept = bytes(side.head)
    found = _NEXT_MESSAGE.search(kept + data[at : at + _NAMED_BYTES - 1])
    if found is not None and found.start() < len(kept):
        side.begin()
        side.head += kept[found.start() :]
        side.is_lost = False
        return at
    found = _NEXT_MESSAGE.search(data, at)
    if found is None:
        side.head[:] = (kept + data[max(at, len(data) - _NAMED_BYTES) :])[1 - _NAMED_BYTES :]
        return len(data)
    side.begin()
    side.is_lost = False
    return found.start()

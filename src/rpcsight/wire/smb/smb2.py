"""SMB 2 and 3 ([MS-SMB2] section 2.2): who set up a session, which shares and pipes it opened, what went through them."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rpcsight.wire.rpc.pdu import HEADER_BYTES
from rpcsight.wire.smb.ntlmssp import LONGEST_NAME, user_in
from rpcsight.wire.smb.opens import BROKEN, FORGOTTEN, REQUEST_BYTES, UNASKED, OpenFile, Opens, Rest, Tree, keep

__all__ = ["Smb2", "head_bytes"]

_HEADER = struct.Struct("<4xHxxIHxxIIQ4xIQ16x")
"""StructureSize, Status, Command, Flags, NextCommand, MessageId, TreeId, SessionId (section 2.2.1.2)."""
_TRANSFORM = struct.Struct("<44xQ")
"""SessionId (section 2.2.41)."""
_IS_RESPONSE, _IS_RELATED = 1, 4


class _Command:
    """Those that are read: plain numbers, as an enumeration's members take longer to look up than a message to unpack."""

    SESSION_SETUP = 1
    TREE_CONNECT = 3
    CREATE = 5
    CLOSE = 6
    READ = 8
    WRITE = 9
    IOCTL = 11


_REQUESTS: dict[int, struct.Struct] = {
    _Command.SESSION_SETUP: struct.Struct("<12xHH8x"),  # SecurityBufferOffset, SecurityBufferLength
    _Command.TREE_CONNECT: struct.Struct("<4xHH"),  # PathOffset, PathLength
    _Command.CREATE: struct.Struct("<44xHH8x"),  # NameOffset, NameLength
    _Command.CLOSE: struct.Struct("<8x16s"),  # FileId
    _Command.READ: struct.Struct("<16x16s16x"),  # FileId
    _Command.WRITE: struct.Struct("<2xHI8x16s16x"),  # DataOffset, Length, FileId
    _Command.IOCTL: struct.Struct("<4xI16sII24x"),  # CtlCode, FileId, InputOffset, InputCount
}
_ANSWERS: dict[int, struct.Struct] = {
    _Command.TREE_CONNECT: struct.Struct("<2xB13x"),  # ShareType
    _Command.CREATE: struct.Struct("<64x16s8x"),  # FileId
    _Command.READ: struct.Struct("<2xBxI8x"),  # DataOffset, DataLength
    _Command.IOCTL: struct.Struct("<4xI16s8xII8x"),  # CtlCode, FileId, OutputOffset, OutputCount
}
_NOTHING = struct.Struct("")
_DATA_AT = {(False, _Command.WRITE): struct.Struct("<2xH"), (True, _Command.READ): struct.Struct("<2xB")}
"""Where the data of a message stands that may be long: any other is read as a whole."""
_SUCCESSES = 0x40000000  # NTSTATUS below are successes ([MS-ERREF] section 2.3)
_PENDING, _LOGON_GOES_ON, _MORE_DATA = 0x103, 0xC0000016, 0x80000005
_SAME_FILE = b"\xff" * 16
_TRANSCEIVE = 0x0011C017  # FSCTL_PIPE_TRANSCEIVE
_SHARE_TYPE_PIPE = 2

END_OF_CHAIN = "end of a long chain of SMB messages"
MOST_REQUESTS = 1024
"""Unanswered requests on one connection: each costs a credit, and servers grant a client some hundreds."""


@dataclass(slots=True, eq=False)
class _Request:
    """One that waits for its answer; `text` is the user of a session setup, the share of a tree connect."""

    command: int
    time_us: int
    session: int
    text: str = ""
    file: OpenFile | None = None


@dataclass(slots=True)
class _Message:
    """One of a chain; `part` is as much as is at hand from its header on, `size` its full length, `file` the chain's so far."""

    time_us: int
    is_to_server: bool
    status: int
    command: int
    number: int
    tree: int
    session: int
    part: bytes
    size: int
    file: OpenFile | None = None

    def cut(self, start: int, size: int) -> bytes:
        return self.part[start : start + size]

    def text(self, start: int, size: int) -> str:
        return self.cut(start, min(size, LONGEST_NAME)).decode("utf-16-le", "replace")


def head_bytes(start: bytes, size: int) -> int:
    """How much of a message of `size` bytes has to be at hand to read it: up to the header of a PDU where a file's data begins, else all.

    Args:
        start: its first bytes, 68 at least unless it is shorter.
        size: its length.
    """
    if size < _HEADER.size + 4:
        return size
    _, _, command, flags, chained, *_ = _HEADER.unpack_from(start)
    field = _DATA_AT.get((bool(flags & _IS_RESPONSE), command))
    if chained or field is None:
        return size
    (data_at,) = field.unpack_from(start, _HEADER.size)
    shortest = _HEADER.size + _REQUESTS[_Command.WRITE].size
    return min(size, max(shortest, data_at) + HEADER_BYTES)


class Smb2:
    """The messages of one connection, both directions."""

    def __init__(self, opens: Opens) -> None:
        self._opens = opens
        self._requests: dict[int, _Request] = {}

    @property
    def held_bytes(self) -> int:
        """About how much memory the requests that wait for their answer take."""
        return sum(REQUEST_BYTES + len(request.text) for request in self._requests.values())

    def read_encrypted(self, time_us: int, head: bytes) -> None:
        """A message inside an encryption transform."""
        if len(head) < _TRANSFORM.size:
            self._opens.lose(BROKEN)
        else:
            self._opens.encrypt(time_us, *_TRANSFORM.unpack_from(head))

    def read(self, time_us: int, is_to_server: bool, head: bytes, size: int) -> Rest | None:
        """Read a chain of messages, `size` bytes long, of which `head` is at hand; return whose data comes after it."""
        start = 0
        last: _Message | None = None
        while True:
            if start + _HEADER.size > len(head):
                self._opens.lose(BROKEN if start + _HEADER.size > size else END_OF_CHAIN)
                return None
            length, status, command, flags, chained, number, tree, session = _HEADER.unpack_from(head, start)
            end = start + chained if chained else size
            if length != _HEADER.size or end > size or 0 < chained < length:
                self._opens.lose(BROKEN)
                return None
            if not chained and command not in _REQUESTS:
                return None
            part = head[start:end] if start or chained else head
            message = _Message(time_us, is_to_server, status, command, number, tree, session, part, end - start)
            if last is not None and flags & _IS_RELATED:
                message.session, message.tree, message.file = last.session, last.tree, last.file
            rest = None
            if command in _REQUESTS:
                rest = self._answer(message) if flags & _IS_RESPONSE else self._request(message)
            if rest is not None and chained:
                self._opens.lose(END_OF_CHAIN)
            if rest is not None or not chained:
                return rest
            start, last = end, message

    def close(self) -> None:
        """The connection is over: write down what was sent to files before their opening was answered."""
        for request in self._requests.values():
            self._drop(request)
        self._requests.clear()

    def _request(self, message: _Message) -> Rest | None:
        request, rest = _Request(message.command, message.time_us, message.session), None
        fields = self._fields(_REQUESTS, message)
        if fields is None:
            return None
        tree = (message.session, message.tree)
        match message.command:
            case _Command.SESSION_SETUP:
                request.text = user_in(message.cut(*fields)) or ""
            case _Command.TREE_CONNECT:
                request.text = message.text(*fields)
            case _Command.CREATE:
                request.file = self._opens.ask(message.time_us, message.session, tree, message.text(*fields))
            case _Command.CLOSE | _Command.READ:
                request.file = self._file(message, fields[0])
            case _Command.WRITE:
                data_at, size, file_id = fields
                request.file = self._file(message, file_id)
                rest = self._carry(message, request.file, data_at, size)
            case _:
                code, file_id, data_at, size = fields
                if code == _TRANSCEIVE:
                    request.file = self._file(message, file_id)
                    rest = self._carry(message, request.file, data_at, size)
        if (former := self._requests.pop(message.number, None)) is not None:
            self._drop(former)
        if (oldest := keep(self._requests, message.number, request, MOST_REQUESTS)) is not None:
            self._opens.lose(FORGOTTEN)
            self._drop(oldest)
        message.file = request.file or message.file
        return rest

    def _answer(self, message: _Message) -> Rest | None:
        if message.status == _PENDING:
            return None
        request = self._requests.get(message.number)
        if request is None or request.command != message.command:
            self._opens.lose(UNASKED)
            return None
        del self._requests[message.number]
        if message.status >= _SUCCESSES and message.status not in {_MORE_DATA, _LOGON_GOES_ON}:
            self._drop(request)
            return None
        fields = self._fields(_ANSWERS, message)
        if fields is None:
            self._drop(request)
            return None
        match message.command:
            case _Command.SESSION_SETUP if message.status == _LOGON_GOES_ON:
                self._opens.name_user(message.session, request.text)
            case _Command.SESSION_SETUP:
                self._opens.log_on(request.time_us, message.session, request.text)
            case _Command.TREE_CONNECT:
                tree = Tree(request.text, fields[0] == _SHARE_TYPE_PIPE)
                self._opens.connect(request.time_us, request.session, (request.session, message.tree), tree)
            case _Command.CREATE if request.file is not None:
                self._opens.open((request.session, int.from_bytes(fields[0], "little")), request.file)
            case _Command.CLOSE if request.file is not None:
                self._opens.shut(request.file)
            case _Command.READ | _Command.IOCTL if request.file is not None:
                return self._carry(message, request.file, *fields[-2:])
            case _:
                pass
        return None

    def _fields(self, layouts: Mapping[int, struct.Struct], message: _Message) -> tuple[Any, ...] | None:
        """The fields of a message's body, none where none are needed; None if it is too short."""
        layout = layouts.get(message.command, _NOTHING)
        if len(message.part) < _HEADER.size + layout.size:
            self._opens.lose(BROKEN)
            return None
        return layout.unpack_from(message.part, _HEADER.size)

    def _file(self, message: _Message, file_id: bytes) -> OpenFile | None:
        if file_id == _SAME_FILE:
            return message.file
        tree = (message.session, message.tree)
        return self._opens.find(message.session, tree, (message.session, int.from_bytes(file_id, "little")))

    def _carry(self, message: _Message, file: OpenFile | None, data_at: int, size: int) -> Rest | None:
        if file is None or data_at > len(message.part) or data_at + size > message.size:
            self._opens.lose(BROKEN)
            return None
        data = message.cut(data_at, size)
        is_write = message.command == _Command.WRITE
        return self._opens.carry(message.time_us, message.is_to_server, file, data, size, is_write=is_write)

    def _drop(self, request: _Request) -> None:
        if request.command == _Command.CREATE and request.file is not None:
            self._opens.drop(request.file)

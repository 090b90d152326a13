"""SMB 1 ([MS-CIFS] section 2.2, [MS-SMB] section 2.2): who set up a session, which shares and pipes it opened, what went through them.

A message holds one command, or a chain of those whose names end in AndX; each has words (its parameters) and bytes.
"""

import struct
from dataclasses import dataclass

from rpcsight.wire.smb.ntlmssp import ANONYMOUS, LONGEST_NAME, user_in
from rpcsight.wire.smb.opens import BROKEN, FORGOTTEN, REQUEST_BYTES, UNASKED, OpenFile, Opens, Rest, Tree, keep

__all__ = ["Smb1"]


class _Command:
    """Those that are read ([MS-CIFS] section 2.2.2.1)."""

    CLOSE = 0x04
    TRANSACTION = 0x25
    TRANSACTION_SECONDARY = 0x26
    OPEN = 0x2D
    READ = 0x2E
    WRITE = 0x2F
    SESSION_SETUP = 0x73
    TREE_CONNECT = 0x75
    NT_CREATE = 0xA2


Key = tuple[int, int, int]  # PIDHigh, PIDLow and MID: what a request and its answer have in common

_HEADER = struct.Struct("<4xBIBHH8x2xHHHH")
"""Command, Status, Flags, Flags2, PIDHigh, TID, PIDLow, UID, MID (section 2.2.3.1)."""
_IS_REPLY, _IS_UNICODE = 0x80, 0x8000
_AND_X = struct.Struct("<BxH")
_WITH_AND_X = frozenset(
    {_Command.OPEN, _Command.READ, _Command.WRITE, _Command.SESSION_SETUP, _Command.TREE_CONNECT, _Command.NT_CREATE}
)
_OLD_DATA = frozenset({0x0A, 0x0B, 0x13, 0x14, 0x1A, 0x1D, 0x2C})  # READ, WRITE and their like that AndX replaced
_NO_MORE = 0xFF
_LOGON_GOES_ON = 0xC0000016  # STATUS_MORE_PROCESSING_REQUIRED
_TRANSACT_PIPE = 0x26  # TRANS_TRANSACT_NMPIPE (section 2.2.5.6)
_RAW_START = 0x0C  # WriteMode of a raw write that begins a message: its length comes first (section 2.2.4.43.1)

_REQUESTS: dict[int, struct.Struct] = {
    _Command.CLOSE: struct.Struct("<H"),  # FID
    _Command.TRANSACTION: struct.Struct("<22xHH2x"),  # DataCount, DataOffset
    _Command.OPEN: struct.Struct("<30x"),
    _Command.READ: struct.Struct("<4xH"),  # FID
    _Command.WRITE: struct.Struct("<4xH8xH2xHHH"),  # FID, WriteMode, DataLengthHigh, DataLength, DataOffset
    _Command.SESSION_SETUP: struct.Struct("<14xH"),  # SecurityBlobLength or PasswordLength
    _Command.TREE_CONNECT: struct.Struct("<6xH"),  # PasswordLength
    _Command.NT_CREATE: struct.Struct("<5xH41x"),  # NameLength
}
_ANSWERS: dict[int, struct.Struct] = {
    _Command.TRANSACTION: struct.Struct("<2xH8xHHH"),  # TotalDataCount, DataCount, DataOffset, DataDisplacement
    _Command.OPEN: struct.Struct("<4xH"),  # FID
    _Command.READ: struct.Struct("<10xHHH"),  # DataLength, DataOffset, DataLengthHigh
    _Command.NT_CREATE: struct.Struct("<5xH"),  # FID
}
_SETUP = struct.Struct("<28xHH")  # of a TRANSACTION for a pipe: the function, the FID
_SECONDARY = struct.Struct("<10xHH2x")  # DataCount, DataOffset of a TRANSACTION_SECONDARY
_NOTHING = struct.Struct("")
_EXTENDED_SECURITY_WORDS, _PLAIN_WORDS = 24, 26
"""Bytes of words in a session setup with a blob ([MS-SMB] section 2.2.4.6.1), and with two passwords."""
_TWO_PASSWORDS = struct.Struct("<14xHH")

MOST_REQUESTS = 256  # unanswered ones on one connection: servers allow 50 ([MS-CIFS] MaxMpxCount)
LONGEST_CHAIN = 16  # commands in one message: real ones have two or three


@dataclass(slots=True, eq=False)
class _Request:
    """One that waits for its answer; `text` is the user of a session setup, the share of a tree connect."""

    command: int
    time_us: int
    text: str = ""
    file: OpenFile | None = None


@dataclass(slots=True)
class _Message:
    """One command of a message, with what its header says.

    Args:
        whole: the message as far as it is at hand; offsets count from its start.
        size: its full length.
        words: of this command.
        bytes_at: where its bytes begin.
    """

    time_us: int
    is_to_server: bool
    status: int
    is_unicode: bool
    tree: int
    session: int
    whole: bytes
    size: int
    command: int
    words: bytes
    bytes_at: int

    def texts(self, start: int, size: int = LONGEST_NAME, *, is_unicode: bool | None = None) -> list[str]:
        """NUL-ended texts from there on; 16-bit characters are aligned (section 2.2.1.1.2)."""
        is_wide = self.is_unicode if is_unicode is None else is_unicode
        start += start & is_wide
        raw = self.whole[start : start + min(size, LONGEST_NAME)]
        return raw.decode("utf-16-le" if is_wide else "ascii", "replace").split("\0")


class Smb1:
    """The messages of one connection, both directions."""

    def __init__(self, opens: Opens) -> None:
        self._opens = opens
        self._requests: dict[Key, list[_Request]] = {}

    @property
    def held_bytes(self) -> int:
        """About how much memory the requests that wait for their answer take."""
        return sum(REQUEST_BYTES + len(one.text) for requests in self._requests.values() for one in requests)

    def read(self, time_us: int, is_to_server: bool, head: bytes, size: int) -> Rest | None:
        """Read a message, `size` bytes long, of which `head` is at hand; return whose data comes after it."""
        if len(head) < _HEADER.size:
            self._opens.lose(BROKEN)
            return None
        command, status, flags, flags2, high, tree, low, session, number = _HEADER.unpack_from(head)
        is_unicode, key, rest = bool(flags2 & _IS_UNICODE), (high, low, number), None
        asked: list[_Request] = []
        at = _HEADER.size
        for _ in range(LONGEST_CHAIN):
            words_end = at + 1 + 2 * head[at] if at < len(head) else len(head)
            if words_end + 2 > len(head):
                self._opens.lose(BROKEN)
                break
            words = head[at + 1 : words_end]
            message = _Message(
                time_us, is_to_server, status, is_unicode, tree, session, head, size, command, words, words_end + 2
            )
            if flags & _IS_REPLY:
                rest = self._answer(message, key)
            elif command == _Command.TRANSACTION_SECONDARY:
                rest = self._continue(message, key)
            else:
                rest = self._request(message, asked)
            if rest is not None or command not in _WITH_AND_X or len(words) < _AND_X.size:
                break
            command, following = _AND_X.unpack_from(words)
            if command == _NO_MORE or following <= at:
                break
            at = following
        if asked:
            self._wait(key, asked)
        return rest

    def close(self) -> None:
        """The connection is over: write down what was sent to files before their opening was answered."""
        for requests in self._requests.values():
            self._drop(requests)
        self._requests.clear()

    def _request(self, message: _Message, asked: list[_Request]) -> Rest | None:
        layout = _REQUESTS.get(message.command)
        if layout is None:
            if message.command in _OLD_DATA:
                self._opens.lose("read or write of an old kind (SMB 1)")
            return None
        if len(message.words) < layout.size:
            self._opens.lose(BROKEN)
            return None
        request, rest = _Request(message.command, message.time_us), None
        fields = layout.unpack_from(message.words)
        match message.command:
            case _Command.SESSION_SETUP:
                request.text = _user(message)
            case _Command.TREE_CONNECT:
                request.text = message.texts(message.bytes_at + fields[0])[0]
            case _Command.NT_CREATE | _Command.OPEN:
                name = message.texts(message.bytes_at, *fields)[0]
                request.file = self._opens.ask(message.time_us, message.session, (message.tree,), name)
            case _Command.TRANSACTION:
                function, number = _setup(message)
                if function == _TRANSACT_PIPE:
                    request.file = self._file(message, number, asked)
                    rest = self._carry(message, request.file, fields[1], fields[0])
            case _Command.WRITE:
                number, mode, high, low, start = fields
                skipped = 2 if mode & _RAW_START == _RAW_START else 0
                request.file = self._file(message, number, asked)
                rest = self._carry(message, request.file, start + skipped, max((high << 16 | low) - skipped, 0))
            case _:
                request.file = self._file(message, fields[0], asked)
        asked.append(request)
        return rest

    def _continue(self, message: _Message, key: Key) -> Rest | None:
        """More data of a transaction."""
        begun = self._requests.get(key)
        if begun is None or len(message.words) < _SECONDARY.size:
            self._opens.lose(BROKEN)
        elif (file := begun[0].file) is not None:
            size, start = _SECONDARY.unpack_from(message.words)
            return self._carry(message, file, start, size)
        return None

    def _answer(self, message: _Message, key: Key) -> Rest | None:
        if message.command not in _REQUESTS or _is_interim(message):
            return None
        request = next((one for one in self._requests.get(key, []) if one.command == message.command), None)
        if request is None:
            self._opens.lose(UNASKED)
            return None
        fields = self._settle(message, key, request)
        return None if fields is None else self._take(message, request, fields)

    def _settle(self, message: _Message, key: Key, request: _Request) -> tuple[int, ...] | None:
        """Strike an answered request off the list, unless more answers follow; return the answer's fields, None of a failure."""
        layout, requests = _ANSWERS.get(message.command, _NOTHING), self._requests[key]
        has_failed = bool(message.status) and not message.words
        fields = None if has_failed or len(message.words) < layout.size else layout.unpack_from(message.words)
        if message.command != _Command.TRANSACTION or fields is None or fields[0] <= fields[1] + fields[3]:
            requests.remove(request)
        if not requests:
            del self._requests[key]
        if fields is None:
            self._drop([request])
            if not has_failed:
                self._opens.lose(BROKEN)
        return fields

    def _take(self, message: _Message, request: _Request, fields: tuple[int, ...]) -> Rest | None:
        """What the answer to a request gives."""
        match message.command:
            case _Command.SESSION_SETUP if message.status == _LOGON_GOES_ON:
                self._opens.name_user(message.session, request.text)
            case _Command.SESSION_SETUP:
                self._opens.log_on(request.time_us, message.session, request.text)
            case _Command.TREE_CONNECT:
                tree = Tree(request.text, message.texts(message.bytes_at, is_unicode=False)[0] == "IPC")
                self._opens.connect(request.time_us, message.session, (message.tree,), tree)
            case _Command.CLOSE if request.file is not None:
                self._opens.shut(request.file)
            case _Command.NT_CREATE | _Command.OPEN if request.file is not None:
                self._opens.open((fields[0],), request.file)
            case _Command.READ if request.file is not None:
                return self._carry(message, request.file, fields[1], fields[2] << 16 | fields[0])
            case _Command.TRANSACTION if request.file is not None:
                return self._carry(message, request.file, fields[2], fields[1])
            case _:
                pass
        return None

    def _wait(self, key: Key, asked: list[_Request]) -> None:
        if (former := self._requests.pop(key, None)) is not None:
            self._drop(former)
        if (oldest := keep(self._requests, key, asked, MOST_REQUESTS)) is not None:
            self._opens.lose(FORGOTTEN)
            self._drop(oldest)

    def _file(self, message: _Message, number: int, asked: list[_Request]) -> OpenFile:
        """The file a request names; in a chain that opens one, that one."""
        opened = next((request.file for request in asked if request.file is not None), None)
        return opened or self._opens.find(message.session, (message.tree,), (number,))

    def _carry(self, message: _Message, file: OpenFile, start: int, size: int) -> Rest | None:
        if start > len(message.whole) or start + size > message.size:
            self._opens.lose(BROKEN)
            return None
        is_write = message.command == _Command.WRITE
        data = message.whole[start : start + size]
        return self._opens.carry(message.time_us, message.is_to_server, file, data, size, is_write=is_write)

    def _drop(self, requests: list[_Request]) -> None:
        for request in requests:
            if request.command in {_Command.NT_CREATE, _Command.OPEN} and request.file is not None:
                self._opens.drop(request.file)


def _is_interim(message: _Message) -> bool:
    """Whether an answer only asks for the rest of a transaction (section 2.2.4.33.2)."""
    return message.command == _Command.TRANSACTION and not message.words and not message.status


def _setup(message: _Message) -> tuple[int, int]:
    """The function and FID of a transaction for a pipe; zeros for any other (section 2.2.5)."""
    return _SETUP.unpack_from(message.words) if len(message.words) == _SETUP.size else (0, 0)


def _user(message: _Message) -> str:
    """Whom a session setup names: in its blob, or in plain text after its passwords."""
    (size,) = _REQUESTS[_Command.SESSION_SETUP].unpack_from(message.words)
    if len(message.words) == _EXTENDED_SECURITY_WORDS:
        return user_in(message.whole[message.bytes_at : message.bytes_at + size]) or ""
    if len(message.words) == _PLAIN_WORDS:
        size = sum(_TWO_PASSWORDS.unpack_from(message.words))
    account, domain, *_ = [*message.texts(message.bytes_at + size), "", ""]
    return "\\".join(part for part in (domain, account) if part) or ANONYMOUS

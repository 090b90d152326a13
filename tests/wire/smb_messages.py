"""SMB messages built field by field ([MS-SMB2] section 2.2, [MS-CIFS] section 2.2), and what a test's streams record."""

import struct
from dataclasses import dataclass, field

from rpcsight.wire import Facts, FileEvent
from rpcsight.wire.smb.connection import SmbConnection

SESSION, TREE, FILE = 0x0000_0400_0000_0011, 5, b"\x2e\0\0\0\x09\0\0\0\x01\0\0\0\x09\0\0\0"
SAME = b"\xff" * 16
PENDING, MORE_DATA, LOGON_GOES_ON, DENIED = 0x103, 0x80000005, 0xC0000016, 0xC0000022
TRANSCEIVE = 0x0011C017


def frame(message: bytes, kind: int = 0) -> bytes:
    return bytes([kind]) + len(message).to_bytes(3) + message


def wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def rpc(kind: int = 0, stub: bytes = b"", opnum: int = 15) -> bytes:
    """A DCE/RPC PDU, little-endian, as long as a bind is at least where it is one or its answer."""
    stub = stub.ljust(4 if kind in {11, 12, 14, 15} else 0, b"\0")
    body = struct.pack("<IHH", len(stub), 0, opnum) + stub
    return struct.pack("<4B4sHHI", 5, 0, kind, 3, b"\x10\0\0\0", 16 + len(body), 0, 1) + body


def ntlm(user: str, domain: str, *, is_wide: bool = True, kind: int = 3) -> bytes:
    """[MS-NLMP] section 2.2.1.3; of other kinds only the type differs."""
    texts = [wide(text) if is_wide else text.encode("ascii") for text in (domain, user, "HOST")]
    fields, at = struct.pack("<HHI", 0, 0, 64) * 2, 64
    for text in texts:
        fields += struct.pack("<HHI", len(text), len(text), at)
        at += len(text)
    return (
        b"NTLMSSP\0" + struct.pack("<I", kind) + fields + struct.pack("<HHII", 0, 0, at, int(is_wide)) + b"".join(texts)
    )


# SMB2


def smb2(
    command: int,
    body: bytes,
    *,
    number: int = 1,
    status: int = 0,
    flags: int = 0,
    session: int = SESSION,
    tree: int = TREE,
    chained: int = 0,
) -> bytes:
    head = struct.pack(
        "<4sHHIHHIIQIIQ16s", b"\xfeSMB", 64, 1, status, command, 1, flags, chained, number, 0, tree, session, b""
    )
    return head + body


def answer(
    command: int,
    body: bytes,
    *,
    number: int = 1,
    status: int = 0,
    flags: int = 1,
    session: int = SESSION,
    tree: int = TREE,
) -> bytes:
    return smb2(command, body, number=number, status=status, flags=flags, session=session, tree=tree)


def chain(*messages: bytes) -> bytes:
    """Messages with NextCommand set, each padded to 8 bytes."""
    padded = [message + bytes(-len(message) % 8) for message in messages[:-1]]
    return b"".join(m[:20] + len(m).to_bytes(4, "little") + m[24:] for m in padded) + messages[-1]


ERROR = struct.pack("<HBBIB", 9, 0, 0, 0, 0)


def session_setup(blob: bytes) -> bytes:
    return struct.pack("<HBBIIHHQ", 25, 0, 1, 0, 0, 88, len(blob), 0) + blob


SESSION_SET_UP = struct.pack("<HHHH", 9, 0, 72, 0)


def tree_connect(path: str) -> bytes:
    return struct.pack("<HHHH", 9, 0, 72, len(wide(path))) + wide(path)


def tree_connected(kind: int) -> bytes:
    return struct.pack("<HBBIII", 16, kind, 0, 0, 0, 0x1F01FF)


def create(name: str) -> bytes:
    fixed = struct.pack("<HBBIQQIIIIIHHII", 57, 0, 0, 2, 0, 0, 0x12019F, 0, 7, 1, 0, 120, len(wide(name)), 0, 0)
    return fixed + (wide(name) or b"\0")


def created(file_id: bytes = FILE) -> bytes:
    return struct.pack("<HBBI4QQQII16sII", 89, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x80, 0, file_id, 0, 0) + b"\0"


def close(file_id: bytes = FILE) -> bytes:
    return struct.pack("<HHI16s", 24, 0, 0, file_id)


CLOSED = struct.pack("<HHI4QQQI", 60, 0, 0, 0, 0, 0, 0, 0, 0, 0)


def write(data: bytes, file_id: bytes = FILE) -> bytes:
    return struct.pack("<HHIQ16sIIHHI", 49, 112, len(data), 0, file_id, 0, 0, 0, 0, 0) + data


def written(size: int) -> bytes:
    return struct.pack("<HHIIHH", 17, 0, size, 0, 0, 0) + b"\0"


def read(file_id: bytes = FILE, size: int = 1024) -> bytes:
    return struct.pack("<HBBIQ16sIIIHH", 49, 80, 0, size, 0, file_id, 0, 0, 0, 0, 0) + b"\0"


def was_read(data: bytes) -> bytes:
    return struct.pack("<HBBIII", 17, 80, 0, len(data), 0, 0) + data


def ioctl(data: bytes, file_id: bytes = FILE, code: int = TRANSCEIVE) -> bytes:
    return struct.pack("<HHI16sIIIIIIII", 57, 0, code, file_id, 120, len(data), 0, 0, 0, 1024, 1, 0) + data


def ioctl_done(data: bytes, file_id: bytes = FILE, code: int = TRANSCEIVE) -> bytes:
    return struct.pack("<HHI16sIIIIII", 49, 0, code, file_id, 112, 0, 112, len(data), 0, 0) + data


def encrypted(size: int = 100, session: int = SESSION) -> bytes:
    return struct.pack("<4s16s16sIHHQ", b"\xfdSMB", b"", b"", size, 0, 1, session) + bytes(size)


# SMB1


@dataclass
class Part:
    """A command of an SMB1 message: words and bytes; `and_x` where the next one may follow."""

    command: int
    words: bytes
    data: bytes = b""
    and_x: bool = True


def smb1(
    *parts: Part,
    is_reply: bool = False,
    status: int = 0,
    is_wide: bool = True,
    tree: int = 0,
    session: int = 100,
    number: int = 1,
) -> bytes:
    """A message; the byte count of long data is its low half, as Windows has it."""
    flags2 = 0x4800 | (0x8000 if is_wide else 0)
    message = struct.pack(
        "<4sBIBHHQHHHHH",
        b"\xffSMB",
        parts[0].command,
        status,
        0x80 if is_reply else 0,
        flags2,
        0,
        0,
        0,
        tree,
        7,
        session,
        number,
    )
    for part, following in zip(parts, (*parts[1:], None), strict=True):
        words = part.words
        if part.and_x and words:
            end = len(message) + 1 + 4 + len(words) + 2 + len(part.data)
            words = struct.pack("<BBH", following.command if following else 0xFF, 0, end if following else 0) + words
        message += bytes([len(words) // 2]) + words + struct.pack("<H", len(part.data) & 0xFFFF) + part.data
    return message


def padded(text: str, start: int) -> bytes:
    """UTF-16 text with its NUL, aligned, where a message's bytes begin at `start`."""
    return bytes(start & 1) + wide(text + "\0")


# Connections


@dataclass
class Recorder:
    """What a pipe was given."""

    pipe: str
    user: str
    sent: dict[bool, bytes] = field(default_factory=lambda: {True: b"", False: b""})
    gaps: list[bool] = field(default_factory=list)
    closed: int = 0
    held_bytes: int = 0

    def feed(self, _time_us: int, is_to_server: bool, data: bytes) -> None:
        assert not self.closed
        self.sent[is_to_server] += data

    def gap(self, is_to_server: bool) -> None:
        self.gaps.append(is_to_server)

    def close(self) -> None:
        self.closed += 1


@dataclass
class Told:
    """All a connection gave."""

    events: list[FileEvent]
    pipes: list[Recorder]
    losses: dict[str, int]


class Wire:
    """A connection under test: `Wire().ask(…).answer(…).end()`; the clock ticks once a message."""

    def __init__(self) -> None:
        self.facts, self.pipes, self.clock = Facts(), list[Recorder](), 0
        self.stream = SmbConnection(self.facts, self._associate)

    def _associate(self, pipe: str, user: str) -> Recorder:
        self.pipes.append(Recorder(pipe, user))
        return self.pipes[-1]

    def raw(self, is_to_server: bool, data: bytes) -> "Wire":
        self.clock += 1
        self.stream.feed(self.clock, is_to_server, data)
        return self

    def ask(self, message: bytes) -> "Wire":
        return self.raw(True, frame(message))

    def answer(self, message: bytes) -> "Wire":
        return self.raw(False, frame(message))

    def end(self) -> Told:
        self.stream.close()
        return Told(self.facts.events, self.pipes, dict(self.facts.losses))

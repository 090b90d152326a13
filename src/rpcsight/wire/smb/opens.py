"""What is open on one SMB connection, whichever the dialect: sessions, trees, files and named pipes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from rpcsight.wire import Facts, FileEvent, Stream
from rpcsight.wire.rpc.pdu import looks_like_pdu

__all__ = [
    "BROKEN",
    "CLOSED",
    "FORGOTTEN",
    "REQUEST_BYTES",
    "UNASKED",
    "Associate",
    "Key",
    "OpenFile",
    "Opens",
    "Rest",
    "Tree",
    "keep",
]

Key = tuple[int, ...]
"""A tree or an open file: its number, with whatever else a dialect needs to make that unique on a connection."""
Associate = Callable[[str, str], Stream]
"""Called with a pipe's name and its user: makes what reads the pipe's bytes."""

MOST_SESSIONS = 256  # one for each user of a client; terminal servers have hundreds
MOST_TREES = 1024  # shares, for each user
MOST_FILES = 1024  # a client at work holds some hundred files open
ENTRY_BYTES, REQUEST_BYTES, STREAM_BYTES = 250, 250, 1500
"""What an entry of these tables takes, an unanswered request, and a pipe's stream that holds nothing yet."""
BROKEN, FORGOTTEN, UNASKED = (
    "broken SMB message",
    "SMB request forgotten: too many unanswered",
    "SMB answer to an unseen request",
)
CLOSED = "data of a closed SMB file"
"""What either dialect may have to count."""

K = TypeVar("K")
V = TypeVar("V")


def keep(table: dict[K, V], key: K, value: V, most: int) -> V | None:
    """Enter a value into a table of at most `most` entries; return the oldest one where it had to go."""
    table.pop(key, None)
    table[key] = value
    return table.pop(next(iter(table))) if len(table) > most else None


class Tree(NamedTuple):
    """A connected share; `is_pipe` is None where its connection was not captured."""

    share: str
    is_pipe: bool | None


@dataclass(slots=True, eq=False)
class OpenFile:
    """A file or pipe somebody asked to open.

    Args:
        time_us: when it was asked for; None where that was not captured.
        user, share, name: as far as known.
        is_pipe: None: not known yet.
        stream: what reads the pipe.
        written_us: when it was written to first.
        written_bytes: what was sent to it.
    """

    time_us: int | None
    user: str
    share: str
    name: str
    is_pipe: bool | None
    stream: Stream | None = None
    written_us: int | None = None
    written_bytes: int = 0
    gaps: list[int] = field(default_factory=list[int])
    """By direction, how often bytes had been missing when its stream was given something last."""
    key: Key | None = None
    """Its number; None before the server gave it one."""
    is_over: bool = False


class Rest(NamedTuple):
    """What of a message comes after its head: `size` bytes of data for `file`."""

    file: OpenFile
    size: int


class Opens:
    """The tables of one connection, and the events they give."""

    def __init__(self, facts: Facts, associate: Associate) -> None:
        self._facts = facts
        self._associate = associate
        self._users: dict[int, str] = {}
        self._trees: dict[Key, Tree] = {}
        self._files: dict[Key, OpenFile] = {}
        self._encrypted: dict[int, None] = {}
        self._gaps = [0, 0]

    @property
    def held_bytes(self) -> int:
        """About how much memory the tables and what reads the pipes take."""
        streams = [file.stream for file in self._files.values() if file.stream is not None]
        held = sum(STREAM_BYTES + stream.held_bytes for stream in streams)
        return held + ENTRY_BYTES * (len(self._files) + len(self._trees) + len(self._users))

    def lose(self, reason: str) -> None:
        """Count something that could not be read."""
        self._facts.losses[reason] += 1

    def name_user(self, session: int, user: str) -> str:
        """Remember whom a session belongs to; a nameless step of its setup leaves it as it was. Return who it is."""
        user = user or self._users.get(session, "")
        if keep(self._users, session, user, MOST_SESSIONS) is not None:
            self.lose("SMB session forgotten: too many on one connection")
        return user

    def log_on(self, time_us: int, session: int, user: str) -> None:
        """A session was set up."""
        self._tell(time_us, "logon", self.name_user(session, user))

    def encrypt(self, time_us: int, session: int) -> None:
        """A session sent an encrypted message; impacket's last one names session 0, which is none."""
        self.lose("encrypted SMB")
        if session and session not in self._encrypted:
            keep(self._encrypted, session, None, MOST_SESSIONS)
            self._tell(time_us, "encrypted", self._users.get(session, ""))

    def connect(self, time_us: int, session: int, key: Key, tree: Tree) -> None:
        """A tree was connected."""
        if keep(self._trees, key, tree, MOST_TREES) is not None:
            self.lose("SMB tree forgotten: too many on one connection")
        self._tell(time_us, "share", self._users.get(session, ""), tree.share)

    def ask(self, time_us: int | None, session: int, tree_key: Key, name: str) -> OpenFile:
        """Somebody asks to open a file or pipe."""
        tree = self._trees.get(tree_key, Tree("", None))
        name = name.lstrip("\\")
        if tree.is_pipe is not False:
            name = _bare_pipe(name)
        return OpenFile(time_us, self._users.get(session, ""), tree.share, name, tree.is_pipe)

    def open(self, key: Key, file: OpenFile) -> None:
        """The server agreed to open it."""
        self._enter(key, file)
        if file.is_pipe and file.time_us is not None:
            self._tell(file.time_us, "pipe", file.user, file.share, file.name)

    def find(self, session: int, tree_key: Key, key: Key) -> OpenFile:
        """The open file of that number; a nameless one where its opening was not captured."""
        file = self._files.get(key)
        if file is None:
            file = self.ask(None, session, tree_key, "")
            self._enter(key, file)
        return file

    def carry(
        self, time_us: int, is_to_server: bool, file: OpenFile, data: bytes, size: int, *, is_write: bool
    ) -> Rest | None:
        """One message's data for a file: its first bytes, of `size` in all. Return what wants to have the others."""
        if not size:
            return None
        if file.is_over:
            self.lose(CLOSED)
            return None
        if file.is_pipe is None and looks_like_pdu(data):
            file.is_pipe = True
            if file.time_us is not None:
                self._tell(file.time_us, "pipe", file.user, file.share, file.name)
        if file.is_pipe:
            self.carry_on(time_us, is_to_server, file, data)
            return Rest(file, size - len(data)) if size > len(data) else None
        if file.is_pipe is None:
            self.lose("data of an SMB file whose share was not captured")
        elif is_write:
            file.written_us = time_us if file.written_us is None else file.written_us
            file.written_bytes += size
        return None

    def carry_on(self, time_us: int, is_to_server: bool, file: OpenFile, data: bytes) -> None:
        """More data for a pipe; nothing is done with it once that is closed."""
        if not file.is_over:
            if file.stream is None:
                file.stream, file.gaps = self._associate(file.name, file.user), self._gaps.copy()
            elif file.gaps[is_to_server] != self._gaps[is_to_server]:
                file.gaps[is_to_server] = self._gaps[is_to_server]
                file.stream.gap(is_to_server)
            file.stream.feed(time_us, is_to_server, data)

    def shut(self, file: OpenFile) -> None:
        """A file was closed."""
        if file.key is not None and self._files.get(file.key) is file:
            del self._files[file.key]
        self.drop(file)

    def gap(self, is_to_server: bool) -> None:
        """Bytes are missing: any pipe may have lost some of its own, and is told before it is given more."""
        self._gaps[is_to_server] += 1

    def close(self) -> None:
        """The connection is over."""
        for file in self._files.values():
            self.drop(file)
        self._files.clear()

    def drop(self, file: OpenFile) -> None:
        """Nothing more comes of a file: write down what it was given."""
        if file.is_over:
            return
        file.is_over = True
        if file.stream is not None:
            file.stream.close()
        if file.written_us is not None:
            self._tell(file.written_us, "write", file.user, file.share, file.name, file.written_bytes)

    def _enter(self, key: Key, file: OpenFile) -> None:
        if (former := self._files.get(key)) is not None:
            self.shut(former)
        file.key = key
        if (oldest := keep(self._files, key, file, MOST_FILES)) is not None:
            self.lose("SMB file forgotten: too many open on one connection")
            self.drop(oldest)

    def _tell(self, time_us: int, action: str, user: str, share: str = "", name: str = "", size: int = 0) -> None:
        self._facts.events.append(FileEvent(time_us, action, user, share, name, size))


def _bare_pipe(name: str) -> str:
    r"""`svcctl`, whether asked for as `svcctl` or `PIPE\svcctl`."""
    return name[5:].lstrip("\\") if name[:5].upper() == "PIPE\\" else name

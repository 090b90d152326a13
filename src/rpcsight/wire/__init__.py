"""Bytes on the wire: captures, packets, TCP streams, DCE/RPC, SMB, NetFlow and IPFIX. Pure functions of bytes, no I/O.

This file is what its modules and their callers agree on. Whoever sends the traffic writes what is read here: every length is checked,
every buffer is bounded, and what is broken ends in a count, never in an exception of Python's own.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Bind", "Call", "Datagrams", "Facts", "FileEvent", "Mapping", "Outlook", "Packets", "Stream"]


@dataclass(frozen=True, slots=True)
class Packets:
    """The TCP packets of one block of a capture, as columns of equal length.

    Args:
        time_us: when, in microseconds since 1970 UTC (int64).
        src_no, dest_no: addresses as numbers (uint64): an IPv4 address as it is, an IPv6 address as 2^32 plus its place in a table
            of addresses.
        src_port, dest_port: ports (uint16).
        seq, ack: TCP's numbers (uint32).
        flags: TCP's flags, FIN 1, SYN 2, RST 4, PSH 8, ACK 16 (uint8).
        payload_start: where the payload begins in the block (int64).
        payload_bytes: its length by the IP header (int32).
        captured_bytes: how much of it is in the block (int32).
    """

    time_us: "NDArray[np.int64]"
    src_no: "NDArray[np.uint64]"
    dest_no: "NDArray[np.uint64]"
    src_port: "NDArray[np.uint16]"
    dest_port: "NDArray[np.uint16]"
    seq: "NDArray[np.uint32]"
    ack: "NDArray[np.uint32]"
    flags: "NDArray[np.uint8]"
    payload_start: "NDArray[np.int64]"
    payload_bytes: "NDArray[np.int32]"
    captured_bytes: "NDArray[np.int32]"


@dataclass(frozen=True, slots=True)
class Datagrams:
    """The UDP datagrams of one block of a capture (or as a socket received them), as columns of equal length.

    Args:
        time_us: when, in microseconds since 1970 UTC (int64).
        src_no: the sender's address as a number, as in `Packets` (uint64).
        src_port, dest_port: ports (uint16).
        payload_start: where the payload begins in the block (int64).
        payload_bytes: its length in the block (int32).
    """

    time_us: "NDArray[np.int64]"
    src_no: "NDArray[np.uint64]"
    src_port: "NDArray[np.uint16]"
    dest_port: "NDArray[np.uint16]"
    payload_start: "NDArray[np.int64]"
    payload_bytes: "NDArray[np.int32]"


class Bind(NamedTuple):
    """One presentation context that a client asked for (bind or alter_context), with the server's answer.

    Args:
        time_us: when it was asked for.
        is_to_server: whether the asking side is the one that opened the connection (the callee may ask too).
        context_id: its number in this association.
        interface: the abstract syntax's UUID, lower case.
        version: its version, "major.minor".
        result: "accepted", "rejected", "negotiated" (bind-time features), "refused" (bind_nak), or "" (no answer seen).
        auth_type, auth_level: of the PDU's verifier, None without.
    """

    time_us: int
    is_to_server: bool
    context_id: int
    interface: str
    version: str
    result: str
    auth_type: int | None
    auth_level: int | None


class Call(NamedTuple):
    """One request.

    Args:
        time_us: when its first fragment was sent.
        is_to_server: whether the asking side is the one that opened the connection.
        call_id: its number in this association.
        context_id: the presentation context it names.
        interface: that context's interface; None where its bind was not captured.
        version: its version; None likewise.
        opnum: the operation's number.
        is_answered: whether a response or fault was seen.
        fault: the fault's status; None without.
        auth_type, auth_level: of the PDU's verifier, None without.
        request_bytes, response_bytes: stub data of all its fragments.
    """

    time_us: int
    is_to_server: bool
    call_id: int
    context_id: int
    interface: str | None
    version: str | None
    opnum: int
    is_answered: bool
    fault: int | None
    auth_type: int | None
    auth_level: int | None
    request_bytes: int
    response_bytes: int


class Mapping(NamedTuple):
    """An answer that names where an interface listens.

    Args:
        time_us: when the answer was complete.
        interface: UUID, lower case; None where the answer is for an object (DCOM).
        version: "major.minor"; None likewise.
        address: the host it names, as text; "" for the answering server itself (also where it names 0.0.0.0).
        port: the TCP port; None for other protocols.
        pipe: the named pipe; "" for other protocols.
        answer: "ept_map", "ept_lookup", "activation" (RemoteCreateInstance, RemoteGetClassObject, RemoteActivation) or "resolve_oxid".
    """

    time_us: int
    interface: str | None
    version: str | None
    address: str
    port: int | None
    pipe: str
    answer: str


class FileEvent(NamedTuple):
    r"""What SMB shows beside calls.

    Args:
        time_us: when.
        action: "logon" (user), "share" (tree connect), "pipe" (opened), "write" (first write to a file on a share; its bytes are
            counted up to the end of the capture or the close of the file), "encrypted" (an encrypted session, once).
        user: as the session setup shows it, `DOMAIN\user`; "" unknown.
        share: `\\host\share` as asked for; "" unknown.
        name: of the pipe or file within the share.
        size: bytes written, for "write".
    """

    time_us: int
    action: str
    user: str
    share: str
    name: str
    size: int


@dataclass(slots=True)
class Facts:
    """What the streams of one connection have shown so far; whoever drives them takes it away from time to time.

    Calls in SMB pipes stand in `calls` with their pipe: each list holds (pipe, user, fact), both "" on plain TCP.
    """

    binds: list[tuple[str, str, Bind]] = field(default_factory=list[tuple[str, str, Bind]])
    calls: list[tuple[str, str, Call]] = field(default_factory=list[tuple[str, str, Call]])
    mappings: list[tuple[str, str, Mapping]] = field(default_factory=list[tuple[str, str, Mapping]])
    events: list[FileEvent] = field(default_factory=list[FileEvent])
    losses: Counter[str] = field(default_factory=Counter[str])
    """What could not be read, by reason in words."""


@dataclass(slots=True, eq=False)
class Outlook:
    """What a protocol will do with one direction's next bytes: what it would pass over need not be given to it.

    Args:
        skip: how many bytes it passes over before anything else.
        is_seeking: whether it passes over every piece up to the next one that begins with the octet 5, as PDUs do, and gaps too.
    """

    skip: int = 0
    is_seeking: bool = False


class Stream(Protocol):
    """A protocol on one connection (or pipe): is given its bytes in order, and writes down what they show."""

    @property
    def held_bytes(self) -> int:
        """About how much memory is in use for what has not come to its end."""
        ...

    def feed(self, time_us: int, is_to_server: bool, data: bytes) -> None:
        """The next bytes of one direction. Never raises; broken input is counted in `Facts.losses`."""
        ...

    def gap(self, is_to_server: bool) -> None:
        """Bytes of this direction are missing (not captured): give up what was incomplete, go on at the next `feed`."""
        ...

    def close(self) -> None:
        """The connection is over: write down what waited for an answer."""
        ...

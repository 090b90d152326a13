"""Read a capture with tshark: its TCP connections, and the RPC interfaces bound on them.

tshark does the protocol work (it is the second opinion for rpcsight's own decoder), this
module only puts its lines together.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
BIND: Final = "dcerpc.pkt_type == 11"
PACKET_FIELDS: Final = (
    "tcp.stream",
    "frame.time_epoch",
    "ip.src",
    "tcp.srcport",
    "ip.dst",
    "tcp.dstport",
    "ip.len",
    "tcp.flags",
)
FLAG_SYN: Final = 0x02
FLAG_RST: Final = 0x04
FLAG_ACK: Final = 0x10


class Packet(NamedTuple):
    """What is used of one TCP packet."""

    stream: int
    time: datetime
    src: tuple[str, int]
    dest: tuple[str, int]
    ip_bytes: int
    flags: int


@dataclass(slots=True)
class Connection:
    """One TCP connection; `src` sent the first SYN. Bytes are those of the IP packets."""

    stream: int
    start: datetime
    end: datetime
    src: tuple[str, int]
    dest: tuple[str, int]
    out_bytes: int = 0
    in_bytes: int = 0
    out_packets: int = 0
    in_packets: int = 0
    is_answered: bool = False
    is_established: bool = False

    def add(self, packet: Packet) -> None:
        """Count *packet*; follow the three-way handshake."""
        self.end = max(self.end, packet.time)
        if packet.src == self.src:
            self.out_packets += 1
            self.out_bytes += packet.ip_bytes
            is_plain_ack = packet.flags & (FLAG_SYN | FLAG_RST | FLAG_ACK) == FLAG_ACK
            self.is_established |= self.is_answered and is_plain_ack
        else:
            self.in_packets += 1
            self.in_bytes += packet.ip_bytes
            self.is_answered |= packet.flags & (FLAG_SYN | FLAG_ACK) == FLAG_SYN | FLAG_ACK


def parse_time(epoch: str) -> datetime:
    """Turn seconds since 1970 as text into UTC, exact to the microsecond."""
    seconds, _, fraction = epoch.partition(".")
    return EPOCH + timedelta(seconds=int(seconds), microseconds=int(fraction[:6].ljust(6, "0")))


def format_time(time: datetime) -> str:
    """Give *time* as ISO 8601 with microseconds and Z."""
    return time.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def tshark(pcap: str, condition: str, fields: Sequence[str]) -> Iterator[list[str]]:
    """Yield the *fields* of every packet that meets *condition*; of a list, the first."""
    command = ["tshark", "-n", "-r", pcap, "-Y", condition, "-T", "fields", "-E", "occurrence=f"]
    for field in fields:
        command += ["-e", field]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield line.rstrip("\n").split("\t")
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def packets(pcap: str) -> Iterator[Packet]:
    """Yield the TCP packets of a capture."""
    for stream, time, src, sport, dest, dport, length, flags in tshark(pcap, "ip and tcp", PACKET_FIELDS):
        yield Packet(
            int(stream),
            parse_time(time),
            (src, int(sport)),
            (dest, int(dport)),
            int(length),
            int(flags, 16),
        )


def join_packets(stream_packets: Iterable[Packet]) -> list[Connection]:
    """Put packets together to connections, in order of their start.

    Connections whose first SYN is not in the capture are left out: who opened them
    cannot be known.
    """
    found: dict[int, Connection] = {}
    for packet in stream_packets:
        connection = found.get(packet.stream)
        if connection is None:
            if packet.flags & (FLAG_SYN | FLAG_ACK) != FLAG_SYN:
                continue
            connection = Connection(packet.stream, packet.time, packet.time, packet.src, packet.dest)
            found[packet.stream] = connection
        connection.add(packet)
    return sorted(found.values(), key=lambda item: (item.start, item.stream))


def connections(pcap: str) -> list[Connection]:
    """Give the TCP connections of a capture."""
    return join_packets(packets(pcap))


def bound_interfaces(pcap: str) -> dict[int, str]:
    """Give for each TCP stream the interface of its first bind."""
    found: dict[int, str] = {}
    for stream, uuid in tshark(pcap, BIND, ("tcp.stream", "dcerpc.cn_bind_to_uuid")):
        if stream:
            found.setdefault(int(stream), uuid.lower())
    return found

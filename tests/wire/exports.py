"""Export datagrams made field by field, for tests; shares nothing with the decoder. Layouts: Cisco's v5 format, RFC 3954, RFC 7011."""

import ipaddress
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rpcsight.wire import Datagrams
from rpcsight.wire.netflow.collector import Collector

NOW_S = 1_790_000_000
UPTIME_MS = 5_000_000
REVERSE = 29305
EXPORTER = int(ipaddress.ip_address("192.0.2.1"))
Field = tuple[int, int] | tuple[int, int, int]  # number, length, enterprise

ENDS: tuple[Field, ...] = ((8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (1, 4), (2, 4))
"""Two IPv4 ends, protocol, flags, octets, packets: `flow` gives their values."""


def number(value: int, length: int) -> bytes:
    return value.to_bytes(length, "big")


def address(text: str) -> int:
    return int(ipaddress.ip_address(text))


def flow(
    *times: int, src: str = "10.0.0.1", sport: int = 50000, dest: str = "10.0.0.2", dport: int = 135, proto: int = 6
) -> tuple[int, ...]:
    """The values of `ENDS`, then those given."""
    return (address(src), address(dest), sport, dport, proto, 0x1B, 600, 5, *times)


def record(fields: Sequence[Field], values: Sequence[int | bytes]) -> bytes:
    """One record: numbers in the field's length; bytes as they are, with their length in front in a field of variable length."""
    made = b""
    for each, value in zip(fields, values, strict=True):
        if each[1] == 65535:
            assert isinstance(value, bytes)
            made += number(len(value), 1) if len(value) < 255 else b"\xff" + number(len(value), 2)
            made += value
        else:
            made += value if isinstance(value, bytes) else number(value, each[1])
    return made


def specifiers(fields: Iterable[Field]) -> bytes:
    made = b""
    for each in fields:
        if len(each) == 3:
            made += number(0x8000 | each[0], 2) + number(each[1], 2) + number(each[2], 4)
        else:
            made += number(each[0], 2) + number(each[1], 2)
    return made


def section(name: int, *bodies: bytes, padding: int = 0) -> bytes:
    """A set."""
    body = b"".join(bodies) + bytes(padding)
    return number(name, 2) + number(len(body) + 4, 2) + body


def template(name: int, fields: Sequence[Field], version: int = 10) -> bytes:
    return section(2 if version == 10 else 0, number(name, 2), number(len(fields), 2), specifiers(fields))


def options_template(name: int, scopes: Sequence[Field], fields: Sequence[Field], version: int = 10) -> bytes:
    both = specifiers(scopes) + specifiers(fields)
    if version == 10:
        return section(3, number(name, 2), number(len(scopes) + len(fields), 2), number(len(scopes), 2), both)
    return section(1, number(name, 2), number(4 * len(scopes), 2), number(4 * len(fields), 2), both)


def data(name: int, fields: Sequence[Field], *rows: Sequence[int | bytes], padding: int = 0) -> bytes:
    return section(name, *(record(fields, row) for row in rows), padding=padding)


def v9(
    *sets: bytes, count: int = 30, uptime_ms: int = UPTIME_MS, now_s: int = NOW_S, seq: int = 0, domain: int = 0
) -> bytes:
    head = (
        number(9, 2) + number(count, 2) + number(uptime_ms, 4) + number(now_s, 4) + number(seq, 4) + number(domain, 4)
    )
    return head + b"".join(sets)


def ipfix(*sets: bytes, now_s: int = NOW_S, seq: int = 0, domain: int = 0) -> bytes:
    body = b"".join(sets)
    return number(10, 2) + number(16 + len(body), 2) + number(now_s, 4) + number(seq, 4) + number(domain, 4) + body


def v5_record(
    first: int,
    last: int,
    src: str = "10.0.0.1",
    sport: int = 50000,
    dest: str = "10.0.0.2",
    dport: int = 135,
    proto: int = 6,
) -> bytes:
    made = number(address(src), 4) + number(address(dest), 4) + bytes(4) + number(1, 2) + number(2, 2)
    made += number(5, 4) + number(600, 4) + number(first, 4) + number(last, 4) + number(sport, 2) + number(dport, 2)
    return made + bytes((0, 0x1B, proto, 0)) + bytes(8)


def v5(
    *records: bytes,
    uptime_ms: int = UPTIME_MS,
    now_s: int = NOW_S,
    now_ns: int = 0,
    seq: int = 0,
    engine: int = 0,
    sampling: int = 0,
) -> bytes:
    made = number(5, 2) + number(len(records), 2) + number(uptime_ms, 4) + number(now_s, 4) + number(now_ns, 4)
    return made + number(seq, 4) + number(engine, 2) + number(sampling, 2) + b"".join(records)


def columns(
    payloads: Sequence[bytes], exporters: Sequence[int] | int = EXPORTER, ports: Sequence[int] | int = 4000
) -> tuple[bytes, Datagrams]:
    """The payloads in one block, three bytes apart."""
    count = len(payloads)
    starts, block = [], b""
    for each in payloads:
        block += b"\xee\xee\xee"
        starts.append(len(block))
        block += each
    return block, Datagrams(
        time_us=np.full(count, NOW_S * 1_000_000, np.int64),
        src_no=np.broadcast_to(np.array(exporters, np.uint64), count),
        src_port=np.broadcast_to(np.array(ports, np.uint16), count),
        dest_port=np.full(count, 2055, np.uint16),
        payload_start=np.array(starts, np.int64),
        payload_bytes=np.array([len(each) for each in payloads], np.int32),
    )


@dataclass
class Read:
    """What a collector made of datagrams."""

    halves: list[dict[str, Any]]
    records: list[dict[str, Any]]
    is_export: list[bool]
    collector: Collector

    @property
    def losses(self) -> Counter[str]:
        return sum(self.collector.losses.values(), Counter())

    @property
    def notes(self) -> Counter[str]:
        return sum(self.collector.notes.values(), Counter())


def read(
    *payloads: bytes, exporters: Sequence[int] | int = EXPORTER, ports: Sequence[int] | int = 4000, blocks: int = 1
) -> Read:
    """Decode the payloads, in so many blocks."""
    collector = Collector()
    halves, records, is_export = [], [], []
    count = len(payloads)
    senders = np.broadcast_to(np.array(exporters), count).tolist()
    sender_ports = np.broadcast_to(np.array(ports), count).tolist()
    size = -(-count // blocks)
    for first in range(0, count, size):
        some = slice(first, first + size)
        is_export += collector.take(*columns(payloads[some], senders[some], sender_ports[some])).tolist()
        flows = collector.drain()
        halves += [row for batch in flows.halves for row in batch.to_pylist()]
        records += [row for batch in flows.records for row in batch.to_pylist()]
    collector.close()
    return Read(halves, records, is_export, collector)

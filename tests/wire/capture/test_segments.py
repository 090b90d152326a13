"""Connections from packets: the oracle's, whatever the blocks; and what a block's segments say."""

import itertools
from collections import Counter
from collections.abc import Sequence

import duckdb
import hypothesis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import strategies as st

from rpcsight.analytics import step
from rpcsight.readers._packets import ADDRESS, Connections, rows_of
from rpcsight.wire.capture import segments as module
from rpcsight.wire.capture.addresses import Addresses
from tests.oracles.capture import ACK, FIN, RST, SYN, Packet, Row, connections
from tests.wire.build import ethernet, ipv4, ipv6, pcap, tcp

HOSTS = ("10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2")
FLAGS = (SYN, SYN, SYN | ACK, ACK, ACK, ACK | FIN, RST, RST | ACK, SYN | FIN, 0)
TABLES = {**Connections.tables, "address": ADDRESS}
DATABASE = duckdb.connect()
for name, columns in TABLES.items():
    DATABASE.execute(f"create table {name} ({', '.join(f'{column} {kind}' for column, kind in columns.items())})")


def content(packets: Sequence[Packet]) -> bytes:
    frames: list[tuple[int, bytes]] = []
    for each in packets:
        body = tcp(each.src[1], each.dest[1], each.flags, each.seq, 5, bytes(each.size))
        write = ipv6 if ":" in each.src[0] else ipv4
        frames.append((each.time_us, ethernet(write(body, each.src[0], each.dest[0]))))
    return pcap(frames)


def found(data: bytes, block_bytes: int = 1 << 20) -> list[Row]:
    """The rows of `steps/tcp.sql`."""
    pieces = (data[at : at + block_bytes] for at in range(0, len(data), block_bytes))
    with duckdb.connect() as database:
        for name, columns in TABLES.items():
            database.execute(
                f"create table {name} ({', '.join(f'{column} {kind}' for column, kind in columns.items())})"
            )
        for name, rows in rows_of(pieces, Addresses(), [Connections()], Counter(), block_bytes):
            database.from_arrow(pa.Table.from_batches([rows])).insert_into(name)
        return database.sql(step("tcp")).to_arrow_table().to_pylist()


def in_order(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: [str(value) for value in row.values()])


@st.composite
def packet_lists(draw: st.DrawFn) -> list[Packet]:
    """Few ends and numbers, so that connections meet, repeat and begin anew; times nearly in order."""
    port = st.sampled_from((135, 49152, 50000))
    several: list[Packet] = []
    now = 1_700_000_000_000_000
    for _ in range(draw(st.integers(0, 40))):
        family = draw(st.sampled_from((0, 2)))
        turn = draw(st.sampled_from((0, 1)))
        src = (HOSTS[family + turn], draw(port))
        dest = (HOSTS[family + 1 - turn], draw(port))
        flags, seq = draw(st.sampled_from(FLAGS)), draw(st.sampled_from((0, 1, 2, 2**32 - 1)))
        now += draw(st.integers(-5, 50))
        several.append(Packet(now, src, dest, flags, seq, draw(st.sampled_from((0, 0, 3)))))
    return several


@hypothesis.settings(max_examples=60, deadline=None)
@hypothesis.given(packets=packet_lists(), block_bytes=st.sampled_from((1, 70, 200, 700, 1 << 20)))
def test_connections_are_the_oracles(packets: list[Packet], block_bytes: int) -> None:
    assert in_order(found(content(packets), block_bytes)) == in_order(connections(packets))


A, B = ("10.0.0.1", 50000), ("10.0.0.2", 135)
CASES = {
    "copies of a SYN": ([(A, SYN, 1), (A, SYN, 1)], 1),
    "another number": ([(A, SYN, 1), (A, SYN, 2)], 2),
    "after a reset": ([(A, SYN, 1), (B, RST | ACK, 0), (A, SYN, 1)], 2),
    "after both are done": ([(A, SYN, 1), (B, SYN | ACK, 9), (A, ACK | FIN, 2), (B, ACK | FIN, 10), (A, SYN, 5)], 2),
    "an answer": ([(A, SYN, 1), (B, SYN | ACK, 9), (A, ACK, 2)], 1),
    "both ask at once": ([(A, SYN, 1), (B, SYN, 9)], 1),
    "the other side asks later": ([(A, SYN, 1), (B, SYN | ACK, 9), (B, SYN, 20)], 2),
    "packets out of order": ([(A, ACK, 2), (A, SYN, 1)], 1),
    "the end of another": ([(A, ACK, 500), (A, SYN, 1)], 2),
    "late packets": ([(A, SYN, 1), (A, SYN, 7), (A, ACK, 2)], 2),
}


@pytest.mark.parametrize("block_bytes", [1, 120, 1 << 20])
@pytest.mark.parametrize(("sent", "count"), CASES.values(), ids=CASES)
def test_what_begins_a_connection(sent: list[tuple[tuple[str, int], int, int]], count: int, block_bytes: int) -> None:
    packets = [Packet(at, src, B if src == A else A, flags, seq, 0) for at, (src, flags, seq) in enumerate(sent)]
    rows = found(content(packets), block_bytes)
    assert len(rows) == count
    assert in_order(rows) == in_order(connections(packets))


def test_pairs_of_one_mix_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    packets = [
        Packet(at, (HOSTS[0], 50000 + port), B, flags, 1, 0)
        for at, (flags, port) in enumerate(itertools.product((SYN, ACK), range(5)))
    ]
    for name in ("MIX_LOW", "MIX_HIGH"):
        monkeypatch.setattr(module, name, np.uint64(0))
    assert in_order(found(content(packets))) == in_order(connections(packets))

"""Damaged captures: every packet ends in a row or in a count, nothing raises, numbers stay within their bounds."""

import random
import warnings
from collections import Counter

import pytest

from rpcsight.readers._packets import Connections, rows_of
from rpcsight.wire.capture.addresses import Addresses
from rpcsight.wire.capture.files import frames
from rpcsight.wire.capture.packets import decode
from tests.contracts.samples import FLOWS, packets
from tests.wire.build import Timed, ethernet, ipv4, ipv6, pcap, pcapng, tcp

FRAMES: list[Timed] = [
    *packets(FLOWS),
    (1, ethernet(ipv4(tcp(1, 2, 2, options=bytes(20)), options=bytes(8)), tags=[0x8100, 0x88A8])),
    (2, ethernet(ipv6(tcp(1, 2, 2), extensions=[(0, b"\1" + bytes(14)), (44, bytes(7)), (51, b"\2" + bytes(14))]))),
]


def damaged(seed: int) -> bytes:
    """A capture with one to thirty bytes changed."""
    noise = random.Random(seed)
    content = bytearray(noise.choice((pcap, pcapng))(FRAMES, noise.choice((0, 1, 1, 1, 101, 113, 276))))
    for _ in range(noise.randrange(1, 30)):
        content[noise.randrange(24, len(content))] = noise.randrange(256)
    return bytes(content)


@pytest.mark.parametrize("seed", range(300))
def test_packets_end_in_rows_or_counts(seed: int) -> None:
    losses: Counter[str] = Counter()
    found: Counter[str] = Counter()
    read = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for block in frames([damaged(seed)], found):
            packets_seen, datagrams = decode(block, Addresses(), losses)
            read += len(block) - len(packets_seen.seq) - len(datagrams.src_no)
            end = len(block.data)
            assert (packets_seen.captured_bytes <= packets_seen.payload_bytes).all()
            for columns, captured in (
                (packets_seen, packets_seen.captured_bytes),
                (datagrams, datagrams.payload_bytes),
            ):
                assert (captured >= 0).all()
                assert (columns.payload_start[captured > 0] >= 0).all()
                assert (columns.payload_start + captured <= end)[captured > 0].all()
    assert read == sum(losses.values())


@pytest.mark.parametrize("seed", range(0, 300, 7))
def test_rows_do_not_depend_on_blocks(seed: int) -> None:
    content = damaged(seed)
    results: list[tuple[int, Counter[str]]] = []
    for block_bytes in (1, 1 << 22):
        losses: Counter[str] = Counter()
        pieces = (content[at : at + 100] for at in range(0, len(content), 100))
        rows = [
            rows
            for name, rows in rows_of(pieces, Addresses(), [Connections()], losses, block_bytes)
            if name == "segment"
        ]
        total = sum(sum(each["up_packets"].to_pylist()) + sum(each["down_packets"].to_pylist()) for each in rows)
        results.append((total, +losses))
    assert results[0] == results[1]

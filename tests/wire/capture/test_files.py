"""What is no capture, or a damaged one, ends in counts."""

import random

import pytest

from tests.wire.build import pcap, pcapng
from tests.wire.capture.test_pcap import TIMED, read


@pytest.mark.parametrize("content", [b"", b"\xd4", bytes(100)])
def test_no_capture(content: bytes) -> None:
    assert read(content) == ([], {"neither a pcap nor a pcapng capture": 1})


@pytest.mark.parametrize("write", [pcap, pcapng])
@pytest.mark.parametrize("seed", range(30))
def test_damage_ends_in_counts(write: object, seed: int) -> None:
    """Bytes changed anywhere; and the same whatever the blocks."""
    noise = random.Random(seed)
    content = bytearray((pcap if write is pcap else pcapng)(TIMED * 10))
    for _ in range(seed):
        content[noise.randrange(4, len(content))] = noise.randrange(256)
    whole = read(bytes(content))
    assert read(bytes(content), 7, 100) == whole


@pytest.mark.parametrize("write", [pcap, pcapng])
@pytest.mark.parametrize("seed", range(5))
def test_noise_behind_a_header(write: object, seed: int) -> None:
    content = (pcap if write is pcap else pcapng)(TIMED) + random.Random(seed).randbytes(100_000)
    rows, losses = read(content)
    assert len(rows) >= len(TIMED)
    assert sum(losses.values()) >= 1

"""Which files are captures; noise ends in counts."""

import random

import pytest

from rpcsight.wire.capture import is_capture
from tests.wire.build import pcap, pcapng
from tests.wire.test_pcap import TIMED, read


def test_captures_are_known_by_their_first_bytes() -> None:
    for order in "<>":
        for magic in (0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34):
            assert is_capture(pcap([], order=order, magic=magic))
        assert is_capture(pcapng([], order=order))
    assert not any(map(is_capture, (b"", b"\n\r\r", b"PAR1" + bytes(40), b"\x0a\x0d\x0d\x0b")))


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

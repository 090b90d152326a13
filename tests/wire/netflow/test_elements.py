"""Which fields are of use, and at which lengths."""

import pytest

from rpcsight.wire.netflow.elements import ENDS, STARTS, known


@pytest.mark.parametrize(
    ("enterprise", "number", "length", "key"),
    [
        (0, 8, 4, "src_ipv4"),
        (0, 8, 3, None),
        (0, 27, 16, "src_ipv6"),
        (0, 1, 3, "octets"),
        (0, 1, 9, None),
        (0, 1, 65535, None),
        (0, 7, 1, "src_port"),
        (0, 182, 2, "src_port"),
        (0, 152, 8, "start_ms"),
        (0, 152, 6, None),
        (0, 999, 4, None),
        (29305, 2, 8, "reverse_packets"),
        (29305, 8, 4, None),
        (6871, 14, 1, "first_flags"),
        (9, 8, 4, None),
    ],
)
def test_known(enterprise: int, number: int, length: int, key: str | None) -> None:
    found = known(enterprise, number, length)
    assert (found.key if found else None) == key


def test_ends_match_starts() -> None:
    pairs = ((150, 151), (152, 153), (154, 155), (156, 157), (158, 159), (22, 21))
    keys = [[(found := known(0, number, 8)) and found.key for number in pair] for pair in pairs]
    assert sorted(keys) == sorted([start.key, end.key] for start, end in zip(STARTS, ENDS, strict=True))

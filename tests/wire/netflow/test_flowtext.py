"""Texts: equal to what Python's ipaddress writes, and nfdump's letters."""

from ipaddress import IPv4Address, IPv6Address

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcsight.wire.netflow.flowtext import chosen, either, flag_texts, ipv4_texts, ipv6_texts


@given(st.lists(st.integers(0, 2**32 - 1)))
def test_ipv4(numbers: list[int]) -> None:
    assert ipv4_texts(np.array(numbers, np.uint32)).to_pylist() == [str(IPv4Address(number)) for number in numbers]


@given(
    st.lists(st.one_of(st.integers(0, 2**128 - 1), st.sampled_from([0, 1, 0xFFFF_0A00_0001, 0xFE80 << 112, 1 << 127])))
)
def test_ipv6(numbers: list[int]) -> None:
    packed = np.frombuffer(b"".join(number.to_bytes(16, "big") for number in numbers), "V16")
    assert ipv6_texts(packed).to_pylist() == [str(IPv6Address(number)) for number in numbers]


@pytest.mark.parametrize(("flags", "text"), [(0, None), (2, "S"), (0x1B, "APSF"), (255, "CEUAPRSF"), (0x14, "AR")])
def test_flags(flags: int, text: str | None) -> None:
    assert flag_texts(np.array([flags], np.uint8)).to_pylist() == [text]


def test_chosen_and_either() -> None:
    texts = chosen((None, "a", "b"), np.array([2, 0, 1], np.uint8))
    assert texts.to_pylist() == ["b", None, "a"]
    assert either(np.array([True, False, True]), texts, texts.take([0, 0, 0])).to_pylist() == ["b", "b", "a"]

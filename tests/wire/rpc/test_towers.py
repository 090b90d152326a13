"""Answers of the endpoint mapper: NDR and NDR64, both byte orders, cut at every byte, noise."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcsight.wire import Mapping
from rpcsight.wire.rpc import towers
from tests.wire import pdus

TOWERS = [
    pdus.tcp_tower(pdus.SVCCTL, "2.0", 49726, "172.18.39.6"),
    pdus.tcp_tower(pdus.SAMR, "1.3", 1025),
    pdus.pipe_tower(pdus.SAMR, "1.0", "\\PIPE\\samr", "\\\\DC1"),
    pdus.tower(pdus.SAMR, "1.0", pdus.floor(b"\x08", b"\x00\x87"), pdus.floor(b"\x09", bytes(4))),  # UDP
]


def expected(answer: str) -> list[Mapping]:
    return [
        Mapping(9, pdus.SVCCTL, "2.0", "172.18.39.6", 49726, "", answer),
        Mapping(9, pdus.SAMR, "1.3", "", 1025, "", answer),
        Mapping(9, pdus.SAMR, "1.0", "\\\\DC1", None, "\\PIPE\\samr", answer),
    ]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("wide", [4, 8])
@pytest.mark.parametrize(("answer", "annotation"), [("ept_map", None), ("ept_lookup", b"text\0"), ("ept_lookup", b"")])
def test_answer(order: str, wide: int, answer: str, annotation: bytes | None) -> None:
    stub = pdus.mapper_answer(TOWERS, order, wide, annotation)
    assert towers.read_answer(stub, answer, 9, order == "<", wide == 8) == (expected(answer), True)
    for cut in range(len(stub) - 4):
        found, is_whole = towers.read_answer(stub[:cut], answer, 9, order == "<", wide == 8)
        assert found == expected(answer)[: len(found)]
        assert not is_whole or cut >= len(stub) - 8


def test_nothing_registered() -> None:
    assert towers.read_answer(pdus.mapper_answer([]), "ept_map", 9) == ([], True)


def test_a_tower_that_is_not_there() -> None:
    stub = bytearray(pdus.mapper_answer(TOWERS[:1]))
    stub[36:40] = bytes(4)
    assert towers.read_answer(bytes(stub), "ept_map", 9) == ([], True)


def test_hostile_counts_end_at_once() -> None:
    for stub in (
        bytes(24) + struct.pack("<3I", 2**32 - 1, 0, 2**32 - 1) + bytes(40_000),
        bytes(24) + struct.pack("<3I", 1, 0, 1) + struct.pack("<3I", 1, 2**32 - 1, 2**32 - 1),
    ):
        found, is_whole = towers.read_answer(stub, "ept_map", 9)
        assert (found, is_whole) == ([], False)


@given(st.binary(max_size=300), st.sampled_from(["ept_map", "ept_lookup"]), st.booleans(), st.booleans())
def test_noise_is_no_error(stub: bytes, answer: str, is_little: bool, is_ndr64: bool) -> None:
    towers.read_answer(stub, answer, 9, is_little, is_ndr64)


@given(st.data())
def test_a_broken_tower_is_no_error(data: st.DataObject) -> None:
    octets = bytearray(data.draw(st.sampled_from(TOWERS)))
    octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    towers.read_tower(bytes(octets[: data.draw(st.integers(0, len(octets)))]), 9, "ept_map")

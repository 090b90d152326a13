"""Headers are told from noise, binds and their answers are read to the bytes that are there."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcsight.wire.rpc import pdu
from rpcsight.wire.rpc.pdu import Header, Offer
from tests.wire import pdus

CONTEXTS = [(0, pdus.SVCCTL, "2.0", [pdus.NDR]), (7, pdus.SAMR, "1.3", [pdus.NDR, pdus.NDR64])]
OFFERS = [
    Offer(0, pdus.SVCCTL, "2.0", (pdus.NDR[0],)),
    Offer(7, pdus.SAMR, "1.3", (pdus.NDR[0], pdus.NDR64[0])),
]


@pytest.mark.parametrize("order", ["<", ">"])
def test_header(order: str) -> None:
    data = pdus.request(5, b"stub", call_id=77, order=order, auth=(10, 6, bytes(16)))
    assert pdu.read_header(b"x" + data, 1) == Header(0, 3, order == "<", len(data), 16, 77)
    assert pdu.looks_like_pdu(data)


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, 4), (1, 2), (2, 1), (2, 10), (2, 21), (4, 0x20), (5, 4), (6, 1), (7, 1), (8, 23), (10, 200)],
    ids=["version", "minor", "ping", "cancel_ack", "type", "order", "float", "zero", "zero", "too short", "auth"],
)
def test_no_header(place: int, value: int) -> None:
    data = bytearray(pdus.request(5))
    assert pdu.looks_like_pdu(bytes(data))
    data[place] = value
    assert not pdu.looks_like_pdu(bytes(data))


def test_what_looks_like_a_pdu() -> None:
    data = pdus.request(5)
    assert pdu.looks_like_pdu(data[:16])
    assert pdu.looks_like_pdu(b"\5\1" + data[2:])
    assert not pdu.looks_like_pdu(data[:15])
    assert not pdu.looks_like_pdu(struct.pack("<IIII", 5, 0, 0, 0))


@given(st.binary(max_size=64))
def test_noise_is_no_pdu_and_no_error(data: bytes) -> None:
    assert not pdu.looks_like_pdu(b"\6" + data)
    pdu.looks_like_pdu(b"\5\0" + data)


@pytest.mark.parametrize("order", ["<", ">"])
def test_bind(order: str) -> None:
    body = pdus.bind(CONTEXTS, order=order)[16:]
    assert pdu.read_bind(body, order == "<") == (OFFERS, True)
    assert pdu.read_bind(body[:-1], order == "<") == (OFFERS[:1], False)
    assert pdu.read_bind(body[:12], order == "<") == ([], False)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("port", [b"", b"135\0", b"49152\0", b"\\PIPE\\lsass\0"], ids=len)
def test_bind_answer(order: str, port: bytes) -> None:
    body = pdus.bind_ack([(2, pdus.NDR), (0, pdus.NDR64)], port=port, order=order)[16:]
    results = [(2, pdus.NDR[0]), (0, pdus.NDR64[0])]
    assert pdu.read_bind_answer(body, order == "<") == (results, True)
    assert pdu.read_bind_answer(body[:-1], order == "<") == (results[:1], False)
    assert pdu.read_bind_answer(body[:10], order == "<") == ([], False)


@given(st.binary(min_size=12, max_size=400), st.booleans())
def test_broken_binds_are_no_error(body: bytes, is_little: bool) -> None:
    pdu.read_bind(body, is_little)
    pdu.read_bind_answer(body, is_little)


def test_uuid_and_verifier() -> None:
    assert pdu.uuid_text(pdus.uuid_bytes(pdus.SAMR), True) == pdus.SAMR
    assert pdu.uuid_text(pdus.uuid_bytes(pdus.SAMR, ">"), False) == pdus.SAMR
    assert pdu.read_verifier(bytes([1, 9, 6, 12, 0])[1:]) == pdu.Verifier(9, 6, 12)

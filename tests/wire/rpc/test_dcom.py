"""Bindings in answers of activation and OXID resolution."""

import struct
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcsight.wire import Mapping
from rpcsight.wire.rpc import dcom
from tests.wire import pdus

BINDINGS = [
    (7, "DC1[49724]"),
    (7, "192.168.56.101[49724]"),
    (15, "DC1[\\PIPE\\x]"),
    (7, "nameless"),
    (7, "h[0]"),
    (7, "h[65536]"),
]
RESOLVER = [(7, "DC1"), (7, "192.168.56.101")]


@pytest.mark.parametrize("order", ["<", ">"])
def test_bindings_with_a_port(order: str) -> None:
    stub = (
        b"\x07\x00" * 9
        + bytes(2)
        + pdus.dual_string_array(RESOLVER, order)
        + pdus.dual_string_array(BINDINGS, order)
        + bytes(20)
    )
    assert dcom.read_answer(stub, "activation", 9, order == "<") == [
        Mapping(9, None, None, "DC1", 49724, "", "activation"),
        Mapping(9, None, None, "192.168.56.101", 49724, "", "activation"),
    ]


def test_an_array_that_is_cut_names_nothing() -> None:
    array = pdus.dual_string_array(BINDINGS)
    for cut in range(len(array)):
        assert dcom.read_answer(array[:cut], "resolve_oxid", 9) == []


def test_hostile_arrays_end_soon() -> None:
    unit = struct.pack("<IHHH", 30_000, 30_000, 30_000, 7)
    assert dcom.read_answer(unit * 20_000, "resolve_oxid", 9) == []


@given(st.binary(max_size=400), st.booleans())
def test_noise_is_no_error(stub: bytes, is_little: bool) -> None:
    dcom.read_answer(stub + struct.pack("<IHHH", 20, 20, 20, 7) + stub, "activation", 9, is_little)


def test_what_only_resembles_a_binding_takes_no_steps() -> None:
    steps = 0

    def called(_frame: object, _event: str, _argument: object) -> None:
        nonlocal steps
        steps += 1

    sys.setprofile(called)
    try:
        found = dcom.read_answer(b"\7\0" * 10_000, "activation", 1)
    finally:
        sys.setprofile(None)
    assert (found, steps < 100) == ([], True)

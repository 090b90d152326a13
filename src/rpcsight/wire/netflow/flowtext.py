"""The texts of flow records, made for whole columns: addresses as Python's ipaddress writes them, TCP flags as nfdump does."""

from ipaddress import IPv6Address
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TCP_TEXT", "chosen", "either", "flag_texts", "ipv4_texts", "ipv6_texts"]

FLAG_LETTERS = "CEUAPRSF"
"""CWR, ECE, URG, ACK, PSH, RST, SYN, FIN, from bit 128 down."""

OCTETS = pa.array([str(octet) for octet in range(256)])
DOT = pa.scalar(".")
TCP_TEXT = pa.scalar("tcp")
"""Made once: pyarrow looks for an optional package each time it makes a scalar."""

FLAGS = pa.array(
    ["".join(letter for bit, letter in enumerate(FLAG_LETTERS) if flags & (128 >> bit)) or None for flags in range(256)]
)


def ipv4_texts(addresses: "NDArray[np.uint32]") -> pa.Array:
    """IPv4 addresses as text.

    Args:
        addresses: as numbers in the machine's order.
    """
    encoded = pa.array(addresses).dictionary_encode()
    numbers = encoded.dictionary.to_numpy()
    octets = [OCTETS.take(pa.array(((numbers >> np.uint32(shift)) & 255).astype(np.uint8))) for shift in (24, 16, 8, 0)]
    texts = pc.binary_join_element_wise(*octets, DOT)  # pyright: ignore[reportAttributeAccessIssue]
    return texts.take(encoded.indices)


def ipv6_texts(addresses: "NDArray[np.void]") -> pa.Array:
    """IPv6 addresses as text.

    Args:
        addresses: 16 bytes each.
    """
    raw = pa.py_buffer(np.ascontiguousarray(addresses))
    encoded = pa.Array.from_buffers(pa.binary(16), len(addresses), [None, raw]).dictionary_encode()
    texts = pa.array([str(IPv6Address(each)) for each in encoded.dictionary.to_pylist()], pa.string())
    return texts.take(encoded.indices)


def flag_texts(flags: "NDArray[np.uint8]") -> pa.Array:
    """The letters of TCP flags; none where no flag is set, which is what exporters that do not look at flags send."""
    return FLAGS.take(pa.array(flags))


def either(which: "NDArray[np.bool_]", yes: pa.Array, no: pa.Array) -> pa.Array:
    """One column's value where it is so, the other's where not."""
    return pc.if_else(pa.array(which), yes, no)  # pyright: ignore[reportAttributeAccessIssue]


def chosen(texts: tuple[str | None, ...], places: "NDArray[np.uint8]") -> pa.Array:
    """A text per row, by its place among the texts."""
    return pa.array(texts, pa.string()).take(pa.array(places))

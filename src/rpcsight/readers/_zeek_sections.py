"""Zeek's tab-separated logs that were put together in one file, taken apart where a header begins.

Source: Zeek's documentation of its ASCII log writer (header lines begin with `#`).
"""

import itertools
import operator
import re
from collections.abc import Iterable, Iterator

__all__ = ["sections"]

MARKED_LINE = re.compile(rb"(?m)^(#.*\n)")


def sections(blocks: Iterable[bytes]) -> Iterator[Iterable[bytes]]:
    """The logs that were put together in one file: each from its header lines to the next header."""
    for _, pieces in itertools.groupby(_numbered(blocks), key=operator.itemgetter(0)):
        yield (piece for _, piece in pieces)


def _numbered(blocks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Header lines and runs of other lines, each with the number of its section."""
    number = 0
    header: list[bytes] = []
    is_begun = False
    for piece in _pieces(blocks):
        if not piece.startswith(b"#"):
            is_begun = True
        elif is_begun and piece.startswith((b"#separator", b"#fields")):
            number += 1
            is_begun = False
            header = _kept(header) if piece.startswith(b"#fields") else []
            yield from ((number, line) for line in header)
        if piece.startswith(b"#"):
            header.append(piece)
        yield number, piece


def _kept(header: list[bytes]) -> list[bytes]:
    """The header lines that still hold when only #fields is written anew."""
    return [line for line in header if line.startswith((b"#separator", b"#set", b"#empty", b"#unset", b"#path"))]


def _pieces(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Each line that begins with `#`, and what stands between them, in whole lines."""
    rest = b""
    for block in blocks:
        text = rest + block
        cut = text.rfind(b"\n") + 1
        yield from (piece for piece in MARKED_LINE.split(text[:cut]) if piece)
        rest = text[cut:]
    if rest:
        yield rest

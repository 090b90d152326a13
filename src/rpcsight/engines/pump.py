"""Feeds a file to DuckDB through pipes: one thread unpacks (gzip by isal, four times as fast as zlib), two pipes let DuckDB parse
with all its threads. Blocks are cut at line ends, so each pipe carries whole lines, in no particular order between pipes.

Plain files come this way too where DuckDB would give up on them: endless lines, a stray carriage return, a quote that is never closed.
"""

import contextlib
import fcntl
import mmap
import os
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from rpcsight.engines import LONGEST_LINE_BYTES
from rpcsight.errors import InputError

__all__ = ["LONGEST_LINE_BYTES", "Pump", "is_tame", "unpacked_blocks", "whole_lines"]

PIPES = 2
READ_BYTES = 1 << 18
QUEUED_BLOCKS = 8
BLOCK_BYTES = 1 << 20
SHOWN_BYTES = 200
LINUX_F_SETPIPE_SZ = 1031
PIPE_BYTES = 1 << 20
AGAIN = "copy the file again; what comes before the break was read"


def unpacked_blocks(path: str, compression: str, source: str = "") -> Iterator[bytes]:
    """The unpacked content of a file (of one or several members), block by block.

    Args:
        path: the file.
        compression: "gz", "zst" or "" for a plain file.
        source: what to call the file in an error; its path if empty.

    Raises:
        InputError: the file is cut or broken; all that comes before the break has been given.
    """
    unpack = UNPACKERS[compression]
    given = 0
    try:
        for block in unpack(path, None):
            given += len(block)
            yield block
    except _Broken as broken:
        # A broken piece is lost as a whole: unpack again, bit by bit from there.
        with contextlib.suppress(_Broken):
            for block in unpack(path, broken.at):
                if given < len(block):
                    yield block[given:]
                given = max(0, given - len(block))
        raise InputError(source or path, broken.what, AGAIN) from broken


class _Broken(Exception):
    """Packed data is broken in or after the piece that begins `at`."""

    def __init__(self, at: int, what: str) -> None:
        super().__init__(what)
        self.at = at
        self.what = what


def _gunzipped(path: str, fine_from: int | None) -> Iterator[bytes]:
    from isal import isal_zlib

    unsound = cast("type[Exception]", isal_zlib.error)
    at = 0
    is_inside = False
    inflater = isal_zlib.decompressobj(31)
    with Path(path).open("rb") as file:
        while data := file.read(READ_BYTES if fine_from is None or at < fine_from else 1):
            start, at = at, at + len(data)
            is_full = False
            while data or is_full:
                if not is_inside:
                    data = data.lstrip(b"\0")  # members may be padded
                    is_inside = bool(data)
                try:
                    block = inflater.decompress(data, BLOCK_BYTES)
                except unsound as cause:
                    raise _Broken(start, f"is not sound gzip data ({cause})") from cause
                if block:
                    yield block
                is_full = len(block) == BLOCK_BYTES
                data = inflater.unconsumed_tail
                if inflater.eof:
                    data = inflater.unused_data
                    inflater = isal_zlib.decompressobj(31)
                    is_inside = is_full = False
    if is_inside:
        raise _Broken(at, "gzip data ends in the middle")


def _unzstd(path: str, fine_from: int | None) -> Iterator[bytes]:
    import pyarrow as pa

    at = 0  # in the unpacked content
    try:
        with pa.CompressedInputStream(path, "zstd") as stream:
            while block := stream.read(READ_BYTES if fine_from is None or at < fine_from else 1):
                at += len(block)
                yield block
    except OSError as cause:
        raise _Broken(at, f"is not sound zstd data ({cause})") from cause


def whole_lines(path: str, compression: str, source: str = "", longest: int = LONGEST_LINE_BYTES) -> Iterator[bytes]:
    """The lines of a file, unpacked, in blocks of whole lines; of lines that are too long, their beginnings.

    Raises:
        InputError: as `unpacked_blocks`.
    """
    return _whole_lines(unpacked_blocks(path, compression, source), longest)


def is_tame(path: str, longest: int = LONGEST_LINE_BYTES) -> bool:
    """Whether no line of a plain file is so long that it could choke an engine; looks at a part of the file only."""
    if not os.access(path, os.R_OK):
        return True  # gone since it was found (logs rotate): the engine says so
    with Path(path).open("rb") as file:
        if os.fstat(file.fileno()).st_size < longest:
            return True
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return not any(_windows_without_line_end(content, longest))


def _plain(path: str, fine_from: int | None) -> Iterator[bytes]:
    del fine_from
    with Path(path).open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block


UNPACKERS = {"": _plain, "gz": _gunzipped, "zst": _unzstd}


class Pump:
    """Reads one file into pipes, unpacked and tamed. `paths` are what to open; they end when the file does.

    `broken` holds the error of a file that ends in the middle, after `close`; the lines before the break came through.
    Of a line that is too long its beginning comes through; line ends come through as line feeds.

    Args:
        path: the file.
        compression: "gz", "zst" or "" for a plain file.
        source: what to call it in an error.
        skip_lines: how many lines at its start to leave out.
        quote: a quotation mark; of a line with an odd number of them, all are left out, since such a line would swallow others.
        longest: how many bytes a line may have.
    """

    def __init__(
        self,
        path: str,
        compression: str,
        source: str = "",
        skip_lines: int = 0,
        quote: str = "",
        longest: int = LONGEST_LINE_BYTES,
    ) -> None:
        self.broken: InputError | None = None
        lines = _balanced(quote.encode(), whole_lines(path, compression, source, longest))
        self._content = _without_first(skip_lines, lines)
        self._source = source or path
        self._blocks: queue.Queue[bytes | None] = queue.Queue(QUEUED_BLOCKS)
        self._stopped = threading.Event()
        self._readers: list[int] = []
        self._threads = [threading.Thread(target=self._unpack, daemon=True)]
        for _ in range(PIPES):
            reader, writer = os.pipe()
            with contextlib.suppress(OSError):
                fcntl.fcntl(writer, LINUX_F_SETPIPE_SZ, PIPE_BYTES)
            self._readers.append(reader)
            self._threads.append(threading.Thread(target=self._write, args=(writer,), daemon=True))
        self.paths = tuple(f"/dev/fd/{reader}" for reader in self._readers)
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop, and give the pipes back; whatever was not read is dropped."""
        self._stopped.set()
        for reader in self._readers:
            os.close(reader)
        for thread in self._threads:
            thread.join()

    def _unpack(self) -> None:
        try:
            for block in self._content:
                if not self._put(block):
                    return
        except InputError as broken:
            self.broken = broken
        except OSError as cause:
            self.broken = InputError(self._source, f"can't be read ({cause.strerror})")
        finally:
            self._put(None)

    def _put(self, block: bytes | None) -> bool:
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Full):
                self._blocks.put(block, timeout=0.1)
                return True
        return False

    def _write(self, writer: int) -> None:
        try:
            while (block := self._take()) is not None:
                view = memoryview(block)
                while view:
                    view = view[os.write(writer, view) :]
        except OSError:  # the reader stopped early
            self._stopped.set()
        finally:
            os.close(writer)

    def _take(self) -> bytes | None:
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Empty):
                block = self._blocks.get(timeout=0.1)
                if block is None:
                    self._blocks.put(None)  # for the other writer
                return block
        return None


def _whole_lines(blocks: Iterator[bytes], longest: int) -> Iterator[bytes]:
    """The same lines in blocks that end with a line end, all but the last; of a line that is too long, its beginning."""
    rest = b""
    is_cut = False  # inside a line whose beginning has been given
    for block in blocks:
        text = rest + block
        if is_cut:
            begin = text.find(b"\n") + 1
            is_cut = not begin
            text = text[begin:] if begin else b""
        end = text.rfind(b"\n") + 1
        if end:
            yield _unix_ends(_shortened(text[:end], longest))
        rest = text[end:]
        if len(rest) > longest:
            yield rest[:SHOWN_BYTES].replace(b"\r", b" ") + b"\n"
            rest = b""
            is_cut = True
    if rest:
        yield _unix_ends(rest)


def _unix_ends(text: bytes) -> bytes:
    """DuckDB gives up on a file with several kinds of line ends."""
    return text.replace(b"\r\n", b"\n").replace(b"\r", b" ") if b"\r" in text else text


def _shortened(text: bytes, longest: int) -> bytes:
    parts: list[bytes] = []
    done = 0
    for at in _windows_without_line_end(text, longest):
        begin, end = text.rfind(b"\n", 0, at) + 1, text.find(b"\n", at)
        if begin >= done and end - begin > longest:
            parts += text[done:begin], text[begin : begin + SHOWN_BYTES]
            done = end
    return b"".join((*parts, text[done:])) if parts else text


def _windows_without_line_end(text: bytes | mmap.mmap, longest: int) -> Iterator[int]:
    window = longest // 2
    for at in range(0, len(text) - window, window):
        if text.find(b"\n", at, at + window) < 0:
            yield at


def _balanced(quote: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    for block in blocks:
        if not quote or quote not in block:
            yield block
            continue
        lines = block.splitlines(keepends=True)
        yield b"".join(line.replace(quote, b"") if line.count(quote) % 2 else line for line in lines)


def _without_first(count: int, blocks: Iterator[bytes]) -> Iterator[bytes]:
    for block in blocks:
        cut = 0
        while count and (end := block.find(b"\n", cut) + 1):
            cut = end
            count -= 1
        if count:
            continue
        yield block[cut:] if cut else block

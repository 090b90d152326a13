"""Feeds a gzip file to DuckDB through pipes: one thread inflates (isal, four times as fast as zlib), two pipes let DuckDB parse
with all its threads. Blocks are cut at line ends, so each pipe carries whole lines, in no particular order between pipes.
"""

import contextlib
import fcntl
import os
import queue
import threading
from collections.abc import Iterator
from typing import cast

from rpcsight.errors import InputError

__all__ = ["Pump", "inflated_blocks"]

PIPES = 2
READ_BYTES = 1 << 18
QUEUED_BLOCKS = 8
LONGEST_LINE_BYTES = 1 << 24
LINUX_F_SETPIPE_SZ = 1031
PIPE_BYTES = 1 << 20


def inflated_blocks(path: str) -> Iterator[bytes]:
    """The inflated content of a gzip file (of one or several members), block by block.

    Raises:
        InputError: the file is cut or no gzip; what came before has been yielded.
    """
    from isal import isal_zlib

    with open(path, "rb") as file:  # noqa: PTH123 - the hot path's plain open
        inflater = isal_zlib.decompressobj(31)
        fed = False
        while data := file.read(READ_BYTES):
            while data:
                fed = True
                try:
                    block = inflater.decompress(data)
                except _broken() as cause:
                    raise InputError(
                        path, f"is not sound gzip data ({cause})", "restore the file, or unpack what is left of it"
                    ) from cause
                if block:
                    yield block
                data = inflater.unused_data
                if inflater.eof:
                    inflater = isal_zlib.decompressobj(31)
                    fed = False
                    data = data.lstrip(b"\0")
        if fed:
            raise InputError(
                path, "gzip data ends in the middle", "copy the file again; the lines before the cut were read"
            )


def _broken() -> type[Exception]:
    """The error of unsound data; isal names it at run time only."""
    from isal import isal_zlib

    return cast("type[Exception]", isal_zlib.error)


class Pump:
    """Inflates one gzip file into pipes. `paths` are what to open; they end when the file does.

    `broken` holds the error of a file that ends in the middle, after `close`; the lines before the cut came through.
    """

    def __init__(self, path: str) -> None:
        self.broken: InputError | None = None
        self._path = path
        self._blocks: queue.Queue[bytes | None] = queue.Queue(QUEUED_BLOCKS)
        self._stopped = threading.Event()
        self._readers: list[int] = []
        self._threads = [threading.Thread(target=self._inflate, daemon=True)]
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

    def _inflate(self) -> None:
        try:
            for block in _whole_lines(inflated_blocks(self._path)):
                if not self._put(block):
                    return
        except InputError as broken:
            self.broken = broken
        except OSError as cause:
            self.broken = InputError(self._path, f"can't be read ({cause.strerror})")
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


def _whole_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    rest: list[bytes] = []
    try:
        for block in blocks:
            cut = block.rfind(b"\n") + 1
            if not cut and sum(map(len, rest)) < LONGEST_LINE_BYTES:
                rest.append(block)
                continue
            yield b"".join((*rest, block[:cut]))
            rest = [block[cut:]]
    finally:
        last = b"".join(rest)
    if last:
        yield last

"""From what the user names (files, folders, patterns, `-`) to inputs with a head that readers can look at."""

import glob
import re
import stat
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from rpcsight.errors import InputError

__all__ = ["Input", "find", "look", "spool"]

HEAD_BYTES = 1 << 17
COPY_BYTES = 1 << 20
MAGIC = {b"\x1f\x8b": "gz", b"\x28\xb5\x2f\xfd": "zst"}
FOREIGN_MAGIC = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip", b"7z\xbc\xaf": "7-Zip"}
DATE_PART = re.compile(r"(\d{4}[-_]?\d{2}[-_]?\d{2}|\d{1,2}|\d{4}|[A-Za-z_]+=.*)")
ROTATION = re.compile(r"(?i)([._-]?(\d{3,}|\d{1,2}(?=$)|\d{1,4}([-_:]\d{1,4})+|[0-9]{8}t[0-9:]*z?))+")
SUFFIXES = re.compile(r"(?i)(\.(log|json|jsonl|ndjson|csv|tsv|txt|gz|zst|parquet))+$")


@dataclass(frozen=True, slots=True)
class Input:
    """One file to read.

    Args:
        path: where it is now.
        source: what to call it in results; its own path unless it was spooled.
        observer: what recorded it, from its folder and name.
        compression: "", "gz" or "zst".
        head: the first 128 KiB of its (inflated) content.
        is_spooled: whether it is a temporary copy.
    """

    path: Path
    source: str
    observer: str = ""
    compression: str = ""
    head: bytes = b""
    is_spooled: bool = False

    def lines(self) -> list[str]:
        """The complete lines of the head; undecodable bytes are replaced."""
        text = self.head.decode("utf-8", errors="replace")
        lines = text.split("\n")
        whole = lines if len(self.head) < HEAD_BYTES else lines[:-1]
        return [line.removesuffix("\r") for line in whole if line]


def find(paths: Iterable[str], scratch: Path, stdin: BinaryIO | None) -> Iterator[Input]:
    """All files that the given paths name, in a fixed order, each once.

    Args:
        paths: files, folders (searched whole), glob patterns, or "-" for stdin.
        scratch: where stdin and pipes are copied to.
        stdin: the stream that "-" stands for.

    Raises:
        InputError: a path names nothing.
    """
    seen: set[Path] = set()
    for given in paths:
        if given == "-":
            if stdin is None:
                raise InputError("-", "there is no standard input here")
            yield spool(iter(lambda: stdin.read(COPY_BYTES), b""), Input(Path("-"), "-", "stdin"), scratch)
            continue
        for root, path in _named(given):
            if path in seen:
                continue
            seen.add(path)
            if stat.S_ISFIFO(path.stat().st_mode):
                with path.open("rb") as pipe:
                    yield spool(iter(lambda: pipe.read(COPY_BYTES), b""), Input(path, str(path), "pipe"), scratch)
            else:
                yield Input(path, str(path), _observer(root, path))


def look(item: Input) -> Input:
    """The input with its compression and head filled in.

    Raises:
        InputError: it is empty, can't be opened, or is packed in a way that is not read.
    """
    try:
        with item.path.open("rb") as file:
            start = file.read(HEAD_BYTES)
    except OSError as cause:
        raise InputError(item.source, f"can't be opened ({cause.strerror})") from cause
    if not start:
        raise InputError(item.source, "is empty", "nothing was recorded, or the copy failed")
    for magic, name in FOREIGN_MAGIC.items():
        if start.startswith(magic):
            raise InputError(
                item.source, f"is packed with {name}", "unpack it first; gzip and zstd are read as they are"
            )
    compression = next((name for magic, name in MAGIC.items() if start.startswith(magic)), "")
    return replace(item, compression=compression, head=_inflated_head(item, start, compression))


def spool(blocks: Iterable[bytes], item: Input, scratch: Path) -> Input:
    """Copy a stream to a temporary file, and give the input that reads it."""
    path = scratch / f"input-{len(list(scratch.iterdir()))}"
    with path.open("wb") as file:
        for block in blocks:
            file.write(block)
    return replace(item, path=path, compression="", head=b"", is_spooled=True)


def _named(given: str) -> Iterator[tuple[Path, Path]]:
    """Pairs of (the folder that was named, a file)."""
    path = Path(given)
    if path.is_dir():
        files = sorted(each for each in path.rglob("*") if each.is_file() and not _is_hidden(each.relative_to(path)))
        if not files:
            raise InputError(given, "is a folder without files")
        yield from ((path, each) for each in files)
    elif path.exists():
        yield path.parent, path
    elif matches := sorted(glob.glob(given, recursive=True)):  # noqa: PTH207 - patterns may be absolute
        for match in matches:
            if Path(match).is_file():
                yield Path(match).parent, Path(match)
    else:
        raise InputError(given, "there is no such file or folder, and as a pattern it matches nothing")


def _is_hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _observer(root: Path, path: Path) -> str:
    """Name what recorded a file: its folder and name without dates, numbers of rotation and suffixes.

    Logs of one sensor that were rotated or sorted into dated folders share a name; sensors in folders, or with files, of their
    own do not.
    """
    folders = [part for part in path.relative_to(root).parent.parts if not DATE_PART.fullmatch(part)]
    stem = SUFFIXES.sub("", path.name)
    stem = ROTATION.sub("", stem) or stem
    stem = SUFFIXES.sub("", stem)
    return "/".join([*folders, stem])


def _inflated_head(item: Input, start: bytes, compression: str) -> bytes:
    if compression == "gz":
        try:
            return zlib.decompressobj(31).decompress(start, HEAD_BYTES)
        except zlib.error as cause:
            raise InputError(item.source, f"is not sound gzip data ({cause})", "copy the file again") from cause
    if compression == "zst":
        import pyarrow as pa

        try:
            with pa.CompressedInputStream(str(item.path), "zstd") as stream:
                return stream.read(HEAD_BYTES)
        except OSError as cause:
            raise InputError(item.source, f"is not sound zstd data ({cause})", "copy the file again") from cause
    return start

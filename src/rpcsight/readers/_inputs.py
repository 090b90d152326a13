"""From what the user names (files, folders, patterns, `-`) to inputs with a head that readers can look at."""

import glob
import itertools
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from rpcsight.engines.pump import unpacked_blocks
from rpcsight.errors import InputError, UsageError

__all__ = ["HEAD_BYTES", "Input", "blocks", "find", "look", "spool", "until_broken"]

HEAD_BYTES = 1 << 17
COPY_BYTES = 1 << 20
MAGIC = {b"\x1f\x8b": "gz", b"\x28\xb5\x2f\xfd": "zst"}
FOREIGN_MAGIC = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip", b"7z\xbc\xaf": "7-Zip"}
# Parts of a path that say when, not where: dates, hours, Zeek's `current`, partitions (but those that name a sensor).
DATE_PART = re.compile(
    r"(\d{4}[-_]?\d{2}[-_]?\d{2}|\d{4}([-_]\d{2})?|\d{1,2}|current|(?!observer=|sensor=|host)[A-Za-z_]+=.*)"
)
YEAR_PART = re.compile(r"(19|20)\d{2}([-_]?\d{2}){0,2}")
DAY_DIGITS = 2
ROTATION = re.compile(r"(?i)([._-]?(\d{3,}|(?<=\.)\d{1,2}(?=$)|\d{1,4}([-_:]\d{1,4})+|[0-9]{8}t[0-9:]*z?))+")
SUFFIXES = re.compile(r"(?i)(\.(log|json|jsonl|ndjson|csv|tsv|txt|gz|zst|parquet|pcap|pcapng|cap|binetflow))+$")


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
    named = [(given, _named(given) if given != "-" else (Path(), [])) for given in paths]
    root = _common(folder for given, (folder, _) in named if given != "-")
    seen: set[Path] = set()
    for given, (_, files) in named:
        if given == "-":
            if stdin is None:
                raise InputError("-", "there is no standard input here")
            yield spool(iter(lambda: stdin.read(COPY_BYTES), b""), Input(Path("-"), "-", "stdin"), scratch)
        for path in files:
            real = path.resolve()
            if real in seen:
                continue
            seen.add(real)
            if path.is_fifo():
                with path.open("rb") as pipe:
                    yield spool(iter(lambda: pipe.read(COPY_BYTES), b""), Input(path, str(path), "pipe"), scratch)
            else:
                yield Input(path, str(path), _observer(root, path.absolute()))


def look(item: Input) -> Input:
    """The input with its compression and head filled in.

    Raises:
        InputError: it is empty, can't be opened, or is packed in a way that is not read.
    """
    try:
        str(item.path).encode()
    except UnicodeEncodeError as cause:
        raise InputError(repr(item.source)[1:-1], "the file's name is not UTF-8", "rename it") from cause
    try:
        with item.path.open("rb") as file:
            start = file.read(HEAD_BYTES)
    except OSError as cause:
        raise InputError(item.source, f"can't be opened ({cause.strerror})") from cause
    if not start:
        raise InputError(item.source, "is empty", "nothing was recorded, or the copy failed")
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(item.source, "is UTF-16 text", "write it as UTF-8: iconv -f UTF-16 -t UTF-8")
    for magic, name in FOREIGN_MAGIC.items():
        if start.startswith(magic):
            raise InputError(
                item.source, f"is packed with {name}", "unpack it first; gzip and zstd are read as they are"
            )
    packed = replace(item, compression=next((name for magic, name in MAGIC.items() if start.startswith(magic)), ""))
    return replace(packed, head=_inflated_head(packed, start))


def blocks(item: Input) -> Iterator[bytes]:
    """The inflated content of an input, block by block.

    Raises:
        InputError: its packed data is cut or broken; what came before has been given.
    """
    yield from unpacked_blocks(str(item.path), item.compression, item.source)


def spool(blocks: Iterable[bytes], item: Input, scratch: Path) -> Input:
    """Copy a stream to a temporary file, and give the input that reads it."""
    with tempfile.NamedTemporaryFile(dir=scratch, prefix="input-", delete=False) as file:
        for block in blocks:
            file.write(block)
    return replace(item, path=Path(file.name), compression="", head=b"", is_spooled=True)


def _named(given: str) -> tuple[Path, list[Path]]:
    """The folder that a path is about, and the files that it names."""
    if not given:
        raise UsageError("paths", "one is empty", "is a variable of the shell not set?")
    path = Path(given)
    try:
        if path.is_dir():
            files = _inside(path)
            if not files:
                raise InputError(given, "is a folder without files")
            return path, files
        if path.exists():
            return path.parent, [path]
        matches = sorted(map(Path, glob.glob(given, recursive=True)))  # noqa: PTH207 - patterns may be absolute
    except (OSError, ValueError) as cause:
        raise InputError(given, f"can't be opened ({cause})") from cause
    files = [file for match in matches for file in (_inside(match) if match.is_dir() else [match])]
    if not files:
        raise InputError(given, "there is no such file or folder, and as a pattern it matches nothing")
    fixed = itertools.takewhile(lambda part: not glob.has_magic(part), path.parts)
    return Path(*fixed), list(dict.fromkeys(files))


def _inside(folder: Path) -> list[Path]:
    """The files below a folder, and folders that can't be entered, so that they are told of like files that can't be opened."""
    found: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=lambda error: found.append(Path(error.filename))):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        files = (Path(place, name) for name in names if not _is_hidden(name))
        found.extend(path for path in files if path.is_file())
    return sorted(found)


def _common(folders: Iterable[Path]) -> Path:
    """The folder that everything named lies in: what is below it tells sensors apart."""
    absolute = [str(folder.absolute()) for folder in folders]
    return Path(os.path.commonpath(absolute)) if absolute else Path()


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "_"))


def _observer(root: Path, path: Path) -> str:
    """Name what recorded a file: its folder and name without dates, numbers of rotation and suffixes.

    Logs of one sensor that were rotated or sorted into dated folders share a name; sensors in folders, or with files, of their
    own do not.
    """
    parts = path.relative_to(root).parent.parts
    is_dated = any(YEAR_PART.fullmatch(part) for part in path.parent.parts)
    folders = [part for part in parts if not DATE_PART.fullmatch(part) or (len(part) <= DAY_DIGITS and not is_dated)]
    stem = SUFFIXES.sub("", path.name)
    stem = ROTATION.sub("", stem) or stem
    stem = SUFFIXES.sub("", stem)
    return "/".join([*folders, stem])


def _inflated_head(item: Input, start: bytes) -> bytes:
    """The first 128 KiB, or what there is of them before a break; that shows up again when all is read."""
    if not item.compression:
        return start
    head = b""
    try:
        for block in blocks(item):
            head += block
            if len(head) >= HEAD_BYTES:
                break
    except InputError:
        if not head:
            raise
    if not head:
        raise InputError(item.source, "is empty once unpacked", "nothing was recorded, or the copy failed")
    return head[:HEAD_BYTES]


def until_broken(path: str, compression: str, source: str, broken: list[InputError]) -> Iterator[bytes]:
    """The content up to where the packing is broken, so that nothing before is lost; the error goes into `broken`."""
    try:
        yield from unpacked_blocks(path, compression, source)
    except InputError as error:
        broken.append(error)
    except OSError as cause:
        broken.append(InputError(source, f"can't be read ({cause.strerror})"))

"""What goes out: rows to a file or standard output; progress, the account and errors to standard error."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, BinaryIO

import typer

from rpcsight.errors import InputError, UsageError

if TYPE_CHECKING:
    from rpcsight.account import Account
    from rpcsight.pipeline import Progress
    from rpcsight.writers import Look, Rows, Writer

__all__ = [
    "ENDINGS",
    "NARROWEST",
    "Destination",
    "destination",
    "printable",
    "progress_bar",
    "put",
    "say",
    "say_lines",
    "shown_width",
    "target",
    "tell",
    "write",
]

BROKEN_PIPE = 141
NARROWEST = 60
MOST_LINKS = 40
"""As the kernel follows (path_resolution(7))."""
WIDTH_OF_PIPES = 160
NEWLINE, SHOWN_NEWLINE = "\n", "\\n"
ENDINGS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".txt": "table",
    ".table": "table",
    ".md": "markdown",
}
"""Endings of file names, and the writers that they name."""
PACKED = (".gz", ".zst", ".bz2", ".xz", ".zip", ".7z")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where rows go and how they look there; a path of None is standard output."""

    writer: "Writer"
    path: Path | None
    look: "Look"


def destination(
    name: str | None, output: str | None, limit: int, no_color: bool, *, are_findings: bool = False
) -> Destination:
    """Settle where and how to write, before any work is done.

    Args:
        name: of the format, if one is named.
        output: the file; None or `-` is standard output.
        limit: most rows of a table for people.
        no_color: whether colours are unwanted.
        are_findings: what will be written are findings with all their fields.

    Raises:
        UsageError: there is no such format, it is none for these rows or none for a terminal, or the file can't be there.
    """
    from rpcsight.writers import Look, writer

    path = None if output in {None, "-"} else Path(output or "")
    is_terminal = path is None and sys.stdout.isatty()
    if path is not None and path.suffix.lower() in PACKED:
        hint = f"write {path.stem!r}, and pack that afterwards"
        raise UsageError("--output", f"{path.name!r} is called like a packed file, and output is not packed", hint)
    if name is None:
        name = ("table" if is_terminal else "jsonl") if path is None else _named(path)
    chosen = writer(name)
    if chosen.OF_FINDINGS and not are_findings:
        hint = "rpcsight hunt and rpcsight findings export write findings"
        raise UsageError("--format", f"{name} is a format of findings, and these are other rows", hint)
    if path is not None:
        return Destination(chosen, target(path, "--output", "-o findings.jsonl"), Look(limit=limit))
    if not is_terminal:
        return Destination(chosen, None, Look(WIDTH_OF_PIPES, limit=limit))
    if chosen.IS_BINARY:
        raise UsageError("--format", f"{name} does not belong on a terminal", "add -o FILE")
    width = shown_width(WIDTH_OF_PIPES)
    return Destination(chosen, None, Look(width, not no_color and not os.environ.get("NO_COLOR"), limit))


def target(path: Path, option: str, example: str) -> Path:
    """The file that an option's path leads to, before any work is done.

    Raises:
        UsageError: it can't be there.
    """
    if not path.name or path.is_dir():
        raise UsageError(option, f"{str(path)!r} is no file", f"name a file: {example}")
    path = _target(path, option)
    if not path.parent.is_dir():
        raise UsageError(option, f"there is no folder {str(path.parent)!r}", "make it, or write elsewhere")
    return path


def write(rows: "Rows", to: Destination) -> None:
    """Write the rows: to a file as a whole or not at all; to descriptors, devices and named pipes as they come.

    Raises:
        InputError: the file can't be written.
    """
    put(to.path, lambda out: to.writer.write(rows, out, to.look))


def put(path: Path | None, fill: Callable[[BinaryIO], None]) -> None:
    """Let something be written as `write` does; None is standard output.

    Raises:
        InputError: the file can't be written.
    """
    descriptor = None if path is None else _descriptor(path)
    if path is None or descriptor is not None:
        with _stream(descriptor, str(path)) if descriptor is not None else _stdout() as out:
            fill(out)
        return
    try:
        if path.exists() and not path.is_file():  # a device or a named pipe is written to, never replaced
            with path.open("wb") as out:
                fill(out)
            return
        with _replaced(path) as out:
            fill(out)
    except OSError as cause:
        raise _unwritable(str(path), cause) from cause


def say(text: str) -> None:
    """Write text to standard output."""
    with _stdout() as out:
        out.write(text.encode())


def shown_width(of_pipes: int) -> int:
    """How many columns standard output shows: the terminal's, else those given."""
    return max(NARROWEST, os.get_terminal_size(sys.stdout.fileno()).columns) if sys.stdout.isatty() else of_pipes


def say_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output; on a terminal those that are wider are folded, further in than they begin."""
    width = shown_width(sys.maxsize)
    say("".join(f"{part}\n" for line in lines for part in _folded(line, width)))


def _folded(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    inner = " " * (len(line) - len(line.lstrip()) + 2)
    return wrap(line, width, subsequent_indent=inner, break_on_hyphens=False, break_long_words=False) or [""]


def tell(account: "Account", *, is_quiet: bool = False) -> None:
    """The account of what was read, on standard error."""
    if not is_quiet:
        from rpcsight.account import lines

        sys.stderr.write("".join(f"{printable(line).replace(NEWLINE, SHOWN_NEWLINE)}\n" for line in lines(account)))


def printable(text: str) -> str:
    """The text with control characters other than line ends made visible."""
    return "".join(letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1] for letter in text)


@contextmanager
def progress_bar(
    first: str = "looking at the inputs", *, is_quiet: bool, no_color: bool
) -> "Iterator[Progress | None]":
    """A bar on standard error that says which file is being read; only on a terminal.

    Args:
        first: what is done before the first file.
        is_quiet: no bar.
        no_color: a bar without colours.
    """
    if is_quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True, no_color=no_color or None)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(first, total=None)

        def show(name: str, done: int, everything: int) -> None:
            bar.update(
                task, description=printable(name)[-NARROWEST:] or "looking for RPC", completed=done, total=everything
            )

        yield show


@contextmanager
def _replaced(path: Path) -> Iterator[BinaryIO]:
    """A file beside the path that takes its place when all is written, and is gone when that fails."""
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("wb") as out:
            yield out
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _stdout() -> AbstractContextManager[BinaryIO]:
    return _stream(sys.stdout.fileno(), "standard output")


@contextmanager
def _stream(descriptor: int, where: str) -> Iterator[BinaryIO]:
    """An open descriptor, to be written to the end; a reader that leaves early (`| head`) ends the program quietly.

    Buffered also where Python's own is not (PYTHONUNBUFFERED): an unbuffered write may stop halfway without an error.
    """
    try:
        with open(descriptor, "wb", closefd=False) as out:
            yield out
    except BrokenPipeError:
        raise typer.Exit(BROKEN_PIPE) from None
    except OSError as cause:
        raise _unwritable(where, cause) from cause


def _named(path: Path) -> str:
    """The writer that a file's name asks for: JSON lines where it has no ending (a date or number is none).

    Raises:
        UsageError: it ends in something else.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS and ending[1:2].isalpha():
        hint = f"one of: {', '.join(ENDINGS)}; or say what to write: --format jsonl"
        raise UsageError("--output", f"the ending of {path.name!r} names no format", hint)
    return ENDINGS.get(ending, "jsonl")


def _target(path: Path, option: str) -> Path:
    """What links lead to, so that the link stays and its target is replaced; a descriptor keeps its name.

    Raises:
        UsageError: the links go round in a circle.
    """
    for _ in range(MOST_LINKS):
        path = path.parent.resolve() / path.name
        if _descriptor(path) is not None or not path.is_symlink():
            return path
        path = path.parent / path.readlink()
    raise UsageError(option, f"{str(path)!r} is a link that leads nowhere", "write elsewhere")


def _descriptor(path: Path) -> int | None:
    """The number of our own open descriptor that a path of the system names (proc(5): /proc/PID/fd/N), if it does.

    What it was opened on is not opened anew: that would cut a file that others write to as well, at a place of its own.
    """
    folders = {Path("/dev/fd"), Path(f"/proc/{os.getpid()}/fd")}
    is_descriptor = path.name.isdecimal() and path.parent in folders
    return int(path.name) if is_descriptor else None


def _unwritable(where: str, cause: OSError) -> InputError:
    return InputError(where, f"can't be written ({cause.strerror})", "make room there, or write elsewhere with -o FILE")

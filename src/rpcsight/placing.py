"""Folders that are written beside their place and put there when they are whole; what somebody else made is never replaced."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rpcsight.errors import InputError, UsageError

__all__ = ["MARK", "absolute", "check", "in_place"]

MARK = "_rpcsight.json"
"""Says that a folder was made here; readers of all kinds pass over names that begin so."""


def absolute(folder: Path) -> Path:
    """The same folder without "..", and links stay links."""
    return Path(os.path.abspath(folder))  # noqa: PTH100 - `resolve` would follow links


def check(folder: Path, maker: str, is_ours: Callable[[Path, tuple[str, ...]], bool], *, is_replacing: bool) -> None:
    """See to it that nothing is there that would be lost.

    Args:
        folder: the folder that shall be written, absolute.
        maker: the command that writes it.
        is_ours: whether that command made what is at a path, with its parts below the folder.
        is_replacing: whether what it made may be replaced.

    Raises:
        UsageError: something is there, or can't be looked at.
    """
    try:
        _check(folder, maker, is_ours, is_replacing=is_replacing)
    except (OSError, ValueError) as cause:
        raise UsageError(
            "--output", f"{str(folder)!r} can't be looked into ({cause})", "name another folder"
        ) from cause


def _check(folder: Path, maker: str, is_ours: Callable[[Path, tuple[str, ...]], bool], *, is_replacing: bool) -> None:
    if "\0" in str(folder):
        raise UsageError("--output", f"{str(folder)!r} is no name of a folder", "name another")
    if not folder.exists() and not folder.is_symlink():
        if not folder.parent.is_dir():
            raise UsageError("--output", f"there is no folder {str(folder.parent)!r}", "make it, or write elsewhere")
        return
    if folder.is_symlink() or not folder.is_dir():
        raise UsageError("--output", f"{str(folder)!r} is no folder", "name one that is not there yet")
    if not any(folder.iterdir()):
        return
    if not is_replacing:
        raise UsageError(
            "--output", f"{str(folder)!r} is not empty", f"name another, or add --replace if {maker} made it"
        )
    for path in _strange(folder, is_ours):
        what = f"{str(path)!r} was not made by {maker}, and would be lost"
        raise UsageError("--replace", what, "name another folder, or move that away")


def _strange(folder: Path, is_ours: Callable[[Path, tuple[str, ...]], bool]) -> Iterator[Path]:
    """What is in a folder that the command did not make."""
    if not (folder / MARK).is_file():
        yield folder
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not is_ours(path, path.relative_to(folder).parts):
            yield path


@contextmanager
def in_place(folder: Path) -> Iterator[Path]:
    """A new folder beside the named one that takes its place at the end, and is gone when something fails.

    Raises:
        InputError: it can't be written.
    """
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    former = folder.with_name(f".{folder.name}.{os.getpid()}.former")
    try:
        partial.mkdir()
        yield partial
        if folder.is_dir() and any(folder.iterdir()):
            folder.rename(former)
        partial.rename(folder)
    except OSError as cause:
        raise InputError(
            str(folder), f"can't be written ({cause.strerror or cause})", "make room there, or write elsewhere"
        ) from cause
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if former.exists() and not folder.exists():
            former.rename(folder)
        shutil.rmtree(former, ignore_errors=True)

"""`rpcsight new-analytic`: the files of an analytic of one's own, to start from."""

import re
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from rpcsight.cli.options import SettingsFile
from rpcsight.cli.output import say
from rpcsight.errors import InputError, UsageError

__all__ = ["new_analytic"]

Ident = Annotated[str, typer.Argument(metavar="ID", help="What to call it: letters, digits and -.", show_default=False)]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--folder", metavar="DIR", help="Where to. [default: the settings' folder, or here]", show_default=False
    ),
]
Like = Annotated[
    str | None,
    typer.Option("--like", metavar="ANALYTIC", help="Begin with a copy of this one.", show_default=False),
]


def new_analytic(ident: Ident, folder: Folder = None, like: Like = None, settings: SettingsFile = None) -> None:
    """Write ID.sql and ID.toml: an analytic of your own that works, with examples and comments that say what to change.

    \b
    rpcsight new-analytic service-maker
    rpcsight test service-maker.sql                    its examples hold: now change it
    rpcsight run service-maker.sql capture.pcap
    rpcsight new-analytic dcsync-strict --like dcsync --folder analytics
    """
    from rpcsight.analytics._own import ID, TAKEN
    from rpcsight.settings import load

    if not re.fullmatch(ID, ident):
        raise UsageError("ID", f"{ident!r} is no name for an analytic", "letters, digits and -, as in service-maker")
    there = folder or load(settings).analytics or Path()
    sql, toml = _texts(ident, like)
    if ident.lower() in _shipped():
        raise UsageError("ID", f"{ident!r} {TAKEN}", f"call it otherwise: my-{ident}")
    paths = there / f"{ident}.sql", there / f"{ident}.toml"
    try:
        there.mkdir(exist_ok=True)
        present = {path.name.lower(): path for path in there.iterdir()}
        for path in paths:
            if path.name.lower() in present:
                raise UsageError("ID", f"there is {str(present[path.name.lower()])!r} already", "call it otherwise")
        _write(paths[0], sql)
        try:
            _write(paths[1], toml)
        except OSError:
            with suppress(OSError):
                paths[0].unlink()
            raise
    except OSError as cause:
        raise InputError(str(there), f"can't be written ({cause.strerror})", "name another: --folder DIR") from cause
    say(f"wrote {paths[0]} and {paths[1]}\n\nrpcsight test {paths[0]}\nrpcsight run {paths[0]} YOUR_LOGS\n")


def _texts(ident: str, like: str | None) -> tuple[str, str]:
    """The two files, of what comes with rpcsight or of another analytic."""
    from rpcsight.analytics import analytic

    if like is None:
        place, old = files("rpcsight.analytics") / "start", "mine"
        sql, toml = place / "mine.sql", place / "mine.toml"
    else:
        found = analytic(like)
        old = found.header.id
        place = files("rpcsight.analytics")
        sql = found.path or place / f"{old}.sql"
        toml = found.path.with_suffix(".toml") if found.path else place / f"{old}.toml"
        if not toml.is_file():
            raise UsageError("--like", f"{old} carries no examples to start from", "one that does: --like dcsync")
    text = re.sub(r'(?m)^(id\s*= )"[^"]*"', rf'\g<1>"{ident}"', sql.read_text(encoding="utf-8"), count=1)
    return text.replace(f"'{old}'", f"'{ident}'"), re.sub(
        rf"\b{re.escape(old)}\.(sql|toml)\b", rf"{ident}.\1", toml.read_text(encoding="utf-8")
    )


def _shipped() -> set[str]:
    from rpcsight.analytics import shipped

    return {each.header.id.lower() for each in shipped()}


def _write(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.write(text)

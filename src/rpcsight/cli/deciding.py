"""What commands share that decide about findings: the workspace, who does it, and why."""

import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rpcsight.errors import UsageError

if TYPE_CHECKING:
    from rpcsight.baseline.workspace import Workspace

__all__ = ["Reason", "Who", "checked_reason", "need_command", "opened", "person"]

LONGEST_REASON = 500

Who = Annotated[
    str | None, typer.Option("--who", help="Who does it, for the log. [default: your login name]", show_default=False)
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: is kept in the log.", show_default=False)]


def need_command(context: typer.Context) -> None:
    """Show what there is, where no command was given."""
    if context.invoked_subcommand is None:
        sys.stderr.write(context.get_help() + "\n")
        raise typer.Exit(UsageError.exit_code)


def person(who: str | None) -> str:
    """Who does it: as said, else the login name.

    Raises:
        UsageError: neither is known.
    """
    try:
        name = who or getpass.getuser()
    except (OSError, KeyError):
        name = ""
    return _line("--who", name)


def checked_reason(reason: str) -> str:
    """A reason that says something.

    Raises:
        UsageError: it is empty, too long, or more than a line.
    """
    return _line("--reason", reason)


def _line(option: str, text: str) -> str:
    made = text.strip()
    if not made or len(made) > LONGEST_REASON or not made.isprintable():
        what = f"needs a text of one line, up to {LONGEST_REASON} characters"
        raise UsageError(option, what, f'{option} "…"; it is kept in the log')
    return made


def opened(path: Path) -> "Workspace":
    """A workspace that is there, to be changed."""
    from rpcsight.baseline.workspace import Workspace

    if not path.is_file():
        Workspace(path, is_reading=True)
    return Workspace(path)

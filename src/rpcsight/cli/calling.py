"""How this program and its Python are called here, for commands that people are to type."""

import shlex
import shutil
import sys
from pathlib import Path

from rpcsight.cli.output import printable

__all__ = ["pip_line", "program", "tell_next"]

NAME = "rpcsight"


def program() -> str:
    """This program: its name where the shell finds it by that, else as it was called (`.venv/bin/rpcsight`)."""
    called, found = Path(sys.argv[0]), shutil.which(NAME)
    is_other = called.name == NAME and called.is_file() and not (found and called.samefile(found))
    return shlex.quote(str(called)) if is_other else NAME


def pip_line(name: str) -> str:
    """The command that installs one of this package's extras for the Python that runs here."""
    python, here = Path(sys.executable), Path.cwd()
    shown = python.relative_to(here) if python.is_relative_to(here) else python
    return f"{shlex.quote(str(shown))} -m pip install '{NAME}[{name}]'"


def tell_next(workspace: Path, command: str) -> None:
    """Tell people at a terminal what to type next about a workspace."""
    if sys.stdout.isatty():
        sys.stderr.write(printable(f"next: {program()} {command} -w {shlex.quote(str(workspace))}\n"))

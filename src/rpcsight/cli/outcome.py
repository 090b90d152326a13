"""How a command ends: errors become one message on standard error and an exit code of their own."""

import sys
import traceback
from collections.abc import Callable
from typing import Any, cast

import typer

from rpcsight.cli.output import printable
from rpcsight.errors import RpcsightError, UsageError

__all__ = ["outcome"]

INTERRUPTED = 130
BUG = 70
# typer brings a click of its own; the errors of both are reached through this name.
WRONG_USE = cast("type[Exception]", typer.BadParameter.__base__)


def outcome(run: Callable[[], int | None]) -> int:
    """Run the program; its exit code, after a message on standard error where that is not 0."""
    try:
        code = run() or 0
    except RpcsightError as error:
        return _complain(str(error), error.exit_code)
    except WRONG_USE as error:
        return _complain(_wrong_use(error), UsageError.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever gets here is a bug, and says so
        traceback.print_exception(error)
        hint = "this is a bug in rpcsight; the lines above belong into its report"
        return _complain(f"rpcsight: {type(error).__name__}: {error}\n  hint: {hint}", BUG)
    if code == INTERRUPTED:
        sys.stderr.write("stopped\n")
    return code


def _complain(text: str, code: int) -> int:
    sys.stderr.write(f"error: {printable(text)}\n")
    return code


def _wrong_use(error: Any) -> str:  # noqa: ANN401 - see WRONG_USE
    """An error of the parser in our words."""
    command = error.ctx.command_path if error.ctx else "rpcsight"
    what = error.format_message().rstrip(".")
    return f"{command}: {what[:1].lower()}{what[1:]}\n  hint: {command} --help"

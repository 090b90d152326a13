"""Every error rpcsight raises on purpose: one class, one exit code, a place, a cause and what to do next.

error: {where}: {what, with the value seen}
  hint: {the next thing to type}
"""

__all__ = [
    "BusyError",
    "EngineError",
    "InputError",
    "RpcsightError",
    "SchemaError",
    "SettingsError",
    "UsageError",
]


class RpcsightError(Exception):
    """Base of all errors that rpcsight raises on purpose.

    Args:
        where: the file, option, analytic or setting it is about.
        what: the cause, with the value seen.
        hint: what to do next; empty where there is nothing to say.
    """

    exit_code = 70

    def __init__(self, where: str, what: str, hint: str = "") -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        """The message in the form that the command line prints, without the leading `error: `."""
        text = f"{self.where}: {self.what}"
        return f"{text}\n  hint: {self.hint}" if self.hint else text


class UsageError(RpcsightError):
    """A command, option or name that does not exist or does not fit."""

    exit_code = 2


class InputError(RpcsightError):
    """Nothing usable could be read from an input."""

    exit_code = 3


class BusyError(InputError):
    """Another process holds the workspace for now."""


class SettingsError(RpcsightError):
    """A settings file or value is wrong."""

    exit_code = 4


class SchemaError(RpcsightError):
    """Records lack a field that the analytic needs."""

    exit_code = 5


class EngineError(RpcsightError):
    """DuckDB or Spark could not run, or gave up on a query."""

    exit_code = 6

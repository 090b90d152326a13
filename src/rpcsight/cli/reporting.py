"""The option `--report`: findings as one HTML file."""

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any, BinaryIO

from rpcsight import __version__
from rpcsight.cli import output
from rpcsight.errors import UsageError

if TYPE_CHECKING:
    from rpcsight.account import Account
    from rpcsight.findings import Finding
    from rpcsight.hunting import Surroundings
    from rpcsight.settings import Settings

__all__ = ["changed", "target", "where", "write"]

EXAMPLE = "--report report.html"
ENDINGS = (".html", ".htm")


def target(report: str, *taken: Path | None) -> Path:
    """Where the report goes, before any work is done.

    Args:
        report: what the option says.
        taken: files that are written otherwise.

    Raises:
        UsageError: it can't be there, or something else is.
    """
    path = Path(report)
    if path.suffix.lower() not in ENDINGS and not path.is_char_device():
        raise UsageError("--report", f"{report!r} does not end in .html: a report is a page for browsers", EXAMPLE)
    path = output.target(path, "--report", EXAMPLE)
    if any(each is not None and each.resolve() == path.resolve() for each in taken):
        raise UsageError("--report", f"{report!r} is written otherwise, too", "name another file")
    return path


def write(
    path: Path, findings: "Sequence[Finding]", account: "Account", around: "Surroundings", settings: "Settings"
) -> None:
    """Write the report, as a whole or not at all.

    Raises:
        InputError: it can't be written.
    """
    from rpcsight.report.page import Content, render

    content = Content(
        findings=[each.to_dict() for each in findings],
        account=account,
        version=__version__,
        command=shlex.join(["rpcsight", *sys.argv[1:]]),
        settings=changed(settings),
        made_us=int(time()) * 1_000_000,
        hours=around.hours,
        pairs=around.pairs,
    )
    text = render(content).encode("utf-8", errors="backslashreplace")

    def fill(out: BinaryIO) -> None:
        out.write(text)

    output.put(path, fill)


def where(path: Path) -> str:
    """A line that says where a report is, as browsers take it."""
    return f"the report, for a browser: {path.resolve().as_uri()}\n"


def changed(settings: "Settings") -> dict[str, str]:
    """The settings that differ from the defaults, by their names in a settings file."""
    given, usual = settings.model_dump(mode="json"), type(settings)().model_dump(mode="json")
    return {name: str(value) for name, value in _flat(given) if value != dict(_flat(usual)).get(name)}


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")  # pyright: ignore[reportUnknownArgumentType]
        else:
            yield f"{before}{name}", value

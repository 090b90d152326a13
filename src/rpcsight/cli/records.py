"""The command `findings records`."""

import json
import sys
from dataclasses import asdict
from textwrap import indent
from typing import TYPE_CHECKING, Annotated

import typer

from rpcsight.cli.options import NoColor, Quiet, WorkspaceFile, one_of
from rpcsight.cli.output import printable, progress_bar, say
from rpcsight.errors import InputError

if TYPE_CHECKING:
    from rpcsight.triage.records import Found

__all__ = ["records"]

FORMATS = ("text", "jsonl")
MOST_TOLD = 3


def records(
    finding_id: Annotated[
        str, typer.Argument(metavar="ID", help="Its id, or the first digits of it.", show_default=False)
    ],
    workspace: WorkspaceFile,
    output_format: Annotated[str, typer.Option("--format", "-f", help="text, or jsonl for programs.")] = "text",
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Show the records that a finding's evidence rests on, as they stand in the files that were hunted: file, line, text.

    \b
    rpcsight findings records 7f56 --workspace corp.db
    rpcsight findings records 7f56 --workspace corp.db --format jsonl | jq -r .record
    """
    from rpcsight.baseline.workspace import Workspace
    from rpcsight.triage import kept
    from rpcsight.triage.records import search_all, wanted

    one_of("--format", output_format, FORMATS)
    with Workspace(workspace, is_reading=True) as there:
        (finding,) = kept.chosen(there, [finding_id])
    files = wanted(finding.finding())
    names = list(dict.fromkeys(each.flow_id for sought in files.values() for each in sought))
    shown: set[str] = set()
    failed: dict[str, InputError] = {}
    with progress_bar(is_quiet=quiet, no_color=no_color) as progress:
        for each in search_all(files, failed, progress):
            shown.add(each.flow_id)
            say(_as_json(finding.finding_id, each) if output_format == "jsonl" else _as_text(each))
    if not shown:
        what = f"its evidence names {len(names)}, and no record of these was found"
        nothing = InputError(finding.finding_id, what, "are the files those that were hunted?")
        raise next(iter(failed.values()), nothing)
    for error in failed.values():
        sys.stderr.write(printable(f"not searched to the end: {error}\n"))
    if not quiet:
        absent = [name for name in names if name not in shown]
        told = f"; not found: {', '.join(absent[:MOST_TOLD])}" if absent else ""
        more = f" and {len(absent) - MOST_TOLD} more" if len(absent) > MOST_TOLD else ""
        sys.stderr.write(printable(f"found {len(shown)} of {len(names)} that evidence names{told}{more}\n"))


def _as_json(finding_id: str, found: "Found") -> str:
    return json.dumps({"finding_id": finding_id, **asdict(found)}, ensure_ascii=False) + "\n"


def _as_text(found: "Found") -> str:
    place = f"{found.source}, line {found.line}" if found.line else found.source
    cut = "" if found.is_whole else " (a part of it)"
    text = printable(found.record.replace("\t", "  "))
    head = printable(f"{place}, flow {found.flow_id}").replace("\n", "\\n")
    return f"{head}{cut}\n{indent(text, '  ')}\n\n"

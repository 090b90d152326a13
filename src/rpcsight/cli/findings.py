"""The commands `findings list`, `show`, `close` and `reopen`."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from rpcsight.cli.calling import tell_next
from rpcsight.cli.deciding import Reason, Who, checked_reason, need_command, opened, person
from rpcsight.cli.kept_tables import SHORT_ID, as_table, log_overview, overview
from rpcsight.cli.options import Format, Limit, NoColor, Output, Quiet, WorkspaceFile, one_of
from rpcsight.cli.output import destination, printable, say, shown_width, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from rpcsight.triage.kept import Kept

__all__ = [
    "Severity",
    "Since",
    "Status",
    "chosen",
    "findings",
    "overview",
]

WIDTH_OF_PIPES = 100
FORMATS = ("text", "json")
FOR_PEOPLE = ("table", "markdown")
SEVERITIES = ("info", "low", "medium", "high")
ALL = "all"
GROWN = "grown"

findings = typer.Typer(help="Findings of all hunts: list, show, close with a reason, open again.")

Ids = Annotated[
    list[str],
    typer.Argument(metavar="ID", help="Ids; the first digits are enough where no other begins so.", show_default=False),
]

Status = Annotated[
    str,
    typer.Option(
        "--status",
        help="open, benign, malicious, duplicate, allowed, closed, all; or grown: closed, and then more came.",
    ),
]
Severity = Annotated[str, typer.Option("--severity", help="This or higher: info, low, medium, high.")]
Since = Annotated[
    str | None, typer.Option("--since", help="Active then or later: 2026-11-01; UTC.", show_default=False)
]


@findings.callback(invoke_without_command=True)
def root(context: typer.Context) -> None:
    """Findings of all hunts: list, show, close with a reason, open again."""
    need_command(context)


@findings.command("list")
def list_(
    workspace: WorkspaceFile,
    status: Status = "open",
    severity: Severity = "info",
    since: Since = None,
    host: Annotated[
        str | None,
        typer.Option("--host", help="With this client or server: address, network, name or MAC.", show_default=False),
    ] = None,
    service: Annotated[
        str | None, typer.Option("--service", help="Of this RPC service, as svcctl.", show_default=False)
    ] = None,
    limit: Limit = 20,
    output_format: Format = None,
    output: Output = None,
    no_color: NoColor = False,
) -> None:
    """List findings that are kept, best first: open ones, if nothing else is said.

    \b
    rpcsight findings list --workspace corp.db
    rpcsight findings list --workspace corp.db --status all --host 10.0.3.0/24
    rpcsight findings list --workspace corp.db --status benign --format jsonl
    """
    from rpcsight.baseline.workspace import Workspace
    from rpcsight.triage import kept
    from rpcsight.triage.allowing import known_facts
    from rpcsight.triage.matching import facts_of
    from rpcsight.triage.search import ids_of

    wanted = chosen(status, severity, since)
    to = destination(output_format, output, limit, no_color)
    with Workspace(workspace, is_reading=True) as there:
        everything = kept.findings(there)
        grown = sum(1 for each in everything if each.has_grown)
        found = [each for each in everything if wanted(each)]
        if asked := {key: value for key, value in (("host", host), ("service", service)) if value is not None}:
            ids = ids_of(there, asked)
            found = [each for each in found if each.finding_id in ids]
        facts = known_facts(there, [facts_of(each.finding()) for each in found[:limit]])
    write(overview(found, facts) if to.writer.NAME in FOR_PEOPLE else as_table(found), to)
    if not everything:
        sys.stderr.write(f"no hunt has kept anything here: rpcsight hunt LOGS -w {printable(str(workspace))}\n")
    elif found:
        tell_next(workspace, f"findings show {found[0].finding_id[:SHORT_ID]}")
    if grown and status == "open":
        sys.stderr.write(f"closed findings that have grown since: {grown} (--status grown)\n")


@findings.command()
def show(
    finding_id: Annotated[
        str, typer.Argument(metavar="ID", help="Its id, or the first digits of it.", show_default=False)
    ],
    workspace: WorkspaceFile,
    output_format: Annotated[str, typer.Option("--format", "-f", help="text, or json for programs.")] = "text",
) -> None:
    """Show all about a finding: story, parts of the score, evidence, what to check, what the baseline knows, and the log.

    \b
    rpcsight findings show 7f56 --workspace corp.db
    """
    from rpcsight.baseline.workspace import Workspace
    from rpcsight.triage import kept
    from rpcsight.triage.telling import as_text, history

    one_of("--format", output_format, FORMATS)
    with Workspace(workspace, is_reading=True) as there:
        (found,) = kept.chosen(there, [finding_id])
        known = history(there, found)
    if output_format == "json":
        state = {"status": found.status, "allowed_by": found.allowed_by, "log": known.log}
        say(json.dumps(found.finding() | state, indent=2, ensure_ascii=False) + "\n")
        return
    say(printable(as_text(found, known, shown_width(WIDTH_OF_PIPES))))
    tell_next(workspace, f"findings records {finding_id}")
    if found.status == "open":
        tell_next(workspace, f"findings close {finding_id} --as benign|malicious|duplicate --reason TEXT")


@findings.command()
def close(
    ids: Ids,
    workspace: WorkspaceFile,
    verdict: Annotated[str, typer.Option("--as", help="benign, malicious or duplicate.", show_default=False)],
    reason: Reason,
    who: Who = None,
    quiet: Quiet = False,
) -> None:
    """Close findings with a verdict and a reason. What is benign counts for the baseline from now on; all else is held back from it.

    \b
    rpcsight findings close 7f56 d594 --as benign --reason "print queue moved, ticket 4711" --workspace corp.db
    """
    from rpcsight.triage import kept

    with opened(workspace) as there:
        found = kept.close(there, ids, verdict, checked_reason(reason), person(who))
    _tell(found, f"closed as {verdict}", is_quiet=quiet)


@findings.command()
def reopen(ids: Ids, workspace: WorkspaceFile, reason: Reason, who: Who = None, quiet: Quiet = False) -> None:
    """Open closed findings again; what they saw is held back from the baseline again.

    \b
    rpcsight findings reopen 7f56 --reason "there was no such ticket" --workspace corp.db
    """
    from rpcsight.triage import kept

    with opened(workspace) as there:
        found = kept.reopen(there, ids, checked_reason(reason), person(who))
    _tell(found, "open again", is_quiet=quiet)


@findings.command()
def log(
    workspace: WorkspaceFile,
    since: Annotated[
        str | None, typer.Option("--since", help="Done then or later: 2026-11-01; UTC.", show_default=False)
    ] = None,
    limit: Limit = 50,
    output_format: Format = None,
    output: Output = None,
    no_color: NoColor = False,
) -> None:
    """List all that was done to findings and to the allow-list: when, by whom, why; the newest first.

    \b
    rpcsight findings log --workspace corp.db
    rpcsight findings log --since 2026-11-01 --format csv --workspace corp.db
    """
    from rpcsight.baseline.workspace import Workspace
    from rpcsight.settings import parse_span
    from rpcsight.triage.audit import entries
    from rpcsight.triage.matching import microseconds

    first, _ = parse_span(since, None)
    to = destination(output_format, output, limit, no_color)
    with Workspace(workspace, is_reading=True) as there:
        rows = entries(there, 0 if first is None else microseconds(first))
    write(log_overview(rows) if to.writer.NAME == "table" else rows, to)


def chosen(status: str, severity: str, since: str | None) -> "Callable[[Kept], bool]":
    """Which findings these options ask for.

    Raises:
        UsageError: one of them is none.
    """
    from rpcsight.settings import parse_span
    from rpcsight.triage.kept import STATUSES, VERDICTS
    from rpcsight.triage.matching import microseconds

    one_of("--status", status, (*STATUSES, "closed", GROWN, ALL))
    one_of("--severity", severity, SEVERITIES)
    first, _ = parse_span(since, None)
    earliest = None if first is None else microseconds(first)
    return lambda each: (
        status in {each.status, ALL, GROWN if each.has_grown else ALL, "closed" if each.status in VERDICTS else ALL}
        and each.severity not in SEVERITIES[: SEVERITIES.index(severity)]
        and (earliest is None or each.last_us >= earliest)
    )


def _tell(found: "list[Kept]", what: str, *, is_quiet: bool) -> None:
    if not is_quiet:
        for each in found:
            sys.stderr.write(
                printable(f"{each.finding_id[:SHORT_ID]} {what} (was {each.status}): {each.summary}") + "\n"
            )

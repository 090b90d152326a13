"""The commands `baseline show|assets|export|import|forget|diff`."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rpcsight.cli.baseline_text import (
    asset_lines,
    difference_lines,
    host_lines,
    maturity,
    megabytes,
    overview_lines,
    settled_lines,
    span,
)
from rpcsight.cli.deciding import need_command
from rpcsight.cli.learn import check_format
from rpcsight.cli.options import Quiet, SettingsFile, TextFormat, WorkspaceFile
from rpcsight.cli.output import printable, say, say_lines
from rpcsight.errors import UsageError

if TYPE_CHECKING:
    from rpcsight.baseline.summary import Summary

__all__ = ["app"]

EPOCH = date(1970, 1, 1)
LISTED = 10
Limit = Annotated[int, typer.Option("--limit", help="Most rows of each list of the text; JSON gives more.", min=1)]

app = typer.Typer(
    name="baseline",
    help="Show, share, compare or shorten what was learned (rpcsight learn).",
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def root(context: typer.Context) -> None:
    """Show, share, compare or shorten what was learned (rpcsight learn)."""
    need_command(context)


@app.command()
def show(
    workspace: WorkspaceFile,
    host: Annotated[
        str | None,
        typer.Argument(metavar="[HOST]", help="An address or a name: what is known of it.", show_default=False),
    ] = None,
    output_format: TextFormat = "text",
    limit: Limit = LISTED,
    settings: SettingsFile = None,
) -> None:
    """Show what is known: days, hosts by role, pairs; of a host its role and why, whom it uses, and who uses it.

    \b
    rpcsight baseline show -w corp.db
    rpcsight baseline show -w corp.db 10.0.0.5
    """
    from rpcsight.baseline import summary
    from rpcsight.baseline.workspace import Workspace
    from rpcsight.settings import load

    check_format(output_format)
    given = load(settings).baseline
    most = summary.MOST if output_format == "json" else limit
    with Workspace(workspace, is_reading=True) as opened:
        if host is None:
            known, text = summary.overview(opened, given.known_days, most), overview_lines
        else:
            known, text = summary.host(opened, host, most), host_lines
    if known is None:
        raise UsageError(
            "baseline show",
            f"nothing is known of {host!r}",
            "`rpcsight baseline show` lists some; roles need an IP address",
        )
    _print(known, text(known), output_format)


@app.command()
def assets(
    workspace: WorkspaceFile,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="CSV, JSON or JSON lines (docs/roles.md).", show_default=False),
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Drop what an earlier file says.")] = False,
    quiet: Quiet = False,
) -> None:
    """Say what hosts are: a file of addresses, networks or names with role, name and owner. It wins over learned roles.

    A file takes the place of the one before. ECS hosts and what NetBox exports are read, too. As CSV (role, name and owner may be empty):

    \b
    ip,role,name,owner
    10.0.0.5,management server,sccm1,ann
    10.0.7.0/24,workstation,,

    \b
    rpcsight baseline assets hosts.csv -w corp.db
    rpcsight baseline assets --remove -w corp.db
    """
    from rpcsight.baseline.assets import Inventory, read_assets
    from rpcsight.baseline.inventory import keep
    from rpcsight.baseline.workspace import Workspace

    if (file is None) != remove:
        hint = "rpcsight baseline assets hosts.csv -w FILE"
        raise UsageError("baseline assets", "needs either a file or --remove", hint)
    found = read_assets(file) if file else Inventory()
    if remove:
        Workspace(workspace, is_reading=True).close()  # there is nothing to remove where there is none
    with Workspace(workspace) as opened:
        kept = keep(opened, found.rows)
    if not quiet:
        lines = asset_lines(file, found, kept) if file else settled_lines(kept)
        typer.echo("\n".join(printable(line) for line in lines), err=True)


@app.command()
def export(
    workspace: WorkspaceFile,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="DIR", help="The folder to write: a new or empty one.", show_default=False
        ),
    ],
    quiet: Quiet = False,
) -> None:
    """Write what was learned as a folder of Parquet files, to keep, to look into or to import elsewhere.

    Findings and what was decided about them stay in the workspace.
    """
    from rpcsight.baseline.exchange import export as exported
    from rpcsight.baseline.workspace import Workspace

    with Workspace(workspace, is_reading=True) as opened:
        counts = exported(opened, output)
    if not quiet:
        typer.echo(printable(f"wrote {_tables(counts)} into {output}"), err=True)


@app.command("import")
def import_(
    workspace: WorkspaceFile,
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE", help="Another workspace, or a folder that one was exported to.", show_default=False
        ),
    ],
    settings: SettingsFile = None,
    quiet: Quiet = False,
) -> None:
    """Add what another workspace has learned: the same as if its files had been learned here.

    Refused as a whole where a file was learned in both, since its records would count twice.
    """
    from rpcsight.baseline.exchange import merge
    from rpcsight.baseline.summary import overview
    from rpcsight.baseline.workspace import Workspace
    from rpcsight.settings import load

    given = load(settings)
    with Workspace(workspace) as opened:
        counts = merge(opened, source, given)
        known = overview(opened, given.baseline.known_days, 1)
    if not quiet:
        typer.echo(printable(f"added {_tables(counts)} of {source}"), err=True)
        _tell_now(known)


@app.command()
def forget(
    workspace: WorkspaceFile,
    before: Annotated[
        str | None,
        typer.Option("--before", metavar="DAY", help="Days before this one: 2026-11-01.", show_default=False),
    ] = None,
    days: Annotated[
        int | None,
        typer.Option(
            "--days", metavar="N", help="All but the N newest days that were recorded.", min=1, show_default=False
        ),
    ] = None,
    settings: SettingsFile = None,
    quiet: Quiet = False,
) -> None:
    """Drop what was learned of old days. Their files stay known: learning them again does not bring the days back.

    \b
    rpcsight baseline forget -w corp.db --days 30
    """
    from rpcsight.baseline.summary import overview
    from rpcsight.baseline.workspace import Workspace
    from rpcsight.settings import load

    if (before is None) == (days is None):
        raise UsageError(
            "baseline forget", "needs either --before or --days", "rpcsight baseline forget -w FILE --days 30"
        )
    given = load(settings).baseline
    until = None if before is None else _day("--before", before)
    Workspace(workspace, is_reading=True).close()  # there is nothing to forget where there is none
    with Workspace(workspace) as opened:
        before_days = opened.rows("select coalesce(max(days), 0) as days from baseline_span")[0]["days"]
        oldest = opened.oldest_of(days) if days is not None else until
        if oldest is not None:
            opened.forget(oldest, given)
        known = overview(opened, given.known_days, 1)
    if not quiet:
        typer.echo(f"forgot {before_days - known['days']:,} of {before_days:,} days", err=True)
        _tell_now(known)


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(metavar="A", help="A workspace.", show_default=False)],
    after: Annotated[
        Path | None, typer.Argument(metavar="[B]", help="Another, to compare with it.", show_default=False)
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            metavar="DAY",
            help="Instead of B: compare A's days from this one on with those before.",
            show_default=False,
        ),
    ] = None,
    output_format: TextFormat = "text",
    limit: Limit = LISTED,
) -> None:
    """Show which hosts, pairs and services are new, and which are gone.

    \b
    rpcsight baseline diff october.db november.db
    rpcsight baseline diff corp.db --at 2026-11-15
    """
    from rpcsight.baseline.difference import difference, split
    from rpcsight.baseline.workspace import Workspace

    check_format(output_format)
    if (after is None) == (at is None):
        hint = "rpcsight baseline diff A B, or rpcsight baseline diff A --at DAY"
        raise UsageError("baseline diff", "needs either a second workspace or --at", hint)
    if after is not None:
        found = difference(before, after)
    else:
        with Workspace(before, is_reading=True) as opened:
            found = split(opened, _day("--at", at or ""))
    _print(found, difference_lines(found, limit), output_format)


def _print(known: "Summary", lines: Iterable[str], output_format: str) -> None:
    if output_format == "json":
        say(json.dumps(known, indent=2, ensure_ascii=False) + "\n")
    else:
        say_lines(map(printable, lines))


def _tell_now(known: "Summary") -> None:
    typer.echo(printable(f"the baseline now: {span(known)}; {maturity(known)}"), err=True)
    typer.echo(printable(f"{known['workspace']}: {megabytes(known['bytes'])}"), err=True)


def _tables(counts: dict[str, int]) -> str:
    return ", ".join(f"{rows:,} {name}" for name, rows in counts.items())


def _day(option: str, text: str) -> int:
    try:
        return (datetime.fromisoformat(text).replace(tzinfo=UTC).date() - EPOCH).days
    except ValueError:
        raise UsageError(option, f"{text!r} is no day", "write it as 2026-11-01") from None

"""The command `hunt`."""

from pathlib import Path
from typing import Annotated

import typer

from rpcsight.cli import reporting
from rpcsight.cli.options import (
    EngineName,
    Format,
    Limit,
    Map,
    Mapper,
    Master,
    NoColor,
    Output,
    Paths,
    Ports,
    Quiet,
    Report,
    SettingsFile,
    Since,
    Until,
    Window,
    request,
)
from rpcsight.cli.output import destination, progress_bar, tell, write
from rpcsight.errors import UsageError

__all__ = ["hunt"]

EVERYTHING = "all"
MOST = 10_000

Budget = Annotated[
    str, typer.Option("--budget", metavar="N", help="Most findings a day, the most unusual; or all.", show_default=True)
]
Workspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        metavar="FILE",
        help="What `rpcsight learn` made: judge by what is normal here, and keep the findings there.",
        show_default=False,
    ),
]


def hunt(
    paths: Paths,
    workspace: Workspace = None,
    budget: Budget = "10",
    report: Report = None,
    output_format: Format = None,
    output: Output = None,
    engine: EngineName = "duckdb",
    master: Master = None,
    dynamic_ports: Ports = None,
    mapper_port: Mapper = None,
    window: Window = None,
    since: Since = None,
    until: Until = None,
    mapping: Map = None,
    settings: SettingsFile = None,
    limit: Limit = 20,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Rank who used RPC on whom: findings with reasons and evidence, best first.

    \b
    rpcsight hunt conn.log
    rpcsight hunt today/ --workspace corp.db               by what `rpcsight learn` knows; keeps the findings there
    rpcsight hunt /logs/zeek/2026-11-* --since 2026-11-20 --format jsonl -o findings.jsonl
    rpcsight hunt conn.log --report report.html            a report for a colleague or a ticket: reasons, evidence, drawings

    Where captures and logs show what was called, or what it started, that is told with its ATT&CK technique.
    """
    from rpcsight import diagnosis, hunting, pipeline
    from rpcsight.findings import as_table, overview
    from rpcsight.intake.read import spare
    from rpcsight.triage.hunted import is_covering, keep_hunted

    most = _budget(budget)
    to = destination(output_format, output, limit, no_color, are_findings=True)
    page = None if report is None else reporting.target(report, to.path, workspace)
    asked = request(
        paths,
        engine=engine,
        master=master,
        dynamic_ports=dynamic_ports,
        mapper_port=mapper_port,
        window=window,
        since=since,
        until=until,
        mapping=mapping,
        settings=settings,
        output=to.path,
    )
    looked_at = 2 * most if workspace and is_covering(workspace) else most
    with progress_bar(is_quiet=quiet, no_color=no_color) as progress, pipeline.opened(asked, progress) as session:
        spare(page, session.made, "--report")
        found = hunting.hunt(session, asked.settings, workspace, looked_at, is_final=not workspace)
        found.account.limits += diagnosis.limits(session)
        around = hunting.surroundings(session) if page else None
    findings = found.findings
    if workspace:
        findings, said = keep_hunted(workspace, findings, found.days, most, found.account)
        found.account.limits += said
        hunting.say_overflow(found.account, findings, found.days)
        if findings:
            found.account.limits.append(f"kept, with ids: `rpcsight findings list -w {workspace}`")
    if page and around:
        reporting.write(page, findings, found.account, around, asked.settings)
    write((overview if to.writer.NAME == "table" else as_table)(findings), to)
    tell(found.account, is_quiet=quiet)
    if page and not quiet:
        typer.echo(reporting.where(page), err=True, nl=False)


def _budget(text: str) -> int:
    from rpcsight.hunting import ALL

    if text == EVERYTHING:
        return ALL
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise UsageError("--budget", f"{text!r} is no number of findings a day", f"from 1 to {MOST}, or all")
    return int(text)

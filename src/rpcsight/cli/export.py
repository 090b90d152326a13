"""The commands `findings export` and `export-sigma`."""

from typing import Annotated

import typer

from rpcsight.cli.findings import Severity, Since, Status, chosen
from rpcsight.cli.options import (
    AnalyticId,
    Format,
    Mapper,
    NoColor,
    Output,
    Ports,
    SettingsFile,
    Window,
    WorkspaceFile,
    request,
)
from rpcsight.cli.output import destination, say, write
from rpcsight.errors import UsageError

__all__ = ["export", "export_sigma"]

ALL = 2**31


def export(
    workspace: WorkspaceFile,
    output_format: Format = None,
    output: Output = None,
    status: Status = "open",
    severity: Severity = "info",
    since: Since = None,
    no_color: NoColor = False,
) -> None:
    """Write kept findings with all their fields, for other programs: best first.

    \b
    rpcsight findings export --workspace corp.db --format ecs -o findings.ndjson
    rpcsight findings export --workspace corp.db --status malicious --format stix -o bundle.json
    rpcsight findings export --workspace corp.db --severity high -o ticket.md
    """
    from rpcsight.baseline.workspace import Workspace
    from rpcsight.findings import kept_table
    from rpcsight.triage import kept

    wanted = chosen(status, severity, since)
    to = destination(output_format or (None if output else "jsonl"), output, ALL, no_color, are_findings=True)
    if to.writer.NAME == "table":
        raise UsageError("--format", "table is for `rpcsight findings list`", "-f jsonl, markdown, csv, …, or -o FILE")
    with Workspace(workspace, is_reading=True) as there:
        found = [each for each in kept.findings(there) if wanted(each)]
    write(kept_table(each.finding() | {"status": each.status, "allowed_by": each.allowed_by} for each in found), to)


def export_sigma(
    analytic: AnalyticId = "CAR-2014-05-001",
    logsource: Annotated[str, typer.Option("--logsource", help="Whose fields: zeek, firewall or sysmon.")] = "zeek",
    any_order: Annotated[
        bool, typer.Option("--any-order", help="Either may come first: for converters that know no order.")
    ] = False,
    dynamic_ports: Ports = None,
    mapper_port: Mapper = None,
    window: Window = None,
    settings: SettingsFile = None,
) -> None:
    """Print the published rule as Sigma correlation rules, for other SIEMs.

    \b
    rpcsight export-sigma > rpc.yml
    rpcsight export-sigma --logsource sysmon --window 5s --any-order
    """
    from rpcsight.analytics import analytic as named
    from rpcsight.analytics.sigma import sigma_rules

    asked = request([], dynamic_ports=dynamic_ports, mapper_port=mapper_port, window=window, settings=settings)
    header = named(analytic, asked.settings.analytics).header
    say(sigma_rules(header, asked.settings.rule, logsource, is_ordered=not any_order))

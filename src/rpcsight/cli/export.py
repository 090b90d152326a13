"""The command `findings export`."""

from rpcsight.cli.findings import Severity, Since, Status, chosen
from rpcsight.cli.options import Format, NoColor, Output, WorkspaceFile
from rpcsight.cli.output import destination, write
from rpcsight.errors import UsageError

__all__ = ["export"]

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

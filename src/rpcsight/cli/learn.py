"""The command `learn`."""

import json
from typing import TYPE_CHECKING

import typer

from rpcsight.cli.baseline_text import counted, maturity, megabytes, roles, span
from rpcsight.cli.options import (
    EngineName,
    Map,
    Mapper,
    Master,
    NoColor,
    Paths,
    Ports,
    Quiet,
    SettingsFile,
    TextFormat,
    WorkspaceFile,
    request,
)
from rpcsight.cli.output import printable, progress_bar, say, tell
from rpcsight.errors import UsageError

if TYPE_CHECKING:
    from rpcsight.baseline.learning import Learned
    from rpcsight.baseline.summary import Summary

__all__ = ["check_format", "learn"]

FORMATS = ("text", "json")
SHOWN = 20


def learn(
    paths: Paths,
    workspace: WorkspaceFile,
    output_format: TextFormat = "text",
    engine: EngineName = "duckdb",
    master: Master = None,
    dynamic_ports: Ports = None,
    mapper_port: Mapper = None,
    mapping: Map = None,
    settings: SettingsFile = None,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Learn from records what is normal in this network, for hunts that tell the unusual from it.

    \b
    rpcsight learn logs/ --workspace corp.db             two weeks or more are best; more can be added any day
    rpcsight learn logs/ -w corp.db                      again: only files that are new are read
    rpcsight learn 'logs/*2026-10-*' -w corp.db          some days, by the names of their files
    rpcsight baseline show -w corp.db                    what is known now

    The file is made if it is not there. Learn logs that are finished: one that grows is another file each time.
    """
    from rpcsight.baseline.learning import learn as learned
    from rpcsight.baseline.summary import overview
    from rpcsight.baseline.workspace import Workspace

    check_format(output_format)
    asked = request(
        paths,
        engine=engine,
        master=master,
        dynamic_ports=dynamic_ports,
        mapper_port=mapper_port,
        mapping=mapping,
        settings=settings,
    )
    with Workspace(workspace) as opened:
        with progress_bar(is_quiet=quiet, no_color=no_color) as progress:
            try:
                came = learned(asked, opened, progress)
            except KeyboardInterrupt:
                typer.echo(f"nothing was learned: {printable(str(workspace))} is as it was", err=True)
                raise
        known = overview(opened, asked.settings.baseline.known_days, SHOWN)
    if output_format == "json":
        new = {"files": came.files, "files_known_before": came.known, "rows": came.rows, "unusable": came.unusable}
        say(json.dumps({"learned": new, **known}, indent=2, ensure_ascii=False) + "\n")
    if came.account.files:
        tell(came.account, is_quiet=quiet)
    if not quiet:
        for line in _lines(came, known):
            typer.echo(printable(line), err=True)


def check_format(name: str) -> None:
    """See to it that a format of summaries is there.

    Raises:
        UsageError: it is not.
    """
    if name not in FORMATS:
        raise UsageError("--format", f"{name!r} is no format of this command", f"one of: {', '.join(FORMATS)}")


def _lines(came: "Learned", known: "Summary") -> "list[str]":
    before = f"; {counted(came.known, 'file')} learned before, passed over" if came.known else ""
    found = [f"learned {counted(came.files, 'new file')}{before}" if came.files else f"nothing new{before}"]
    if came.unusable:
        found.append(f"of the others nothing could be used: {came.unusable.splitlines()[0]}")
    found.append(f"the baseline now: {span(known)}; {maturity(known)}")
    found.append(roles(known))
    if known["held_back_pairs"]:
        found.append(
            f"held back, since nobody dismissed the findings about them: {counted(known['held_back_pairs'], 'pair')}"
        )
    found.append(f"{known['workspace']}: {megabytes(known['bytes'])}")
    if came.files and came.files == known["inputs"]["files"]:
        found.append(f"next: rpcsight hunt NEWER_LOGS -w {known['workspace']}")
    return found

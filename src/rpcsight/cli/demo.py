"""The command `demo`."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from rpcsight.cli import reporting
from rpcsight.cli.calling import pip_line, program
from rpcsight.cli.options import Limit, NoColor, Report, request
from rpcsight.cli.output import destination, printable, tell, write
from rpcsight.errors import UsageError

__all__ = ["demo"]

BUDGET = 10
HEADING = "A network of two domain controllers and four workstations, recorded for two minutes (nfdump records):\n\n"
STAGED = """
What was staged: lateral movement from 10.77.0.22 to .21, .23 and .24, on from .23 to .24, and once from .21 to .23.
10.77.0.24 is an administrator taking stock: benign, and near the top all the same, since without a baseline flows can't tell.

"""

NewWorkspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        metavar="FILE",
        help="Also keep the findings in a new workspace, for `rpcsight serve`.",
        show_default=False,
    ),
]


def demo(report: Report = None, workspace: NewWorkspace = None, limit: Limit = 12, no_color: NoColor = False) -> None:
    """Hunt through a recording that comes with rpcsight: real RPC between Samba controllers, workstations and clients.

    \b
    rpcsight demo
    rpcsight demo --report demo.html          the same as a page for a browser
    rpcsight demo --workspace demo.db         the same for rpcsight serve --workspace demo.db
    """
    from importlib.resources import as_file, files

    from rpcsight import hunting, pipeline
    from rpcsight.findings import overview
    from rpcsight.triage.hunted import keep_hunted

    to = destination("table", None, limit, no_color)
    page = None if report is None else reporting.target(report, workspace)
    if workspace and workspace.exists():
        hint = f"name another file, or look at it: {program()} serve --workspace {workspace}"
        raise UsageError("--workspace", f"{str(workspace)!r} is there, and a demo would mix with it", hint)
    with as_file(files("rpcsight") / "demo" / "recording.nfdump.json.gz") as recording:
        asked = request([str(recording)])
        with pipeline.opened(asked) as session:
            found = hunting.hunt(session, budget=BUDGET)
            around = hunting.surroundings(session) if page else None
    if page and around:
        reporting.write(page, found.findings, found.account, around, asked.settings)
    if workspace:
        keep_hunted(workspace, found.findings, found.days, BUDGET, found.account)
    sys.stderr.write(HEADING)
    write(overview(found.findings), to)
    tell(found.account)
    sys.stderr.write(STAGED + printable(_next(page, workspace)))


def _next(page: Path | None, workspace: Path | None) -> str:
    """What to type next: to see it in a browser, then one's own records."""
    name = program()
    needs = "" if find_spec("fastapi") else f"    this needs: {pip_line('web')}\n"
    if page:
        text = reporting.where(page)
    elif workspace:
        text = f"Next: {name} serve --workspace {workspace}\n{needs}"
    else:
        text = f"""Next, in a browser: {name} demo --report demo.html, then open that file
or with triage, hosts and a map: {name} demo --workspace demo.db, then {name} serve --workspace demo.db
{needs}"""
    return f"{text}With your own records: {name} doctor LOGS, {name} hunt LOGS --report report.html\n"

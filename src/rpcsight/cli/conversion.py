"""The command `convert`."""

from pathlib import Path
from typing import Annotated

import typer

from rpcsight.cli.options import Map, Mapper, NoColor, Paths, Quiet, SettingsFile, Since, Until, request
from rpcsight.cli.output import progress_bar, tell

__all__ = ["convert"]

Folder = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="DIR", help="The folder to write: a new or empty one.", show_default=False),
]
Replace = Annotated[bool, typer.Option("--replace", help="Replace what an earlier convert wrote there.")]


def convert(
    paths: Paths,
    output: Folder,
    replace: Replace = False,
    mapper_port: Mapper = None,
    since: Since = None,
    until: Until = None,
    mapping: Map = None,
    settings: SettingsFile = None,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Write anything that is read as Parquet, by table and day: what clusters read, and rpcsight again.

    Every flow, on any port, and what packets and logs show beside: DIR/flow/day=2026-11-22/part-0.parquet, DIR/rpc_call/…

    \b
    rpcsight convert logs/ captures/ -o lake
    rpcsight run rpc-activity lake                 the same rows as from the originals
    rpcsight hunt 'lake/*/day=2026-11-2*'          some days only
    duckdb -c "from read_parquet('lake/flow/*/*.parquet', hive_partitioning = true)"
    """
    from rpcsight.conversion import convert as converted

    asked = request(paths, mapper_port=mapper_port, since=since, until=until, mapping=mapping, settings=settings)
    with progress_bar(is_quiet=quiet, no_color=no_color) as progress:
        account = converted(asked, output, is_replacing=replace, progress=progress)
    tell(account, is_quiet=quiet)

"""`rpcsight doctor`."""

import json
import os
import sys
from typing import Annotated

import typer

from rpcsight.cli.options import (
    Map,
    Mapper,
    NoColor,
    Paths,
    Ports,
    Quiet,
    SettingsFile,
    Since,
    Until,
    Window,
    request,
)
from rpcsight.cli.output import progress_bar, say, shown_width
from rpcsight.errors import UsageError

__all__ = ["doctor"]

WIDTH_OF_PIPES = 100
FORMATS = ("text", "json")


def doctor(
    paths: Paths,
    output_format: Annotated[str, typer.Option("--format", "-f", help="text, or json for programs.")] = "text",
    dynamic_ports: Ports = None,
    mapper_port: Mapper = None,
    window: Window = None,
    since: Since = None,
    until: Until = None,
    mapping: Map = None,
    settings: SettingsFile = None,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Say whether the rule can work on these records, what they can't show, and what to change in the sensor or export.

    \b
    rpcsight doctor conn.log
    rpcsight doctor /logs/zeek /exports/nfcapd* --format json
    """
    if output_format not in FORMATS:
        raise UsageError("--format", f"{output_format!r} is no format of a diagnosis", f"one of: {', '.join(FORMATS)}")
    from rpcsight.diagnosis import diagnose
    from rpcsight.diagnosis.text import as_text

    asked = request(
        paths,
        dynamic_ports=dynamic_ports,
        mapper_port=mapper_port,
        window=window,
        since=since,
        until=until,
        mapping=mapping,
        settings=settings,
    )
    with progress_bar(is_quiet=quiet, no_color=no_color) as progress:
        found = diagnose(asked, progress)
    if output_format == "json":
        say(json.dumps(found.to_dict(), indent=2, ensure_ascii=False) + "\n")
        return
    is_terminal = sys.stdout.isatty()
    say(
        as_text(
            found,
            shown_width(WIDTH_OF_PIPES),
            is_coloured=is_terminal and not no_color and not os.environ.get("NO_COLOR"),
        )
    )

"""Arguments and options that commands share, and what they ask for."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rpcsight.errors import SettingsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rpcsight.pipeline import Request

__all__ = [
    "AnalyticId",
    "EngineName",
    "Format",
    "Limit",
    "Map",
    "Mapper",
    "Master",
    "NoColor",
    "Output",
    "Paths",
    "Ports",
    "Quiet",
    "Report",
    "SettingsFile",
    "Since",
    "TextFormat",
    "Until",
    "Window",
    "WorkspaceFile",
    "one_of",
    "request",
]

Paths = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH",
        help="Files, folders, patterns, or - for standard input; plain, .gz or .zst; formats may be mixed.",
        show_default=False,
    ),
]
AnalyticId = Annotated[
    str,
    typer.Argument(
        metavar="ANALYTIC",
        help="An analytic's id; `rpcsight list analytics` shows them. Or a file of your own: mine.sql.",
        show_default=False,
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        help="table, jsonl, csv, parquet, markdown or navigator; for findings ecs, ocsf, stix or syslog, too. "
        "[default: as FILE ends; table on a terminal; else jsonl]",
        show_default=False,
    ),
]
Output = Annotated[
    str | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write there instead of standard output.", show_default=False),
]
EngineName = Annotated[str, typer.Option("--engine", help="duckdb, or spark for a cluster.")]
Master = Annotated[
    str | None,
    typer.Option("--master", help="Spark's master, as spark://host:7077. [default: this machine]", show_default=False),
]
Ports = Annotated[
    str | None,
    typer.Option("--dynamic-ports", help="The servers' dynamic port range. [default: 49152-65535]", show_default=False),
]
Mapper = Annotated[
    int | None, typer.Option("--mapper-port", help="The endpoint mapper's port. [default: 135]", show_default=False)
]
Window = Annotated[
    str | None,
    typer.Option(
        "--window", help="How long after the mapper connection, as 2s or 500ms. [default: 2s]", show_default=False
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        help="Only flows that start then or later: 2026-11-01 or 2026-11-01T08:00:00+01:00; UTC without zone.",
        show_default=False,
    ),
]
Until = Annotated[str | None, typer.Option("--until", help="Only flows that start earlier.", show_default=False)]
Map = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        help="A column of a delimited file or Parquet: src_ip=SourceIP, start_time=ts:epoch_ms. Repeat it.",
        show_default=False,
    ),
]
Report = Annotated[
    str | None,
    typer.Option(
        "--report", metavar="FILE", help="Also write a report: one HTML file for a browser.", show_default=False
    ),
]
SettingsFile = Annotated[
    Path | None,
    typer.Option("--settings", help="A TOML file; its keys are those of docs/settings.md.", show_default=False),
]
WorkspaceFile = Annotated[
    Path,
    typer.Option("--workspace", "-w", metavar="FILE", help="The file that keeps what is learned.", show_default=False),
]
TextFormat = Annotated[str, typer.Option("--format", "-f", help="text, or json for programs.")]
Limit = Annotated[
    int, typer.Option("--limit", help="Most rows of a table for people; the other formats give all.", min=1)
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress and no account of what was read on standard error.")
]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours (NO_COLOR=1 does the same).")]


def request(
    paths: list[str],
    *,
    engine: str = "duckdb",
    master: str | None = None,
    dynamic_ports: str | None = None,
    mapper_port: int | None = None,
    window: str | None = None,
    since: str | None = None,
    until: str | None = None,
    mapping: list[str] | None = None,
    settings: Path | None = None,
    output: Path | None = None,
) -> "Request":
    """What the options ask for; values that were not given are the settings'.

    Raises:
        UsageError: an option's value can't be read, or is out of bounds.
        SettingsError: the settings file is wrong.
    """
    from rpcsight.pipeline import Request
    from rpcsight.settings import load, parse_ports, parse_seconds, parse_span

    first, end = parse_span(since, until)
    rule = {
        "dynamic_ports": None if dynamic_ports is None else parse_ports(dynamic_ports, "--dynamic-ports"),
        "mapper_port": mapper_port,
        "window_s": None if window is None else parse_seconds(window, "--window"),
    }
    _check_bounds({"--mapper-port": "mapper_port", "--window": "window_s"}, rule)
    return Request(
        paths=paths,
        settings=load(settings, **rule),
        mapping=mapping or (),
        engine=engine,
        master=master,
        since=first,
        until=end,
        stdin=sys.stdin.buffer,
        output=output,
    )


def _check_bounds(names: "Mapping[str, str]", rule: "Mapping[str, object]") -> None:
    """See to it that the error of a value names the option that it came from, not a settings file.

    Args:
        names: option -> key of `[rule]`.
        rule: the values.

    Raises:
        UsageError: a value is out of bounds.
    """
    from rpcsight.settings import load

    for option, name in names.items():
        try:
            load(None, **{name: rule[name]})
        except SettingsError as cause:
            raise UsageError(option, cause.what, "`rpcsight hunt --help` shows the usual value") from cause


def one_of(option: str, value: str, words: tuple[str, ...]) -> None:
    """See to it that an option has one of its words.

    Raises:
        UsageError: it has not.
    """
    if value not in words:
        raise UsageError(option, f"{value!r} is none", f"one of: {', '.join(words)}")

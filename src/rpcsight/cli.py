"""The command line: parse, call, print, exit code; nothing else."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rpcsight import __version__
from rpcsight.errors import InputError, RpcsightError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from rpcsight.account import Account
    from rpcsight.pipeline import Progress, Request

__all__ = ["app", "main"]

INTERRUPTED = 130
BROKEN_PIPE = 141
BUG = 70
NARROWEST = 60

app = typer.Typer(
    name="rpcsight",
    help="""Finds Microsoft RPC in network flow records, and puts what deserves a person's time on top.

    \b
    rpcsight demo                                see it work, on a recording that comes with it
    rpcsight hunt conn.log                       who used RPC on whom, most telling first, with reasons
    rpcsight hunt logs/ --format jsonl           the same for a SIEM, from a folder of logs
    rpcsight run CAR-2014-05-001 conn.log        one analytic, exactly as published, every row
    zcat conn.*.gz | rpcsight hunt -             from a pipe
    rpcsight sql rpc-activity --dialect spark    the text, for a warehouse of one's own""",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

Paths = Annotated[
    list[str],
    typer.Argument(
        help="Files, folders, patterns, or - for standard input; plain, .gz or .zst; formats may be mixed.",
        show_default=False,
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        help="table, jsonl, csv or parquet. [default: table on a terminal, else jsonl]",
        show_default=False,
    ),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write there instead of standard output.", show_default=False)
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
SettingsFile = Annotated[
    Path | None,
    typer.Option("--settings", help="A TOML file; its keys are those of docs/settings.md.", show_default=False),
]
Limit = Annotated[
    int, typer.Option("--limit", help="Most rows of a table for people; the other formats give all.", min=1)
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress and no account of what was read on standard error.")
]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours (NO_COLOR=1 does the same).")]


@app.command()
def hunt(
    paths: Paths,
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
    rpcsight hunt /logs/zeek/2026-11-* --since 2026-11-20 --format jsonl -o findings.jsonl
    """
    from rpcsight import pipeline
    from rpcsight.findings import as_table, overview

    request = _request(paths, engine, master, dynamic_ports, mapper_port, window, since, until, mapping, settings)
    with _progress(quiet) as progress, pipeline.opened(request, progress) as session:
        found = session.hunt()
        chosen = _format(output_format, output)
        _write(
            overview(found.findings) if chosen == "table" else as_table(found.findings), chosen, output, limit, no_color
        )
    _tell(found.account, quiet)


@app.command()
def run(
    analytic: Annotated[
        str, typer.Argument(help="An analytic's id; `rpcsight list analytics` shows them.", show_default=False)
    ],
    paths: Paths,
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
    limit: Limit = 50,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Run one analytic: every row it finds.

    \b
    rpcsight run CAR-2014-05-001 conn.log          as published: every pair of flows
    rpcsight run rpc-activity nfcapd.2026* -f csv  what it means, on real records
    """
    from rpcsight import pipeline
    from rpcsight.analytics import analytic as known

    known(analytic)
    request = _request(paths, engine, master, dynamic_ports, mapper_port, window, since, until, mapping, settings)
    with _progress(quiet) as progress, pipeline.opened(request, progress) as session:
        _write(session.run(analytic), _format(output_format, output), output, limit, no_color)
    _tell(session.account, quiet)


@app.command("list")
def list_(
    what: Annotated[str, typer.Argument(help="readers, analytics or writers", show_default=False)],
    no_color: NoColor = False,
) -> None:
    """Show what there is: readers, analytics or writers."""
    import pyarrow as pa

    from rpcsight.analytics import all_analytics
    from rpcsight.readers import all_readers
    from rpcsight.writers import all_writers

    known: dict[str, Callable[[], list[dict[str, str]]]] = {
        "readers": lambda: [{"name": each.NAME, "why": each.ABOUT} for each in all_readers()],
        "writers": lambda: [{"name": each.NAME, "why": each.ABOUT} for each in all_writers()],
        "analytics": lambda: [
            {"id": each.header.id, "attack": ", ".join(each.header.attack[:3]), "why": each.header.about}
            for each in all_analytics()
        ],
    }
    if what not in known:
        raise UsageError("list", f"{what!r} is nothing to list", f"one of: {', '.join(known)}")
    rows = pa.Table.from_pylist(known[what]())
    renamed = rows.rename_columns(["about" if name == "why" else name for name in rows.column_names])
    _write(renamed, "table", None, rows.num_rows, no_color)


@app.command()
def sql(
    analytic: Annotated[str, typer.Argument(help="An analytic's id.", show_default=False)],
    dialect: Annotated[
        str, typer.Option("--dialect", help="duckdb, spark, clickhouse, snowflake, bigquery, trino or postgres.")
    ] = "duckdb",
    dynamic_ports: Ports = None,
    mapper_port: Mapper = None,
    window: Window = None,
    since: Since = None,
    until: Until = None,
    settings: SettingsFile = None,
) -> None:
    """Print an analytic's SQL over the table `flow`, to paste into a warehouse of one's own.

    rpcsight sql CAR-2014-05-001 --dialect snowflake
    """
    from rpcsight.analytics import compose
    from rpcsight.engines.dialects import translated

    request = _request([], "duckdb", None, dynamic_ports, mapper_port, window, since, until, None, settings)
    sys.stdout.write(translated(compose(analytic, from_flow=True), dialect, request.parameters()) + "\n")


@app.command()
def demo(limit: Limit = 12, no_color: NoColor = False) -> None:
    """Hunt through a recording that comes with rpcsight: real RPC between Samba controllers, workstations and clients."""
    from importlib.resources import as_file, files

    from rpcsight import pipeline
    from rpcsight.findings import overview

    with as_file(files("rpcsight") / "demo" / "recording.nfdump.json.gz") as recording:
        request = _request([str(recording)], "duckdb", None, None, None, None, None, None, None, None)
        with pipeline.opened(request) as session:
            found = session.hunt()
    sys.stderr.write(
        "A network of two domain controllers and four workstations, recorded for two minutes (nfdump records):\n\n"
    )
    _write(overview(found.findings), "table", None, limit, no_color)
    _tell(found.account, quiet=False)
    sys.stderr.write("\nNext: rpcsight hunt YOUR_LOGS, rpcsight run rpc-activity YOUR_LOGS, rpcsight --help\n")


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False) -> None:
    """Show the version."""
    if version:
        sys.stdout.write(f"rpcsight {__version__}\n")
        raise typer.Exit


def main() -> None:
    """Run the command line; errors become one message on standard error and an exit code of their own."""
    try:
        app()
    except RpcsightError as error:
        sys.stderr.write(f"error: {_printable(str(error))}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write("stopped\n")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(BROKEN_PIPE)


def _request(
    paths: list[str],
    engine: str,
    master: str | None,
    dynamic_ports: str | None,
    mapper_port: int | None,
    window: str | None,
    since: str | None,
    until: str | None,
    mapping: list[str] | None,
    settings: Path | None,
) -> "Request":
    from rpcsight.pipeline import Request
    from rpcsight.settings import load, parse_ports, parse_seconds

    return Request(
        paths=paths,
        settings=load(
            settings,
            dynamic_ports=parse_ports(dynamic_ports) if dynamic_ports else None,
            mapper_port=mapper_port,
            window_s=parse_seconds(window) if window else None,
        ),
        mapping=mapping or (),
        engine=engine,
        master=master,
        since=_time("--since", since),
        until=_time("--until", until),
        stdin=sys.stdin.buffer,
    )


def _time(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(option, f"{text!r} is no time", "write it as 2026-11-01 or 2026-11-01T08:00:00Z") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _format(chosen: str | None, output: Path | None) -> str:
    if chosen:
        return chosen
    if output is not None:
        return {".csv": "csv", ".parquet": "parquet", ".txt": "table"}.get(output.suffix, "jsonl")
    return "table" if sys.stdout.isatty() else "jsonl"


def _write(rows: "pa.Table", name: str, output: Path | None, limit: int, no_color: bool) -> None:
    from rpcsight.writers import Look, writer

    chosen = writer(name)
    if output is None:
        if chosen.IS_BINARY and sys.stdout.isatty():
            raise UsageError("--format", f"{name} does not belong on a terminal", "add -o FILE")
        is_terminal = sys.stdout.isatty()
        width = max(NARROWEST, os.get_terminal_size(sys.stdout.fileno()).columns) if is_terminal else 160
        chosen.write(
            rows, sys.stdout.buffer, Look(width, is_terminal and not no_color and "NO_COLOR" not in os.environ, limit)
        )
        sys.stdout.buffer.flush()
        return
    partial = output.with_name(output.name + ".part")
    try:
        with partial.open("wb") as out:
            chosen.write(rows, out, Look(limit=limit))
        partial.replace(output)
    except OSError as cause:
        raise InputError(str(output), f"can't be written ({cause.strerror})") from cause


@contextmanager
def _progress(quiet: bool) -> "Iterator[Progress | None]":
    """A bar on standard error that says which file is being read; only on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("looking at the inputs", total=None)

        def show(name: str, done: int, everything: int) -> None:
            bar.update(
                task, description=_printable(name)[-NARROWEST:] or "looking for RPC", completed=done, total=everything
            )

        yield show


def _tell(account: "Account", quiet: bool) -> None:
    """The account of what was read, on standard error."""
    if not quiet:
        from rpcsight.account import lines

        sys.stderr.write("".join(f"{_printable(line)}\n" for line in lines(account)))


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1] for letter in text)

"""The command line: parse, call, print, exit code; nothing else."""

import gc
import signal
import sys
from contextlib import ExitStack
from typing import Annotated

import typer

from rpcsight import __version__
from rpcsight.cli.allow import allow
from rpcsight.cli.baseline import app as baseline
from rpcsight.cli.conversion import convert
from rpcsight.cli.demo import demo
from rpcsight.cli.doctor import doctor
from rpcsight.cli.evaluate import evaluate
from rpcsight.cli.export import export, export_sigma
from rpcsight.cli.findings import findings
from rpcsight.cli.hunt import hunt
from rpcsight.cli.interfaces import interfaces
from rpcsight.cli.learn import learn
from rpcsight.cli.listing import list_
from rpcsight.cli.new_analytic import new_analytic
from rpcsight.cli.options import (
    AnalyticId,
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
    SettingsFile,
    Since,
    Until,
    Window,
    request,
)
from rpcsight.cli.outcome import outcome
from rpcsight.cli.output import destination, progress_bar, say, tell, write
from rpcsight.cli.records import records
from rpcsight.cli.serve import serve, token
from rpcsight.cli.simulate import simulate
from rpcsight.cli.testing import run_examples
from rpcsight.errors import UsageError

__all__ = ["app", "main"]

YOUNG_OBJECTS = 100_000
"""How many are made before cycles among them are looked for: what is made for each packet and row has none."""

app = typer.Typer(
    name="rpcsight",
    help="""Finds Microsoft RPC in network flow records, and puts what deserves a person's time on top.

    \b
    rpcsight demo                                see it work, on a recording that comes with it
    rpcsight hunt conn.log                       who used RPC on whom, most telling first, with reasons
    rpcsight hunt conn.log --report report.html  the same as a page for a browser
    rpcsight hunt logs/ --format jsonl           the same for a SIEM, from a folder of logs
    rpcsight learn logs/ -w corp.db              what is normal here, for hunts to tell the unusual from it
    rpcsight baseline show -w corp.db            what was learned, by host if you like
    rpcsight findings list --workspace corp.db   what hunts found so far: to show, close or allow
    rpcsight serve -w corp.rpcsight              the same in the browser, and as JSON
    rpcsight doctor conn.log                     what these records can show, and what not
    rpcsight run CAR-2014-05-001 conn.log        one analytic, exactly as published, every row
    zcat conn.*.gz | rpcsight hunt -             from a pipe
    rpcsight convert logs/ -o lake               anything to Parquet, by day, for a cluster
    rpcsight simulate -o corp                    an enterprise made up, with attacks, to try detections on
    rpcsight evaluate findings.jsonl corp        how many of those attacks findings tell, and at what cost
    rpcsight sql rpc-activity --dialect spark    the text, for a warehouse of one's own
    rpcsight new-analytic mine                   an analytic of your own, with examples; rpcsight test mine.sql""",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


app.command()(hunt)


@app.command()
def run(
    analytic: AnalyticId,
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
    rpcsight run rpc-calls capture.pcap            what was called, in SMB pipes too
    rpcsight run mine.sql conn.log                 one of your own (rpcsight new-analytic)
    """
    from rpcsight import analytics, pipeline

    to = destination(output_format, output, limit, no_color)
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
    found = analytics.analytic(analytic, asked.settings.analytics)
    with ExitStack() as held:
        with progress_bar(is_quiet=quiet, no_color=no_color) as progress:
            session = held.enter_context(pipeline.opened(asked, progress, analytics.facts(found)))
            rows = session.stream(found)
        write(rows, to)
    tell(session.account, is_quiet=quiet)


app.command()(learn)
app.add_typer(baseline)
app.command()(doctor)
app.command()(convert)
app.command()(interfaces)
app.command()(simulate)
app.command()(evaluate)


findings.command("records")(records)
findings.command("export")(export)
app.add_typer(findings, name="findings")
app.add_typer(allow, name="allow")
app.command()(serve)
app.add_typer(token)
app.command("list")(list_)
app.command("test")(run_examples)
app.command("new-analytic")(new_analytic)
app.command("export-sigma")(export_sigma)


@app.command()
def sql(
    analytic: AnalyticId,
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
    """Print an analytic's SQL over the table `flow` (and those it needs: docs/tables.md), to paste into a warehouse of one's own.

    \b
    rpcsight sql CAR-2014-05-001 --dialect snowflake
    rpcsight sql rpc_technique                 the rows of a table of the catalogue that other analytics join
    """
    from rpcsight.analytics import analytic as named
    from rpcsight.analytics import compose
    from rpcsight.catalog.relations import relation
    from rpcsight.engines.dialects import translated
    from rpcsight.schema import CATALOG

    asked = request(
        [],
        dynamic_ports=dynamic_ports,
        mapper_port=mapper_port,
        window=window,
        since=since,
        until=until,
        settings=settings,
    )
    text = (
        relation(analytic)
        if analytic in CATALOG
        else compose(named(analytic, asked.settings.analytics), from_flow=True)
    )
    say(translated(text, dialect, asked.parameters()) + "\n")


app.command()(demo)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Show the version, or without any command what there is."""
    if version:
        say(f"rpcsight {__version__}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        sys.stderr.write(context.get_help() + "\n")
        raise typer.Exit(UsageError.exit_code)


def main() -> None:
    """Run the command line; errors become one message on standard error and an exit code of their own."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: temporary files go
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    gc.set_threshold(YOUNG_OBJECTS)
    sys.exit(outcome(lambda: app(prog_name="rpcsight", standalone_mode=False)))

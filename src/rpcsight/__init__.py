"""rpcsight: finds Microsoft RPC in network flow records, and puts what deserves a person's time on top.

    import rpcsight

    rows = rpcsight.run("rpc-activity", "conn.log")     # a pyarrow.Table
    for finding in rpcsight.hunt("logs/"):              # best first
        print(finding.score, finding.summary)

`import rpcsight` loads no engine; the functions do.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rpcsight.errors import RpcsightError

if TYPE_CHECKING:
    import pyarrow as pa

    from rpcsight.findings import Finding as Finding
    from rpcsight.pipeline import Hunt, Request

__version__ = "0.1.0"
__all__ = ["Finding", "RpcsightError", "__version__", "hunt", "read", "run"]

Paths = str | Path | Sequence[str | Path]


def run(
    analytic: str,
    paths: Paths,
    *,
    settings: str | Path | None = None,
    mapping: Sequence[str] = (),
    engine: str = "duckdb",
    master: str | None = None,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    **rule: object,
) -> "pa.Table":
    """Run one analytic over files.

    Args:
        analytic: its id, as `rpcsight list analytics` shows it: "CAR-2014-05-001" (as published) or "rpc-activity".
        paths: a file, folder or pattern, or several.
        settings: a TOML file.
        mapping: `NAME=COLUMN` for delimited files and Parquet with other names than usual.
        engine: "duckdb" or "spark".
        master: Spark's master URL.
        since, until: bounds on the start of flows, times or ISO texts; UTC where they have no zone; until is left out.
        rule: settings of the rule that win over the file's: `window_s=2.0`, `dynamic_ports=(49152, 65535)`, `mapper_port=135`.

    Returns:
        All rows, in the analytic's order; times are UTC without zone, microseconds.

    Raises:
        RpcsightError: with where, what and a hint; nothing usable was read, or a name or value is wrong.
    """
    from rpcsight import pipeline
    from rpcsight.analytics import facts

    asked = _request(paths, settings, mapping, engine, master, since, until, rule)
    with pipeline.opened(asked, asked=facts(analytic)) as session:
        return session.run(analytic)


def hunt(
    paths: Paths,
    *,
    settings: str | Path | None = None,
    mapping: Sequence[str] = (),
    engine: str = "duckdb",
    master: str | None = None,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    **rule: object,
) -> "Hunt":
    """Find RPC in flow records and rank who used it against whom.

    Args:
        paths, settings, mapping, engine, master, since, until, rule: as for `run`.

    Returns:
        The findings, best first, and the account of what was read: a sequence of `Finding` with an attribute `account`.

    Raises:
        RpcsightError: as for `run`.
    """
    from rpcsight import pipeline

    with pipeline.opened(_request(paths, settings, mapping, engine, master, since, until, rule)) as session:
        return session.hunt()


def read(
    paths: Paths, *, settings: str | Path | None = None, mapping: Sequence[str] = (), **rule: object
) -> "pa.Table":
    """The flows that can be part of RPC, as the readers understand them: one row a record, columns of the relation `candidate`.

    Args:
        paths, settings, mapping, rule: as for `run`.

    Raises:
        RpcsightError: as for `run`.
    """
    from rpcsight import pipeline

    asked = _request(paths, settings, mapping, "duckdb", None, None, None, rule)
    with pipeline.opened(asked, asked=()) as session:
        return session.candidates()


def _request(
    paths: Paths,
    settings: str | Path | None,
    mapping: Sequence[str],
    engine: str,
    master: str | None,
    since: datetime | str | None,
    until: datetime | str | None,
    rule: dict[str, object],
) -> "Request":
    from rpcsight import pipeline
    from rpcsight.settings import load, parse_span

    first, end = parse_span(since, until)
    named = [paths] if isinstance(paths, str | Path) else paths
    return pipeline.Request(
        paths=[str(path) for path in named],
        settings=load(Path(settings) if settings is not None else None, **rule),
        mapping=mapping,
        engine=engine,
        master=master,
        since=first,
        until=end,
    )


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute can be anything
    if name == "Finding":
        from rpcsight import findings

        return findings.Finding
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

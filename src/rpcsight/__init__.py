"""rpcsight: finds Microsoft RPC in network flow records, and puts what deserves a person's time on top.

    import rpcsight

    rows = rpcsight.run("rpc-activity", "conn.log")     # a pyarrow.Table
    for finding in rpcsight.hunt("logs/"):              # best first
        print(finding.score, finding.summary)
    rpcsight.learn("logs/", workspace="corp.db")        # what is normal here

`import rpcsight` loads no engine; the functions do.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rpcsight.errors import RpcsightError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from rpcsight.account import Account
    from rpcsight.baseline.learning import Learned
    from rpcsight.diagnosis import Diagnosis
    from rpcsight.findings import Finding as Finding
    from rpcsight.hunting import Hunt
    from rpcsight.pipeline import Request

__version__ = "0.1.0"
__all__ = ["Finding", "RpcsightError", "__version__", "convert", "doctor", "hunt", "learn", "read", "run"]

Paths = str | Path | Sequence[str | Path]
Columns = Mapping[str, str] | Sequence[str]


def run(
    analytic: str,
    paths: Paths,
    *,
    settings: str | Path | None = None,
    mapping: Columns = (),
    engine: str = "duckdb",
    master: str | None = None,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    **rule: object,
) -> "pa.Table":
    """Run one analytic over files.

    Args:
        analytic: its id, as `rpcsight list analytics` shows it: "CAR-2014-05-001" (as published) or "rpc-activity"; or a file of
            your own, "mine.sql".
        paths: a file, folder or pattern, or several.
        settings: a TOML file.
        mapping: flow column to the file's column, for delimited files and Parquet with other names than usual: a dict
            (`{"start_time": "ts:epoch_ms"}`), or texts as for `--map`.
        engine: "duckdb" or "spark".
        master: Spark's master URL.
        since, until: bounds on the start of flows, times or ISO texts; UTC where they have no zone; until is left out.
        rule: settings of the rule that win over the file's: `window_s=2.0`, `dynamic_ports=(49152, 65535)`, `mapper_port=135`.

    Returns:
        All rows, in the analytic's order; times are UTC without zone, microseconds.

    Raises:
        RpcsightError: with where, what and a hint; nothing usable was read, or a name or value is wrong.
    """
    from rpcsight import analytics, pipeline

    asked = _request(paths, settings, mapping, engine, master, since, until, rule)
    name = _text("analytic", analytic, "`rpcsight list analytics` shows them")
    known = analytics.analytic(name, asked.settings.analytics)
    with pipeline.opened(asked, asked=analytics.facts(known)) as session:
        return session.run(known)


def hunt(
    paths: Paths,
    *,
    settings: str | Path | None = None,
    mapping: Columns = (),
    engine: str = "duckdb",
    master: str | None = None,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    workspace: str | Path | None = None,
    budget: int = 10,
    **rule: object,
) -> "Hunt":
    """Find RPC in flow records and rank who used it against whom.

    Args:
        paths, settings, mapping, engine, master, since, until, rule: as for `run`.
        workspace: a file that `learn` made: what is normal here; without, the input alone says.
        budget: most findings a day; 0: everything.

    Returns:
        The findings, best first, and the account of what was read: a sequence of `Finding` with an attribute `account`.

    Raises:
        RpcsightError: as for `run`.
    """
    from rpcsight import diagnosis, hunting, pipeline

    asked = _request(paths, settings, mapping, engine, master, since, until, rule)
    file = None if workspace is None else Path(_text("workspace", workspace, "give a path"))
    with pipeline.opened(asked) as session:
        found = hunting.hunt(session, asked.settings, file, budget)
        found.account.limits += diagnosis.limits(session)
    return found


def learn(
    paths: Paths,
    *,
    workspace: str | Path,
    settings: str | Path | None = None,
    mapping: Columns = (),
    engine: str = "duckdb",
    master: str | None = None,
    **rule: object,
) -> "Learned":
    """Learn from records what is normal in a network; files that were learned before are passed over.

    Args:
        workspace: the file that keeps what is learned; made if it is not there.
        paths, settings, mapping, engine, master, rule: as for `run`.

    Returns:
        How many files are new, what was learned of them, and the account of what was read.

    Raises:
        RpcsightError: as for `run`; the workspace is in use, or is none. It is then as it was.
    """
    from rpcsight.baseline.learning import learn as learned
    from rpcsight.baseline.workspace import Workspace

    asked = _request(paths, settings, mapping, engine, master, None, None, rule)
    with Workspace(Path(_text("workspace", workspace, "give a path"))) as opened:
        return learned(asked, opened)


def doctor(
    paths: Paths,
    *,
    settings: str | Path | None = None,
    mapping: Columns = (),
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    **rule: object,
) -> "Diagnosis":
    """Say whether the rule can work on records, what they can't show, and what to change in the sensor or export.

    Args:
        paths, settings, mapping, since, until, rule: as for `run`.

    Returns:
        The verdict and the checks that it is made of; `to_dict()` gives them as plain values.

    Raises:
        RpcsightError: as for `run`.
    """
    from rpcsight.diagnosis import diagnose

    return diagnose(_request(paths, settings, mapping, "duckdb", None, since, until, rule))


def convert(
    paths: Paths,
    folder: str | Path,
    *,
    replace: bool = False,
    settings: str | Path | None = None,
    mapping: Columns = (),
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    **rule: object,
) -> "Account":
    """Write everything that the paths hold as Parquet by table and day: every flow on any port, calls, processes.

    Args:
        folder: where to, a new or empty one: `folder/flow/day=2026-11-22/part-0.parquet`.
        replace: whether what an earlier conversion wrote there may be replaced.
        paths, settings, mapping, since, until, rule: as for `run`.

    Returns:
        The account of what was read and written.

    Raises:
        RpcsightError: as for `run`; the folder holds something else, or can't be written.
    """
    from rpcsight.conversion import convert as converted

    asked = _request(paths, settings, mapping, "duckdb", None, since, until, rule)
    return converted(asked, Path(_text("folder", folder, "give a path")), is_replacing=replace)


def read(paths: Paths, *, settings: str | Path | None = None, mapping: Columns = (), **rule: object) -> "pa.Table":
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
    mapping: Columns,
    engine: str,
    master: str | None,
    since: datetime | str | None,
    until: datetime | str | None,
    rule: dict[str, object],
) -> "Request":
    from rpcsight import pipeline
    from rpcsight.settings import load, parse_span

    first, end = parse_span(since, until)
    mapped = [f"{name}={column}" for name, column in mapping.items()] if isinstance(mapping, Mapping) else mapping
    return pipeline.Request(
        paths=_texts("paths", paths, "give a path, or a list of paths"),
        settings=load(Path(_text("settings", settings, "give a path")) if settings is not None else None, **rule),
        mapping=_texts("mapping", mapped, 'give a dict: {"src_ip": "SourceIP"}'),
        engine=engine,
        master=master,
        since=first,
        until=end,
    )


def _texts(name: str, given: object, hint: str) -> list[str]:
    """One text or path, or several, as texts."""
    if isinstance(given, str | Path):
        return [str(given)]
    if not isinstance(given, Iterable) or isinstance(given, Mapping | bytes):
        raise UsageError(name, f"{given!r} is neither a text nor several", hint)
    return [_text(name, each, hint) for each in cast("Iterable[object]", given)]


def _text(name: str, given: object, hint: str) -> str:
    if not isinstance(given, str | Path):
        raise UsageError(name, f"{given!r} is no text", hint)
    return str(given)


def load_ipython_extension(shell: Any) -> None:  # noqa: ANN401 - IPython is none of our dependencies
    """`%load_ext rpcsight`: Arrow tables, as `run` and `read` give them, show as tables in this notebook."""
    from rpcsight.report.notebook import arrow_html

    shell.display_formatter.formatters["text/html"].for_type_by_name("pyarrow.lib", "Table", arrow_html)


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute can be anything
    if name == "Finding":
        from rpcsight import findings

        return findings.Finding
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

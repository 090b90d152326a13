"""The straight line: inputs, readers, engine, analytics. Nothing here belongs to a stage."""

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from rpcsight.account import Account
from rpcsight.analytics import GIVEN, analytic, compose, compose_steps, facts, is_step, step, whole
from rpcsight.catalog import relations
from rpcsight.engines import Engine, Statements, open_engine
from rpcsight.intake.plan import Plan, plan
from rpcsight.intake.read import Progress, read, spare
from rpcsight.readers import parse_mapping
from rpcsight.schema import CATALOG, FACTS
from rpcsight.settings import Settings

__all__ = ["Progress", "Request", "Session", "opened"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER_US = 2**62
SHARED = ("pair", "connection")
MADE = ("tcp",)
"""Steps over the tables that feeds make."""
EVENTS = ("record", *FACTS)
"""What steps named `event_*` make of Windows events, where there is one."""
LOGGED = ("logged", "logged_flow")
"""Steps that those build on."""
CALLS = """
    select coalesce(transport_protocol, 'tcp') as carrier, count(*) as calls
    from rpc_call
    group by coalesce(transport_protocol, 'tcp')
"""
CLOCK = "host_clock"
"""What a diagnosis asks of events besides."""
NOTHING_SHOWN = "{name} needs {needs}, and nothing in the input shows any: captures do, and logs of calls and hosts"


EVERY_PORT = {"dynamic_low": 0, "dynamic_high": 65535}
EVERY_HALF = "select * from raw"
NONE_LEFT_OUT = "select source as left_out, 0 as flows from reading where 1 = 0"
"""In place of the steps `half` and `left_out`, and of the ports of interest, where every flow is kept."""
NO_FLOWS = (
    "{name} needs flow records, and no input holds any (Zeek: conn.log); what logs of calls hold: "
    "`rpcsight run rpc-calls`, `rpcsight run smb-events`"
)


@dataclass(frozen=True, slots=True)
class Request:
    """What to read, and how.

    Args:
        paths: files, folders, patterns, "-".
        settings: parameters of the rule.
        mapping: `--map` options.
        engine: "duckdb" or "spark".
        master: Spark's master.
        since, until: bounds on the start of flows (until is left out), UTC.
        stdin: what "-" stands for.
        output: the file that the results will replace; it must not be one of the inputs.
    """

    paths: Sequence[str]
    settings: Settings = field(default_factory=Settings)
    mapping: Sequence[str] = ()
    engine: str = "duckdb"
    master: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    stdin: BinaryIO | None = None
    output: Path | None = None

    def parameters(self) -> dict[str, int]:
        """The values that the SQL's parameters are bound to."""
        return {
            **self.settings.rule.parameters(),
            **self.settings.attack.parameters(),
            "since_us": -FOREVER_US if self.since is None else _microseconds(self.since),
            "until_us": FOREVER_US if self.until is None else _microseconds(self.until),
        }


class Session:
    """An engine that has read the inputs, and the account of it; of the tables of `schema.FACTS`, those in `asked`."""

    def __init__(
        self, engine: Engine, parameters: Mapping[str, int], account: Account, asked: Collection[str], made: Plan
    ) -> None:
        self.account = account
        self.made = made
        self._asked = asked
        self._engine = engine
        self.parameters = parameters
        self._held: list[str] = []

    def run(self, name: str) -> pa.Table:
        """All rows of an analytic, in its own order."""
        self._hold(name)
        return self._engine.rows(compose(name, held=self._held), self.parameters)

    def stream(self, name: str) -> pa.RecordBatchReader:
        """The rows of an analytic as they come, for results larger than memory; to be used up while the session is open."""
        self._hold(name)
        return self._engine.batches(compose(name, held=self._held), self.parameters)

    def table(self, name: str) -> pa.RecordBatchReader:
        """All rows of `flow` or of a table of `schema.FACTS` by time, as they come; to be used up while the session is open.

        Flows are all of the input's only where it was opened so (`is_whole`).
        """
        return self._engine.batches(step("flow") if name == "flow" else whole(name), self.parameters)

    def candidates(self) -> pa.Table:
        """The flows that can be part of RPC, one row a record, as the readers understood them."""
        return self._engine.rows(f"{step('candidate')}\norder by start_us, flow_id", self.parameters)

    def ask(self, name: str, uses: Sequence[str] = ()) -> list[dict[str, Any]]:
        """All rows of a step, over the steps that it builds on."""
        sql = compose_steps(uses, step(name), (*GIVEN, *self._held))
        return self._engine.rows(sql, self.parameters).to_pylist()

    def held(self, name: str) -> list[dict[str, Any]]:
        """All rows of a relation that was kept while reading."""
        return self._engine.rows(f"select * from {name}", {}).to_pylist()

    def count(self, name: str) -> int:
        """How many rows an analytic has."""
        self._hold(name)
        sql = f"select count(*) as number from ({compose(name, held=self._held)}) as found"
        return self._engine.rows(sql, self.parameters).to_pylist()[0]["number"]

    def keep(self, relation: str, name: str, steps: Sequence[str] = (), *, is_warning: bool = True) -> None:
        """Keep all rows of an analytic as a relation, for steps that build on it.

        Args:
            relation: what to call it.
            name: the analytic's id.
            steps: what the engine holds from now on besides what it always does, where the analytic uses it.
            is_warning: whether the account says that the input holds nothing that the analytic needs.
        """
        self._hold(name, (*SHARED, *steps), is_warning=is_warning)
        self._engine.keep(relation, compose(name, held=self._held), self.parameters)

    def make(self, relation: str, sql: str) -> None:
        """Keep the rows of a query as a relation, for steps that build on it."""
        self._engine.keep(relation, sql, {})

    def told(self, name: str, **parameters: int) -> list[dict[str, Any]]:
        """All rows of a step over relations that are kept."""
        return self._engine.rows(step(name), {**self.parameters, **parameters}).to_pylist()

    def shown(self) -> set[str]:
        """Which tables of `schema.FACTS` have rows."""
        return {name for name in FACTS if self._engine.rows(f"select 1 from {name} limit 1", {}).num_rows}

    def count_calls(self) -> None:
        """Let the account say how many calls there are, where they were asked for."""
        if "rpc_call" in self._asked:
            calls = self._engine.rows(CALLS, {}).to_pylist()
            self.account.calls.update({row["carrier"]: row["calls"] for row in calls})

    def _hold(self, name: str, steps: Sequence[str] = SHARED, *, is_warning: bool = True) -> None:
        """Let the engine hold the steps that several analytics build on; account for what they leave out, and for what is not there."""
        if missing := set(facts(name)).difference(self._asked):
            raise ValueError(f"{name} needs {', '.join(sorted(missing))}: the session was opened without")
        header = analytic(name).header
        uses = header.uses
        has_flows = "flow" in header.needs and bool(self.account.flow_files)
        shown = set(header.needs) & set(FACTS)
        if is_warning and "flow" in header.needs and not has_flows and not shown:
            self._warn(NO_FLOWS.format(name=header.id))
        if is_warning and shown and not has_flows and not shown & self.shown():
            self._warn(NOTHING_SHOWN.format(name=header.id, needs=" or ".join(sorted(header.needs))))
        for listed in (each for each in uses if each in CATALOG and each not in self._held):
            self._engine.give(listed, relations.rows(listed))
            self._held.append(listed)
        for shared in (each for each in steps if each in uses and each not in self._held):
            before = uses[: uses.index(shared)]
            sql = compose_steps(before, step(shared), (*GIVEN, *self._held))
            self._engine.keep(shared, sql, self.parameters)
            self._held.append(shared)
            if shared == "connection":
                repeated = self._engine.rows(step("repeated"), self.parameters).to_pylist()[0]["flows"]
                self.account.left_out |= {"repeated": repeated} if repeated else {}

    def _warn(self, what: str) -> None:
        """Say in the account what limits the results, once."""
        if what not in self.account.warnings:
            self.account.warnings.append(what)


@contextmanager
def opened(
    request: Request,
    progress: Progress | None = None,
    asked: Collection[str] = tuple(FACTS),
    *,
    is_whole: bool = False,
    is_survey: bool = False,
) -> Iterator[Session]:
    """Read the inputs into an engine.

    Args:
        request: what to read, and how.
        progress: is told what is being read.
        asked: the tables of `schema.FACTS` that will be asked for: captures are not searched for others. All, where that is open.
        is_whole: keep every flow, not only those that can be part of RPC: `Session.table` gives them, and no analytic runs.
        is_survey: also count what a diagnosis asks for: records on other ports that carry RPC, one-way records without the other direction.

    Raises:
        InputError: nothing usable was read.
        SchemaError: records lack a field that is needed.
        UsageError: a path, mapping or engine is wrong.
    """
    with tempfile.TemporaryDirectory(prefix="rpcsight-") as scratch:
        engine = open_engine(request.engine, scratch=scratch, master=request.master)
        try:
            account = Account()
            folder = request.settings.readers
            made = plan(request.paths, parse_mapping(request.mapping), Path(scratch), request.stdin, folder)
            spare(request.output, made)
            parameters = request.parameters()
            if is_whole:
                parameters |= EVERY_PORT
            statements = _statements(asked, is_whole=is_whole)
            if is_survey:
                statements = _surveying(statements)
            read(made, engine, statements, parameters, account, progress or _silent)
            yield Session(engine, parameters, account, asked, made)
        finally:
            engine.close()


def _statements(asked: Collection[str], *, is_whole: bool) -> Statements:
    left_out = compose_steps(("candidate", "sighting"), step("left_out"))
    if is_whole:
        left_out = NONE_LEFT_OUT
    made = {name: step(name) for name in MADE}
    counted = (step("stock"), step("problem"), left_out, step("undated"))
    events = {name: compose_steps(LOGGED, step(f"event_{name}")) for name in EVENTS if is_step(f"event_{name}")}
    reading = step("reading")
    interest = "" if is_whole else reading.rpartition("\nwhere ")[2]
    half = EVERY_HALF if is_whole else step("half")
    return Statements(reading, half, step("paired"), *counted, made, events, asked, interest=interest)


def _surveying(statements: Statements) -> Statements:
    """The statements that also keep what `steps/survey.sql` marks."""
    reading = f"select * from (with record as ({step('survey')}) {statements.reading}) as kept"
    half = f"select * from (with raw as ({step('survey_half')}) {statements.half}) as kept"
    events = {**statements.events, CLOCK: compose_steps(("logged",), step(f"event_{CLOCK}"))}
    facts = (*statements.facts, CLOCK)
    surveyed = replace(statements, reading=reading, half=half, one_sided=step("one_sided"), interest="")
    return replace(surveyed, events=events, facts=facts)


def _silent(name: str, done: int, everything: int) -> None:
    """A progress that nobody looks at."""
    del name, done, everything


def _microseconds(time: datetime) -> int:
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)

"""The straight line: inputs, readers, engine, analytics. Nothing here belongs to a stage."""

import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from rpcsight.account import Account
from rpcsight.analytics import compose_steps, is_step, step
from rpcsight.engines import Statements, open_engine
from rpcsight.intake.plan import plan
from rpcsight.intake.read import Progress, read, spare
from rpcsight.readers import Input, parse_mapping
from rpcsight.schema import FACTS
from rpcsight.schema.flows import SMB
from rpcsight.session import Session
from rpcsight.settings import Settings

__all__ = ["Progress", "Request", "Session", "opened"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER_US = 2**62
MADE = ("tcp",)
"""Steps over the tables that feeds make."""
EVENTS = ("record", *FACTS)
"""What steps named `event_*` make of Windows events, where there is one."""
LOGGED = ("logged", "logged_flow")
"""Steps over `event` that those build on."""
CLOCK = "host_clock"
"""What a diagnosis asks of events besides."""


SMB_PORT, NO_PORT = 445, -1
"""Where SMB listens: [MS-SMB2] 2.1; and what no record has."""
EVERY_PORT = {"dynamic_low": 0, "dynamic_high": 65535}
EVERY_HALF = "select * from raw"
NONE_LEFT_OUT = "select source as left_out, 0 as flows from reading where 1 = 0"
"""In place of the steps `half` and `left_out`, and of the ports of interest, where every flow is kept."""


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
            **self.settings.score.parameters(),
            "smb_port": SMB_PORT,
            "known_days": self.settings.baseline.known_days,
            "since_us": -FOREVER_US if self.since is None else _microseconds(self.since),
            "until_us": FOREVER_US if self.until is None else _microseconds(self.until),
        }


@contextmanager
def opened(
    request: Request,
    progress: Progress | None = None,
    asked: Collection[str] = (*FACTS, SMB),
    *,
    is_whole: bool = False,
    is_survey: bool = False,
    wanted: Callable[[Input], bool] | None = None,
) -> Iterator[Session]:
    """Read the inputs into an engine.

    Args:
        request: what to read, and how.
        progress: is told what is being read.
        asked: the tables of `schema.FACTS` that will be asked for: captures are not searched for others; and `SMB`, where flows to
            its port will be. All, where that is open.
        is_whole: keep every flow, not only those that can be part of RPC: `Session.table` gives them, and no analytic runs.
        is_survey: also count what a diagnosis asks for: records on other ports that carry RPC, one-way records without the other direction.
        wanted: says of each file whether it is to be read; None: all are.

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
            made = plan(request.paths, parse_mapping(request.mapping), Path(scratch), request.stdin, folder, wanted)
            spare(request.output, made)
            parameters = request.parameters()
            if is_whole:
                parameters |= EVERY_PORT
            if SMB not in asked:
                parameters["smb_port"] = NO_PORT
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
    logged = {name: step(name) for name in LOGGED}
    events = {name: step(f"event_{name}") for name in EVENTS if is_step(f"event_{name}")}
    reading = step("reading")
    interest = "" if is_whole else reading.rpartition("\nwhere ")[2]
    half = EVERY_HALF if is_whole else step("half")
    return Statements(reading, half, step("paired"), *counted, made, logged, events, asked, interest=interest)


def _surveying(statements: Statements) -> Statements:
    """The statements that also keep what `steps/survey.sql` marks."""
    reading = f"select * from (with record as ({step('survey')}) {statements.reading}) as kept"
    half = f"select * from (with raw as ({step('survey_half')}) {statements.half}) as kept"
    events = {**statements.events, CLOCK: step(f"event_{CLOCK}")}
    facts = (*statements.facts, CLOCK)
    surveyed = replace(statements, reading=reading, half=half, one_sided=step("one_sided"), interest="")
    return replace(surveyed, events=events, facts=facts)


def _silent(name: str, done: int, everything: int) -> None:
    """A progress that nobody looks at."""
    del name, done, everything


def _microseconds(time: datetime) -> int:
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)

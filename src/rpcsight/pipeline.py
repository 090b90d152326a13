"""The straight line: inputs, readers, engine, analytics. Nothing here belongs to a stage."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, overload

import pyarrow as pa

from rpcsight.account import Account, Skip, SourceClock
from rpcsight.analytics import GIVEN, analytic, compose, compose_steps, step
from rpcsight.engines import Engine, LayoutChange, ReadCount, Statements, Unreadable, open_engine
from rpcsight.errors import InputError, RpcsightError, UsageError
from rpcsight.findings import Finding
from rpcsight.findings.group import findings_of
from rpcsight.readers._names import parse_mapping
from rpcsight.readers._plan import Plan, Planned, plan, split
from rpcsight.settings import Settings

__all__ = ["Hunt", "Progress", "Request", "Session", "opened"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER_US = 2**62
SHOWN = 5
FAN_OUT_US = 300_000_000
EVIDENCE_ROWS = 5
SHARED = ("pair", "connection")
COARSE = (
    "{observers}: times are whole seconds; the strict rule misses most activities there. Exports that keep milliseconds: "
    "nfdump -o json, Zeek's conn.log, Suricata's EVE"
)

Progress = Callable[[str, int, int], None]
"""Told (what is being read, files done, files in all)."""


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
    """

    paths: Sequence[str]
    settings: Settings = field(default_factory=Settings)
    mapping: Sequence[str] = ()
    engine: str = "duckdb"
    master: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    stdin: BinaryIO | None = None

    def parameters(self) -> dict[str, int]:
        """The values that the SQL's parameters are bound to."""
        return {
            **self.settings.rule.parameters(),
            "since_us": -FOREVER_US if self.since is None else _microseconds(self.since),
            "until_us": FOREVER_US if self.until is None else _microseconds(self.until),
        }


class Session:
    """An engine that has read the inputs, and the account of it."""

    def __init__(self, engine: Engine, parameters: Mapping[str, int], account: Account) -> None:
        self.account = account
        self._engine = engine
        self._parameters = parameters
        self._held: list[str] = []

    def run(self, name: str) -> pa.Table:
        """All rows of an analytic, in its own order."""
        self._hold(name)
        return self._engine.rows(compose(name, held=self._held), self._parameters)

    def stream(self, name: str) -> pa.RecordBatchReader:
        """The rows of an analytic as they come, for results larger than memory; to be used up while the session is open."""
        self._hold(name)
        return self._engine.batches(compose(name, held=self._held), self._parameters)

    def candidates(self) -> pa.Table:
        """The flows that can be part of RPC, one row a record, as the readers understood them."""
        return self._engine.rows(f"{step('candidate')}\norder by start_us, flow_id", self._parameters)

    def hunt(self) -> "Hunt":
        """Activities grouped into findings, best first."""
        for name, relation in (("rpc-activity", "rpc_activity"), ("rpc-attempts", "rpc_attempt")):
            self._hold(name)
            self._engine.keep(relation, compose(name, held=self._held), self._parameters)
        parameters = {**self._parameters, "fan_out_us": FAN_OUT_US, "evidence_rows": EVIDENCE_ROWS}
        stories = self._engine.rows(step("story"), parameters).to_pylist()
        evidence = self._engine.rows(step("evidence"), parameters).to_pylist()
        return Hunt(findings_of(stories, evidence), self.account)


    def _hold(self, name: str) -> None:
        """Let the engine hold the steps that several analytics build on, and count what they leave out."""
        uses = analytic(name).header.uses
        for shared in (each for each in SHARED if each in uses and each not in self._held):
            before = uses[: uses.index(shared)]
            sql = compose_steps(before, step(shared), (*GIVEN, *self._held))
            self._engine.keep(shared, sql, self._parameters)
            self._held.append(shared)
            if shared == "connection":
                repeated = self._engine.rows(step("repeated"), self._parameters).to_pylist()[0]["flows"]
                self.account.left_out |= {"repeated": repeated} if repeated else {}


@dataclass(frozen=True, slots=True)
class Hunt(Sequence[Finding]):
    """The findings, best first, and the account of what was read."""

    findings: list[Finding]
    account: Account

    def __len__(self) -> int:
        return len(self.findings)

    @overload
    def __getitem__(self, place: int) -> Finding: ...
    @overload
    def __getitem__(self, place: slice) -> list[Finding]: ...
    def __getitem__(self, place: int | slice) -> Finding | list[Finding]:
        """The finding at that rank, from 0."""
        return self.findings[place]


@contextmanager
def opened(request: Request, progress: Progress | None = None) -> Iterator[Session]:
    """Read the inputs into an engine.

    Raises:
        InputError: nothing usable was read.
        SchemaError: records lack a field that is needed.
        UsageError: a path, mapping or engine is wrong.
    """
    with tempfile.TemporaryDirectory(prefix="rpcsight-") as scratch:
        engine = open_engine(request.engine, scratch=scratch, master=request.master)
        try:
            account = Account()
            _read(request, engine, Path(scratch), account, progress or _silent)
            _take_stock(engine, request.parameters(), account)
            yield Session(engine, request.parameters(), account)
        finally:
            engine.close()


def _silent(name: str, done: int, everything: int) -> None:
    """A progress that nobody looks at."""
    del name, done, everything


def _read(request: Request, engine: Engine, scratch: Path, account: Account, progress: Progress) -> None:
    statements = Statements(step("reading"), step("half"), step("paired"))
    mapping = parse_mapping(request.mapping)
    made = plan(request.paths, mapping, scratch, request.stdin)
    for number, planned in enumerate(made.scans):
        scan = planned.scan
        progress(scan.source or scan.paths[0], number, len(made.scans))
        try:
            counts = _counts(engine, planned, mapping, scratch, statements, request.parameters(), made)
        except RpcsightError as error:
            made.unusable.append(error)
            continue
        account.files += len(scan.paths)
        account.readers[scan.reader] += len(scan.paths)
        account.records += sum(count.records for count in counts)
        for count in counts:
            if count.unreadable:
                examples = tuple(_shown(each) for each in count.examples)
                account.skips.append(
                    Skip(scan.source or scan.paths[0], "lines that can't be read", count.unreadable, examples)
                )
    progress("", len(made.scans), len(made.scans))
    if not account.files:
        raise _nothing(made)
    account.skips += [Skip(source, f"holds no flows: {why}", 1) for source, why in made.flowless]
    account.skips += [Skip(error.where, error.what, 1) for error in made.unusable]


def _counts(
    engine: Engine,
    planned: Planned,
    mapping: Mapping[str, str],
    scratch: Path,
    statements: Statements,
    parameters: Mapping[str, int],
    made: Plan,
) -> list[ReadCount]:
    """Read a group of files; a part of it that can't be read is noted in `made` and does not cost the others."""
    counts: list[ReadCount] = []
    try:
        return [engine.read(planned.scan, statements, parameters)]
    except LayoutChange:
        for scan in split(planned, mapping, scratch, made):
            try:
                counts.append(engine.read(scan, statements, parameters))
            except RpcsightError as error:
                made.unusable.append(error)
    except InputError:
        if len(planned.inputs) == 1:
            raise
        for path, given in zip(planned.scan.paths, planned.inputs, strict=True):
            single = Planned(replace(planned.scan, paths=(path,)), (given,))
            try:
                counts += _counts(engine, single, mapping, scratch, statements, parameters, made)
            except RpcsightError as error:
                made.unusable.append(error)
    if not counts and made.unusable:
        raise made.unusable.pop()
    return counts


def _nothing(made: Plan) -> RpcsightError:
    """The error for inputs of which none could be used."""
    if len(made.unusable) == 1 and not made.flowless:
        return made.unusable[0]
    reasons = [(error.where, error.what.splitlines()[0]) for error in made.unusable]
    reasons += [(source, f"holds no flows: {why}") for source, why in made.flowless]
    if not reasons:
        return UsageError("paths", "there is nothing to read", "name a file, a folder, a pattern or -")
    if len(reasons) == 1:
        return InputError(*reasons[0], "flows are in conn.log; `rpcsight list readers` shows what is read")
    shown = "".join(f"\n  {where}: {what}" for where, what in reasons[:SHOWN])
    more = f"\n  … and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    return InputError(
        "inputs", f"none of {len(reasons)} could be used{shown}{more}", "`rpcsight list readers` shows what is read"
    )


def _take_stock(engine: Engine, parameters: Mapping[str, int], account: Account) -> None:
    """Count what the reading kept, and what it could not use, by reason."""
    for row in engine.rows(step("stock"), parameters).to_pylist():
        account.candidates += row["flows"]
        resolution = "1 s" if not row["uneven_s"] else "1 ms" if not row["uneven_ms"] else "1 µs"
        account.clocks.append(SourceClock(row["observer"], resolution, row["flows"]))
        first, last = (row[name].replace(tzinfo=UTC) for name in ("first_time", "last_time"))
        account.first_time = min(account.first_time or first, first)
        account.last_time = max(account.last_time or last, last)
    for row in engine.rows(step("problem"), parameters).to_pylist():
        example = (row["example"],) if row["example"] else ()
        account.skips.append(Skip(row["source"], row["problem"], row["records"], example))
    left_out = compose_steps(("candidate", "sighting"), step("left_out"))
    for row in engine.rows(left_out, parameters).to_pylist():
        account.left_out[row["left_out"]] = row["flows"]
    coarse = [clock.observer for clock in account.clocks if clock.resolution == "1 s"]
    if coarse:
        account.warnings.append(COARSE.format(observers=", ".join(coarse[:SHOWN])))


def _shown(each: Unreadable) -> str:
    place = each.source if each.line is None else f"{each.source}:{each.line}"
    return f"{place}: {each.what}"


def _microseconds(time: datetime) -> int:
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)

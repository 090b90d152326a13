"""Has an engine read what was planned, and keeps account of it: what came, what did not, and where to look."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC
from pathlib import Path

from rpcsight.account import Account, Skip, SourceClock
from rpcsight.engines import TEXT_FORMS, Engine, LayoutChange, ReadCount, Scan, Statements, Unreadable
from rpcsight.errors import InputError, RpcsightError, UsageError
from rpcsight.intake.locate import UNREADABLE, locate
from rpcsight.intake.plan import Plan, Planned, split
from rpcsight.schema import FACTS

__all__ = ["MAPPED", "NOTHING", "OTHER_PORT", "OUTSIDE", "UNUSABLE", "Progress", "read", "spare"]

SHOWN = 5
LOCATED_FILES = 3
MAPPED = frozenset({"csv", "parquet"})
"""Readers that heed --map."""
WRONG_COLUMNS = (
    "if columns or times are read wrongly, name them: --map start_time=COLUMN:epoch_ms (epoch_s, epoch_us, epoch_ns)"
)
NOT_NEEDED = " (not needed here)"
NOT_ASKED = "{}" + NOT_NEEDED
UNDATED = "{}: time missing, or before 1970 or after 2099"
UNUSED_MAP = "--map was not used: the columns of {readers} are known; delimited text and Parquet take it"
KNOWN_FORMATS = "`rpcsight list readers` shows what is read"
BEGINS = "; the line begins "
OUTSIDE = "outside --since"
OTHER_PORT = "other port "
"""Beginning of the mark of `steps/survey.sql`; the port follows."""
EXPECTED = (
    *("record of another log", "neither tcp nor udp", OUTSIDE, "continuation of a connection"),
    *("window without records", "end of a connection", "packet that opens no connection", "events lost", OTHER_PORT),
)
"""Beginnings of the reasons for which sound records are set aside."""
PORTLESS = ("no flow record", "dest_port missing")
"""Beginnings of the reasons that leave open whether a record is on an RPC port."""
DEFECTS = ("src_port missing", "start_time ", "src_ip missing", "dest_ip missing")
"""Beginnings of the reasons for which records on RPC ports can't be used, as `steps/reading.sql` words them."""
NOTHING = "there is nothing to read"
UNUSABLE = (UNREADABLE, *PORTLESS, *DEFECTS)
"""Beginnings of the reasons for which records and lines can't be used."""
COARSE = (
    "{observers}: times are whole seconds; the strict rule misses most activities there. What keeps milliseconds: "
    "nfdump -o json, Zeek's conn.log, packet captures (pcap)"
)

Progress = Callable[[str, int, int], None]
"""Told (what is being read, scans done, scans in all)."""


def spare(output: Path | None, made: Plan, option: str = "--output") -> None:
    """See to it that the results are not written over what is read.

    Raises:
        UsageError: the output is one of the inputs.
    """
    paths = {Path(item.source).resolve() for planned in made.scans for item, _ in planned.inputs}
    if output is not None and any(output.resolve() in {path, *path.parents} for path in paths):
        raise UsageError(option, f"{output} is one of the inputs, and would be lost", "name another")


def read(
    made: Plan,
    engine: Engine,
    statements: Statements,
    parameters: Mapping[str, int],
    account: Account,
    progress: Progress,
) -> None:
    """Read all planned scans into the engine, and fill the account.

    Args:
        made: the plan.
        engine: where records go.
        statements: the steps that reading needs.
        parameters: the rule's.
        account: is filled.
        progress: is told what is being read.

    Raises:
        InputError: nothing usable was read.
        SchemaError: records lack a field that is needed.
    """
    for number, planned in enumerate(made.scans):
        scan = planned.scan
        progress(scan.source or scan.paths[0], number, len(made.scans))
        if not scan.parts(statements.facts):
            made.flowless += [(item.source, NOT_ASKED.format(scan.gives)) for item, _ in planned.inputs]
            continue
        try:
            counts = _counts(engine, planned, statements, parameters, made)
        except RpcsightError as error:
            made.unusable.append(error)
            continue
        account.files += len(scan.paths)
        if any(part.gives not in FACTS for part in scan.parts(statements.facts)):
            account.flow_files += len(scan.paths)
        account.readers[scan.reader] += len(scan.paths)
        account.records += sum(count.records for count in counts)
        account.skips += [_unreadable(scan, count, parameters) for count in counts if count.unreadable]
        account.skips += [Skip(loss.source, loss.what, loss.count) for count in counts for loss in count.losses]
        account.warnings += [note for count in counts for note in count.notes]
        account.warnings += [note for note in scan.notes if note not in account.warnings]
    progress("", len(made.scans), len(made.scans))
    if not account.files:
        raise _nothing(made)
    if made.mapping and not MAPPED & account.readers.keys():
        account.warnings.append(UNUSED_MAP.format(readers=", ".join(sorted(account.readers))))
    account.skips += [Skip(source, f"holds no flows: {why}", 1) for source, why in made.flowless]
    account.skips += [Skip(error.where, error.what, 1) for error in made.unusable]
    if statements.one_sided:
        engine.keep("one_sided", statements.one_sided, parameters)
    engine.pair(statements, parameters)
    _take_stock(engine, statements, parameters, account, made)


def _counts(
    engine: Engine, planned: Planned, statements: Statements, parameters: Mapping[str, int], made: Plan
) -> list[ReadCount]:
    """Read a group of files; a part of it that can't be read is noted in `made` and does not cost the others."""
    counts: list[ReadCount] = []
    sources = [item.source for item, _ in planned.inputs]
    try:
        counts.append(engine.read(planned.scan, statements, parameters))
        made.used.update(sources)
    except LayoutChange:
        for scan in split(planned, made):
            if not scan.parts(statements.facts):
                made.flowless.append((scan.source, NOT_ASKED.format(scan.gives)))
                continue
            try:
                counts.append(engine.read(scan, statements, parameters))
            except RpcsightError as error:
                made.unusable.append(error)
        made.used.update(sources if counts else ())
    except InputError:
        if len(planned.inputs) == 1:
            raise
        for path, given in zip(planned.scan.paths, planned.inputs, strict=True):
            single = Planned(replace(planned.scan, paths=(path,)), (given,))
            try:
                counts += _counts(engine, single, statements, parameters, made)
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
    reasons += [
        (source, f"holds {why}" if why.endswith(NOT_NEEDED) else f"holds no flows: {why}")
        for source, why in made.flowless
    ]
    if not reasons:
        return UsageError("paths", NOTHING, "name a file, a folder, a pattern or -")
    if len(reasons) == 1:
        return InputError(*reasons[0], f"flows are in conn.log, calls in dce_rpc.log; {KNOWN_FORMATS}")
    shown = "".join(f"\n  {where}: {what}" for where, what in reasons[:SHOWN])
    more = f"\n  … and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    return InputError("inputs", f"none of {len(reasons)} could be used{shown}{more}", KNOWN_FORMATS)


def _take_stock(
    engine: Engine, statements: Statements, parameters: Mapping[str, int], account: Account, made: Plan
) -> None:
    """Count what the reading kept, and what it could not use, by reason."""
    for row in engine.rows(statements.stock, parameters).to_pylist():
        account.candidates += row["flows"]
        account.smb += row["smb"]
        resolution = "1 s" if not row["uneven_s"] else "1 ms" if not row["uneven_ms"] else "1 µs"
        account.clocks.append(SourceClock(row["observer"], resolution, row["flows"] + row["smb"]))
        first, last = (row[name].replace(tzinfo=UTC) for name in ("first_time", "last_time"))
        account.first_time = min(account.first_time or first, first)
        account.last_time = max(account.last_time or last, last)
    problems = engine.rows(statements.problem, parameters).to_pylist()
    account.skips += [_problem(row, made, parameters, number) for number, row in enumerate(problems)]
    for row in engine.rows(statements.undated, parameters).to_pylist():
        account.skips.append(Skip(row["source"], UNDATED.format(row["fact"]), row["records"]))
    for row in engine.rows(statements.left_out, parameters).to_pylist():
        account.left_out[row["left_out"]] = row["flows"]
    coarse = [clock.observer for clock in account.clocks if clock.resolution == "1 s"]
    if coarse:
        account.warnings.append(COARSE.format(observers=", ".join(coarse[:SHOWN])))
    _refuse_if_useless(account)


def _problem(row: Mapping[str, object], made: Plan, parameters: Mapping[str, int], number: int) -> Skip:
    """Records that could not be used for one reason, with lines to look at where that takes no more than a look into the file."""
    source, problem, records = str(row["source"]), str(row["problem"]), int(str(row["records"]))
    examples = (str(row["example"]),) if row["example"] and not problem.startswith(OUTSIDE) else ()
    if number < LOCATED_FILES and not problem.startswith(EXPECTED):
        for planned in made.scans:
            for path, (item, _) in zip(planned.scan.paths, planned.inputs, strict=True):
                if item.source == source and planned.scan.form in TEXT_FORMS:
                    lines = locate(planned.scan, path, parameters, {problem: records}).get(problem, [])
                    examples = tuple(map(_shown, lines)) or examples
    return Skip(source, problem, records, examples)


def _unreadable(scan: Scan, count: ReadCount, parameters: Mapping[str, int]) -> Skip:
    examples = count.examples
    if all(each.line is None for each in examples) and len(scan.paths) == 1:
        breaks = [each for each in examples if BEGINS not in each.what]  # the end of a cut file is no line
        located = locate(scan, scan.paths[0], parameters, {UNREADABLE: count.unreadable}).get(UNREADABLE)
        examples = [*breaks, *located] if located else examples
    return Skip(scan.source or scan.paths[0], UNREADABLE, count.unreadable, tuple(map(_shown, examples)))


def _refuse_if_useless(account: Account) -> None:
    """An empty result must mean that there is no RPC, not that nothing could be understood.

    It does not where more records on RPC ports are defective than sound (set aside by their time), or where at least half of
    all records and lines don't even tell their port.
    """
    if account.candidates:
        return
    sound = sum(skip.count for skip in account.skips if skip.what.startswith(OUTSIDE))
    defects = [skip for skip in account.skips if skip.what.startswith(DEFECTS)]
    broken = [skip for skip in account.skips if skip.what.startswith((UNREADABLE, *PORTLESS))]
    lines = account.records + sum(skip.count for skip in broken if skip.what == UNREADABLE)
    if sum(skip.count for skip in defects) > sound:
        raise _useless(account, defects, sound, "records on RPC ports")
    if broken and 2 * sum(skip.count for skip in broken) >= lines:
        raise _useless(account, broken, lines - sum(skip.count for skip in broken), "records")


def _useless(account: Account, unusable: list[Skip], others: int, which: str) -> InputError:
    count = sum(skip.count for skip in unusable)
    worst = max(unusable, key=lambda skip: skip.count)
    example = f" ({worst.examples[0]})" if worst.examples else ""
    what = f"{count:,} of {count + others:,} {which} could not be used: {worst.what}{example}"
    return InputError(worst.source, what, WRONG_COLUMNS if MAPPED & account.readers.keys() else KNOWN_FORMATS)


def _shown(each: Unreadable) -> str:
    place = each.source if each.line is None else f"{each.source}:{each.line}"
    return f"{place}: {each.what}"

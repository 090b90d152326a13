"""What was read, what was left out and why: part of every result, never only a log line."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

__all__ = ["Account", "Skip", "SourceClock", "lines"]

SHOWN = 5
PIPES = "RPC inside SMB pipes (445), "
UNSEEN = (
    f"not visible in flows to 135 and dynamic ports: {PIPES}RPC over HTTP (593), WinRM (5985, 5986), "
    "and connections that no sensor recorded"
)


NO_LOSS = {
    "holds no flows: ": "files that hold no flows",
    "record of another log: ": "records of other logs",
}
"""Beginnings of reasons that are no losses, and what a line calls all that they stand for."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Something that was not used: an input as a whole, or some of its records.

    Args:
        source: the input.
        what: the reason.
        count: how many records (or inputs).
        examples: the first few: place, and what is wrong there.
    """

    source: str
    what: str
    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceClock:
    """How fine an observer's clock is, found from its records' times."""

    observer: str
    resolution: str
    flows: int


@dataclass(slots=True)
class Account:
    """The counts of one run.

    Args:
        files: inputs read.
        flow_files: those of them that hold flow records; the others hold calls, events of hosts and the like.
        records: records in them.
        candidates: flows to the mapper or to a dynamic port.
        smb: flows to SMB, where those were asked for.
        readers: inputs by reader.
        skips: inputs and records not used.
        calls: RPC calls that captures or logs of calls show, by what carries them (tcp, smb); counted by `hunt`.
        left_out: candidates that the robust rule leaves out, by reason.
        clocks: resolution of each observer's times.
        warnings: what limits the result.
        written: rows that `convert` wrote, by table.
        limits: what a diagnosis finds to limit it, in a line or two.
        first_time, last_time: of the candidates, UTC.
    """

    files: int = 0
    flow_files: int = 0
    records: int = 0
    candidates: int = 0
    smb: int = 0
    readers: Counter[str] = field(default_factory=Counter[str])
    calls: Counter[str] = field(default_factory=Counter[str])
    skips: list[Skip] = field(default_factory=list[Skip])
    left_out: dict[str, int] = field(default_factory=dict[str, int])
    clocks: list[SourceClock] = field(default_factory=list[SourceClock])
    warnings: list[str] = field(default_factory=list[str])
    written: dict[str, int] = field(default_factory=dict[str, int])
    limits: list[str] = field(default_factory=list[str])
    first_time: datetime | None = None
    last_time: datetime | None = None


def lines(account: Account) -> Iterator[str]:
    """The account in words, a line each."""
    readers = ", ".join(f"{name} {count}" for name, count in sorted(account.readers.items()))
    files = "1 file" if account.files == 1 else f"{account.files:,} files"
    yield f"read {files} ({readers}): {account.records:,} records"
    if account.written:
        yield f"wrote {', '.join(f'{name} ({rows:,})' for name, rows in account.written.items())}"
    elif account.first_time and account.last_time:
        span = f"{account.first_time:%Y-%m-%d %H:%M:%S} to {account.last_time:%Y-%m-%d %H:%M:%S} UTC"
        yield f"of these, {account.candidates:,} may be part of RPC (to the endpoint mapper or a dynamic port), {span}"
        if account.smb:
            yield f"beside them {account.smb:,} to SMB (port 445), in whose pipes RPC may run"
    clocks = Counter(clock.resolution for clock in account.clocks)
    if clocks:
        each = ", ".join(f"{resolution} ({count})" for resolution, count in sorted(clocks.items()))
        yield f"clock resolution of the observers: {each}"
    if account.left_out:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(account.left_out.items()))
        yield f"left out of rpc-activity: {reasons}"
    yield from _skips(account.skips)
    yield from (f"warning: {warning}" for warning in account.warnings)
    yield from account.limits
    if account.calls:
        yield (
            f"RPC calls decoded: {account.calls.total():,}, {account.calls['smb']:,} of them in SMB pipes; "
            "`rpcsight run rpc-calls` lists them"
        )
    if not account.written:
        yield UNSEEN.replace(PIPES, "") if account.calls["smb"] else UNSEEN


def _skips(skips: list[Skip]) -> Iterator[str]:
    """The losses, most frequent first, then what holds other things than flows, a line each."""
    reasons: Counter[str] = Counter()
    places: dict[str, list[str]] = {}
    others: dict[str, Counter[str]] = {}
    for skip in skips:
        what = skip.what.splitlines()[0]
        beginning = next((each for each in NO_LOSS if what.startswith(each)), None)
        if beginning:
            others.setdefault(beginning, Counter())[what.removeprefix(beginning)] += skip.count
            continue
        reasons[what] += skip.count
        places.setdefault(what, []).extend(
            each for each in skip.examples or (skip.source,) if not each.startswith(":>:")
        )
    for what, count in reasons.most_common(SHOWN):
        shown = f" ({'; '.join(places[what][:2])})" if places[what] else ""
        yield f"skipped {count:,}: {what}{shown}"
    if len(reasons) > SHOWN:
        rest = sum(count for _, count in reasons.most_common()[SHOWN:])
        yield f"skipped {rest:,} for {len(reasons) - SHOWN} further reasons"
    for beginning, kinds in others.items():
        shown = ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common(SHOWN))
        more = f", and {len(kinds) - SHOWN} more" if len(kinds) > SHOWN else ""
        yield f"{NO_LOSS[beginning]}: {shown}{more}"

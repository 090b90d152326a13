"""Learning: files to what is remembered of them, each content once."""

import hashlib
import time
from bisect import bisect, bisect_left
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

import pyarrow as pa

from rpcsight.account import Account
from rpcsight.baseline.identity import LEARNT, identify, leases_of
from rpcsight.baseline.workspace import Workspace, rule_of
from rpcsight.engines.pump import unpacked_blocks
from rpcsight.errors import InputError, SchemaError, UsageError
from rpcsight.intake.read import NOTHING
from rpcsight.pipeline import Progress, Request, Session, opened
from rpcsight.readers import Input
from rpcsight.schema.arrow import ARROW_TYPES
from rpcsight.schema.baseline import LEARNED, LEARNED_INPUT
from rpcsight.schema.flows import SMB

__all__ = ["Learned", "learn"]

SEEN = ("candidate", "sighting", SMB)
CALLED = ("rpc_call", "called")
USES = {
    "pair_day": SEEN,
    "deed_day": CALLED,
    "endpoint_day": (*SEEN, *CALLED),
    "lease_event": ("granted", "own_address"),
}
"""The steps that those of `LEARNED` build on, beside the catalogue."""
ASKED = ("rpc_call", "lease", "host_flow", SMB)
LEARNED_TOO = ("failed", "repeated")
"""Why analytics leave records out that are learned all the same."""
GROWN = "{}: begins with what was learned before, which counts twice now; learn logs when they are finished"
UNPLACED = "not learned: {:,} records on dynamic ports that don't say who called whom"


@dataclass(slots=True)
class Learned:
    """What came of it.

    Args:
        account: of what was read; empty where everything had been learned before.
        files: how many files are new.
        known: how many had been learned.
        rows: what was learned of them, by table.
        unusable: why nothing of the other inputs could be used, where no file is new.
    """

    account: Account
    files: int
    known: int
    rows: dict[str, int] = field(default_factory=dict[str, int])
    unusable: str = ""


def learn(request: Request, workspace: Workspace, progress: Progress | None = None) -> Learned:
    """Learn what is normal from records; files whose content was learned before are passed over.

    Args:
        request: what to read; all of it: --since and --until would leave a file half learned, and it is never read again.
        workspace: is changed as a whole, or not at all.
        progress: is told what is being read.

    Raises:
        InputError: nothing usable was read.
        SettingsError: the workspace was learned with other ports.
        UsageError: there are bounds on times.
    """
    if request.since or request.until:
        what = "a file is learned as a whole, or it would count as learned while half of it is not"
        raise UsageError("--since", what, "name the files of those days; or `rpcsight convert`, and learn its days")
    workspace.refuse_other(rule_of(request.settings))
    sieve = _Sieve(workspace.contents())
    with ExitStack() as stack:
        try:
            session = stack.enter_context(opened(request, progress, ASKED, wanted=sieve.is_new))
        except (InputError, SchemaError, UsageError) as nothing:
            if not sieve.known:
                raise
            return Learned(Account(), 0, sieve.known, unusable="" if nothing.what == NOTHING else str(nothing))
        account = session.account
        unused = {why: count for why, count in account.left_out.items() if why not in LEARNED_TOO}
        account.left_out.clear()
        if unused:
            account.limits.append(f"not learned: {', '.join(f'{why} {count:,}' for why, count in unused.items())}")
        unplaced = session.ask("unplaced", ("candidate",))[0]["records"]
        if unplaced:
            account.limits.append(UNPLACED.format(unplaced))
        account.warnings += [GROWN.format(source) for source in sieve.grown if source in session.made.used]
        session.count_calls()
        identify(session, LEARNT, leases_of(workspace))
        inputs = sieve.rows(session.made.used)
        counts = workspace.add(_gathered(session), inputs, request.settings)
        return Learned(account, inputs.num_rows, sieve.known, counts)


def _gathered(session: Session) -> Iterator[tuple[str, pa.RecordBatchReader]]:
    """Rows of each of `LEARNED`, to be used up before the next are asked for."""
    for name in LEARNED:
        yield name, session.gathered(name, USES[name])


class _Sieve:
    """Lets through files whose content is new, packed or not.

    Args:
        learned: contents that were learned, with their sizes.
    """

    def __init__(self, learned: Mapping[str, int]) -> None:
        self._learned = learned
        self._sizes = sorted(set(learned.values()))
        self.known = 0
        self.new: dict[str, tuple[str, int]] = {}
        self.grown: list[str] = []

    def is_new(self, item: Input) -> bool:
        """Whether nobody has learned a file's content, and this run has not met it yet."""
        content, size, is_grown = self._look(item)
        if content in self._learned or content in self.new:
            self.known += 1
            return False
        self.new[content] = (item.source, size)
        if is_grown:
            self.grown.append(item.source)
        return True

    def _look(self, item: Input) -> tuple[str, int, bool]:
        """The name of a file's content, its size, and whether it begins with all of a content that was learned."""
        digest = hashlib.blake2b(digest_size=20)
        size, is_grown = 0, False
        for block in _until_broken(item):
            done = 0
            for place in self._sizes[bisect(self._sizes, size) : bisect_left(self._sizes, size + len(block))]:
                digest.update(block[done : place - size])
                done = place - size
                is_grown = is_grown or self._learned.get(digest.hexdigest()) == place
            digest.update(block[done:])
            size += len(block)
        return digest.hexdigest(), size, is_grown

    def rows(self, used: set[str]) -> pa.Table:
        """Rows of `LEARNED_INPUT` for the inputs that could be read."""
        now = time.time_ns() // 1000
        rows = [(content, path, size, now) for content, (path, size) in self.new.items() if path in used]
        schema = pa.schema([(column.name, ARROW_TYPES[column.kind]) for column in LEARNED_INPUT])
        return pa.table([[row[place] for row in rows] for place in range(len(schema))], schema=schema)


def _until_broken(item: Input) -> Iterator[bytes]:
    """The content up to where its packing is broken: so much of it is read."""
    try:
        yield from unpacked_blocks(str(item.path), item.compression, item.source)
    except InputError:
        return

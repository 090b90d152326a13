"""Learning: files to what is remembered of them, each content once."""

import hashlib
import time
from dataclasses import dataclass, field

import pyarrow as pa

from rpcsight.account import Account
from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import InputError
from rpcsight.pipeline import Progress, Request, opened
from rpcsight.readers import Input
from rpcsight.schema.arrow import ARROW_TYPES
from rpcsight.schema.baseline import LEARNED, LEARNED_INPUT

__all__ = ["Learned", "learn"]

USES = {
    "pair_day": ("candidate", "sighting"),
    "deed_day": ("rpc_call", "called"),
    "endpoint_day": ("candidate", "sighting", "rpc_call", "called"),
}
"""The steps that those of `LEARNED` build on, beside the catalogue."""
ASKED = ("rpc_call",)


@dataclass(slots=True)
class Learned:
    """What came of it.

    Args:
        account: of what was read; None where everything had been learned before.
        files: how many files are new.
        known: how many had been learned.
        rows: what was learned of them, by table.
    """

    account: Account | None
    files: int
    known: int
    rows: dict[str, int] = field(default_factory=dict[str, int])


def learn(request: Request, workspace: Workspace, progress: Progress | None = None) -> Learned:
    """Learn what is normal from records; files whose content was learned before are passed over.

    Args:
        request: what to read.
        workspace: is changed as a whole, or not at all.
        progress: is told what is being read.

    Raises:
        InputError: nothing usable was read.
        SettingsError: the workspace was learned by another rule.
    """
    sieve = _Sieve(workspace.contents())
    try:
        with opened(request, progress, ASKED, wanted=sieve.is_new) as session:
            rows = {name: session.gathered(name, USES[name]) for name in LEARNED}
            workspace.add(rows, sieve.table(), request.settings)
            counts = {name: table.num_rows for name, table in rows.items()}
            return Learned(session.account, len(sieve.new), sieve.known, counts)
    except InputError:
        if sieve.new or not sieve.known:
            raise
        return Learned(None, 0, sieve.known)


class _Sieve:
    """Lets through files whose content is new.

    Args:
        known: contents that were learned.
    """

    def __init__(self, known: set[str]) -> None:
        self._known = known
        self.known = 0
        self.new: dict[str, tuple[str, int]] = {}

    def is_new(self, item: Input) -> bool:
        """Whether nobody has learned a file's content, and this run has not met it yet."""
        with item.path.open("rb") as file:
            content = hashlib.file_digest(file, _hash).hexdigest()
            size = file.tell()
        if content in self._known or content in self.new:
            self.known += 1
            return False
        self.new[content] = (item.source, size)
        return True

    def table(self) -> pa.Table:
        """Rows of `LEARNED_INPUT`."""
        now = time.time_ns() // 1000
        rows = [(content, path, size, now) for content, (path, size) in self.new.items()]
        schema = pa.schema([(column.name, ARROW_TYPES[column.kind]) for column in LEARNED_INPUT])
        return pa.table([[row[place] for row in rows] for place in range(len(schema))], schema=schema)


def _hash() -> "hashlib._Hash":
    return hashlib.blake2b(digest_size=20)

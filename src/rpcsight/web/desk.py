"""How the server reaches the workspace: never open longer than a request needs it, so that `hunt` and `learn` can write."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import BusyError
from rpcsight.settings import Settings
from rpcsight.triage import words

__all__ = ["Desk"]

WAIT_S = 5.0
"""How long a request waits for its turn, and for other processes."""


class Desk:
    """A workspace that is opened for the length of a request.

    One request at a time has it: the system's locks of files are a process's, and where two in one process had it open, the first that
    closes it would let other processes write under the other's eyes.

    Args:
        path: the workspace.
        settings: those of the server.
        wait_s: how long to wait.
    """

    def __init__(self, path: Path, settings: Settings | None = None, wait_s: float = WAIT_S) -> None:
        self.path = path
        self.settings = settings or Settings()
        self._wait_s = wait_s
        self._turn = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Workspace]:
        """The workspace, to be read.

        Raises:
            BusyError: another process, or other requests, hold it for too long.
        """
        with self._opened(is_reading=True) as workspace:
            yield workspace

    @contextmanager
    def writing(self) -> Iterator[Workspace]:
        """The workspace, to be changed.

        Raises:
            BusyError: as `reading`.
        """
        with self._opened(is_reading=False) as workspace:
            yield workspace

    def prepare(self) -> None:
        """See to it that all findings can be searched: an earlier version may have kept them."""
        with self.reading() as workspace:
            lacking = words.lacking(workspace)
        if lacking:
            with self.writing() as workspace:
                words.fill(workspace)

    def stamp(self) -> tuple[int, int]:
        """What changes whenever the file does."""
        try:
            status = self.path.stat()
        except OSError:
            return 0, 0
        return status.st_mtime_ns, status.st_size

    def changed_us(self) -> int:
        """When it was written last, in microseconds since 1970."""
        return self.stamp()[0] // 1000

    @contextmanager
    def _opened(self, *, is_reading: bool) -> Iterator[Workspace]:
        if not self._turn.acquire(timeout=self._wait_s):
            raise BusyError(str(self.path), "other requests have this workspace open", "try again")
        try:
            if not is_reading and not self.path.is_file():
                Workspace(self.path, is_reading=True)  # its error: a request makes no workspace
            with Workspace(self.path, is_reading=is_reading, wait_s=self._wait_s) as workspace:
                yield workspace
        finally:
            self._turn.release()

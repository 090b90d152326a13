"""How the server reaches the workspace: never open longer than requests need it, so that `hunt` and `learn` can write."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import BusyError
from rpcsight.settings import Settings

__all__ = ["Desk"]

WAIT_S = 5.0
"""How long a request waits for its turn, and for other processes."""
SHARED_S = 2.0
"""Who comes later than that after the first reader waits until all have left: else other processes might never write."""
GAP_S = 0.1
"""How long the file is left alone then; others look each 50 ms."""


class Desk:
    """A workspace that is opened for the length of a request: one file for all that read at a time, or for one that writes.

    The system's locks of files are a process's: where two in one process had it open by themselves, the first that closes it would let
    other processes write under the other's eyes.

    Args:
        path: the workspace.
        settings: those of the server.
        wait_s: how long to wait.
    """

    def __init__(self, path: Path, settings: Settings | None = None, wait_s: float = WAIT_S) -> None:
        self.path = path
        self.settings = settings or Settings()
        self._wait_s = wait_s
        self._change = threading.Condition()
        self._shared: Workspace | None = None
        self._readers = 0
        self._waiting_writers = 0
        self._is_taken = False  # by one that opens it, or writes
        self._opened_at = 0.0
        self._left_alone_until = 0.0

    @contextmanager
    def reading(self) -> Iterator[Workspace]:
        """The workspace, to be read.

        Raises:
            BusyError: another process, or other requests, hold it for too long.
        """
        workspace = self._joined()
        try:
            with workspace:
                yield workspace
        finally:
            self._leave()

    @contextmanager
    def writing(self) -> Iterator[Workspace]:
        """The workspace, to be changed.

        Raises:
            BusyError: as `reading`.
        """
        end = time.monotonic() + self._wait_s
        with self._change:
            self._waiting_writers += 1
            try:
                self._await(lambda: not self._is_taken and not self._readers, end)
            finally:
                self._waiting_writers -= 1
                self._change.notify_all()
            self._is_taken = True
        try:
            if not self.path.is_file():
                Workspace(self.path, is_reading=True)  # its error: a request makes no workspace
            with Workspace(self.path, wait_s=max(0.0, end - time.monotonic())) as workspace:
                yield workspace
        finally:
            self._free()

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

    def _joined(self) -> Workspace:
        """A connection of its own to the file that readers share; the first opens it."""
        end = time.monotonic() + self._wait_s
        with self._change:
            self._await(self._may_read, end)
            if self._shared is not None:
                return self._join(self._shared)
            self._is_taken = True
        try:
            time.sleep(max(0.0, self._left_alone_until - time.monotonic()))
            opened = Workspace(self.path, is_reading=True, wait_s=max(0.0, end - time.monotonic()))
        except BaseException:
            self._free()
            raise
        with self._change:
            self._shared, self._opened_at = opened, time.monotonic()
            try:
                return self._join(opened)
            finally:
                self._is_taken = False
                self._change.notify_all()

    def _may_read(self) -> bool:
        is_late = self._readers > 0 and time.monotonic() - self._opened_at > SHARED_S
        return not (self._is_taken or self._waiting_writers or is_late)

    def _join(self, shared: Workspace) -> Workspace:
        made = shared.again()
        self._readers += 1
        return made

    def _leave(self) -> None:
        with self._change:
            self._readers -= 1
            if not self._readers and self._shared is not None:
                self._shared.close()
                self._shared = None
                if time.monotonic() - self._opened_at > SHARED_S:
                    self._left_alone_until = time.monotonic() + GAP_S
                self._change.notify_all()

    def _free(self) -> None:
        with self._change:
            self._is_taken = False
            self._change.notify_all()

    def _await(self, is_free: Callable[[], bool], end: float) -> None:
        if not self._change.wait_for(is_free, max(0.0, end - time.monotonic())):
            raise BusyError(str(self.path), "other requests have this workspace open", "try again")

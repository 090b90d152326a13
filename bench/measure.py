"""Measure whole processes: wall time, processor time, peak memory."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from statistics import median

_KIB = 1 if sys.platform == "darwin" else 1024


class FailedError(Exception):
    """A measured command ended with an error; the text is the last line it wrote to stderr."""


@dataclass(frozen=True)
class Run:
    """One process, from start to end (with the children it waited for)."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    stdout: str


@dataclass(frozen=True)
class Runs:
    """The counted runs of one command."""

    runs: list[Run]

    @property
    def wall_s(self) -> float:
        """Median wall time."""
        return median(run.wall_s for run in self.runs)

    @property
    def cpu_s(self) -> float:
        """Median user and system time."""
        return median(run.cpu_s for run in self.runs)

    @property
    def peak_mib(self) -> float:
        """The largest resident set of any run."""
        return max(run.peak_mib for run in self.runs)

    def as_json(self) -> list[dict[str, object]]:
        """Return every run, for the record."""
        return [asdict(run) for run in self.runs]


def once(command: list[str]) -> Run:
    """Run a command to its end.

    Raises:
        FailedError: It could not be started, or its exit code was not 0.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begin = time.perf_counter()
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        except OSError as error:
            raise FailedError(f"{command[0]}: {error.strerror}") from error
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            lines = err.read().decode(errors="replace").strip().splitlines() or ["no message"]
            raise FailedError(f"exit {process.returncode}: {lines[-1]}")
        text = out.read(1000).decode(errors="replace").strip()
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _KIB / 2**20, text)


def interleaved(commands: list[list[str]], runs: int) -> list[Runs]:
    """Run commands in turn (A B A B ...), once each uncounted first, then `runs` counted times each."""
    rounds = [[once(command) for command in commands] for _ in range(runs + 1)][1:]
    return [Runs([row[index] for row in rounds]) for index in range(len(commands))]

"""A real Spark cluster on this machine: one master and two workers, from the classes that come with pyspark."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

LOOPBACK = "127.0.0.1"
WORKERS = 2
# Two cores and twice 512 MB at each worker, of which a driver takes half: two drivers fit.
# Small processes that start fast: this cluster lives for minutes, and its rows are few.
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
DRIVER_DEFAULTS = f"""
spark.cores.max 2
spark.executor.memory 512m
spark.executor.extraJavaOptions {QUICK_JAVA}
spark.locality.wait 0
spark.sql.maxPlanStringLength 1000
spark.sql.ui.explainMode simple
spark.sql.shuffle.partitions 2
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
"""
# As it is for users, Spark plans anew after each stage: that takes longer than to work through rows as few as these.
PLANNED_ONCE = "spark.sql.adaptive.enabled false"
SETTINGS = "spark-defaults.conf"


def environment(folder: Path, java: str) -> dict[str, str]:
    """What the cluster's processes and its driver have to find in their environment.

    Args:
        folder: for settings, temporary files and logs.
        java: the program.
    """
    (folder / SETTINGS).write_text(DRIVER_DEFAULTS, encoding="utf-8")
    return {
        "JAVA_HOME": str(Path(java).resolve().parent.parent),
        "JDK_JAVA_OPTIONS": QUICK_JAVA,
        "SPARK_CONF_DIR": str(folder),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_LOCAL_DIRS": str(folder),
        "SPARK_LOCAL_IP": LOOPBACK,
    }


def plan_once(folder: Path) -> None:
    """Let drivers that start from now on plan each query once.

    Args:
        folder: as in `environment`.
    """
    (folder / SETTINGS).write_text(DRIVER_DEFAULTS + PLANNED_ONCE, encoding="utf-8")


@contextmanager
def running(folder: Path, java: str) -> Iterator[str]:
    """Start the cluster; yields the master's URL; stops what it started, by process id.

    Args:
        folder: as in `environment`.
        java: as in `environment`.
    """
    processes: list[subprocess.Popen[str]] = []
    here = {**os.environ, **environment(folder, java)}
    try:
        address = ("--host", LOOPBACK, "--port", "0", "--webui-port", "0")
        master = _started(processes, here, folder / "master.log", "master.Master", *address)
        url = _word(master, folder / "master.log", "Starting Spark master at ")
        _word(master, folder / "master.log", "I have been elected leader")
        _drained(master, folder / "master.log")
        for number in range(WORKERS):
            log = folder / f"worker-{number}.log"
            size = ("--cores", "2", "--memory", "1g", "--work-dir", str(folder / f"worker-{number}"))
            worker = _started(processes, here, log, "worker.Worker", *address, *size, url)
            _word(worker, log, "Successfully registered with master ")
            _drained(worker, log)
        yield url
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in reversed(processes):
            process.wait()


def _started(
    processes: list[subprocess.Popen[str]], here: dict[str, str], log: Path, name: str, *arguments: str
) -> subprocess.Popen[str]:
    import pyspark

    program = Path(pyspark.__file__).parent / "bin" / "spark-class"
    command = [str(program), f"org.apache.spark.deploy.{name}", *arguments]
    process = subprocess.Popen(
        command, env=here, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    processes.append(process)
    return process


def _word(process: subprocess.Popen[str], log: Path, before: str) -> str:
    """Read what the process writes up to the line with `before`, and return the word that follows there."""
    with log.open("a", encoding="utf-8") as copy:
        for line in _lines(process):
            copy.write(line)
            if before in line:
                return (line.partition(before)[2].split() or [""])[0]
    raise RuntimeError(
        f"{' '.join(map(str, process.args))} ended before it was ready:\n{log.read_text('utf-8')[-4000:]}"
    )


def _lines(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stderr is not None
    return process.stderr


def _drained(process: subprocess.Popen[str], log: Path) -> None:
    """Write the rest of what the process says to its log, so that it never waits for a reader."""

    def drain() -> None:
        with log.open("a", encoding="utf-8") as copy:
            copy.writelines(_lines(process))

    threading.Thread(target=drain, daemon=True).start()

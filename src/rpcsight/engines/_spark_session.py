"""Starts Spark: a session of our own on this machine or a cluster, or a new one beside the session that a notebook already has."""

import logging
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rpcsight.errors import EngineError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["cause_of", "session"]

NEAR = re.compile(r"local(\[.*\])?|spark://(127\.\d+\.\d+\.\d+|localhost)(:\d+)?")
LOOPBACK = "127.0.0.1"
LOG_SETTINGS = """
rootLogger.level = error
rootLogger.appenderRef.stderr.ref = stderr
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = %p %c{1}: %m%n
"""
START_HINT = "it needs Java 17 or later, and a master that answers"
JAVA_HINT = "install it: apt-get install default-jre-headless"


def session(scratch: str, master: str | None) -> "tuple[SparkSession, bool]":
    """A session whose clock is UTC and whose wrong casts are errors.

    Args:
        scratch: a folder for Spark's temporary files.
        master: Spark's master URL; None for the session there is, else this machine.

    Returns:
        The session, and whether Spark is ours to stop: false beside one that somebody else started.

    Raises:
        EngineError: pyspark or Java is missing, or Spark does not start.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as cause:
        raise EngineError("--engine spark", "pyspark is not installed", "pip install 'rpcsight[spark]'") from cause
    running = SparkSession.getActiveSession()
    ours = running is None or (master is not None and running.sparkContext.master != master)
    if ours and running is not None:
        there = running.sparkContext.master
        raise EngineError(
            "--master", f"{master}: this process is connected to {there} already", "stop that session first"
        )
    found = _started(scratch, master or "local[*]") if running is None else running.newSession()
    logging.getLogger("SQLQueryContextLogger").disabled = True  # it writes what is raised as well
    for name, value in _behaviour(str(found.sparkContext.master)).items():
        found.conf.set(name, value)
    return found, ours


def cause_of(error: BaseException) -> str:
    """The words of the innermost cause of an error in Spark, one line."""
    java: Any = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    name, text = type(error).__name__, str(error)
    while java is not None:
        name, text, java = java.getClass().getSimpleName(), str(java.getMessage()), java.getCause()
    return f"{name}: {(text.strip().splitlines() or [''])[0]}"


def _behaviour(master: str) -> dict[str, str]:
    settings = {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.caseSensitive": "true",
        "spark.sql.legacy.parquet.nanosAsLong": "true",
        # Spark 4 trips over constraints of checkpointed rows in a union ("key not found: column#1"); they only save null checks.
        "spark.sql.constraintPropagation.enabled": "false",
    }
    if master.startswith("local"):
        settings["spark.sql.shuffle.partitions"] = str(2 * (os.cpu_count() or 1))
    return settings


def _started(scratch: str, master: str) -> "SparkSession":
    from py4j.protocol import Py4JError
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkException
    from pyspark.java_gateway import launch_gateway  # pyright: ignore[reportUnknownVariableType]
    from pyspark.sql import SparkSession

    _need_java()
    conf = SparkConf().setAll(_settings(scratch, master))
    inside = cast("Any", SparkContext)
    with tempfile.TemporaryFile() as log:
        try:
            # What the Java process says goes to a file: errors come back as exceptions, and our standard error stays clean.
            gateway = inside._gateway or launch_gateway(conf, {"stderr": log})
            return SparkSession(SparkContext(conf=conf, gateway=gateway))
        except (PySparkException, Py4JError, OSError) as cause:
            log.seek(0)
            what = _why_not_started(cause, log.read().decode(errors="replace"))
            if inside._active_spark_context is not None:
                inside._active_spark_context.stop()
            raise EngineError("--engine spark", f"Spark does not start on {master} ({what})", START_HINT) from cause


def _why_not_started(cause: Exception, log: str) -> str:
    said = [line for line in log.splitlines() if "rror" in line or "xception" in line]
    if said and "JAVA_GATEWAY" in str(cause):
        return said[0]
    return "the master does not answer" if "stopped SparkContext" in str(cause) else cause_of(cause)


def _need_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if home and not (Path(home) / "bin" / "java").exists():
        raise EngineError("--engine spark", f"there is no Java in JAVA_HOME ({home})", JAVA_HINT)
    if not home and shutil.which("java") is None:
        raise EngineError("--engine spark", "there is no Java to run it", JAVA_HINT)


def _settings(scratch: str, master: str) -> list[tuple[str, str]]:
    logs = Path(scratch) / "log4j2.properties"
    logs.write_text(LOG_SETTINGS, encoding="utf-8")
    settings = {
        "spark.app.name": "rpcsight",
        "spark.master": master,
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": scratch,
        "spark.sql.warehouse.dir": str(Path(scratch) / "warehouse"),
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={logs.as_uri()} -Djava.io.tmpdir={scratch}",
        "spark.driver.maxResultSize": "0",
    }
    if NEAR.fullmatch(master):
        settings |= {"spark.driver.bindAddress": LOOPBACK, "spark.driver.host": LOOPBACK}
    return list(settings.items())

"""A real server over a workspace, on a free port of this machine."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import httpx

from rpcsight.triage import kept
from tests.triaged import DAY, at, finding, learn, workspace_at

HOSTILE = "<script>alert(1)</script>\x1b[31m=cmd|' /C calc'!A0"


def corp(folder: Path) -> Path:
    """A workspace with findings of all kinds."""
    made = folder / "corp.db"
    made.write_bytes(_corp())
    return made


@cache
def _corp() -> bytes:
    with tempfile.TemporaryDirectory() as folder, workspace_at(Path(folder)) as workspace:
        found = [
            finding(
                "a1", "10.0.1.2", "10.0.2.1", score=40, severity="high", deeds=[("svcctl", "RCreateServiceW", 0.9)]
            ),
            finding("a2", "10.0.1.10", "10.0.2.1", score=50, severity="low", service="drsuapi", first=at(10, DAY + 1)),
            finding("a3", "fe80::1", "10.0.3.1", score=30, severity="info", summary=HOSTILE),
            finding("a4", None, "10.0.2.9", score=20, others=[("10.0.9.9", "10.0.2.9")], techniques=["T1569.002"]),
            finding("a5", "10.0.1.2", "10.0.2.1", score=35, first=at(10, DAY + 2)),
        ]
        learn(workspace, [("10.0.1.2", "10.0.2.1", day) for day in range(DAY - 5, DAY)])
        kept.keep(workspace, found, [])
        workspace.close()
        return workspace.path.read_bytes()


@contextmanager
def running(workspace: Path, *options: str) -> Iterator[str]:
    """`rpcsight serve`, until the block ends: its address."""
    command = [sys.executable, "-m", "rpcsight", "serve", "-w", str(workspace), "--port", "0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            told = re.match(r"(https?://\S+/) shows ", line)
            assert told, line + process.stderr.read()
            yield told[1]
        finally:
            process.terminate()
            process.wait(20)


def refusal(workspace: Path, *options: str) -> str:
    """What `rpcsight serve` says that does not start."""
    command = [sys.executable, "-m", "rpcsight", "serve", "-w", str(workspace), "--port", "0", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2, done.stderr
    return done.stderr


def token(folder: Path, name: str, *options: str) -> str:
    """A token that the command line made, in tokens.json of a folder."""
    command = [
        sys.executable,
        "-m",
        "rpcsight",
        "token",
        "add",
        name,
        "--token-file",
        str(folder / "tokens.json"),
        *options,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def client(address: str, **headers: str) -> httpx.Client:
    """A program that asks the API."""
    return httpx.Client(base_url=f"{address}api/v1/", headers=headers, timeout=30, trust_env=False)


def ids(rows: Sequence[dict[str, object]]) -> list[str]:
    """Findings of an answer, by the beginnings of their ids."""
    return [str(each["finding_id"])[:2] for each in rows]

"""The recording of real software that tests of the lab share."""

import csv
import fcntl
import os
import subprocess
from pathlib import Path

import pytest

from tests import system

RECORD = system.ROOT / "lab" / "record.sh"
VENV = system.ROOT / ".venv-lab"
PROGRAMS = ("ethtool", "ip", "nfcapd", "samba", "smbclient", "softflowd", "tcpdump", "tshark", "winbindd")
FILES = tuple(name for name in system.PACKAGES if name.startswith("/"))
INSTALL_LIMIT_S, LIMIT_S, DOWN_LIMIT_S = 300, 600, 60


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with a recording of now."""
    for name in (*PROGRAMS, *FILES):
        system.require(name)
    may_be_a_machine()
    base = tmp_path_factory.getbasetemp()
    # pytest 9.2 does not show pytest-xdist 3.8 its groups: whichever worker comes first records for all.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "lab"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            folder.mkdir()
            record(folder)
        assert (folder / "out" / "truth.csv").exists(), f"no recording: {last_words(folder)}"
    return folder / "out"


def record(folder: Path) -> None:
    """Make a recording in this folder, and leave nothing running."""
    environment = os.environ | {
        "LAB": str(folder),
        "OUT": str(folder / "out"),
        "VENV": str(VENV),
        "NET": f"rl{os.getpid()}",
        "ROUNDS": "1",
    }
    if step("install", environment, folder, INSTALL_LIMIT_S):
        system.lacking(f"no impacket in {VENV.name}: {last_words(folder)}")
    try:
        step("all", environment, folder, LIMIT_S)
    finally:
        step("down", environment, folder, DOWN_LIMIT_S)


def may_be_a_machine() -> None:
    """Skip where namespaces and links are not ours to make."""
    made = subprocess.run(
        ["unshare", "--mount", "--net", "--uts", "ip", "link", "add", "type", "veth"], capture_output=True, check=False
    )
    if made.returncode:
        system.lacking("the lab needs root and network namespaces")


def step(name: str, environment: dict[str, str], folder: Path, limit_s: int) -> int:
    """Run a step of the lab. Its output goes into a file: what it starts would keep a pipe open."""
    with (folder / "record.log").open("ab") as log:
        return subprocess.run(
            [RECORD, name],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            timeout=limit_s,
            check=False,
        ).returncode


def last_words(folder: Path) -> str:
    return "\n".join((folder / "record.log").read_text("utf-8", "replace").splitlines()[-20:])


@pytest.fixture(scope="module")
def truth(lab: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((lab / "truth.csv").read_text("utf-8").splitlines()))

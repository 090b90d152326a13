"""Learning that is killed at any moment leaves a workspace that opens, with the old or the new state, and can be learned into again."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.oracles.flow import Flow
from tests.recording import written

TIMES = int(os.environ.get("RPCSIGHT_CRASHES", "8"))
DAY_US = 86_400_000_000
BASE_US = 1_772_442_000_000_000


def flows(name: str, hosts: int) -> list[Flow]:
    return [
        Flow(f"{name}{number}", start_us, start_us + 5, f"10.0.{number % 7}.{number % hosts}", 50000, "10.1.0.1", port)
        for number in range(3000)
        for port in (135, 49664)
        for start_us in [BASE_US + number % 5 * DAY_US + number]
    ]


def test_learning_that_is_killed_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    written(flows("a", 40), tmp_path / "first.parquet")
    written(flows("b", 90), tmp_path / "second.parquet")
    ran = subprocess.run(
        [sys.executable, "-m", "tests.crashing", str(tmp_path), str(TIMES), "6"],
        env=os.environ | {"TMPDIR": str(tmp_path)},  # those that are killed leave what they keep there
        capture_output=True,
        text=True,
        check=False,
    )
    left = json.loads(ran.stdout) if ran.returncode == 0 else {"failed": ran.stderr[-2000:]}
    assert left.keys() <= {"old", "new", "none"}, left
    assert left["old"] > 0
    assert left["new"] > 0
    assert sum(left.values()) == TIMES

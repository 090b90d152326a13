"""Learning that is killed: run as a program, it kills many learnings at random points, and says what each left behind."""

import json
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import rpcsight
from rpcsight.baseline import learning
from rpcsight.baseline.workspace import Workspace
from rpcsight.schema.baseline import BASELINE, LEARNED
from tests.oracles.learned import in_order

State = dict[str, list[dict[str, Any]]]
WORKSPACE = "w.rpcsight"


def state(path: Path) -> State:
    """All that is learned and known."""
    with Workspace(path, is_reading=True) as workspace:
        found = {name: in_order(workspace.rows(f"select * from {name}")) for name in (*LEARNED, *BASELINE)}
        found["learned_input"] = in_order(workspace.rows("select content, bytes from learned_input"))
        return found


def learned(paths: list[Path], workspace: Path) -> State:
    """What learning leaves, made in a process of its own."""
    return _told(lambda: rpcsight.learn(paths, workspace=workspace) and state(workspace))


def _told(work: Any) -> Any:
    """Do work in a process of its own, so that this one never holds what a child would inherit."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            said = {"result": work()}
        except BaseException as error:  # noqa: BLE001 - told to the parent
            said = {"error": f"{type(error).__name__}: {error}"}
        with os.fdopen(writing, "w") as out:
            json.dump(said, out)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        text = told.read()
    os.waitpid(child, 0)
    said = json.loads(text)
    if "error" in said:
        raise RuntimeError(said["error"])
    return said["result"]


def _learner(paths: list[Path], workspace: Path) -> tuple[int, int]:
    """A process that learns; its id, and where it says that it begins to write."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    add = Workspace.add

    def told(self: Workspace, *given: Any, **named: Any) -> Any:
        os.write(writing, b"x")
        return add(self, *given, **named)

    learning.Workspace.add = told  # type: ignore[method-assign]
    try:
        rpcsight.learn(paths, workspace=workspace)
    finally:
        os._exit(0)


def main(folder: Path, times: int, seed: int) -> None:
    """Kill that many learnings; print how many left the old, the new, or no workspace at all, and what was wrong."""
    dice = random.Random(seed)
    first, second = [folder / "first.parquet"], [folder / "second.parquet"]
    old = learned(first, folder / "old")
    before = time.monotonic()
    new_alone = learned(second, folder / "alone")
    whole_s = time.monotonic() - before
    shutil.copy(folder / "old", folder / "new")
    new = learned(second, folder / "new")
    left: Counter[str] = Counter()
    for number in range(times):
        path = folder / WORKSPACE
        for each in folder.glob(f"*{WORKSPACE}*"):
            each.unlink()
        is_first = number % 4 == 3
        if not is_first:
            shutil.copy(folder / "old", path)
        child, said = _learner(second, path)
        if number % 2:
            os.read(said, 1)
        time.sleep(dice.uniform(0, whole_s))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(said)
        wanted = new_alone if is_first else new
        left[_verdict(path, old, wanted, is_first=is_first)] += 1
        if learned(second, path) != wanted:
            left["wrong after learning again"] += 1
    print(json.dumps(left))  # noqa: T201


def _verdict(path: Path, old: State, new: State, *, is_first: bool) -> str:
    if is_first and not path.exists():
        return "none"
    found = _told(lambda: state(path))
    if found == new:
        return "new"
    is_old = not any(found[name] for name in LEARNED) and not found["learned_input"] if is_first else found == old
    return "old" if is_old else "wrong"


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))

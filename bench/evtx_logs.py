"""Event logs: rpcsight against the bare loop of the `evtx` package over the same file, whole processes in turn.

    bench/evtx_logs.py                     300 MB
    bench/evtx_logs.py --mb 1000 --runs 3

The log is the largest public one of ../shared (nearly all of it Security 5145), its chunks over and over, or the file that --log names.
Rows: `flows`, CAR-2014-05-001, which needs connections only; `facts`, smb-events, which needs every 5145.
"""

import argparse
import struct
import sys
from pathlib import Path
from statistics import median

from measure import Run, once

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent.parent / "shared"
HEAD_BYTES = 4096
LOOP = """
import sys
from evtx import PyEvtxParser
print(sum(1 for _ in PyEvtxParser(sys.argv[1]).records_json()))
"""


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=300, help="size of the log (default 300)")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each, after one uncounted (default 5)")
    parser.add_argument("--log", type=Path, help="the log to repeat")
    parser.add_argument("--data", type=Path, default=HERE / "data", help="folder of the log (default bench/data)")
    return parser.parse_args(argv)


def repeated(log: Path, path: Path, size: int) -> None:
    """Write a log of that size: the chunks of another, over and over."""
    content = log.read_bytes()
    head, chunks = bytearray(content[:HEAD_BYTES]), content[HEAD_BYTES:]
    times = max(1, size // len(chunks))
    head[42:44] = struct.pack("<H", min(0xFFFF, times * len(chunks) >> 16))
    with path.open("wb") as file:
        file.write(head)
        for _ in range(times):
            file.write(chunks)


def main(argv: list[str] | None = None) -> None:
    """Measure, and print a table."""
    asked = arguments(argv)
    log = asked.log or max(SHARED.glob("data/evtx/**/*.evtx"), key=lambda path: path.stat().st_size)
    asked.data.mkdir(parents=True, exist_ok=True)
    path = asked.data / f"events-{asked.mb}.evtx"
    repeated(log, path, asked.mb << 20)
    rpcsight = [sys.executable, "-m", "rpcsight", "run"]
    commands = {
        "evtx": [sys.executable, "-c", LOOP, str(path)],
        "flows": [*rpcsight, "CAR-2014-05-001", str(path), "-o", str(asked.data / "flows.csv")],
        "facts": [*rpcsight, "smb-events", str(path), "-o", str(asked.data / "facts.parquet")],
    }
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for number in range(asked.runs + 1):
        for name, command in commands.items():
            run = once(command)
            if number:
                runs[name].append(run)
    base = median(run.wall_s for run in runs["evtx"])
    print(f"{path.stat().st_size / 1e6:.0f} MB, median of {asked.runs}")
    for name, each in runs.items():
        wall, cpu = (median(values) for values in ([run.wall_s for run in each], [run.cpu_s for run in each]))
        print(f"{name:8} {wall:8.2f} s  {cpu:8.2f} s CPU  {wall / base:5.2f} of evtx")


if __name__ == "__main__":
    main()

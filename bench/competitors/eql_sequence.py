"""The rule in EQL, run by Elastic's Python `eql` engine over events as JSON lines, sorted by time.

Writes the matches to a file and their number to stdout. EQL keeps one open mapper flow for a pair and drops it once it
has matched, so a mapper flow leads to at most one endpoint flow: slightly fewer rows than the rule itself gives.
"""

import argparse
import json
from pathlib import Path
from typing import IO, Any

from eql.engine import PythonEngine
from eql.parser import parse_query
from eql.utils import stream_file_events

QUERY = """
sequence by src_ip, dest_ip with maxspan=2s
  [network where dest_port == 135]
  [network where dest_port >= 49152 and src_port >= 49152]
"""


def run(path: Path, out: IO[str]) -> int:
    """Stream the events through the engine, as its command line does; return the number of matches."""
    matches = 0

    def keep(result: Any) -> None:  # noqa: ANN401 - the library has no types
        nonlocal matches
        matches += 1
        out.write(json.dumps([event.data for event in result.events]) + "\n")

    engine = PythonEngine()
    with engine.schema:
        engine.add_query(parse_query(QUERY))
    engine.add_output_hook(keep)
    engine.stream_events(stream_file_events(str(path), "jsonl"), finalize=True)
    return matches


def main() -> None:
    """Parse, run, print the count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    args = parser.parse_args()
    with args.out.open("w", encoding="utf-8") as out:
        print(run(args.path, out))


if __name__ == "__main__":
    main()

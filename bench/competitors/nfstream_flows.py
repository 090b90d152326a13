"""nfstream: reads a capture and makes flows of it, without guessing applications. Writes their number."""

import sys

from nfstream import NFStreamer


def main(path: str) -> None:
    """Count the flows."""
    print(sum(1 for _ in NFStreamer(source=path, n_dissections=0, statistical_analysis=False)))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""libpcap through cypcap: reads a capture and hands over the packets that a filter lets through. Writes their number."""

import sys

import cypcap


def main(path: str, expression: str) -> None:
    """Count the packets."""
    capture = cypcap.open_offline(path)
    capture.setfilter(expression)
    print(sum(1 for _ in capture))


if __name__ == "__main__":
    main(*sys.argv[1:])

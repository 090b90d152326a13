"""libpcap through cypcap: reads a capture and hands over the packets that a filter lets through. Writes their number, and its
own seconds of CPU.
"""

import sys
import time

import cypcap


def main(path: str, expression: str) -> None:
    """Count the packets."""
    begin = time.process_time()
    capture = cypcap.open_offline(path)
    capture.setfilter(expression)
    count = sum(1 for _ in capture)
    print(count, f"{time.process_time() - begin:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])

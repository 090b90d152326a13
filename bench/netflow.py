#!/usr/bin/env python3
"""Export datagrams decoded by rpcsight, by netflume, and (as nfcapd wrote them to a file) by nfdump: records per second, one process each.

    bench/netflow.py                    1 million records of each format, five rounds, in turn
    bench/netflow.py --records 100000 --rounds 3

Datagrams are in memory for rpcsight and netflume, and only decoding is timed (Arrow batches with addresses as text, and netflume's
records, are thrown away); nfdump reads its own file and prints text, its start included. Nothing else should be running.
"""

import argparse
import os
import random
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from rpcsight.wire import Datagrams
from rpcsight.wire.netflow.collector import Collector

BLOCK = 4_000_000
START_S = 1_790_000_000
V9_FIELDS = ((8, 4), (12, 4), (22, 4), (21, 4), (1, 4), (2, 4), (7, 2), (11, 2), (4, 1), (6, 1), (5, 1), (61, 1))
IPFIX_FIELDS = ((8, 4), (12, 4), (152, 8), (153, 8), (1, 8), (2, 8), (7, 2), (11, 2), (4, 1), (6, 1), (5, 1), (61, 1))


def v5(records: int, rng: random.Random) -> list[bytes]:
    """NetFlow v5, 30 records a datagram."""
    made = []
    for number in range(records // 30):
        uptime = 1000 * number + 100_000
        head = struct.pack(">HHLLLLBBH", 5, 30, uptime, START_S + number, 5_000_000, number * 30, 0, 0, 0)
        made.append(head + b"".join(_v5_record(uptime, rng) for _ in range(30)))
    return made


def _v5_record(uptime: int, rng: random.Random) -> bytes:
    start = uptime - rng.randrange(1000, 60_000)
    return struct.pack(
        ">LLLHHLLLLHHBBBBHHBBH",
        *(_host(rng), _host(rng), 0, 1, 2, 10, 5000, start, start + rng.randrange(1000)),
        *(rng.randrange(1024, 65536), rng.choice((135, 445, 49664, 443)), 0, 27, 6, 0, 0, 0, 24, 24, 0),
    )


def v9(records: int, rng: random.Random) -> list[bytes]:
    """NetFlow v9, a template every 20 datagrams and 30 records in each."""
    template = struct.pack(">HHHH", 0, 8 + 4 * len(V9_FIELDS), 300, len(V9_FIELDS))
    template += b"".join(struct.pack(">HH", *each) for each in V9_FIELDS)
    made = []
    for number in range(records // 30):
        uptime = 1000 * number + 100_000
        body = b"".join(_v9_record(uptime, rng) for _ in range(30))
        data = struct.pack(">HH", 300, 4 + len(body)) + body
        sets = data if number % 20 else template + data
        made.append(struct.pack(">HHLLLL", 9, 30 + (not number % 20), uptime, START_S + number, number, 7) + sets)
    return made


def _v9_record(uptime: int, rng: random.Random) -> bytes:
    start = uptime - rng.randrange(1000, 60_000)
    return struct.pack(
        ">LLLLLLHHBBBB",
        *(_host(rng), _host(rng), start, start + rng.randrange(1000), 5000, 10),
        *(rng.randrange(1024, 65536), rng.choice((135, 445, 49664, 443)), 6, 27, 0, 0),
    )


def ipfix(records: int, rng: random.Random) -> list[bytes]:
    """IPFIX with milliseconds, a template every 20 messages and 24 records in each."""
    template = struct.pack(">HHHH", 2, 8 + 4 * len(IPFIX_FIELDS), 300, len(IPFIX_FIELDS))
    template += b"".join(struct.pack(">HH", *each) for each in IPFIX_FIELDS)
    made = []
    for number in range(records // 24):
        body = b"".join(_ipfix_record(number, rng) for _ in range(24))
        data = struct.pack(">HH", 300, 4 + len(body)) + body
        sets = data if number % 20 else template + data
        made.append(struct.pack(">HHLLL", 10, 16 + len(sets), START_S + number, number * 24, 7) + sets)
    return made


def _ipfix_record(number: int, rng: random.Random) -> bytes:
    start = (START_S + number) * 1000 - rng.randrange(1000, 60_000)
    return struct.pack(
        ">LLQQQQHHBBBB",
        *(_host(rng), _host(rng), start, start + rng.randrange(1000), 5000, 10),
        *(rng.randrange(1024, 65536), rng.choice((135, 445, 49664, 443)), 6, 27, 0, 0),
    )


def _host(rng: random.Random) -> int:
    """One of 4,096 clients or 256 servers."""
    return 0x0A000000 + (rng.randrange(4096) if rng.random() < 0.5 else 0x10000 + rng.randrange(256))


def blocks(datagrams: list[bytes]) -> list[tuple[bytes, Datagrams]]:
    """The datagrams in blocks, as a reader of captures gives them."""
    made, waiting, size = [], [], 0
    for each in [*datagrams, b""]:
        if waiting and (size + len(each) > BLOCK or not each):
            lengths = np.array([len(one) for one in waiting], np.int32)
            starts = np.cumsum(lengths, dtype=np.int64) - lengths
            count = len(waiting)
            ports = np.full(count, 4000, np.uint16)
            columns = Datagrams(
                np.zeros(count, np.int64), np.full(count, 0x0A000001, np.uint64), ports, ports, starts, lengths
            )
            made.append((b"".join(waiting), columns))
            waiting, size = [], 0
        waiting.append(each)
        size += len(each)
    return made


def ours(given: list[tuple[bytes, Datagrams]]) -> int:
    """Decode with rpcsight."""
    collector, rows = Collector(), 0
    for block, datagrams in given:
        collector.take(block, datagrams)
        rows += sum(batch.num_rows for batch in collector.drain().halves)
    return rows


def netflumes(datagrams: list[bytes]) -> int:
    """Decode with netflume."""
    import netflume

    templates, rows = netflume.TemplateStore(), 0
    for each in datagrams:
        rows += len(netflume.parse_message(each, "10.0.0.1", templates)[1])
    return rows


def captured(datagrams: list[bytes], folder: Path) -> Path:
    """The datagrams as nfcapd writes them, sent slowly enough that none is lost."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["nfcapd", "-b", "127.0.0.1", "-p", str(port), "-w", str(folder), "-t", "3600", "-B", "8000000"]
    collector = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for place, each in enumerate(datagrams):
            sender.sendto(each, ("127.0.0.1", port))
            if place % 50 == 0:
                time.sleep(0.01)
    time.sleep(1)
    collector.terminate()
    collector.wait()
    return next(folder.glob("nfcapd.2*"))


def nfdumps(path: Path) -> int:
    """Decode with nfdump."""
    command = ["nfdump", "-r", str(path), "-q", "-o", "fmt:%ts %te %pr %sa %sp %da %dp %flg %pkt %byt"]
    with tempfile.TemporaryFile() as out:
        subprocess.run(command, stdout=out, check=True, env=os.environ | {"TZ": "UTC"})
        out.seek(0)
        return sum(chunk.count(b"\n") for chunk in iter(lambda: out.read(1 << 20), b""))


def timed(work: Callable[[], int]) -> tuple[float, int]:
    """Records per second, and how many there were."""
    begin = time.perf_counter()
    rows = work()
    return rows / (time.perf_counter() - begin), rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(f"{'format':8}{'rpcsight/s':>14}{'netflume/s':>14}{'times':>8}{'nfdump/s':>14}{'times':>8}   records of each")
    for name, make in (("v5", v5), ("v9", v9), ("IPFIX", ipfix)):
        datagrams = make(options.records, random.Random(1))
        given = blocks(datagrams)
        fewer = datagrams[: max(1, len(datagrams) // 10)]
        with tempfile.TemporaryDirectory() as folder:
            path = captured(datagrams, Path(folder)) if shutil.which("nfcapd") else None
            rounds = []
            for _ in range(options.rounds + 1):
                rounds.append(
                    [
                        timed(lambda given=given: ours(given)),
                        timed(lambda fewer=fewer: netflumes(fewer)),
                        timed(lambda path=path: nfdumps(path)) if path else (float("nan"), 0),
                    ]
                )
        rates = [[rate for rate, _ in each] for each in rounds[1:]]
        to_netflume = median(one[0] / one[1] for one in rates)
        to_nfdump = median(one[0] / one[2] for one in rates)
        our, their, nfdump = (median(column) for column in zip(*rates, strict=True))
        print(
            f"{name:8}{our:14,.0f}{their:14,.0f}{to_netflume:8.1f}{nfdump:14,.0f}{to_nfdump:8.2f}"
            f"   {[rows for _, rows in rounds[-1]]}"
        )


if __name__ == "__main__":
    main()

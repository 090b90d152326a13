"""Real exporters and other collectors, for tests: softflowd reads a capture, nfcapd and nfdump read its datagrams."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from tests import system

LOOPBACK = "127.0.0.1"
LIMIT_S = 60


class Seen(NamedTuple):
    """A TCP record as nfdump prints it, times in ms since 1970."""

    start_ms: int
    end_ms: int
    ends: tuple[str, int, str, int]
    flags: str
    packets: int
    octets: int


def exported(capture: Path, *options: str) -> list[bytes]:
    """The datagrams that softflowd sends for a capture."""
    softflowd = system.require("softflowd")
    received: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
        collector.bind((LOOPBACK, 0))
        collector.settimeout(0.2)
        target = f"{LOOPBACK}:{collector.getsockname()[1]}"
        command = [softflowd, "-r", str(capture), "-d", "-6", "-m", "1000000", "-n", target, *options]
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet) as process:
            deadline = time.monotonic() + LIMIT_S
            try:
                while time.monotonic() < deadline:
                    is_over = process.poll() is not None
                    try:
                        received.append(collector.recv(65536))
                    except TimeoutError:
                        if is_over:
                            break
            finally:
                process.kill()
    return received


def dumped(datagrams: list[bytes], folder: Path) -> list[Seen]:
    """The TCP records that nfcapd and nfdump make of these datagrams."""
    with nfcapd(folder) as port, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for each in datagrams:
            sender.sendto(each, (LOOPBACK, port))
            until(lambda: waiting_bytes(port) < 100_000)
        until(lambda: waiting_bytes(port) == 0)
    (path,) = folder.glob("nfcapd.2*")
    form = "fmt:%ts|%te|%sa|%sp|%da|%dp|%flg|%pkt|%byt"
    command = [system.require("nfdump"), "-r", str(path), "-q", "-6", "-N", "-o", form, "proto tcp"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"TZ": "UTC"}).stdout
    return [seen(line) for line in text.splitlines() if line.count("|") == 8]


def seen(line: str) -> Seen:
    start, end, src, sport, dest, dport, flags, packets, octets = (cell.strip() for cell in line.split("|"))
    ends = (src, int(sport), dest, int(dport))
    return Seen(milliseconds(start), milliseconds(end), ends, flags.replace(".", ""), int(packets), int(octets))


def milliseconds(text: str) -> int:
    whole, _, fraction = text.partition(".")
    moment = datetime.strptime(whole, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1000 + int(fraction)


@contextlib.contextmanager
def nfcapd(folder: Path) -> Iterator[int]:
    """A running nfcapd: its port. Ended in order when the caller is done, so that it writes its file."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((LOOPBACK, 0))
        port = int(free.getsockname()[1])
    command = [
        system.require("nfcapd"),
        "-b",
        LOOPBACK,
        "-p",
        str(port),
        "-w",
        str(folder),
        "-t",
        "3600",
        "-B",
        "8000000",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: waiting_bytes(port) is not None)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(LIMIT_S)


def waiting_bytes(port: int) -> int | None:
    """Bytes that wait in the socket bound to this port (Linux's /proc/net/udp); None where there is no such socket."""
    for line in Path("/proc/net/udp").read_text("utf-8").splitlines()[1:]:
        cells = line.split()
        if int(cells[1].rpartition(":")[2], 16) == port:
            return int(cells[4].rpartition(":")[2], 16)
    return None


def until(is_so: object) -> None:
    """Wait until it is so.

    Raises:
        TimeoutError: it took too long.
    """
    assert callable(is_so)
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.002)

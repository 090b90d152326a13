"""Fuzzes `rpcsight.wire.smb.connection` with mutated streams of the public captures: `python -m tests.fuzz.smb --seconds 600`.

An input is a list of pieces, each three bytes and data: flags (1: to the server, 128: a gap first), and a length of 16 bits.
Atheris mutates where it is installed, guided by coverage; else, or with `--own`, mutations of our own do, which `--seed` repeats.
"""

import argparse
import contextlib
import hashlib
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    try:
        import atheris
    except ImportError:
        atheris = None
else:
    atheris = None

with atheris.instrument_imports(include=["rpcsight.wire"]) if atheris else contextlib.nullcontext():
    from rpcsight.wire import Facts
    from rpcsight.wire.smb import connection as smb
    from rpcsight.wire.smb import opens as smb_opens
    from rpcsight.wire.smb import smb1, smb2
    from rpcsight.wire.smb.connection import SmbConnection

from tests.system import SHARED_DATA
from tests.wire.slow_tcp import connections
from tests.wire.smb_messages import Recorder, frame

TO_SERVER, GAP = 1, 128
SLOW_S_PER_BYTE, SLOW_S = 2e-5, 0.2
LONGEST_INPUT = 65536
LARGEST_CAPTURE = 2_000_000


def encode(pieces: list[tuple[bool, bytes | None]]) -> bytes:
    coded = []
    for is_to_server, data in pieces:
        for at in range(0, max(len(data or b""), 1), 0xFFFF):
            part = (data or b"")[at : at + 0xFFFF]
            coded.append(bytes([is_to_server | (GAP if data is None else 0)]) + len(part).to_bytes(2) + part)
    return b"".join(coded)


def decode(coded: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 3 <= len(coded):
        size = int.from_bytes(coded[at + 1 : at + 3])
        yield coded[at], coded[at + 3 : at + 3 + size]
        at += 3 + size


def drive(coded: bytes) -> None:
    """Feed an input; fail where anything but counts comes of it, where it takes long, or where a table outgrows its bound."""
    pipes: list[Recorder] = []

    def associate(pipe: str, user: str) -> Recorder:
        assert isinstance(pipe, str)
        assert isinstance(user, str)
        pipes.append(Recorder(pipe, user))
        return pipes[-1]

    facts = Facts()
    stream, began = SmbConnection(facts, associate), time.process_time()
    for flags, data in decode(coded):
        is_to_server = bool(flags & TO_SERVER)
        if flags & GAP:
            stream.gap(is_to_server)
        stream.feed(0, is_to_server, data)
        check_bounds(stream)
    stream.close()
    took = time.process_time() - began
    assert took < SLOW_S + SLOW_S_PER_BYTE * len(coded), f"{took} s for {len(coded)} bytes"
    assert all(pipe.closed == 1 for pipe in pipes)
    given = sum(len(sent) for pipe in pipes for sent in pipe.sent.values())
    assert given <= len(coded)
    for event in facts.events:
        assert len(event.user) <= 2 * smb1.LONGEST_NAME + 1
        assert max(len(event.share), len(event.name)) <= smb1.LONGEST_NAME
        repr(event).encode()


def check_bounds(stream: SmbConnection) -> None:
    opens = stream._opens
    assert len(opens._files) <= smb_opens.MOST_FILES
    assert len(opens._trees) <= smb_opens.MOST_TREES
    assert len(opens._users) <= smb_opens.MOST_SESSIONS
    assert len(stream._smb1._requests) <= smb1.MOST_REQUESTS
    assert len(stream._smb2._requests) <= smb2.MOST_REQUESTS
    assert all(len(side.head) <= smb.LONGEST_HEAD + 4 for side in stream.sides)


def made() -> list[bytes]:
    """The streams of our own tests."""
    from tests.wire.smb.test_connection import SCRIPT, SESSION_REQUEST
    from tests.wire.smb.test_smb1 import chains

    own = [(is_to_server, frame(message)) for is_to_server, message in SCRIPT]
    others = [[(is_to_server, frame(message)) for is_to_server, message in chain] for chain in chains()]
    return [encode(pieces) for pieces in ([(True, SESSION_REQUEST), *own], *others)]


def seeds() -> list[bytes]:
    """The streams of our own tests, and of the public captures where they are."""
    found = made()
    for path in sorted(SHARED_DATA.glob("pcap/*/*")):
        if path.stat().st_size < LARGEST_CAPTURE:
            for connection in connections(path, frozenset({445, 139})):
                coded = encode([(piece.is_to_server, piece.data) for piece in connection.pieces])
                found.append(coded[:LONGEST_INPUT])
    return found


def mutated(dice: random.Random, corpus: list[bytes]) -> bytes:
    """One of the corpus, changed in some places."""
    data = bytearray(dice.choice(corpus))
    for _ in range(dice.choice([1, 1, 2, 3, 5, 8, 20])):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(8):
            case 0:
                data[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                data[at : at + 2] = dice.choice([b"\0\0", b"\xff\xff", b"\x01\0", b"\xff\x7f", b"\x40\0", b"\x70\0"])
            case 2:
                data[at : at + 4] = dice.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\1\0", b"\x48\0\0\0"])
            case 3:
                del data[at : at + dice.randrange(1, 100)]
            case 4:
                data[at:at] = data[(start := dice.randrange(len(data) + 1)) : start + dice.randrange(500)]
            case 5:
                other = dice.choice(corpus)
                data[at:at] = other[(start := dice.randrange(len(other))) : start + dice.randrange(2000)]
            case 6:
                data[at : at + 16] = b"\xff" * 16
            case _:
                data[at : at + 1] = bytes([data[at] ^ 1 << dice.randrange(8)]) if at < len(data) else b""
    return bytes(data[:LONGEST_INPUT])


def fuzz_own(seconds: float, seed: int) -> int:
    dice, corpus, inputs = random.Random(seed), seeds(), 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        coded = mutated(dice, corpus)
        inputs += 1
        try:
            drive(coded)
        except BaseException:
            kept = Path(tempfile.gettempdir()) / f"smb-{hashlib.sha256(coded).hexdigest()[:16]}"
            kept.write_bytes(coded)
            print(f"failed, kept as {kept}", file=sys.stderr)  # noqa: T201
            raise
    print(f"{inputs} inputs, none failed")  # noqa: T201
    return 0


def fuzz_guided(seconds: int, folder: Path) -> None:
    for number, coded in enumerate(seeds()):
        (folder / str(number)).write_bytes(coded)
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST_INPUT}",
        "-timeout=10",
        "-rss_limit_mb=1024",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], str(folder), *options], drive)
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz the SMB reader.")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--own", action="store_true", help="our own mutations, also where atheris is installed")
    arguments = parser.parse_args()
    if atheris is None or arguments.own:
        return fuzz_own(arguments.seconds, arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        fuzz_guided(arguments.seconds, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())

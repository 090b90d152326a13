"""Feeds broken input to the readers of TCP streams and DCE/RPC: no exception, no hang, no growth.

    python tests/fuzz/dcerpc.py --seconds 600

With atheris installed it is guided by coverage, else it mutates what the public captures hold by itself. An input that breaks
something is written to ``--out`` and named; without a find it ends with the number of inputs it tried.
"""

import argparse
import faulthandler
import importlib
import importlib.util
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.wire.slow_capture import Packet

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

SLOWEST_S = 5
"""CPU time for one input: ordinary ones take milliseconds."""
MOST_HELD_BYTES = 2 * 1024 * 1024
MOST_GROWTH_BYTES = 64 * 1024 * 1024
"""Of the program without guidance: what guides keeps tables of its own, which grow."""
LONGEST = 65_536


def packets(data: bytes) -> "list[Packet]":
    """An input as the packets of one connection: direction, holes, cuts, overlaps and flags are in each one's first four bytes."""
    from tests.wire.slow_capture import Packet

    found: list[Packet] = []
    at, sequence = 0, [0, 0]
    while at + 4 <= len(data):
        head, flags, size, shift = data[at : at + 4]
        up = bool(head & 1)
        size += 256 * (head >> 5)
        ends = (b"\n\0\0\1", b"\n\0\0\2", 50_000, 135 + (head >> 1 & 1))
        ends = ends if up else (ends[1], ends[0], ends[3], ends[2])
        payload = data[at + 4 : at + 4 + size]
        seq = (sequence[up] + (shift - 128 if head & 4 else 0)) % 2**32
        captured = payload[: len(payload) // 2] if head & 8 else payload
        found.append(Packet(at, *ends, seq, sequence[not up] % 2**32, flags & 0x1F, captured, len(payload)))
        sequence[up] += len(payload) + (shift << 20 if head & 16 else 0)
        at += 4 + size
    return found


def load() -> dict[int, Callable[[bytes], None]]:
    """The targets, by the first byte of the input."""
    from rpcsight.wire import Facts
    from rpcsight.wire.follow import Follower
    from rpcsight.wire.reassembly import TcpStream
    from rpcsight.wire.rpc import dcom, towers
    from rpcsight.wire.rpc.association import Association
    from tests.wire import slow_capture

    def association(data: bytes) -> None:
        facts = Facts()
        stream = Association(facts)
        at = 0
        while at + 2 <= len(data):
            head, size = data[at], data[at + 1] + 256 * (data[at] >> 4)
            if head & 3 == 3:
                stream.gap(bool(head & 4))
            stream.feed(at, bool(head & 4), data[at + 2 : at + 2 + size])
            at += 2 + size
            assert stream.held_bytes < MOST_HELD_BYTES
        stream.close()
        assert stream.held_bytes <= 300 * 256

    def tcp(data: bytes) -> None:
        stream = TcpStream(Association(Facts()))
        for packet in packets(data):
            missing = packet.payload_bytes - len(packet.payload)
            up = packet.src_port == 50_000
            stream.packet(packet.time_us, up, packet.seq, packet.ack, packet.flags, packet.payload, missing)
            assert stream.held_bytes < MOST_HELD_BYTES
        stream.finish()
        assert stream.held_bytes == 0

    def follower(data: bytes) -> None:
        names: dict[int, str] = {}
        following = Follower(lambda number: names[number], is_smb_read=False)
        found = packets(data)
        for at in range(0, len(found), 7):
            capture = slow_capture.columns(found[at : at + 7], names)
            following.take(capture.block, capture.packets)
        following.finish()
        following.drain()
        assert not following._live
        assert following._held_bytes == 0

    def mapper(data: bytes) -> None:
        for number in range(8):
            towers.read_answer(data, ("ept_map", "ept_lookup")[number >> 2], 0, bool(number & 1), bool(number & 2))

    def bindings(data: bytes) -> None:
        dcom.read_answer(data, "activation", 0)
        dcom.read_answer(data, "activation", 0, is_little=False)

    return dict(enumerate((association, tcp, follower, mapper, bindings)))


def corpus() -> list[bytes]:
    """What to begin with: a built conversation, and the payloads of the captures where they are, for each target."""
    from tests.wire import pdus, slow_capture
    from tests.wire.rpc.test_association import conversation

    shared = ROOT.parent / "shared" / "data" / "pcap"
    streams: list[list[tuple[bool, bytes]]] = [conversation("<"), conversation(">")]
    for path in sorted(shared.rglob("*.*cap*")) if shared.exists() else []:
        by_ends: dict[frozenset[tuple[bytes, int]], list[tuple[bool, bytes]]] = {}
        for packet in slow_capture.read(path):
            key = frozenset({(packet.src, packet.src_port), (packet.dest, packet.dest_port)})
            if packet.payload[:1] == b"\5":
                by_ends.setdefault(key, []).append((packet.src_port > packet.dest_port, packet.payload[:3000]))
        streams += [pieces[:30] for pieces in by_ends.values()][:5]
    found: list[bytes] = [b"\4" + bytes(30) + pdus.dual_string_array([(7, "DC1[49724]")])]
    for pieces in streams:
        found.append(
            b"\0" + b"".join(bytes([(len(raw) >> 8) << 4 & 0xF0 | up << 2, len(raw) & 255]) + raw for up, raw in pieces)
        )
        for target in (1, 2):
            segments = ((up, raw[at : at + 1400]) for up, raw in pieces for at in range(0, len(raw), 1400))
            lines = (bytes([(len(raw) >> 8) << 5 | up, 16, len(raw) & 255, 0]) + raw for up, raw in segments)
            found.append(bytes([target]) + b"".join(lines))
        found += [b"\3" + raw[24:] for up, raw in pieces if not up]
    return [one[:LONGEST] for one in found]


def check(targets: dict[int, Callable[[bytes], None]], data: bytes) -> None:
    """Run one input; an exception, a hang (by faulthandler) or much time ends the program."""
    if not data:
        return
    start = time.process_time()
    faulthandler.dump_traceback_later(SLOWEST_S * 10, exit=True)
    targets[data[0] % len(targets)](data[1:])
    faulthandler.cancel_dump_traceback_later()
    if time.process_time() - start > SLOWEST_S:
        raise TimeoutError(f"{time.process_time() - start:.1f} s for {len(data)} bytes")


def mutated(data: bytes, chance: random.Random, seeds: list[bytes]) -> bytes:
    """Bytes set, cut out, repeated, or joined from another seed."""
    raw = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(raw)) if raw else 0
        match chance.randrange(5):
            case 0:
                raw[at : at + 1] = bytes([chance.choice([0, 1, 2, 3, 5, 127, 128, 255, chance.randrange(256)])])
            case 1:
                del raw[at : at + chance.randint(1, 40)]
            case 2:
                raw[at:at] = raw[at : at + chance.randint(1, 400)]
            case 3:
                other = chance.choice(seeds)
                raw[at:] = other[chance.randrange(len(other)) :]
            case _:
                raw[at : at + 4] = chance.randbytes(chance.choice([1, 2, 4]))
    return bytes(raw[:LONGEST])


def mutate(targets: dict[int, Callable[[bytes], None]], seconds: float, seed: int, out: Path) -> None:
    """Mutate without guidance for so long."""
    chance, seeds, tried = random.Random(seed), corpus(), 0
    for one in seeds:
        check(targets, one)
    end, before = time.monotonic() + seconds, resident()
    while time.monotonic() < end:
        data = mutated(chance.choice(seeds), chance, seeds)
        try:
            check(targets, data)
        except Exception:
            out.write_bytes(data)
            print(f"broken by {out}", file=sys.stderr)  # noqa: T201
            raise
        tried += 1
    if resident() - before > MOST_GROWTH_BYTES:
        raise MemoryError(f"grown from {before} to {resident()} bytes")
    print(f"{tried} inputs, memory from {before >> 20} to {resident() >> 20} MiB")  # noqa: T201


def resident() -> int:
    """The most memory that this program has had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Take the time from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "dcerpc-find")
    parser.add_argument("--unguided", action="store_true", help="without atheris, which keeps tables that grow")
    options = parser.parse_args()
    if options.unguided or importlib.util.find_spec("atheris") is None:
        mutate(load(), options.seconds, options.seed, options.out)
        return
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["rpcsight.wire"]):
        targets = load()
    with tempfile.TemporaryDirectory() as folder:
        for number, one in enumerate(corpus()):
            (Path(folder) / str(number)).write_bytes(one)
        limits = [
            f"-max_total_time={options.seconds:.0f}",
            f"-seed={options.seed}",
            f"-max_len={LONGEST}",
            "-timeout=60",
        ]
        arguments = [sys.argv[0], *limits, f"-artifact_prefix={options.out}-", "-rss_limit_mb=4096", folder]
        atheris.Setup(arguments, lambda data: check(targets, data))
        atheris.Fuzz()


if __name__ == "__main__":
    main()

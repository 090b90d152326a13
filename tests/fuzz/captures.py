"""Fuzzes the reading of captures as a whole with mutated captures: `python -m tests.fuzz.captures --seconds 600`.

An input is a pcap or pcapng file: its frames are read, decoded, summed up, followed and collected as `readers/pcap.py` does it.
Atheris mutates where it is installed, guided by coverage; else, or with `--own`, mutations of our own do, which `--seed` repeats.
"""

import argparse
import contextlib
import gzip
import random
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

if __name__ == "__main__":
    try:
        import atheris
    except ImportError:
        atheris = None
else:
    atheris = None

with atheris.instrument_imports(include=["rpcsight.wire"]) if atheris else contextlib.nullcontext():
    from rpcsight.readers._packets import Connections, rows_of
    from rpcsight.readers._shown import Conversations, Exports
    from rpcsight.wire.capture.addresses import Addresses
    from rpcsight.wire.capture.files import frames
    from rpcsight.wire.capture.packets import decode

from tests.contracts.samples import FLOWS, FORMS
from tests.system import SHARED_DATA

SLOW_S_PER_BYTE, SLOW_S = 2e-5, 0.5
LONGEST_INPUT = 65536
BLOCKS_BYTES = (700, 1 << 22)
MOST_MIB = 600


def drive(content: bytes) -> None:
    """Read an input; fail where anything but rows and counts comes of it, where packets are lost, or where it takes long."""
    began = time.process_time()
    counts = []
    for block_bytes in BLOCKS_BYTES:
        losses: Counter[str] = Counter()
        addresses = Addresses()
        consumers = (Connections(), Conversations(addresses.text), Exports(addresses.text))
        rows = Counter[str]()
        for name, batch in rows_of([content], addresses, consumers, losses, block_bytes):
            rows[name] += batch.num_rows
            if name == "segment":
                rows["packets"] += sum(batch["up_packets"].to_pylist()) + sum(batch["down_packets"].to_pylist())
        counts.append((rows["packets"], +losses))
    assert counts[0] == counts[1]
    count_all(content, counts[0][0])
    took = time.process_time() - began
    assert took < SLOW_S + SLOW_S_PER_BYTE * len(content), f"{took} s for {len(content)} bytes"


def count_all(content: bytes, packets: int) -> None:
    """Each frame is a packet of a connection, a datagram, or a loss."""
    framing: Counter[str] = Counter()
    losses: Counter[str] = Counter()
    found = rest = 0
    for block in frames([content], framing):
        tcp, udp = decode(block, Addresses(), losses)
        found += len(tcp.seq)
        rest += len(block) - len(tcp.seq) - len(udp.src_no)
    assert (found, rest) == (packets, sum(losses.values()))


def seeds() -> list[bytes]:
    """The captures of our own tests, and the small public ones where they are."""
    found = [form.write(FLOWS) for form in FORMS if form.reader == "pcap"]
    for path in sorted(SHARED_DATA.glob("pcap/*/*")) + sorted(SHARED_DATA.glob("netflow-derived/*/*.pcapng")):
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        found.append(content[:LONGEST_INPUT])
    return found


def mutated(dice: random.Random, corpus: list[bytes]) -> bytes:
    """One of the corpus, changed in some places."""
    data = bytearray(dice.choice(corpus))
    for _ in range(dice.choice([1, 1, 2, 3, 5, 8, 20])):
        at = dice.randrange(len(data))
        kind = dice.randrange(5)
        if kind == 0:
            data[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            data[at : at + 4] = dice.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\0\x80", dice.randbytes(4)])
        elif kind == 2:
            del data[at : at + dice.choice([1, 2, 4, 16, 60])]
        elif kind == 3:
            data[at:at] = data[at : at + dice.choice([4, 16, 200])]
        else:
            other = dice.choice(corpus)
            cut = dice.randrange(len(other))
            data[at:at] = other[cut : cut + dice.choice([16, 100, 1000])]
        data = data or bytearray(b"\0")
    return bytes(data[:LONGEST_INPUT])


def check(content: bytes) -> None:
    """Drive, with numpy's warnings (of overflows, say) as errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drive(content)


def mutate(seconds: float, seed: int, most: int | None = None) -> int:
    """Mutations of our own; how many."""
    dice, corpus, done = random.Random(seed), seeds(), 0
    end = time.monotonic() + seconds
    while time.monotonic() < end and (most is None or done < most):
        content = mutated(dice, corpus)
        try:
            check(content)
        except BaseException:
            Path(tempfile.gettempdir(), f"capture-{seed}-{done}.bin").write_bytes(content)
            raise
        done += 1
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--own", action="store_true")
    options = parser.parse_args()
    if atheris is None or options.own:
        done = mutate(options.seconds, options.seed)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        sys.stderr.write(f"{done} inputs, nothing found; peak {peak} MiB\n")
        assert peak < MOST_MIB
        return
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds()):
            Path(folder, str(number)).write_bytes(seed)
        limits = [f"-max_total_time={options.seconds}", f"-max_len={LONGEST_INPUT}", "-rss_limit_mb=4000"]
        atheris.Setup([sys.argv[0], *limits, folder], check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()

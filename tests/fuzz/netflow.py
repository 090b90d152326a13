"""Fuzzing of the export datagram decoder: `python -m tests.fuzz.netflow --seconds 600`.

With atheris installed, guided by coverage; else mutations of sound datagrams alone. An input is a list of datagrams; whatever they are,
the decoder must not raise, must give the same rows whatever the blocks, and rows that are not set aside must make sense.
"""

import argparse
import random
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from types import FunctionType

import numpy as np

from rpcsight.wire.netflow.collector import Collector
from tests.wire.exports import (
    ENDS,
    REVERSE,
    Field,
    columns,
    data,
    flow,
    ipfix,
    options_template,
    template,
    v5,
    v5_record,
    v9,
)

MS = 1_790_000_000_000
MAX_INPUT_BYTES = 20_000
SLOWEST_S = 5
EARLIEST_US, LATEST_US = 631_152_000_000_000, 4_102_444_800_000_000
UPTIMES: list[Field] = [*ENDS, (22, 4), (21, 4)]
VARIABLE: list[Field] = [(82, 65535), *ENDS, (371, 65535), (95, 3), (152, 8), (153, 8)]
BIFLOW: list[Field] = [
    *ENDS,
    (152, 8),
    (161, 4),
    (1, 3, REVERSE),
    (2, 4, REVERSE),
    (6, 2, REVERSE),
    (152, 8, REVERSE),
    (239, 1),
]
IPV6: list[Field] = [(27, 16), (28, 16), (7, 2), (11, 2), (4, 1), (6, 2), (154, 8), (157, 8), (148, 8), (34, 4)]
OPTIONS: list[Field] = [(143, 4), (160, 8), (305, 4), (306, 4), (82, 16)]


def seeds() -> list[list[bytes]]:
    """Sound inputs of every kind."""
    six = (1, 2, 50000, 135, 6, 2, 1 << 63, 1 << 63, 9, 100)
    options = options_template(256, OPTIONS[:1], OPTIONS[1:]), data(256, OPTIONS, (1, MS, 1, 99, b"eth0".ljust(16)))
    return [
        [v5(v5_record(1, 2), v5_record(3, 4)), v5(v5_record(2**32 - 1, 4), seq=9, sampling=0x4010)],
        [v9(template(300, UPTIMES, 9), data(300, UPTIMES, flow(1, 2), flow(3, 4), padding=3))],
        [
            v9(
                options_template(256, OPTIONS[:1], OPTIONS[2:], 9),
                data(256, [OPTIONS[0], *OPTIONS[2:]], (1, 2, 3, bytes(16))),
            )
        ],
        [ipfix(template(300, UPTIMES), data(300, UPTIMES, flow(1, 2))), ipfix(*options, seq=1)],
        [
            ipfix(data(300, VARIABLE, (b"ab", *flow(), b"x" * 300, 1, MS, MS + 1))),
            ipfix(template(300, VARIABLE), seq=1),
        ],
        [ipfix(template(300, BIFLOW), data(300, BIFLOW, (*flow(), MS, 5, 1, 2, 0x12, MS + 1, 2)))],
        [
            ipfix(template(300, IPV6), data(300, IPV6, six, six)),
            ipfix(template(300, VARIABLE[1:4]), data(300, IPV6, six)),
        ],
    ]


def packed(payloads: list[bytes]) -> bytes:
    """One input of several datagrams: each with its length in front."""
    return b"".join(struct.pack(">BH", place % 3, len(each)) + each for place, each in enumerate(payloads))


def unpacked(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """The datagrams of an input, each with the number of its exporter."""
    at = 0
    while at + 3 <= len(raw):
        exporter, size = struct.unpack_from(">BH", raw, at)
        yield 1 + exporter % 3, raw[at + 3 : at + 3 + size]
        at += 3 + size


def check(raw: bytes) -> None:
    """Decode an input, in one block and in many, and look at what comes out.

    Raises:
        AssertionError: something is wrong with it.
    """
    given = list(unpacked(raw[:MAX_INPUT_BYTES]))
    begin = time.process_time()
    once = rows([given])
    assert time.process_time() - begin < SLOWEST_S, "slow"
    assert once == rows([[each] for each in given]), "blocks change the rows"


def rows(blocks: list[list[tuple[int, bytes]]]) -> list[str]:
    """All rows, sorted, and the counts."""
    collector = Collector()
    found: list[str] = []
    for block in blocks:
        numbers, payloads = [number for number, _ in block], [payload for _, payload in block]
        is_export = collector.take(*columns(payloads, np.array(numbers, np.uint64)))
        assert len(is_export) == len(block)
        flows = collector.drain()
        for row in [row for batch in [*flows.halves, *flows.records] for row in batch.to_pylist()]:
            assert 0 <= row["src_port"] <= 65535
            assert 0 <= row["dest_port"] <= 65535
            if row["set_aside"] is None:
                assert EARLIEST_US <= row["start_us"] <= (row["end_us"] or row["start_us"]) <= LATEST_US, row
            found.append(repr(row))
    collector.close()
    counts = {
        "": collector.protocols,
        **collector.losses,
        **{f"{name} notes": each for name, each in collector.notes.items()},
    }
    return sorted(found) + sorted(f"{name} {sorted(each.items())}" for name, each in counts.items())


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """The input with some bytes changed, cut out, or doubled."""
    made = bytearray(raw)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        at = chance.randrange(len(made)) if made else 0
        what = chance.randrange(5)
        if what == 0:
            made[at : at + 1] = bytes((chance.choice((0, 1, 255, 128, chance.randrange(256))),))
        elif what == 1:
            made[at : at + 2] = struct.pack(">H", chance.choice((0, 1, 4, 65535, 256, 300, chance.randrange(65536))))
        elif what == 2:
            del made[at : at + chance.randrange(1, 30)]
        elif what == 3:
            made[at:at] = made[at : at + chance.randrange(1, 200)]
        else:
            made[at : at + 4] = chance.randbytes(4)
    return bytes(made)


def mutate(seconds: float, seed: int, most: int = sys.maxsize) -> int:
    """Check mutations of the seeds.

    Returns:
        How many.
    """
    chance = random.Random(seed)
    pool = [packed(each) for each in seeds()]
    deadline, count = time.monotonic() + seconds, 0
    while count < most and time.monotonic() < deadline:
        raw = mutated(chance.choice(pool) + (chance.choice(pool) if chance.random() < 0.3 else b""), chance)
        try:
            check(raw)
        except Exception:
            print(f"input {raw.hex()}")  # noqa: T201
            raise
        count += 1
    return count


def decoder_functions() -> Iterator[FunctionType]:
    """Every function and method of the decoder's modules."""
    for name, module in sorted(sys.modules.items()):
        if name.startswith("rpcsight.wire."):
            for each in vars(module).values():
                for one in [each, *(vars(each).values() if isinstance(each, type) else ())]:
                    if isinstance(one, FunctionType) and one.__module__ == name:
                        yield one


def main() -> None:
    """Fuzz for so long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for each in seeds():
        check(packed(each))
    try:
        import atheris  # pyright: ignore[reportMissingImports]
    except ImportError:
        print(f"{mutate(options.seconds, options.seed)} inputs")  # noqa: T201
        return
    for function in decoder_functions():
        atheris.instrument_func(function)
    with tempfile.TemporaryDirectory() as folder:
        for place, each in enumerate(seeds()):
            with open(f"{folder}/{place}", "wb") as file:  # noqa: PTH123
                file.write(packed(each))
        atheris.Setup(
            [sys.argv[0], f"-max_total_time={options.seconds}", f"-max_len={MAX_INPUT_BYTES}", "-timeout=20", folder],
            check,
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()

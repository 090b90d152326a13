"""What comes out of a pump: the file's lines, unpacked, and tamed where an engine would choke on them."""

import gzip
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from rpcsight.engines.pump import LONGEST_LINE_BYTES, Pump, is_tame, unpacked_blocks, whole_lines
from rpcsight.errors import InputError

NOISE = random.Random(1)
LINES = [b"%d %s\n" % (number, NOISE.randbytes(NOISE.randrange(60)).hex().encode()) for number in range(20_000)]
CONTENT = b"".join(LINES)
PACK = {"": bytes, "gz": gzip.compress, "zst": lambda content: pa.Codec("zstd").compress(content, asbytes=True)}


def packed(folder: Path, kind: str, content: bytes) -> str:
    path = folder / f"file.{kind}"
    path.write_bytes(content)
    return str(path)


def pumped(path: str, kind: str, **options: object) -> tuple[list[bytes], InputError | None]:
    """All lines, sorted, and the error."""
    pump = Pump(path, kind, **options)  # type: ignore[arg-type]
    found: list[list[bytes]] = [[] for _ in pump.paths]

    def drain(number: int) -> None:
        with Path(pump.paths[number]).open("rb") as pipe:
            found[number] = pipe.readlines()

    threads = [threading.Thread(target=drain, args=(number,)) for number in range(len(pump.paths))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pump.close()
    return sorted(line for lines in found for line in lines), pump.broken


def _noted(blocks: Iterator[bytes], given: bytearray) -> Iterator[None]:
    for block in blocks:
        given.extend(block)
        yield


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("skipped", [0, 1, 3])
def test_every_line_once(kind: str, skipped: int, tmp_path: Path) -> None:
    path = packed(tmp_path, kind, PACK[kind](CONTENT))
    assert pumped(path, kind, skip_lines=skipped) == (sorted(LINES[skipped:]), None)


def test_members_and_padding(tmp_path: Path) -> None:
    member = gzip.compress(CONTENT)
    path = packed(tmp_path, "gz", member + bytes(700) + member + bytes(9))
    assert b"".join(unpacked_blocks(path, "gz")) == CONTENT * 2


@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_cut(kind: str, tmp_path: Path) -> None:
    whole = PACK[kind](CONTENT)
    lines, broken = pumped(packed(tmp_path, kind, whole[: len(whole) // 2]), kind, source="stdin")
    assert set(lines) <= set(LINES)
    assert 5_000 < len(lines) < 15_000
    assert broken is not None
    assert broken.where == "stdin"


def test_all_before_a_broken_place_is_given(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(CONTENT))
    whole[len(whole) // 2 :] = b"\xff" * 200_000
    given = bytearray()
    with pytest.raises(InputError, match="gzip data"):
        list(_noted(unpacked_blocks(packed(tmp_path, "gz", bytes(whole)), "gz"), given))
    kept = int(len(CONTENT) * 0.49)
    assert given[:kept] == CONTENT[:kept]


def test_missing(tmp_path: Path) -> None:
    lines, broken = pumped(str(tmp_path / "none"), "gz")
    assert (lines, broken is None) == ([], False)


@pytest.mark.parametrize("kind", PACK)
def test_long_lines_are_cut(kind: str, tmp_path: Path) -> None:
    long = [b"x" * (LONGEST_LINE_BYTES + 1), b"y" * 3_000_000, b"z" * LONGEST_LINE_BYTES]
    content = b"a\n" + b"\n".join(long) + b"\nb\n" + long[1]
    path = packed(tmp_path, kind, PACK[kind](content))
    lines = b"".join(whole_lines(path, kind)).splitlines()
    assert lines == [b"a", b"x" * 200, b"y" * 200, long[2], b"b", b"y" * 200]


def test_tame(tmp_path: Path) -> None:
    assert is_tame(packed(tmp_path, "", CONTENT))
    assert is_tame(packed(tmp_path, "", b""))
    assert not is_tame(packed(tmp_path, "", CONTENT + b"x" * 2 * LONGEST_LINE_BYTES + b"\n"))


def test_line_ends_and_quotes(tmp_path: Path) -> None:
    path = packed(tmp_path, "", b'a\r\nb\rc\n"d\n"e"\r\n')
    assert pumped(path, "")[0] == sorted([b"a\n", b"b c\n", b'"d\n', b'"e"\n'])
    assert pumped(path, "", quote='"')[0] == sorted([b"a\n", b"b c\n", b"d\n", b'"e"\n'])


def test_closing_early_ends_its_threads(tmp_path: Path) -> None:
    before = threading.active_count()
    Pump(packed(tmp_path, "gz", gzip.compress(CONTENT * 20, 1)), "gz").close()
    assert threading.active_count() == before

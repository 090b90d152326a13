"""One-way records become connections: steps/half.sql and steps/paired.sql, read from nfdump's `csv-fast`."""

from pathlib import Path

import pytest

from rpcsight.analytics import step
from rpcsight.engines import Statements
from rpcsight.engines.duckdb import DuckDB
from rpcsight.pipeline import Request
from rpcsight.readers import nfdump
from rpcsight.readers._inputs import Input, look

CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
TALK, SYN, ACK, RESET = "...AP.SF", "......S.", "...A....", "...A.R.."
REST, MIDDLE = "...AP..F", "...AP..."
HEADER = "cnt,af,firstSeen,lastSeen,proto,srcAddr,srcPort,dstAddr,dstPort,srcAS,dstAS,input,output,flags,srcTos,packets,bytes"
AT_MS = 1_772_445_600_000
COLUMNS = "start_us // 1000 as start, end_us // 1000 as finish, src_ip, src_port, dest_ip, dest_port, is_established, is_oriented, problem"

Half = tuple[int, int, str, int, str, int, str]
Row = tuple[object, ...]
CONTINUED = "continuation of a connection that started before"


def out(start: int, end: int, flags: str = TALK, src_port: int = 50001, dest_port: int = 49664) -> Half:
    return start, end, CLIENT, src_port, SERVER, dest_port, flags


def back(start: int, end: int, flags: str = TALK, src_port: int = 50001, dest_port: int = 49664) -> Half:
    return start, end, SERVER, dest_port, CLIENT, src_port, flags


def paired(folder: Path, *files: list[Half], protocol: int = 6) -> list[Row]:
    """The connections made of halves: start and end in milliseconds, ends, state, direction, problem; each file an observer."""
    engine = DuckDB(str(folder))
    statements = Statements(step("reading"), step("half"), step("paired"))
    parameters = Request(paths=[]).parameters()
    for number, halves in enumerate(files):
        path = folder / f"observer{'abc'[number]}.csv"
        lines = [
            f"{at},2,{AT_MS + half[0]},{AT_MS + half[1]},{protocol},{half[2]},{half[3]},{half[4]},{half[5]},0,0,0,0,{half[6]},0,1,1"
            for at, half in enumerate(halves)
        ]
        path.write_text("\n".join([HEADER, *lines]) + "\n")
        scan = nfdump.scan(look(Input(path, str(path), path.stem)), {})
        engine.read(scan, statements, parameters)
    engine.pair(statements, parameters)
    found = engine.rows(f"select {COLUMNS} from reading order by all", {}).to_pylist()
    engine.close()
    return [(row["start"] - AT_MS, row["finish"] - AT_MS, *list(row.values())[2:]) for row in found]


def connection(start: int, end: int, is_established: bool | None = True, **other: object) -> Row:
    row: dict[str, object] = {
        "start": start,
        "end": end,
        "src_ip": CLIENT,
        "src_port": 50001,
        "dest_ip": SERVER,
        "dest_port": 49664,
        "is_established": is_established,
        "is_oriented": True,
        "problem": None,
    }
    return tuple((row | other).values())


@pytest.mark.parametrize(
    ("halves", "rows"),
    [
        ([out(0, 90), back(1, 95)], [connection(0, 95)]),
        ([back(1, 95), out(0, 90)], [connection(0, 95)]),
        ([out(0, 90)], [connection(0, 90, is_oriented=False)]),
        ([back(5, 90)], [connection(5, 90, is_oriented=False)]),
        ([out(0, 0, SYN)], [connection(0, 0, is_established=False)]),
        ([out(0, 0, SYN), back(1, 1, RESET)], [connection(0, 1, is_established=False)]),
        ([back(0, 0, RESET), out(0, 0, SYN)], [connection(0, 0, is_established=False)]),
        (
            [out(0, 0, SYN), out(3_000, 3_400), back(3_001, 3_400)],
            [connection(0, 0, is_established=False), connection(3_000, 3_400)],
        ),
        (
            [out(0, 300, "...A..S."), back(1, 300, "...A..S."), out(300, 600, MIDDLE), back(301, 700, REST)],
            [connection(0, 700)],
        ),
        ([out(300, 600, REST), out(0, 300, "...A..S.")], [connection(0, 600, is_oriented=False)]),
        ([out(0, 9, MIDDLE), back(0, 9, MIDDLE)], [connection(0, 9, is_oriented=False, problem=CONTINUED)]),
        (
            [out(0, 9), out(60_000, 60_009), back(60_001, 60_009)],
            [connection(0, 9, is_oriented=False), connection(60_000, 60_009)],
        ),
        (
            [out(0, 9), back(1, 9), out(0, 9, src_port=50002)],
            [connection(0, 9), connection(0, 9, src_port=50002, is_oriented=False)],
        ),
    ],
    ids=[
        "both ways",
        "answer first in the file",
        "one way",
        "answer only",
        "no answer",
        "refused",
        "refused within a millisecond",
        "tried again",
        "slices",
        "slices out of order",
        "continuation",
        "same ports again",
        "two connections",
    ],
)
def test_halves(halves: list[Half], rows: list[Row], tmp_path: Path) -> None:
    assert paired(tmp_path, halves) == rows


def test_mapper_is_called_however_the_times_stand(tmp_path: Path) -> None:
    halves = [back(0, 9, dest_port=135), out(1, 9, dest_port=135)]
    assert paired(tmp_path, halves) == [connection(0, 9, dest_port=135)]


def test_direction_by_syn(tmp_path: Path) -> None:
    """Of halves that start together, the one with SYN and no ACK is the caller's."""
    assert paired(tmp_path, [back(0, 9, MIDDLE), out(0, 9, SYN)]) == [connection(0, 9)]


def test_direction_by_syn_and_syn_ack(tmp_path: Path) -> None:
    """As flow logs tell it that never have ACK in the caller's half: PSH beside SYN says that it went on."""
    assert paired(tmp_path, [back(0, 9, "...A..S."), out(0, 9, SYN)]) == [connection(0, 9, is_established=False)]
    assert paired(tmp_path, [back(0, 9, "...AP.S."), out(0, 9, SYN)]) == [connection(0, 9)]
    assert paired(tmp_path, [back(0, 9, "...A..S."), out(0, 9, "....P.S.")]) == [connection(0, 9)]
    assert paired(tmp_path, [out(0, 9, "....P.SF")]) == [connection(0, 9)]


def test_direction_by_who_asked_the_mapper(tmp_path: Path) -> None:
    """Halves that start together, on a clock too coarse to tell: the client is who asked the server's mapper."""
    mapper = [out(0, 9, dest_port=135), back(0, 9, dest_port=135)]
    endpoint = [back(5, 9, src_port=60000), out(5, 9, src_port=60000)]
    assert paired(tmp_path, mapper + endpoint) == [connection(0, 9, dest_port=135), connection(5, 9, src_port=60000)]


def test_direction_unknown(tmp_path: Path) -> None:
    """Nothing tells who called: the lower port is taken for the server, and the record says that it is a guess."""
    assert paired(tmp_path, [back(5, 9), out(5, 9)]) == [connection(5, 9, is_oriented=False)]


def test_observers_are_kept_apart(tmp_path: Path) -> None:
    assert paired(tmp_path, [out(0, 9)], [back(1, 9)]) == [
        connection(0, 9, is_oriented=False),
        connection(1, 9, is_oriented=False),
    ]


def test_udp_has_no_flags(tmp_path: Path) -> None:
    halves = [out(0, 9, "........"), back(1, 9, "........"), out(90_000, 90_009, "........")]
    assert paired(tmp_path, halves, protocol=17) == [
        connection(0, 9, None),
        connection(90_000, 90_009, None, is_oriented=False),
    ]


def test_other_ports_are_not_kept(tmp_path: Path) -> None:
    assert paired(tmp_path, [out(0, 9, dest_port=443), back(1, 9, dest_port=443), out(0, 9, src_port=443)]) == []

"""Every form that a reader knows gives the same activities: those that the oracles find in the flows as the form tells them."""

import gzip
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from rpcsight.readers import all_readers
from tests import system
from tests.contracts import exported
from tests.contracts.reading import by_lines, expected, read, skips
from tests.contracts.samples import (
    ENDS,
    FLOWS,
    PACKED,
    SERVER,
    SHUFFLED,
    ZEEK_KINDS,
    Form,
    iso,
    table,
    without,
    zeek_header,
    zeek_json,
    zeek_tsv,
)
from tests.contracts.samples import FORMS as OWN_FORMS
from tests.oracles.flow import Flow

FORMS = (*OWN_FORMS, *exported.FORMS)
PACKED_TOO = {
    "suricata-flow",
    "suricata-array",
    "ecs-dotted",
    "zeek-tsv",
    "zeek-json-dotted",
    "nfdump-json",
    "nfdump-ndjson",
    "nfdump-csv-old",
    "nfcapd",
    "csv-quoted",
    "csv-crlf",
    "pcap",
    "pcapng",
}
CASES = [
    pytest.param(form, packing, id=f"{form.name}{packing}")
    for form in FORMS
    for packing in PACKED
    if not packing or form.name in PACKED_TOO
]


@pytest.mark.parametrize(("form", "packing"), CASES)
def test_form(form: Form, packing: str, tmp_path: Path) -> None:
    if form.needs:
        system.require(form.needs)
    path = tmp_path / f"{form.file}{packing}"
    path.write_bytes(PACKED[packing](form.write(FLOWS)))
    results, account = read(path, mapping=form.mapping)
    seen = [form.seen(replace(flow, source=str(path))) for flow in FLOWS if form.tells(flow)]
    named = [flow if flow.observer != "sensor" else replace(flow, observer=account.clocks[0].observer) for flow in seen]
    wanted, left_out = expected(named)
    assert results == wanted
    assert (account.records, account.skips, account.left_out) == (form.records, [], left_out)
    assert dict(account.readers) == {form.reader: 1}


FORM = {form.name: form for form in FORMS}
ZEEK, JSON, OWN = FORM["zeek-tsv"], FORM["zeek-json-dotted"], FORM["csv-own"]


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def seen(path: Path | str, observer: str, flows: Sequence[Flow] = FLOWS) -> list[Flow]:
    return [replace(flow, source=str(path), observer=observer) for flow in flows]


# --- where input comes from


@pytest.mark.parametrize("packing", ["", ".gz"])
def test_capture_from_stdin(packing: str) -> None:
    form = FORM["pcap"]
    results, account = read("-", stdin=BytesIO(PACKED[packing](form.write(FLOWS))))
    assert results == expected([form.seen(flow) for flow in seen("-", "stdin") if form.tells(flow)])[0]
    assert account.skips == []


def test_captures_among_logs(tmp_path: Path) -> None:
    """Two captures of one sensor, one of another, and a log, in one folder."""
    form = FORM["pcap"]
    one = put(tmp_path / "s1" / "2026-03-01" / "x.pcap", form.write(FLOWS[:4]))
    two = put(tmp_path / "s1" / "2026-03-02" / "x.pcap", form.write(FLOWS[4:9]))
    other = put(tmp_path / "s2" / "y.pcapng.gz", gzip.compress(FORM["pcapng"].write(FLOWS[9:12])))
    log = put(tmp_path / "zeek" / "conn.log", zeek_tsv(FLOWS[12:]))
    results, account = read(tmp_path)
    parts = (
        map(form.seen, seen(one, "s1/x", FLOWS[:4])),
        map(form.seen, seen(two, "s1/x", FLOWS[4:9])),
        map(form.seen, seen(other, "s2/y", FLOWS[9:12])),
        seen(log, "zeek/conn", FLOWS[12:]),
    )
    assert results == expected([flow for part in parts for flow in part])[0]
    assert (account.files, dict(account.readers), account.skips) == (4, {"pcap": 3, "zeek": 1}, [])


def test_mixed_formats_in_one_call(tmp_path: Path) -> None:
    """Each part of the scene in another format, from a folder, a pattern and a file."""
    log = put(tmp_path / "logs" / "zeek" / "conn.log", zeek_tsv(FLOWS[:4]))
    more = put(tmp_path / "logs" / "export" / "b.csv.gz", gzip.compress(OWN.write(FLOWS[4:9])))
    put(tmp_path / "logs" / "export" / "dns.log", b"#separator \\x09\n#path\tdns\n#fields\tts\tuid\n")
    table = put(tmp_path / "own.parquet", FORM["parquet-own"].write(FLOWS[9:]))
    results, account = read(log.parent, tmp_path / "logs" / "ex*", table)
    parts = (
        seen(log, "logs/zeek/conn", FLOWS[:4]),
        seen(more, "logs/export/b", FLOWS[4:9]),
        seen(table, "sensor", FLOWS[9:]),
    )
    assert results == expected([flow for part in parts for flow in part])[0]
    assert (account.files, account.records, dict(account.readers)) == (3, 16, {"zeek": 1, "csv": 1, "parquet": 1})
    assert skips(account) == [("dns.log", "holds no flows: Zeek dns log", 1)]


@pytest.mark.parametrize(
    "form", [ZEEK, JSON, OWN, FORM["nfdump-json"], FORM["parquet-own"]], ids=lambda form: form.name
)
@pytest.mark.parametrize("packing", ["", ".gz"])
def test_stdin(form: Form, packing: str) -> None:
    if packing and form.reader == "parquet":
        return
    results, account = read("-", stdin=BytesIO(PACKED[packing](form.write(FLOWS))))
    name = "sensor" if form.reader == "parquet" else "stdin"
    assert results == expected([form.seen(flow) for flow in seen("-", name)])[0]
    assert account.skips == []


@pytest.mark.parametrize("form", [ZEEK, FORM["nfdump-json"]], ids=lambda form: form.name)
def test_fifo(form: Form, tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    writer = threading.Thread(target=fifo.write_bytes, args=(form.write(FLOWS),))
    writer.start()
    results, _ = read(fifo)
    writer.join()
    assert results == expected([form.seen(flow) for flow in seen(fifo, "pipe")])[0]


def test_one_file_named_twice_is_read_once(tmp_path: Path) -> None:
    log = put(tmp_path / "conn.log", zeek_tsv(FLOWS))
    (tmp_path / "current.log").symlink_to(log)
    assert read(log, tmp_path, tmp_path / "*.log")[1].records == len(FLOWS)


@pytest.mark.parametrize("form", [ZEEK, JSON, FORM["parquet-own"]], ids=lambda form: form.name)
def test_names_are_not_patterns(form: Form, tmp_path: Path) -> None:
    names = ["a[1]", "a1", "b*c", "bxc", "d?e", "f'g", 'h"i', "j k", "l%20m", "ñ", "{x,y}", "$window_us"]
    flows = [replace(FLOWS[1], src_ip=f"10.0.1.{number}", flow_id=name) for number, name in enumerate(names)]
    mappers = [replace(FLOWS[0], src_ip=flow.src_ip, flow_id=f"m{flow.flow_id}") for flow in flows]
    paths = [
        put(tmp_path / name / form.file, form.write(pair)) for name, *pair in zip(names, mappers, flows, strict=True)
    ]
    results, account = read(*paths)
    assert {row["flow_id"]: row["source"] for row in results[1]} == dict(zip(names, map(str, paths), strict=True))
    assert account.records == 2 * len(names)


def test_partitioned_parquet(tmp_path: Path) -> None:
    write = FORM["parquet-epoch-us"].write
    one = put(tmp_path / "date=2026-03-02" / "hour=10" / "part-0.parquet", write(FLOWS[:1]))
    two = put(tmp_path / "date=2026-03-02" / "hour=11" / "part-0.parquet", write(FLOWS[1:]))
    put(tmp_path / "_SUCCESS", b"")
    results, account = read(tmp_path, mapping=["start_time=start_time:epoch_us"])
    flows = [*seen(one, "parquet", FLOWS[:1]), *seen(two, "parquet", FLOWS[1:])]
    assert results == expected(list(map(FORM["parquet-epoch-us"].seen, flows)))[0]
    assert (account.files, account.skips) == (2, [])


# --- observers


@pytest.mark.parametrize(
    ("paths", "observers"),
    [
        (["conn.log"], ["conn"]),
        (["conn.log", "conn.1.log", "conn.2026-03-02-10-00-00.log", "conn-20260302.log"], ["conn"]),
        (["conn.10:00:00-11:00:00.log", "conn.11:00:00-12:00:00.log"], ["conn"]),
        (["2026-03-01/conn.log", "2026-03-02/conn.log", "current/conn.log"], ["conn"]),
        (["2026/03/02/conn.log", "2026/03/03/conn.log"], ["conn"]),
        (["sensor1/conn.log", "sensor2/conn.log"], ["sensor1/conn", "sensor2/conn"]),
        (
            ["sensor1/2026-03-01/conn.log", "sensor1/2026-03-02/conn.log", "sensor2/conn.log"],
            ["sensor1/conn", "sensor2/conn"],
        ),
        (["east.log", "west.log"], ["east", "west"]),
        (["sensor=a/conn.log", "sensor=b/conn.log"], ["sensor=a/conn", "sensor=b/conn"]),
    ],
)
@pytest.mark.parametrize("is_folder", [True, False], ids=["folder", "files"])
def test_observers(paths: list[str], observers: list[str], is_folder: bool, tmp_path: Path) -> None:
    """Rotated logs of one sensor share a name, sensors do not; naming the folder or the files makes no difference."""
    files = [put(tmp_path / "logs" / path, zeek_tsv(FLOWS[:2])) for path in paths]
    _, account = read(*([tmp_path / "logs"] if is_folder else files))
    assert [clock.observer for clock in account.clocks] == observers


def test_empty_observer_is_the_file(tmp_path: Path) -> None:
    path = put(
        tmp_path / "f.csv",
        table({**ENDS, "start_time": lambda flow: iso(flow.start_us), "sensor": lambda _: ""})(FLOWS),
    )
    assert [clock.observer for clock in read(path)[1].clocks] == ["f"]


# --- clocks


@pytest.mark.parametrize(
    ("unit_us", "resolution"),
    [(1_000_000, "1 s"), (1_000, "1 ms"), (1, "1 µs")],
    ids=["seconds", "milliseconds", "microseconds"],
)
@pytest.mark.parametrize("form", [ZEEK, FORM["parquet-own"]], ids=lambda form: form.name)
def test_clock(form: Form, unit_us: int, resolution: str, tmp_path: Path) -> None:
    flows = [replace(flow, start_us=(flow.start_us + 7) // unit_us * unit_us) for flow in FLOWS]
    _, account = read(put(tmp_path / form.file, form.write(flows)))
    assert [(clock.resolution, clock.flows) for clock in account.clocks] == [(resolution, 15)]
    assert [warning.partition(";")[0] for warning in account.warnings] == (
        [f"{account.clocks[0].observer}: times are whole seconds"] if unit_us == 1_000_000 else []
    )


# --- Zeek


@pytest.mark.parametrize("packing", ["", ".gz"])
@pytest.mark.parametrize(
    "second",
    [tuple(ZEEK_KINDS), tuple(reversed(ZEEK_KINDS)), SHUFFLED, tuple(ZEEK_KINDS)[:-1]],
    ids=["same", "reversed", "fewer", "one fewer"],
)
def test_logs_put_together(second: tuple[str, ...], packing: str, tmp_path: Path) -> None:
    dns = zeek_header(["ts", "uid", "query"], "dns").encode() + b"1.0\tC1\texample.org\n"
    content = (
        zeek_tsv(FLOWS[:6])
        + zeek_tsv(FLOWS[6:], second)
        + (dns if len(second) < 15 and second != tuple(ZEEK_KINDS) else b"")
    )
    path = put(tmp_path / f"conn.log{packing}", PACKED[packing](content))
    results, account = read(path)
    known = without(is_established=None) if "conn_state" not in second else FORM["zeek-tsv"].seen
    flows = seen(path, "conn")
    assert results == expected([*flows[:6], *map(known, flows[6:])])[0]
    assert account.records == 16
    assert skips(account) == ([] if dns not in content else [(path.name, "holds no flows: Zeek dns log", 1)])


def test_records_of_other_logs(tmp_path: Path) -> None:
    """One stream of all of Zeek's logs: what is no connection is set aside and counted."""
    other = by_lines(
        [
            {
                "_path": "ssl",
                "ts": 1.0,
                "id.orig_h": "10.0.0.1",
                "id.orig_p": 1,
                "id.resp_h": SERVER,
                "id.resp_p": 135,
            }
        ]
        * 3
    )
    other += by_lines([{"_path": "dns", "ts": 1.0, "query": "example.org"}])
    lines = zeek_json(FLOWS, _path="conn").splitlines(keepends=True)
    path = put(tmp_path / "all.json", b"".join((*lines[:3], other, *lines[3:])))
    results, account = read(path)
    assert results == expected(seen(path, "all"))[0]
    assert skips(account) == [
        ("all.json", "record of another log: dns", 1),
        ("all.json", "record of another log: ssl", 3),
    ]


def test_records_of_other_logs_without_a_mark(tmp_path: Path) -> None:
    other = by_lines(
        [
            {
                "ts": 1772445600.5,
                "uid": "C",
                "id.orig_h": "10.0.0.5",
                "id.orig_p": 9,
                "id.resp_h": SERVER,
                "id.resp_p": 135,
            }
        ]
    )
    path = put(tmp_path / "conn.json", zeek_json(FLOWS) + other)
    results, account = read(path)
    assert results == expected(seen(path, "conn"))[0]
    assert skips(account) == [("conn.json", "record of another log", 1)]


STATES = {
    # conn_state, history: is it an activity, is it one only when it is turned round
    ("SF", "ShADadFf"): "kept",
    ("S1", "ShADad"): "kept",
    ("RSTO", "ShADadR"): "kept",
    ("S0", "S"): "failed",
    ("REJ", "Sr"): "failed",
    ("RSTOS0", "SR"): "failed",
    ("SH", "SF"): "failed",
    ("RSTRH", "^hr"): "failed",
    ("S0", "ADd"): "kept",
    ("SHR", "^hdfA"): "kept",
    ("OTH", "^dDa"): "kept",
    ("OTH", "DdA"): "kept",
    ("OTH", "C"): "kept",
}


@pytest.mark.parametrize("write", [zeek_tsv, zeek_json], ids=["tsv", "json"])
def test_states(write: Callable[[Sequence[Flow]], bytes], tmp_path: Path) -> None:
    """A connection that failed is left out, one whose state is unknown is kept."""
    flows = [replace(FLOWS[1], flow_id=f"<{number}>", src_port=51_000 + number) for number in range(len(STATES))]
    lines = write([FLOWS[0], *flows]).splitlines(keepends=True)
    for number, (state, history) in enumerate(STATES):
        place = next(place for place, line in enumerate(lines) if f"<{number}>".encode() in line)
        line = (
            lines[place].replace(b"ShADadFf", history.encode(), 1)
            if state == "SF"
            else lines[place].replace(b"SF", state.encode(), 1)
        )
        lines[place] = line.replace(b"ShADadFf", history.encode())
    results, account = read(put(tmp_path / "conn.log", b"".join(lines)))
    kept = {f"<{number}>" for number, what in enumerate(STATES.values()) if what == "kept"}
    assert {row["flow_id"] for row in results[1]} == kept
    assert account.left_out == {"failed": len(STATES) - len(kept)}


@pytest.mark.parametrize("history", ["^dDa", "DdA", "Da"])
def test_guessed_direction(history: str, tmp_path: Path) -> None:
    """Without a SYN the direction is a guess: a connection that stands the wrong way round is found all the same."""
    turned = replace(FLOWS[1], src_ip=SERVER, src_port=49664, dest_ip="10.0.0.1", dest_port=50002)
    lines = zeek_tsv([FLOWS[0], turned]).splitlines(keepends=True)
    content = b"".join(line.replace(b"ShADadFf", history.encode()) if b"C02" in line else line for line in lines)
    path = put(tmp_path / "conn.log", content)
    results, _ = read(path)
    flows = seen(path, "conn", [FLOWS[0], replace(turned, is_oriented=False)])
    assert results == expected(flows)[0]
    assert [row["src_ip"] for row in results[1]] == ["10.0.0.1"]


def test_big_packed_csv_loses_no_line(tmp_path: Path) -> None:
    """What the header takes is taken once, though the engine reads a packed file through two pipes."""
    many = [replace(FLOWS[-1], flow_id=str(number)) for number in range(40_000)]
    for packing in (".gz", ".zst"):
        assert read(put(tmp_path / f"f.csv{packing}", PACKED[packing](OWN.write([*FLOWS, *many]))))[1].records == 40_016


def test_every_reader_has_samples() -> None:
    """A new reader is one file here too: its samples in `FORMS`, which every test of this folder then uses."""
    assert {form.reader for form in FORMS} == {reader.NAME for reader in all_readers()}

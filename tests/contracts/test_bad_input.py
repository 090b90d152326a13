"""Bad input ends in an error that names the file and the cause, or in a counted skip; nothing else of the input is lost."""

import gzip
import os
import random
import subprocess
import sys
import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rpcsight.errors import InputError, RpcsightError, SchemaError, UsageError
from rpcsight.intake.locate import NO_RECORD, UNREADABLE
from tests import system
from tests.contracts import exported
from tests.contracts.reading import by_lines, expected, read, skips
from tests.contracts.samples import BASE_US, FLOWS, FORMS, SERVER, Form, flow, table, timed, zeek_json, zeek_tsv, zst
from tests.contracts.samples import iso as iso_time
from tests.contracts.text_samples import INTERFACE, MAC
from tests.oracles.flow import SECOND_US, Flow

BY_NAME = {form.name: form for form in (*FORMS, *exported.FORMS)}
MAPPED = [
    BY_NAME[name] for name in ("suricata-plain", "ecs-nested", "ocsf-traffic", "optc", "defender-json", "gcp-lines")
]
OBSERVERS = {
    **dict.fromkeys(("nfdump", "csv", "ecs", "gcp"), "flows"),
    "zeek": "conn",
    "suricata": "eve",
    "ocsf": "Sensor",
    "optc": "SysClient0201.systemia.com",
    "defender": "ws1.lab",
    "argus": "flows",
    "pfirewall": "pfirewall",
    "aws_vpc": INTERFACE,
    "azure_flow": MAC,
    "silk": "S0",
}
TEXT = [
    BY_NAME[name]
    for name in (
        "zeek-tsv",
        "zeek-json-dotted",
        "nfdump-json",
        "nfdump-ndjson",
        "nfdump-csv-old",
        "nfdump-csv-fast",
        "csv-own",
        "aws-vpc",
        "silk",
        "argus",
        "pfirewall",
        "windows-winlogbeat",
    )
] + MAPPED
BINARY = [BY_NAME[name] for name in ("parquet-own", "nfcapd", "windows-xml-saved", "windows-evtx")]
UNPACKED = [BY_NAME["azure-nsg-2"], BY_NAME["azure-vnet-lines"]]
LINES = [form for form in TEXT if form.name != "nfdump-json"]

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

text_forms = pytest.mark.parametrize("form", TEXT, ids=lambda form: form.name)
line_forms = pytest.mark.parametrize("form", LINES, ids=lambda form: form.name)
all_forms = pytest.mark.parametrize("form", TEXT + BINARY + UNPACKED, ids=lambda form: form.name)


def put(folder: Path, form: Form, content: bytes, suffix: str = "") -> Path:
    if form.needs:
        system.require(form.needs)
    path = folder / f"{form.file}{suffix}"
    path.write_bytes(content)
    return path


def refusal(path: Path, **options: object) -> RpcsightError:
    with pytest.raises(RpcsightError) as raised:
        read(path, **options)
    return raised.value


def as_read(form: Form, path: Path, flows: Sequence[Flow] = FLOWS, observer: str | None = None) -> object:
    """What the oracles find in the flows."""
    named = observer or OBSERVERS.get(form.reader)
    seen = [form.seen(replace(each, source=str(path), observer=named or "sensor")) for each in flows]
    return expected([replace(each, observer=named) if named else each for each in seen])[0]


# --- files as a whole


@all_forms
@pytest.mark.parametrize("packing", ["", ".gz"])
def test_empty_file(form: Form, packing: str, tmp_path: Path) -> None:
    path = put(tmp_path, form, gzip.compress(b"") if packing else b"", packing)
    error = refusal(path)
    assert (type(error), error.where) == (InputError, str(path))
    assert error.what.startswith("is empty")


@pytest.mark.parametrize(
    "form",
    [form for form in TEXT + BINARY if form not in MAPPED and form.name not in {"zeek-json-dotted", "nfdump-ndjson"}],
    ids=lambda form: form.name,
)
def test_no_records(form: Form, tmp_path: Path) -> None:
    error = refusal(put(tmp_path, form, form.write([])))
    assert (type(error), error.where) == (InputError, str(tmp_path / form.file))


@all_forms
def test_noise(form: Form, tmp_path: Path) -> None:
    error = refusal(put(tmp_path, form, random.Random(1).randbytes(5_000)))
    assert (type(error), error.where) == (InputError, str(tmp_path / form.file))
    assert "no reader knows this format" in error.what
    assert all(f"\n  {reader}: " in error.what for reader in ("zeek", "nfdump", "parquet", "csv"))


@all_forms
def test_bad_file_beside_good_ones(form: Form, tmp_path: Path) -> None:
    """A folder's other files are read, and the bad one is told."""
    good = tmp_path / "a" / "flows.parquet"
    good.parent.mkdir()
    good.write_bytes(BY_NAME["parquet-own"].write(FLOWS))
    bad = put(tmp_path, form, form.write(FLOWS)[:3] + random.Random(2).randbytes(3_000))
    results, account = read(tmp_path)
    assert results == as_read(BY_NAME["parquet-own"], good)
    assert [skip.source for skip in account.skips] == [str(bad)]


def test_missing_file(tmp_path: Path) -> None:
    error = refusal(tmp_path / "conn.log")
    assert (type(error), error.where, error.exit_code) == (InputError, str(tmp_path / "conn.log"), 3)


@pytest.mark.parametrize("name", ["a" * 5_000, "nul\0.log", "caf\udce9.log"], ids=["long", "nul", "latin-1"])
def test_impossible_name(name: str, tmp_path: Path) -> None:
    if "\udce9" in name:
        (tmp_path / name).write_bytes(zeek_tsv(FLOWS))
    assert type(refusal(tmp_path / name)) is InputError


def test_no_paths() -> None:
    with pytest.raises(UsageError):
        read()


def test_folder_without_files(tmp_path: Path) -> None:
    (tmp_path / ".hidden").write_bytes(zeek_tsv(FLOWS))
    assert refusal(tmp_path).what == "is a folder without files"


def test_folder_without_flows(tmp_path: Path) -> None:
    (tmp_path / "dns.log").write_text("#separator \\x09\n#path\tdns\n#fields\tts\tuid\n1.0\tC1\n")
    (tmp_path / "notes.txt").write_text("nothing here\n")
    error = refusal(tmp_path)
    assert (type(error), error.exit_code) == (InputError, 3)
    assert "holds no flows: Zeek dns log" in error.what
    assert "notes.txt: no reader knows this format" in error.what


@pytest.mark.parametrize("records", [1, 2_000], ids=["small", "large"])
@pytest.mark.parametrize("packing", ["", ".gz"])
def test_another_log_of_any_size(records: int, packing: str, tmp_path: Path) -> None:
    """It is told the same way, alone and beside what is read; one record of conn.log at its end is found."""
    other = {"_path": "kerberos", "ts": 1772445600.0, "uid": "C1", "id.orig_h": "10.0.0.1", "operation": "conn"}
    ends = {"id.orig_p": 50000, "id.resp_h": SERVER, "id.resp_p": 135}
    path = tmp_path / f"kerberos.log{packing}"
    content = by_lines([other | ends] * records)
    path.write_bytes(gzip.compress(content) if packing else content)
    error = refusal(path)
    assert (type(error), error.where, error.what) == (InputError, str(path), "holds no flows: Zeek kerberos log")
    conn = tmp_path / "conn.log"
    conn.write_bytes(zeek_tsv(FLOWS))
    assert skips(read(tmp_path)[1]) == [(path.name, "holds no flows: Zeek kerberos log", 1)]
    content += zeek_json(FLOWS, _path="conn")
    path.write_bytes(gzip.compress(content) if packing else content)
    assert skips(read(path)[1]) == [(path.name, "record of another log: kerberos", records)]


def test_utf16(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    path.write_bytes(timed(iso_time)(FLOWS).decode().encode("utf-16"))
    assert (refusal(path).what, refusal(path).hint) == ("is UTF-16 text", "write it as UTF-8: iconv -f UTF-16 -t UTF-8")


# --- nothing usable: an empty result must mean that there is no RPC

HEADER = "start_time,src_ip,src_port,dest_ip,dest_port\n"


def row(dest_port: object, time: str = "2026-03-02T10:00:00Z", src_ip: str = "10.0.0.1") -> str:
    return f"{time},{src_ip},50000,10.0.0.2,{dest_port}\n"


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        ([row(135, "2.3.2026 10:00")] * 5 + [row(445)], {}, "5 of 5 records on RPC ports: start_time missing or not"),
        ([row(135, "2.3.2026 10:00")] + [row(445)] * 500, {}, "1 of 1 records on RPC ports: start_time missing or not"),
        ([row(135, "2199-01-01")], {}, "1 of 1 records on RPC ports: start_time before 1970 or after 2099"),
        ([row(49664, src_ip=""), row(445)], {}, "1 of 1 records on RPC ports: src_ip missing or not an address ("),
        ([row(135, "then")] * 2 + [row(135)], {"since": NOON}, "2 of 3 records on RPC ports: start_time missing"),
        ([row(135)[:-5] + "\n"] * 6, {}, "6 of 6 records: lines that can't be read ("),
        ([row(70_000)] * 3 + [row(445)] * 3, {}, "3 of 6 records: lines that can't be read ("),
        ([row("")] * 3 + [row(445)], {}, "3 of 4 records: dest_port missing or not a port"),
    ],
)
def test_nothing_usable(rows: list[str], options: dict[str, object], said: str, tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    path.write_text(HEADER + "".join(rows))
    error = refusal(path, **options)
    which, _, why = said.partition(": ")
    assert (type(error), error.where) == (InputError, str(path))
    assert error.what.startswith(f"{which} could not be used: {why}")
    assert "--map" in error.hint


@pytest.mark.parametrize(
    ("rows", "options"),
    [
        ([row(445)] * 6, {}),
        ([row(445)] * 4 + [row(70_000)] * 3, {}),
        ([row(135)] * 2, {"since": NOON}),
        ([row(135, "then"), row(135)], {"since": NOON}),
    ],
)
def test_nothing_found(rows: list[str], options: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    path.write_text(HEADER + "".join(rows))
    results, account = read(path, **options)
    assert (results, account.candidates) == (([], []), 0)


# --- cut files


@line_forms
def test_cut_line(form: Form, tmp_path: Path) -> None:
    """The last line without all its columns: that record is lost and told, the others are not."""
    content = form.write(FLOWS).removesuffix(b"#close\t2026-03-02-12-00-00\n")
    content = content.partition(b"Summary")[0][: -400 if form.name == "nfdump-csv-old" else -20]
    path = put(tmp_path, form, content)
    results, account = read(path)
    assert results == as_read(form, path)  # the last record is none of RPC
    number = content.count(b"\n") + 1
    assert [(what, count) for _, what, count in skips(account)] == [
        (NO_RECORD if path.suffix == ".json" else UNREADABLE, 1)
    ]
    if path.suffix != ".json":
        assert account.skips[0].examples[0].startswith(f"{path}:{number}: Expected Number of Columns: ")


@pytest.mark.parametrize("form", [BY_NAME["nfdump-json"], BY_NAME["nfdump-json-quiet"]], ids=lambda form: form.name)
def test_cut_json(form: Form, tmp_path: Path) -> None:
    content = form.write(FLOWS)
    path = put(tmp_path, form, content[: content.rfind(b"src_tos")])
    results, account = read(path)
    assert (results, account.records) == (as_read(form, path), form.records)
    assert skips(account) == [(form.file, NO_RECORD, 1)]


@pytest.mark.parametrize(
    "form",
    [
        form
        for form in LINES
        if form.reader not in {"nfdump", "gcp", "defender", "aws_vpc", "silk", "argus", "pfirewall"}
    ],  # those write no ids: all lines are alike
    ids=lambda form: form.name,
)
@pytest.mark.parametrize("kind", ["gz", "zst"])
def test_cut_packing(form: Form, kind: str, tmp_path: Path) -> None:
    """Every line before the cut is kept, the cut is told."""
    noise = random.Random(3)
    many = [*FLOWS, *(replace(FLOWS[-1], flow_id=noise.randbytes(30).hex()) for _ in range(6_000))]
    content = form.write(many)
    packed = gzip.compress(content, 1) if kind == "gz" else zst(content)
    packed = packed[: len(packed) * 2 // 3]
    path = put(tmp_path, form, packed, f".{kind}")
    results, account = read(path)
    assert results == as_read(form, path)
    if kind == "gz":
        whole = zlib.decompressobj(31).decompress(packed)
        headers = sum(line.startswith((b"#", b"flow_id,")) for line in whole.splitlines())
        assert account.records == whole.count(b"\n") - headers
    assert 1_000 < account.records < len(many)
    assert [(what, count) for _, what, count in skips(account)] == [(UNREADABLE, 1)]
    assert (
        account.skips[0].examples[0].startswith(f"{path}: {'gzip data ends' if kind == 'gz' else 'is not sound zstd'}")
    )


def test_cut_packing_that_is_unpacked_first(tmp_path: Path) -> None:
    packed = gzip.compress(BY_NAME["nfdump-json"].write(FLOWS))[:-30]
    path = tmp_path / "flows.json.gz"
    path.write_bytes(packed)
    _, account = read(path)
    assert 25 < account.records <= BY_NAME["nfdump-json"].records
    assert skips(account)[-1] == ("flows.json.gz", "gzip data ends in the middle", 1)


def test_broken_packing(tmp_path: Path) -> None:
    noise = random.Random(5)
    packed = bytearray(
        gzip.compress(
            zeek_tsv([*FLOWS, *(replace(FLOWS[-1], flow_id=noise.randbytes(30).hex()) for _ in range(6_000))])
        )
    )
    packed[len(packed) // 2 : len(packed) // 2 + 50] = b"\xff" * 50
    path = tmp_path / "conn.log.gz"
    path.write_bytes(packed)
    results, account = read(path)
    assert results == as_read(BY_NAME["zeek-tsv"], path)
    assert 2_900 < account.records < 3_100
    assert "is not sound gzip data" in account.skips[0].examples[0]


@pytest.mark.parametrize("form", [each for each in BINARY if each.reader != "windows_xml"], ids=lambda form: form.name)
def test_cut_binary(form: Form, tmp_path: Path) -> None:
    content = form.write(FLOWS)
    error = refusal(put(tmp_path, form, content[: len(content) // 2]))
    assert (type(error), error.where) == (InputError, str(tmp_path / form.file))


def test_nfcapd_cut_after_its_records(tmp_path: Path) -> None:
    form = BY_NAME["nfcapd"]
    results, account = read(path := put(tmp_path, form, form.write(FLOWS)[:-20]))
    assert results == as_read(form, path, observer="nfcapd")
    assert [what.partition(" (")[0] for _, what, _ in skips(account)] == ["nfdump could not read it"]


@pytest.mark.parametrize(
    ("magic", "name"),
    [(b"BZh91AY", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"PK\x03\x04", "zip")],
    ids=["bzip2", "xz", "zip"],
)
def test_foreign_packing(magic: bytes, name: str, tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_bytes(magic + bytes(100))
    assert refusal(path).what == f"is packed with {name}"


# --- lines


SPOILT = {
    "noise": random.Random(4).randbytes(3_000).replace(b"\n", b"") + b"\n",
    "not UTF-8": b"caf\xe9\xff\xfe\x80\n",
    "nul": b"\0\0\0\0\n",
    "blank": b"\n",
    "carriage return": b"a\rb\rc\n",
    "endless": b"x" * 9_000_000 + b"\n",
    "endless cells": b"1\t1,1;" * 500_000 + b"\n",
    "too many columns": b"\t".join([b"1"] * 60) + b"\n",
    "too many columns, commas": b",".join([b"1"] * 60) + b"\n",
    "nested": b'{"ts":' + b"[" * 20_000 + b"]" * 20_000 + b"}\n",
    "escape sequences": b"\x1b]0;owned\x07\x1b[2J\n",
    "quote": b'"x\n',
}


@pytest.mark.parametrize(
    "form",
    [BY_NAME["zeek-tsv"], BY_NAME["zeek-json-dotted"], BY_NAME["csv-own"], BY_NAME["ecs-nested"]],
    ids=lambda form: form.name,
)
@pytest.mark.parametrize("spoilt", SPOILT)
def test_spoilt_line(form: Form, spoilt: str, tmp_path: Path) -> None:
    lines = form.write(FLOWS).splitlines(keepends=True)
    middle = len(lines) - 9
    path = put(tmp_path, form, b"".join((*lines[:middle], SPOILT[spoilt], *lines[middle:])))
    results, account = read(path)
    assert results == as_read(form, path)
    told = [(what, count) for _, what, count in skips(account)]
    assert told == ([] if spoilt == "blank" else [(NO_RECORD if path.suffix == ".json" else UNREADABLE, 1)])
    assert all(example.isprintable() and len(example) < 1_000 for skip in account.skips for example in skip.examples)


@line_forms
@pytest.mark.parametrize("packing", ["", ".gz"])
def test_many_spoilt_lines(form: Form, packing: str, tmp_path: Path) -> None:
    lines = form.write(FLOWS).splitlines(keepends=True)
    for number, spoilt in enumerate(SPOILT.values()):
        lines.insert(len(lines) - 2 - number, spoilt)
    content = b"".join(lines)
    path = put(tmp_path, form, gzip.compress(content, 1) if packing else content, packing)
    results, account = read(path)
    assert results == as_read(form, path)
    assert [count for _, _, count in skips(account)] == [len(SPOILT) - 1]


def test_open_quote_swallows_nothing(tmp_path: Path) -> None:
    lines = BY_NAME["csv-quoted"].write(FLOWS).splitlines(keepends=True)
    lines[4:4] = [b'"C99,tcp\n']
    path = tmp_path / "flows.csv"
    path.write_bytes(b"".join(lines))
    results, account = read(path)
    assert results == as_read(BY_NAME["csv-quoted"], path)
    assert skips(account) == [("flows.csv", UNREADABLE, 1)]


def test_several_kinds_of_line_ends(tmp_path: Path) -> None:
    """Logs of Windows and Unix machines put together."""
    lines = timed(iso_time)(FLOWS).splitlines()
    path = tmp_path / "flows.csv"
    path.write_bytes(b"".join(line + (b"\r\n" if number % 3 else b"\n") for number, line in enumerate(lines)))
    results, account = read(path)
    assert (results, account.skips) == (as_read(BY_NAME["csv-own"], path), [])


MEMORY = """
import re, sys
from pathlib import Path
from tests.contracts.reading import read
_, account = read(sys.argv[1])
most = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(account.records, account.skips[0].count, int(most[1]) // 1024)
"""


@pytest.mark.parametrize(
    ("form", "packing"),
    [(BY_NAME["zeek-tsv"], ""), (BY_NAME["zeek-json-dotted"], ".gz"), (BY_NAME["nfdump-json"], "")],
    ids=["tsv", "json.gz", "nfdump"],
)
def test_endless_line_takes_no_memory(form: Form, packing: str, tmp_path: Path) -> None:
    path = put(tmp_path, form, b"", packing)
    with gzip.open(path, "wb", compresslevel=1) if packing else path.open("wb") as file:
        file.write(form.write(FLOWS))
        for _ in range(300):
            file.write(b"x" * 1_000_000)
        file.write(b"\n")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", MEMORY, str(path)]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    records, unusable, mebibytes = map(int, shown.stdout.split())
    assert (records, unusable) == (form.records + (form.file != "conn.log"), 1)
    assert mebibytes < 400


# --- values


def odd(
    start_us: int = BASE_US + 80 * SECOND_US, src_port: int = 50070, dest_port: int = 135, length_us: int = 10_000
) -> Flow:
    made = flow(99, 0, 0, ("10.0.0.8", src_port), (SERVER, dest_port))
    return replace(made, start_us=start_us, end_us=start_us + length_us)


NO_DEST_PORT = "dest_port missing or not a port"
NO_SRC_PORT = "src_port missing or not a port"
FAR = "start_time before 1970 or after 2099"
YEAR_9999_US = 253_370_764_800_000_000
ODD = {
    odd(dest_port=70_000): NO_DEST_PORT,
    odd(dest_port=-1): NO_DEST_PORT,
    odd(src_port=70_000): NO_SRC_PORT,
    odd(start_us=-5 * SECOND_US): FAR,
    odd(start_us=YEAR_9999_US): FAR,
}


@pytest.mark.parametrize("form", [*TEXT, BY_NAME["parquet-own"]], ids=lambda form: form.name)
def test_odd_values(form: Form, tmp_path: Path) -> None:
    path = put(tmp_path, form, form.write([*FLOWS[:5], *ODD, *FLOWS[5:]]))
    results, account = read(path)
    assert results == as_read(form, path)
    counts = {skip.what: skip.count for skip in account.skips}
    if form.name in {"zeek-tsv", "csv-own", "pfirewall"}:  # ports are typed
        assert counts == {UNREADABLE: 3, FAR: 2}
    elif form.name in {"aws-vpc", "silk"}:
        assert counts == {UNREADABLE: 6, FAR: 4}
    elif form.reader in {"nfdump", "gcp"}:  # each half of a flow is a record
        assert counts == {NO_DEST_PORT: 3, NO_SRC_PORT: 3, FAR: 4}
    else:
        assert counts == {NO_DEST_PORT: 2, NO_SRC_PORT: 1, FAR: 2}


@pytest.mark.parametrize("form", [*TEXT, BY_NAME["parquet-own"], BY_NAME["nfdump-csv-new"]], ids=lambda form: form.name)
def test_absurd_lengths(form: Form, tmp_path: Path) -> None:
    """An end that can't be is none: the flow counts with its start."""
    bad = [replace(odd(src_port=port), end_us=BASE_US + end) for port, end in ((50070, 10**17), (50071, -(10**15)))]
    path = put(tmp_path, form, form.write([*FLOWS, *bad]))
    results, account = read(path)
    without_end = [*FLOWS, *(replace(each, end_us=None) for each in bad)]
    assert (results, account.skips) == (as_read(form, path, without_end), [])


TIMES = ["", "-", "abc", "1e400", "nan", "-inf", "infinity", "99999999999999999999", "9" * 400, "292277-01-01"]


# An event without its own time has that of its writing.
TIMED = [form for form in LINES if form.reader not in {"ecs", "windows_json"}]


@pytest.mark.parametrize("form", [*TIMED, BY_NAME["csv-epoch-ms"]], ids=lambda form: form.name)
def test_absurd_times(form: Form, tmp_path: Path) -> None:
    lines = form.write(FLOWS).splitlines(keepends=True)
    marker = odd()
    written = {
        "zeek-tsv": f"{marker.start_us / SECOND_US:.6f}",
        "zeek-json-dotted": f"{marker.start_us / SECOND_US}",
        "nfdump-ndjson": "2026-03-02T10:01:20.000",
        "nfdump-csv-old": "2026-03-02 10:01:20",
        "nfdump-csv-fast": str(marker.start_us // 1000),
        "csv-own": iso_time(marker.start_us),
        "csv-epoch-ms": str(marker.start_us // 1000),
        "aws-vpc": str(marker.start_us // SECOND_US),
        "silk": "2026/03/02T10:01:20.000",
        "argus": "2026/03/02 10:01:20.000000",
        "pfirewall": "2026-03-02 10:01:20",
        "suricata-plain": exported.as_text(marker.start_us),
        "ocsf-traffic": str(marker.start_us // 1000),
        "optc": "2026-03-02T06:01:20.000-04:00",
        "defender-json": "2026-03-02T10:01:20.0000007Z",
        "gcp-lines": "2026-03-02T10:01:20.000000123Z",
    }[form.name].encode()
    spoilt = [line for line in form.write([marker]).splitlines(keepends=True) if written in line]
    for time in TIMES:
        value = f'"{time}"' if form.name == "zeek-json-dotted" else time
        lines[-9:-9] = [line.replace(written, value.encode()) for line in spoilt]
    path = put(tmp_path, form, b"".join(lines))
    results, account = read(path)
    assert results == as_read(form, path)
    assert sum(skip.count for skip in account.skips) == len(TIMES) * len(spoilt)


def test_hostile_texts(tmp_path: Path) -> None:
    """Long texts, quotes, control characters and SQL in values are data."""
    texts = ["x" * 3_000, "a'); drop table reading; --", 'say "hi"', "\x1b[2J\u202e", "\u0000", "%s{0}$window_us"]
    flows = [replace(each, flow_id=texts[number % len(texts)] + str(number)) for number, each in enumerate(FLOWS)]
    path = tmp_path / "conn.json"
    path.write_bytes(zeek_json(flows))
    results, account = read(path)
    assert (results, account.skips) == (as_read(BY_NAME["zeek-json-dotted"], path, flows), [])


@pytest.mark.parametrize(
    "name",
    [
        "a'); drop table reading; --",
        'double " quote',
        "filename",
        "FILENAME",
        "select",
        "source",
        "$window_us",
        "ü\t",
        "x" * 3_000,
        "",
        "file_path",
    ],
)
def test_hostile_column_names(name: str, tmp_path: Path) -> None:
    form = BY_NAME["csv-own"]
    ours = {
        column: lambda seen, column=column: getattr(seen, column)
        for column in ("flow_id", "src_ip", "src_port", "dest_ip", "dest_port", "transport_protocol", "is_established")
    }
    times = {
        "start_time": lambda seen: iso_time(seen.start_us),
        "end_time": lambda seen: iso_time(seen.end_us),
    }
    write = table({name: lambda _: "x", **ours, **times, f"{name}2": lambda _: "y"})
    paths = [tmp_path / "flows.csv", tmp_path / "flows.1.csv"]
    paths[0].write_bytes(write(FLOWS))
    paths[1].write_bytes(write(FLOWS[-1:]))
    results, account = read(*paths)
    assert (results, account.skips, account.records) == (as_read(form, paths[0]), [], 17)


# --- fields


def test_csv_without_needed_columns(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    path.write_text("when,src_ip,src_port,dst,x\n1,2,3,4,5\n")
    error = refusal(path)
    assert (type(error), error.exit_code, error.where) == (SchemaError, 5, str(path))
    assert error.what == "no column for start_time, dest_port"
    assert (
        error.hint
        == "name them: --map start_time=COLUMN --map dest_port=COLUMN; columns: when, src_ip, src_port, dst, x"
    )


def test_csv_mapped_to_a_column_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    path.write_bytes(timed(iso_time)(FLOWS))
    error = refusal(path, mapping=["start_time=When"])
    assert (type(error), error.what) == (SchemaError, "--map start_time=When: there is no column 'When'")


def test_csv_with_a_column_twice(tmp_path: Path) -> None:
    path = tmp_path / "flows.csv"
    path.write_text("start_time,src_ip,src_port,dest_ip,dest_port,Src_IP\n1,2,3,4,5,6\n")
    assert refusal(path).what == "two columns have the same name (Src_IP, src_ip)"


def test_parquet_without_needed_columns(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "flows.parquet"
    pq.write_table(pa.table({"src_ip": ["10.0.0.1"], "x": [1]}), path)
    error = refusal(path)
    assert (type(error), error.what) == (SchemaError, "no column for start_time, src_port, dest_ip, dest_port")


def test_zeek_without_needed_fields(tmp_path: Path) -> None:
    path = tmp_path / "conn.log"
    path.write_bytes(zeek_tsv(FLOWS, ("ts", "id.orig_h", "id.resp_h", "proto")))
    error = refusal(path)
    assert (type(error), error.what) == (SchemaError, "conn.log without id.orig_p, id.resp_p")


@pytest.mark.parametrize("path", ["conn", "dns"])
def test_zeek_without_header(path: str, tmp_path: Path) -> None:
    """As `grep -v '^#'` leaves it."""
    flows = [replace(each, flow_id=f"CHhAvVGS1DHFjwGM{number}") for number, each in enumerate(FLOWS)]
    lines = zeek_tsv(flows).splitlines(keepends=True)
    log = tmp_path / f"{path}.log"
    log.write_bytes(b"".join(line for line in lines if not line.startswith(b"#")))
    error = refusal(log)
    assert (type(error), error.what) == (SchemaError, "a Zeek log without its #fields header")


def test_json_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    path.write_bytes(by_lines([{"EventID": 3, "SourceIp": "10.0.0.1"}]))
    assert "JSON without Zeek's names" in refusal(path).what

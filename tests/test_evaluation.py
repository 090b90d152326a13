"""How findings are held against labels: by hand, against a slow oracle, from files of every form, on the command line, in pictures."""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpcsight import hunting, pipeline
from rpcsight.cli import app
from rpcsight.errors import InputError, RpcsightError, UsageError
from rpcsight.evaluation import Alert, Evaluation, Pair, Step, judge
from rpcsight.evaluation.matching import Matcher
from rpcsight.evaluation.pictures import CONFIG, PAGE, draw
from rpcsight.evaluation.reading import read_findings, read_labels
from rpcsight.evaluation.text import as_text
from rpcsight.findings import as_table
from rpcsight.simulation import Plan, simulate
from rpcsight.writers import Look, writer
from tests.oracles.evaluation import evaluated, is_about
from tests.recording import PARQUET

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOST = "10.0.0.{}"


def us(text: str) -> int:
    """Microseconds of `2 10:01:30`: the day of March 2026 and the time."""
    return (datetime.strptime(f"2026-3-{text}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) - EPOCH) // timedelta(
        microseconds=1
    )


def pair(client: int | None, server: int | None, first: str, last: str | None = None) -> Pair:
    client_ip, server_ip = (None if number is None else HOST.format(number) for number in (client, server))
    return Pair(client_ip, server_ip, us(first), us(last or first))


def step(
    attack: str, client: int, server: int, start: str, end: str, technique: str, kind: str, visibility: str
) -> Step:
    return Step(attack, HOST.format(client), HOST.format(server), us(start), us(end), (technique,), kind, visibility)


STEPS = [
    step("A", 1, 2, "2 10:00:00", "2 10:01:00", "T1047", "single hop", "flow"),
    step("B", 1, 3, "2 11:00:00", "2 11:00:00", "T1569.002", "fan-out", "flow"),
    step("B", 1, 4, "2 12:00:00", "2 12:00:00", "T1047", "fan-out", "pipe"),
    step("C", 5, 6, "3 09:00:00", "3 09:30:00", "T1187", "by pipe", "pipe"),
    step("D", 7, 8, "3 23:59:50", "3 23:59:59", "T1047", "single hop", "none"),
]
ALERTS = [
    Alert(pair(20, 21, "2 09:00:00"), 9),
    Alert(pair(1, 2, "2 10:01:30"), 8),  # half a minute after A
    Alert(pair(1, None, "2 11:30:00", "2 12:10:00"), 7),  # a client only: B's second step
    Alert(pair(5, 6, "3 08:00:00", "3 08:59:00"), 10),  # one minute before C
    Alert(pair(5, 6, "3 09:31:01"), 5),  # a minute and a second after C
    Alert(pair(9, 10, "4 00:00:30"), 6, (pair(9, 10, "4 00:00:30"), pair(7, 8, "4 00:00:30"))),  # D, the day after
    Alert(pair(None, 30, "4 05:00:00"), 1),
    Alert(pair(1, 2, "4 06:00:00"), 0.5),
    Alert(pair(1, 2, "1 10:00:00"), 100),
]
ASKED: dict[str, Any] = {"visible": {"flow", "pipe"}, "least": 1.0}
SINCE = (date(2026, 3, 2), None)


def recall(name: str, attacks: int, found: int, low: float, high: float) -> dict[str, Any]:
    return {
        "name": name,
        "attacks": attacks,
        "found": found,
        "recall": round(found / attacks, 6),
        "low": low,
        "high": high,
    }


def attack(name: str, kind: str, techniques: list[str], visibility: str, first: str, **more: Any) -> dict[str, Any]:
    return {
        "attack": name, "kind": kind, "techniques": techniques, "visibility": visibility, "first_time": first, **more,
    }  # fmt: skip


def precision(at: int, findings: int, right: int) -> dict[str, Any]:
    return {"at": at, "findings": findings, "right": right, "precision": round(right / findings, 6)}


# Wilson's intervals: 2 of 3 is 0.2077 to 0.9385 in any table, 1 of 1 0.2065 to 1, 1 of 2 0.0945 to 0.9055.
EXPECTED = {
    "budget": 2,
    "least": 1.0,
    "days": {"first": "2026-03-02", "last": "2026-03-04", "count": 3, "with_attacks": 2},
    "findings": {"count": 7, "left_out_by_score": 1, "left_out_by_day": 1},
    "recall": recall("all", 3, 2, 0.20766, 0.938508),
    "left_out": {"none": 1},
    "by_technique": [
        recall("T1047", 2, 1, 0.094531, 0.905469),
        recall("T1187", 1, 1, 0.206549, 1.0),
        recall("T1569.002", 1, 0, 0.0, 0.793451),
    ],
    "by_kind": [
        recall("by pipe", 1, 1, 0.206549, 1.0),
        recall("fan-out", 1, 0, 0.0, 0.793451),
        recall("single hop", 1, 1, 0.206549, 1.0),
    ],
    "by_visibility": [recall("flow", 2, 1, 0.094531, 0.905469), recall("pipe", 1, 1, 0.206549, 1.0)],
    "precision": [precision(1, 3, 2), precision(2, 6, 3), precision(5, 7, 4), precision(10, 7, 4)],
    "benign_days": {"days": 1, "findings": 2, "mean": 2.0, "median": 2.0, "most": 2, "over_budget": 0},
    "all_days": {"days": 3, "findings": 7, "mean": 2.333333, "median": 2.0, "most": 3, "over_budget": 1},
    "first_right": {"days": 3, "median": 1.0, "overall": 1},
    "delay": {"attacks": 2, "median": 45.0, "p90": 90.0, "longest": 90.0},
    "curves": {"by_rank": [[1, 1], [2, 2], [3, 3]], "by_score": [[0.333333, 1], [1.0, 2], [1.333333, 3]]},
    "attacks": [
        attack("A", "single hop", ["T1047"], "flow", "2026-03-02T10:00:00Z", steps=1, found_steps=1, is_found=True, rank=2, seconds=90.0),
        attack(
            "B", "fan-out", ["T1047", "T1569.002"], "flow", "2026-03-02T11:00:00Z",
            steps=2, found_steps=0, is_found=False, rank=3, seconds=None,
        ),
        attack("C", "by pipe", ["T1187"], "pipe", "2026-03-03T09:00:00Z", steps=1, found_steps=1, is_found=True, rank=1, seconds=0.0),
    ],
    "daily": [
        {"day": "2026-03-02", "findings": 3, "right": 2, "has_attack": True},
        {"day": "2026-03-03", "findings": 2, "right": 1, "has_attack": True},
        {"day": "2026-03-04", "findings": 2, "right": 1, "has_attack": False},
    ],
    "notes": [],
}  # fmt: skip


def rounded(value: Any) -> Any:
    """Plain values as JSON has them, to six digits."""
    return json.loads(json.dumps(value), parse_float=lambda text: round(float(text), 6))


def test_every_figure_by_hand() -> None:
    assert rounded(judge(ALERTS, STEPS, 2, SINCE, **ASKED).to_dict()) == EXPECTED


def test_order_of_findings_and_labels_does_not_matter() -> None:
    lead = pair(20, 21, "2 09:00:00")
    alike = [Alert(lead, 5, (lead, pair(1, server, "2 11:00:00"))) for server in (5, 3, 6, 4)]
    alerts, steps = [*ALERTS, *(Alert(each.lead, 5) for each in ALERTS), *alike], list(STEPS)
    straight = judge(alerts, steps, 2)
    for seed in range(5):
        Random(seed).shuffle(alerts)
        steps.reverse()
        assert judge(alerts, steps, 2) == straight


def test_the_best_rank_counts_whatever_comes_after() -> None:
    found = [
        Alert(pair(20, 21, "2 10:00:00"), 9),
        Alert(pair(5, 6, "2 23:59:30"), 1),
        Alert(pair(5, 6, "3 00:00:30"), 8),
        Alert(pair(5, 6, "3 00:00:40"), 7),
    ]
    judged = judge(found, [step("C", 5, 6, "3 00:00:00", "3 01:00:00", "T1047", "", "")], 2)
    assert [(each.rank, each.seconds) for each in judged.attacks] == [(1, 0.0)]
    assert (judged.first_right.median, judged.first_right.overall) == (1.5, 2)


def test_without_anything() -> None:
    nothing = judge([], [])
    assert (nothing.days.count, nothing.recall.recall, nothing.all_days.mean, nothing.delay.median) == (
        0,
        None,
        None,
        None,
    )
    assert nothing.notes == (
        "no attack counts on these days: nothing can be said of recall",
        "there is no finding on these days",
    )
    quiet = judge([], STEPS, days=(date(2026, 3, 1), date(2026, 3, 5)))
    assert (quiet.recall.found, quiet.recall.attacks, quiet.benign_days.days, quiet.benign_days.mean) == (0, 4, 3, 0.0)


def test_steps_that_began_earlier_make_findings_right_but_are_not_to_be_found() -> None:
    judged = judge(
        [Alert(pair(5, 6, "4 00:00:30"), 1)],
        [step("C", 5, 6, "3 23:00:00", "4 01:00:00", "T1047", "", "")],
        days=(date(2026, 3, 4), None),
    )
    assert (judged.recall.attacks, [(each.right, each.has_attack) for each in judged.daily]) == (0, [(1, True)])


def test_of_another_network_is_said() -> None:
    assert judge(ALERTS[:1], STEPS).notes == (
        "no address of the labels is in any finding: they may be of another network",
    )


def test_findings_that_last_for_days_are_said() -> None:
    long = Alert(pair(1, 2, "1 10:00:00", "2 10:00:01"), 1)
    assert judge([long, Alert(pair(1, 2, "1 10:00:00", "2 10:00:00"), 1)], STEPS).notes == (
        "findings that last more than a day: 1; each is ranked on its first, and about all between its hosts until its end",
    )


def test_equal_scores_at_the_budget_are_said() -> None:
    found = [
        Alert(pair(1, server, f"{day} 10:00:00"), score)
        for day in (2, 3)
        for server, score in ((2, 5), (3, day), (4, 2))
    ]
    assert judge(found, STEPS, 2).notes == (
        "days on which findings 2 and 3 have the same score: 1; which is looked at is by time there",
    )


def test_wrong_years_are_an_error() -> None:
    with pytest.raises(InputError, match="1970-01-01 to 2026-03-03"):
        judge([Alert(Pair("10.0.0.1", None, 0, 0), 1)], STEPS)


# --- against the oracle

HOSTS = st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.0.3"])
NEAR = st.sampled_from([0, 1, 59_999_999, 60_000_000, 60_000_001, 3_600_000_000, 86_400_000_000 - 1, 86_400_000_000])
STARTS = st.builds(lambda day, offset: us("2 00:00:00") + day * 86_400_000_000 + offset, st.integers(0, 3), NEAR)
LENGTHS = st.sampled_from([0, 1, 60_000_000, 90_000_000_000])


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    hosts = draw(st.tuples(st.none() | HOSTS, st.none() | HOSTS).filter(any))
    first = draw(STARTS)
    return Pair(*hosts, first, first + draw(LENGTHS))


@st.composite
def steps_of_attacks(draw: st.DrawFn) -> Step:
    start = draw(STARTS)
    techniques = draw(st.sets(st.sampled_from(["T1", "T2"]), max_size=2))
    return Step(
        draw(st.sampled_from("ABC")), draw(HOSTS), draw(HOSTS), start, start + draw(LENGTHS), tuple(sorted(techniques)),
        "", draw(st.sampled_from(["flow", "pipe", "none"])),
    )  # fmt: skip


alerts = st.builds(Alert, pairs(), st.sampled_from([0.0, 1.0, 2.5]), st.lists(pairs(), max_size=2).map(tuple))


@given(
    st.lists(alerts, max_size=12),
    st.lists(steps_of_attacks(), max_size=6),
    st.integers(1, 4),
    st.sets(st.sampled_from(["flow", "pipe"])),
)
def test_as_the_oracle_says(found: list[Alert], steps: list[Step], budget: int, visible: set[str]) -> None:
    judged = judge(found, steps, budget, visible=visible)
    assert {
        "found": {each.attack for each in judged.attacks if each.is_found},
        "attacks": judged.recall.attacks,
        "rank": {each.attack: each.rank for each in judged.attacks},
        "seconds": {each.attack: each.seconds for each in judged.attacks if each.seconds is not None},
        "technique": {each.name: (each.attacks, each.found) for each in judged.by_technique},
        "precision": {each.at: (each.findings, each.right) for each in judged.precision},
        "benign": [each.findings for each in judged.daily if not each.has_attack],
        "all": [each.findings for each in judged.daily],
        "overall": judged.first_right.overall,
    } == evaluated(found, steps, budget, visible)
    found_at = dict(judged.curves.by_rank)
    assert judged.recall.found == max((count for rank, count in found_at.items() if rank <= budget), default=0)


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12),
    st.integers(-8, 16),
    st.integers(0, 3),
    st.sampled_from([-1, 0, 1]),
)
@settings(max_examples=100)
def test_what_is_at_the_same_time(spans: list[tuple[int, int]], start: int, length: int, beside: int) -> None:
    half_minute = 30_000_000
    steps = [Step("A", "a", "b", begin * half_minute, (begin + lasting) * half_minute) for begin, lasting in spans]
    first = start * half_minute + beside
    alert = Alert(Pair("a", "b", first, first + length * half_minute), 1)
    assert Matcher(steps).matches(alert) == {place for place, each in enumerate(steps) if is_about(alert, each)}


# --- files

TIMED = [
    ("src_ip", pa.string()),
    ("dest_ip", pa.string()),
    ("first_time", pa.timestamp("us")),
    ("last_time", pa.timestamp("us")),
]
TABLE = pa.schema([*TIMED, ("score", pa.float64()), ("pairs", pa.list_(pa.struct(TIMED))), ("summary", pa.string())])


def plain(of: Pair) -> dict[str, Any]:
    times = (datetime(1970, 1, 1) + timedelta(microseconds=each) for each in (of.first_us, of.last_us))
    return dict(zip(("src_ip", "dest_ip", "first_time", "last_time"), (of.src_ip, of.dest_ip, *times), strict=True))


def written(path: Path, found: Sequence[Alert]) -> str:
    rows = [
        plain(each.lead)
        | {"score": each.score, "pairs": [plain(own) for own in each.pairs] or None, "summary": '=a, "b"\n'}
        for each in found
    ]
    with path.open("wb") as out:
        writer(path.suffix[1:]).write(pa.Table.from_pylist(rows, TABLE), out, Look())
    return str(path)


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_findings_of_every_form(form: str, tmp_path: Path) -> None:
    assert (
        read_findings([written(tmp_path / f"a.{form}", ALERTS[:5]), written(tmp_path / f"b.{form}", ALERTS[5:])])
        == ALERTS
    )


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_what_hunt_writes_is_read(form: str, tmp_path: Path) -> None:
    with pipeline.opened(pipeline.Request(paths=[str(PARQUET)])) as session:
        found = hunting.hunt(session).findings
    with (tmp_path / "found").open("wb") as out:
        writer(form).write(as_table(found), out, Look())
    read = read_findings([str(tmp_path / "found")])
    assert [(each.lead.src_ip, each.lead.dest_ip, each.score) for each in read] == [
        (each.src_ip, each.dest_ip, each.score) for each in found
    ]
    assert [(each.lead.first_us, each.lead.last_us) for each in read] == [
        tuple(
            (time.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
            for time in (each.first_time, each.last_time)
        )
        for each in found
    ]


def test_other_peoples_findings_and_labels(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text(
        '\ufeff{"src_ip": "2001:DB8::0:1", "dest_ip": "-", "start_time": "2026-03-02T11:00:00+01:00", "score": "3.5"}\n\n'
        '{"src_ip": null, "dest_ip": " Files ", "first_time": "2026-03-02 10:00", "score": 2, '
        '"pairs": [{"src_ip": "10.0.0.1", "dest_ip": "b"}]}\n'
    )
    ten = us("2 10:00:00")
    lead = Pair(None, "files", ten, ten)
    assert read_findings([str(theirs)]) == [
        Alert(Pair("2001:db8::1", None, ten, ten), 3.5),
        Alert(lead, 2.0, (lead, Pair("10.0.0.1", "b", ten, ten))),
    ]
    theirs.write_text("src_ip,dest_ip,first_time,score\na,b,2026-03-02,1\n")
    assert read_findings([str(theirs)]) == [Alert(Pair("a", "b", us("2 00:00:00"), us("3 00:00:00") - 1), 1)]
    labels = tmp_path / "labels"
    labels.write_text(
        '\ufeffstart_time,attack,src_ip,dest_ip,technique\r\n2026-03-02T10:00:00Z,1,10.0.0.1,10.0.0.2,"T1047, T1021"\r\n\r\n'
    )
    assert read_labels(str(labels)) == [Step("1", "10.0.0.1", "10.0.0.2", ten, ten, ("T1021", "T1047"))]


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(written(tmp_path / "a.csv", ALERTS)).open(encoding="utf-8") as given_text:
        monkeypatch.setattr("sys.stdin", given_text)
        assert read_findings(["-"]) == ALERTS
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InputError, match="standard input: it is closed"):
        read_findings(["-"])


def test_nanoseconds_are_cut(tmp_path: Path) -> None:
    times = pa.array([us("2 10:00:00") * 1000 + 1999], pa.timestamp("ns"))
    table = pa.table({"src_ip": ["10.0.0.1"], "dest_ip": ["10.0.0.2"], "first_time": times, "score": [1]})
    pa.parquet.write_table(table, tmp_path / "fine")
    assert [each.lead.first_us for each in read_findings([str(tmp_path / "fine")])] == [us("2 10:00:00") + 1]


GOOD = "src_ip,dest_ip,first_time,score\n"
BAD = {
    "neither": (GOOD + ",-,2026-03-02,1\n", "line 2: neither src_ip nor dest_ip is there"),
    "time": (GOOD + "a,b,2026-03-02,1\na,b,1772445600,1\n", "line 3: first_time is '1772445600'"),
    "no time": (GOOD + "a,b,,1\n", r"line 2: there is no first_time \(or start_time\)"),
    "score": (GOOD + "a,b,2026-03-02,high\n", "line 2: score is 'high'"),
    "no number": (GOOD + "a,b,2026-03-02,nan\n", "line 2: score is 'nan'"),
    "no score": ("src_ip,dest_ip,first_time\na,b,2026-03-02\n", "line 2: score is missing"),
    "backwards": (GOOD[:-1] + ",last_time\na,b,2026-03-02,1,2026-03-01\n", "line 2: last_time 2026-03-01 is before first_time 2026-03-02"),
    "pairs": (GOOD[:-1] + ",pairs\na,b,2026-03-02,1,oops\n", "line 2: pairs is 'oops'"),
    "pair": (GOOD[:-1] + ',pairs\na,b,2026-03-02,1,"[{}]"\n', "line 2, pairs: neither src_ip nor dest_ip is there"),
    "list": (GOOD[:-1] + ",pairs\na,b,2026-03-02,1,[1]\n", "line 2: pairs is "),
    "fields": (GOOD + "a,b\n", "line 2: it has 2 fields, the header 4"),
    "twice": ("src_ip,src_ip\n", "line 1: there are several columns 'src_ip'"),
    "quotes": (GOOD + '"a"b,c\n', "line 2: it is not CSV"),
    "json": ('{"score": 1\n', "line 1: it is not JSON"),
    "object": ('{}\n', "line 1: neither src_ip"),
    "row": ('{"src_ip": "a", "dest_ip": "b", "first_time": "2026-03-02", "score": 1}\n[]\n', "line 2: it is not a JSON object"),
    "host": ('{"src_ip": 7, "score": 1}\n', "line 1: src_ip is 7"),
    "deep": ('{"a":' + "[" * 100_000, "line 1: it is not JSON"),
    "array": ("[{}]", "it is one JSON array"),
    "packed": (b"\x1f\x8b\x08\x00", "it is packed"),
    "binary": (b"a\x00b", "it is neither text nor Parquet"),
    "Latin-1": (GOOD.encode() + b"M\xfcnchen,b,2026-03-02,1\n", r"line 2: it is not UTF-8 \(byte 2\)"),
    "cut": (b"PAR1 and no more", "after row 0: it can't be read as Parquet"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_said_with_its_place(name: str, tmp_path: Path) -> None:
    content, said = BAD[name]
    (tmp_path / "bad").write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError, match=f"bad(, |: )({said})") as raised:
        read_findings([str(tmp_path / "bad")])
    assert raised.value.hint


@pytest.mark.parametrize(
    ("bound", "said"),
    [
        ("reading.MOST_FINDINGS", "there are more rows"),
        ("reading.MOST_PAIRS", "pairs has more than 1"),
        ("records.LONGEST", "it is longer than 1"),
    ],
)
def test_more_than_can_be_held_is_refused(
    bound: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "many.jsonl", [ALERTS[5], ALERTS[5]])
    monkeypatch.setattr(f"rpcsight.evaluation.{bound}", 1)
    with pytest.raises(InputError, match=rf"many.jsonl, line [12]: {said}"):
        read_findings([path])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (",a,b,2026-03-02", "attack is missing"),
        ("1,a,,2026-03-02", "dest_ip is missing"),
        ("1,a,b,", "there is no first_time"),
        ("1,a,b,soon", "start_time is 'soon'"),
    ],
)
def test_wrong_labels(row: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(f"attack,src_ip,dest_ip,start_time\n{row}\n")
    with pytest.raises(InputError, match=f"labels.csv, line 2: {said}"):
        read_labels(str(tmp_path / "labels.csv"))


@given(st.binary(max_size=200) | st.text(alphabet='{}[]":,\n src_ipdet123-TZ', max_size=200).map(str.encode))
def test_whatever_is_given_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "whatever"
    path.write_bytes(content)
    for read in (lambda: read_findings([str(path)]), lambda: read_labels(str(path))):
        with suppress(InputError):
            read()


# --- people


def test_text_for_people(golden: Callable[[str, str], None]) -> None:
    text = as_text(judge(ALERTS, STEPS, 2, SINCE, **ASKED)) + "\n" + as_text(judge([], []))
    assert [line for line in text.splitlines() if len(line) > 80] == []
    golden("evaluate.txt", text)


def test_text_is_safe_and_narrow_whatever_names_are() -> None:
    strange = [
        Step(str(number), "a", "b", 0, 0, (f"T{number}" * 50,), "\x1b[2J\n" * 9, "\u202e") for number in range(100)
    ]
    lines = as_text(judge([Alert(Pair("a", "b", 0, 90_000_000), 1)], strange, visible={"flow"})).splitlines()
    lines += as_text(judge([], strange)).splitlines()
    assert [line for line in lines if len(line) > 80 or not line.isprintable()] == []


def run(*arguments: object) -> int:
    return app([str(each) for each in ("evaluate", *arguments)], standalone_mode=False) or 0


def labels_of(steps: Sequence[Step], path: Path) -> Path:
    lines = ["attack,kind,visibility,technique,src_ip,dest_ip,start_time,end_time"]
    for each in steps:
        hosts_and_times = plain(Pair(each.src_ip, each.dest_ip, each.start_us, each.end_us)).values()
        told = [each.attack, each.kind, each.visibility, " ".join(each.techniques), *map(str, hosts_and_times)]
        lines.append(",".join(told))
    path.write_text("\n".join(lines))
    return path


def test_on_the_command_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    files = [written(tmp_path / "a.jsonl", ALERTS[:4]), written(tmp_path / "b.csv", ALERTS[4:])]
    (tmp_path / "corp" / "_truth").mkdir(parents=True)
    labels_of(STEPS, tmp_path / "corp" / "_truth" / "labels.csv")
    options = ("--budget", 2, "--since", "2026-03-02", "--visibility", "flow,pipe", "--least", 1)
    run(*files, tmp_path / "corp", *options, "--format", "json")
    assert rounded(json.loads(capfd.readouterr().out)) == EXPECTED
    run(*files, tmp_path / "corp", *options, "--pictures", tmp_path / "pictures")
    assert capfd.readouterr().out == as_text(judge(ALERTS, STEPS, 2, SINCE, **ASKED))
    assert [each.name for each in (tmp_path / "pictures").iterdir()] == [PAGE]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--format", "csv"], "--format: 'csv' is no format"),
        (["--since", "monday"], "--since: 'monday' is no day"),
        (["--since", "2026-03-02", "--until", "2026-03-01"], "--until: 2026-03-01 is before --since 2026-03-02"),
        (["--visibility", "flwo"], "--visibility: 'flwo' is none"),
        (["--pictures", "nowhere/there"], "--pictures: there is no folder 'nowhere'"),
        (["-"], "-: standard input can be read once only"),
    ],
)
def test_wrong_use(options: list[str], said: str, tmp_path: Path) -> None:
    labels = labels_of(STEPS, tmp_path / "labels.csv")
    with pytest.raises(UsageError, match=said):
        run("-", written(tmp_path / "a.jsonl", ALERTS), labels, *options) if options != ["-"] else run("-", "-")


def test_one_file_only() -> None:
    with pytest.raises(UsageError, match=r"only 'found\.jsonl' is given") as raised:
        run("found.jsonl")
    assert raised.value.hint == "findings first, then labels: findings.jsonl corp"


def test_visibility_that_labels_do_not_tell(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("attack,src_ip,dest_ip,start_time\n1,a,b,2026-03-02\n")
    with pytest.raises(UsageError, match="the labels do not tell any"):
        run(written(tmp_path / "a.jsonl", ALERTS), tmp_path / "labels.csv", "--visibility", "flow")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RpcsightError, match="nowhere: can't be read"):
        read_findings([str(tmp_path / "nowhere")])
    with pytest.raises(InputError, match="it is a folder"):
        read_findings([str(tmp_path)])


def test_simulated_hunted_and_evaluated(tmp_path: Path) -> None:
    simulate(Plan(hosts=80, days=1, seed=3, calls="all", attacks=4, attack_from=0), tmp_path / "corp", "parquet")
    with pipeline.opened(pipeline.Request(paths=[str(tmp_path / "corp")])) as session:
        found = hunting.hunt(session).findings
    with (tmp_path / "found.jsonl").open("wb") as out:
        writer("jsonl").write(as_table(found), out, Look())
    steps = read_labels(str(tmp_path / "corp"))
    judged = judge(read_findings([str(tmp_path / "found.jsonl")]), steps, len(found))
    assert (judged.days.count, judged.findings.count, judged.recall.attacks) == (
        1,
        len(found),
        len({each.attack for each in steps}),
    )
    assert {each.attack for each in judged.attacks if each.is_found} == {"0", "1", "2"}


# --- pictures


class Fetched(HTMLParser):
    """What a page would fetch, and what it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.tags: list[str] = []
        self.policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        self.fetched += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "data", "action"}]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""


def page_of(judged: Evaluation, folder: Path) -> tuple[str, Fetched]:
    text = draw(judged, folder).read_text("utf-8")
    parser = Fetched()
    parser.feed(text)
    parser.close()
    return text, parser


def test_pictures_fetch_nothing(tmp_path: Path) -> None:
    text, page = page_of(judge(ALERTS, STEPS, 2, SINCE, **ASKED), tmp_path / "new")
    assert (
        page.fetched,
        page.policy.startswith("default-src 'none'; script-src 'unsafe-inline'"),
        page.tags.count("h1"),
    ) == ([], True, 1)
    assert re.findall(r'Plotly\.newPlot\(\s*"([^"]+)"', text) == ["picture-1", "picture-2", "picture-3"]
    assert "2 of 3 attacks found" in text
    starts = [found.start() for found in re.finditer(r'\{"displaylogo"', text)]
    assert [json.JSONDecoder().raw_decode(text, start)[0] for start in starts] == [{**CONFIG, "responsive": True}] * 3
    assert text.count("Recall against findings a day") == 1


def test_pictures_run_nothing_of_the_labels(tmp_path: Path) -> None:
    nasty = "</script><script src=//x>alert(1)</script><img src=x onerror=alert(1)>"
    steps = [Step(nasty, "a", "b", 0, 0, (nasty,), nasty, nasty), Step("\ud800", "a", "b", 0, 0)]
    text, page = page_of(judge([Alert(Pair("a", "b", 0, 0), 1)], steps), tmp_path)
    assert (page.fetched, "alert(1)</script>" in text, "img" in page.tags) == ([], False, False)
    shown = text[text.index('"picture-2"') :]
    assert ("&lt;script src=" in shown, "\\u003cscript" in shown) == (True, False)


def test_pictures_of_nothing(tmp_path: Path) -> None:
    _, page = page_of(judge([], []), tmp_path)
    assert "script" not in page.tags


def test_without_plotly_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("rpcsight.evaluation.pictures.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="plotly is not installed") as raised:
        run("nowhere", "nowhere", "--pictures", tmp_path)
    assert raised.value.hint == "pip install 'rpcsight[pictures]'"

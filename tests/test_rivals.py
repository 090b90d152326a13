"""The rivals of bench/detections.py on hand-made rows: what each alerts on, in which order, and from what it knows."""

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.system import ROOT

RPCSIGHT = (sys.executable, "-m", "rpcsight")
START = datetime(2026, 3, 2)
WS1, WS2, WS3, SRV, DC = "10.20.0.1", "10.20.0.2", "10.20.0.3", "10.10.0.1", "10.10.0.9"
HOSTS = (
    (WS1, "workstation"),
    (WS2, "workstation"),
    (WS3, "help desk workstation"),
    (SRV, "server"),
    (DC, "domain controller"),
)
LABEL = "attack,kind,visibility,src_ip,dest_ip,start_time,end_time"
TASK = "86d35949-83c9-4044-b424-db363231fd0c"

Flow = tuple[int, str, str, int, float, bool]
Call = tuple[int, str, str, str]
Alert = tuple[str, int, str, str, int | None, int | None, float]


def flow(day: int, src: str, dest: str, port: int = 135, second: float = 36_000, is_established: bool = True) -> Flow:
    return day, src, dest, port, second, is_established


def both(day: int, src: str, dest: str, second: float = 36_000) -> list[Flow]:
    """What the strict rule looks for."""
    return [flow(day, src, dest, 135, second), flow(day, src, dest, 49700, second + 0.1)]


def write(folder: Path, flows: Sequence[Flow], calls: Sequence[Call] = (), labels: Sequence[str] = ()) -> Path:
    """As `rpcsight simulate` writes it."""
    with duckdb.connect() as database:
        database.execute(
            "create table made (number integer, day integer, src_ip varchar, dest_ip varchar, port integer, second double, up boolean)"
        )
        database.executemany(
            "insert into made values (?, ?, ?, ?, ?, ?, ?)", [(number, *each) for number, each in enumerate(flows)]
        )
        for day in sorted({each[0] for each in flows}):
            date = START + timedelta(days=day)
            place = folder / "flow" / f"day={date:%Y-%m-%d}"
            place.mkdir(parents=True)
            start = f"timestamp '{date}' + to_microseconds(cast(second * 1000000 as bigint))"
            database.execute(
                f"copy (select 'C' || number as flow_id, {start} as start_time, {start} + interval 2 second as end_time, src_ip, "
                "50000 + number as src_port, dest_ip, port as dest_port, 'tcp' as transport_protocol, up as is_established, "
                "true as is_oriented, 100::bigint as out_bytes, 200::bigint as in_bytes, 3::bigint as out_packets, "
                "3::bigint as in_packets, 'made' as observer, 'made' as source "
                f"from made where day = {day}) to '{place / 'part-0.parquet'}' (format parquet, kv_metadata {{rpcsight: 'test'}})"
            )
        database.execute("create table called (day integer, src_ip varchar, dest_ip varchar, interface varchar)")
        for each in calls:
            database.execute("insert into called values (?, ?, ?, ?)", each)
        for day in sorted({each[0] for each in calls}):
            place = folder / "rpc_call" / f"day={START + timedelta(days=day):%Y-%m-%d}"
            place.mkdir(parents=True)
            database.execute(
                f"copy (select src_ip, dest_ip, interface from called where day = {day}) to '{place / 'part-0.parquet'}'"
            )
    truth = folder / "_truth"
    truth.mkdir()
    rows = "".join(f"{ip},{role},2026-03-02,2026-04-01\n" for ip, role in HOSTS)
    (truth / "hosts.csv").write_text(f"ip,role,since,until\n{rows}", encoding="utf-8")
    (truth / "labels.csv").write_text("\n".join([LABEL, *labels, ""]), encoding="utf-8")
    (truth / "pairs.csv").write_text(
        f"day,src_ip,dest_ip\n2026-03-04,{WS1},{WS2}\n2026-03-02,{WS1},{WS3}\n", encoding="utf-8"
    )
    return folder


@pytest.fixture
def rivals(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "bench")
    import rivals
    import rivals.judge
    import rivals.ours
    import rivals.pages

    return rivals


@pytest.fixture
def opened(rivals: Any) -> Callable[..., Any]:
    @contextmanager
    def made(folder: Path, command: tuple[str, ...] = RPCSIGHT, learned: int = 2) -> Iterator[Any]:
        with rivals.records.opened(folder, command, learned) as records:
            rivals.judge.load_labels(records)
            yield records

    return made


def alerts(records: Any, rival: Any, variant: str) -> list[Alert]:
    return records.database.execute(
        f"select * from ({rival.variants[variant](records)}) order by day, score desc, alert, src_ip, dest_ip"
    ).fetchall()


def brief(found: Sequence[Alert]) -> list[tuple[int, str, str, float]]:
    """Day, source, destination and score; the alert is the pair's, and about its whole day."""
    assert all(row[0] == f"{row[2]} {row[3]}" and row[4:6] == (None, None) for row in found)
    return [(row[1], row[2], row[3], round(row[6], 6)) for row in found]


DAYS = [
    *(flow(day, WS1, DC, second=36_000 + n) for day in range(4) for n in range(3)),
    *(flow(day, WS2, DC) for day in range(4)),
    flow(0, WS1, SRV, 445),
    flow(2, WS1, WS2),
    flow(2, SRV, DC, 49700),
    flow(3, WS1, WS2),
    flow(3, SRV, WS3, is_established=False),
]


def test_port_135_alone(tmp_path: Path, rivals: Any, opened: Any) -> None:
    with opened(write(tmp_path, DAYS)) as records:
        rival = rivals.mapper_port.ALONE
        most = [(2, WS1, DC, 3.0), (2, WS1, WS2, 1.0), (2, WS2, DC, 1.0)]
        third = [(3, WS1, DC, 3.0), (3, SRV, WS3, 1.0), (3, WS1, WS2, 1.0), (3, WS2, DC, 1.0)]
        assert brief(alerts(records, rival, "any source, most flows first")) == most + third
        fewest = brief(alerts(records, rival, "from workstations, fewest flows first"))
        assert fewest == [
            (day, *pair) for day in (2, 3) for pair in ((WS1, WS2, -1.0), (WS2, DC, -1.0), (WS1, DC, -3.0))
        ]
        between = brief(alerts(records, rivals.mapper_port.BETWEEN_WORKSTATIONS, "most flows first"))
        assert between == [(2, WS1, WS2, 1.0), (3, WS1, WS2, 1.0)]


def test_strict_rule_alone(tmp_path: Path, rivals: Any, opened: Any) -> None:
    late = [flow(2, WS2, DC, 135, 50_000), flow(2, WS2, DC, 49700, 50_003)]
    rows = [*DAYS, *both(0, WS1, WS3), *both(2, WS1, SRV), *both(2, WS1, SRV, 40_000), *both(3, SRV, DC), *late]
    with opened(write(tmp_path, rows)) as records:
        rival = rivals.strict_rule.RIVAL
        expected = [(2, WS1, SRV, 2.0), (3, SRV, DC, 1.0)]
        assert brief(alerts(records, rival, "any source, most flows first")) == expected
        assert brief(alerts(records, rival, "from workstations, fewest flows first")) == [(2, WS1, SRV, -2.0)]


def test_first_seen_pairs(tmp_path: Path, rivals: Any, opened: Any) -> None:
    with opened(write(tmp_path, [*DAYS, flow(2, WS2, SRV, 445)], [(1, WS1, DC, "a"), (2, WS1, DC, "b")])) as records:
        pairs = rivals.first_seen.PAIRS
        # WS1 knows DC and WS2 (and SRV by SMB), WS2 has one client, DC three, SRV had none to talk to
        rpc = brief(alerts(records, pairs, "RPC, sum of habits since the first day"))
        assert rpc == [(2, WS1, WS2, -3.0), (2, SRV, DC, -4.0), (3, SRV, WS3, -3.0)]
        products = brief(alerts(records, pairs, "RPC, product of habits since the first day"))
        assert products == [(2, WS1, WS2, -2.0), (2, SRV, DC, -3.0), (3, SRV, WS3, -2.0)]
        rarer = brief(alerts(records, pairs, "RPC and SMB, the rarer habit since the second week"))
        assert [row[:3] for row in rarer] == [(2, SRV, DC), (2, WS1, WS2), (2, WS2, SRV), (3, SRV, WS3)]
        listed = brief(
            alerts(records, rivals.first_seen.BETWEEN_WORKSTATIONS, "RPC between workstations, sum of habits")
        )
        assert listed == [(2, WS1, WS2, -3.0)]
        sources = alerts(records, pairs, "RPC and SMB, one alert a source, most first")
        assert [(row[0], row[1], row[3], row[6]) for row in sources] == [
            (SRV, 2, DC, 1.0), (WS1, 2, WS2, 1.0), (WS2, 2, SRV, 1.0), (SRV, 3, WS3, 1.0),
        ]  # fmt: skip
        tuples = brief(alerts(records, rivals.first_seen.TUPLES, "RPC, sum of habits since the first day"))
        # WS1: DC, DC a, DC b, WS2; DC: from WS1 three, WS2, SRV
        assert tuples == [(2, WS1, WS2, -5.0), (2, SRV, DC, -6.0), (2, WS1, DC, -9.0), (3, SRV, WS3, -3.0)]


def test_ritas_modifiers(tmp_path: Path, rivals: Any, opened: Any) -> None:
    many = [flow(day, f"10.30.0.{n}", DC) for day in (0, 9) for n in range(100)]
    rows = [*many, flow(0, WS1, SRV), flow(9, WS1, SRV), flow(9, WS1, WS2)]
    with opened(write(tmp_path, rows), learned=1) as records:
        found = brief(alerts(records, rivals.rita.RIVAL, "first seen of the destination, ties left"))
        # WS2 is rare and new, SRV rare and known for nine days; nearly all hosts use DC
        assert found[:2] == [(9, WS1, WS2, 0.3), (9, WS1, SRV, 0.15)]
        assert {row[3] for row in found[2:]} == {-0.15}
        assert len(found) == 102


def test_ritas_ages(tmp_path: Path, rivals: Any, opened: Any) -> None:
    rows = [*(flow(day, WS1, DC) for day in range(32)), flow(31, WS2, DC)]
    with opened(write(tmp_path, rows), learned=9) as records:
        found = brief(alerts(records, rivals.rita.RIVAL, "first seen of the pair, ties left"))
        # half of the network or all of it: less 0.15; seen before 30 days or more: less again; new: more
        assert [row for row in found if row[0] in {9, 30, 31}] == [
            (9, WS1, DC, -0.15), (30, WS1, DC, -0.3), (31, WS2, DC, 0.0), (31, WS1, DC, -0.3),
        ]  # fmt: skip


def test_isolation_forest(tmp_path: Path, rivals: Any, opened: Any) -> None:
    pytest.importorskip("sklearn")
    usual = [
        flow(day, f"10.30.0.{n}", DC, second=30_000 + 300 * n + m)
        for day in range(3)
        for n in range(60)
        for m in range(n % 4 + 1)
    ]
    odd = [
        flow(day, *pair, 49152 + n, 7_200 + n * 600, is_established=False)
        for day, pair in ((0, (WS3, SRV)), (1, (WS2, SRV)), (2, (WS1, WS2)))
        for n in range(20)
    ]
    with opened(write(tmp_path, [*usual, *odd])) as records:
        for variant in rivals.isolation_forest.RIVAL.variants:
            found = brief(alerts(records, rivals.isolation_forest.RIVAL, variant))
            assert (len(found), found[0][:3]) == (61, (2, WS1, WS2))
            assert found[0][3] > found[1][3]


def test_no_rival_knows_the_future(tmp_path: Path, rivals: Any, opened: Any) -> None:
    calls = [(2, WS1, DC, "a")]
    later = [*both(3, WS3, DC), *both(3, WS3, WS1), *both(3, WS1, WS3), flow(3, WS2, SRV, 445)]
    rows = [*DAYS, *both(2, WS3, SRV)]
    found: list[dict[tuple[str, str], list[Alert]]] = []
    for name, more, calls_more in (("without", [], []), ("with", later, [(3, WS2, DC, "a")])):
        folder = tmp_path / name
        folder.mkdir()
        with opened(write(folder, [*rows, *more], [*calls, *calls_more])) as records:
            found.append({
                (rival.name, variant): [row for row in alerts(records, rival, variant) if row[1] == 2]
                for rival in rivals.RIVALS
                if rival is not rivals.strict_rule.RIVAL  # it has no memory, and reads a day's folder
                and (rival is not rivals.isolation_forest.RIVAL or importlib.util.find_spec("sklearn"))
                for variant in rival.variants
            })  # fmt: skip
    assert found[0] == found[1]
    assert all(found[0].values())


def step(
    attack: int, src: str, dest: str, start: str, kind: str = "hop", visibility: str = "flow", end: str = ""
) -> str:
    return f"{attack},{kind},{visibility},{src},{dest},2026-03-{start}Z,2026-03-{end or start}Z"


def test_judged(tmp_path: Path, rivals: Any, opened: Any) -> None:
    labels = [
        step(1, WS1, WS2, "04T10:00:00"),
        step(1, WS1, WS3, "05T10:00:00"),
        step(2, WS2, SRV, "04T23:59:59", end="05T00:01:00", kind="sweep"),
        step(3, SRV, WS3, "05T12:00:00", visibility="pipe"),
        step(4, SRV, WS3, "05T18:00:00", visibility="none"),
    ]
    with opened(write(tmp_path, DAYS, labels=labels)) as records:
        records.database.execute(f"create table given ({rivals.records.ALERT})")

        def judged(*rows: tuple[object, ...], budget: int = 2) -> tuple[float, float, float, int, Mapping[str, object]]:
            records.database.execute("delete from given")
            records.database.executemany("insert into given values (?, ?, ?, ?, ?, ?, ?)", rows)
            found = rivals.judge.judged(records, "select * from given", budget)
            return found.recall, found.recall_flow, found.precision, found.alerts, dict(found.kinds)

        def row(alert: str, day: int, src: str, dest: str | None, score: float) -> tuple[object, ...]:
            return alert, day, src, dest, None, None, score

        none = {"hop": (0.0, 3), "sweep": (0.0, 1)}
        assert judged(row("a", 2, WS2, WS1, 9.0)) == (0.0, 0.0, 0.0, 1, none)
        # the right pair on the wrong day, and on the right day beyond the budget
        wrong = [
            row("a", 3, WS1, WS2, 9.0),
            row("b", 2, DC, DC, 3.0),
            row("c", 2, DC, SRV, 2.0),
            row("d", 2, WS1, WS2, 1.0),
        ]
        assert judged(*wrong) == (0.0, 0.0, 0.0, 4, none)
        assert judged(*wrong, budget=3) == (0.25, 0.5, 1 / 4, 4, {"hop": (1.0, 3), "sweep": (0.0, 1)})
        # three are tied for one place: one in three; the other day's step has two tied for two places
        tied = [row(each, 2, *pair, 1.0) for each, pair in {"a": (WS1, WS2), "b": (DC, SRV), "c": (DC, WS1)}.items()]
        assert judged(*tied, budget=1)[:2] == pytest.approx((1 / 12, 1 / 6))
        assert judged(*tied, row("a", 3, WS1, WS3, 1.0), row("b", 3, DC, SRV, 1.0), budget=2)[:3] == pytest.approx(
            (0.25, 0.5, 5 / 12)
        )
        # one alert of several pairs takes one place; an alert on a source alone covers its steps; midnight belongs to both days
        whole = [row("a", 3, DC, WS1, 3.0), row("a", 3, WS2, SRV, 3.0), row("b", 3, SRV, None, 2.0)]
        assert judged(*whole, budget=2) == (0.75, 0.5, 1.0, 2, {"hop": (2.0, 3), "sweep": (1.0, 1)})
        # times of an alert: 12:00 is a minute before, 18:00 hours after
        noon = round((START + timedelta(days=3, hours=12, minutes=1) - datetime(1970, 1, 1)).total_seconds()) * 10**6
        timed = ("a", 3, SRV, WS3, noon, noon + 1, 1.0)
        assert judged(timed)[0] == 0.25
        assert judged((*timed[:4], noon + 1, noon + 2, 1.0))[0] == 0.0
        simulated = rivals.judge.simulation(records)
        assert rivals.judge.flat(simulated) == {"attacks": 4, "flow": 2, "pipe": 1, "none": 1, "first_seen": 0.5}


def test_chance_to_be_within_the_budget(rivals: Any) -> None:
    chance = rivals.judge.chance
    assert [chance(1, 10, places) for places in (1, 5, 10, 12)] == pytest.approx([0.1, 0.5, 1, 1])
    assert chance(2, 4, 2) == pytest.approx(1 - 1 / 6)
    assert chance(3, 4, 2) == 1


PLAYED = """
import json, pathlib, sys
log = pathlib.Path(__file__).with_name("log.jsonl")
with log.open("a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == "hunt":
    day = next(part for part in sys.argv if "day=" in part)[-10:]
    found = [{"src_ip": "a", "dest_ip": "b", "first_time": day + "T01:00:00Z", "last_time": day + "T02:00:00.5Z",
      "pairs": [{"src_ip": "a", "dest_ip": "c", "first_time": day + "T01:00:00Z", "last_time": None}]},
      {"src_ip": "d", "dest_ip": "e", "first_time": day + "T00:00:00Z", "last_time": day + "T00:00:00Z"}, {}]
    pathlib.Path(sys.argv[sys.argv.index("-o") + 1]).write_text("".join(json.dumps(each) + "\\n" for each in found))
"""


def test_ours_learns_then_hunts_every_day_and_learns_it(tmp_path: Path, rivals: Any, opened: Any) -> None:
    folder = write(tmp_path / "corp", DAYS, [(1, WS1, DC, TASK), (3, WS1, DC, TASK)])
    played = tmp_path / "played.py"
    played.write_text(PLAYED, encoding="utf-8")
    settings = rivals.ours.Settings(has_calls=True, budget=2)
    rival = rivals.ours.rival(settings)
    with opened(folder, (sys.executable, str(played))) as records:
        found = alerts(records, rival, "")
    hour = 3_600_000_000
    begin = [round((START + timedelta(days=day) - datetime(1970, 1, 1)).total_seconds()) * 10**6 for day in (2, 3)]
    assert rival.name == "rpcsight: flows and calls"
    assert found == [
        row
        for day, first in zip((2, 3), begin, strict=True)
        for row in (
            (f"{day} 0", day, "a", "c", first + hour, first + 2 * hour + 500_000, 0.0),
            (f"{day} 1", day, "d", "e", first, first, -1.0),
        )
    ]
    lines = [json.loads(line) for line in played.with_name("log.jsonl").read_text("utf-8").splitlines()]
    told = [[line[0], *(f"{Path(part).parent.name} {part[-2:]}" for part in line if "day=" in part)] for line in lines]
    assert told == [
        ["learn", "flow 02", "flow 03", "rpc_call 03"],
        ["hunt", "flow 04"],
        ["learn", "flow 04"],
        ["hunt", "flow 05", "rpc_call 05"],
        ["learn", "flow 05", "rpc_call 05"],
    ]
    hunted = lines[1]
    assert hunted[3:7:2] == ["--workspace", "--budget"]
    assert [hunted[hunted.index(name) + 1] for name in ("--budget", "--format")] == ["2", "jsonl"]
    assert len({line[line.index("--workspace") + 1] for line in lines}) == 1
    assert all("--quiet" in line for line in lines)


def test_ours_without_a_baseline_hunts_only(tmp_path: Path, rivals: Any, opened: Any) -> None:
    rival = rivals.ours.rival(rivals.ours.Settings(is_learning=False, budget=1))
    with opened(write(tmp_path, [*DAYS, *both(3, WS1, WS3)])) as records:
        found = alerts(records, rival, "")
    assert [row[:4] for row in found] == [("3 0", 3, WS1, WS3)]


def result(**values: object) -> dict[str, object]:
    common = {"hosts": 1000, "noise": 1.0, "seed": 1, "variant": "", "recall_flow": 0.5, "precision": 0.1, "alerts": 70}
    return common | values


def test_pages(tmp_path: Path, rivals: Any) -> None:
    results = [
        result(rival="", attacks=30, flow=20, pipe=6, none=4, first_seen=19.2),
        result(rival="", seed=2, attacks=40, flow=30, pipe=6, none=4, first_seen=21.2),
        result(rival="b", recall=0.25, kinds={"hop": [1, 4]}),
        result(rival="a", variant="x", recall=0.1, kinds={"hop": [2, 4]}),
        result(rival="a", variant="y", recall=0.2, kinds={"hop": [0.5, 4]}),
        result(rival="a", variant="x", seed=2, recall=0.4, kinds={"hop": [1, 4], "sweep": [0, 1]}),
        result(rival="a", variant="y", seed=2, recall=0.2, kinds={"hop": [4, 4], "sweep": [1, 1]}),
    ]
    results = [{"calls": "some", "budget": 10} | each for each in results]
    text = rivals.pages.page(results, ["a", "b"])
    lines = [line for line in text.splitlines() if line and "---" not in line]
    assert lines == [
        "| hosts | noise | seeds | attacks | in flows | in pipes only | encrypted | benign first-seen pairs |",
        "| 1,000 | 1 | 1, 2 | 35 (30-40) | 25 (20-30) | 6 | 4 | 20 (19-21) |",
        "### 1,000 hosts",
        "| % found of | all, noise 1 | in flows, noise 1 | right, noise 1 |",
        "| a | 25 (10-40) | 50 | 10 |",
        "| b | 25 | 50 | 10 |",
        "### By kind of attack, 1,000 hosts, noise 1",
        "| % found of | attacks | a | b |",
        "| hop | 8 | 38 | 25 |",
        "| sweep | 1 | 0 |  |",
        "### The rankings that were taken",
        "|  | hosts | ranking taken | tried | alerts without a budget |",
        "| a | 1,000 | x | 2 | 70 |",
    ]
    path = tmp_path / "page.md"
    begin, other = (rivals.pages.BEGIN.format(command=name) for name in ("one", "other"))
    end = rivals.pages.END
    path.write_text(f"before\n{begin}\nold\n{end}\nbetween\n{other}\n{end}\nafter\n", encoding="utf-8")
    for text, command in (("new\n", "one"), ("newer\n", "one"), ("more\n", "other")):
        rivals.pages.write(text, command, path)
    expected = f"before\n{begin}\n\nnewer\n\n{end}\nbetween\n{other}\n\nmore\n\n{end}\nafter\n"
    assert path.read_text("utf-8") == expected


def test_results_that_are_there_are_not_measured_again(
    tmp_path: Path, rivals: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import detections

    asked: list[tuple[int, float, int, list[str]]] = []

    def simulated(
        options: Any, place: Mapping[str, Any], wanted: Sequence[tuple[Any, str]]
    ) -> Iterator[dict[str, object]]:
        asked.append((place["hosts"], place["noise"], place["seed"], sorted({rival.name for rival, _ in wanted})))
        yield {**place, "rival": "", "variant": "", "attacks": 1, "flow": 1, "pipe": 0, "none": 0, "first_seen": 1.0}
        for rival, variant in wanted[:1]:
            yield {**result(rival=rival.name, variant=variant, recall=0.5, kinds={}), **place}

    monkeypatch.setattr(detections, "simulated", simulated)
    file = tmp_path / "results.jsonl"
    options = [
        "--seeds",
        "1-2,5",
        "--noise",
        "0.3,1",
        "--only",
        "rpcsight",
        "--results",
        str(file),
    ]
    assert detections.main(options) == 0
    names = [
        "rpcsight: flows",
        "rpcsight: flows and calls",
    ]
    places = [(1000, noise, seed) for noise in (0.3, 1.0) for seed in (1, 2, 5)]
    assert asked == [(*place, names) for place in places]
    assert len(file.read_text("utf-8").splitlines()) == 12
    asked.clear()
    assert detections.main(options) == 0
    assert asked == [(*place, names[1:]) for place in places]
    asked.clear()
    assert detections.main([*options, "--budget", "20", "--seeds", "1", "--noise", "1"]) == 0
    assert asked == [(1000, 1.0, 1, names)]
    kept = file.read_text("utf-8")
    capsys.readouterr()
    assert detections.main(["--seeds", "", "--results", str(file)]) == 0
    out = capsys.readouterr().out
    assert "| rpcsight: flows and calls |" in out
    assert "| 1,000 | 1 | 1, 2, 5 |" in out  # those of another budget are not among them
    assert file.read_text("utf-8") == kept


def test_what_parts_add_as_a_page(rivals: Any) -> None:
    import parts

    found = {("flows", part): [0.5, 0.7] for part in ("", *parts.PARTS)}
    found["flows", "client"] = [0.4, 0.7]
    found["flows", "hour"] = [0.55, 0.7]
    lines = [line for line in parts.page(found, 1000, (1, 2)).splitlines() if line and "---" not in line]
    assert lines[:4] == [
        "1,000 hosts, noise 1, seeds 1, 2",
        "| without | flows |",
        "|  | 60 (50-70) found |",
        "| `client` | +5.0 (+0.0-+10.0) |",
    ]
    assert lines[-1] == "| `hour` | -2.5 (-5.0-+0.0) |"
    assert len(lines) == 3 + len(parts.PARTS)

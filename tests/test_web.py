"""The API over a real server: what it tells, what it changes, how it shares the workspace with other processes."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from rpcsight.account import Account, Skip
from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import BusyError
from rpcsight.triage import kept
from rpcsight.triage.runs import keep_run
from rpcsight.web.desk import Desk
from tests.served import client, corp, ids, running
from tests.triaged import finding, set_roles

pytestmark = pytest.mark.xdist_group("server")
A1 = "a100000000000000"
ENTRY = {
    "reason": "fine",
    "owner": "me",
    "expires": "never",
    "client": ["10.0.1.2"],
    "server": ["10.0.2.1"],
    "service": ["svcctl"],
}
HOLDER = """
import sys, time
from pathlib import Path
from rpcsight.baseline.workspace import Workspace
with Workspace(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = corp(tmp_path_factory.mktemp("web"))
    with Workspace(path) as workspace:
        set_roles(workspace, {"10.0.1.2": "workstation", "10.0.2.1": "server"})
        workspace.store.run("update known_host set name = 'srv1' where ip = '10.0.2.1'")
        account = Account(files=2, records=10, candidates=4, skips=[Skip("conn.log", "a line is cut", 3)])
        keep_run(workspace, account, 5)
    return path


@pytest.fixture(scope="module")
def asks(place: Path) -> Iterator[httpx.Client]:
    with running(place) as address, client(address) as made:
        yield made


def test_the_list(asks: httpx.Client) -> None:
    page = asks.get("findings", params={"q": "svcctl"}).json()
    (row,) = page.pop("findings")
    assert page == {
        "next": None,
        "total": 1,
        "statuses": {"open": 1, "benign": 0, "malicious": 0, "duplicate": 0, "allowed": 0, "grown": 0},
        "severities": {"info": 0, "low": 0, "medium": 0, "high": 1},
    }
    row.pop("kept_time")
    assert row == {
        "finding_id": A1,
        "day": "2026-02-16",
        "rank": 1,
        "score": 40.0,
        "severity": "high",
        "confidence": 0.9,
        "client": "10.0.1.2",
        "client_name": None,
        "client_role": None,
        "server": "10.0.2.1",
        "server_name": "srv1",
        "server_role": None,
        "pairs": 1,
        "service": None,
        "techniques": ["T1021"],
        "first_time": "2026-02-16T10:00:00.000000Z",
        "last_time": "2026-02-16T10:30:00.000000Z",
        "summary": "what happened",
        "reasons": [{"name": "new pair", "points": 40.0, "text": "they had not met"}],
        "status": "open",
        "allowed_by": None,
        "has_grown": False,
    }


def test_pages_by_cursor(asks: httpx.Client) -> None:
    seen, cursor = [], None
    while True:
        page = asks.get(
            "findings", params={"limit": 2, "sort": "client", **({"cursor": cursor} if cursor else {})}
        ).json()
        seen += ids(page["findings"])
        if (cursor := page["next"]) is None:
            break
    assert seen == ids(asks.get("findings", params={"sort": "client"}).json()["findings"])
    assert len(seen) == page["total"] == 5


def test_groups(asks: httpx.Client) -> None:
    found = asks.get("groups", params={"by": "service"}).json()["groups"]
    assert [(each["value"], each["query"], each["findings"]) for each in found] == [
        *(("drsuapi", "service:drsuapi", 1), ("svcctl", "service:svcctl", 1), ("?", "service:?", 3)),
    ]


def test_one_finding_its_history_and_what_resembles_it(asks: httpx.Client) -> None:
    whole = asks.get(f"findings/{A1}").json()
    assert (whole["status"], whole["finding"]["benign_if"]) == ("open", ["it is an administrator's"])
    history = asks.get(f"findings/{A1}/history").json()
    assert (ids(history["earlier"]), history["roles"], history["names"], history["log"]) == (
        *(["a5"], {"10.0.1.2": "workstation", "10.0.2.1": "server"}, {"10.0.2.1": "srv1"}, []),
    )
    similar = asks.get(f"findings/{A1}/similar").json()["findings"]
    assert ids(similar) == ["a2"]


def test_hosts_and_the_map(asks: httpx.Client) -> None:
    page = asks.get("hosts", params={"limit": 2}).json()
    assert ([each["ip"] for each in page["hosts"]], page["total"], page["next"]) == (
        ["10.0.1.10", "10.0.1.2"],
        7,
        "10.0.1.2",
    )
    assert [each["ip"] for each in asks.get("hosts", params={"q": "SRV"}).json()["hosts"]] == ["10.0.2.1"]
    host = asks.get("hosts/10.0.2.1").json()
    assert (host["known"]["role"], host["total"], sorted(ids(host["findings"]))) == ("server", 3, ["a1", "a2", "a5"])
    found = asks.get("map", params={"limit": 2}).json()
    assert [(each["client"], each["server"], each["findings"], each["severity"]) for each in found["edges"]] == [
        *(("10.0.1.10", "10.0.2.1", 1, "low"), ("10.0.1.2", "10.0.2.1", 2, "high")),
    ]
    assert (found["left_out"], [each["ip"] for each in found["nodes"]]) == (2, ["10.0.1.10", "10.0.1.2", "10.0.2.1"])


def test_what_was_read_and_learned(asks: httpx.Client) -> None:
    read = asks.get("inputs").json()
    (run,) = read["hunts"]
    assert (run["files"], run["records"], run["skipped"]) == (2, 10, [{"what": "a line is cut", "count": 3}])
    assert asks.get("baseline").json()["baseline"]["days"] == 5
    difference = asks.get("baseline/difference", params={"at": "2026-02-13"}).json()
    assert difference["totals"]["new_pairs"] == 0
    assert asks.get("settings").json()["settings"]["rule"]["mapper_port"] == 135


def test_triage_is_in_the_log_and_done_once_for_a_key(asks: httpx.Client) -> None:
    body, key = {"verdict": "benign", "reason": "ticket 4711"}, {"Idempotency-Key": "k1"}
    first = asks.post(f"findings/{A1}/close", json=body, headers=key)
    again = asks.post(f"findings/{A1}/close", json=body, headers=key)
    assert (first.json(), again.json()) == ({"finding_id": A1, "before": "open", "status": "benign"},) * 2
    other = asks.post(f"findings/{A1}/close", json=body | {"reason": "another"}, headers=key)
    assert (other.status_code, other.json()["title"]) == (422, "this Idempotency-Key was used for something else")
    assert asks.post(f"findings/{A1}/reopen", json={"reason": "no such ticket"}).json()["status"] == "open"
    log = asks.get("log", params={"subject": A1}).json()["log"]
    assert [(each["who"], each["action"], each["reason"]) for each in log] == [
        ("this machine", "reopened", "no such ticket"),
        ("this machine", "closed as benign", "ticket 4711"),
    ]


def test_the_allow_list(asks: httpx.Client) -> None:
    preview = asks.post("allow/preview", json=ENTRY).json()
    assert (
        preview["covers"],
        preview["would_hide"],
        ids([{"finding_id": each} for each in preview["finding_ids"]]),
    ) == (1, 1, ["a1"])
    added = asks.post("allow", json=ENTRY).json()
    assert (added["hidden"], added["opened"]) == (1, 0)
    (entry,) = asks.get("allow").json()["entries"]
    assert (entry["entry_id"], entry["findings"], entry["is_live"]) == (added["entry_id"], 1, True)
    assert asks.post(f"findings/{A1}/reopen", json={"reason": "x"}).status_code == 409
    removed = asks.post(f"allow/{added['entry_id']}/remove", json={"reason": "gone"}).json()
    assert (removed["opened"], asks.get("allow").json()["entries"]) == (1, [])
    assert asks.post("allow/00000000/remove", json={"reason": "gone"}).status_code == 404


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("findings?q=colour:red", 400, "q: there is no key 'colour'"),
        ("findings?sort=x", 400, "sort: there is no 'x'"),
        ("findings?limit=0", 422, "query.limit: Input should be greater than or equal to 1"),
        ("findings/0000000000000000", 404, "there is no such finding"),
        ("findings/none", 404, "Not Found"),
        ("baseline/difference?at=x", 400, "at: 'x' is no day"),
        ("nothing", 404, "Not Found"),
    ],
)
def test_errors_are_problems(asks: httpx.Client, path: str, status: int, title: str) -> None:
    answer = asks.get(path)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["status"], answer.json()["title"]) == (status, status, title)


def test_another_method_is_told_which_there_are(asks: httpx.Client) -> None:
    for path, methods in (("allow", "GET, POST"), ("findings/close", "POST"), ("findings/0000000000000000", "GET")):
        answer = asks.put(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)


def test_no_documentation_is_loaded_from_elsewhere(asks: httpx.Client) -> None:
    assert [
        httpx.get(str(asks.base_url.copy_with(path=path)), trust_env=False).status_code for path in ("/docs", "/redoc")
    ] == [404, 404]


def test_who_listens_hears_of_a_new_finding(place: Path, asks: httpx.Client) -> None:
    with asks.stream("GET", "events") as stream:
        states = (json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))
        before = next(states)
        with Workspace(place) as workspace:
            kept.keep(workspace, [finding("e9", "10.0.7.7", "10.0.8.8", score=1)], [])
        after = next(states)
    assert (after["findings"] - before["findings"], after["open"] - before["open"]) == (1, 1)


def test_two_people_at_once_are_both_in_the_log(asks: httpx.Client) -> None:
    def close(reason: str) -> None:
        assert (
            asks.post("findings/a200000000000000/close", json={"verdict": "benign", "reason": reason}).status_code
            == 200
        )

    people = [threading.Thread(target=close, args=(f"reason {number}",)) for number in range(4)]
    for each in people:
        each.start()
    for each in people:
        each.join()
    log = asks.get("log", params={"subject": "a200000000000000"}).json()["log"]
    assert sorted(each["reason"] for each in log) == [f"reason {number}" for number in range(4)]


def test_a_workspace_that_is_in_use_is_waited_for_then_the_answer_is_to_try_again(place: Path) -> None:
    desk = Desk(place, wait_s=0.2)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BusyError), desk.reading():
            pass
        patient = Desk(place, wait_s=60)
        letting_go = threading.Timer(0.3, holder.communicate, ("\n",))
        letting_go.start()
        with patient.reading() as workspace:
            assert workspace.rows("select count(*) as findings from finding")[0]["findings"] >= 5
        letting_go.join()


def test_over_http_that_is_a_503_with_when_to_come_back(place: Path, asks: httpx.Client) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        answer = asks.get("findings")
        holder.communicate("\n")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["title"]) == (
        *(503, "2", "another process has this workspace open"),
    )


def test_several_findings_are_closed_at_once_and_again_changes_nothing(asks: httpx.Client) -> None:
    ids = ["a400000000000000", "nothing", "a500000000000000", "a400000000000000"]
    asked = {"finding_ids": ids, "verdict": "duplicate", "reason": "one story"}
    first, again = (asks.post("findings/close", json=asked).json() for _ in range(2))
    rows = [(each["finding_id"][:2], each["before"], each["status"], each["is_changed"]) for each in first["results"]]
    assert (rows, first["changed"]) == (
        [("a4", "open", "duplicate", True), ("no", None, None, False), ("a5", "open", "duplicate", True)],
        2,
    )
    assert ([each["is_changed"] for each in again["results"]], again["changed"]) == ([False, False, False], 0)
    log = asks.get("log").json()["log"]
    assert [(each["subject"][:2], each["reason"]) for each in log if each["reason"] == "one story"] == [
        ("a5", "one story"),
        ("a4", "one story"),
    ]
    for wrong in ({"finding_ids": []}, {"finding_ids": ["x"] * 201}, {"verdict": "open"}):
        assert asks.post("findings/close", json=asked | wrong).status_code == 422
    for each in ("a400000000000000", "a500000000000000"):
        asks.post(f"findings/{each}/reopen", json={"reason": "back"})


def test_who_reads_waits_for_no_reader_and_who_writes_for_all(place: Path) -> None:
    desk = Desk(place, wait_s=0.2)
    with desk.reading() as one, desk.reading() as other:
        one.store.run("create temp table mine as select 1 as x")
        assert not other.rows("select 1 as one from duckdb_tables() where table_name = 'mine'")
        with pytest.raises(BusyError), desk.writing():
            pass
    with desk.writing(), pytest.raises(BusyError), desk.reading():
        pass
    with desk.reading() as last:
        assert last.rows("select count(*) >= 5 as enough from finding") == [{"enough": True}]

"""Findings are kept from hunt to hunt: closed, opened again, and held back from the baseline until people say they are benign."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from rpcsight.baseline.settling import settle_due
from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import UsageError
from rpcsight.schema.baseline import BASELINE
from rpcsight.triage import keep
from rpcsight.triage.kept import close, findings, named, reopen
from rpcsight.triage.telling import as_text, history
from tests.triaged import DAY, at, finding, known, learn, set_roles, workspace_at

ABLE, BAKER, CHARLIE = (
    finding("aaaa1", score=70.0),
    finding("bbbb2", "10.0.1.2", "10.0.1.3"),
    finding("aaaa3", score=20.0),
)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with workspace_at(tmp_path) as made:
        yield made


def states(workspace: Workspace) -> list[tuple[str, str, bool]]:
    return [(each.finding_id[:5], each.status, each.has_grown) for each in findings(workspace)]


def log(workspace: Workspace) -> list[tuple[str, str, str, str]]:
    rows = workspace.rows("select subject, action, reason, who from audit order by number")
    return [(row["subject"][:5], row["action"], row["reason"], row["who"]) for row in rows]


def everything(workspace: Workspace) -> dict[str, list[dict[str, Any]]]:
    names = ("finding", "finding_pair", "audit", "allow", "day_score", "known_pair")
    return {name: workspace.rows(f"select * from {name} order by all") for name in names}


def test_what_is_kept(workspace: Workspace) -> None:
    keep(workspace, [BAKER, ABLE], [DAY])
    able, baker = findings(workspace)
    assert (able.finding_id, able.day, able.place, able.score, able.severity, able.confidence) == (
        "aaaa100000000000",
        DAY,
        1,
        70.0,
        "medium",
        0.9,
    )
    assert (able.src_ip, able.dest_ip, able.service, able.status, able.allowed_by, able.has_grown) == (
        "10.0.1.1",
        "10.0.1.2",
        None,
        "open",
        None,
        False,
    )
    assert able.finding() | {"first_time": 0, "last_time": 0, "pairs": 0} == json.loads(
        json.dumps(ABLE, default=str)
    ) | {
        "first_time": 0,
        "last_time": 0,
        "pairs": 0,
    }
    assert (able.finding()["first_time"], able.finding()["pairs"][0]["last_time"]) == (
        "2026-02-16T10:00:00.000000Z",
        "2026-02-16T10:30:00.000000Z",
    )
    assert baker.finding_id == "bbbb200000000000"
    assert workspace.rows("select * from day_score order by all") == [
        {"day": DAY, "place": 1, "score": 70.0},
        {"day": DAY, "place": 2, "score": 40.0},
    ]


def test_the_same_hunt_again_changes_nothing(workspace: Workspace) -> None:
    learn(workspace, [("10.0.1.1", "10.0.1.2", DAY), ("10.0.1.2", "10.0.1.3", DAY)])
    keep(workspace, [ABLE, BAKER], [DAY])
    close(workspace, ["bbbb2"], "benign", "mine", "ann")
    before = everything(workspace)
    keep(workspace, [BAKER, ABLE], [date(2026, 2, 16)])
    assert everything(workspace) == before


def test_two_findings_with_one_id_are_refused(workspace: Workspace) -> None:
    with pytest.raises(ValueError, match="same id"):
        keep(workspace, [ABLE, BAKER, ABLE | {"score": 1.0}], [DAY])
    assert findings(workspace) == []


def test_scores_of_days_are_those_of_the_last_hunt(workspace: Workspace) -> None:
    keep(workspace, [ABLE, finding("cccc4", score=30.0, first=at(1, DAY + 1))], [DAY, DAY + 1])
    keep(workspace, [finding("cccc4", score=35.0, first=at(1, DAY + 1))], [DAY + 1, DAY + 2])
    keep(workspace, [], [DAY])
    assert workspace.rows("select * from day_score") == [{"day": DAY + 1, "place": 1, "score": 35.0}]
    assert [each[0] for each in states(workspace)] == ["aaaa1", "cccc4"]


@pytest.mark.parametrize(
    ("verdict", "days"), [("benign", 3), ("malicious", 2), ("duplicate", 2)], ids=["benign", "malicious", "duplicate"]
)
def test_only_what_is_benign_is_learned(workspace: Workspace, verdict: str, days: int) -> None:
    pair = ("10.0.1.1", "10.0.1.2")
    learn(workspace, [(*pair, DAY - 2), (*pair, DAY - 1), (*pair, DAY)])
    assert known(workspace) == [(*pair, 3)]
    keep(workspace, [ABLE], [DAY])
    assert known(workspace) == [(*pair, 2)]
    close(workspace, ["aaaa1"], verdict, "looked at it", "ann")
    assert known(workspace) == [(*pair, days)]
    reopen(workspace, ["aaaa1"], "not so sure", "bob")
    assert known(workspace) == [(*pair, 2)]
    assert log(workspace) == [
        ("aaaa1", f"closed as {verdict}", "looked at it", "ann"),
        ("aaaa1", "reopened", "not so sure", "bob"),
    ]


def test_every_pair_and_day_of_a_story_is_held_back(workspace: Workspace) -> None:
    story = finding("aaaa1", others=[("10.0.1.2", "10.0.1.3")], first=at(23), last=at(25))
    days = (DAY - 1, DAY, DAY + 1)
    learn(
        workspace,
        [
            (client, server, day)
            for client, server in (("10.0.1.1", "10.0.1.2"), ("10.0.1.2", "10.0.1.3"))
            for day in days
        ],
    )
    keep(workspace, [story], [DAY])
    assert known(workspace) == [("10.0.1.1", "10.0.1.2", 1), ("10.0.1.2", "10.0.1.3", 1)]


def test_what_is_learned_later_of_a_finding_is_held_back_too(workspace: Workspace) -> None:
    keep(workspace, [ABLE], [DAY])
    learn(workspace, [("10.0.1.1", "10.0.1.2", day) for day in (DAY - 1, DAY)])
    assert known(workspace) == [("10.0.1.1", "10.0.1.2", 1)]


def test_closed_stays_closed_and_what_came_later_is_held_back(workspace: Workspace) -> None:
    learn(workspace, [("10.0.1.1", "10.0.1.2", DAY), ("10.0.1.1", "10.0.1.3", DAY)])
    keep(workspace, [ABLE], [DAY])
    close(workspace, ["aaaa1"], "benign", "mine", "ann")
    grown = finding("aaaa1", score=80.0, others=[("10.0.1.1", "10.0.1.3")])
    keep(workspace, [grown], [DAY])
    assert states(workspace) == [("aaaa1", "benign", True)]
    assert known(workspace) == [("10.0.1.1", "10.0.1.2", 1)]
    assert findings(workspace)[0].score == 80.0
    close(workspace, ["aaaa1"], "benign", "that as well", "ann")
    assert states(workspace) == [("aaaa1", "benign", False)]
    assert known(workspace) == [("10.0.1.1", "10.0.1.2", 1), ("10.0.1.1", "10.0.1.3", 1)]
    assert log(workspace) == [
        ("aaaa1", "closed as benign", "mine", "ann"),
        ("aaaa1", "seen again", "score 70 -> 80, on pairs or days that were not part of it", "hunt"),
        ("aaaa1", "closed as benign", "that as well", "ann"),
    ]


def test_a_pair_that_a_later_hunt_does_not_see_stays_held_back(workspace: Workspace) -> None:
    learn(workspace, [("10.0.1.1", "10.0.1.2", DAY), ("10.0.1.1", "10.0.1.3", DAY)])
    keep(workspace, [finding("aaaa1", others=[("10.0.1.1", "10.0.1.3")])], [DAY])
    keep(workspace, [finding("aaaa1")], [DAY])
    assert known(workspace) == []


def test_another_rank_alone_is_no_news(workspace: Workspace) -> None:
    keep(workspace, [ABLE], [DAY])
    close(workspace, ["aaaa1"], "malicious", "a real one", "ann")
    keep(workspace, [ABLE | {"rank": 5}], [DAY])
    assert [each.place for each in findings(workspace)] == [5]
    assert log(workspace) == [("aaaa1", "closed as malicious", "a real one", "ann")]


def test_nothing_is_forgotten_by_triage(workspace: Workspace) -> None:
    old = DAY - 80
    learn(workspace, [("10.0.1.1", "10.0.1.2", old), ("10.0.1.1", "10.0.1.2", DAY)])
    workspace.store.run("update pair_day set day = $day where day = $old", {"day": DAY - 1000, "old": old})
    keep(workspace, [ABLE], [DAY])
    assert [row["day"] for row in workspace.rows("select day from pair_day order by day")] == [DAY - 1000, DAY]


@pytest.mark.parametrize(
    ("prefix", "what"),
    [
        ("aaa", "no finding has an id that begins (with 4 digits or more) with 'aaa'"),
        ("aaaa", "2 findings begin with 'aaaa'"),
        ("dddd", "no finding has an id that begins (with 4 digits or more) with 'dddd'"),
        ("aaaa100000000000f", "no finding has an id that begins (with 4 digits or more) with 'aaaa100000000000f'"),
    ],
)
def test_ids_that_name_no_finding(workspace: Workspace, prefix: str, what: str) -> None:
    keep(workspace, [ABLE, BAKER, CHARLIE], [DAY])
    with pytest.raises(UsageError) as caught:
        close(workspace, ["bbbb2", prefix], "benign", "mine", "ann")
    assert caught.value.what == what
    assert (log(workspace), {each[1] for each in states(workspace)}) == ([], {"open"})


def test_beginnings_of_ids(workspace: Workspace) -> None:
    keep(workspace, [ABLE, BAKER, CHARLIE], [DAY])
    found = named(findings(workspace), ["AAAA3", "bbbb", "bbbb200000000000"])
    assert [each.finding_id for each in found] == ["aaaa300000000000", "bbbb200000000000"]


def test_no_such_verdict(workspace: Workspace) -> None:
    keep(workspace, [ABLE], [DAY])
    with pytest.raises(UsageError, match="'fine' is no verdict"):
        close(workspace, ["aaaa1"], "fine", "mine", "ann")


SHOWN = """\
aaaa100000000000  open; medium, score 70, rank 1 of 2026-02-16, confidence 0.90

  what happened

  time        2026-02-16 10:00:00 to 2026-02-16 10:30:00 UTC
  hosts       10.0.1.1 (workstation) -> 10.0.1.2 (server)
              10.0.1.1 (workstation) -> 10.0.1.3 (unknown)
  service     svcctl (decoded)
  techniques  T1021

why (points; they sum to the score)
  +70         new pair: they had not met

evidence
  2026-02-16 10:00:00  CreateServiceW of svcctl (T1021, weight 0.7); PSEXESVC;
                       C:\\windows\\psexesvc.exe; conn.log, flow C1
  2026-02-16 10:00:01  10.0.1.1:50000 -> 10.0.1.2:49664, svcctl, mapper; conn.log, flow C2

check next
  - ask whose it is

benign if
  - it is an administrator's

what the baseline knows
  days learned: 2, from 2026-02-14 to 2026-02-15; findings that nobody called benign are held back
  10.0.1.1 -> 10.0.1.2: met on 2 of these, from 2026-02-14 to 2026-02-15; connections: 4
  10.0.1.1 -> 10.0.1.3: never met on days that count

other findings of these hosts
  2026-02-13 10:00:00  bbbb200000000000, benign, score 40: what happened
"""


def test_all_about_a_finding(workspace: Workspace) -> None:
    learn(workspace, [("10.0.1.1", "10.0.1.2", DAY - 2), ("10.0.1.1", "10.0.1.2", DAY - 1)])
    seen = {"source": "conn.log", "src_ip": "10.0.1.1", "dest_ip": "10.0.1.2"}
    deed = {
        "operation": "CreateServiceW",
        "service": "svcctl",
        "technique": "T1021",
        "weight": 0.7,
        "start_time": at(10),
    }
    more = {"target": "PSEXESVC", "image_path": "C:\\windows\\psexesvc.exe", "flow_id": "C1"}
    flow = {"start_time": at(10 + 1 / 3600), "src_port": 50000, "dest_port": 49664, "basis": "mapper", "flow_id": "C2"}
    story = finding(
        "aaaa1",
        score=70.0,
        service="svcctl",
        others=[("10.0.1.1", "10.0.1.3")],
        detections=[seen | deed | more],
        evidence=[seen | flow | {"service": "svcctl"}],
    )
    keep(workspace, [story, finding("bbbb2", first=at(10, DAY - 3))], [DAY])
    close(workspace, ["bbbb2"], "benign", "was none", "ann")
    set_roles(workspace, {"10.0.1.1": "workstation", "10.0.1.2": "server"})
    (found,) = named(findings(workspace), ["aaaa1"])
    assert as_text(found, history(workspace, found), 100) == SHOWN


def test_what_is_left_out_of_a_long_story_is_counted(workspace: Workspace) -> None:
    others = [("10.0.1.1", f"10.0.2.{number}") for number in range(1, 12)]
    deeds = [("svcctl", "CreateServiceW", 0.7)] * 22
    keep(workspace, [finding("aaaa1", summary="x" * 2405, others=others, deeds=deeds)], [DAY])
    keep(workspace, [finding(f"{number:04}b", "10.0.1.1", "10.0.1.2", first=at(number)) for number in range(11)], [DAY])
    (found,) = named(findings(workspace), ["aaaa1"])
    lines = as_text(found, history(workspace, found), 100).splitlines()
    counted = [line.strip(" x…") for line in lines if " more" in line]
    assert counted == [
        "(5 more characters)",
        "and 2 more pairs (--format json)",
        "and 2 more (--format json)",
        "and 1 more",
    ]
    assert max(map(len, lines)) <= 100


def test_the_log_of_a_finding_is_told(workspace: Workspace) -> None:
    keep(workspace, [ABLE], [DAY])
    close(workspace, ["aaaa1"], "benign", "mine", "ann")
    (found,) = findings(workspace)
    told = as_text(found, history(workspace, found), 60).split("\n\n")
    assert told[-2] == "what the baseline knows\n  nothing: no days were learned (rpcsight learn)"
    lines = told[-1].splitlines()
    assert (lines[0], lines[1][23:], len(lines)) == ("log", "ann: closed as benign: mine", 2)


def test_pairs_follow_a_verdict_at_once_and_the_rest_before_the_next_hunt(tmp_path: Path) -> None:
    others = [(f"10.0.1.{number}", "10.0.1.2", day) for number in range(4, 8) for day in range(DAY - 3, DAY + 1)]
    with workspace_at(tmp_path) as there:
        learn(there, [("10.0.1.1", "10.0.1.2", DAY), ("10.0.1.1", "10.0.1.3", DAY - 1), *others])
        keep(there, [finding("aaaa1"), finding("bbbb2", "10.0.1.9", "10.0.1.8")], [DAY])
    tables = [f"from {name} order by all" for name in BASELINE]
    for verdict, pairs in (("benign", 6), ("malicious", 5)):
        with Workspace(there.path) as changed:
            close(changed, ["aaaa1", "bbbb2"], verdict, "checked", "ann")
            at_once = [changed.rows(sql) for sql in tables[:2]]
            due = [{"src_ip": "10.0.1.1", "dest_ip": "10.0.1.2"}]
            assert (len(known(changed)), changed.rows("select distinct src_ip, dest_ip from unsettled")) == (pairs, due)
        settle_due(there.path)
        settle_due(there.path)
        with Workspace(there.path) as settled:
            assert (settled.rows("from unsettled"), [settled.rows(sql) for sql in tables[:2]]) == ([], at_once)
            after = [settled.rows(sql) for sql in tables]
            with settled.store.transaction():
                settled.settle()
            assert [settled.rows(sql) for sql in tables] == after

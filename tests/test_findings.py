"""Findings: what hunt makes of activities, on our own recording and on stories made up by hand."""

import json
import random
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest

import rpcsight
from rpcsight.findings import Finding, Reason, as_table, overview
from rpcsight.findings._arrow import FINDING_SCHEMA
from rpcsight.findings.group import findings_of, stable_id
from rpcsight.findings.score import confidence, reasons, severity
from rpcsight.hunting import Hunt
from rpcsight.schema import FINDING, RPC_ACTIVITY, names
from rpcsight.writers import Look, jsonl
from tests.recording import CONTROLLERS, NFDUMP, PARQUET, truth

NOON = datetime(2026, 11, 21, 12)
STORY: dict[str, Any] = {
    "src_ip": "10.0.0.1",
    "dest_ip": "10.0.0.2",
    "activities": 1,
    "by_mapper": 1,
    "by_strict": 1,
    "least_gap_s": 0.01,
    "by_decoded": 0,
    "unnamed": 0,
    "ports": 1,
    "lowest_port": 49664,
    "highest_port": 49664,
    "first_time": NOON,
    "last_time": NOON,
    "attempts": 0,
    "clients": 1,
    "all_clients": 9,
    "servers": 1,
    "client_activities": 1,
    "fan_out": 1,
    "service": None,
    "tier": None,
    "server_calls_busiest": 0,
    "since_client_s": 0.0,
    "span_s": 100.0,
}
ALONE = ("few_clients", 27.0, "no other client in this input uses this server for RPC")
ONLY = ("rare_for_client", 5.0, "1 of the client's 1 RPC connections went there")


def parts(**changes: Any) -> list[tuple[str, float, str]]:
    return [(each.name, each.points, each.text) for each in reasons(STORY | changes)]


@pytest.fixture(scope="module")
def found() -> Hunt:
    return rpcsight.hunt(PARQUET)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, [ALONE, ONLY]),
        ({"clients": 4}, [("few_clients", 18.0, "4 of 9 clients use this server for RPC"), ONLY]),
        ({"all_clients": 1}, [("few_clients", 15.0, ALONE[2]), ONLY]),
        (
            {"server_calls_busiest": 3},
            [ALONE, ("peer", 25.0, "the server looks like a workstation: it is itself a client of a server with 3 clients"), ONLY],
        ),
        ({"server_calls_busiest": 2}, [ALONE, ONLY]),
        (
            {"fan_out": 5},
            [ALONE, ("fan_out", 8.0, "the client reached 5 servers for the first time within 5 minutes"), ONLY],
        ),
        (
            {"fan_out": 40, "clients": 5},
            [
                ("few_clients", 15.0, "5 of 9 clients use this server for RPC"),
                ("fan_out", 10.0, "the client reached 40 servers for the first time within 5 minutes"),
                ONLY,
            ],
        ),
        ({"fan_out": 2}, [ALONE, ONLY]),
        (
            {"client_activities": 4, "since_client_s": 90.0},
            [
                ALONE,
                ("new", 9.0, "first seen 1.5 min after the client's first RPC"),
                ("rare_for_client", 8.0, "1 of the client's 4 RPC connections went there"),
            ],
        ),
        (
            {"client_activities": 3, "since_client_s": 90.0},
            [ALONE, ("rare_for_client", 7.5, "1 of the client's 3 RPC connections went there")],
        ),
        (
            {"attempts": 1, "client_activities": 2},
            [
                ALONE,
                ("attempts", 5.0, "1 connection after a mapper answer not answered"),
                ("rare_for_client", 3.3, "2 of the client's 2 RPC connections went there"),
            ],
        ),
        (
            {"attempts": 2, "client_activities": 3},
            [
                ALONE,
                ("attempts", 5.0, "2 connections after a mapper answer not answered"),
                ("rare_for_client", 2.5, "3 of the client's 3 RPC connections went there"),
            ],
        ),
    ],
)  # fmt: skip
def test_reasons(changes: dict[str, Any], wanted: list[tuple[str, float, str]]) -> None:
    assert parts(**changes) == wanted


@pytest.mark.parametrize(("seconds", "said"), [(59, "59 s"), (60, "1.0 min"), (5400, "1.5 h"), (216_000, "2.5 d")])
def test_lengths_in_words(seconds: float, said: str) -> None:
    texts = {name: text for name, _, text in parts(client_activities=9, since_client_s=seconds, span_s=seconds)}
    assert texts["new"] == f"first seen {said} after the client's first RPC"


@pytest.mark.parametrize(
    ("score", "word"),
    [(100.0, "high"), (65.0, "high"), (64.9, "medium"), (50.0, "medium"), (49.9, "low"), (30.0, "low"), (29.9, "info"), (0.0, "info")],
)  # fmt: skip
def test_severity(score: float, word: str) -> None:
    assert severity(score) == word


@pytest.mark.parametrize(
    ("changes", "sure"),
    [
        ({}, 0.9),
        ({"by_strict": 0}, 0.8),
        ({"least_gap_s": 0.51}, 0.7),
        ({"by_strict": 0, "least_gap_s": 0.51}, 0.7),
        ({"by_mapper": 0, "by_strict": 0, "least_gap_s": None}, 0.5),
    ],
)
def test_confidence(changes: dict[str, Any], sure: float) -> None:
    assert confidence(STORY | changes) == sure


def test_scores_are_sums_within_bounds_whatever_the_story() -> None:
    choose = random.Random(2).choice
    for _ in range(500):
        everyone, total, span = choose((1, 2, 50)), choose((1, 5, 1000)), choose((0.0, 1.0, 1e6))
        story = STORY | {
            "all_clients": everyone,
            "clients": choose((1, everyone)),
            "client_activities": total,
            "activities": choose((1, total)),
            "fan_out": choose((1, 3, 10, 99)),
            "server_calls_busiest": choose((0, 3, 1000)),
            "attempts": choose((0, 7)),
            "span_s": span,
            "since_client_s": choose((0.0, span)),
        }
        (finding,) = findings_of([story], [])
        assert 0 <= finding.score <= 100
        assert finding.score == round(sum(reason.points for reason in finding.reasons), 1)
        assert finding.severity == severity(finding.score)
        points = [reason.points for reason in finding.reasons]
        assert points == sorted(points, reverse=True)
        assert min(points) > 0


@pytest.mark.parametrize(
    ("changes", "summary"),
    [
        (
            {},
            "10.0.0.1 used RPC on 10.0.0.2 once (port 49664) after asking its endpoint mapper, at 2026-11-21 12:00:00 UTC",
        ),
        (
            {"activities": 7, "ports": 2, "highest_port": 49670, "last_time": NOON + timedelta(hours=1), "attempts": 1},
            "10.0.0.1 used RPC on 10.0.0.2 7 times (2 ports, 49664 to 49670) after asking its endpoint mapper, "
            "from 2026-11-21 12:00:00 to 2026-11-21 13:00:00 UTC; 1 more connection was not answered",
        ),
        (
            {"activities": 0, "by_mapper": 0, "attempts": 2, "least_gap_s": None},
            "10.0.0.1 asked the endpoint mapper of 10.0.0.2, and 2 connections were not answered (port 49664), "
            "at 2026-11-21 12:00:00 UTC",
        ),
        (
            {"by_mapper": 0, "attempts": 3, "least_gap_s": None},
            "10.0.0.1 used RPC on 10.0.0.2 once (port 49664) on a port known as an RPC endpoint, "
            "at 2026-11-21 12:00:00 UTC; 3 more connections were not answered",
        ),
    ],
)
def test_a_summary_in_words(changes: dict[str, Any], summary: str) -> None:
    assert findings_of([STORY | changes], [])[0].summary == summary


def test_findings_are_ordered_by_score_then_hosts_with_their_evidence() -> None:
    pairs = [("10.0.0.9", "b", 0), ("10.0.0.1", "b", 0), ("10.0.0.1", "a", 0), ("10.0.0.5", "a", 1)]
    stories = [
        STORY | {"src_ip": src, "dest_ip": dest, "attempts": tried, "client_activities": 1 + tried}
        for src, dest, tried in pairs
    ]
    evidence = [{"src_ip": "10.0.0.1", "dest_ip": "b", "flow_id": flow} for flow in ("C1", "C2")]
    ranked = findings_of(stories, evidence)
    assert [(each.src_ip, each.dest_ip, [row["flow_id"] for row in each.evidence]) for each in ranked] == [
        ("10.0.0.5", "a", []),
        ("10.0.0.1", "a", []),
        ("10.0.0.1", "b", ["C1", "C2"]),
        ("10.0.0.9", "b", []),
    ]


def test_ids_are_stable() -> None:
    assert stable_id("10.77.0.22", "10.77.0.21", None) == "7f561db627b14bb7"
    ids = {stable_id(*names) for names in (("a", "b", None), ("b", "a", None), ("ab", "", None), ("a", "b", "c"))}
    assert len(ids) == 4


# --- on our own recording


def test_lateral_movement_ranks_above_everything_that_goes_only_to_controllers(found: Hunt) -> None:
    ranks = {(each.src_ip, each.dest_ip): place for place, each in enumerate(found)}
    lateral = {
        (row["src_ip"], row["dest_ip"])
        for row in truth()
        if row["action"].startswith("lateral-") and row["kind"] == "endpoint" and row["dest_ip"] not in CONTROLLERS
    }
    ordinary = [place for pair, place in ranks.items() if pair[1] in CONTROLLERS]
    assert len(lateral) == 5
    assert max(ranks[pair] for pair in lateral) < min(ordinary)
    assert (found[0].dest_ip not in CONTROLLERS, found[0].severity) == (True, "high")


def test_every_true_pair_is_a_finding_and_decoys_and_attempts_are_the_only_others(found: Hunt) -> None:
    def pairs(wanted: Callable[[dict[str, str]], bool]) -> set[tuple[str, str]]:
        return {(row["src_ip"], row["dest_ip"]) for row in truth() if wanted(row)}

    true = pairs(lambda row: row["kind"] == "endpoint")
    others = pairs(lambda row: row["kind"] in {"decoy", "attempt"})
    assert true <= {(each.src_ip, each.dest_ip) for each in found} <= true | others


def test_both_forms_of_the_recording_give_the_same_findings(found: Hunt) -> None:
    def gist(each: Finding) -> tuple[Any, ...]:
        return each.finding_id, each.activities, each.attempts, round(each.score)

    assert sorted(map(gist, rpcsight.hunt(NFDUMP))) == sorted(map(gist, found))


def test_a_pair_with_attempts_only_is_a_finding(found: Hunt) -> None:
    (tried,) = [each for each in found if not each.activities]
    assert (tried.src_ip, tried.dest_ip, tried.attempts, tried.confidence) == ("10.77.0.21", "10.77.0.24", 1, 0.4)
    assert [(row["basis"], row["is_robust"], row["mapper_id"]) for row in tried.evidence] == [("attempt", False, None)]
    assert "1 connection" not in tried.summary
    assert "a connection was not answered" in tried.summary


def test_evidence_is_the_first_activities(found: Hunt) -> None:
    rows = rpcsight.run("rpc-activity", PARQUET).to_pylist()
    for each in (each for each in found if each.activities and not each.attempts):
        of_pair = [row for row in rows if (row["src_ip"], row["dest_ip"]) == (each.src_ip, each.dest_ip)]
        assert list(each.evidence) == of_pair[:5]
        assert (each.activities, each.first_time, each.last_time) == (
            len(of_pair),
            of_pair[0]["start_time"],
            of_pair[-1]["start_time"],
        )
        assert each.score == round(sum(reason.points for reason in each.reasons), 1)


def test_json_has_the_keys_of_the_schema(found: Hunt) -> None:
    out = BytesIO()
    jsonl.write(as_table(list(found)), out, Look())
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [row["finding_id"] for row in rows] == [each.finding_id for each in found]
    assert {tuple(row) for row in rows} == {tuple(FINDING_SCHEMA.names)}
    assert set(names(FINDING)) <= set(FINDING_SCHEMA.names)
    assert {tuple(part) for row in rows for part in row["evidence"]} == {tuple(names(RPC_ACTIVITY))}
    assert {tuple(part) for row in rows for part in row["reasons"]} == {("name", "points", "text")}


def test_tables_of_no_findings_keep_their_shape() -> None:
    assert as_table([]).equals(FINDING_SCHEMA.empty_table())
    assert overview([]).num_rows == 0


def overviewed(*points: float) -> tuple[str, str]:
    """Score and reasons as people see them, of a finding with these parts."""
    finding = findings_of([STORY], [])[0]
    parts = tuple(Reason(f"r{place}", each, f"r{place}") for place, each in enumerate(points))
    (row,) = overview([replace(finding, reasons=parts, score=round(sum(points), 1))]).to_pylist()
    return row["score"], row["why"]


@pytest.mark.parametrize(
    ("points", "score", "why"),
    [
        ((22.0, 5.0), "27", "r0 (+22); r1 (+5)"),
        ((22.0, 5.0, 3.1, 0.9), "31", "r0 (+22); r1 (+5); and smaller ones (+4)"),
        ((22.5, 5.0), "28", "r0 (+23); r1 (+5)"),  # neither rounds up by itself
        ((22.4, 5.4, 0.4), "28", "r0 (+22); r1 (+6)"),
        ((10.6, 7.6, 6.6), "25", "r0 (+11); r1 (+8); r2 (+6)"),
        ((0.9,), "1", "nothing unusual in this input (+1)"),
        ((0.4,), "0", "nothing unusual in this input"),
        ((), "0", "nothing unusual in this input"),
    ],
)
def test_an_overview_gives_reasons_that_add_up(points: tuple[float, ...], score: str, why: str) -> None:
    assert overviewed(*points) == (score, why)


def test_an_overview_adds_up_whatever_the_parts() -> None:
    some = random.Random(3)
    for _ in range(500):
        score, why = overviewed(*(round(some.uniform(0.1, 30), 1) for _ in range(some.randrange(7))))
        assert sum(map(int, re.findall(r"\(\+(\d+)\)", why))) == int(score)


def test_an_overview_has_a_few_columns() -> None:
    (row,) = overview(findings_of([STORY | {"all_clients": 3}], [])).to_pylist()
    wanted = {"severity": "info", "client": "10.0.0.1", "server": "10.0.0.2", "conns": 1, "first": "2026-11-21 12:00"}
    assert row == {"score": "28", **wanted, "why": f"{ALONE[2]} (+23); {ONLY[2]} (+5)"}

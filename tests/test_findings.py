"""Findings of our own recording, whose truth is known."""

import json
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

import rpcsight
from rpcsight.findings import Finding, as_table
from rpcsight.findings._arrow import FINDING_SCHEMA
from rpcsight.findings.score import PARTS
from rpcsight.hunting import Hunt
from rpcsight.schema import DETECTION, FINDING, RPC_ACTIVITY, names
from rpcsight.writers import Look, jsonl
from tests.recording import CONTROLLERS, NFDUMP, PARQUET, truth

Pairs = set[tuple[str | None, str | None]]


@pytest.fixture(scope="module")
def found() -> Hunt:
    return rpcsight.hunt(PARQUET, budget=0)


def pairs(each: Finding) -> Pairs:
    return {(pair.src_ip, pair.dest_ip) for pair in each.pairs}


def true_pairs(wanted: Callable[[dict[str, str]], bool]) -> Pairs:
    return {(row["src_ip"], row["dest_ip"]) for row in truth() if wanted(row)}


def test_lateral_movement_ranks_above_everything_that_goes_only_to_controllers(found: Hunt) -> None:
    lateral = true_pairs(
        lambda row: (
            row["action"].startswith("lateral-") and row["kind"] == "endpoint" and row["dest_ip"] not in CONTROLLERS
        )
    )
    scores = {(pair.src_ip, pair.dest_ip): pair.score for each in found for pair in each.pairs}
    ordinary = [score for pair, score in scores.items() if pair[1] in CONTROLLERS]
    assert len(lateral) == 5
    assert min(scores[pair] for pair in lateral) > max(ordinary)
    last = max(place for place, each in enumerate(found) if pairs(each) & lateral)
    assert last < min(
        place for place, each in enumerate(found) if all(pair.dest_ip in CONTROLLERS for pair in each.pairs)
    )
    assert (found[0].dest_ip not in CONTROLLERS, found[0].severity) == (True, "medium")


def test_every_true_pair_is_in_a_finding_and_decoys_and_attempts_are_the_only_others(found: Hunt) -> None:
    true = true_pairs(lambda row: row["kind"] == "endpoint")
    others = true_pairs(lambda row: row["kind"] in {"decoy", "attempt"})
    told = [pair for each in found for pair in pairs(each)]
    assert len(set(told)) == len(told)
    assert true <= set(told) <= true | others


def test_both_forms_of_the_recording_give_the_same_findings(found: Hunt) -> None:
    def gist(each: Finding) -> tuple[Any, ...]:
        return each.finding_id, each.rank, each.activities, each.attempts, each.score, pairs(each)

    assert list(map(gist, rpcsight.hunt(NFDUMP, budget=0))) == list(map(gist, found))


def test_a_pair_with_attempts_only_is_told(found: Hunt) -> None:
    (tried,) = [
        (each, pair)
        for each in found
        for pair in each.pairs
        if (pair.src_ip, pair.dest_ip) == ("10.77.0.21", "10.77.0.24")
    ]
    rows = [row for row in tried[0].evidence if (row["src_ip"], row["dest_ip"]) == ("10.77.0.21", "10.77.0.24")]
    assert [(row["basis"], row["is_robust"], row["mapper_id"]) for row in rows] == [("attempt", False, None)]


def test_evidence_is_the_first_activities_of_each_pair(found: Hunt) -> None:
    rows = rpcsight.run("rpc-activity", PARQUET).to_pylist()
    tried = rpcsight.run("rpc-attempts", PARQUET).to_pylist()
    activities = Counter((row["src_ip"], row["dest_ip"]) for row in rows)
    attempts = Counter((row["src_ip"], row["dest_ip"]) for row in tried)
    for each in found:
        told = [row for row in each.evidence if row["basis"] != "attempt"]
        of_pairs = [
            [row for row in rows if (row["src_ip"], row["dest_ip"]) == (pair.src_ip, pair.dest_ip)][:5]
            for pair in each.pairs
        ]
        assert told == [row for of_pair in of_pairs for row in of_pair]
        assert each.activities == sum(activities[pair] for pair in pairs(each))
        assert each.attempts == sum(attempts[pair] for pair in pairs(each))
        lead = each.pairs[0]
        own = [pair for pair in each.pairs if pair.dest_ip != lead.dest_ip or pair.src_ip == lead.src_ip]
        ends = {(pair.src_ip, pair.dest_ip) for pair in own}
        begun = [row["start_time"] for row in each.evidence if (row["src_ip"], row["dest_ip"]) in ends]
        assert each.first_time == min(pair.first_time for pair in own) <= min(begun)
        assert each.last_time == max(pair.last_time for pair in own)


def test_a_finding_begins_with_its_most_unusual_pair_and_has_its_score(found: Hunt) -> None:
    for place, each in enumerate(found, 1):
        scores = [pair.score for pair in each.pairs]
        assert (each.rank, each.day) == (place, "2026-11-21")
        assert (each.src_ip, each.dest_ip, each.score) == (each.pairs[0].src_ip, each.pairs[0].dest_ip, scores[0])
        assert scores == sorted(scores, reverse=True)
        assert each.score == round(sum(reason.points for reason in each.reasons), 1)
        assert {reason.name for reason in each.reasons} <= set(PARTS)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


def test_json_has_the_keys_of_the_schema(found: Hunt) -> None:
    out = BytesIO()
    jsonl.write(as_table(list(found)), out, Look())
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [row["finding_id"] for row in rows] == [each.finding_id for each in found]
    assert {tuple(row) for row in rows} == {tuple(names(FINDING))} == {tuple(FINDING_SCHEMA.names)}
    assert {tuple(part) for row in rows for part in row["evidence"]} == {tuple(names(RPC_ACTIVITY))}
    assert {tuple(part) for row in rows for part in row["detections"]} == {tuple(names(DETECTION))}
    assert {tuple(part) for row in rows for part in row["reasons"]} == {("name", "points", "text")}
    assert {tuple(part) for row in rows for part in row["pairs"]} == {
        ("src_ip", "dest_ip", "first_time", "last_time", "score", "src_host", "dest_host")
    }

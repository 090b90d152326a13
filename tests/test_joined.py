"""Stories that become one finding, and findings from them: order, ranks, pairs, ids, what they say."""

import random
from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from rpcsight.findings import Finding, Pair, Reason, as_table, overview
from rpcsight.findings._arrow import FINDING_SCHEMA
from rpcsight.findings.group import findings_of, stable_id
from rpcsight.findings.join import MOST, joined
from tests.oracles.joined import joined as slowly_joined
from tests.stories import DEED, HOUR, NOON, NOON_DAY, NOON_US, STORY, met

LATER = {"went_on_points": 3.0}
REACHED = {"reached_points": 3.0}


def groups(stories: Iterable[dict[str, Any]]) -> list[list[str]]:
    """Groups as texts a>b, in order."""
    return [[f"{each['src_ip']}>{each['dest_ip']}" for each in group] for group in joined(stories)]


# --- what belongs together


def test_what_a_client_begins_on_a_day_is_one() -> None:
    assert groups([met("a", "b"), met("a", "c", 719), met("a", "d", -720), met("a", "e", 720)]) == [
        ["a>b", "a>c", "a>d"],
        ["a>e"],
    ]


def test_whoever_begins_with_the_server_on_the_day_belongs_to_it() -> None:
    assert groups([met("a", "b"), met("x", "b", 600), met("y", "b", 720), met("z", "c")]) == [
        ["a>b", "x>b"],
        ["y>b"],
        ["z>c"],
    ]


def test_only_the_server_of_the_most_unusual_gathers_clients() -> None:
    assert groups([met("a", "b"), met("a", "c"), met("x", "c"), met("x", "d"), met("y", "d")]) == [
        ["a>b", "a>c"],
        ["x>c", "x>d"],
        ["y>d"],
    ]
    assert groups([met("a", "b", is_new=False), met("x", "b")]) == [["a>b"], ["x>b"]]


def test_what_a_gathered_client_begins_belongs_to_it() -> None:
    assert groups([met("a", "b"), met("x", "b"), met("x", "c", 30)]) == [["a>b", "x>b", "x>c"]]


def test_the_client_decides_then_the_server() -> None:
    assert groups([met("a", "b"), met("c", "d"), met("c", "b"), met("x", "b"), met("x", "d")]) == [
        ["a>b", "x>b", "x>d"],
        ["c>d", "c>b"],
    ]


def test_known_ones_and_those_nobody_tells_stand_alone() -> None:
    known = {"is_new": False}
    assert groups([met("a", "b", **known), met("a", "c")]) == [["a>b"], ["a>c"]]
    assert groups([met("a", "b"), met("a", "c", **known)]) == [["a>b"], ["a>c"]]
    assert groups([met("", "b"), met("", "c"), met("a", ""), met("a", "", 720)]) == [[">b"], [">c"], ["a>"], ["a>"]]


@pytest.mark.parametrize("is_new", [True, False])
def test_the_same_two_on_the_same_day_are_one(is_new: bool) -> None:
    day = [met("a", "b", minutes, is_new=is_new) for minutes in (-720, 600, 780)]
    assert [[each["first_us"] for each in group] for group in joined(day)] == [
        [NOON_US - 12 * HOUR, NOON_US + 10 * HOUR],
        [NOON_US + 13 * HOUR],
    ]
    ids = [each.finding_id for each in findings_of(joined(day))]
    assert len(set(ids)) == 2


@pytest.mark.parametrize(
    ("first", "then", "is_one"),
    [
        (met("a", "b", **LATER), met("b", "c", 600, **REACHED), True),
        (met("a", "b", **LATER), met("b", "c", 1440, **REACHED), True),
        (met("a", "b", **LATER), met("b", "c", 1440.1, **REACHED), False),
        (met("a", "b"), met("b", "c", 600, **REACHED), False),
        (met("a", "b", **LATER), met("b", "c", 600), False),
        (met("a", "b", 600, **LATER), met("b", "c", **REACHED), False),
        (met("a", "b", **LATER), met("b", "a", 600, **REACHED), False),
        (met("a", "b", **LATER), met("c", "b", 1440, **REACHED), False),
        (met("a", "b", **LATER), met("b", "c", 600, **REACHED, is_new=False), False),
    ],
)
def test_a_chain_is_one(first: dict[str, Any], then: dict[str, Any], is_one: bool) -> None:
    one, two = (f"{each['src_ip']}>{each['dest_ip']}" for each in (first, then))
    assert groups([first, then]) == ([[one, two]] if is_one else [[one], [two]])
    assert groups([then, first]) == ([[two, one]] if is_one else [[two], [one]])


def test_a_chain_of_a_fan_out_is_one() -> None:
    both = LATER | REACHED
    steps = [met("b", "c", 300, **both), met("a", "b", **LATER), met("c", "d", 600, **REACHED), met("a", "x", 30)]
    assert groups(steps) == [["b>c", "a>b", "c>d", "a>x"]]


def test_a_group_has_its_limit() -> None:
    sizes = [len(group) for group in groups(met("a", f"s{number}") for number in range(2 * MOST + 5))]
    assert sizes == [MOST, MOST, 5]


def test_no_story_is_lost() -> None:
    stories = [
        met(f"h{one}", f"h{two}", 7 * one - two, **LATER, **REACHED)
        for one in range(12)
        for two in range(12)
        if one != two
    ]
    told = [name for group in groups(stories) for name in group]
    assert sorted(told) == sorted(f"{each['src_ip']}>{each['dest_ip']}" for each in stories)


# --- findings


def test_a_finding_says_all_of_its_group() -> None:
    lead = met(
        "10.0.0.1", "10.0.0.2", 10, activities=3, attempts=1, smb=2, last_us=NOON_US + HOUR, ports=2, highest_port=49670
    )
    other = met("10.0.0.1", "10.0.0.3", activities=2, score=20.1, confidence=0.5)
    deed = {
        **DEED,
        "technique": "T1021",
        "analytic": "forged",
        "src_ip": "10.0.0.1",
        "dest_ip": "10.0.0.3",
        "weight": 0.3,
    }
    activity = {"src_ip": "10.0.0.1", "dest_ip": "10.0.0.2", "story_no": 1, "flow_id": "C1"}
    detail = {name: lead[name] for name in ("src_ip", "dest_ip", "story_no", "ports", "lowest_port", "highest_port")}
    (found,) = findings_of(
        [[lead, other]], [detail], [activity], [DEED, deed], {"dcsync": ["D3-X"], "unused": ["D3-Y"]}
    )
    done = [{name: value for name, value in each.items() if name != "story_no"} for each in (DEED, deed)]
    said = "DRSGetNCChanges of drsuapi (T1003.006)"
    assert found == Finding(
        finding_id=stable_id("10.0.0.1", "10.0.0.2", "2026-11-21"),
        day="2026-11-21",
        rank=1,
        src_ip="10.0.0.1",
        dest_ip="10.0.0.2",
        src_host=None,
        dest_host=None,
        client_role="workstation",
        server_role="workstation",
        service="drsuapi",
        tier="decoded",
        techniques=("T1003.006", "T1021"),
        d3fend=("D3-RTA", "D3-X"),
        score=34.7,
        severity="high",
        confidence=1.0,
        first_time=NOON,
        last_time=NOON + timedelta(hours=1),
        activities=5,
        attempts=1,
        smb=2,
        summary="10.0.0.1 used RPC on 10.0.0.2 3 times (2 ports, 49664 to 49670) after asking its endpoint mapper, "
        f"from 2026-11-21 12:10:00 to 2026-11-21 13:00:00 UTC; 1 more connection was not answered; beside it, SMB 2 times; {said}; "
        "that day also on 10.0.0.3",
        reasons=(
            Reason("server", 20.0, found.reasons[0].text),
            Reason("client", 15.2, found.reasons[1].text),
            Reason("confidence", -0.5, found.reasons[2].text),
        ),
        pairs=(
            Pair("10.0.0.1", "10.0.0.2", NOON + timedelta(minutes=10), NOON + timedelta(hours=1), 34.7),
            Pair("10.0.0.1", "10.0.0.3", NOON, NOON, 20.1),
        ),
        evidence=({"src_ip": "10.0.0.1", "dest_ip": "10.0.0.2", "flow_id": "C1"},),
        detections=tuple(done),
        next=found.next,
        benign_if=found.benign_if,
    )
    assert list(found.to_dict()) == [each.name for each in fields(Finding)] == FINDING_SCHEMA.names


def test_ranks_count_within_the_day_in_the_order_of_groups() -> None:
    stories = [met("a", "b"), met("c", "d", 1440), met("e", "f"), met("g", "h", 1440), met("i", "j", 1440)]
    found = findings_of([each] for each in stories)
    assert [(each.src_ip, each.day, each.rank) for each in found] == [
        ("a", "2026-11-21", 1),
        ("c", "2026-11-22", 1),
        ("e", "2026-11-21", 2),
        ("g", "2026-11-22", 2),
        ("i", "2026-11-22", 3),
    ]


def test_stories_of_one_pair_keep_their_own_rows() -> None:
    morning, evening = met("10.0.0.1", "10.0.0.2"), met("10.0.0.1", "10.0.0.2", 720, story_no=2)
    key = {"src_ip": "10.0.0.1", "dest_ip": "10.0.0.2"}
    rows = [{**key, "story_no": number, "flow_id": flow} for number, flow in ((1, "C1"), (1, "C2"), (2, "C3"))]
    details = [{**key, "story_no": 2, "service": "svcctl", "tier": "learned"}]
    found = findings_of([[evening], [morning]], details, rows, [DEED])
    assert [
        (each.rank, [row["flow_id"] for row in each.evidence], each.service, len(each.detections)) for each in found
    ] == [
        (1, ["C3"], "svcctl", 0),
        (1, ["C1", "C2"], "drsuapi", 1),
    ]


def test_techniques_are_those_done_the_weightiest_first() -> None:
    deeds = [{**DEED, "technique": name, "weight": weight} for name, weight in (("T1", 0.2), ("T2", 0.8), ("T1", 0.1))]
    (found,) = findings_of([[STORY]], detections=deeds)
    assert found.techniques == ("T2", "T1", "T1021")
    (calls,) = findings_of([[{**STORY, "activities": 0}]], detections=deeds)
    assert calls.techniques == ("T2", "T1")
    (bare,) = findings_of([[STORY]])
    assert (bare.techniques, bare.d3fend, bare.service, bare.tier, bare.evidence) == (
        ("T1021",),
        ("D3-RTA",),
        None,
        None,
        (),
    )


def test_ids_are_stable() -> None:
    assert stable_id("10.77.0.22", "10.77.0.21", "2026-11-21") == "7f8dd7a1437c9c63"
    names = (("a", "b", "c"), ("b", "a", "c"), ("ab", "", "c"), ("a", "b", "d"), ("a", "bc", ""))
    assert len({stable_id(*each) for each in names}) == len(names)


# --- in words


@pytest.mark.parametrize(
    ("changes", "summary"),
    [
        (
            {},
            "10.0.0.1 used RPC on 10.0.0.2 once (port 49664) after asking its endpoint mapper, at 2026-11-21 12:00:00 UTC",
        ),
        (
            {"activities": 7, "ports": 2, "highest_port": 49670, "last_us": NOON_US + HOUR, "attempts": 1},
            "10.0.0.1 used RPC on 10.0.0.2 7 times (2 ports, 49664 to 49670) after asking its endpoint mapper, "
            "from 2026-11-21 12:00:00 to 2026-11-21 13:00:00 UTC; 1 more connection was not answered",
        ),
        (
            {"activities": 0, "by_mapper": 0, "attempts": 2},
            "10.0.0.1 asked the endpoint mapper of 10.0.0.2, and 2 connections were not answered (port 49664), "
            "at 2026-11-21 12:00:00 UTC",
        ),
        (
            {"activities": 0, "by_mapper": 0, "attempts": 1},
            "10.0.0.1 asked the endpoint mapper of 10.0.0.2, and a connection was not answered (port 49664), "
            "at 2026-11-21 12:00:00 UTC",
        ),
        (
            {"activities": 0, "by_mapper": 0, "smb": 3},
            "10.0.0.1 connected to SMB of 10.0.0.2 3 times, in whose pipes RPC may run, at 2026-11-21 12:00:00 UTC",
        ),
        (
            {"activities": 0, "attempts": 2, "smb": 1},
            "10.0.0.1 connected to SMB of 10.0.0.2 once, in whose pipes RPC may run, at 2026-11-21 12:00:00 UTC; "
            "2 more connections were not answered",
        ),
        (
            {"by_mapper": 0, "attempts": 3},
            "10.0.0.1 used RPC on 10.0.0.2 once (port 49664) on a port known as an RPC endpoint, "
            "at 2026-11-21 12:00:00 UTC; 3 more connections were not answered",
        ),
        (
            {"by_mapper": 0, "by_decoded": 1},
            "10.0.0.1 used RPC on 10.0.0.2 once (port 49664) without asking its endpoint mapper, at 2026-11-21 12:00:00 UTC",
        ),
        (
            {"activities": 2, "unnamed": 1},
            "10.0.0.1 used RPC on 10.0.0.2 2 times (port 49664) after asking its endpoint mapper (the mapper had not named the "
            "port of 1 of these: that may be no RPC), at 2026-11-21 12:00:00 UTC",
        ),
    ],
)
def test_a_summary_in_words(changes: dict[str, Any], summary: str) -> None:
    assert findings_of([[STORY | changes]])[0].summary == summary


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ([], ""),
        ([met("10.0.0.1", "c")], "; that day also on c"),
        ([met("10.0.0.1", name) for name in "cdefg"], "; that day also on c, d, e and 2 more"),
        ([met("10.0.0.1", "c"), met("10.0.0.1", "c", 400)], "; that day also on c"),
        ([met("10.0.0.1", "10.0.0.2", 400)], "; and again with a break of hours"),
        ([met("10.0.0.2", "c")], "; 1 more step from or to these hosts"),
        (
            [met("10.0.0.1", "c"), met("c", "d"), met("x", "10.0.0.1")],
            "; that day also on c; 2 more steps from or to these hosts",
        ),
    ],
)
def test_a_summary_tells_what_belongs_to_it(others: list[dict[str, Any]], said: str) -> None:
    alone = findings_of([[STORY]])[0].summary
    assert findings_of([[STORY, *others]])[0].summary == alone + said


# --- tables


def test_tables_of_no_findings_keep_their_shape() -> None:
    assert as_table([]).equals(FINDING_SCHEMA.empty_table())
    assert overview([]).num_rows == 0


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ((22.0, 5.0), "r0 (+22); r1 (+5)"),
        ((22.6, 4.9, -3.0), "r0 (+23)"),
        ((4.9, 1.0), "nothing unusual"),
        ((), "nothing unusual"),
    ],
)
def test_an_overview_tells_the_reasons_that_matter(points: tuple[float, ...], why: str) -> None:
    (finding,) = findings_of([[STORY, met("10.0.0.1", "10.0.0.3")]])
    told = tuple(Reason(f"r{place}", each, f"r{place}") for place, each in enumerate(points))
    assert overview([replace(finding, reasons=told, src_ip=None, score=26.5)]).to_pylist() == [
        {
            "score": "26",
            "severity": "low",
            "client": "?",
            "server": "10.0.0.2",
            "pairs": "2",
            "first": "2026-11-21 12:00",
            "why": why,
        }
    ]


def test_days_are_of_the_story() -> None:
    (found,) = findings_of([[STORY | {"day": NOON_DAY + 1}]])
    assert (found.day, found.first_time) == ("2026-11-22", NOON)


@pytest.mark.parametrize("seed", range(300))
def test_what_is_found_by_host_and_time_is_what_looking_at_all_finds(seed: int) -> None:
    chance = random.Random(seed)
    hosts = ["", *"abcdefgh"[: chance.randrange(2, 9)]]
    minutes = chance.choice((240, 1800, 6000)) if seed % 5 else 20
    stories = [
        met(
            chance.choice(hosts),
            chance.choice(hosts),
            float(chance.choice((chance.randrange(minutes), chance.randrange(0, minutes, 60)))),
            is_new=chance.random() < 0.85,
            went_on_points=chance.choice((0.0, 3.0)),
            reached_points=chance.choice((0.0, 3.0)),
        )
        for _ in range(chance.randrange(1, 60) if seed % 5 else 450)
    ]
    assert joined(stories) == slowly_joined(stories)


def test_other_clients_of_the_server_do_not_stretch_a_finding() -> None:
    lead, other = met("10.0.0.1", "10.0.0.2", 10), met("10.0.0.9", "10.0.0.2", 400, last_us=NOON_US + 9 * HOUR)
    (found,) = findings_of([[lead, other]])
    assert (found.first_time, found.last_time) == (found.pairs[0].first_time, found.pairs[0].last_time)
    assert found.pairs[1].last_time > found.last_time

"""The parts of a score in words, their order and sum, and what severity they bear."""

import random
from typing import Any

import pytest

from rpcsight.analytics import all_analytics
from rpcsight.findings import Reason
from rpcsight.findings.advice import benign_if, next_steps
from rpcsight.findings.group import findings_of
from rpcsight.findings.score import PARTS, reasons, severity
from rpcsight.findings.words import summary
from tests.oracles.score import MADE_OF_MANY
from tests.stories import DAY, DEED, HOUR, MINUTE, NOON_US, SECOND, STORY, met

NEW_HOST = (
    *("client", 15.2),
    "the client, a workstation, begins to use a new host that is no server every 33 days",
)
RARE = ("server", 20.0, "one in 100 such beginnings would lead to this workstation; usually it is one in 40")
SURE = ("confidence", -0.5, "how sure it is that this is RPC: 0.9")


def parts(*deeds: dict[str, Any], **changes: Any) -> list[tuple[str, float, str]]:
    return [(each.name, each.points, each.text) for each in reasons(STORY | changes, deeds)]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, [RARE, NEW_HOST, SURE]),
        ({"confidence": 1.0, "confidence_points": 0.0}, [RARE, NEW_HOST]),
        (
            {"server_points": 15.2, "share": 0.03},  # as many points: in the order of the parts
            [NEW_HOST, ("server", 15.2, "one in 33 such beginnings would lead to this workstation; usually it is one in 40"), SURE],
        ),
        (
            {"server_points": 1.6, "share": 0.7},
            [NEW_HOST, ("server", 1.6, "most such beginnings would lead to this workstation; usually it is one in 40"), SURE],
        ),
        (
            {"others": 14},
            [
                (
                    *("server", 20.0),
                    "one in 100 such beginnings would lead to this workstation (14 others began to use it that day); usually "
                    "it is one in 40",
                ),
                NEW_HOST,
                SURE,
            ],
        ),
        (
            {"is_server": True, "server_role": "domain controller", "client_role": "scanner", "client_points": -5.1, "meets": 3.2},
            [
                ("server", 20.0, "one in 100 such beginnings would lead to this domain controller; usually it is one in 40"),
                SURE,
                ("client", -5.1, "the client, a scanner, begins to use a new server 3 times a day"),
            ],
        ),
        (
            {"seen_points": -10.0, "seen_days": 1},
            [RARE, NEW_HOST, SURE, ("seen", -10.0, "seen on 1 day before, of 14 on which the client was active")],
        ),
        (
            {"seen_points": -10.0, "held_days": 2},
            [
                RARE,
                NEW_HOST,
                SURE,
                ("seen", -10.0, "seen on 2 days before, held back from the baseline: a finding about it was not dismissed"),
            ],
        ),
        (
            {"seen_points": -30.4, "seen_days": 9, "is_new": False},
            [RARE, NEW_HOST, SURE, ("seen", -30.4, "seen on 9 days before, of 14 on which the client was active")],
        ),
        (
            {"endpoint_points": 6.0, "reach_points": 4.5, "hour_points": 9.9, "first_us": NOON_US - NOON_US % DAY + 3 * HOUR},
            [
                RARE,
                NEW_HOST,
                ("hour", 9.9, "from 03:00 to 03:59 UTC on such a day, hosts seldom begin to use new ones"),
                ("endpoint", 6.0, "it used an endpoint that the server's other clients do not use (hosts that manage others aside)"),
                ("reach", 4.5, "the two are in networks between which workstations seldom meet"),
                SURE,
            ],
        ),
        (
            {"fan_out_points": 16.0, "fan_out": 40},
            [RARE, ("fan_out", 16.0, "the client began to use 40 hosts new to it within an hour before and after"), NEW_HOST, SURE],
        ),
        (
            {"reached_points": 11.0, "reached_us": NOON_US - 90 * SECOND, "went_on_points": 8.0, "went_on_us": NOON_US + 90 * MINUTE},
            [
                RARE,
                NEW_HOST,
                ("reached", 11.0, "1.5 min before, the client had itself been reached by a host new to it"),
                ("went_on", 8.0, "1.5 h later, the server itself went on to a host new to it"),
                SURE,
            ],
        ),
        (
            {"activities": 0, "attempts": 1, "confidence": 0.4, "confidence_points": -4.0},
            [
                RARE,
                NEW_HOST,
                ("confidence", -4.0, "how sure it is that this is RPC: 0.4"),
            ],
        ),
    ],
)  # fmt: skip
def test_reasons(changes: dict[str, Any], wanted: list[tuple[str, float, str]]) -> None:
    assert parts(**changes) == wanted


def test_what_was_done_is_a_reason() -> None:
    done = ("technique", 17.5, "DRSGetNCChanges of drsuapi (T1003.006)")
    other = {**DEED, "operation": "DRSBind"}
    assert parts(DEED, other, technique_points=17.5) == [RARE, done, NEW_HOST, SURE]
    assert parts(technique_points=17.5)[1] == ("technique", 17.5, "what was done serves a technique")


def test_a_story_that_nobody_can_place_has_what_was_done_only() -> None:
    nothing = {f"{part}_points": 0.0 for part in PARTS}
    unplaced = {
        **STORY,
        **nothing,
        "meets": None,
        "share": None,
        "usual_tens": None,
        "technique_points": 9.0,
        "src_ip": "",
    }
    assert reasons(unplaced, (DEED,)) == (Reason("technique", 9.0, "DRSGetNCChanges of drsuapi (T1003.006)"),)


@pytest.mark.parametrize(
    ("meets", "said"),
    [
        (12.4, "12 times a day"),
        (1.5, "2 times a day"),
        (1.49, "about once a day"),
        (0.61, "about once a day"),
        (0.6, "every 2 days"),
        (0.1, "every 10 days"),
        (0.011, "every 91 days"),
        (0.01, "at most every 100 days"),
    ],
)
def test_how_often(meets: float, said: str) -> None:
    assert parts(meets=meets)[1][2] == f"the client, a workstation, begins to use a new host that is no server {said}"


@pytest.mark.parametrize(
    ("role", "said"),
    [
        ("workstation", "the client, a workstation of which no earlier day is known, is taken to begin"),
        (
            "administration host",
            "the client, an administration host of which no earlier day is known, is taken to begin",
        ),
        ("unknown", "the client, of which no earlier day is known, is taken to begin"),
    ],
)
def test_a_habit_that_nobody_saw_is_told_as_assumed(role: str, said: str) -> None:
    assert parts(client_days=0, client_role=role)[1][2] == f"{said} to use a new host that is no server every 33 days"


def test_reasons_are_ordered_and_sum_to_the_score_whatever_the_story() -> None:
    some = random.Random(2)
    for _ in range(500):
        points = {f"{part}_points": round(some.choice((0.0, some.uniform(-30, 30))), 1) for part in PARTS}
        total = round(sum(points.values()), 1)
        (finding,) = findings_of([[{**STORY, **points, "score": total, "reached_us": NOON_US, "went_on_us": NOON_US}]])
        told = [each.points for each in finding.reasons]
        assert {each.name for each in finding.reasons} == {part for part in PARTS if points[f"{part}_points"]}
        assert told == sorted(told, reverse=True)
        assert finding.score == total == round(sum(told), 1)


@pytest.mark.parametrize(
    ("client", "server", "said"),
    [
        ("unknown", "unknown", ("the client begins to use a new host that is no server every 33 days", "host")),
        (
            *("administration host", "scanner"),
            ("the client, an administration host, begins to use a new host that is no server every 33 days", "scanner"),
        ),
    ],
)
def test_roles_in_words(client: str, server: str, said: tuple[str, str]) -> None:
    texts = {name: text for name, _, text in parts(client_role=client, server_role=server)}
    assert (texts["client"], texts["server"].partition("this ")[2].partition(";")[0]) == said


@pytest.mark.parametrize(
    ("weight", "confidence", "pairs", "chain", "words"),
    [
        # severity at a score of 9.9, 10, 20 and 30 points
        (0.7, 1.0, 1, "", ("info", "low", "medium", "high")),
        (0.9, 0.77, 1, "", ("info", "low", "medium", "medium")),
        (0.4, 1.0, 1, "", ("info", "low", "medium", "medium")),
        (0.4, 0.99, 1, "", ("info", "low", "low", "low")),
        (0.0, 1.0, 4, "", ("info", "low", "low", "low")),
        (0.0, 1.0, 5, "", ("info", "low", "medium", "medium")),
        (0.0, 1.0, 2, "reached", ("info", "low", "medium", "medium")),
        (0.0, 1.0, 2, "went_on", ("info", "low", "medium", "medium")),
    ],
)
def test_severity(weight: float, confidence: float, pairs: int, chain: str, words: tuple[str, ...]) -> None:
    story = STORY | ({f"{chain}_points": 0.1} if chain else {})
    deeds = ({**DEED, "weight": weight, "confidence": confidence}, {**DEED, "weight": 0.1})
    assert tuple(severity({**story, "score": score}, deeds, pairs) for score in (9.9, 10.0, 20.0, 30.0)) == words
    assert severity({**STORY, "score": 1000.0}, (), 1) == "low"


# --- advice

WHO = "who was logged on to the client then, and which of its programs opened the connection (Sysmon 3, event 5156)"
LOG_ON = "the log-on on the server: event 4624 of type 3 from the client, with which account, and 4672 beside it"
PROGRAMS = "processes that began on the server in that minute under services.exe, svchost.exe or WmiPrvSE.exe (event 4688, Sysmon 1)"
REPLICATION = "who may replicate the directory, and event 4662 of the controller's Security log"
REGISTRY = "what changed in the server's registry: event 4657, Sysmon 13"
BEFORE = "what reached the client before: the finding's other pairs"
AFTER = "where the server went on to: the finding's other pairs"
SUPPORT = "somebody of support or administration used the client for work on the server, and says so"
PRINTER = "the server shares files or a printer, or runs an application that others use over DCOM"
MOVED = "a device was moved or renamed: the address belongs to another host than before"
PRODUCT = "a deployment, backup, inventory or monitoring product was installed that does this"


@pytest.mark.parametrize(
    ("changes", "services", "check", "benign"),
    [
        ({}, (), [WHO, LOG_ON, PROGRAMS], [SUPPORT, PRINTER, MOVED]),
        ({}, ("winreg", "drsuapi", "winreg"), [WHO, LOG_ON, REGISTRY, REPLICATION], [SUPPORT, PRINTER, MOVED, PRODUCT]),
        ({}, ("spoolss", None), [WHO, LOG_ON, PROGRAMS], [SUPPORT, PRINTER, MOVED, PRODUCT]),
        (
            {"is_server": True, "seen_days": 1, "client_role": "scanner", "reached_points": 1.0},
            (),
            [WHO, LOG_ON, PROGRAMS, BEFORE],
            ["the client is meant to be a scanner, and this is part of its work"],
        ),
        (
            {"is_server": True, "client_role": "administration host", "went_on_points": 1.0},
            (),
            [WHO, LOG_ON, PROGRAMS, AFTER],
            ["the client is meant to be an administration host, and this is part of its work", MOVED],
        ),
    ],
)
def test_advice(changes: dict[str, Any], services: tuple[str | None, ...], check: list[str], benign: list[str]) -> None:
    deeds = tuple({**DEED, "service": each} for each in services)
    assert list(next_steps(STORY | changes, deeds)) == check
    assert list(benign_if(STORY | changes, deeds)) == benign


def test_analytics_say_that_their_rows_are_made_of_many_calls() -> None:
    assert {each.header.id for each in all_analytics() if each.header.of_many} == set(MADE_OF_MANY)


def test_a_call_that_serves_several_techniques_is_told_once() -> None:
    deeds = [
        DEED | {"service": "svcctl", "operation": operation, "technique": technique, "events": 2}
        for operation, technique in (
            ("CreateServiceW", "T1543.003"),
            ("CreateServiceW", "T1569.002"),
            ("StartServiceW", "T1569.002"),
            ("CreateServiceW", "T1543.003"),
        )
    ]
    story = met("10.0.0.1", "10.0.0.2", activities=0, attempts=0, smb=0)
    told = "CreateServiceW of svcctl, 2 times (T1543.003, T1569.002); StartServiceW of svcctl, 2 times (T1569.002)"
    assert summary(story, tuple(deeds), [story]).endswith(f"UTC: {told}")

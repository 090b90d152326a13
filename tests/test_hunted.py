"""What a workspace makes of a hunt's findings: kept, ranked anew, and covered or closed ones not told again."""

from pathlib import Path

import pytest

from rpcsight.baseline.workspace import Workspace
from rpcsight.findings import Finding
from rpcsight.findings.group import findings_of
from rpcsight.triage.allowing import add
from rpcsight.triage.entries import entry
from rpcsight.triage.hunted import is_covering, keep_hunted
from rpcsight.triage.kept import close, findings, reopen
from tests.stories import DAY, HOUR, NOON_DAY, NOON_US, met

DAYS = (NOON_DAY, NOON_DAY + 1)


def hunted(*scores: float) -> list[Finding]:
    """Findings of two days, best first."""
    stories = [
        met(f"10.0.0.{10 + place}", "10.0.1.1", 1440 * (place % 2), score=score) for place, score in enumerate(scores)
    ]
    return findings_of([each] for each in stories)


def told(found: list[Finding]) -> list[tuple[str, str, int]]:
    return [(str(each.src_ip), each.day[-2:], each.rank) for each in found]


@pytest.fixture
def corp(tmp_path: Path) -> Path:
    path = tmp_path / "corp"
    Workspace(path).close()
    return path


def kept(path: Path) -> dict[str, tuple[int | None, str]]:
    """Rank and status by client."""
    with Workspace(path) as workspace:
        return {str(each.src_ip): (each.place, each.status) for each in findings(workspace)}


def allow(path: Path, client: str) -> None:
    named = {"client": [client], "server": ["10.0.1.1"]}
    made = entry({**named, "reason": "backup", "owner": "it", "expires": "never", "unknown_service": True})
    with Workspace(path) as workspace:
        add(workspace, [made], "me")


def test_all_are_told_and_kept(corp: Path) -> None:
    found = hunted(90, 80, 70, 60)
    assert keep_hunted(corp, found, DAYS, 10) == (found, [])
    assert told(found) == [
        ("10.0.0.10", "21", 1),
        ("10.0.0.11", "22", 1),
        ("10.0.0.12", "21", 2),
        ("10.0.0.13", "22", 2),
    ]
    assert kept(corp) == {src_ip: (rank, "open") for src_ip, _, rank in told(found)}
    assert keep_hunted(corp, found, DAYS, 10) == (found, [])


def test_what_the_allow_list_covers_is_kept_and_not_told(corp: Path) -> None:
    assert not is_covering(corp)
    allow(corp, "10.0.0.10")
    assert is_covering(corp)
    found, said = keep_hunted(corp, hunted(90, 80, 70, 60, 50), DAYS, 10)
    assert told(found) == [
        ("10.0.0.11", "22", 1),
        ("10.0.0.12", "21", 1),
        ("10.0.0.13", "22", 2),
        ("10.0.0.14", "21", 2),
    ]
    assert said == [f"1 finding is covered by the allow-list: `rpcsight allow list --workspace {corp}`"]
    assert kept(corp)["10.0.0.10"][1] == "allowed"
    assert {status for name, (_, status) in kept(corp).items() if name != "10.0.0.10"} == {"open"}


def test_those_that_were_not_looked_at_take_the_room_of_covered_ones(corp: Path) -> None:
    allow(corp, "10.0.0.10")
    found, _ = keep_hunted(corp, hunted(90, 80, 70, 60, 50, 40), DAYS, 1)
    assert told(found) == [("10.0.0.11", "22", 1), ("10.0.0.12", "21", 1)]
    assert set(kept(corp)) == {"10.0.0.10", "10.0.0.11", "10.0.0.12"}  # no others than were told or covered


def test_a_budget_of_nothing_is_all(corp: Path) -> None:
    assert len(keep_hunted(corp, hunted(*range(90, 30, -1)), DAYS, 0)[0]) == 60


@pytest.mark.parametrize("verdict", ["benign", "malicious", "duplicate"])
def test_closed_ones_are_not_told_again_until_they_are_opened(corp: Path, verdict: str) -> None:
    found = hunted(90, 80, 70, 60)
    keep_hunted(corp, found, DAYS, 10)
    with Workspace(corp) as workspace:
        close(workspace, [found[0].finding_id], verdict, "known", "me")
    again, said = keep_hunted(corp, hunted(91, 80, 70, 60), DAYS, 10)
    assert told(again) == [("10.0.0.11", "22", 1), ("10.0.0.12", "21", 1), ("10.0.0.13", "22", 2)]
    assert said == [f"1 finding is closed already: `rpcsight findings list --status all --workspace {corp}`"]
    assert kept(corp)["10.0.0.10"][1] == verdict
    with Workspace(corp) as workspace:
        reopen(workspace, [found[0].finding_id], "not sure", "me")
    assert told(keep_hunted(corp, hunted(91, 80, 70, 60), DAYS, 10)[0]) == told(found)


def test_both_are_said(corp: Path) -> None:
    found = hunted(90, 80, 70, 60, 50, 40)
    keep_hunted(corp, found, DAYS, 10)
    with Workspace(corp) as workspace:
        close(workspace, [each.finding_id for each in found[:2]], "benign", "known", "me")
    allow(corp, "10.0.0.12")
    allow(corp, "10.0.0.13")
    again, said = keep_hunted(corp, found, DAYS, 10)
    assert told(again) == [("10.0.0.14", "21", 1), ("10.0.0.15", "22", 1)]
    assert [each.partition(":")[0] for each in said] == [
        "2 findings are covered by the allow-list",
        "2 findings are closed already",
    ]


def test_days_without_findings_have_no_scores_any_more(corp: Path) -> None:
    def scores() -> list[tuple[int, int, float]]:
        with Workspace(corp) as workspace:
            return [
                tuple(row.values()) for row in workspace.rows("select day, place, score from day_score order by all")
            ]

    keep_hunted(corp, hunted(90, 80, 70), DAYS, 10)
    assert scores() == [(NOON_DAY, 1, 90.0), (NOON_DAY, 2, 70.0), (NOON_DAY + 1, 1, 80.0)]
    keep_hunted(corp, hunted(95), DAYS, 10)
    assert scores() == [(NOON_DAY, 1, 95.0)]


def test_stories_of_the_same_two_on_a_day_can_be_kept(corp: Path) -> None:
    """With a break between them, so that they are two stories."""
    group = [met("10.0.0.1", "10.0.0.2", score=50.0), met("10.0.0.1", "10.0.0.2", 600, story_no=2, score=40.0)]
    found = findings_of([group])
    assert keep_hunted(corp, found, DAYS[:1], 10) == (found, [])
    (pair,) = {(each.src_ip, each.dest_ip) for each in found[0].pairs}
    assert (pair, found[0].last_time.hour, NOON_US % DAY // HOUR) == (("10.0.0.1", "10.0.0.2"), 22, 12)

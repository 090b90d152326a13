"""Whoever was a finding is not learned: an attacker who comes back each day is told each day, though each day is learned."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import rpcsight
from rpcsight.baseline.workspace import Workspace
from rpcsight.findings import Finding
from rpcsight.triage.hunted import keep_hunted
from tests.oracles.flow import Flow
from tests.recording import written

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
FIRST_DAY = 20_500
"""A Monday."""
LEARNED_DAYS = 14
CONTROLLER = "10.0.0.1"
WORKSTATIONS = [f"10.0.0.{number}" for number in range(11, 31)]
ATTACK = ("10.0.0.11", "10.0.0.25")
BUDGET = 5


def session(src_ip: str, dest_ip: str, us: int, port: int = 49_664) -> Iterator[Flow]:
    """The mapper asked, then the endpoint it names."""
    for number, (dest_port, later_us) in enumerate(((135, 0), (port, 100_000))):
        start_us = us + later_us
        yield Flow(
            flow_id=f"{src_ip} {dest_ip} {start_us}",
            start_us=start_us,
            end_us=start_us + 1_000_000,
            src_ip=src_ip,
            src_port=50_000 + number,
            dest_ip=dest_ip,
            dest_port=dest_port,
        )


def benign(day: int) -> Iterator[Flow]:
    """Logons at eight, and one workstation that looks after a neighbour."""
    for number, client in enumerate(WORKSTATIONS):
        yield from session(client, CONTROLLER, day * DAY_US + 8 * HOUR_US + number * 60_000_000)
    yield from session(WORKSTATIONS[5], WORKSTATIONS[6], day * DAY_US + 10 * HOUR_US)


def attacked(day: int) -> list[Flow]:
    return [*benign(day), *session(*ATTACK, day * DAY_US + 3 * HOUR_US)]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Two weeks learned in which nothing happened."""
    days = [each for day in range(FIRST_DAY - LEARNED_DAYS, FIRST_DAY) for each in benign(day)]
    rpcsight.learn(written(days, tmp_path / "before.parquet"), workspace=tmp_path / "w.rpcsight")
    return tmp_path / "w.rpcsight"


def hunted(workspace: Path, *flows: list[Flow], is_kept: bool = True) -> list[Finding]:
    """What a day's hunt tells; the day is learned afterwards."""
    folder = workspace.parent
    paths = [written(each, folder / f"{each[0].start_us}-{number}.parquet") for number, each in enumerate(flows)]
    found = rpcsight.hunt(paths, workspace=workspace, budget=BUDGET)
    told = keep_hunted(workspace, found.findings, found.days, BUDGET)[0] if is_kept else list(found)
    rpcsight.learn(paths, workspace=workspace)
    return told


def points(finding: Finding) -> dict[str, float]:
    return {each.name: each.points for each in finding.reasons}


def test_an_attacker_who_was_told_is_told_on_the_fourth_day(workspace: Path) -> None:
    told = [hunted(workspace, attacked(FIRST_DAY + day)) for day in range(4)]
    assert [[(each.src_ip, each.dest_ip) for each in found] for found in told] == [[ATTACK]] * 4
    assert [points(found[0]).get("seen", 0.0) for found in told] == [0.0, -10.0, -10.0, -10.0]
    assert all(found[0].score == pytest.approx(sum(points(found[0]).values()), abs=0.001) for found in told)
    assert min(found[0].score for found in told) == min(found[0].score for found in told[1:])


def test_a_finding_that_is_not_kept_is_learned(workspace: Path) -> None:
    told = [hunted(workspace, attacked(FIRST_DAY + day), is_kept=False) for day in range(2)]
    assert [[(each.src_ip, each.dest_ip) for each in found] for found in told] == [[ATTACK], []]


def test_how_records_are_cut_into_files_changes_no_finding(workspace: Path) -> None:
    flows = attacked(FIRST_DAY)
    (whole,) = rpcsight.hunt(written(flows, workspace.parent / "whole.parquet"), workspace=workspace, budget=BUDGET)
    (cut,) = hunted(workspace, flows[1::2], flows[::2])
    assert (cut.finding_id, cut.score, points(cut)) == (whole.finding_id, whole.score, points(whole))


def swept(day: int) -> list[Flow]:
    """The endpoint mappers of all others are asked by one client: a sweep, which no server in particular is named for."""
    client = ATTACK[0]
    asked = [
        next(session(client, server, day * DAY_US + 3 * HOUR_US + number * 1_000_000))
        for number, server in enumerate([*WORKSTATIONS[1:], CONTROLLER])
    ]
    return [*benign(day), *asked]


def test_a_sweep_that_was_told_does_not_become_usual(workspace: Path) -> None:
    told = [hunted(workspace, swept(FIRST_DAY + day)) for day in range(4)]
    sweeps = [next(each for each in found if "mapper-sweep" in str(each.detections)) for found in told]
    assert [each.rank for each in sweeps] == [1] * 4
    assert len({points(each)["technique"] for each in sweeps[1:]}) == 1
    with Workspace(workspace, is_reading=True) as opened:
        known = opened.rows("select dest_ip, days from known_pair where src_ip = $ip", {"ip": ATTACK[0]})
    assert known == [{"dest_ip": CONTROLLER, "days": LEARNED_DAYS + 4}]

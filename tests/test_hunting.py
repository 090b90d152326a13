"""Hunting: findings of what was done, budgets, parts left out, and what a workspace knows."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import rpcsight
from rpcsight.errors import RpcsightError
from rpcsight.examples import Example, write
from rpcsight.findings.group import findings_of
from rpcsight.findings.score import PARTS
from rpcsight.findings.words import deed
from rpcsight.hunting import ALL, NO_BASELINE, Hunt, hunt, surroundings
from rpcsight.pipeline import Request, opened
from rpcsight.settings import Settings
from tests import system
from tests.oracles.flow import Flow
from tests.recording import PARQUET, written
from tests.stories import DAY, DEED, HOUR, MINUTE, NOON_US, SECOND, STORY

DCSYNC = ("pcap", "OTRF+Security-Datasets", "covenant_dcsync_dcerpc_drsuapi_DsGetNCChanges_2020-08-05020926.cap")
DC, PRINTER = "10.0.0.10", "10.0.0.11"
WORKSTATIONS = tuple(f"10.0.1.{number}" for number in range(1, 13))
ATTACK = ("10.0.1.1", "10.0.1.2")
LEAST = Settings().score.least
Pair = tuple[str, str]


def asked(pair: Pair, start_us: int, number: int) -> list[Flow]:
    """A client asks a server's mapper, and goes to the port it was told."""
    client, server = pair
    common = {"src_ip": client, "dest_ip": server, "end_us": start_us + SECOND}
    return [
        Flow(**common, flow_id=f"m{number}", start_us=start_us, src_port=50000, dest_port=135),
        Flow(**common, flow_id=f"e{number}", start_us=start_us + SECOND // 10, src_port=50001, dest_port=49664),
    ]


def day_of(number: int, *others: Pair) -> list[Flow]:
    """A working day: every workstation uses the controller, some the printer; and what else is told."""
    start = NOON_US + number * DAY
    pairs = [*((each, DC) for each in WORKSTATIONS), *((each, PRINTER) for each in WORKSTATIONS[3:9]), *others]
    return [
        flow for place, pair in enumerate(pairs) for flow in asked(pair, start + place * MINUTE, 1000 * number + place)
    ]


def pairs_of(found: Hunt) -> list[list[Pair]]:
    return [[(str(pair.src_ip), str(pair.dest_ip)) for pair in each.pairs] for each in found]


def scores_of(found: Hunt) -> dict[Pair, float]:
    return {(str(pair.src_ip), str(pair.dest_ip)): pair.score for each in found for pair in each.pairs}


# --- what was done


def test_directory_replication_is_told_with_its_technique() -> None:
    (found,) = rpcsight.hunt(system.shared_data(*DCSYNC))
    assert (found.service, found.tier, found.techniques, found.d3fend) == (
        *("drsuapi", "decoded"),
        *(("T1003.006", "T1021"), ("D3-RTA",)),
    )
    assert {each.name for each in found.reasons if each.points > 0} == {"technique", "client", "server"}
    assert "; beside it, SMB once; DRSGetNCChanges of drsuapi (T1003.006)" in found.summary
    assert [(each["analytic"], each["technique"], each["events"]) for each in found.detections] == [
        ("dcsync", "T1003.006", 1)
    ]


def test_calls_without_flows_are_a_finding(tmp_path: Path) -> None:
    text = "time_s  src_ip  dest_ip  interface  opnum\n1  10.0.0.1  10.0.0.2  drsuapi  DRSGetNCChanges"
    write(Example(about="", rows=1, rpc_call=text), tmp_path)
    with opened(Request([str(tmp_path)])) as session:
        (found,) = hunt(session)
    assert (found.src_ip, found.dest_ip, found.activities, found.evidence) == ("10.0.0.1", "10.0.0.2", 0, ())
    assert found.techniques == ("T1003.006",)
    assert found.summary == "10.0.0.1 to 10.0.0.2, at 2026-03-02 09:00:01 UTC: DRSGetNCChanges of drsuapi (T1003.006)"
    assert found.first_time == datetime(2026, 3, 2, 9, 0, 1)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "DRSGetNCChanges of drsuapi (T1003.006)"),
        ({"events": 3}, "DRSGetNCChanges of drsuapi, 3 times (T1003.006)"),
        ({"operation": None, "service": None, "target": "7 servers"}, "dcsync, 7 servers (T1003.006)"),
        ({"image_path": "C:\\" + "a" * 500}, f"DRSGetNCChanges of drsuapi, which started C:\\{'a' * 117} (T1003.006)"),
    ],
)
def test_a_deed_in_words(changes: dict[str, Any], said: str) -> None:
    assert deed(DEED | changes) == said


def test_a_summary_tells_the_weightiest_deeds() -> None:
    nobody = {"src_ip": "", "dest_ip": ""}
    story = {**STORY, **nobody, "activities": 0, "by_mapper": 0, "last_us": NOON_US + MINUTE}
    deeds = [{**DEED, **nobody, "operation": f"Op{number}"} for number in range(5)]
    (found,) = findings_of([[story]], detections=deeds)
    assert (found.src_ip, found.dest_ip, found.pairs[0].src_ip, found.detections[0]["src_ip"]) == (None,) * 4
    assert found.summary == (
        "somebody to several hosts, from 2026-11-21 12:00:00 to 2026-11-21 12:01:00 UTC: "
        "Op0 of drsuapi (T1003.006); Op1 of drsuapi (T1003.006); Op2 of drsuapi (T1003.006), and 2 more"
    )
    (named,) = findings_of([[story]], detections=[deed | {"host": "ws6"} for deed in deeds])
    assert named.summary.startswith("somebody to ws6, from")


# --- budgets


def test_all_tells_every_story(tmp_path: Path) -> None:
    path = written(day_of(0, ATTACK), tmp_path / "flows.parquet")
    found = rpcsight.hunt(path, budget=ALL)
    stories = 12 + 6 + 1
    assert (sum(len(each.pairs) for each in found), dict(found.days)) == (stories, {NOON_US // DAY: stories})
    assert found.account.limits == []
    assert pairs_of(found)[0][0] == ATTACK


def test_a_budget_is_of_a_day_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    other = ("10.0.1.5", "10.0.1.6")
    flows = [*day_of(0, ATTACK, other), *day_of(1, ("10.0.1.7", "10.0.1.8"))]
    path = written(flows, tmp_path / "flows.parquet")
    one = rpcsight.hunt(path, budget=1)
    everything = rpcsight.hunt(path, budget=ALL)
    assert sorted((each.day, each.rank) for each in one) == [("2026-11-21", 1), ("2026-11-22", 1)]
    best = {day: next(each for each in everything if each.day == day) for day in ("2026-11-21", "2026-11-22")}
    assert {each.day: each for each in one} == best
    told, stories = sum(len(each.pairs) for each in one), sum(one.days.values())
    assert (stories, sum(len(each.pairs) for each in everything)) == (39, 39)
    assert one.account.limits == [
        f"2 findings tell {told} of 39 stories (a client and a server without a longer break); "
        "the others are less unusual: `--budget all` tells them, too"
    ]


def test_a_budget_tells_nothing_below_the_least_score(tmp_path: Path) -> None:
    path = written(day_of(0, ATTACK), tmp_path / "flows.parquet")
    least = max(each.score for each in rpcsight.hunt(path, budget=ALL)) + 0.1
    settings = tmp_path / "settings.toml"
    settings.write_text(f"[score]\nleast = {least}\n")
    assert list(rpcsight.hunt(path, settings=settings)) == []
    assert len(rpcsight.hunt(path, settings=settings, budget=ALL))
    settings.write_text(f"[score]\nleast = {least - 0.1}\n")
    (found,) = rpcsight.hunt(path, settings=settings)
    assert (found.src_ip, found.dest_ip) == ATTACK


# --- parts


@pytest.mark.parametrize("part", ["client", "server", "fan_out", "endpoint", "went_on", "confidence"])
def test_a_part_that_is_left_out_adds_nothing_and_changes_no_other(part: str) -> None:
    def scored(*without: str) -> dict[Pair, tuple[float, dict[str, float]]]:
        settings = Settings.model_validate({"score": {"without": without}})
        with opened(Request([str(PARQUET)])) as session:
            found = hunt(session, settings)
        return {
            (str(each.src_ip), str(each.dest_ip)): (each.score, {one.name: one.points for one in each.reasons})
            for each in found
        }

    full, less = scored(), scored(part)
    assert any(part in points for _, points in full.values())
    assert not any(part in points for _, points in less.values())
    linked = {"reached", "went_on"}  # who can be a link depends on the other parts
    for pair in full.keys() & less.keys():
        assert less[pair][0] == round(sum(less[pair][1].values()), 1)
        without = {name: value for name, value in full[pair][1].items() if name not in {part, *linked}}
        assert {name: value for name, value in less[pair][1].items() if name not in linked} == without


def test_parts_are_those_of_the_points() -> None:
    with opened(Request([str(PARQUET)])) as session:
        hunt(session)
        columns = session.held("best")[0]
    assert {name.removesuffix("_points") for name in columns if name.endswith("_points")} == set(PARTS)


# --- what is normal here


def test_without_a_workspace_it_says_so(tmp_path: Path) -> None:
    path = written(day_of(0), tmp_path / "flows.parquet")
    assert NO_BASELINE in rpcsight.hunt(path).account.warnings


def test_known_pairs_sink_and_new_ones_stay(tmp_path: Path) -> None:
    habit = ("10.0.1.5", "10.0.1.6")
    workspace = tmp_path / "corp"
    learned = [str(written(day_of(number, habit), tmp_path / f"{number}.parquet")) for number in range(5)]
    rpcsight.learn(learned, workspace=workspace)
    path = written(day_of(5, habit, ATTACK), tmp_path / "today.parquet")
    blind, found = rpcsight.hunt(path, budget=ALL), rpcsight.hunt(path, budget=ALL, workspace=workspace)
    assert NO_BASELINE not in found.account.warnings
    before, after = scores_of(blind), scores_of(found)
    assert min(before[habit], before[ATTACK]) >= LEAST  # the input alone can't tell which of them is normal
    assert after[ATTACK] > before[ATTACK]
    assert {pair for pair, score in after.items() if score >= LEAST} == {ATTACK}
    assert pairs_of(found)[0] == [ATTACK]
    reasons = {(each.src_ip, each.dest_ip): {one.name: one.text for one in each.reasons} for each in found}
    assert "seen" not in reasons[ATTACK]
    assert reasons[habit]["seen"] == "seen on 5 days before, of 5 on which the client was active"
    (told,) = rpcsight.hunt(path, workspace=workspace)
    assert (told.src_ip, told.dest_ip, told.rank) == (*ATTACK, 1)


def test_one_day_is_not_known_yet(tmp_path: Path) -> None:
    habit = ("10.0.1.5", "10.0.1.6")
    workspace = tmp_path / "corp"
    days = [
        str(written(day_of(number, *([habit] if number == 3 else [])), tmp_path / f"{number}.parquet"))
        for number in range(4)
    ]
    rpcsight.learn(days, workspace=workspace)
    found = rpcsight.hunt(written(day_of(4, habit), tmp_path / "today.parquet"), budget=ALL, workspace=workspace)
    (of_pair,) = [each for each in found if (each.src_ip, each.dest_ip) == habit]
    assert [(each.points, each.text) for each in of_pair.reasons if each.name == "seen"] == [
        (-10.0, "seen on 1 day before, of 4 on which the client was active")
    ]


def test_a_workspace_that_is_none_is_told(tmp_path: Path) -> None:
    path = written(day_of(0), tmp_path / "flows.parquet")
    with pytest.raises(RpcsightError):
        rpcsight.hunt(path, workspace=tmp_path / "missing")
    with pytest.raises(RpcsightError):
        rpcsight.hunt(path, workspace=path)


def test_a_story_ends_with_a_long_break(tmp_path: Path) -> None:
    flows = [
        flow
        for place, hours in enumerate((0, 5, 12))
        for flow in asked(ATTACK, NOON_US - 12 * HOUR + hours * HOUR, place)
    ]
    (found,) = rpcsight.hunt(written(flows, tmp_path / "flows.parquet"), budget=ALL)
    assert [(each.first_time.hour, each.last_time.hour) for each in found.pairs] in (
        [(0, 5), (12, 12)],
        [(12, 12), (0, 5)],
    )
    assert found.activities == 3
    assert found.summary.endswith("; and again with a break of hours")


def test_a_story_ends_with_its_day(tmp_path: Path) -> None:
    """Hunted at once as day by day: each day has a finding of its own, with its own times."""
    times = [NOON_US + number * 4 * HOUR for number in range(6)]
    flows = [flow for place, start_us in enumerate(times) for flow in asked(ATTACK, start_us, place)]
    whole = rpcsight.hunt(written(flows, tmp_path / "flows.parquet"), budget=ALL)
    spans = sorted((each.first_time.isoformat(), each.last_time.isoformat()[:13]) for each in whole)
    assert [(first[8:13], last[8:]) for first, last in spans] == [("21T12", "21T20"), ("22T00", "22T08")]


def test_the_surroundings_of_findings_are_the_hours_and_what_their_hosts_did_with_one_another() -> None:
    with opened(Request([str(PARQUET)])) as session:
        found = hunt(session, budget=1)
        around = surroundings(session)
        everything = session.held("scored")
    (finding,) = found.findings
    hosts = {host for pair in finding.pairs for host in (pair.src_ip, pair.dest_ip)}
    expected = {(row["src_ip"], row["dest_ip"]) for row in everything if {row["src_ip"], row["dest_ip"]} <= hosts}
    assert {(row["src_ip"], row["dest_ip"]) for row in around.pairs} == expected
    assert [row["score"] for row in around.pairs] == sorted((row["score"] for row in around.pairs), reverse=True)
    assert around.hours == {498_695: sum(row["activities"] + row["attempts"] for row in everything)}

"""Findings of what was done: detections beside activities, on a capture and on stories made up by hand."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import rpcsight
from rpcsight.examples import Example, write
from rpcsight.findings.group import findings_of
from rpcsight.findings.words import deed
from rpcsight.hunting import hunt
from rpcsight.pipeline import Request, opened
from tests import system
from tests.test_findings import NOON, STORY

DCSYNC = ("pcap", "OTRF+Security-Datasets", "covenant_dcsync_dcerpc_drsuapi_DsGetNCChanges_2020-08-05020926.cap")
DEED: dict[str, Any] = {
    "analytic": "dcsync",
    "technique": "T1003.006",
    "tier": "decoded",
    "confidence": 1.0,
    "weight": 0.9,
    "src_ip": "10.0.0.1",
    "dest_ip": "10.0.0.2",
    "service": "drsuapi",
    "operation": "DRSGetNCChanges",
    "events": 1,
    "target": None,
    "image_path": None,
}


def test_directory_replication_is_told_with_its_technique() -> None:
    (found,) = rpcsight.hunt(system.shared_data(*DCSYNC))
    assert (found.service, found.tier, found.techniques, found.d3fend) == (
        *("drsuapi", "decoded"),
        *(("T1003.006", "T1021"), ("D3-RTA",)),
    )
    assert (found.severity, found.score, found.activities) == ("high", 92.0, 1)
    assert [(each.name, each.points) for each in found.reasons] == [
        ("technique", 72.0),
        ("few_clients", 15.0),
        ("rare_for_client", 5.0),
    ]
    assert found.summary.endswith("; DRSGetNCChanges of drsuapi (T1003.006)")
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


def test_a_technique_takes_its_share_of_what_the_others_leave() -> None:
    (bare,) = findings_of([STORY], [])
    (found,) = findings_of([STORY], [], [DEED])
    assert [each for each in found.reasons if each.name != "technique"] == list(bare.reasons)
    assert found.score == round(bare.score + 0.9 * (100 - bare.score), 1)


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
    story = STORY | {
        "activities": 0,
        "by_mapper": 0,
        "src_ip": "",
        "dest_ip": "",
        "last_time": NOON + timedelta(minutes=1),
    }
    deeds = [DEED | {"src_ip": "", "dest_ip": "", "operation": f"Op{number}"} for number in range(5)]
    (found,) = findings_of([story], [], deeds)
    assert (found.src_ip, found.dest_ip) == (None, None)
    assert found.summary == (
        "somebody to several hosts, from 2026-11-21 12:00:00 to 2026-11-21 12:01:00 UTC: "
        "Op0 of drsuapi (T1003.006); Op1 of drsuapi (T1003.006); Op2 of drsuapi (T1003.006), and 2 more"
    )
    (named,) = findings_of([story], [], [deed | {"host": "ws6"} for deed in deeds])
    assert named.summary.startswith("somebody to ws6, from")

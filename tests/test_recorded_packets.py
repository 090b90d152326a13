"""The packets of our own recording: what they prove about each connection is what its truth says."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import rpcsight
from tests.recording import truth
from tests.system import ROOT

PACKETS = ROOT / "tests" / "data" / "recording" / "rpc.pcap.zst"
Ends = tuple[str, int, str, int]


@pytest.fixture(scope="module")
def activities() -> dict[Ends, dict[str, Any]]:
    return activities_of(PACKETS)


def activities_of(path: Path) -> dict[Ends, dict[str, Any]]:
    """The activities in a file, by their ends."""
    return by_ends(rpcsight.run("rpc-activity", path).to_pylist())


def by_ends(rows: Iterable[dict[str, Any]]) -> dict[Ends, dict[str, Any]]:
    return {(row["src_ip"], int(row["src_port"]), row["dest_ip"], int(row["dest_port"])): row for row in rows}


def told(kind: str) -> dict[Ends, dict[str, Any]]:
    return by_ends(row for row in truth() if row["kind"] == kind)


def test_every_endpoint_is_decoded_with_its_interface(activities: dict[Ends, dict[str, Any]]) -> None:
    endpoints = told("endpoint")
    assert len(endpoints) == 232
    found = {ends: (activities[ends]["basis"], activities[ends]["interface"]) for ends in endpoints}
    assert found == {ends: ("decoded", row["interface_uuid"]) for ends, row in endpoints.items()}
    assert {activities[ends]["named_by"] for ends in endpoints} == {"ept_map"}
    only_bound = Counter(row["action"] for ends, row in endpoints.items() if not activities[ends]["calls"])
    assert only_bound == {"shape-reuse": 2, "lateral-single": 1}  # tshark sees no request on these three either


def test_no_decoy_is_decoded_or_named(activities: dict[Ends, dict[str, Any]]) -> None:
    """Two web servers that were called right after a mapper query look like RPC to the rule; the packets say otherwise."""
    met = [activities[ends] for ends in told("decoy") if ends in activities]
    assert Counter((row["basis"], row["named_by"]) for row in met) == {("mapper", "unnamed"): 2}


def test_what_is_beside_the_truth_had_begun_before(activities: dict[Ends, dict[str, Any]]) -> None:
    """Ends of four connections that were open when the recording began: no SYN, no data."""
    rest = [row for ends, row in activities.items() if ends not in told("endpoint") and ends not in told("decoy")]
    assert [(row["calls"], row["dest_port"]) for row in rest] == [(None, 49152)] * 4

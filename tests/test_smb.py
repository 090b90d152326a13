"""Connections to SMB: read for hunts and learning only, stories of little confidence, known once they were learned."""

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rpcsight
from rpcsight.baseline.workspace import Workspace
from rpcsight.pipeline import Request, opened
from tests.oracles.flow import Flow
from tests.recording import written
from tests.test_poisoning import ATTACK, CONTROLLER, DAY_US, FIRST_DAY, HOUR_US, LEARNED_DAYS, WORKSTATIONS, benign

SMB = 445
AT_US = FIRST_DAY * DAY_US + 3 * HOUR_US
FILES = "10.0.0.2"


def connected(src_ip: str, dest_ip: str, us: int) -> Flow:
    return Flow(f"{src_ip} {dest_ip} {us}", us, us + 1_000_000, src_ip, 50_100, dest_ip, SMB)


def shared(day: int) -> list[Flow]:
    """An ordinary day on which all workstations use the file server."""
    us = day * DAY_US + 9 * HOUR_US
    return [*benign(day), *(connected(client, FILES, us + number) for number, client in enumerate(WORKSTATIONS))]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    days = [each for day in range(FIRST_DAY - LEARNED_DAYS, FIRST_DAY) for each in shared(day)]
    rpcsight.learn(written(days, tmp_path / "before.parquet"), workspace=tmp_path / "w")
    return tmp_path / "w"


def test_who_begins_to_use_smb_on_a_workstation_is_told(workspace: Path) -> None:
    day = written([*shared(FIRST_DAY), connected(*ATTACK, AT_US)], workspace.parent / "day.parquet")
    (found,) = rpcsight.hunt(day, workspace=workspace, budget=5)
    assert (found.src_ip, found.dest_ip, found.activities, found.attempts, found.smb) == (*ATTACK, 0, 0, 1)
    assert (found.techniques, found.confidence) == (("T1021.002",), 0.3)
    assert found.summary == (
        f"{ATTACK[0]} connected to SMB of {ATTACK[1]} once, in whose pipes RPC may run, at 2026-02-16 03:00:00 UTC"
    )
    assert [(each["basis"], each["dest_port"]) for each in found.evidence] == [("smb", SMB)]
    assert {each.name: each.points for each in found.reasons}["confidence"] == -5.2
    assert any("5145" in each for each in found.next)


def test_what_was_learned_is_known(workspace: Path) -> None:
    for day in (1, 2):
        flows = [*shared(FIRST_DAY + day), connected(*ATTACK, AT_US + day * DAY_US)]
        rpcsight.learn(written(flows, workspace.parent / f"{day}.parquet"), workspace=workspace)
    later = written([*shared(FIRST_DAY + 3), connected(*ATTACK, AT_US + 3 * DAY_US)], workspace.parent / "day.parquet")
    assert list(rpcsight.hunt(later, workspace=workspace, budget=5)) == []
    with Workspace(workspace, is_reading=True) as there:
        known = there.rows(
            "select smb, mappers, endpoints, failed from pair_day where dest_ip = $ip", {"ip": ATTACK[1]}
        )
        roles = {row["ip"]: row["role"] for row in there.rows("select ip, role from known_host")}
    assert known == [{"smb": 1, "mappers": 0, "endpoints": 0, "failed": 0}] * 2
    assert roles[FILES] == "server"


@pytest.mark.parametrize(
    ("changes", "ends"),
    [
        ({}, ATTACK),
        ({"is_established": None}, ATTACK),
        ({"transport_protocol": None}, ATTACK),
        ({"is_established": False}, None),
        ({"transport_protocol": "udp"}, None),
        ({"dest_port": 139}, None),
        ({"dest_ip": ATTACK[0]}, None),
        ({"src_ip": "127.0.0.1"}, None),
        ({"is_oriented": False}, ATTACK),
        ({"is_oriented": False, "src_port": SMB, "dest_port": 50_100}, ATTACK[::-1]),
        ({"src_port": SMB, "dest_port": 50_100}, None),
    ],
)
def test_what_is_a_connection_to_smb(changes: dict[str, Any], ends: tuple[str, str] | None, tmp_path: Path) -> None:
    path = written([replace(connected(*ATTACK, AT_US), **changes), *benign(FIRST_DAY)], tmp_path / "day.parquet")
    found = rpcsight.run("smb-connections", path).to_pylist()
    assert [(row["src_ip"], row["dest_ip"], row["dest_port"]) for row in found] == ([(*ends, SMB)] if ends else [])


def test_they_are_read_where_they_are_asked_for(tmp_path: Path) -> None:
    path = written(shared(FIRST_DAY), tmp_path / "day.parquet")
    with opened(Request([str(path)])) as session:
        rpc, smb = session.account.candidates, session.account.smb
    assert (rpc, smb) == (len(list(benign(FIRST_DAY))), len(WORKSTATIONS))
    with opened(Request([str(path)]), asked=()) as session:
        assert (session.account.candidates, session.account.smb) == (rpc, 0)


def test_one_way_records_are_put_together(tmp_path: Path) -> None:
    """nfdump's JSON of NetFlow, whose exporters tell each direction by itself."""
    ends = {"src4_addr": ATTACK[0], "dst4_addr": ATTACK[1], "src_port": 50_100, "dst_port": SMB}
    back = {"src4_addr": ATTACK[1], "dst4_addr": ATTACK[0], "src_port": SMB, "dst_port": 50_100}
    rows = [
        {
            "first": "2026-02-16T03:00:00.000",
            "last": "2026-02-16T03:00:01.000",
            "proto": 6,
            "tcp_flags": "...AP.SF",
            **each,
        }
        for each in (ends, back)
    ]
    path = tmp_path / "flows.json.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    found = rpcsight.run("smb-connections", path).to_pylist()
    assert [(row["src_ip"], row["dest_ip"]) for row in found] == [ATTACK]


def test_it_does_not_make_a_controller_of_a_file_server(workspace: Path) -> None:
    with Workspace(workspace, is_reading=True) as there:
        roles = {row["ip"]: row["role"] for row in there.rows("select ip, role from known_host")}
    assert roles[CONTROLLER] == "domain controller"

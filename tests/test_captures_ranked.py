"""Attacks of public captures rank above all else in the same capture; what is benign is hardly told once it was learned."""

from pathlib import Path

import pytest

import rpcsight
from rpcsight.findings import Finding
from tests import system
from tests.labelled import RIGHT, is_right, of_name, records

CONTROLLERS = {"172.18.38.5", "10.0.0.4", "10.0.0.5"}
"""Domain controllers of the recorded networks (../shared/data/README.md and catalogue.csv there)."""
HOSTILE = ("covenant_", "empire_", "schtask_create", "dcerpc-smb-test-01", "dcerpc__dcerpc-dce-iface-01")
BENIGN = ("apt29_day2",)
"""Their attacks went over WinRM: all RPC in them is the domain's own."""
EXPORTS = tuple(f"netflow_{version}_export.pcapng" for version in ("v5", "v9", "v10"))
FLOWS = ("nfcapd", "nfdump.csv", "nfdump.json", *EXPORTS)
"""Forms of records that nfpcapd, nfdump and softflowd made of three or four captures of attacks and of a benign one (NEWYORK)."""
DCSYNC, PEERS = ("172.18.39.5", "172.18.38.5"), ("172.18.39.5", "172.18.39.6")
"""What those attacks look like in flows (attacker_ip and victim_ip of the catalogue)."""
ANY = "T1021"
"""What flows alone can say."""


def of_folder(folder: str, names: tuple[str, ...]) -> list[Path]:
    return [
        path
        for path in records()
        if path.relative_to(system.shared_data()).parts[0] == folder and path.name.startswith(names)
    ]


def is_attack(each: Finding, right: tuple[str, ...]) -> bool:
    """Whether a finding is about the attack: by what was done, or by two hosts of which none is a controller."""
    is_peer = any({pair.src_ip, pair.dest_ip}.isdisjoint(CONTROLLERS) for pair in each.pairs)
    return is_peer or any(is_right(row["technique"], right) for row in each.detections if row["technique"] != ANY)


def test_attacks_rank_above_all_else_of_their_capture() -> None:
    shown: list[str] = []
    for path in of_folder("pcap", HOSTILE):
        found = rpcsight.hunt(path, budget=0)
        right: tuple[str, ...] = of_name(RIGHT, path.name) or ()
        attacks = [place for place, each in enumerate(found) if is_attack(each, right)]
        assert attacks == list(range(len(attacks))), path.name
        if attacks:
            shown.append(path.name)
    assert len(shown) >= 17


def test_attacks_of_all_captures_together_rank_above_all_else_of_their_day() -> None:
    """More hosts and days than a capture has by itself; the lab is one network."""
    paths = of_folder("pcap", ("covenant_", "empire_", "schtask_create"))
    right = tuple(each for path in paths for each in of_name(RIGHT, path.name) or ())
    found = rpcsight.hunt(paths, budget=0)
    attacks = {(each.day, each.rank) for each in found if is_attack(each, right)}
    for day in {day for day, _ in attacks}:
        ranks = sorted(rank for each, rank in attacks if each == day)
        assert ranks == list(range(1, len(ranks) + 1)), day
    assert len({day for day, _ in attacks}) >= 7


SHARING = {("172.18.39.6", "172.18.38.5")}
"""A workstation that opens its controller's shares, without harm, in one of the captures."""


@pytest.mark.parametrize("form", FLOWS)
def test_an_attack_in_flows_alone_ranks_above_every_benign_row(form: str) -> None:
    """Each with the benign capture in the same form, without a baseline."""
    paths = [path for path in records() if path.name.endswith(f".{form}")]
    (benign,) = [path for path in paths if path.name.lower().startswith("newyork")]
    usual = {("10.0.1.4", "10.0.0.4"), ("10.0.1.5", "10.0.0.4"), ("10.0.1.6", "10.0.0.4"), ("10.0.0.5", "10.0.0.4")}
    attacks = [path for path in paths if path != benign]
    for path in attacks:
        first, *others = [
            [(two.src_ip, two.dest_ip) for two in each.pairs] for each in rpcsight.hunt([benign, path], budget=0)
        ]
        assert first == [DCSYNC if "dcsync" in path.name else PEERS], path.name
        assert {two for each in others for two in each} - SHARING == usual, path.name
    assert len(attacks) == (3 if form in EXPORTS else 4)


@pytest.mark.parametrize("folder", ["pcap", "zeek"])
def test_what_is_benign_is_told_at_most_once_a_day_when_it_was_learned(folder: str, tmp_path: Path) -> None:
    paths = [path for path in of_folder(folder, BENIGN) if folder == "pcap" or "conn" in path.name]
    rpcsight.learn(paths, workspace=tmp_path / "corp")
    told = {path.name: rpcsight.hunt(path, workspace=tmp_path / "corp") for path in paths}
    days = {(name, each.day): each.rank for name, found in told.items() for each in found}
    assert {place: rank for place, rank in days.items() if rank > 1} == {}
    assert len(told) >= 3

"""What a diagnosis says of clocks in Windows events: public logs against a plain reading of them, zones, and logs that show nothing."""

import gzip
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pytest

import rpcsight
from tests import system
from tests.contracts.windows import CHANNEL, SYSMON, lines, saved
from tests.oracles.flow import Flow
from tests.test_diagnosis import told

EASTERN = timedelta(hours=4)
"""What NXLog's local times are behind UTC in the public logs."""
NEAR_S, DEVIATION_S = 60.0, 1e-6
PUBLIC = (
    "covenant_dcsync_dcerpc_drsuapi_DsGetNCChanges_2020-08-05020926.json.gz",
    "empire_psexec_dcerpc_tcp_svcctl_2020-09-20121608.json.gz",
    "empire_shell_dcerpc_smb_service_dll_hijack_2020-09-21232839.json.gz",
)
Ends = frozenset[tuple[str, str]]
Seen = dict[str, dict[Ends, list[float]]]
"""By host and ends of a connection: times in seconds."""


def events(path: Path) -> Iterator[Mapping[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as text:
        yield from map(json.loads, text)


def connections(path: Path) -> tuple[Seen, Seen]:
    """TCP connections in Sysmon's logs and in the Security logs."""
    sysmon: Seen = {}
    security: Seen = {}
    for event in events(path):
        if event["EventID"] == 3 and "Sysmon" in event["SourceName"] and event["Protocol"] == "tcp":
            ends = ((event["SourceIp"], event["SourcePort"]), (event["DestinationIp"], event["DestinationPort"]))
            time, logs = datetime.fromisoformat(event["UtcTime"]), sysmon
        elif event["EventID"] == 5156 and event["Protocol"] == "6":
            ends = ((event["SourceAddress"], event["SourcePort"]), (event["DestAddress"], event["DestPort"]))
            time, logs = datetime.fromisoformat(event["EventTime"]) + EASTERN, security
        else:
            continue
        host = logs.setdefault(event["Hostname"].lower(), {})
        host.setdefault(frozenset(ends), []).append(time.replace(tzinfo=UTC).timestamp())
    return sysmon, security


@pytest.mark.parametrize("name", PUBLIC)
def test_logs_of_one_host_against_a_plain_reading(name: str) -> None:
    """The Security log's whole seconds stand for their middle."""
    path = system.shared_data("host-json", "OTRF+Security-Datasets", name)
    sysmon, security = connections(path)
    expected: dict[str, tuple[int, float]] = {}
    for host in sysmon.keys() & security.keys():
        apart = [
            min(times) + 0.5 - min(sysmon[host][ends])
            for ends, times in security[host].items()
            if ends in sysmon[host] and min(times) // 60 == min(sysmon[host][ends]) // 60
        ]
        if apart:
            expected[host] = len(apart), median(apart)
    found = {
        each["host"]: (each["in_both_logs"], each["apart_us"] / 1e6)
        for each in rpcsight.doctor(path).found["host_clocks"]
        if each["in_both_logs"]
    }
    assert {host: count for host, (count, _) in found.items()} == {host: count for host, (count, _) in expected.items()}
    assert all(abs(found[host][1] - apart) < DEVIATION_S for host, (_, apart) in expected.items()), (found, expected)


@pytest.mark.parametrize("name", PUBLIC)
def test_hosts_against_a_plain_reading(name: str) -> None:
    """A host's time is Sysmon's where it logged the connection, else the middle of the Security log's second."""
    path = system.shared_data("host-json", "OTRF+Security-Datasets", name)
    sysmon, security = connections(path)
    times: dict[str, dict[Ends, float]] = {}
    for host in sysmon.keys() | security.keys():
        coarse = {ends: min(each) + 0.5 for ends, each in security.get(host, {}).items()}
        fine = {ends: min(each) for ends, each in sysmon.get(host, {}).items()}
        times[host] = {
            ends: time
            for ends, time in {**coarse, **fine}.items()
            if not any(address.startswith(("127.", "::1", "fe80", "0:0:0:0:0:0:0:1")) for address, _ in ends)
        }
    expected: dict[tuple[str, str], tuple[int, float]] = {}
    for first in sorted(times):
        for second in sorted(each for each in times if each > first):
            apart = [times[second][ends] - times[first][ends] for ends in times[first].keys() & times[second].keys()]
            near = [each for each in apart if abs(each) <= NEAR_S]
            if near:
                expected[first, second] = len(near), median(near)
    found = {
        (each["first_observer"], each["second_observer"]): (each["connections"], each["median_s"])
        for each in rpcsight.doctor(path).found["clock_differences"]
    }
    assert {pair: count for pair, (count, _) in found.items()} == {pair: count for pair, (count, _) in expected.items()}
    assert all(abs(found[pair][1] - apart) < DEVIATION_S for pair, (_, apart) in expected.items()), (found, expected)


def created(number: int, port: int, channel: str, provider: str, **other: object) -> dict[str, object]:
    """An event as Get-WinEvent's objects become JSON: local time, with a Z behind."""
    return {
        "TimeCreated": f"2026-03-02T06:0{number}:00.125Z",
        "Hostname": "srv5.lab",
        "Channel": channel,
        "SourceName": provider,
        "Protocol": "6",
        "SourceAddress": "10.0.0.1",
        "SourcePort": str(50000 + number),
        "DestAddress": "10.0.0.5",
        "DestPort": str(port),
        **other,
    }


SECURITY = [
    created(n, port, "Security", "Microsoft-Windows-Security-Auditing", EventID=5156, Direction="%%14593")
    for n, port in enumerate((135, 49664, 135, 49664))
]


def test_a_local_time_of_which_nothing_tells_the_zone(tmp_path: Path) -> None:
    path = tmp_path / "security.json"
    path.write_bytes(lines(SECURITY))
    found = rpcsight.doctor(path)
    assert (told(found, "zones"), found.found["first_time"]) == (
        (
            "limited",
            "The times of all 4 Windows events (security.json) are local, and nothing there says of which zone: they are taken for UTC, "
            "and may be hours off beside other records.",
        ),
        "2026-03-02T06:00:00.125000+00:00",
    )


def test_sysmon_tells_the_zone_of_the_other_events(tmp_path: Path) -> None:
    sysmon = created(5, 445, CHANNEL, SYSMON, EventID=3, UtcTime="2026-03-02 10:05:00.000", Initiated="true")
    path = tmp_path / "both.json"
    path.write_bytes(lines([*SECURITY, sysmon]))
    found = rpcsight.doctor(path)
    assert (told(found, "zones"), found.found["first_time"]) == (
        ("good", "Known for all 5 Windows events."),
        "2026-03-02T10:00:00.125000+00:00",
    )


def test_a_clock_that_is_set_right_is_told(tmp_path: Path) -> None:
    """Sysmon's own times are an hour behind those at which the events were written, and those are 0.4 s late."""
    flows = [
        Flow(f"C{n}", 1_772_445_600_000_000 + n * 60_000_000, None, "10.0.0.1", 50000 + n, "10.0.0.5", 135)
        for n in range(4)
    ]
    path = tmp_path / "sysmon.xml"
    path.write_bytes(saved(flows).replace(b"'>2026-03-02 10:0", b"'>2026-03-02 09:0"))
    assert told(rpcsight.doctor(path), "sysmon-clock") == (
        "limited",
        "Sysmon's clock for connections was off, and was set right by the times at which the events were written: 4 connections of ws1.lab "
        "by +3,600.4 s. They are right to some seconds; from one to the next they are as exact as before.",
    )


@pytest.mark.parametrize("form", ["evtx", "xml"])
def test_a_log_without_an_event_that_is_read_says_what_it_holds(form: str, tmp_path: Path) -> None:
    if form == "evtx":
        path = system.shared_data("evtx", "sbousseaden+EVTX-ATTACK-SAMPLES", "CA_DCSync_4662.evtx")
        kinds = "4662 (3)"
    else:
        path, kinds = tmp_path / "events.xml", "22 (2)"
        flows = [Flow(f"C{n}", 1_772_445_600_000_000, None, "10.0.0.1", 50000, "10.0.0.5", 135) for n in (1, 2)]
        path.write_bytes(saved(flows).replace(b">3</EventID>", b">22</EventID>"))
    found = rpcsight.doctor(path)
    assert found.found["warnings"] == [f"{path}: no event of a kind that is looked at, only others, mostly {kinds}"]
    assert (found.verdict, told(found, "flows")) == ("bad", ("bad", "No flow record was read."))

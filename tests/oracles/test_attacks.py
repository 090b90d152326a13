"""The oracles of analytics on calls, held to examples worked by hand."""

import pytest

from tests.oracles import made
from tests.oracles.attacks import ORACLES, SVCCTL, TASKS, WINREG
from tests.oracles.telling import DRSUAPI, HOUR_US, Row, detection
from tests.properties.records import START_US, record

PARAMETERS = {
    "storm_calls": 3,
    "sweep_servers": 2,
    "discovery_calls": 3,
    "service_us": 2_000_000,
    "task_us": 60_000_000,
}
CLIENT, SERVER, OTHER = "10.0.0.1", "10.0.0.2", "10.0.0.3"
LSARPC = "12345778-1234-abcd-ef00-0123456789ab"
NETLOGON = "12345678-1234-abcd-ef00-01234567cffb"
SRVSVC = "4b324fc8-1670-01d3-1278-5a47bf6ee188"


def call(interface: str | None, opnum: int | None, at_us: int = 0, **cells: object) -> Row:
    ordinary: Row = {
        "time_us": START_US + at_us,
        "src_ip": CLIENT,
        "dest_ip": SERVER,
        "transport_protocol": "tcp",
        "is_callback": False,
        "interface": interface,
        "opnum": opnum,
        "observer": "sensor",
        "source": "one",
    }
    return record("rpc_call", **ordinary | cells)


def found(analytic: str, *calls: Row) -> list[Row]:
    return {**ORACLES, **made.ORACLES}[analytic]({"rpc_call": calls, "host_event": ()}, PARAMETERS)


def row(analytic: str, technique: str, weight: float, service: str, operation: str, **cells: object) -> Row:
    ordinary: Row = {
        "technique": technique,
        "tier": "decoded",
        "confidence": 1.0,
        "weight": weight,
        "start_time": START_US,
        "end_time": START_US,
        "src_ip": CLIENT,
        "dest_ip": SERVER,
        "service": service,
        "operation": operation,
        "events": 1,
        "observer": "sensor",
        "source": "one",
    }
    return detection(analytic, **ordinary | cells)


def test_replication_by_a_member_and_by_a_controller() -> None:
    asked = row("dcsync", "T1003.006", 0.9, "drsuapi", "DRSGetNCChanges", events=2, end_time=START_US + 5)
    assert found("dcsync", call(DRSUAPI, 3), call(DRSUAPI, 3, 5), call(DRSUAPI, 2)) == [asked]
    assert found("dcsync", call(DRSUAPI, 3), call(DRSUAPI, 12, src_ip=OTHER, dest_ip=CLIENT)) == []


def test_two_observers_hours_and_names() -> None:
    twice = [call(WINREG, 22), call(WINREG, 22, 1), call(WINREG, 22, observer="other", source="two")]
    named = call(None, None, HOUR_US, interface_name="WINREG", operation="BaseRegSetValue")
    first = row("remote-registry", "T1112", 0.4, "winreg", "BaseRegSetValue", events=2, end_time=START_US + 1)
    later = {"start_time": START_US + HOUR_US, "end_time": START_US + HOUR_US}
    assert found("remote-registry", *twice, named) == [
        first | {"observer": "other"},
        row("remote-registry", "T1112", 0.4, "WINREG", "BaseRegSetValue", **later),
    ]


@pytest.mark.parametrize(
    ("cells", "ends"),
    [
        ({}, (CLIENT, SERVER)),
        ({"is_callback": True}, (SERVER, CLIENT)),
        ({"dest_ip": CLIENT}, None),
        ({"src_ip": "127.0.0.1"}, None),
        ({"src_ip": "::1"}, None),
        ({"src_ip": None}, None),
    ],
)
def test_who_called_whom(cells: Row, ends: tuple[str, str] | None) -> None:
    rows = found("eventlog-clear", call("82273fdc-e32a-18c3-3f78-827929dc23ea", 0, **cells))
    assert [(each["src_ip"], each["dest_ip"]) for each in rows] == ([ends] if ends else [])


def test_pipes() -> None:
    piped = {"transport_protocol": "smb", "pipe": "svcctl"}
    rows = found("service-pipe", call(SVCCTL, 19, **piped), call(SVCCTL, 19))
    assert rows == [row("service-pipe", "T1569.002", 0.4, "svcctl", "StartServiceW", target="svcctl")]
    assert [each["technique"] for each in found("service-pipe", call(SVCCTL, 12, **piped))] == [
        "T1543.003",
        "T1569.002",
    ]
    assert found("task-atsvc", call(TASKS, 1)) == []
    assert [each["target"] for each in found("task-atsvc", call(TASKS, 1, **piped | {"pipe": "atsvc"}))] == ["atsvc"]


def test_a_storm_within_a_slot() -> None:
    storm = [call(NETLOGON, 26, place) for place in range(3)]
    cells = {"events": 3, "end_time": START_US + 2}
    assert found("zerologon", *storm) == [row("zerologon", "T1210", 0.9, "logon", "NetrServerAuthenticate3", **cells)]
    assert found("zerologon", *storm[:2], call(NETLOGON, 26, 300_000_000)) == []
    assert found("zerologon", *storm[:2], call(NETLOGON, 26, observer="other")) == []


def test_a_sweep_leaves_controllers_out() -> None:
    asked = [call(SRVSVC, 15, dest_ip=SERVER), call(SRVSVC, 15, 1, dest_ip=OTHER), call(SRVSVC, 15, 1, dest_ip=OTHER)]
    cells: Row = {
        "dest_ip": None,
        "target": f"2 servers, such as {SERVER} and {OTHER}",
        "events": 3,
        "end_time": START_US + 1,
    }
    assert found("enumeration-sweep", *asked) == [
        row("enumeration-sweep", "T1135", 0.6, "srvsvc", "NetrShareEnum", **cells)
    ]
    assert found("enumeration-sweep", *asked, call(DRSUAPI, 0, dest_ip=OTHER, src_ip=SERVER)) == []


def test_a_burst_by_technique() -> None:
    asked = [call(SRVSVC, 15), call(SRVSVC, 12, 1), call(SRVSVC, 12, 2, dest_ip=OTHER)]
    assert found("discovery-burst", *asked) == [
        row("discovery-burst", "T1135", 0.2, "srvsvc", "NetrShareEnum"),
        row(
            *("discovery-burst", "T1049", 0.2, "srvsvc", "NetrSessionEnum"),
            **{"start_time": START_US + 1, "end_time": START_US + 2, "events": 2},
            **{"dest_ip": None, "target": f"2 servers, such as {SERVER} and {OTHER}"},
        ),
    ]
    assert found("discovery-burst", *asked[:2], call(LSARPC, 44)) == []

"""The oracles of combinations on calls, SMB events and flows, held to examples worked by hand."""

import pytest

from tests.oracles.attacks import SVCCTL
from tests.oracles.combined import EPMAPPER, ORACLES
from tests.oracles.telling import HOUR_US, Row, detection
from tests.oracles.test_attacks import CLIENT, OTHER, SERVER, call
from tests.properties.records import START_US, record

PARAMETERS = {"mapper_port": 135, "mapper_servers": 2, "copies": 2, "copy_us": 600_000_000}
SECOND_US = 1_000_000
FOURTH = "10.0.0.4"


def found(analytic: str, **tables: list[Row]) -> list[Row]:
    return ORACLES[analytic](tables, PARAMETERS)


def smb(at_us: int = 0, **cells: object) -> Row:
    ordinary: Row = {
        "time_us": START_US + at_us,
        "src_ip": CLIENT,
        "dest_ip": SERVER,
        "action": "write",
        "share": "\\\\srv\\ADMIN$",
        "name": "a.exe",
        "observer": "sensor",
        "source": "one",
    }
    return record("smb_event", **ordinary | cells)


def flow(at_us: int = 0, **cells: object) -> Row:
    ordinary: Row = {
        "flow_id": "F",
        "start_time": START_US + at_us,
        "src_ip": CLIENT,
        "src_port": 50000,
        "dest_ip": SERVER,
        "dest_port": 135,
        "transport_protocol": "tcp",
        "is_oriented": True,
        "observer": "sensor",
        "source": "one",
    }
    return record("flow", **ordinary | cells)


def row(analytic: str, technique: str, weight: float, **cells: object) -> Row:
    ordinary: Row = {
        "technique": technique,
        "confidence": 1.0,
        "weight": weight,
        "start_time": START_US,
        "end_time": START_US,
        "src_ip": CLIENT,
        "events": 1,
        "observer": "sensor",
        "source": "one",
    }
    return detection(analytic, **ordinary | cells)


def test_mappers_listed() -> None:
    asked = [call(EPMAPPER, 2, place, dest_ip=server) for place, server in enumerate((SERVER, OTHER, FOURTH))]
    cells: Row = {"tier": "decoded", "service": "epmapper", "operation": "ept_lookup"}
    assert found("mapper-sweep", rpc_call=asked[:2]) == []
    many = row(
        "mapper-sweep",
        "T1046",
        0.7,
        **cells,
        events=3,
        end_time=START_US + 2,
        target=f"3 servers, such as {SERVER} and {FOURTH}",
    )
    assert found("mapper-sweep", rpc_call=asked) == [many]


def test_mappers_reached() -> None:
    reached = [flow(), flow(5, dest_ip=OTHER, is_established=False), flow(6, dest_ip=OTHER, observer="other")]
    many = {
        "confidence": 0.7,
        "events": 2,
        "end_time": START_US + 6,
        "target": f"2 servers, such as {SERVER} and {OTHER}",
        "flow_id": "F",
    }
    assert found("mapper-sweep", flow=reached) == [row("mapper-sweep", "T1046", 0.5, **many, **{"observer": "other"})]
    odd = [flow(dest_ip=OTHER, transport_protocol="udp"), flow(dest_ip=CLIENT), flow(600 * SECOND_US, dest_ip=OTHER)]
    assert found("mapper-sweep", flow=[flow(), *odd]) == []
    back = flow(src_ip=OTHER, src_port=135, dest_ip=CLIENT, dest_port=50001, is_oriented=False)
    assert [each["target"] for each in found("mapper-sweep", flow=[flow(), back])] == [many["target"]]


@pytest.mark.parametrize(
    ("second", "is_found"),
    [
        ({"dest_ip": OTHER, "share": "c$"}, True),
        ({"dest_ip": OTHER, "share": "//srv/D$"}, True),
        ({"dest_ip": OTHER, "share": "IPC$"}, False),
        ({"dest_ip": OTHER, "action": "share"}, False),
        ({"dest_ip": OTHER, "time_us": START_US + HOUR_US}, False),
        ({}, False),
    ],
)
def test_written_to_many(second: Row, *, is_found: bool) -> None:
    rows = found("share-writes", smb_event=[smb(), smb(**second)])
    assert rows == (
        [row("share-writes", "T1570", 0.6, events=2, target=f"2 servers, such as {SERVER} and {OTHER}")]
        if is_found
        else []
    )


def test_connected_again_and_again() -> None:
    connects = [smb(place, action="share", name=None) for place in range(2)]
    cells: Row = {"events": 2, "end_time": START_US + 1, "dest_ip": SERVER, "target": "1 server"}
    assert found("share-attempts", smb_event=connects) == [row("share-attempts", "T1021.002", 0.3, **cells)]
    assert found("share-attempts", smb_event=[connects[0], smb(1, action="share", name="a.exe")]) == []
    assert found("share-attempts", smb_event=[connects[0], smb(action="share", name="", share="ADMIN$")]) == []


def test_written_and_run() -> None:
    started = call(SVCCTL, 19, SECOND_US)
    cells: Row = {"tier": "decoded", "dest_ip": SERVER, "service": "svcctl", "operation": "StartServiceW"}
    cells |= {"end_time": START_US + SECOND_US, "target": "\\\\srv\\ADMIN$\\a.exe"}
    own = row("share-execution", "T1569.002", 0.9, **cells)
    assert found("share-execution", rpc_call=[started], smb_event=[smb()]) == [own]
    assert found("share-execution", rpc_call=[started], smb_event=[smb(SECOND_US - 600 * SECOND_US - 1)]) == []
    assert found("share-execution", rpc_call=[call(SVCCTL, 15, SECOND_US)], smb_event=[smb()]) == []
    weak = {"confidence": 0.7, "weight": 0.5}
    other = own | weak | {"target": f"\\\\srv\\ADMIN$\\a.exe from {OTHER}"}
    assert found("share-execution", rpc_call=[started], smb_event=[smb(src_ip=OTHER)]) == [other]
    late = own | weak | {"start_time": START_US + SECOND_US, "end_time": START_US + 2 * SECOND_US}
    assert found("share-execution", rpc_call=[started], smb_event=[smb(2 * SECOND_US)]) == [late]

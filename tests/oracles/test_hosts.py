"""The oracles that read computers' own logs, held to examples worked by hand."""

import pytest

from tests.oracles import consequences, objects, published
from tests.oracles.attacks import SVCCTL, TASKS
from tests.oracles.consequences import WBEM
from tests.oracles.hosts import host_addresses, host_skews, launches
from tests.oracles.telling import Row, detection
from tests.oracles.test_attacks import CLIENT, OTHER, SERVER, call
from tests.properties.records import START_US, record

SECOND_US = 1_000_000
ORACLES = {**consequences.ORACLES, **objects.ORACLES, **published.ORACLES}
PARAMETERS = {
    **{"service_us": 2 * SECOND_US, "wmi_us": 12 * SECOND_US, "task_us": 60 * SECOND_US, "dcom_us": 60 * SECOND_US},
    **{"dynamic_low": 49152, "mapper_port": 135},
}
SYSTEM = "C:\\Windows\\System32\\"


def found(analytic: str, **tables: list[Row]) -> list[Row]:
    empty: dict[str, list[Row]] = {name: [] for name in ("rpc_call", "rpc_bind", "host_flow", "process", "host_event")}
    return ORACLES[analytic](empty | tables, PARAMETERS)


def flow(at_us: int = 0, image: str = "services.exe", **cells: object) -> Row:
    ordinary: Row = {
        "time_us": START_US + at_us,
        "host": "WS2",
        "is_outbound": False,
        "src_ip": CLIENT,
        "src_port": 50000,
        "dest_ip": SERVER,
        "dest_port": 49672,
        "transport_protocol": "tcp",
        "pid": 704,
        "image_path": SYSTEM + image,
        "observer": "ws2",
        "source": "log",
    }
    return record("host_flow", **ordinary | cells)


def process(at_us: int, parent: str = "services.exe", **cells: object) -> Row:
    ordinary: Row = {
        "time_us": START_US + at_us,
        "host": "ws2",
        "pid": 9001,
        "image_path": SYSTEM + "cmd.exe",
        "command_line": "cmd /c x",
        "parent_pid": 704,
        "parent_image_path": SYSTEM + parent,
        "observer": "ws2",
        "source": "log",
    }
    return record("process", **ordinary | cells)


def event(action: str, at_us: int, **cells: object) -> Row:
    return record("host_event", time_us=START_US + at_us, host="ws2", action=action, name="\\Updater", **cells)


def on_host(analytic: str, technique: str, end_us: int, **cells: object) -> Row:
    """The row of `flow()` and what came of it."""
    ordinary: Row = {
        "technique": technique,
        "tier": "process",
        "confidence": 0.9,
        "weight": 0.8,
        "start_time": START_US,
        "end_time": START_US + end_us,
        "src_ip": CLIENT,
        "dest_ip": SERVER,
        "host": "ws2",
        "events": 1,
        "observer": "ws2",
        "source": "log",
    }
    return detection(analytic, **ordinary | cells)


STARTED = {"image_path": SYSTEM + "cmd.exe", "command_line": "cmd /c x"}


def test_addresses_of_a_computer() -> None:
    flows = [
        flow(),
        flow(is_outbound=True, src_ip=OTHER),
        flow(dest_ip="fe80::1"),
        flow(transport_protocol="udp", dest_ip="1.1.1.1"),
    ]
    assert host_addresses({"host_flow": flows}) == {"ws2": {SERVER, OTHER}}
    assert host_addresses({"host_flow": [flow(), flow(is_outbound=True, src_ip=SERVER, host="gw")]})["ws2"] == set()


def test_clocks() -> None:
    seen = call(WBEM, 20, SECOND_US + 1, src_port=50000, dest_port=49672, flow_us=START_US + 1)
    assert host_skews({"rpc_call": [seen], "host_flow": [flow(30 * SECOND_US + 1)]}) == {
        ("ws2", "sensor"): 30 * SECOND_US
    }
    assert host_skews({"rpc_call": [seen], "host_flow": [flow(30 * SECOND_US)]}) == {("ws2", "sensor"): 30_499_999}
    assert host_skews({"rpc_call": [seen], "host_flow": [flow(61 * SECOND_US + 1)]}) == {}


def test_what_was_started() -> None:
    twice = [process(5, process_guid="g"), process(9 * SECOND_US), process(20 * SECOND_US)]
    assert [each["time_us"] - START_US for each in launches({"process": twice})] == [5, 20 * SECOND_US]
    assert [each["kind"] for each in launches({"process": [process(0, "WmiPrvSE.exe"), process(0, "a.exe")]})] == [
        "wmi"
    ]


def test_a_service_by_the_servers_log() -> None:
    executed = on_host("remote-service", "T1569.002", SECOND_US, service="svcctl", **STARTED)
    tables = {"host_flow": [flow()], "process": [process(SECOND_US)]}
    assert found("remote-service", **tables) == [executed]
    both = [executed | {"target": "\\Updater"}, executed | {"technique": "T1543.003", "target": "\\Updater"}]
    assert found("remote-service", **tables, host_event=[event("service", 0)]) == both
    latest = found("remote-service", host_flow=[flow(), flow(1, src_ip=OTHER)], process=[process(1)])
    assert [each["src_ip"] for each in latest] == [OTHER]


@pytest.mark.parametrize(
    ("accepted", "started"),
    [
        (flow(), process(2 * SECOND_US + 1)),
        (flow(), process(-SECOND_US - 1)),
        (flow(), process(0, parent_pid=705)),
        (flow(), process(0, "explorer.exe")),
        (flow(), process(0, host="ws3")),
        (flow(src_ip="127.0.0.1"), process(0)),
        (flow(src_ip=SERVER), process(0)),
        (flow(is_outbound=True), process(0)),
        (flow(image="svchost.exe"), process(0)),
    ],
)
def test_no_service(accepted: Row, started: Row) -> None:
    assert found("remote-service", host_flow=[accepted], process=[started]) == []


def test_a_service_by_calls_with_what_came_of_it() -> None:
    tables = {"rpc_call": [call(SVCCTL, 19)], "host_flow": [flow()], "process": [process(SECOND_US)]}
    rows = found("remote-service", **tables)
    assert [(each["tier"], each["host"], each["command_line"]) for each in rows] == [("decoded", "ws2", "cmd /c x")]
    assert [each["tier"] for each in found("remote-service", **tables | {"process": []})] == ["decoded"]


def test_wmi() -> None:
    tables = {"host_flow": [flow(image="svchost.exe")], "process": [process(10 * SECOND_US, "wmiprvse.exe")]}
    cells: Row = {"service": "svchost.exe", "confidence": 0.7, **STARTED}
    assert found("wmi-launch", **tables) == [on_host("wmi-launch", "T1047", 10 * SECOND_US, **cells)]
    asked = call(WBEM, 24, SECOND_US)
    (row,) = found("wmi-launch", **tables, rpc_call=[asked])
    assert (row["tier"], row["confidence"], row["operation"]) == ("decoded", 0.9, "ExecMethod")
    (told,) = found("remote-wmi", **tables, rpc_call=[asked, call(WBEM, 20)])
    assert (told["operation"], told["command_line"]) == ("ExecMethod", "cmd /c x")


def test_tasks() -> None:
    definition = "<Exec><Command>a</Command><Arguments>&lt;b&gt;</Arguments></Exec>"
    tables = {"host_flow": [flow(image="svchost.exe")], "host_event": [event("task", SECOND_US, detail=definition)]}
    cells: Row = {"service": "ITaskSchedulerService", "confidence": 0.5, "weight": 0.7, "command_line": "a <b>"}
    alone = on_host("remote-task", "T1053.005", SECOND_US, target="\\Updater", **cells)
    assert found("remote-task", **tables) == [alone]
    (row,) = found("remote-task", **tables, rpc_call=[call(TASKS, 1)])
    assert (row["tier"], row["target"], row["command_line"]) == ("decoded", "\\Updater", "a <b>")
    late = [event("task", 60 * SECOND_US + 1)]
    assert found("remote-task", **tables | {"host_event": late}) == []


def test_objects() -> None:
    activation = call("000001a0-0000-0000-c000-000000000046", 4)
    invoke = call("00020400-0000-0000-c000-000000000046", 6, SECOND_US)
    (row,) = found("dcom-execution", rpc_call=[activation, invoke])
    assert (row["weight"], row["start_time"], row["end_time"]) == (0.8, START_US, START_US + SECOND_US)
    assert [each["weight"] for each in found("dcom-execution", rpc_call=[invoke])] == [0.4]
    tables = {"host_flow": [flow(image="mmc.exe")], "process": [process(SECOND_US, "mmc.exe")]}
    alone = on_host("dcom-execution", "T1021.003", SECOND_US, service="mmc.exe", **STARTED)
    assert found("dcom-execution", **tables) == [alone]


def test_published_forms() -> None:
    own = process(SECOND_US - 1, pid=704)
    (row,) = found("CAR-2014-03-005", host_flow=[flow()], process=[own])
    assert (row["start_time"], row["end_time"]) == (START_US, START_US + SECOND_US - 1)
    for time_us in (START_US, START_US + SECOND_US):
        assert found("CAR-2014-03-005", host_flow=[flow()], process=[own | {"time_us": time_us}]) == []
    ports = {"src_port": 49152, "dest_port": 49152}
    assert len(found("CAR-2015-04-002", rpc_call=[call(TASKS, 7, **ports)])) == 1
    assert found("CAR-2015-04-002", rpc_call=[call(TASKS, 7, **ports | {"src_port": 49151})]) == []
    counted = call(published.REM_UNKNOWN, 5, src_port=50000, dest_port=135)
    assert len(found("CAR-2014-11-007", rpc_call=[counted])) == 1
    tables = {"host_flow": [flow()], "process": [process(SECOND_US - 1, "wmiprvse.exe")]}
    assert found("CAR-2014-12-001", **tables, rpc_call=[counted]) == []
    assert len(found("CAR-2014-12-001", **tables, rpc_call=[counted | {"dest_port": 49670}])) == 1

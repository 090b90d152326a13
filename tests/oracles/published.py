"""The four forms that MITRE's repository of analytics published beside CAR-2014-05-001, as the pages' pseudocode says."""

from collections.abc import Mapping

from rpcsight.catalog import operation
from tests.oracles.attacks import TASKS, Oracle, Parameters
from tests.oracles.hosts import SECOND_US, host_addresses, program
from tests.oracles.telling import Row, Tables, detection, grouped, least, turned

REM_UNKNOWN = "00000143-0000-0000-c000-000000000046"
MESSAGE = {"tier": "decoded", "confidence": 0.5, "weight": 0.3, "events": 1}


def services(tables: Tables, _: Parameters) -> list[Row]:
    """Processes that services.exe started within a second of a connection of the process of the same number."""
    found: list[Row] = []
    for process in tables["process"]:
        for flow in tables["host_flow"]:
            if (
                program(process["parent_image_path"]) == "services.exe"
                and flow["host"].lower() == process["host"].lower()
                and flow["pid"] is not None
                and flow["pid"] == process["pid"]
                and flow["time_us"] < process["time_us"] < flow["time_us"] + SECOND_US
            ):
                cells = {name: flow[name] for name in ("src_ip", "dest_ip", "observer", "source")}
                cells |= {name: process[name] for name in ("user_name", "image_path", "command_line")}
                cells |= {"tier": "process", "confidence": 0.1, "weight": 0.1, "events": 1}
                cells |= {"start_time": flow["time_us"], "end_time": process["time_us"], "host": flow["host"].lower()}
                found.append(detection("CAR-2014-03-005", technique="T1569.002", **cells))
    return found


def _messages(tables: Tables, interface: str, name: str) -> list[Row]:
    """Binds and calls of an interface, with `at_us`; the client is src."""
    found: list[Row] = []
    for table in ("rpc_bind", "rpc_call"):
        for row in tables[table]:
            is_named = row["interface"] is None and (row.get("interface_name") or "").lower() == name.lower()
            if row["interface"] == interface or is_named:
                at_us = row["time_us"] if row["time_us"] is not None else row["flow_us"]
                known = operation(interface, row["opnum"]) if row.get("opnum") is not None else None
                called = known.name if known else row.get("operation")
                found.append(turned(row) | {"at_us": at_us, "operation": called, "flow_id": row.get("flow_id")})
    return found


def _dynamic(rows: list[Row], low: int) -> list[Row]:
    return [row for row in rows if min(row["src_port"] or 0, row["dest_port"] or 0) >= low]


def _one_by_one(analytic: str, technique: str, service: str, rows: list[Row]) -> list[Row]:
    """A row a message."""
    names = ("src_ip", "dest_ip", "user_name", "operation", "flow_id", "observer", "source")
    return [
        detection(
            analytic,
            **MESSAGE,
            **{"technique": technique, "service": service, "start_time": row["at_us"], "end_time": row["at_us"]},
            **{name: row[name] for name in names},
        )
        for row in rows
    ]


def tasks(tables: Tables, parameters: Parameters) -> list[Row]:
    """Messages of the task scheduler between two dynamic ports."""
    rows = _dynamic(_messages(tables, TASKS, "ITaskSchedulerService"), parameters["dynamic_low"])
    return _one_by_one("CAR-2015-04-002", "T1053.005", "ITaskSchedulerService", rows)


def wmi(tables: Tables, parameters: Parameters) -> list[Row]:
    """Messages of IRemUnknown2 to the endpoint mapper's port."""
    messages = _messages(tables, REM_UNKNOWN, "IRemUnknown2")
    rows = [row for row in messages if row["dest_port"] == parameters["mapper_port"]]
    return _one_by_one("CAR-2014-11-007", "T1047", "IRemUnknown2", rows)


def wmi_launched(tables: Tables, parameters: Parameters) -> list[Row]:
    """Processes that WMI started within a second of messages of IRemUnknown2 between two dynamic ports."""
    addresses = host_addresses(tables)
    messages = _dynamic(_messages(tables, REM_UNKNOWN, "IRemUnknown2"), parameters["dynamic_low"])
    pairs = [
        (message, process)
        for process in tables["process"]
        for message in messages
        if program(process["parent_image_path"]) == "wmiprvse.exe"
        and message["dest_ip"] in addresses.get(process["host"].lower(), set())
        and message["at_us"] < process["time_us"] < message["at_us"] + SECOND_US
    ]
    ends = ("src_ip", "src_port", "dest_ip", "dest_port", "observer", "source")
    started = ("host", "time_us", "image_path", "command_line", "user_name")
    found: list[Row] = []
    for (_, (_, time_us, *_)), group in grouped(
        [{"message": message, "process": process} for message, process in pairs],
        lambda row: (tuple(row["message"][name] for name in ends), tuple(row["process"][name] for name in started)),
    ).items():
        message, process = group[0]["message"], group[0]["process"]
        cells = {name: message[name] for name in ("src_ip", "dest_ip", "observer", "source")}
        cells |= {name: process[name] for name in ("user_name", "image_path", "command_line")}
        cells["flow_id"] = least(row["message"]["flow_id"] for row in group)
        cells |= MESSAGE | {"events": len(group), "host": process["host"].lower(), "service": "IRemUnknown2"}
        cells |= {"start_time": min(row["message"]["at_us"] for row in group), "end_time": time_us}
        found.append(detection("CAR-2014-12-001", technique="T1047", **cells))
    return found


ORACLES: Mapping[str, Oracle] = {
    "CAR-2014-03-005": services,
    "CAR-2015-04-002": tasks,
    "CAR-2014-11-007": wmi,
    "CAR-2014-12-001": wmi_launched,
}

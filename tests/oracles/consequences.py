"""The attack analytics that set calls and connections beside what they led to on the server, as their headers word them."""

from collections.abc import Mapping
from typing import Any

from tests.oracles.attacks import SVCCTL, Oracle, Parameters
from tests.oracles.hosts import MINUTE_US, SECOND_US, accepted, host_addresses, host_skews, is_between_hosts, launches
from tests.oracles.telling import HOUR_US, Row, Tables, called, detection, grouped, hourly, least, plain, telling

WBEM = "9556dc99-828c-11cf-a37e-00aa003240c7"
LOGIN = "f309ad18-d86a-11d0-a075-00c04fb68820"
STRONG = 0.4
CONNECTION = ("host", "time_us", "src_ip", "src_port", "dest_ip", "dest_port")
KEY = ("src_ip", "dest_ip", "interface", "opnum", "technique", "transport")


def remote_service(tables: Tables, parameters: Parameters) -> list[Row]:
    """Services made or started over TCP, with the process that came of it; else what services.exe did after a connection."""
    wanted = [
        row
        for row in hourly(tables)
        if row["interface"] == SVCCTL and row["transport"] == "tcp" and row["technique"] in {"T1543.003", "T1569.002"}
    ]
    decoded = _with_consequence("remote-service", tables, wanted, "services", parameters["service_us"])
    return decoded + [
        row for row in _followed(tables, parameters["service_us"]) if not any(_is_told(row, other) for other in decoded)
    ]


def _is_told(row: Row, decoded: Row) -> bool:
    """Whether calls tell of a connection already, with what came of them."""
    is_near = decoded["start_time"] - MINUTE_US <= row["start_time"] <= decoded["end_time"] + MINUTE_US
    return is_near and all(row[name] == decoded[name] for name in ("host", "src_ip", "dest_ip"))


def remote_wmi(tables: Tables, parameters: Parameters) -> list[Row]:
    """WMI told to do something, with the process that came of it."""
    wanted = [row for row in hourly(tables) if row["interface"] == WBEM and row["weight"] >= STRONG]
    return _with_consequence("remote-wmi", tables, wanted, "wmi", parameters["wmi_us"])


def _with_consequence(analytic: str, tables: Tables, wanted: list[Row], kind: str, window_us: int) -> list[Row]:
    """Plain rows, with the first process that was started on the server from a second before one of its calls to the window after."""
    skews = host_skews(tables)
    started = [row for row in launches(tables) if row["kind"] == kind]
    groups = grouped(telling(tables), lambda row: (*(row[name] for name in KEY), row["at_us"] // HOUR_US))
    found: list[Row] = []
    for row in wanted:
        calls = groups[(*(row[name] for name in KEY), row["first_us"] // HOUR_US)]
        after = [
            launch
            for launch in started
            if row["dest_ip"] in launch["ips"]
            and any(
                -SECOND_US
                <= launch["time_us"] - call["at_us"] - skews.get((launch["host"], call["observer"]), 0)
                <= window_us
                for call in calls
            )
        ]
        cells: Row = {}
        if after:
            first = min(after, key=order)
            cells = {name: first[name] for name in ("host", "image_path", "command_line")}
        found.append(plain(analytic, row, **cells))
    return found


def order(launch: Row) -> tuple[Any, ...]:
    names = ("host", "image_path", "command_line")
    return (launch["time_us"], *((launch[name] is None, launch[name] or "") for name in names))


def _followed(tables: Tables, service_us: int) -> list[Row]:
    """Connections that services.exe accepted, each with the first process that it started then."""
    records = grouped(accepted(tables, "services.exe"), lambda row: tuple(row[name] for name in CONNECTION))
    children: dict[tuple[Any, ...], list[Row]] = {}
    unnamed = [row | {"host": row["host"].lower()} for row in tables["process"] if row["parent_image_path"] is None]
    for child in [row for row in launches(tables) if row["kind"] == "services"] + unnamed:
        own = [
            row for same in records.values() for row in same if row["host"] == child["host"] and _is_parent(row, child)
        ]
        asking = nearest(child["time_us"], own, service_us)
        for key in {tuple(row[name] for name in CONNECTION) for row in asking}:
            children.setdefault(key, []).append(child)
    found: list[Row] = []
    for key, started in children.items():
        row, first = records[key][0], min(started, key=order)
        low_us, high_us = row["time_us"] - service_us, first["time_us"] + service_us
        installed = [
            (event["time_us"], event["name"])
            for event in tables["host_event"]
            if event["action"] == "service" and event["name"] is not None and event["host"].lower() == row["host"]
            if low_us <= event["time_us"] <= high_us
        ]
        cells = {name: row[name] for name in ("src_ip", "dest_ip", "host")}
        cells |= {name: least(same[name] for same in records[key]) for name in ("observer", "source")}
        cells |= {"image_path": first["image_path"], "command_line": first["command_line"]}
        cells |= {"start_time": row["time_us"], "end_time": max(first["time_us"], row["time_us"]), "events": 1}
        cells |= {"tier": "process", "confidence": 0.9, "weight": 0.8, "service": "svcctl"}
        cells["target"] = min(installed)[1] if installed else None
        for technique in ["T1569.002", "T1543.003"][: 2 if installed else 1]:
            found.append(detection("remote-service", technique=technique, **cells))
    return found


def nearest(time_us: int, connections: list[Row], window_us: int) -> list[Row]:
    """The latest connections before a time, else the first within a second after it: those of one time."""
    before = [row["time_us"] for row in connections if 0 <= time_us - row["time_us"] <= window_us]
    after = [row["time_us"] for row in connections if 0 < row["time_us"] - time_us <= SECOND_US]
    near_us = max(before) if before else min(after, default=None)
    return [row for row in connections if row["time_us"] == near_us]


def _is_parent(flow: Row, child: Row) -> bool:
    """Whether the connection is of the process that started another: by number, else by Sysmon's id."""
    if flow["pid"] is not None:
        return flow["pid"] == child["parent_pid"]
    return flow["process_guid"] is not None and flow["process_guid"] == child["parent_guid"]


def wmi_launch(tables: Tables, parameters: Parameters) -> list[Row]:
    """Processes that WMI started, with who asked for them."""
    window_us, skews, addresses = parameters["wmi_us"], host_skews(tables), host_addresses(tables)
    asking = [row for row in called(tables) if not row["is_callback"] and row["interface"] in {WBEM, LOGIN}]
    calls = [row for row in asking if is_between_hosts(row)]
    flows = [row for row in accepted(tables, "svchost.exe") if row["dest_port"] >= parameters["dynamic_low"]]
    found: list[Row] = []
    names = ("host", "time_us", "pid", "process_guid", "image_path", "command_line", "user_name")
    started = [row for row in launches(tables) if row["kind"] == "wmi"]
    for launch in {tuple(row[name] for name in names): row for row in started}.values():
        host = launch["host"]
        asked = [
            row
            | {"time_us": row["at_us"] + skews.get((host, row["observer"]), 0)}
            | {"confidence": 1.0 if (host, row["observer"]) in skews or row["observer"] == host else 0.9}
            for row in calls
            if row["dest_ip"] in addresses.get(host, set())
        ]
        own = [row | {"at_us": row["time_us"]} for row in flows if row["host"] == host]
        cells = {name: launch[name] for name in ("host", "user_name", "image_path", "command_line")}
        if near := nearest(launch["time_us"], asked, window_us):
            ties = ("confidence", "src_ip", "dest_ip", "service", "operation")
            before = min(near, key=lambda row: (-row["confidence"], *(str(row[name]) for name in ties)))
            cells |= {"tier": "decoded"}
        elif near := nearest(launch["time_us"], own, window_us):
            ties = ("src_ip", "dest_ip")
            before = min(near, key=lambda row: (row["src_ip"], row["dest_ip"]))
            cells |= {"service": "svchost.exe", "tier": "process", "confidence": 0.7}
        else:
            continue
        same = [row for row in near if all(row[name] == before[name] for name in ties)]
        cells |= {name: before[name] for name in ties}
        cells |= {name: least(row.get(name) for row in same) for name in ("flow_id", "observer", "source")}
        cells |= {"start_time": before["at_us"], "end_time": max(launch["time_us"], before["at_us"])}
        found.append(detection("wmi-launch", **cells, technique="T1047", weight=0.8, events=1))
    return found


ORACLES: Mapping[str, Oracle] = {
    "remote-service": remote_service,
    "remote-wmi": remote_wmi,
    "wmi-launch": wmi_launch,
}

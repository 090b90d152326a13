"""The attack analytics on tasks and DCOM objects, with calls or with the server's own log alone, as their headers word them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.oracles.attacks import TASKS, Oracle, Parameters
from tests.oracles.combined import most
from tests.oracles.consequences import KEY, nearest, order
from tests.oracles.hosts import DCOM, MINUTE_US, SECOND_US, accepted, host_addresses, host_skews, launches, program
from tests.oracles.telling import HOUR_US, LEAST, Row, Tables, detection, grouped, hourly, least, plain, telling

ACTIVATIONS = {
    ("000001a0-0000-0000-c000-000000000046", 3),
    ("000001a0-0000-0000-c000-000000000046", 4),
    ("4d9f4ab8-7d1c-11cf-861e-0020af6e7c57", 0),
}
INVOKE = ("00020400-0000-0000-c000-000000000046", 6)
LONGEST = 200
ESCAPES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&"))


def registrations(tables: Tables) -> list[Row]:
    """Tasks registered, each once: host, time, name, the process that wrote it, and what that hour's records say of it."""
    records = [
        row | {"host": row["host"].lower(), "name": row["name"] or None, "process_key": _writer(row)}
        for row in tables["host_event"]
        if row["action"] == "task"
    ]
    told = grouped(records, lambda row: (row["host"], row["name"], row["time_us"] // HOUR_US))
    found: dict[tuple[Any, ...], Row] = {}
    for row in records:
        same = told[row["host"], row["name"], row["time_us"] // HOUR_US] if row["name"] else []
        cells = {name: row[name] for name in ("host", "time_us", "name", "process_key")}
        cells["command_line"] = least(_command(each["detail"]) for each in same)
        cells["user_name"] = least(each["user_name"] for each in same if not _is_written(each))
        found[tuple(cells.values())] = cells | {name: row[name] for name in ("observer", "source")}
    return list(found.values())


def _writer(row: Row) -> str | None:
    """The process that wrote a registry value; other records name none, or the client's."""
    return key(row) if _is_written(row) else None


def _is_written(row: Row) -> bool:
    """Whether a record is of the registry, which names the program that wrote it."""
    return row["image_path"] is not None or row["process_guid"] is not None


def key(row: Row) -> str | None:
    """A process: its number, else Sysmon's id."""
    return str(row["pid"]) if row["pid"] is not None else row["process_guid"]


def _command(detail: str | None) -> str | None:
    if detail is None:
        return None
    parts = [re.search(f"<{tag}>(.*?)</{tag}>", detail) for tag in ("Command", "Arguments")]
    text = " ".join(part[1] for part in parts if part) if parts[0] else detail
    for escaped, letter in ESCAPES:
        text = text.replace(escaped, letter)
    return text[:LONGEST] or None


def remote_task(tables: Tables, parameters: Parameters) -> list[Row]:
    """Tasks registered or run over TCP, with the task's name; else what the scheduler did after a connection."""
    written = registrations(tables)
    skews, addresses = host_skews(tables), host_addresses(tables)
    calls = grouped(telling(tables), lambda row: (*(row[name] for name in KEY), row["at_us"] // HOUR_US))
    found: list[Row] = []
    for row in hourly(tables):
        if row["interface"] != TASKS or row["technique"] != "T1053.005" or row["transport"] != "tcp":
            continue
        own = calls[(*(row[name] for name in KEY), row["first_us"] // HOUR_US)]
        named = [
            task
            for task in written
            if task["name"] is not None and row["dest_ip"] in addresses.get(task["host"], set())
            if any(
                -SECOND_US
                <= task["time_us"] - call["at_us"] - skews.get((task["host"], call["observer"]), 0)
                <= parameters["task_us"]
                for call in own
            )
        ]
        cells: Row = {}
        if named:
            first = min(
                named, key=lambda task: (task["time_us"], task["host"], task["name"], task["command_line"] or "~")
            )
            cells = {"target": first["name"], "host": first["host"], "command_line": first["command_line"]}
        found.append(plain("remote-task", row, **cells))
    return found + [
        row for row in _registered(tables, written, parameters) if not any(_is_told(row, other) for other in found)
    ]


def _is_told(row: Row, decoded: Row) -> bool:
    """Whether calls tell of a registration already."""
    if row["target"] not in {None, decoded["target"]}:
        return False
    is_near = decoded["start_time"] - MINUTE_US <= row["start_time"] <= decoded["end_time"] + MINUTE_US
    return is_near and all(row[name] == decoded[name] for name in ("host", "src_ip", "dest_ip"))


def _registered(tables: Tables, written: list[Row], parameters: Parameters) -> list[Row]:
    """Registrations after a connection to the process of the task scheduler."""
    flows = [row for row in accepted(tables, "svchost.exe") if row["dest_port"] >= parameters["dynamic_low"]]
    writers = {(task["host"], task["process_key"]) for task in written if task["process_key"] is not None}
    asked: list[Row] = []
    for task in written:
        own = [row for row in flows if row["host"] == task["host"]]
        known = [row for row in own if (row["host"], key(row)) in writers]
        confidence = 0.8
        if task["process_key"] is not None:
            known = [row for row in own if key(row) == task["process_key"]]
        elif task["host"] not in {host for host, _ in writers}:
            known, confidence = own, 0.5
        for flow in nearest(task["time_us"], known, parameters["task_us"]):
            asked.append({"task": task, "flow": flow, "confidence": confidence})
    names = ("host", "src_ip", "dest_ip")
    groups = grouped(
        asked,
        lambda row: (*(row["flow"][name] for name in names), row["task"]["name"], row["task"]["time_us"] // HOUR_US),
    )
    found: list[Row] = []
    for (host, src_ip, dest_ip, name, hour), group in groups.items():
        is_named_too = any(
            other[:3] == (host, src_ip, dest_ip) and other[3] is not None and other[4] == hour for other in groups
        )
        if name is None and is_named_too:
            continue
        flows_here, tasks_here = [row["flow"] for row in group], [row["task"] for row in group]
        cells: Row = {
            "src_ip": src_ip,
            "dest_ip": dest_ip,
            "host": host,
            "target": name,
            "service": "ITaskSchedulerService",
        }
        cells |= {cell: least(row[cell] for row in tasks_here) for cell in ("command_line", "user_name")}
        cells |= {cell: least(row[cell] for row in flows_here) for cell in ("observer", "source")}
        cells |= {"tier": "process", "weight": 0.7, "confidence": max(row["confidence"] for row in group)}
        cells["events"] = len({(row["src_port"], row["dest_port"]) for row in flows_here})
        cells["start_time"] = min(row["time_us"] for row in flows_here)
        cells["end_time"] = max(row["time_us"] for row in flows_here + tasks_here)
        found.append(detection("remote-task", technique="T1053.005", **cells))
    return found


def dcom_execution(tables: Tables, parameters: Parameters) -> list[Row]:
    """Methods of objects called after their activation; else what programs did that DCOM can make do things."""
    decoded = _invoked(tables, parameters["dcom_us"])
    alone = _done(tables, parameters)
    return decoded + [
        row
        for row in alone
        if not any(
            all(row[name] == other[name] for name in ("host", "src_ip", "dest_ip"))
            and abs(row["start_time"] - other["start_time"]) <= MINUTE_US
            for other in decoded
        )
    ]


def _invoked(tables: Tables, dcom_us: int) -> list[Row]:
    calls = [row for row in telling(tables) if row["technique"] == "T1021.003"]
    starts = [row for row in calls if (row["interface"], row["opnum"]) in ACTIVATIONS]
    invokes: list[Row] = []
    for call in calls:
        if (call["interface"], call["opnum"]) == INVOKE:
            before = [
                row["at_us"]
                for row in starts
                if all(row[name] == call[name] for name in ("src_ip", "dest_ip", "observer"))
                if 0 <= call["at_us"] - row["at_us"] <= dcom_us
            ]
            invokes.append(call | {"activated_us": max(before, default=None), "is_activated": bool(before)})
    skews = host_skews(tables)
    started = [row for row in launches(tables) if row["kind"] == "dcom"]
    names = ("src_ip", "dest_ip", "is_activated")
    found: list[Row] = []
    for group in grouped(invokes, lambda row: (*(row[name] for name in names), row["at_us"] // HOUR_US)).values():
        is_activated = group[0]["is_activated"]
        start_us = min(row["activated_us"] if is_activated else row["at_us"] for row in group)
        end_us = max(row["at_us"] for row in group)
        cells: Row = {cell: least(row[cell] for row in group) for cell in LEAST if cell != "pipe"}
        cells |= {"src_ip": group[0]["src_ip"], "dest_ip": group[0]["dest_ip"], "events": most(group)}
        cells |= {"start_time": start_us, "end_time": end_us, "tier": "decoded", "confidence": 1.0}
        after = [
            launch
            for launch in started
            if cells["dest_ip"] in launch["ips"]
            and start_us - SECOND_US
            <= launch["time_us"] - skews.get((launch["host"], cells["observer"]), 0)
            <= end_us + dcom_us
        ]
        if after:
            first = min(after, key=order)
            cells |= {name: first[name] for name in ("host", "image_path", "command_line")}
        found.append(detection("dcom-execution", technique="T1021.003", weight=0.8 if is_activated else 0.4, **cells))
    return found


def _done(tables: Tables, parameters: Parameters) -> list[Row]:
    """What programs did after a connection: a row a process of theirs, client and hour."""
    flows = [
        row
        for name in DCOM
        for row in accepted(tables, name)
        if row["dest_port"] >= parameters["dynamic_low"] and key(row) is not None
    ]
    done: list[Row] = []
    processes = [row | {"host": row["host"].lower()} for row in tables["process"]]
    unnamed = [row | {"parent_guid": None} for row in processes if row["parent_image_path"] is None]
    for row in [row for row in launches(tables) if row["kind"] == "dcom"] + unnamed:
        done += _child(row, flows, parameters["dcom_us"])
    for row in processes:
        done += _embedded(row, flows, parameters["dcom_us"])
    names: Callable[[Row], Any] = lambda row: (  # noqa: E731
        *(row["flow"][name] for name in ("host", "src_ip", "dest_ip")),
        key(row["flow"]),
        program(row["flow"]["image_path"]),
        row["flow"]["time_us"] // HOUR_US,
    )
    found: dict[tuple[Any, ...], Row] = {}
    for group in grouped(done, names).values():
        children = [row for row in group if row["is_child"]] or group
        first = min((row["process"] for row in children), key=order)
        connections = [row["flow"] for row in children]
        times_us = [row["time_us"] for row in connections] + [row["process"]["time_us"] for row in children]
        cells = {name: connections[0][name] for name in ("src_ip", "dest_ip", "host")}
        cells |= {name: least(row[name] for row in connections) for name in ("observer", "source")}
        cells |= {name: first[name] for name in ("image_path", "command_line", "user_name")}
        cells |= {"tier": "process", "confidence": 0.9, "weight": 0.8, "events": 1}
        cells |= {
            "service": program(connections[0]["image_path"]),
            "start_time": min(times_us),
            "end_time": max(times_us),
        }
        begun = min(connections, key=lambda row: (row["time_us"], row["src_port"], row["dest_port"]))
        same = (*cells.values(), begun["src_port"], begun["dest_port"])
        found[same] = detection("dcom-execution", technique="T1021.003", **cells)
    return list(found.values())


def _child(row: Row, flows: list[Row], dcom_us: int) -> list[Row]:
    """The connection of its parent that a process belongs to."""
    own = [
        flow
        for flow in flows
        if flow["host"] == row["host"]
        and key(flow) in {row["parent_guid"], None if row["parent_pid"] is None else str(row["parent_pid"])}
        and program(row["parent_image_path"]) in {"", program(flow["image_path"])}
    ]
    return [{"flow": flow, "process": row, "is_child": True} for flow in nearest(row["time_us"], own, dcom_us)]


def _embedded(row: Row, flows: list[Row], dcom_us: int) -> list[Row]:
    """The connections that a process accepted which was started to be used by DCOM."""
    if "-embedding" not in (row["command_line"] or "").lower():
        return []
    return [
        {"flow": flow, "process": row, "is_child": False}
        for flow in flows
        if flow["host"] == row["host"]
        and key(flow) in {row["process_guid"], None if row["pid"] is None else str(row["pid"])}
        and program(flow["image_path"]) == program(row["image_path"])
        and -SECOND_US <= flow["time_us"] - row["time_us"] <= dcom_us
    ]


ORACLES: Mapping[str, Oracle] = {"remote-task": remote_task, "dcom-execution": dcom_execution}

"""Services and tasks made over a pipe: by calls, or as the server's own log tells, as the analytics' headers word them."""

from collections.abc import Mapping
from typing import Any

from tests.oracles.attacks import ATSVC, SASEC, SVCCTL, TASKS, Oracle, Parameters, service_pipe, task_atsvc
from tests.oracles.hosts import host_addresses, is_local
from tests.oracles.objects import registrations
from tests.oracles.telling import HOUR_US, Row, Tables, detection, grouped, hourly, least

COPY_US = 10_000_000
"""How far apart two logs may stamp one service or task."""
NOWHERE = (None, "", "-", "0.0.0.0", "::")  # noqa: S104
SYSTEM = {"0x3e7", "0x3e4", "0x3e5"}
PIPES = {"service": "ipc$/svcctl", "task": "ipc$/atsvc"}


def service(tables: Tables, parameters: Parameters) -> list[Row]:
    """Calls, and services of the server's log that no call tells of."""
    wanted = [row for row in hourly(tables) if row["interface"] == SVCCTL and row["technique"] == "T1543.003"]
    found = service_pipe(tables, parameters)
    caused = remote_causes(tables, "service", parameters["service_us"])
    for group in grouped(_untold(tables, caused, wanted), lambda row: (*_key(row), row["detail"])).values():
        cells = {"technique": "T1543.003", "service": "svcctl", "command_line": group[0]["detail"]}
        found.append(_row("service-pipe", tables, group, **cells))
    return found


def task(tables: Tables, parameters: Parameters) -> list[Row]:
    """Calls, and tasks of the server's log that no call tells of."""
    wanted = [
        row
        for row in hourly(tables)
        if row["interface"] in {ATSVC, SASEC, TASKS} and row["technique"] in {"T1053.002", "T1053.005"}
    ]
    found = task_atsvc(tables, parameters)
    caused = remote_causes(tables, "task", parameters["task_us"])
    registered = registrations(tables)
    for group in grouped(_untold(tables, caused, wanted), _key).values():
        first = group[0]
        runs = least(
            each["command_line"]
            for each in registered
            if each["name"] is not None and (each["host"], each["name"]) == (first["host"], first["name"])
            if each["time_us"] // HOUR_US == first["time_us"] // HOUR_US
        )
        cells = {"technique": "T1053.005", "service": "ITaskSchedulerService", "command_line": runs}
        found.append(_row("task-atsvc", tables, group, **cells))
    return found


def _key(row: Row) -> tuple[Any, ...]:
    return row["host"], row["src_ip"], row["name"], row["time_us"] // HOUR_US


def _untold(tables: Tables, caused: list[Row], calls: list[Row]) -> list[Row]:
    """Those of which no call of the same client to that computer in the same hour tells."""
    addresses = host_addresses(tables)
    return [
        row
        for row in caused
        if not any(
            call["src_ip"] == row["src_ip"]
            and call["dest_ip"] in addresses.get(row["host"], set())
            and call["first_us"] // HOUR_US == row["time_us"] // HOUR_US
            for call in calls
        )
    ]


def _row(analytic: str, tables: Tables, group: list[Row], **cells: object) -> Row:
    """The row of one service or task."""
    host, src_ip = group[0]["host"], group[0]["src_ip"]
    addresses = sorted(host_addresses(tables).get(host, set()))
    alike = [each for each in addresses if (":" in each) == (":" in src_ip)]
    made = {name: least(row[name] for row in group) for name in ("user_name", "observer", "source")}
    made |= {"tier": "process", "weight": 0.7, "confidence": max(row["confidence"] for row in group)}
    made |= {"start_time": min(row["first_us"] for row in group), "end_time": max(row["time_us"] for row in group)}
    made |= {"src_ip": src_ip, "dest_ip": next(iter(alike or addresses), None), "host": host}
    return detection(analytic, **made | cells, target=group[0]["name"], events=len({row["time_us"] for row in group}))


def remote_causes(tables: Tables, action: str, window_us: int) -> list[Row]:
    """Services or tasks made by somebody at another computer, with `src_ip`, `first_us` and `confidence`."""
    events = [_cleaned(row) for row in tables.get("host_event", ())]
    made = [row for row in events if row["action"] == action]
    visits = [_visit(tables, row) for row in events if row["action"] in {"logon", "share"}]
    found: list[Row] = []
    for row in made:
        if any(_is_copy(row, other) for other in made):
            continue
        before = [each for each in visits if each["host"] == row["host"] and each["time_us"] <= row["time_us"]]
        own = _latest([each for each in before if row["logon_id"] and each["logon_id"] == row["logon_id"]])
        if came := [each for each in own if each["is_network"] and each["is_elsewhere"]]:
            first = _least_of(came)
            found.append(_caused(row, first) | {"first_us": row["time_us"], "confidence": 0.9})
            continue
        if own and not all(each["is_network"] and each["src_ip"] in NOWHERE for each in own):
            continue
        if not own and row["logon_id"] in SYSTEM:
            continue
        opened = _latest([each for each in before if each["is_elsewhere"] and each["opens"] == action])
        if opened and row["time_us"] - opened[0]["time_us"] <= window_us:
            found.append(_caused(row, _least_of(opened)) | {"first_us": opened[0]["time_us"], "confidence": 0.7})
    return found


def _cleaned(row: Row) -> Row:
    """An event without what says nothing; a registry value's writer is not who asked for it."""
    is_written = bool(row["image_path"] or row["process_guid"]) and row["action"] in {"service", "task"}
    logon_id = (row["logon_id"] or "").lower() or None
    cells = {name: row[name] or None for name in ("name", "detail", "user_name")}
    return (
        row | cells | {"host": row["host"].lower(), "logon_id": logon_id} | ({"user_name": None} if is_written else {})
    )


def _visit(tables: Tables, row: Row) -> Row:
    """A logon or a share opened, with where it came from."""
    address, path = row["src_ip"], (row["name"] or "").replace("\\", "/").lower()
    is_own = is_local(address) or address in host_addresses(tables).get(row["host"], set())
    return row | {
        "is_network": row["action"] == "share" or row["detail"] in {None, "3"},
        "is_elsewhere": address not in NOWHERE and not is_own,
        "opens": next((action for action, pipe in PIPES.items() if path.endswith(pipe)), None),
    }


def _is_copy(row: Row, other: Row) -> bool:
    """Whether another record says of the same thing more: in whose session it was made, or its name at all."""
    if row["logon_id"] is not None or row["host"] != other["host"] or abs(row["time_us"] - other["time_us"]) > COPY_US:
        return False
    if row["name"] is None and other["name"] is not None:
        return True
    is_same = row["action"] == "service" and row["detail"] is not None and row["detail"] == other["detail"]
    return other["logon_id"] is not None and (is_same or (row["name"] is not None and row["name"] == other["name"]))


def _latest(visits: list[Row]) -> list[Row]:
    latest_us = max((each["time_us"] for each in visits), default=None)
    return [each for each in visits if each["time_us"] == latest_us]


def _least_of(visits: list[Row]) -> Row:
    """The client of the smallest address, with the smallest of its names."""
    src_ip = min(each["src_ip"] for each in visits)
    return {"src_ip": src_ip, "user_name": least(each["user_name"] for each in visits if each["src_ip"] == src_ip)}


def _caused(row: Row, visitor: Row) -> Row:
    return row | {"src_ip": visitor["src_ip"], "user_name": row["user_name"] or visitor["user_name"]}


ORACLES: Mapping[str, Oracle] = {"service-pipe": service, "task-atsvc": task}

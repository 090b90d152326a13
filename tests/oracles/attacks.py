"""The attack analytics on calls alone, one function each, as their headers word them."""

from collections.abc import Callable, Mapping
from typing import Any

from rpcsight.catalog import techniques
from tests.oracles.telling import (
    DRSUAPI,
    HOUR_US,
    LEAST,
    Row,
    Tables,
    controllers,
    detection,
    grouped,
    hourly,
    least,
    plain,
    telling,
)

SVCCTL = "367abb81-9844-35f1-ad32-98f038001003"
ATSVC = "1ff70682-0a51-30e8-076d-740be8cee98b"
SASEC = "378e52b0-c0a9-11cf-822d-00aa0051e40f"
TASKS = "86d35949-83c9-4044-b424-db363231fd0c"
WINREG = "338cd001-2244-31f1-aaaa-900038001003"
NETLOGON = "12345678-1234-abcd-ef00-01234567cffb"
SLOT_US = 300_000_000
SWEPT = {"T1087", "T1069", "T1033", "T1018", "T1135", "T1049", "T1082", "T1016", "T1083", "T1124", "T1057"}
BURST = {
    (each.interface, each.opnum, each.technique)
    for each in techniques()
    if each.technique in SWEPT and each.source.startswith("BZAR")
}
"""What BZAR counts for its compound of discovery."""

Parameters = Mapping[str, int]
Oracle = Callable[[Tables, Parameters], list[Row]]


def _of(analytic: str, tables: Tables, is_wanted: Callable[[Row], bool], **cells: str) -> list[Row]:
    """Plain rows of the hourly rows that are wanted; `cells` says which cell has which of their values."""
    return [
        plain(analytic, row, **{cell: row[name] for cell, name in cells.items()})
        for row in hourly(tables)
        if is_wanted(row)
    ]


def rpc_techniques(tables: Tables, _: Parameters) -> list[Row]:
    """Whatever can serve a technique."""
    return _of("rpc-techniques", tables, bool)


def dcsync(tables: Tables, _: Parameters) -> list[Row]:
    """Replication asked for by what is no controller."""
    known = controllers(tables)
    wanted = [
        row
        for row in hourly(tables)
        if row["technique"] == "T1003.006"
        and row["interface"] == DRSUAPI
        and row["opnum"] in {3, 11}
        and row["src_ip"] not in known
    ]
    return [plain("dcsync", row, weight=0.9) for row in wanted]


def service_pipe(tables: Tables, _: Parameters) -> list[Row]:
    """Services made or started over the pipe, by calls."""

    def is_wanted(row: Row) -> bool:
        return (
            row["transport"] == "smb" and row["interface"] == SVCCTL and row["technique"] in {"T1543.003", "T1569.002"}
        )

    return _of("service-pipe", tables, is_wanted, target="pipe")


def task_atsvc(tables: Tables, _: Parameters) -> list[Row]:
    """Tasks registered by the old interfaces, or over a pipe, by calls."""

    def is_wanted(row: Row) -> bool:
        is_old = row["interface"] in {ATSVC, SASEC}
        is_piped = row["interface"] == TASKS and row["transport"] == "smb"
        return (is_old or is_piped) and row["technique"] in {"T1053.002", "T1053.005"}

    return _of("task-atsvc", tables, is_wanted, target="pipe")


def remote_registry(tables: Tables, _: Parameters) -> list[Row]:
    """Keys and values written, branches saved."""
    return _of(
        "remote-registry",
        tables,
        lambda row: row["interface"] == WINREG and row["technique"] in {"T1112", "T1003.002"},
    )


def eventlog_clear(tables: Tables, _: Parameters) -> list[Row]:
    """Event logs cleared."""
    return _of("eventlog-clear", tables, lambda row: row["technique"] == "T1070.001")


def forced_authentication(tables: Tables, _: Parameters) -> list[Row]:
    """Servers made to log on elsewhere."""
    return _of("forced-authentication", tables, lambda row: row["technique"] == "T1187" and row["weight"] >= 0.5)


def print_driver(tables: Tables, _: Parameters) -> list[Row]:
    """Printer drivers and monitors added."""
    return _of("print-driver", tables, lambda row: row["technique"] in {"T1547.012", "T1547.010"})


def remote_shutdown(tables: Tables, _: Parameters) -> list[Row]:
    """Hosts shut down."""
    return _of("remote-shutdown", tables, lambda row: row["technique"] == "T1529")


def zerologon(tables: Tables, parameters: Parameters) -> list[Row]:
    """Storms of authentications within five minutes of the clock, as any one observer counts them."""
    asked = [
        row
        for row in telling(tables)
        if row["technique"] == "T1210" and row["interface"] == NETLOGON and row["opnum"] in {5, 15, 26}
    ]
    found: list[Row] = []
    for slot in grouped(asked, lambda row: (row["src_ip"], row["dest_ip"], row["at_us"] // SLOT_US)).values():
        storms = [
            own for own in grouped(slot, lambda row: row["observer"]).values() if len(own) >= parameters["storm_calls"]
        ]
        if storms:
            calls = [row for own in storms for row in own]
            cells = {"technique": "T1210", "weight": 0.9, "dest_ip": calls[0]["dest_ip"]}
            found.append(_decoded("zerologon", calls, **cells, events=max(map(len, storms))))
    return found


def enumeration_sweep(tables: Tables, parameters: Parameters) -> list[Row]:
    """One question to many servers within an hour."""
    known = controllers(tables)
    asked = [row for row in hourly(tables) if row["technique"] in SWEPT and row["dest_ip"] not in known]
    names = ("src_ip", "interface", "opnum", "technique")
    found: list[Row] = []
    for group in grouped(asked, lambda row: (*(row[name] for name in names), row["first_us"] // HOUR_US)).values():
        servers = {row["dest_ip"] for row in group}
        if len(servers) >= parameters["sweep_servers"]:
            named = f"{len(servers)} servers, such as {min(servers)} and {max(servers)}"
            cells = {"technique": group[0]["technique"], "weight": 0.6, "target": named}
            found.append(_decoded("enumeration-sweep", group, **cells, events=sum(row["calls"] for row in group)))
    return found


def discovery_burst(tables: Tables, parameters: Parameters) -> list[Row]:
    """Many questions of discovery within five minutes of the clock."""
    asked = [row for row in telling(tables) if (row["interface"], row["opnum"], row["technique"]) in BURST]
    found: list[Row] = []
    for burst in grouped(asked, lambda row: (row["src_ip"], row["at_us"] // SLOT_US)).values():
        if _counted(burst) < parameters["discovery_calls"]:
            continue
        for technique, own in grouped(burst, lambda row: row["technique"]).items():
            servers = sorted({row["dest_ip"] for row in own})
            cells = {"technique": technique, "weight": 0.2, "events": _counted(own)}
            where = (
                {"dest_ip": servers[0]}
                if len(servers) == 1
                else {"target": f"{len(servers)} servers, such as {servers[0]} and {servers[-1]}"}
            )
            found.append(_decoded("discovery-burst", own, **cells, **where))
    return found


def _counted(calls: list[Row]) -> int:
    """How many calls: of each server, operation and technique, as the observer counts them that saw most."""
    names = ("dest_ip", "interface", "opnum", "technique")
    return sum(
        max(len(own) for own in grouped(group, lambda row: row["observer"]).values())
        for group in grouped(calls, lambda row: tuple(row[name] for name in names)).values()
    )


def _decoded(analytic: str, group: list[Row], **cells: Any) -> Row:
    """A row that several calls of a client make."""
    made: Row = {name: least(row[name] for row in group) for name in LEAST if name != "pipe"}
    made |= {"tier": "decoded", "confidence": 1.0, "src_ip": group[0]["src_ip"]}
    made["start_time"] = min(row.get("at_us", row.get("first_us")) for row in group)
    made["end_time"] = max(row.get("at_us", row.get("last_us")) for row in group)
    return detection(analytic, **made | cells)


ORACLES: dict[str, Oracle] = {
    "rpc-techniques": rpc_techniques,
    "dcsync": dcsync,
    "remote-registry": remote_registry,
    "eventlog-clear": eventlog_clear,
    "forced-authentication": forced_authentication,
    "print-driver": print_driver,
    "remote-shutdown": remote_shutdown,
    "zerologon": zerologon,
    "enumeration-sweep": enumeration_sweep,
    "discovery-burst": discovery_burst,
}

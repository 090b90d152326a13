"""What the attack analytics start from, call by call: names, techniques that a call can serve, calls by the hour, controllers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from rpcsight.catalog import interfaces, operations, techniques
from rpcsight.catalog.relations import rows

Row = dict[str, Any]
Tables = Mapping[str, Sequence[Row]]
"""Records by table: the tables of `schema.FACTS`, and `flow`."""
LEAST = ("service", "operation", "user_name", "pipe", "flow_id", "observer", "source")
"""Cells of which a row that stands for several calls has the least."""
HOUR_US = 3_600_000_000
DRSUAPI = "e3514235-4b06-11d1-ab04-00c04fc2dcd2"
DETECTION = (
    *("analytic", "technique", "tier", "confidence", "weight", "start_time", "end_time", "src_ip", "dest_ip", "host"),
    *("user_name", "service", "operation", "events", "target", "image_path", "command_line", "flow_id"),
    *("observer", "source"),
)


def detection(analytic: str, **cells: object) -> Row:
    """A row of the analytics, times in microseconds; what is not named is empty."""
    assert cells.keys() <= set(DETECTION)
    return {"analytic": analytic, **{name: cells.get(name) for name in DETECTION[1:]}}


def least(values: Iterable[Any]) -> Any:
    """The smallest of those that are there."""
    return min((value for value in values if value is not None), default=None)


def grouped(found: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    """Rows by key, in the order of the keys' first rows."""
    groups: dict[Any, list[Row]] = {}
    for row in found:
        groups.setdefault(key(row), []).append(row)
    return groups


@cache
def _meant() -> dict[tuple[str, str], list[tuple[str, int]]]:
    """What names of interface and operation mean, lower case."""
    meant: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for row in rows("rpc_name").to_pylist():
        meant.setdefault((row["interface_name"], row["operation"]), []).append((row["interface"], row["opnum"]))
    return meant


@cache
def _listed() -> dict[tuple[str, int], list[tuple[str, float]]]:
    """Techniques with their weights by operation."""
    listed: dict[tuple[str, int], list[tuple[str, float]]] = {}
    for each in techniques():
        listed.setdefault((each.interface, each.opnum), []).append((each.technique, each.weight))
    return listed


@cache
def _operation_names(interface: str) -> dict[int, str]:
    return {each.opnum: each.name for each in operations(interface)}


def called(tables: Tables) -> list[Row]:
    """Every call with `at_us`, interface and opnum as far as they are known, `service` and `operation` by name."""
    found: list[Row] = []
    for call in tables.get("rpc_call", ()):
        at_us = call["time_us"] if call["time_us"] is not None else call["flow_us"]
        if at_us is None:
            continue
        interface, opnum = call["interface"], call["opnum"]
        said = (str(call["interface_name"]).lower(), str(call["operation"]).lower())
        if len(meant := _meant().get(said, [])) == 1:
            interface = meant[0][0] if interface is None else interface
            opnum = meant[0][1] if opnum is None else opnum
        known = interfaces().get(interface or "")
        service = call["interface_name"] or (known.name if known else "") or None
        operation = call["operation"] or _operation_names(interface or "").get(opnum)
        found.append(
            call
            | {"at_us": at_us, "interface": interface, "opnum": opnum, "service": service, "operation": operation}
            | {"transport": call["transport_protocol"] or "tcp"}
        )
    return found


def is_loopback(address: str) -> bool:
    """Whether a host talks to itself by that address."""
    return address.startswith("127.") or address == "::1"


def turned(row: Row) -> Row:
    """A call or bind with the client as src, also where the server called back."""
    sides = {"src_ip": "dest_ip", "dest_ip": "src_ip", "src_port": "dest_port", "dest_port": "src_port"}
    return row | {name: row[other] for name, other in sides.items()} if row["is_callback"] else row


def telling(tables: Tables) -> list[Row]:
    """Calls between two hosts that can serve a technique, once for each; the client is src, also where the server called back."""
    found: list[Row] = []
    for call in called(tables):
        client, server = call["src_ip"], call["dest_ip"]
        if client is None or server is None or client == server or is_loopback(client) or is_loopback(server):
            continue
        for technique, weight in _listed().get((call["interface"], call["opnum"]), []):
            found.append(turned(call) | {"technique": technique, "weight": weight})
    return found


def hourly(tables: Tables) -> list[Row]:
    """Telling calls by client, server, operation, technique, transport and hour of the clock."""
    names = ("src_ip", "dest_ip", "interface", "opnum", "technique", "transport")
    found: list[Row] = []
    for group in grouped(
        telling(tables), lambda row: (*(row[name] for name in names), row["at_us"] // HOUR_US)
    ).values():
        by_observer = grouped(group, lambda row: row["observer"])
        found.append(
            {name: group[0][name] for name in (*names, "weight")}
            | {name: least(row[name] for row in group) for name in LEAST}
            | {"first_us": min(row["at_us"] for row in group), "last_us": max(row["at_us"] for row in group)}
            | {"calls": max(len(own) for own in by_observer.values())}
        )
    return found


def plain(analytic: str, row: Row, **cells: object) -> Row:
    """The row of an analytic that an hourly row is, with other cells if named."""
    same = (
        "technique",
        "weight",
        "src_ip",
        "dest_ip",
        "user_name",
        "service",
        "operation",
        "flow_id",
        "observer",
        "source",
    )
    made = {name: row[name] for name in same} | {"tier": "decoded", "confidence": 1.0}
    made |= {"start_time": row["first_us"], "end_time": row["last_us"], "events": row["calls"]}
    return detection(analytic, **made | cells)


def controllers(tables: Tables) -> set[str]:
    """Hosts that are asked for the directory replication service, or whose mapper says that it listens there."""
    asked = {row["dest_ip"] for row in called(tables) if row["interface"] == DRSUAPI}
    mapped = {
        row["mapped_address"] or row["dest_ip"] for row in tables.get("rpc_mapping", ()) if row["interface"] == DRSUAPI
    }
    return {each for each in asked | mapped if each is not None}

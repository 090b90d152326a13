"""The attack analytics that combine calls, SMB events and flows, one function each, as their headers word them."""

import re
from collections.abc import Mapping

from tests.oracles.attacks import SLOT_US, Oracle, Parameters
from tests.oracles.telling import HOUR_US, LEAST, Row, Tables, detection, grouped, hourly, is_loopback, least, telling

EPMAPPER = "e1af8308-5d1f-11c9-91a4-08002b14a0fa"
MAPPER_SLOT_US = 600_000_000
EXECUTED = {"T1543.003", "T1569.002", "T1053.002", "T1053.005", "T1047"}
STRONG = 0.4
FEW_SERVERS = 3


def most(events: list[Row]) -> int:
    """How many, as the observer counts them that saw most."""
    return max(len(own) for own in grouped(events, lambda row: row["observer"]).values())


def by_server(events: list[Row]) -> int:
    """How many, each server's as the observer counts them that saw most."""
    return sum(most(own) for own in grouped(events, lambda row: row["dest_ip"]).values())


def named(servers: set[str]) -> str:
    """How many servers, and the first and the last of them."""
    return "1 server" if len(servers) == 1 else f"{len(servers)} servers, such as {min(servers)} and {max(servers)}"


def of(events: list[Row], name: str = "at_us") -> Row:
    """Cells that several records make: the least of them, first and last."""
    made: Row = {cell: least(row.get(cell) for row in events) for cell in LEAST if cell != "pipe"}
    made |= {"start_time": min(row[name] for row in events), "end_time": max(row[name] for row in events)}
    return made | {"src_ip": events[0]["src_ip"]}


def mapper_sweep(tables: Tables, parameters: Parameters) -> list[Row]:
    """Endpoint mappers asked for everything, or many of them reached."""
    asked = [
        row
        for row in hourly(tables)
        if row["technique"] == "T1046" and row["interface"] == EPMAPPER and row["opnum"] == 2
    ]
    found: list[Row] = []
    for group in grouped(asked, lambda row: (row["src_ip"], row["first_us"] // HOUR_US)).values():
        servers = {row["dest_ip"] for row in group}
        if len(servers) >= FEW_SERVERS:
            cells = of(group, "first_us") | {"end_time": max(row["last_us"] for row in group), "tier": "decoded"}
            cells |= {"technique": "T1046", "confidence": 1.0, "weight": 0.7, "target": named(servers)}
            found.append(detection("mapper-sweep", **cells, events=sum(row["calls"] for row in group)))
    reached = list(_mappers(tables, parameters["mapper_port"]))
    for group in grouped(reached, lambda row: (row["src_ip"], row["at_us"] // MAPPER_SLOT_US)).values():
        servers = {row["dest_ip"] for row in group}
        if len(servers) >= parameters["mapper_servers"]:
            cells = of(group) | {"technique": "T1046", "confidence": 0.7, "weight": 0.5}
            found.append(detection("mapper-sweep", **cells, events=by_server(group), target=named(servers)))
    return found


def _mappers(tables: Tables, port: int) -> list[Row]:
    """Connections to endpoint mappers, answered or not, both ways round where the record does not say who called."""
    found: list[Row] = []
    for flow in tables.get("flow", ()):
        ends = [("src", "dest")] if flow["is_oriented"] is not False else [("src", "dest"), ("dest", "src")]
        for client, server in ends:
            here, there = flow[f"{client}_ip"], flow[f"{server}_ip"]
            is_tcp = flow["transport_protocol"] in {None, "tcp"}
            is_odd = here == there or is_loopback(here) or is_loopback(there)
            if flow[f"{server}_port"] == port and is_tcp and not is_odd:
                found.append(flow | {"src_ip": here, "dest_ip": there, "at_us": flow["start_time"]})
    return found


def share_writes(tables: Tables, parameters: Parameters) -> list[Row]:
    """Files written to administrative shares of many servers."""
    found: list[Row] = []
    for group in grouped(_writes(tables), lambda row: (row["src_ip"], row["at_us"] // HOUR_US)).values():
        servers = {row["dest_ip"] for row in group}
        if len(servers) >= parameters["copies"]:
            cells = of(group) | {"technique": "T1570", "confidence": 1.0, "weight": 0.6}
            found.append(detection("share-writes", **cells, events=by_server(group), target=named(servers)))
    return found


def share_attempts(tables: Tables, parameters: Parameters) -> list[Row]:
    """Administrative shares connected to again and again, as BZAR counts."""
    connects = [
        row | {"at_us": row["time_us"]}
        for row in tables.get("smb_event", ())
        if row["action"] == "share" and not row["name"] and re.search(r"[\\/](c|admin)\$", (row["share"] or "").lower())
        if row["src_ip"] is not None
    ]
    found: list[Row] = []
    for group in grouped(connects, lambda row: (row["src_ip"], row["at_us"] // SLOT_US)).values():
        if (events := by_server(group)) >= parameters["copies"]:
            servers = {row["dest_ip"] for row in group}
            cells = of(group) | {"technique": "T1021.002", "confidence": 1.0, "weight": 0.3, "events": events}
            cells |= {"dest_ip": min(servers) if len(servers) == 1 else None, "target": named(servers)}
            found.append(detection("share-attempts", **cells))
    return found


def share_execution(tables: Tables, parameters: Parameters) -> list[Row]:
    """A program written to an administrative share, and a call that can start it."""
    writes = _writes(tables)
    calls: list[Row] = []
    for call in telling(tables):
        if call["technique"] in EXECUTED and call["weight"] >= STRONG:
            there = [write for write in writes if write["dest_ip"] == call["dest_ip"]]
            if counting := _counting(call, there, parameters["copy_us"]):
                calls.append(call | {"written": counting, "is_own": _is_own(call, counting)})
    found: list[Row] = []
    names = ("src_ip", "dest_ip", "technique", "is_own")
    for group in grouped(calls, lambda row: (*(row[name] for name in names), row["at_us"] // HOUR_US)).values():
        first = min(group, key=lambda row: row["at_us"])
        written_us, is_own = first["written"][0]["at_us"], first["is_own"]
        writer = min(write["src_ip"] for write in first["written"])
        target = min(f"{write['share']}\\{write['name'] or ''}" for write in first["written"])
        cells = of(group) | {name: first[name] for name in ("dest_ip", "technique")}
        cells["start_time"] = min(cells["start_time"], written_us)
        cells["end_time"] = max(cells["end_time"], written_us)
        cells |= {"tier": "decoded", "confidence": 1.0 if is_own else 0.7, "weight": 0.9 if is_own else 0.5}
        cells |= {"events": most(group), "target": target if writer == first["src_ip"] else f"{target} from {writer}"}
        found.append(detection("share-execution", **cells))
    return found


def _is_own(call: Row, written: list[Row]) -> bool:
    """Whether the client of the call wrote, before it."""
    return written[0]["at_us"] <= call["at_us"] and all(write["is_own"] for write in written)


def _counting(call: Row, writes: list[Row], copy_us: int) -> list[Row]:
    """The writes, of one time, that a call is set beside: the client's latest before it, else anyone's, else the next after it."""
    before = [write for write in writes if 0 <= call["at_us"] - write["at_us"] <= copy_us]
    after = [write for write in writes if 0 < write["at_us"] - call["at_us"] <= copy_us]
    own = [write for write in before if write["src_ip"] == call["src_ip"]]
    if near := own or before:
        last_us = max(write["at_us"] for write in near)
        return [write | {"is_own": bool(own)} for write in near if write["at_us"] == last_us]
    first_us = min((write["at_us"] for write in after), default=None)
    return [write | {"is_own": False} for write in after if write["at_us"] == first_us]


def _writes(tables: Tables) -> list[Row]:
    """Files written to shares that administrators have of a whole disk or of Windows, over the network."""
    return [
        row | {"at_us": row["time_us"], "dest_ip": row["dest_ip"] or row["observer"]}
        for row in tables.get("smb_event", ())
        if row["action"] == "write" and re.search(r"(^|[\\/])(admin|[a-z])\$$", (row["share"] or "").lower())
        if row["src_ip"] is not None and row["src_ip"] != row["dest_ip"] and not is_loopback(row["src_ip"])
    ]


ORACLES: Mapping[str, Oracle] = {
    "mapper-sweep": mapper_sweep,
    "share-execution": share_execution,
    "share-writes": share_writes,
    "share-attempts": share_attempts,
}

"""What is learned of flows and calls, and what is made of that, as schema/baseline.py describes the columns: one plain loop a table."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from statistics import mean
from typing import Any

from rpcsight.catalog.relations import rows as catalogue
from tests.oracles.flow import Flow

Row = dict[str, Any]
Tables = dict[str, list[Row]]
Pair = tuple[str, str]
DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
MAPPER, SMB, LOW, HIGH = 135, 445, 49152, 65535
LATEST_US = 4_102_444_800_000_000
PLAIN = {"workstation", "unknown"}
DIGITS = 9
SERVERS = {"domain controller", "server", "management server"}


def learned(flows: Iterable[Flow], calls: Iterable[Row]) -> Tables:
    """The rows of pair_day, deed_day and endpoint_day, each table in order of its columns."""
    pairs: dict[tuple[Any, ...], Row] = {}
    endpoints: dict[tuple[Any, ...], int] = defaultdict(int)
    for flow in flows:
        for each in _ways(flow):
            _note_flow(each, pairs, endpoints)
        if (smb := _smb(flow)) is not None:
            _note(smb, "smb", pairs)
    deeds: dict[tuple[Any, ...], Row] = {}
    for call in calls:
        at_us = call["time_us"] if call["time_us"] is not None else call["flow_us"]
        if at_us is not None and 0 <= at_us < LATEST_US:
            _note_call(call, at_us, deeds, endpoints)
    counted = [
        {"dest_ip": ip, "dest_port": port, "service": service, "day": day, "records": records}
        for (ip, port, service, day), records in endpoints.items()
    ]
    made = {"pair_day": list(pairs.values()), "deed_day": list(deeds.values()), "endpoint_day": counted}
    return _sorted({**made, "lease_event": []})


def _ways(flow: Flow) -> list[Flow]:
    """As recorded, and turned where the record does not say who called; only TCP between two hosts."""
    if flow.transport_protocol not in {None, "tcp"} or flow.src_ip == flow.dest_ip:
        return []
    if any(ip == "::1" or ip.startswith("127.") for ip in (flow.src_ip, flow.dest_ip)):
        return []
    turned = Flow(**{
        **{name: getattr(flow, name) for name in flow.__dataclass_fields__},
        "src_ip": flow.dest_ip, "src_port": flow.dest_port, "dest_ip": flow.src_ip, "dest_port": flow.src_port,
    })  # fmt: skip
    return [flow] if flow.is_oriented else [flow, turned]


def _smb(flow: Flow) -> Flow | None:
    """The connection to SMB that it is: to port 445, or from it where the record does not say who called, and answered."""
    if flow.is_established is False:
        return None
    ways = _ways(flow)
    if flow.dest_port == SMB:
        return ways[0] if ways else None
    return ways[1] if len(ways) == 2 and flow.src_port == SMB else None


def _note_flow(flow: Flow, pairs: dict[tuple[Any, ...], Row], endpoints: dict[tuple[Any, ...], int]) -> None:
    is_mapper = flow.dest_port == MAPPER
    is_endpoint = LOW <= flow.dest_port <= HIGH and flow.src_port >= 1024 and flow.is_oriented
    if not is_mapper and not is_endpoint:
        return
    _note(flow, "failed" if flow.is_established is False else "mappers" if is_mapper else "endpoints", pairs)
    if is_endpoint and not is_mapper and flow.is_established is not False:
        endpoints[flow.dest_ip, flow.dest_port, "", flow.start_us // DAY_US] += 1


def _note(flow: Flow, kind: str, pairs: dict[tuple[Any, ...], Row]) -> None:
    day, rest = divmod(flow.start_us, DAY_US)
    row = pairs.setdefault(
        (flow.src_ip, flow.dest_ip, day),
        {
            **{"src_ip": flow.src_ip, "dest_ip": flow.dest_ip, "day": day},
            **{"mappers": 0, "endpoints": 0, "smb": 0, "failed": 0, "hours": 0},
            **{"first_us": flow.start_us, "last_us": flow.start_us, "busy_us": 0},
        },
    )
    row["first_us"] = min(row["first_us"], flow.start_us)
    row["last_us"] = max(row["last_us"], flow.start_us)
    row[kind] += 1
    if kind == "failed":
        return
    row["hours"] |= 1 << rest // HOUR_US
    if flow.end_us is not None and flow.start_us <= flow.end_us <= LATEST_US:
        row["busy_us"] += flow.end_us - flow.start_us


def _note_call(call: Row, at_us: int, deeds: dict[tuple[Any, ...], Row], endpoints: dict[tuple[Any, ...], int]) -> None:
    day, rest = divmod(at_us, DAY_US)
    service, operation = _named(call)
    ips = call["src_ip"], call["dest_ip"]
    port = call["dest_port"]
    is_local = any(ip is not None and (ip == "::1" or ip.startswith("127.")) for ip in ips)
    if not call["is_callback"] and call["transport_protocol"] in {None, "tcp"} and service:
        dest_ip = ips[1]
        if dest_ip is not None and dest_ip != "::1" and not dest_ip.startswith("127.") and port and LOW <= port <= HIGH:
            endpoints[dest_ip, port, service, day] += 1
    if None in ips or ips[0] == ips[1] or is_local:
        return
    src_ip, dest_ip = ips[::-1] if call["is_callback"] else ips
    key = (src_ip, dest_ip, service, operation, call["user_name"] or "", day)
    names = ("src_ip", "dest_ip", "service", "operation", "user_name", "day")
    empty = {"calls": 0, "bytes": 0, "hours": 0, "first_us": at_us, "last_us": at_us}
    row = deeds.setdefault(key, {**dict(zip(names, key, strict=True)), **empty})
    row["calls"] += 1
    row["bytes"] += (call["request_bytes"] or 0) + (call["response_bytes"] or 0)
    row["hours"] |= 1 << rest // HOUR_US
    row["first_us"] = min(row["first_us"], at_us)
    row["last_us"] = max(row["last_us"], at_us)


def _named(call: Row) -> tuple[str, str]:
    """The service, and the operation where it can serve a technique; '' where unknown."""
    names, operations, meant, telling = _catalogue()
    given = (call["interface_name"] or "").lower(), (call["operation"] or "").lower()
    uuid, opnum = meant.get(given, (None, None))
    uuid = call["interface"] if call["interface"] is not None else uuid
    opnum = call["opnum"] if call["opnum"] is not None else opnum
    service = call["interface_name"] or names.get(uuid) or uuid or ""
    operation = call["operation"] or operations.get((uuid, opnum)) or ""
    return service, operation if (uuid, opnum) in telling else ""


@cache
def _catalogue() -> tuple[dict[Any, str], dict[Any, str], dict[Any, tuple[str, int]], set[Any]]:
    return (
        {row["interface"]: row["name"] for row in catalogue("rpc_interface").to_pylist()},
        {(row["interface"], row["opnum"]): row["name"] for row in catalogue("rpc_operation").to_pylist()},
        {
            (row["interface_name"], row["operation"]): (row["interface"], row["opnum"])
            for row in catalogue("rpc_name").to_pylist()
            if row["meanings"] == 1
        },
        {(row["interface"], row["opnum"]) for row in catalogue("rpc_technique").to_pylist()},
    )


def remembered(tables: Tables, keep_days: int) -> Tables:
    """Without all but the newest days that have records."""
    kept = set(sorted({row["day"] for rows in tables.values() for row in rows})[-keep_days:])
    return {name: [row for row in rows if row["day"] in kept] for name, rows in tables.items()}


def recorded(tables: Tables) -> list[int]:
    """The days that were recorded, not only touched: with a fiftieth of the busiest day's rows, or half of its hours."""
    told: Counter[int] = Counter()
    hours: dict[int, set[int]] = defaultdict(set)
    for row in [*tables["pair_day"], *tables["deed_day"]]:
        if "calls" in row or row["mappers"] or row["endpoints"] or row["smb"]:
            told[row["day"]] += 1
            hours[row["day"]] |= {hour for hour in range(24) if row["hours"] >> hour & 1}
    most, longest = max(told.values(), default=0), max(map(len, hours.values()), default=0)
    return sorted(day for day in told if told[day] >= most / 50 or len(hours[day]) >= longest / 2)


def known(
    tables: Tables,
    held: Mapping[Pair, int],
    roles: Mapping[str, str],
    said: Mapping[str, Mapping[str, str]] | None = None,
) -> Tables:
    """What hunts read.

    Args:
        tables: what was learned.
        held: clients and servers of findings that nobody dismissed, and the first day of those.
        roles: of hosts, by their habits.
        said: of some hosts role, name and owner as the asset file has them; '' where it says nothing.
    """
    said = said or {}
    deeds = _allowed(tables["deed_day"], held)
    held = _spread(tables, held)
    deeds = [row for row in deeds if row["day"] < held.get((row["src_ip"], row["dest_ip"]), row["day"] + 1)]
    roles = {ip: said.get(ip, {}).get("role") or role for ip, role in roles.items()}
    asked = {row["dest_ip"] for row in tables["pair_day"] if row["mappers"]}
    met: dict[tuple[str, str, int], tuple[int, int]] = {}
    for row in tables["pair_day"]:
        if row["mappers"] or row["smb"] or (row["endpoints"] and row["dest_ip"] in asked):
            _meet(met, row, row["mappers"] + row["endpoints"] + row["smb"])
    for row in tables["deed_day"]:
        _meet(met, row, 0)
    every = recorded(tables)
    settle = max(1, min(7, len(every) // 2))
    days_of: dict[str, set[int]] = defaultdict(set)
    for src_ip, _, day in met:
        days_of[src_ip].add(day)
    pairs = _pairs(met, held, days_of, settle)
    span = {"first_day": min(every, default=None), "last_day": max(every, default=None), "days": len(every)}
    hosts = _hosts(pairs, days_of, roles, said, settle, {ip for each in met for ip in each[:2]})
    for row in hosts:
        open_days = [each for each in met if each[0] == row["ip"] and each[2] < held.get(each[:2], each[2] + 1)]
        row["servers_a_day"] = round(len(open_days) / row["days"], DIGITS) if row["days"] else 0.0
    return _sorted({
        "known_pair": pairs,
        "held_pair": _held_pairs(met, held),
        "known_deed": _deeds(deeds),
        "known_use": _uses(pairs, deeds, roles),
        "known_host": hosts,
        "known_reach": _reaches(pairs, {row["ip"]: row for row in hosts}),
        "known_hour": _hours(pairs, met),
        "baseline_span": [span],
    })  # fmt: skip


def _meet(met: dict[tuple[str, str, int], tuple[int, int]], row: Row, connections: int) -> None:
    key = row["src_ip"], row["dest_ip"], row["day"]
    before = met.get(key, (0, row["first_us"]))
    met[key] = before[0] + connections, min(before[1], row["first_us"])


def _pairs(
    met: Mapping[tuple[str, str, int], tuple[int, int]],
    held: Mapping[Pair, int],
    days_of: Mapping[str, set[int]],
    settle: int,
) -> list[Row]:
    found: dict[Pair, list[tuple[int, int]]] = defaultdict(list)
    for (src_ip, dest_ip, day), (connections, _) in met.items():
        if day < held.get((src_ip, dest_ip), day + 1):
            found[src_ip, dest_ip].append((day, connections))
    return [
        {
            **{"src_ip": src_ip, "dest_ip": dest_ip, "days": len(days), "first_day": min(days)[0]},
            **{"last_day": max(days)[0], "connections": sum(each for _, each in days)},
            "is_new": min(days)[0] >= min(days_of[src_ip]) + settle,
        }
        for (src_ip, dest_ip), days in found.items()
    ]


def _spread(tables: Tables, held: Mapping[Pair, int]) -> dict[Pair, int]:
    """What is held, with the servers that clients of findings without a server began to use from then on."""
    begun: dict[Pair, int] = {}
    for row in (*tables["pair_day"], *tables["deed_day"]):
        pair = row["src_ip"], row["dest_ip"]
        begun[pair] = min(row["day"], begun.get(pair, row["day"]))
    spread = dict(held)
    for (src_ip, dest_ip), day in begun.items():
        since = held.get((src_ip, ""))
        if since is not None and day >= since:
            spread[src_ip, dest_ip] = min(since, held.get((src_ip, dest_ip), since))
    return spread


def _allowed(deeds: Sequence[Row], held: Mapping[Pair, int]) -> list[Row]:
    """Without what clients of findings without a server began to call from then on."""
    begun: dict[tuple[str, str, str], int] = {}
    for row in deeds:
        called = row["src_ip"], row["service"], row["operation"]
        begun[called] = min(row["day"], begun.get(called, row["day"]))
    return [
        row
        for row in deeds
        if begun[row["src_ip"], row["service"], row["operation"]] < held.get((row["src_ip"], ""), 10**9)
    ]


def _deeds(deeds: Sequence[Row]) -> list[Row]:
    found: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in deeds:
        found[row["src_ip"], row["service"], row["operation"]].append(row)
    return [
        {
            **{"src_ip": src_ip, "service": service, "operation": operation},
            **{"days": len({row["day"] for row in rows}), "servers": len({row["dest_ip"] for row in rows})},
            "servers_a_day": round(
                mean(Counter(day for day, _ in {(r["day"], r["dest_ip"]) for r in rows}).values()), DIGITS
            ),
        }
        for (src_ip, service, operation), rows in found.items()
    ]


def _uses(pairs: Sequence[Row], deeds: Sequence[Row], roles: Mapping[str, str]) -> list[Row]:
    """How many plain clients use each server, and what for."""
    plain = {ip for ip, role in roles.items() if role in {"workstation", "unknown"}}
    found: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for row in pairs:
        if row["src_ip"] in plain:
            found[row["dest_ip"], "", ""].add(row["src_ip"])
    for row in deeds:
        if row["operation"] and row["src_ip"] in plain:
            found[row["dest_ip"], row["service"], row["operation"]].add(row["src_ip"])
    return [
        {"dest_ip": dest_ip, "service": service, "operation": operation, "clients": len(clients)}
        for (dest_ip, service, operation), clients in found.items()
    ]


def _hosts(
    pairs: Sequence[Row],
    days_of: Mapping[str, set[int]],
    roles: Mapping[str, str],
    said: Mapping[str, Mapping[str, str]],
    settle: int,
    ips: Iterable[str],
) -> list[Row]:
    rows: list[Row] = []
    for ip in ips:
        uses = [row for row in pairs if row["src_ip"] == ip]
        used = [row for row in pairs if row["dest_ip"] == ip]
        active = days_of.get(ip, set())
        new = [row for row in uses if row["is_new"]]
        rows.append({
            **{"ip": ip, "role": roles[ip], "name": None, "owner": None},
            **{name: said[ip][name] or None for name in ("name", "owner") if ip in said},
            **{"clients": len(used), "servers": len(uses), "days": len(active)},
            "settled_days": len([day for day in active if day >= min(active) + settle]),
            "new_hosts": len([row for row in new if roles[row["dest_ip"]] not in SERVERS]),
            "new_servers": len([row for row in new if roles[row["dest_ip"]] in SERVERS]),
            "ties": round(sum(_tie(row, pairs, roles) for row in used), DIGITS),
            **dict(zip(("site", "subnet"), _place(ip), strict=True)),
            "new_clients": len([row for row in used if row["is_new"]]),
            "first_day": min((row["first_day"] for row in uses + used), default=None),
            "last_day": max((row["last_day"] for row in uses + used), default=None),
        })  # fmt: skip
    return rows


def _tie(pair: Row, pairs: Sequence[Row], roles: Mapping[str, str]) -> float:
    """The share of the client that the server has, among the servers (or the hosts that are none) that it uses."""
    is_server = roles[pair["dest_ip"]] in SERVERS
    of_client = [row for row in pairs if row["src_ip"] == pair["src_ip"]]
    return 1 / len([row for row in of_client if (roles[row["dest_ip"]] in SERVERS) == is_server])


def _place(ip: str) -> tuple[str, str]:
    """The network of an address, and the part of it."""
    if ":" in ip:
        front, _, back = ip.partition("::")
        groups = [each.split(":") if each else [] for each in (front, back)]
        parts = [*groups[0], *["0"] * (8 - len(groups[0]) - len(groups[1])), *groups[1]] if "::" in ip else groups[0]
        return ":".join(parts[:3]), parts[3]
    parts = [*ip.split("."), "", "", ""]
    return ".".join(parts[:2]), parts[2]


def _held_pairs(met: Iterable[tuple[str, str, int]], held: Mapping[Pair, int]) -> list[Row]:
    days: dict[Pair, int] = defaultdict(int)
    for src_ip, dest_ip, day in met:
        if day >= held.get((src_ip, dest_ip), day + 1):
            days[src_ip, dest_ip] += 1
    return [{"src_ip": src_ip, "dest_ip": dest_ip, "days": count} for (src_ip, dest_ip), count in days.items()]


def _reaches(pairs: Sequence[Row], hosts: Mapping[str, Row]) -> list[Row]:
    found: dict[int, int] = defaultdict(int)
    for pair in pairs:
        ends = hosts[pair["src_ip"]], hosts[pair["dest_ip"]]
        if pair["is_new"] and all(each["role"] in PLAIN for each in ends):
            client, server = ends
            found[2 if client["site"] != server["site"] else 1 if client["subnet"] != server["subnet"] else 0] += 1
    return [{"reach": reach, "pairs": count} for reach, count in found.items()]


def _hours(pairs: Sequence[Row], met: Mapping[tuple[str, str, int], tuple[int, int]]) -> list[Row]:
    slots: dict[int, int] = defaultdict(int)
    for row in (row for row in pairs if row["is_new"]):
        day = row["first_day"]
        first_us = met[row["src_ip"], row["dest_ip"], day][1]
        is_weekend = (day + 3) % 7 >= 5  # 1970 began on a Thursday
        slots[first_us % DAY_US // HOUR_US + (24 if is_weekend else 0)] += 1
    return [{"slot": slot, "pairs": count} for slot, count in slots.items()]


def _sorted(tables: Tables) -> Tables:
    return {name: in_order(rows) for name, rows in tables.items()}


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Rows by their columns, empty ones first."""
    return sorted(rows, key=lambda row: [(value is not None, value) for _, value in sorted(row.items())])

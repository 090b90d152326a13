"""What a workspace holds, in numbers and lists: of the network, and of a host."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rpcsight.baseline._held import HELD_FROM
from rpcsight.baseline.workspace import Workspace

__all__ = ["MATURE", "Summary", "as_day", "host", "overview"]

MATURE = 14
"""Days of a baseline that has seen every weekday twice."""
MOST = 1_000
"""Rows of a list of the summary."""
SERVERS = "('domain controller', 'server', 'management server')"

Summary = dict[str, Any]


DAYS = ("day", "first_day", "last_day", "from_day")
"""Columns that are days since 1970."""


def as_day(day: int | None) -> str | None:
    """Days since 1970 as a date."""
    return None if day is None else f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day):%Y-%m-%d}"


def overview(workspace: Workspace, known_days: int, limit: int = MOST) -> Summary:
    """What is known of the network.

    Args:
        workspace: what was learned.
        known_days: on how many days a pair was seen that counts as known.
        limit: most rows of each list.
    """
    span = (workspace.rows("select * from baseline_span") or [{"first_day": None, "last_day": None, "days": 0}])[0]
    pairs = workspace.rows(
        "select count(*) as pairs, count(*) filter (days >= $known_days) as known from known_pair",
        {"known_days": known_days},
    )[0]
    inputs = workspace.rows(
        "select count(*) as files, cast(coalesce(sum(bytes), 0) as bigint) as bytes from learned_input"
    )
    roles = workspace.rows("select role, count(*) as hosts from known_host group by role order by hosts desc, role")
    lists = {"limit": limit}
    return {
        "workspace": str(workspace.path),
        "bytes": workspace.store.size(),
        "inputs": inputs[0],
        "first_day": as_day(span["first_day"]),
        "last_day": as_day(span["last_day"]),
        "days": span["days"],
        "is_mature": span["days"] >= MATURE,
        "pairs": pairs["pairs"],
        "known_pairs": pairs["known"],
        "known_days": known_days,
        "hosts": sum(row["hosts"] for row in roles),
        "roles": {row["role"]: row["hosts"] for row in roles},
        "newest_servers": _dated(workspace.rows(NEWEST_SERVERS, lists)),
        "busiest_pairs": _dated(workspace.rows(BUSIEST_PAIRS, lists)),
        "held_back": _dated(workspace.rows(HELD, lists)),
        "held_back_pairs": workspace.rows(f"select count(*) as pairs from ({HELD_FROM}) as held")[0]["pairs"],
    }


def host(workspace: Workspace, ip: str, limit: int = MOST) -> Summary | None:
    """What is known of a host: its role and why, whom it uses, who uses it, its endpoints; None where nothing is.

    Args:
        workspace: what was learned.
        ip: its address, its name in the asset file; where leases or logs tell hosts, also what they call it, its last address or its name.
        limit: most rows of each list.
    """
    found = next(filter(None, (workspace.rows(sql, {"ip": ip}) for sql in (KNOWN, NAMED, LEASED))), [])
    if not found:
        return None
    given = {"ip": found[0]["ip"], "limit": limit}
    return {
        **_dated(found)[0],
        "uses": _dated(workspace.rows(PEERS.format(peer="dest_ip", own="src_ip"), given)),
        "used_by": _dated(workspace.rows(PEERS.format(peer="src_ip", own="dest_ip"), given)),
        "calls": workspace.rows(CALLS, given),
        "endpoints": _dated(workspace.rows(ENDPOINTS, given)),
    }


def _dated(rows: Sequence[Mapping[str, Any]]) -> list[Summary]:
    return [{name: as_day(value) if name in DAYS else value for name, value in row.items()} for row in rows]


KNOWN = "select * from known_host where ip = $ip"
NAMED = """
    select * from known_host where lower(name) = lower($ip) or starts_with(lower(name), lower($ip) || '.')
    order by last_day desc nulls last, ip
    limit 1
"""
"""The host that an asset file calls so, with or without domain."""
LEASED = """
    select known_host.*
    from lease_event
    join known_host on known_host.ip = lease_event.host
    where lease_event.ip = $ip or (hostname <> '' and hostname = lower($ip))
    order by at_us desc, host
    limit 1
"""
"""The last host that had the address or name."""
NEWEST_SERVERS = f"""
    select known_host.ip, role, clients, min(known_pair.first_day) as first_day
    from known_host
    join known_pair on known_pair.dest_ip = known_host.ip
    where role in {SERVERS}
    group by known_host.ip, role, clients
    having min(known_pair.first_day) > (select min(first_day) from baseline_span)
    order by first_day desc, clients desc, known_host.ip
    limit $limit
"""
BUSIEST_PAIRS = """
    select src_ip, dest_ip, connections, days, first_day, last_day
    from known_pair
    order by connections desc, days desc, src_ip, dest_ip
    limit $limit
"""
HELD = f"""
    select src_ip, dest_ip, day as from_day
    from ({HELD_FROM}) as held
    order by day desc, src_ip, dest_ip
    limit $limit
"""
PEERS = """
    select {peer} as ip, role, known_pair.days, known_pair.first_day, known_pair.last_day, connections
    from known_pair
    left join known_host on known_host.ip = {peer}
    where {own} = $ip
    order by known_pair.days desc, connections desc, {peer}
    limit $limit
"""
CALLS = """
    select service, operation, days, servers
    from known_deed
    where src_ip = $ip
    order by days desc, servers desc, service, operation
    limit $limit
"""
ENDPOINTS = """
    select dest_port as port, service, count(*) as days, min(day) as first_day, max(day) as last_day,
      cast(sum(records) as bigint) as records
    from endpoint_day
    where dest_ip = $ip
    group by dest_port, service
    order by last_day desc, days desc, dest_port, service
    limit $limit
"""

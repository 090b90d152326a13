"""Hosts whose addresses change: records get the name of the host that leases, or hosts' own logs, tell in place of its address, before
anything is learned.

The one place where that is done: of what is learned, over everything that was read; of hunts, over activities, attempts and detections.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from rpcsight.analytics import step
from rpcsight.baseline.workspace import Workspace
from rpcsight.schema.arrow import ARROW_TYPES
from rpcsight.session import Session

__all__ = ["LEARNT", "Learned", "addressed", "identify", "identify_hunted", "leases_of"]

LEARNT: Mapping[str, str] = {"reading": "start_us", "rpc_call": "coalesce(time_us, flow_us)"}
BEGAN = "epoch_us(start_time)"
HUNTED: Mapping[str, str] = {"rpc_activity": BEGAN, "rpc_attempt": BEGAN, "smb_connection": BEGAN, "detection": BEGAN}
"""Relations with client and server, and when what they tell was."""
PLACED = "host_place"
TELLING = frozenset({"lease", "host_flow"})
"""Facts that say who has an address."""
NOW = {"granted": "granted", "own_address": "own_address", "lease_now": "lease_event"}
"""Relations of what the input tells, each with its step, in order."""
TOLD = ("host", "ip", "hostname", "at_us", "until_us", "records")
PLACE = pa.schema([(name, ARROW_TYPES["VARCHAR"]) for name in ("host", "ip", "hostname")])
LATEST_US = 4_102_444_799_999_999
TIMED = f"from {{relation}} where {{time}} between 0 and {LATEST_US}"
ASKED = f"select {{side}} as ip, {{time}} as at_us {TIMED} and {{side}} in (select ip from stretch)"
SPAN = f"select min({{time}}) as low, max({{time}}) as high {TIMED}"
LONGEST_US = 30 * 86_400_000_000
"""No lease counts for longer (steps/granted)."""
LEASES = f"select {', '.join(TOLD)} from lease_event where at_us between $low and $high"
WITHOUT = (
    "hosts are told by their addresses: the baseline was learned without what tells which host has an address (leases, hosts' "
    "own logs), so that what was read of that is not used; learn anew, with dhcp.log or those logs beside the flows"
)
UNUSED = "leases not used: {:,} without an address or a host that can be, or granted for no time or more than 30 days"

Learned = Callable[[int, int], pa.Table]
"""Gives the leases learned earlier that can say who had an address between two times."""


def identify(
    session: Session, times: Mapping[str, str], learned: Learned | None = None, *, is_used: bool = True
) -> bool:
    """Let hosts that leases or their own logs tell be named by that in relations, in place of their addresses.

    Args:
        session: has read the records.
        times: the relations, each with the SQL for its time in microseconds.
        learned: leases that were learned earlier; None: there are none.
        is_used: whether what was read counts.

    Returns:
        whether anything tells of hosts: without, nothing is changed.
    """
    counts = _counts(session) if learned is not None or (is_used and TELLING & session.shown()) else None
    if counts and (unused := counts["read"] - counts["used"]):
        session.account.limits.append(UNUSED.format(unused))
    if counts is None or (learned is None and not counts["events"]):
        session.lend(PLACED, PLACE.empty_table())
        return False
    now = f"select {', '.join(TOLD)} from lease_now"
    if learned is not None:
        spans = " union all ".join(SPAN.format(relation=name, time=time) for name, time in times.items())
        session.make("asked_span", f"select min(low) as low, max(high) as high from ({spans}) as spans")
        (span,) = session.held("asked_span")
        session.lend("learned_lease", learned(span["low"] or 0, span["high"] or 0))
        now += f" union all select {', '.join(TOLD)} from learned_lease"
    session.make("told_lease", now)
    session.make("known_lease", step("known_lease"))
    session.make("stretch", step("stretch"))
    asked = (
        ASKED.format(side=side, time=time, relation=name)
        for name, time in times.items()
        for side in ("src_ip", "dest_ip")
    )
    session.make("asked_address", " union ".join(asked))
    session.make("tenant", step("tenant"))
    session.make(PLACED, step(PLACED))
    for name, time in times.items():
        session.make(name, _named(name, session.columns(name), time))
    return True


def identify_hunted(session: Session, path: Path | None) -> bool:
    """Do so in what a hunt has kept, by its own leases and those that its workspace has learned.

    A baseline that was learned without leases knows hosts by their addresses: then those are what counts.

    Args:
        session: has read the records.
        path: the workspace; None: there is none.
    """
    if path is None:
        return identify(session, HUNTED)
    with Workspace(path, is_reading=True) as workspace:
        if learned := leases_of(workspace):
            return identify(session, HUNTED, learned)
        has_learned = workspace.rule() is not None
    if has_learned and TELLING & session.shown() and _counts(session)["events"]:
        session.account.warnings.append(WITHOUT)
    return identify(session, HUNTED, is_used=not has_learned)


def _counts(session: Session) -> Mapping[str, Any]:
    """Keep what the input tells of hosts' addresses; how much that is (steps/lease_counts)."""
    for relation, name in NOW.items():
        session.make(relation, step(name))
    return session.told("lease_counts")[0]


def leases_of(workspace: Workspace) -> Learned | None:
    """What gives the leases that a workspace has learned; None: there are none. To be used while it is open."""
    if not workspace.rows("select 1 as one from lease_event limit 1"):
        return None
    return lambda low, high: workspace.store.rows(LEASES, {"low": low - LONGEST_US, "high": high})


def addressed(session: Session) -> dict[tuple[str, int], tuple[str, str]]:
    """The address and the name that each host of chosen stories had at each time at which something is told of it."""
    return {(row["host"], row["at_us"]): (row["ip"], row["hostname"]) for row in session.told("addressed")}


def _named(relation: str, columns: list[str], time: str) -> str:
    """The rows of a relation, with the names of hosts that leases tell."""
    given = {
        "src_ip": "coalesce(client.host, given.src_ip) as src_ip",
        "dest_ip": "coalesce(server.host, given.dest_ip) as dest_ip",
    }
    listed = ", ".join(given.get(name, f"given.{name}") for name in columns)
    return f"""
        select {listed}
        from (select *, {time} as told_us from {relation}) as given
        left join tenant as client on client.ip = given.src_ip and client.at_us = given.told_us
        left join tenant as server on server.ip = given.dest_ip and server.at_us = given.told_us
    """

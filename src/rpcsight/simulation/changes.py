"""What follows when servers are retired and others set up: whoever used them turns to another, except a few who go on asking in vain."""

from dataclasses import replace

import numpy as np

from rpcsight.simulation.days import Day
from rpcsight.simulation.dice import Ints, Marks, mixed
from rpcsight.simulation.network import LONG, PEOPLE, ROLES, Network
from rpcsight.simulation.sessions import Sessions

__all__ = ["gone", "redirected"]

STALE = 4
"""Of a hundred clients of a retired server, how many keep asking it, and"""
STALE_DAYS = 60
"""for how many days at most."""
NOTICED = 12
"""After at most so many days it is taken out of what monitors, backs up and manages. Assumed, all of them."""
TOOLS = ("monitor", "backup server", "management server", "scanner")


def redirected(net: Network, day: Day, sessions: Sessions) -> Sessions:
    """The sessions with those servers that there are on that day, and with some that are no more.

    Args:
        net: the network.
        day: the day.
        sessions: of a network in which all hosts are always there.
    """
    exists = net.exists(day.number)
    is_gone = ~exists[sessions.server]
    client, server = sessions.client[is_gone], sessions.server[is_gone]
    age = day.number - net.until[server]
    is_tool = np.isin(net.role[client], [ROLES.index(role) for role in TOOLS])
    is_stale = mixed(client, server, 11) % np.uint64(100) < STALE
    patience = np.where(is_tool, NOTICED, np.where(is_stale, STALE_DAYS, 0))
    # a person's computer has no successor: what is kept of it in lists and minds is asked for in vain
    is_person = net.role[server] >= ROLES.index(PEOPLE[0])
    is_kept = (age >= 0) & ((age < (mixed(client, server, 12) % np.uint64(STALE_DAYS)).astype(np.int64)) & is_person)
    is_kept |= (age >= 0) & (age < patience)
    heirs = _heirs(net, exists)
    target = sessions.server.copy()
    target[is_gone] = np.where(is_kept, server, np.where(is_person, -1, heirs[server]))
    has_server = (target >= 0) & (target != sessions.client)
    return replace(sessions, server=target).where(has_server & exists[sessions.client])


def gone(net: Network, day: int) -> Ints:
    """Hosts that have been retired."""
    return np.flatnonzero((net.until <= day) & (net.until < LONG))


def _heirs(net: Network, exists: Marks) -> Ints:
    """For each host another of its role that there is; -1 where there is none."""
    heirs = np.full(len(net), -1, dtype=np.int64)
    for role in np.unique(net.role[~exists]).tolist():
        there = np.flatnonzero((net.role == role) & exists)
        lost = np.flatnonzero((net.role == role) & ~exists)
        if len(there):
            heirs[lost] = there[(mixed(lost, 13) % np.uint64(len(there))).astype(np.int64)]
    return heirs

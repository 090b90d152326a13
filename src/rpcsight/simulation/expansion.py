"""From sessions to connections and calls: all of a day at once.

Gaps and lengths are quantiles measured with lab/rates.py on four public captures (OTRF Security-Datasets, APT29 day 2: 24 connections to
the mapper, 22 to endpoints); how many connections to the mapper there are is measured on 32 activities, 12 with several.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from rpcsight.simulation.activities import ACTIVITIES, INTERFACES, SLOTS, Activity, Leg
from rpcsight.simulation.days import Day
from rpcsight.simulation.dice import Dice, Floats, Ints, Marks, Quantiles, mixed, spread
from rpcsight.simulation.network import ROLES, Network
from rpcsight.simulation.sessions import Sessions

__all__ = ["MAPPER", "NAMES", "SMB", "Answers", "Calls", "Flows", "expanded", "is_encrypted", "is_low", "is_shut"]

MAPPER, SMB = -1, -2
"""Slots with ports of their own: 135 and 445."""
GAP_S: Quantiles = (
    (0, 0.0012), (0.05, 0.0014), (0.25, 0.0027), (0.5, 0.0045), (0.75, 0.0083), (0.9, 0.029), (0.95, 0.2), (0.99, 0.35), (1, 0.6),
)  # fmt: skip
"""From the mapper's start to the endpoint's: measured to the 90 % quantile; 95 % under 0.35 s over Sysmon's 32 activities."""
MAPPER_S: Quantiles = (
    (0, 0.01),
    (0.05, 0.06),
    (0.25, 9.5),
    (0.5, 12.9),
    (0.75, 29.4),
    (0.9, 53.9),
    (0.95, 57.8),
    (1, 58.6),
)
ENDPOINT_S: Quantiles = (
    (0, 0.02), (0.05, 0.06), (0.25, 4.5), (0.5, 13.3), (0.75, 41.0), (0.9, 57.8), (0.95, 58.6), (0.99, 104.0), (1, 116.0),
)  # fmt: skip
BRIEF_S: Quantiles = ((0, 0.002), (0.5, 0.03), (1, 0.6))
SECOND_MAPPER = 0.375
"""12 of 32 activities have several mapper connections; WMI opens two, 13 ms apart."""
SLOW_SHARE, SLOW_S = 0.002, 3.4
"""How often a server answers the mapper's client late: a DCOM server that has to start."""
MORE_SHARE = 0.3
UNANSWERED_S: Quantiles = ((0, 0), (0.2, 0), (0.2, 3.0), (0.4, 3.02), (0.4, 9.0), (1, 9.06))
"""Until the last SYN: where nobody answers, Windows sends two more, 3 and 9 s after the first (Microsoft: TcpMaxConnectRetransmissions)."""
REFUSED_S: Quantiles = ((0, 0.0002), (0.5, 0.0007), (0.9, 0.004), (1, 0.03))
REFUSING = 4
"""One host in so many whose address is closed or no more its own is refused by whatever stands there; else there is no answer. Assumed."""
ENCRYPTED = 5
"""One file server or workstation in so many encrypts SMB: what is called through its pipes no sensor sees."""
NAMES = tuple(INTERFACES)


@dataclass(frozen=True, slots=True)
class Flows:
    """Connections, an entry each; times since midnight."""

    start_us: Ints
    end_us: Ints
    client: Ints
    server: Ints
    slot: Ints
    is_established: Marks
    is_refused: Marks
    session: Ints


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls, an entry each; `flow` is a place in `Flows`."""

    time_us: Ints
    flow: Ints
    interface: Ints
    opnum: Ints
    fault: Ints


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of endpoint mappers that name a process's port, an entry each; `interface` is -1 where an object was asked for."""

    time_us: Ints
    flow: Ints
    interface: Ints
    slot: Ints


def expanded(net: Network, day: Day, sessions: Sessions, *, has_calls: bool) -> tuple[Flows, Calls, Answers]:
    """The connections of a day's sessions, what is called on them, and where mappers lead; by kind of activity, not yet by time."""
    flows: list[Flows] = []
    calls: list[Calls] = []
    answers: list[Answers] = []
    made = 0
    for kind, (name, activity) in enumerate(ACTIVITIES.items()):
        chosen = np.flatnonzero(sessions.activity == kind)
        if len(chosen) == 0:
            continue
        maker = _Maker(net, day, Dice(net.seed, "connections", day.number, name), made, has_calls=has_calls)
        maker.make(activity, sessions, chosen)
        flows += maker.flows
        calls += maker.calls
        answers += maker.answers
        made = maker.made
    return (
        Flows(*(_column(flows, each.name) for each in fields(Flows))),
        Calls(*(_column(calls, each.name) for each in fields(Calls))),
        Answers(*(_column(answers, each.name) for each in fields(Answers))),
    )


def _column(parts: list[Flows] | list[Calls] | list[Answers], name: str) -> npt.NDArray[Any]:
    return np.concatenate([getattr(part, name) for part in parts] or [np.zeros(0, dtype=np.int64)])


class _Maker:
    """Makes the connections of one kind of activity.

    Args:
        net: the network.
        day: the day.
        dice: the chance.
        made: how many connections there are already.
        has_calls: whether calls are wanted.
    """

    def __init__(self, net: Network, day: Day, dice: Dice, made: int, *, has_calls: bool) -> None:
        self._net, self._day, self._dice, self._has_calls = net, day, dice, has_calls
        self.made = made
        self.flows: list[Flows] = []
        self.calls: list[Calls] = []
        self.answers: list[Answers] = []

    def make(self, activity: Activity, sessions: Sessions, chosen: Ints) -> None:
        """All legs of the sessions at these places."""
        some, dice = sessions.where(chosen), self._dice
        time = some.time_us.copy()
        is_on = self._day.is_on(some.server, some.time_us) & ~is_shut(self._net, some.client, some.server)
        for place, leg in enumerate(activity.legs):
            has = dice.chance(leg.chance, len(some)) & (is_on | (place == 0))
            which = np.flatnonzero(has)
            if len(which):
                self._leg(activity, leg, some.where(which), chosen[which], time[which], is_on[which])
            time = time + (dice.quantile(((0, 0.02), (0.7, 0.4), (1, 4.0)), len(some)) * 1e6).astype(np.int64)

    def _leg(self, activity: Activity, leg: Leg, some: Sessions, session: Ints, time: Ints, is_on: Marks) -> None:
        dice, count = self._dice, len(some)
        lengths = (BRIEF_S, BRIEF_S) if activity.is_brief else (MAPPER_S, ENDPOINT_S)
        if leg.slot == "smb":
            place = self._add(some, session, time, SMB, lengths[1], is_on)
            self._call(leg, place, is_on & ~is_encrypted(some.server))
            return
        is_mapped = dice.chance(leg.mapped, count) | ~is_on | (leg.slot == "mapper")
        asked = np.flatnonzero(is_mapped)
        first = self._add(some.where(asked), session[asked], time[asked], MAPPER, lengths[0], is_on[asked])
        if leg.slot == "mapper":
            self._call(leg, first, is_on[asked])
            return
        self._spoken(leg, first, is_on[asked])
        led = time.copy()
        again = np.flatnonzero(is_mapped & is_on & dice.chance(SECOND_MAPPER, count))
        later = time[again] + (dice.quantile(((0, 0.004), (0.5, 0.013), (1, 0.05)), len(again)) * 1e6).astype(np.int64)
        second = self._add(some.where(again), session[again], later, MAPPER, lengths[0], is_on[again])
        self._spoken(leg, second, is_on[again])
        led[again] = later
        gap = dice.quantile(GAP_S, count) + np.where(dice.chance(SLOW_SHARE * (1 + 9 * leg.is_dcom), count), SLOW_S, 0)
        reached = np.flatnonzero(is_on)
        if len(reached) == 0:
            return
        some, session = some.where(reached), session[reached]
        start = led[reached] + (gap[reached] * 1e6).astype(np.int64)
        slot = SLOTS.index(leg.slot)
        place = self._add(some, session, start, slot, lengths[1], ~some.is_blocked)
        self._call(leg, place, ~some.is_blocked)
        for turn in range(leg.more):
            more = np.flatnonzero(dice.chance(MORE_SHARE, len(some)) & ~some.is_blocked)
            late = start[more] + (dice.quantile(((0, 0.01), (0.8, 0.3), (1, 1.6)), len(more)) * 1e6).astype(
                np.int64
            ) * (turn + 1)
            self._add(some.where(more), session[more], late, slot, lengths[1], ~some.is_blocked[more])

    def _add(self, some: Sessions, session: Ints, start: Ints, slot: int, lengths: Quantiles, is_up: Marks) -> Ints:
        """Connections to one slot; says their places."""
        count = len(some)
        is_refusing = is_shut(self._net, some.client, some.server) | (self._net.until[some.server] <= self._day.number)
        is_refused = ~is_up & is_refusing & (mixed(some.server, 14) % np.uint64(REFUSING) == 0)
        share = self._dice.uniform(count)
        seconds: Floats = np.where(is_up, spread(share, lengths), spread(share, UNANSWERED_S))
        seconds = np.where(is_refused, spread(share, REFUSED_S), seconds)
        self.flows.append(
            Flows(
                start,
                start + (seconds * 1e6).astype(np.int64),
                some.client,
                some.server,
                np.full(count, slot),
                is_up,
                is_refused,
                session,
            )
        )
        places = np.arange(self.made, self.made + count)
        self.made += count
        return places

    def _spoken(self, leg: Leg, place: Ints, is_up: Marks) -> None:
        """What the endpoint mapper is asked for the leg, and answers."""
        interface, opnum = ("activator", 4) if leg.is_dcom else ("epmapper", 3)
        if not self._has_calls:
            return
        place = place[is_up]
        start = self.flows[-1].start_us[is_up]
        count = len(place)
        self.calls.append(
            Calls(
                start + 900,
                place,
                np.full(count, NAMES.index(interface)),
                np.full(count, opnum),
                np.zeros(count, dtype=np.int64),
            )
        )
        if leg.calls:
            # who activates an object asks for no interface
            wanted = -1 if leg.is_dcom else NAMES.index(leg.calls[0].interface)
            self.answers.append(
                Answers(start + 1400, place, np.full(count, wanted), np.full(count, SLOTS.index(leg.slot)))
            )

    def _call(self, leg: Leg, place: Ints, is_up: Marks) -> None:
        """The leg's calls on its connections."""
        if not self._has_calls:
            return
        start, end = self.flows[-1].start_us[is_up], self.flows[-1].end_us[is_up]
        place = place[is_up]
        step = np.minimum((end - start) // (len(leg.calls) + 1), 150_000)
        for order, call in enumerate(leg.calls, 1):
            times = call.least + self._dice.below(call.most - call.least + 1, len(place))
            which = np.repeat(np.arange(len(place)), times)
            turn = np.arange(len(which)) - np.repeat(np.cumsum(times) - times, times)
            at = start[which] + step[which] * order + step[which] * turn // np.maximum(1, times[which])
            count = len(which)
            self.calls.append(
                Calls(
                    at,
                    place[which],
                    np.full(count, NAMES.index(call.interface)),
                    np.full(count, call.opnum),
                    np.full(count, call.fault),
                )
            )


def is_encrypted(server: Ints) -> Marks:
    """Whether the servers encrypt SMB."""
    return mixed(server, 445) % np.uint64(ENCRYPTED) == 0


def is_shut(net: Network, client: Ints, server: Ints) -> Marks:
    """Whether the server drops what the client sends."""
    return net.is_closed[server] & (net.subnet[client] >= 0)


def is_low(net: Network) -> Marks:
    """Hosts whose client ports are Linux's or a gateway's."""
    return np.isin(net.role, [ROLES.index(role) for role in ("Linux client", "NAS", "NAT gateway")])

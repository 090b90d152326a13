"""One attack being drawn: who is at work, whom it can reach, when, and what a step of it is."""

from dataclasses import dataclass

import numpy as np

from rpcsight.simulation.days import HOUR_US, present
from rpcsight.simulation.dice import Dice, Ints
from rpcsight.simulation.network import PEOPLE, ROLES, Network

__all__ = ["Scene", "Step"]

DAY_HOURS = 24
LONGEST = 14
"""Days that an attack may wait."""


@dataclass(frozen=True, slots=True)
class Step:
    """What an attack does to one host.

    Args:
        attack: number of the attack.
        kind: of `KINDS`.
        technique: ATT&CK id.
        activity: of `ACTIVITIES`.
        day: when, and
        time_us: since its midnight.
        client, server: hosts.
        is_blocked: a firewall lets only the endpoint mapper answer.
        is_usual: whether the client has to do with that server's service anyway.
        is_work_time: whether it is within office hours.
    """

    attack: int
    kind: str
    technique: str
    activity: str
    day: int
    time_us: int
    client: int
    server: int
    is_blocked: bool = False
    is_usual: bool = False
    is_work_time: bool = True


TECHNIQUES = {
    "wmi execution": "T1047",
    "service start": "T1569.002",
    "service creation": "T1569.002",
    "service pipe": "T1569.002",
    "task": "T1053.005",
    "dcom application": "T1021.003",
    "registry change": "T1112",
    "registry": "T1012",
    "dcsync": "T1003.006",
    "zerologon": "T1210",
    "coercion": "T1187",
    "print coercion": "T1187",
    "enumeration": "T1135",
    "account enumeration": "T1087.002",
}
HOPS = ("wmi execution", "service creation", "service start", "task", "dcom application", "registry change")
HOP_WEIGHTS = (34, 22, 8, 18, 12, 6)


class Scene:
    """What one attack draws from.

    Args:
        net: the network.
        attack: its number.
        day: the day on which it begins.
        dice: its chance.
        pairs: clients and servers of workstations' ties that day: two rows.
    """

    def __init__(self, net: Network, attack: int, day: int, dice: Dice, pairs: Ints) -> None:
        self.pairs = pairs
        self.net, self.attack, self.day, self.dice = net, attack, day, dice
        works, start, end = present(net, day)
        people = net.of_people()
        self._people = people[works[people]] if works[people].any() else people
        self._start, self._end = start, end
        self.is_work_time = bool(dice.chance(0.7, 1)[0])

    def one(self, hosts: Ints) -> int:
        """One of the hosts."""
        return int(self.dice.pick(hosts, 1)[0])

    def person(self, *roles: str) -> int:
        """A computer whose person works that day, of these roles if there is one."""
        wanted = self._people[np.isin(self.net.role[self._people], [ROLES.index(role) for role in roles or PEOPLE])]
        return self.one(wanted if len(wanted) else self._people)

    def server(self) -> int:
        """A server that many may use."""
        return self.one(self.net.of("application server", "server", "file server", "print server"))

    def moment(self, host: int) -> int:
        """A time within the person's hours; at night, if the computer is on then."""
        draw = float(self.dice.uniform(1)[0])
        begin, end = int(self._start[host]), int(self._end[host])
        if self.is_work_time or not self.net.is_always_on[host]:
            return begin + int(draw * (end - begin) * 0.95)
        return int((draw * 5 + (0 if draw < 0.5 else 18.5)) * HOUR_US)  # noqa: PLR2004

    def next_day(self, host: int, day: int) -> int:
        """A day from this one on, within a few, on which the computer is on."""
        while not self.net.is_always_on[host] and day < self.day + LONGEST and not present(self.net, day)[0][host]:
            day += 1
        return day

    def hop(self) -> str:
        """An activity that executes something."""
        return HOPS[int(self.dice.weighted(HOP_WEIGHTS, 1)[0])]

    def target(self, client: int) -> tuple[int, bool]:
        """Another computer of a person most often, else a server; the second says whether the client uses it anyway."""
        draw = float(self.dice.uniform(1)[0])
        if draw < 0.65:  # noqa: PLR2004
            server = self.person()
            return (server if server != client else self.server()), False
        return self.server(), False

    def step(
        self, kind: str, activity: str, client: int, server: int, time_us: int, day: int | None = None, **marks: bool
    ) -> Step:
        """A step; a time past midnight is the next day's."""
        day, time_us = (
            (self.day if day is None else day) + time_us // (DAY_HOURS * HOUR_US),
            time_us % (DAY_HOURS * HOUR_US),
        )
        return Step(
            self.attack,
            kind,
            TECHNIQUES[activity],
            activity,
            day,
            time_us,
            client,
            server,
            is_work_time=self.is_work_time,
            **marks,
        )

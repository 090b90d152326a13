"""One attack being drawn: who is at work, whom it can reach, when, and what a step of it is."""

from dataclasses import dataclass

import numpy as np

from rpcsight.simulation.days import HOUR_US, present
from rpcsight.simulation.dice import Dice, Ints, Marks, Quantiles
from rpcsight.simulation.expansion import is_shut
from rpcsight.simulation.network import PEOPLE, ROLES, Network

__all__ = ["Scene", "Step"]

DAY_HOURS = 24
NEARBY = 0.4
"""How often an attacker takes a computer of its own site."""
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
        again: how long after that it is done again, each time; not past midnight.
        is_blocked: a firewall lets only the endpoint mapper answer.
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
    again: tuple[int, ...] = ()
    is_blocked: bool = False
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
    "encrypted file": "T1187",
    "print notification": "T1187",
    "answer": "T1187",
    "enumeration": "T1135",
    "account enumeration": "T1087.002",
}
HOPS = ("wmi execution", "service creation", "service start", "task", "dcom application", "registry change")
HOP_WEIGHTS = (34, 22, 8, 18, 12, 6)


AGAIN = ((0, 0), (0.5, 0.99), (0.75, 2), (0.95, 4), (1, 9))
"""How often what executes is done again on the same host: commands follow one another."""
PAUSE_S = ((0, 4), (0.4, 40), (0.8, 300), (1, 1500))
TRIES = 12
"""How many hosts are looked at until one is up and answers: an attacker does not call it an attack before."""


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
        self._presence: dict[int, tuple[Marks, Ints, Ints]] = {}
        works, _, _ = self._present(day)
        people = net.of_people()
        self._people = people[works[people]] if works[people].any() else people[net.exists(day)[people]]
        self.is_work_time = self.happens(0.7)

    def happens(self, probability: float) -> bool:
        """Whether it does."""
        return bool(self.dice.chance(probability, 1)[0])

    def below(self, limit: int) -> int:
        """A whole number from 0 to under the limit."""
        return int(self.dice.below(limit, 1)[0])

    def pause(self, table: Quantiles = PAUSE_S) -> int:
        """A while, in microseconds."""
        return int(self.dice.quantile(table, 1)[0] * 1e6)

    def one(self, hosts: Ints, day: int | None = None) -> int:
        """One of the hosts that there are."""
        there = hosts[self.net.exists(self.day if day is None else day)[hosts]]
        return int(self.dice.pick(there if len(there) else hosts, 1)[0])

    def of(self, *roles: str) -> int:
        """One that has one of the roles."""
        return self.one(self.net.of(*roles))

    def person(self, *roles: str) -> int:
        """A computer whose person works that day, of these roles if there is one."""
        wanted = self._people[np.isin(self.net.role[self._people], [ROLES.index(role) for role in roles or PEOPLE])]
        return self.one(wanted if len(wanted) else self._people)

    def server(self) -> int:
        """A server that many may use."""
        return self.of("application server", "server", "file server", "print server")

    def moment(self, host: int, day: int | None = None) -> int:
        """A time within the person's hours; at night, if the computer is on then."""
        draw = float(self.dice.uniform(1)[0])
        _, start, end = self._present(self.day if day is None else day)
        begin, last = int(start[host]), int(end[host])
        if self.is_work_time or not self.net.is_always_on[host]:
            return begin + int(draw * (last - begin) * 0.95)
        return int((draw * 5 + (0 if draw < 0.5 else 18.5)) * HOUR_US)  # noqa: PLR2004

    def is_up(self, client: int, server: int, time_us: int, day: int | None = None) -> bool:
        """Whether the server would answer the client then."""
        day, time_us = self._at(time_us, day)
        works, start, end = self._present(day)
        hosts = np.array([client]), np.array([server])
        is_on = self.net.is_always_on[server] or (works[server] and start[server] <= time_us < end[server])
        return bool(is_on and self.net.exists(day)[server] and not is_shut(self.net, *hosts)[0])

    def next_day(self, host: int, day: int) -> int:
        """A day from this one on, within a few, on which the computer is on."""
        while not self.net.is_always_on[host] and day < self.day + LONGEST and not self._present(day)[0][host]:
            day += 1
        return day

    def is_there(self, host: int, day: int) -> bool:
        """Whether the computer is on at some time of a day."""
        return bool(self.net.exists(day)[host] and (self.net.is_always_on[host] or self._present(day)[0][host]))

    def hop(self) -> str:
        """An activity that executes something."""
        return HOPS[int(self.dice.weighted(HOP_WEIGHTS, 1)[0])]

    def target(self, client: int, time_us: int, day: int | None = None) -> int:
        """Another computer of a person most often, else a server; of those that answer, rather one nearby."""
        is_person, is_near = self.happens(0.65), self.happens(NEARBY)
        near = self._people[self.net.site[self._people] == self.net.site[client]]
        server = client
        for _ in range(TRIES):
            server = self.one(near if is_near and len(near) > 1 else self._people) if is_person else self.server()
            if server != client and self.is_up(client, server, time_us, day):
                return server
        return server if server != client else self.server()

    def again(self) -> tuple[int, ...]:
        """When the same is done once more on the host, after the first time."""
        count = int(self.dice.quantile(AGAIN, 1)[0])
        return tuple(np.cumsum([self.pause() for _ in range(count)]).tolist())

    def step(
        self,
        kind: str,
        activity: str,
        client: int,
        server: int,
        time_us: int,
        day: int | None = None,
        *,
        again: tuple[int, ...] = (),
        is_blocked: bool = False,
    ) -> Step:
        """A step; a time past midnight is the next day's."""
        return Step(
            self.attack,
            kind,
            TECHNIQUES[activity],
            activity,
            *self._at(time_us, day),
            client,
            server,
            again,
            is_blocked,
            self.is_work_time,
        )

    def _at(self, time_us: int, day: int | None) -> tuple[int, int]:
        whole = DAY_HOURS * HOUR_US
        return (self.day if day is None else day) + time_us // whole, time_us % whole

    def _present(self, day: int) -> tuple[Marks, Ints, Ints]:
        if day not in self._presence:
            self._presence[day] = present(self.net, day)
        return self._presence[day]

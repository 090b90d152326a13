"""What workstations do with one another without harm: the unknown that `noise` scales.

Ties are born on a day and live for some; on a day on which it is used, a tie makes a few sessions. What is used seldom makes
first-seen pairs after weeks of learning, too.
"""

from dataclasses import dataclass, replace

import numpy as np

from rpcsight.simulation.activities import number
from rpcsight.simulation.days import DAY_US, Day, is_workday
from rpcsight.simulation.dice import Dice, Ints, Quantiles, mixed
from rpcsight.simulation.network import Network
from rpcsight.simulation.sessions import Sessions, done

__all__ = ["TIES", "Neighbours"]

BEFORE = 90
"""Ties of so many days before the first day are there."""
BLOCKED = 12
"""Between one pair in so many stands a firewall that lets only the endpoint mapper answer."""
GIVEN_UP = 0.8
"""How often another is chosen where a computer's own firewall drops everything."""
ROLL_OUT = 0.004
"""Chance a team and working day that new software begins to talk among its members."""


@dataclass(frozen=True, slots=True)
class Tie:
    """A kind of tie.

    Args:
        roles: whose ties they are.
        births: new ones a client and working day.
        days: how long one lives.
        use: chance that it is used on a day in its life (on the first it always is).
        sessions: how many sessions on such a day.
        kinds: activities, and how likely each.
        is_scheduled: whether it is a program's, at the same time of each day, and not a person's.
        reach: "team", "site", "any", or "sharing" for one of the few in the site that share a printer.
    """

    roles: tuple[str, ...]
    births: float
    days: Quantiles
    use: float
    sessions: Quantiles
    kinds: dict[str, float]
    reach: str
    is_scheduled: bool = False


_EVERYONE = ("workstation", "developer workstation", "administrator workstation", "help desk workstation")
TIES: dict[str, Tie] = {
    "help desk": Tie(
        ("help desk workstation",), 1.5, ((0, 1), (0.75, 1), (0.95, 4), (1, 15)), 0.5, ((0, 1), (0.6, 2), (1, 7)),
        {"wmi query": 38, "wmi execution": 14, "service query": 8, "service start": 10, "service creation": 7, "task": 8, "task query": 3,
         "service pipe": 4, "share": 14, "registry": 6, "event query": 5, "dcom application": 10},
        "any",
    ),
    "administrator": Tie(
        ("administrator workstation",), 0.6, ((0, 1), (0.7, 1), (1, 20)), 0.3, ((0, 1), (0.7, 2), (1, 6)),
        {"wmi query": 34, "wmi execution": 14, "service start": 12, "service creation": 6, "task": 12,
         "service pipe": 5, "share": 12, "registry change": 6, "event query": 16},
        "any",
    ),
    "developer": Tie(
        ("developer workstation",), 0.065, ((0, 1), (0.4, 2), (0.8, 20), (1, 70)), 0.3, ((0, 1), (0.6, 3), (1, 12)),
        {"dcom application": 40, "wmi query": 16, "wmi execution": 6, "service start": 8, "service creation": 4,
         "task": 8, "event query": 10, "registry": 8, "share": 16},
        "team",
    ),
    "shared printer": Tie(
        _EVERYONE, 0.0045, ((0, 1), (0.3, 5), (1, 90)), 0.5, ((0, 1), (0.6, 2), (1, 9)), {"print": 1}, "sharing",
    ),
    "application": Tie(
        _EVERYONE, 0.0045, ((0, 1), (0.3, 10), (1, 90)), 0.6, ((0, 1), (0.6, 3), (1, 20)),
        {"dcom application": 8, "wmi query": 1, "share": 2}, "team",
    ),
    "odd": Tie(
        _EVERYONE, 0.0034, ((0, 1), (0.8, 1), (1, 30)), 0.2, ((0, 1), (1, 3)),
        {"print": 3, "dcom application": 3, "event query": 2, "wmi query": 2, "service query": 2,
         "task query": 1, "registry": 1, "wmi execution": 1, "share": 5},
        "any",
    ),
    "scheduled": Tie(
        ("help desk workstation", "administrator workstation", "developer workstation"), 0.006, ((0, 2), (0.5, 20), (1, 80)), 0.95,
        ((0, 1), (1, 2)), {"wmi query": 4, "wmi execution": 2, "event query": 2, "task": 2, "service query": 2}, "any", is_scheduled=True,
    ),
}  # fmt: skip
"""The kinds of ties, with their rates. Assumed, so that 1,000 hosts have 15 to 30 first-seen pairs a working day at noise 1."""


class Neighbours:
    """The ties of all days so far.

    Args:
        net: the network.
        noise: factor on how many ties there are.
    """

    def __init__(self, net: Network, noise: float) -> None:
        self._net, self._noise = net, noise
        self._people = net.of_people()
        self._born = -BEFORE - 1
        empty = np.zeros((4, 0), dtype=np.int64)
        self._ties = dict.fromkeys(TIES, empty)

    def sessions(self, day: Day) -> list[Sessions]:
        """What they do on a day; days are asked for in order."""
        while self._born < day.number:
            self._born += 1
            self._bear(self._born)
        parts: list[Sessions] = []
        for name, tie in TIES.items():
            dice = Dice(self._net.seed, "ties", day.number, name)
            birth, death, client, server = self._ties[name]
            is_used = dice.chance(tie.use, len(birth)) | (birth == day.number)
            is_used &= (death >= day.number) & (day.is_there if tie.is_scheduled else day.gone_us > day.person_us)[
                client
            ]
            used = np.flatnonzero(is_used)
            times = dice.quantile(tie.sessions, len(used)).astype(np.int64)
            which = np.repeat(used, times)
            who, whom = client[which], server[which]
            begin = np.where(day.is_there[whom], np.maximum(day.person_us[who], day.on_us[whom]), day.person_us[who])
            end = np.maximum(
                begin + 1,
                np.minimum(day.gone_us[who], np.where(day.is_there[whom], day.off_us[whom], day.gone_us[who])),
            )
            # most of one tie's work of a day is done within an hour
            centre = np.repeat(dice.uniform(len(used)), times)
            at = np.clip(centre + (dice.uniform(len(which)) - 0.5) * 0.1, 0, 1)
            time = begin + (at * (end - begin)).astype(np.int64)
            if tie.is_scheduled:
                time = (mixed(who, whom, 7) % np.uint64(DAY_US)).astype(np.int64) + (
                    dice.uniform(len(which)) * 3e6
                ).astype(np.int64)
            kinds = np.array([number(kind) for kind in tie.kinds])
            main = (
                kinds[(mixed(who, whom, 5) % np.uint64(len(kinds))).astype(np.int64)]
                if name in {"developer", "application", "scheduled"}
                else None
            )
            drawn = kinds[dice.weighted(tuple(tie.kinds.values()), len(which))]
            # a tie of a person's own does mostly one thing
            drawn = drawn if main is None else np.where(dice.chance(0.6, len(which)), main, drawn)
            made = done(drawn, time, who, whom)
            made = made.where(day.is_on(made.client, made.time_us))
            is_blocked = mixed(made.client, made.server, 6) % np.uint64(BLOCKED) == 0
            parts.append(replace(made, is_blocked=is_blocked))
        parts.append(self._rolled_out(day))
        return parts

    def pairs(self, day: int) -> Ints:
        """Clients and servers of the ties that live on a day whose sessions have been asked for: two rows."""
        return np.concatenate([ties[2:4, ties[1] >= day] for ties in self._ties.values()], axis=1)

    def _bear(self, number_of_day: int) -> None:
        """New ties of a day, and the end of old ones."""
        net = self._net
        for name, tie in TIES.items():
            dice = Dice(net.seed, "births", number_of_day, name)
            clients = net.of(*tie.roles)
            clients = clients[net.exists(number_of_day)[clients]]
            rate = tie.births * self._noise * (1.0 if is_workday(number_of_day) else 0.08)
            who = np.repeat(clients, dice.times(rate, len(clients)))
            whom = self._reached(dice, who, tie.reach, number_of_day)
            # what does not answer is seldom tried
            other = self._reached(dice, who, tie.reach, number_of_day)
            whom = np.where(net.is_closed[whom] & dice.chance(GIVEN_UP, len(who)), other, whom)
            death = number_of_day + dice.quantile(tie.days, len(who)).astype(np.int64) - 1
            born = np.stack([np.full(len(who), number_of_day), death, who, whom])
            former = self._ties[name]
            self._ties[name] = np.concatenate([former[:, former[1] >= number_of_day], born], axis=1)

    def _reached(self, dice: Dice, who: Ints, reach: str, day: int) -> Ints:
        net = self._net
        people = self._people[net.exists(day)[self._people]]
        if reach == "any":
            return dice.pick(people, len(who))
        if reach == "team":
            return _member(dice, who, people, net.teams(day))
        mates = _member(dice, who, people, net.site)
        # one of a handful in the site: every 25th has a printer that it shares
        return people[(np.searchsorted(people, mates) // 25) * 25]

    def _rolled_out(self, day: Day) -> Sessions:
        """New software in a team: each member finds one or two others."""
        net = self._net
        dice = Dice(net.seed, "roll-out", day.number)
        team, people = net.teams(day.number), self._people[net.exists(day.number)[self._people]]
        teams = np.unique(team[people])
        chosen = teams[dice.chance(ROLL_OUT * self._noise * day.is_workday, len(teams))]
        members = people[np.isin(team[people], chosen) & (day.gone_us > day.person_us)[people]]
        who = np.repeat(members, 1 + dice.below(2, len(members)))
        whom = _member(dice, who, people, team)
        time = np.maximum(day.person_us[who], 9 * 3_600_000_000) + (dice.uniform(len(who)) * 4 * 3_600_000_000).astype(
            np.int64
        )
        return done("dcom application", time, who, whom)


def _member(dice: Dice, who: Ints, people: Ints, group: Ints) -> Ints:
    """Of the people another of the same group."""
    ordered = people[np.argsort(group[people], kind="stable")]
    groups = group[ordered]
    first = np.searchsorted(groups, group[who], side="left")
    last = np.searchsorted(groups, group[who], side="right")
    return ordered[np.minimum(first + dice.below(np.maximum(1, last - first), len(who)), len(ordered) - 1)]

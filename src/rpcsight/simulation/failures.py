"""What is tried in vain: computers that are off, that drop what they are sent, that are no more; and tools that try whole subnets.

What rules on ports alert on is for the most part such (assumed: 1 to 3 % of connections), and it comes in clusters.
"""

import numpy as np

from rpcsight.simulation.changes import gone
from rpcsight.simulation.days import HOUR_US, Day
from rpcsight.simulation.dice import Dice, Ints, mixed
from rpcsight.simulation.network import Network
from rpcsight.simulation.sessions import Sessions, done, repeated

__all__ = ["failing"]

MANAGED = 0.3
"""Share of computers to which management pushes something on a working day, and, while they are off, again every hour."""
STALE = 0.05
"""Share of people's computers on which something still looks for a computer that is no more."""
STALE_TIMES = ((0, 2), (0.5, 10), (0.9, 40), (1, 120))
"""How often a day it does."""
DISCOVERERS = 0.0004
"""Chance a person and working day that a program looks through the neighbourhood, and"""
NEAR = ((0, 5), (0.7, 15), (1, 60))
"""how many addresses it tries."""


def failing(net: Network, day: Day, noise: float) -> list[Sessions]:
    """The sessions of which most fail.

    Args:
        net: the network.
        day: the day.
        noise: factor on what workstations do with one another.
    """
    dice = Dice(net.seed, "failures", day.number)
    return [_retried(net, day, dice), _stale(net, day, dice), _discovered(net, day, dice, noise)]


def _retried(net: Network, day: Day, dice: Dice) -> Sessions:
    people = net.of_people()
    people = people[net.exists(day.number)[people]]
    managers = net.of("management server")
    due = people[dice.chance(MANAGED * day.is_workday, len(people))]
    begin = (8 + dice.uniform(len(due)) * 3) * HOUR_US
    turns = 10
    whom = np.repeat(due, turns)
    time = np.repeat(begin, turns).astype(np.int64) + np.tile(np.arange(turns) * HOUR_US, len(due))
    time += dice.below(120_000_000, len(time))
    # reached once, it is left alone
    is_tried = ~day.is_on(whom, time)
    whom, time = whom[is_tried], time[is_tried]
    return done("wmi query", time, managers[(mixed(whom, 9) % np.uint64(len(managers))).astype(np.int64)], whom)


def _stale(net: Network, day: Day, dice: Dice) -> Sessions:
    people, lost = net.of_people(), gone(net, day.number)
    people = people[day.gone_us[people] > day.person_us[people]]
    people = people[mixed(people, net.seed, 21) % np.uint64(1000) < STALE * 1000]
    if len(lost) == 0:
        return done("print", *(np.zeros(0, dtype=np.int64) for _ in range(3)))
    times = dice.quantile(STALE_TIMES, len(people))
    who, time = repeated(dice, people, times, day.person_us, day.gone_us)
    whom = lost[(mixed(who, 22) % np.uint64(len(lost))).astype(np.int64)]
    return done("print", time, who, whom)


def _discovered(net: Network, day: Day, dice: Dice, noise: float) -> Sessions:
    people = net.of_people()
    people = people[day.gone_us[people] > day.person_us[people]]
    tools = people[dice.chance(DISCOVERERS * noise * day.is_workday, len(people))]
    times = dice.quantile(NEAR, len(tools)).astype(np.int64)
    who = np.repeat(tools, times)
    turn = np.arange(len(who)) - np.repeat(np.cumsum(times) - times, times)
    start = day.person_us[tools] + (dice.uniform(len(tools)) * 0.9 * (day.gone_us - day.person_us)[tools]).astype(
        np.int64
    )
    time = np.repeat(start, times) + turn * 400_000 + dice.below(380_000, len(who))
    return done("discovery", time, who, _near(net, who, turn, dice.below(1 << 20, len(tools)).repeat(times)))


def _near(net: Network, who: Ints, turn: Ints, first: Ints) -> Ints:
    """Hosts of the same /24, one after the other."""
    order = np.lexsort((np.arange(len(net)), net.subnet))
    subnets = net.subnet[order]
    begin = np.searchsorted(subnets, net.subnet[who], side="left")
    count = np.searchsorted(subnets, net.subnet[who], side="right") - begin
    return order[begin + (first + turn) % count]

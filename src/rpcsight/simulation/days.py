"""What changes from day to day: who is there and when, which address each host has, when it last started."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rpcsight.simulation.dice import Dice, Floats, Ints, Marks, mixed
from rpcsight.simulation.network import POOL, SERVERS, Network

__all__ = ["DAY_US", "HOUR_US", "Day", "days", "is_workday", "present"]

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
WEEK = 7
PATCH_CYCLE, PATCH_DAYS = 28, (15, 16)
"""Servers restart in one of two nights of every four weeks."""
RESTART_HOUR = 3
MOVE_SHARE = 0.012
"""Chance that a dynamic address changes over night. Assumed: leases of eight days, renewed while a host is there."""
STANDARD_PORTS = 49664
OWN_PORTS = 49720
FAR = 65536 - OWN_PORTS
SPACING = 4
OVERTIME_H = ((0, -1.5), (0.2, -0.3), (0.8, 0.4), (0.95, 1.5), (1, 7))
"""How much longer or shorter a day is than usual. Assumed."""
LATE_SHARE = 30
"""Of a hundred services, how many get a port late, after programs of the host's own."""


@dataclass(frozen=True, slots=True)
class Day:
    """One day, an entry a host in every array.

    Args:
        number: from 0, the first that is written.
        start_us: midnight.
        is_there: whether it is switched on at all.
        on_us, off_us: from when to when, since midnight.
        person_us, gone_us: from when to when its person works; equal where nobody does.
        address: its IPv4 address as a number.
        boot, former_boot: what its ports depend on, after and before RESTART_HOUR.
    """

    number: int
    start_us: int
    is_there: Marks
    on_us: Ints
    off_us: Ints
    person_us: Ints
    gone_us: Ints
    address: Ints
    boot: Ints
    former_boot: Ints

    @property
    def is_workday(self) -> bool:
        """Monday to Friday."""
        return is_workday(self.number)

    def is_on(self, host: Ints, time_us: Ints) -> Marks:
        """Whether the hosts are on at the times (since midnight)."""
        return self.is_there[host] & (self.on_us[host] <= time_us) & (time_us < self.off_us[host])

    def ports(self, host: Ints, slot: Ints, time_us: Ints) -> Ints:
        """The port that a process of each host listens on: another after each start, near the range's beginning for most."""
        boot = np.where(time_us < RESTART_HOUR * HOUR_US, self.former_boot[host], self.boot[host])
        value = mixed(host, boot, slot)
        near = STANDARD_PORTS + slot * SPACING + (value % np.uint64(SPACING)).astype(np.int64)
        # steps of a host's own between its processes' ports, so that none has two and none tells which it is
        base, step = (mixed(host, boot, -kind) % np.uint64(limit) for kind, limit in ((1, FAR), (2, FAR // 16)))
        far = OWN_PORTS + (base.astype(np.int64) + slot * (1 + step.astype(np.int64))) % FAR
        is_late = (value >> np.uint64(32)) % np.uint64(100) < LATE_SHARE
        return np.where(is_late, far, near)


def is_workday(number: int) -> bool:
    """Monday to Friday; day 0 is a Monday."""
    return number % WEEK < 5  # noqa: PLR2004


def present(net: Network, number: int) -> tuple[Marks, Ints, Ints]:
    """Which people work on a day, and from when to when since midnight; days before 0 are days, too."""
    dice = Dice(net.seed, "presence", number)
    hosts = len(net)
    is_away = (mixed(net.seed, np.arange(hosts), number // WEEK) % np.uint64(100)) < 6  # noqa: PLR2004 - holidays, a week at a time
    works = ((net.days >> (number % WEEK)) & 1 == 1) & dice.chance(net.presence, hosts) & ~is_away
    jitter: Floats = dice.quantile(((0, -0.7), (0.1, -0.2), (0.9, 0.3), (1, 1.5)), hosts)
    start = np.maximum(0, ((net.start_hour + jitter) * HOUR_US).astype(np.int64))
    over: Floats = dice.quantile(OVERTIME_H, hosts)
    end = np.minimum(DAY_US - 1, start + ((net.work_hours + over) * HOUR_US).astype(np.int64))
    works[net.of(*SERVERS)] = False
    works &= net.exists(number)
    return works, start, np.maximum(end, start + 1)


def days(net: Network, count: int, start_us: int) -> Iterator[Day]:
    """The days in order; each is the same however many are asked for.

    Args:
        net: the network.
        count: how many.
        start_us: midnight of the first, a Monday, in microseconds since 1970.
    """
    address = net.address.copy()
    boot = np.zeros(len(net), dtype=np.int64)
    is_office = net.subnet >= 0
    for number in range(count):
        dice = Dice(net.seed, "day", number)
        works, person, gone = present(net, number)
        former = boot.copy()
        night = PATCH_DAYS[0] + (mixed(net.seed, np.arange(len(net)), 3) % np.uint64(2)).astype(np.int64)
        is_patched = ~is_office & (number % PATCH_CYCLE == night)
        starts = np.where(is_office, np.where(net.is_laptop, 0.35, 0.12), 0.002)
        boot = np.where(is_patched | dice.chance(starts, len(net)), number + 1, boot)
        is_there = works | (net.is_always_on & net.exists(number))
        yield Day(
            number=number,
            start_us=start_us + number * DAY_US,
            is_there=is_there,
            on_us=np.where(net.is_always_on, 0, person),
            off_us=np.where(net.is_always_on, DAY_US, gone),
            person_us=person,
            gone_us=np.where(works, gone, person),
            address=address.copy(),
            boot=boot,
            former_boot=np.where(is_office, boot, former),
        )
        _move(net, dice, address)


def _move(net: Network, dice: Dice, address: Ints) -> None:
    """Give some dynamic hosts another address of their pool: a free one, or one that another has just left."""
    is_moving = net.is_dynamic & dice.chance(MOVE_SHARE, len(net))
    for subnet in np.unique(net.subnet[is_moving]).tolist():
        members = np.flatnonzero(net.subnet == subnet)
        moving = members[is_moving[members]]
        base = int(address[members[0]]) & ~0xFF
        kept = address[members[~is_moving[members]]]
        free = np.setdiff1d(np.arange(base + 10, base + 10 + POOL), kept)
        address[moving] = free[np.argsort(dice.uniform(len(free)), kind="stable")][: len(moving)]

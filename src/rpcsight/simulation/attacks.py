"""Attacks drawn at random, most of them quiet: who attacks whom, how, and what records can show of it."""

from collections.abc import Callable, Iterator

import numpy as np

from rpcsight.simulation.activities import number
from rpcsight.simulation.dice import Dice, Ints
from rpcsight.simulation.network import Network
from rpcsight.simulation.scenes import Scene, Step
from rpcsight.simulation.sessions import Sessions

__all__ = ["KINDS", "Attacks", "Step"]


def _single(scene: Scene, kind: str) -> Iterator[Step]:
    client = scene.person()
    server, is_usual = scene.target(client)
    yield scene.step(kind, scene.hop(), client, server, scene.moment(client), is_usual=is_usual)


def _fan_out(scene: Scene, kind: str) -> Iterator[Step]:
    client, count = scene.person(), 5 + int(scene.dice.below(36, 1)[0] * scene.dice.uniform(1)[0])
    time = scene.moment(client)
    pause = int(scene.dice.quantile(((0, 3), (0.4, 20), (0.8, 300), (1, 900)), 1)[0] * 1e6)
    for turn in range(count):
        server = scene.person() if turn % 5 else scene.server()
        if server != client:
            yield scene.step(kind, "wmi execution", client, server, time + turn * pause)


def _spread(scene: Scene, kind: str) -> Iterator[Step]:
    client, count = scene.person(), 2 + int(scene.dice.below(6, 1)[0])
    time = scene.moment(client)
    activity = "service creation" if scene.dice.chance(0.7, 1)[0] else "service pipe"
    for turn in range(count):
        server, is_usual = scene.target(client)
        yield scene.step(kind, activity, client, server, time + turn * 45_000_000, is_usual=is_usual)


def _dcsync(scene: Scene, kind: str) -> Iterator[Step]:
    client = scene.person() if scene.dice.chance(0.6, 1)[0] else scene.server()
    yield scene.step(
        kind, "dcsync", client, scene.one(scene.net.of("domain controller")), scene.moment(client), is_usual=True
    )


def _pivot(scene: Scene, kind: str) -> Iterator[Step]:
    """A to B to C, hours or days between."""
    here, day = scene.person(), scene.day
    for _ in range(2 + int(scene.dice.below(2, 1)[0])):
        there, is_usual = scene.target(here)
        if there == here:
            continue
        yield scene.step(kind, scene.hop(), here, there, scene.moment(here), day, is_usual=is_usual)
        here, day = there, scene.next_day(there, day + int(scene.dice.below(4, 1)[0]))


def _administration(scene: Scene, kind: str) -> Iterator[Step]:
    """From a computer whose use of others is everyday: hard to tell from it."""
    roles = (
        ("administration host",)
        if scene.dice.chance(0.5, 1)[0]
        else ("administrator workstation", "help desk workstation")
    )
    client = scene.one(scene.net.of("administration host")) if len(roles) == 1 else scene.person(*roles)
    time = scene.moment(client)
    for turn in range(1 + int(scene.dice.below(3, 1)[0])):
        server = scene.server() if scene.dice.chance(0.6, 1)[0] else scene.person()
        if server != client:
            yield scene.step(kind, scene.hop(), client, server, time + turn * 600_000_000, is_usual=len(roles) == 1)


def _towards(
    activity: str, *roles: str, is_usual: bool = False, clients: tuple[str, ...] = ()
) -> Callable[[Scene, str], Iterator[Step]]:
    def steps(scene: Scene, kind: str) -> Iterator[Step]:
        client = scene.one(scene.net.of(*clients)) if clients else scene.person()
        server = scene.one(scene.net.of(*roles)) if roles else scene.target(client)[0]
        if server != client:
            yield scene.step(kind, activity, client, server, scene.moment(client), is_usual=is_usual)

    return steps


def _linux(scene: Scene, kind: str) -> Iterator[Step]:
    client = scene.one(scene.net.of("Linux client"))
    server, is_usual = scene.target(client)
    yield scene.step(kind, scene.hop(), client, server, scene.moment(client), is_usual=is_usual)


def _usual(scene: Scene, kind: str) -> Iterator[Step]:
    """Against a server that the client's whole site uses."""
    client = scene.person()
    server = scene.one(scene.net.of("application server", "file server", "print server", "domain controller"))
    yield scene.step(kind, scene.hop(), client, server, scene.moment(client), is_usual=True)


def _blocked(scene: Scene, kind: str) -> Iterator[Step]:
    client = scene.person()
    for turn in range(1 + int(scene.dice.below(4, 1)[0])):
        server, is_usual = scene.target(client)
        if server != client:
            time = scene.moment(client) + turn
            yield scene.step(kind, scene.hop(), client, server, time, is_blocked=True, is_usual=is_usual)


def _enumeration(scene: Scene, kind: str) -> Iterator[Step]:
    client, time = scene.person(), 0
    time = scene.moment(client)
    if scene.dice.chance(0.5, 1)[0]:
        server = scene.one(scene.net.of("domain controller"))
        yield scene.step(kind, "account enumeration", client, server, time, is_usual=True)
        return
    for turn in range(3 + int(scene.dice.below(20, 1)[0])):
        server, is_usual = scene.target(client)
        if server != client:
            yield scene.step(kind, "enumeration", client, server, time + turn * 4_000_000, is_usual=is_usual)


def _neighbour(scene: Scene, kind: str) -> Iterator[Step]:
    """Against a workstation that the client uses RPC on anyway."""
    if scene.pairs.shape[1]:
        client, server = (int(host) for host in scene.pairs[:, int(scene.dice.below(scene.pairs.shape[1], 1)[0])])
        day = scene.next_day(client, scene.day)
        yield scene.step(kind, scene.hop(), client, server, scene.moment(client), day, is_usual=True)


KINDS: dict[str, tuple[float, Callable[[Scene, str], Iterator[Step]]]] = {
    "single hop": (30, _single),
    "wmi fan-out": (6, _fan_out),
    "service spread": (7, _spread),
    "dcsync": (5, _dcsync),
    "slow pivot": (12, _pivot),
    "administration host": (8, _administration),
    "remote registry": (3, _towards("registry change")),
    "enumeration": (5, _enumeration),
    "forced authentication": (3, _towards("print coercion", "domain controller", "server", "print server")),
    "forced authentication by pipe": (2, _towards("coercion", "domain controller", "file server")),
    "zerologon": (1, _towards("zerologon", "domain controller", is_usual=True)),
    "blocked": (4, _blocked),
    "service by pipe": (4, _towards("service pipe")),
    "linux client": (5, _linux),
    "usual server": (5, _usual),
    "usual workstation": (4, _neighbour),
}
"""By name: how often, and what is done."""


class Attacks:
    """All attacks of the days that are written.

    Args:
        net: the network.
        a_day: how many begin on a day, on average.
        first: the day from which on they do.
    """

    def __init__(self, net: Network, a_day: float, first: int) -> None:
        self._net, self._a_day, self._first = net, a_day, first
        self._begun = -1
        self._steps: list[Step] = []

    def steps(self, day: int, pairs: Ints) -> list[Step]:
        """Those of a day, by time; days are asked for in order, with the pairs of workstations that have ties."""
        while self._begun < day:
            self._begun += 1
            if self._begun >= self._first:
                self._steps += self._begin(self._begun, pairs)
        return sorted(
            (step for step in self._steps if step.day == day), key=lambda step: (step.time_us, step.attack, step.server)
        )

    def sessions(self, steps: list[Step]) -> Sessions:
        """The steps as sessions: `attack` is the place in the list."""
        return Sessions(
            np.array([step.time_us for step in steps], dtype=np.int64),
            np.array([step.client for step in steps], dtype=np.int64),
            np.array([step.server for step in steps], dtype=np.int64),
            np.array([number(step.activity) for step in steps], dtype=np.int64),
            np.arange(len(steps)),
            np.array([step.is_blocked for step in steps], dtype=np.bool_),
        )

    def _begin(self, day: int, pairs: Ints) -> list[Step]:
        dice = Dice(self._net.seed, "attacks", day)
        steps: list[Step] = []
        names = list(KINDS)
        for turn in range(int(dice.times(self._a_day, 1)[0])):
            attack = day * 1000 + turn
            kind = names[int(dice.weighted([weight for weight, _ in KINDS.values()], 1)[0])]
            scene = Scene(self._net, attack, day, Dice(self._net.seed, "attack", attack), pairs)
            steps += [step for step in KINDS[kind][1](scene, kind) if step.client != step.server]
        return steps

"""Attacks drawn at random, most of them quiet: who attacks whom, how, and what records can show of it."""

from collections.abc import Callable, Iterator

import numpy as np

from rpcsight.simulation.activities import number
from rpcsight.simulation.behaviour import nearest
from rpcsight.simulation.days import DAY_US
from rpcsight.simulation.dice import Dice, Ints
from rpcsight.simulation.network import Network
from rpcsight.simulation.scenes import Scene, Step
from rpcsight.simulation.sessions import Sessions

__all__ = ["KINDS", "Attacks", "Step"]


def _single(scene: Scene, kind: str) -> Iterator[Step]:
    client = scene.person()
    time = scene.moment(client)
    yield scene.step(kind, scene.hop(), client, scene.target(client, time), time, again=scene.again())


def _fan_out(scene: Scene, kind: str) -> Iterator[Step]:
    client, count = scene.person(), 5 + int(scene.below(36) * scene.dice.uniform(1)[0])
    time = scene.moment(client)
    pause = scene.pause(((0, 3), (0.4, 20), (0.8, 300), (1, 900)))
    for turn in range(count):
        server = scene.person() if turn == 0 or scene.happens(0.8) else scene.server()
        yield scene.step(kind, "wmi execution", client, server, time)
        time += pause // 3 + scene.below(max(1, 4 * pause // 3))


def _spread(scene: Scene, kind: str) -> Iterator[Step]:
    client, count = scene.person(), 2 + scene.below(6)
    time = scene.moment(client)
    activity = "service creation" if scene.happens(0.7) else "service pipe"
    for _ in range(count):
        yield scene.step(kind, activity, client, scene.target(client, time), time)
        time += scene.pause()


def _dcsync(scene: Scene, kind: str) -> Iterator[Step]:
    client = scene.person() if scene.happens(0.6) else scene.server()
    yield scene.step(kind, "dcsync", client, scene.of("domain controller"), scene.moment(client))


def _pivot(scene: Scene, kind: str) -> Iterator[Step]:
    """A to B to C, hours or days between."""
    here, day = scene.person(), scene.day
    earliest = 0
    for _ in range(2 + scene.below(2)):
        time = max(earliest, scene.moment(here, day))
        there = scene.target(here, time, day)
        yield scene.step(kind, scene.hop(), here, there, time, day, again=scene.again())
        before, later = day, day + scene.below(4)
        here, day = there, scene.next_day(there, later)
        earliest = time + scene.pause() if day == before else 0
        if not scene.is_there(here, day):
            return


def _administration(scene: Scene, kind: str) -> Iterator[Step]:
    """From a computer whose use of others is everyday: hard to tell from it."""
    is_shared = scene.happens(0.5)
    people = ("administrator workstation", "help desk workstation")
    client = scene.of("administration host") if is_shared else scene.person(*people)
    time = scene.moment(client)
    for _ in range(1 + scene.below(3)):
        server = scene.server() if scene.happens(0.6) else scene.target(client, time)
        yield scene.step(kind, scene.hop(), client, server, time, again=scene.again())
        time += scene.pause()


def _towards(activity: str, *roles: str) -> Callable[[Scene, str], Iterator[Step]]:
    def steps(scene: Scene, kind: str) -> Iterator[Step]:
        client = scene.person()
        time = scene.moment(client)
        server = scene.of(*roles) if roles else scene.target(client, time)
        yield scene.step(kind, activity, client, server, time)

    return steps


def _coerced(activity: str, *roles: str) -> Callable[[Scene, str], Iterator[Step]]:
    """The server is made to log on to the attacker: it connects back."""

    def steps(scene: Scene, kind: str) -> Iterator[Step]:
        for step in _towards(activity, *roles)(scene, kind):
            yield step
            if scene.net.gateway[step.client] >= 0:
                continue
            time = step.time_us + 500_000 + scene.below(2_000_000)
            yield scene.step(kind, "answer", step.server, step.client, time, step.day)

    return steps


def _linux(scene: Scene, kind: str) -> Iterator[Step]:
    client = scene.of("Linux client")
    time = scene.moment(client)
    yield scene.step(kind, scene.hop(), client, scene.target(client, time), time, again=scene.again())


def _usual(scene: Scene, kind: str) -> Iterator[Step]:
    """Against a server that the client's whole site uses."""
    client = scene.person()
    role = ("print server", "application server", "domain controller")[scene.below(3)]
    server = int(nearest(scene.net, scene.dice, np.array([client]), role, far=0.0)[0])
    server = server if scene.is_there(server, scene.day) else scene.of(role)
    yield scene.step(kind, scene.hop(), client, server, scene.moment(client), again=scene.again())


def _blocked(scene: Scene, kind: str) -> Iterator[Step]:
    """The endpoint mapper answers and nothing else, or nothing does."""
    client = scene.person()
    time = scene.moment(client)
    for _ in range(1 + scene.below(4)):
        server = scene.target(client, time) if scene.happens(0.6) else scene.person()
        yield scene.step(kind, scene.hop(), client, server, time, is_blocked=True)
        time += scene.pause()


def _enumeration(scene: Scene, kind: str) -> Iterator[Step]:
    client = scene.person()
    time = scene.moment(client)
    if scene.happens(0.5):
        yield scene.step(kind, "account enumeration", client, scene.of("domain controller"), time)
        return
    for _ in range(3 + scene.below(20)):
        yield scene.step(kind, "enumeration", client, scene.target(client, time), time)
        time += scene.pause(((0, 0.3), (0.7, 4), (1, 60)))


def _neighbour(scene: Scene, kind: str) -> Iterator[Step]:
    """Against a workstation that the client has to do with anyway."""
    if scene.pairs.shape[1]:
        client, server = (int(host) for host in scene.pairs[:, scene.below(scene.pairs.shape[1])])
        day = scene.next_day(client, scene.day)
        if scene.is_there(client, day):
            yield scene.step(kind, scene.hop(), client, server, scene.moment(client, day), day, again=scene.again())


KINDS: dict[str, tuple[float, Callable[[Scene, str], Iterator[Step]]]] = {
    "single hop": (30, _single),
    "wmi fan-out": (6, _fan_out),
    "service spread": (7, _spread),
    "dcsync": (5, _dcsync),
    "slow pivot": (12, _pivot),
    "administration host": (8, _administration),
    "remote registry": (3, _towards("registry change")),
    "enumeration": (5, _enumeration),
    "forced authentication": (3, _coerced("print notification", "domain controller", "server", "print server")),
    "forced authentication by pipe": (2, _coerced("encrypted file", "domain controller", "file server")),
    "zerologon": (1, _towards("zerologon", "domain controller")),
    "blocked": (4, _blocked),
    "service by pipe": (4, _towards("service pipe")),
    "linux client": (5, _linux),
    "usual server": (5, _usual),
    "usual workstation": (4, _neighbour),
}
"""By name: how often, and what is done."""


MOST_A_DAY = 1000


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
        each = [
            (step.time_us + later, step.client, step.server, number(step.activity), place, step.is_blocked)
            for place, step in enumerate(steps)
            for later in (0, *step.again)
            if step.time_us + later < DAY_US
        ]
        time, client, server, activity, place, is_blocked = (
            np.array([row[column] for row in each], dtype=np.int64) for column in range(6)
        )
        return Sessions(time, client, server, activity, place, is_blocked == 1)

    def _begin(self, day: int, pairs: Ints) -> list[Step]:
        dice = Dice(self._net.seed, "attacks", day)
        steps: list[Step] = []
        names = list(KINDS)
        for turn in range(int(dice.times(self._a_day, 1)[0])):
            attack = day * MOST_A_DAY + turn
            kind = names[int(dice.weighted([weight for weight, _ in KINDS.values()], 1)[0])]
            scene = Scene(self._net, attack, day, Dice(self._net.seed, "attack", attack), pairs)
            steps += [step for step in KINDS[kind][1](scene, kind) if step.client != step.server]
        return steps

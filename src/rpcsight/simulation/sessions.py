"""What is done on a day, before it becomes connections: who does what with whom, when."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from rpcsight.simulation.activities import number
from rpcsight.simulation.days import DAY_US
from rpcsight.simulation.dice import Dice, Floats, Ints, Marks

__all__ = ["Sessions", "done", "joined", "repeated"]


@dataclass(frozen=True, slots=True)
class Sessions:
    """An entry a session in every array.

    Args:
        time_us: since midnight.
        client, server: hosts.
        activity: place in `ACTIVITIES`.
        attack: number of the attack's step it is; -1 for none.
        is_blocked: whether a firewall on the way drops what is not for the endpoint mapper.
    """

    time_us: Ints
    client: Ints
    server: Ints
    activity: Ints
    attack: Ints
    is_blocked: Marks

    def __len__(self) -> int:
        return len(self.time_us)

    def where(self, chosen: Marks | Ints) -> "Sessions":
        """Some of them."""
        return Sessions(*(getattr(self, field.name)[chosen] for field in fields(self)))


def done(activity: str | Ints, time_us: Ints, client: Ints, server: Ints) -> Sessions:
    """Benign sessions; what has no time in the day, or is with oneself, is left out."""
    count = len(time_us)
    kinds = np.full(count, number(activity)) if isinstance(activity, str) else activity
    made = Sessions(time_us, client, server, kinds, np.full(count, -1), np.zeros(count, dtype=np.bool_))
    return made.where((client != server) & (time_us >= 0) & (time_us < DAY_US))


def joined(parts: Sequence[Sessions]) -> Sessions:
    """All of them, by time."""
    whole = Sessions(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Sessions)))
    return whole.where(np.argsort(whole.time_us, kind="stable"))


def repeated(dice: Dice, hosts: Ints, mean: float | Floats, start_us: Ints, end_us: Ints) -> tuple[Ints, Ints]:
    """Times spread over each host's span, on average `mean` of them; and whose each is.

    Args:
        dice: the chance.
        hosts: the hosts.
        mean: how many a host, or for each.
        start_us, end_us: the span, for every host of the network.
    """
    who = np.repeat(hosts, dice.times(mean, len(hosts)))
    begin, end = start_us[who], end_us[who]
    return who, begin + (dice.uniform(len(who)) * (end - begin)).astype(np.int64)

"""Chance that is the same on every machine: streams named by what they decide, and quantile tables instead of formulas.

Only uniform numbers are taken from NumPy (Philox, counter-based), and only products, sums and roundings are made of them: no logarithm,
whose last digit differs between processors. A distribution is a table of quantiles, measured or assumed, with straight lines between.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["Dice", "Floats", "Ints", "Marks", "Quantiles", "mixed", "spread"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Marks = npt.NDArray[np.bool_]
Quantiles = Sequence[tuple[float, float]]
"""Pairs of a share and the value that this share does not exceed, both ascending, from 0 to 1."""


class Dice:
    """One stream of chance.

    Args:
        seed: of the whole simulation.
        names: what it decides, such as "presence" and the day; other names give an independent stream.
    """

    def __init__(self, seed: int, *names: str | int) -> None:
        digest = hashlib.blake2b(repr((seed, *names)).encode(), digest_size=16).digest()
        self._generator = np.random.Generator(np.random.Philox(key=np.frombuffer(digest, dtype="<u8")))

    def uniform(self, count: int) -> Floats:
        """Numbers from 0 to under 1."""
        return self._generator.random(count)

    def chance(self, probability: float | Floats, count: int) -> Marks:
        """Whether it happens, each time."""
        return self.uniform(count) < probability

    def below(self, limit: int | Ints, count: int) -> Ints:
        """Whole numbers from 0 to under the limit."""
        return (self.uniform(count) * limit).astype(np.int64)

    def quantile(self, table: Quantiles, count: int) -> Floats:
        """Values distributed as the table says."""
        return spread(self.uniform(count), table)

    def pick(self, values: Ints, count: int) -> Ints:
        """Values of an array, each as likely as another."""
        return values[self.below(len(values), count)]

    def weighted(self, weights: Sequence[float], count: int) -> Ints:
        """Places in the list, each as likely as its weight says."""
        edges = np.cumsum(np.asarray(weights, dtype=np.float64))
        return np.minimum(np.searchsorted(edges, self.uniform(count) * edges[-1], side="right"), len(weights) - 1)

    def times(self, mean: float | Floats, count: int) -> Ints:
        """How often something of a mean rate happens, rounded up or down by chance; spread by a factor of 0 to 2."""
        return (2 * mean * self.uniform(count) + self.uniform(count)).astype(np.int64)


def spread(shares: Floats, table: Quantiles) -> Floats:
    """The values that the table gives for these shares."""
    edges, values = zip(*table, strict=True)
    return np.interp(shares, edges, values)


def mixed(*parts: Ints | int) -> npt.NDArray[np.uint64]:
    """A well-mixed number of whole numbers (splitmix64's finaliser): the same parts give the same."""
    state = np.zeros(1, dtype=np.uint64)
    for part in parts:
        state = state + np.asarray(part, dtype=np.int64).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = state ^ (state >> np.uint64(31))
    return state

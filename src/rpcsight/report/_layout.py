"""Where hosts stand: columns by steps from the first, rows by where those stand that they belong to."""

from collections.abc import Mapping, Sequence
from typing import Protocol

__all__ = ["Place", "columns_of", "placed"]

MOST_COLUMNS = 6
TALLEST = 16
"""Hosts in a column before it becomes two."""
GAP, ROW_GAP, MARGIN = 80, 14, 6
SWEEPS = 4

Place = tuple[float, float]


class Step(Protocol):
    """What of an edge matters here."""

    @property
    def client(self) -> str: ...
    @property
    def server(self) -> str: ...
    @property
    def kind(self) -> str: ...


def columns_of(edges: Sequence[Step], names: Sequence[str]) -> list[list[str]]:
    """The hosts of each column, from left to right, each in the order from top to bottom.

    Args:
        edges: by time.
        names: all hosts that are to stand somewhere.
    """
    depth = _depths(edges)
    columns: list[list[str]] = [[] for _ in range(MOST_COLUMNS)]
    for name in names:
        columns[depth.get(name, 0)].append(name)
    beside: dict[str, list[str]] = {name: [] for name in names}
    for each in edges:
        beside[each.client].append(each.server)
        beside[each.server].append(each.client)
    made = [sorted(column) for column in columns if column]
    for _ in range(SWEEPS):
        rows = {name: row - len(column) / 2 for column in made for row, name in enumerate(column)}
        made = [sorted(column, key=lambda name: (_middle(name, beside, rows), name)) for column in made]
    return [part for column in made for part in _parts(column)]


def _depths(edges: Sequence[Step]) -> dict[str, int]:
    """How many steps each host is from the first: along chains; others stand right of all their clients, or left of their servers."""
    depth: dict[str, int] = {}
    for each in (each for each in edges if each.kind == "chain"):
        depth.setdefault(each.client, 0)
        depth.setdefault(each.server, min(depth[each.client] + 1, MOST_COLUMNS - 1))
    clients: dict[str, list[str]] = {}
    for each in edges:
        clients.setdefault(each.server, []).append(each.client)
    for is_known in (False, True):
        for each in (each for each in edges if (each.kind == "known") == is_known):
            depth.setdefault(each.client, max(0, depth.get(each.server, 1) - 1))
            if each.server not in depth:
                right = max(depth.get(client, 0) for client in clients[each.server])
                depth[each.server] = min(right + 1, MOST_COLUMNS - 1)
    return depth


def placed(columns: Sequence[Sequence[str]], width: int, height: int, top: int) -> tuple[dict[str, Place], int, int]:
    """The left upper corner of each host's box, and how wide and high all is."""
    tallest = max(len(column) for column in columns)
    places: dict[str, Place] = {}
    for number, column in enumerate(columns):
        x = MARGIN + number * (width + GAP)
        for row, name in enumerate(column):
            y = top + (row + (tallest - len(column)) / 2) * (height + ROW_GAP)
            places[name] = float(x), y
    across = 2 * MARGIN + len(columns) * width + (len(columns) - 1) * GAP
    return places, max(across + GAP // 2, 480), top + tallest * (height + ROW_GAP)


def _middle(name: str, beside: Mapping[str, Sequence[str]], rows: Mapping[str, float]) -> float:
    """Where the hosts beside it stand on average."""
    found = [rows[each] for each in beside[name]]
    return round(sum(found) / len(found), 6) if found else rows[name]


def _parts(column: list[str]) -> list[list[str]]:
    number = -(-len(column) // TALLEST)
    size = -(-len(column) // number)
    return [column[start : start + size] for start in range(0, len(column), size)]

"""Fields of records by dotted paths (`source.ip`), nested or flat as the first records have them, and the columns they come from."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rpcsight.engines import Kind
from rpcsight.engines.text import identifier

__all__ = ["Place", "Places", "find", "values_at"]

INDEX = re.compile(r"(.+)\[(\d{1,2})\]")
MOST_PLACES = 3
MOST_SAMPLES = 50

Place = tuple[str, ...]
"""The keys down to a field; one that ends with `[n]` is the n-th member of a list, from 1."""


def find(record: Mapping[str, Any], path: str) -> Place | None:
    """Where a record has the field: `a.b.c` may be nested or flat, in any mixture; None where it does not have it."""
    parts = path.split(".")
    for count in range(len(parts), 0, -1):
        key, rest = ".".join(parts[:count]), parts[count:]
        given, value = _member(record, key)
        if not given:
            continue
        if not rest:
            return (key,)
        below = find(value, ".".join(rest)) if isinstance(value, dict) else None
        if below:
            return (key, *below)
    return None


def values_at(record: object, place: Place) -> Any:  # noqa: ANN401 - whatever JSON holds
    """The value at a place; None where there is none."""
    value: Any = record
    for key in place:
        if not isinstance(value, dict):
            return None
        _, value = _member(value, key)
    return value


def _member(record: Mapping[str, Any], key: str) -> tuple[bool, Any]:
    match = INDEX.fullmatch(key)
    if not match:
        return key in record, record.get(key)
    members, number = record.get(match[1]), int(match[2])
    if isinstance(members, list) and 0 < number <= len(members):
        return True, members[number - 1]
    return False, None


@dataclass(slots=True)
class Places:
    """Looks fields up, and notes which columns that takes.

    Args:
        records: the first records of the file.
        columns: the file's columns, where it has fixed ones (csv, parquet); others have no place.
        roots: keys below which the record itself may be.
    """

    records: Sequence[Mapping[str, Any]]
    columns: Sequence[str] | None = None
    roots: Sequence[str] = ()
    _kinds: dict[Place, set[str]] = field(default_factory=dict[Place, set[str]])
    _members: dict[Place, dict[str, str]] = field(default_factory=dict[Place, dict[str, str]])
    _known: dict[str, tuple[Place, ...]] = field(default_factory=dict[str, tuple[Place, ...]])

    def seen(self, path: str) -> tuple[Place, ...]:
        """All places of the field among the records."""
        if path not in self._known:
            found = (self._find(record, path) for record in self.records)
            self._known[path] = tuple(dict.fromkeys(place for place in found if place))[:MOST_PLACES]
        return self._known[path]

    def places(self, path: str) -> tuple[Place, ...]:
        """Where the field is, or, where no record shows it, may be: nested, or flat where the records are that."""
        if seen := self.seen(path):
            return seen
        if self.columns is not None:
            return ()
        root = next((key for key in self.roots if any(self._is_below(record, key) for record in self.records)), None)
        is_flat = any("." in key for record in self.records for key in record)
        place = (path,) if is_flat else tuple(path.split("."))
        return ((root, *place) if root else place,)

    def sql(self, path: str, kind: str) -> str:
        """The field as SQL; `kind` is DuckDB's type that is wanted of it."""
        places = self.places(path)
        for place in places:
            self._kinds.setdefault(place, set()).add(kind)
        values = [_dotted(place) for place in places]
        return (
            values[0] if len(values) == 1 else f"coalesce({', '.join(values)})" if values else "cast(null as varchar)"
        )

    def members(self, path: str, names: Mapping[str, str]) -> str:
        """A list of objects as SQL, of whose members the named fields are wanted."""
        place = self.places(path)[0]
        self._members.setdefault(place, {}).update(names)
        return _dotted(place)

    def samples(self, path: str) -> list[str]:
        """Some of its values, as texts."""
        found = (values_at(record, place) for record in self.records for place in self.seen(path))
        return [str(value) for value in found if value is not None][:MOST_SAMPLES]

    def kinds(self) -> dict[str, Kind]:
        """The columns that hold what was asked for, with the types wanted: text where several are."""
        tree: dict[str, Any] = {}
        for place, kinds in self._kinds.items():
            _put(tree, place, kinds.pop() if len(kinds) == 1 else "VARCHAR")
        for place, names in self._members.items():
            _put(tree, place, (dict(names),))
        return tree

    def _find(self, record: Mapping[str, Any], path: str) -> Place | None:
        place = find(record, path)
        if place:
            return place
        for root in self.roots:
            below = find(record[root], path) if self._is_below(record, root) else None
            if below:
                return (root, *below)
        return None

    @staticmethod
    def _is_below(record: Mapping[str, Any], root: str) -> bool:
        return isinstance(record.get(root), dict)


def _dotted(place: Iterable[str]) -> str:
    parts: list[str] = []
    for key in place:
        match = INDEX.fullmatch(key)
        parts.append(f"{identifier(match[1])}[{match[2]}]" if match else identifier(key))
    return ".".join(parts)


def _put(tree: dict[str, Any], place: Place, kind: object) -> None:
    """Add a field to the tree of types; a list's members are objects."""
    *above, last = place
    for key in above:
        match = INDEX.fullmatch(key)
        tree = tree.setdefault(match[1], ({},))[0] if match else tree.setdefault(key, {})
    if isinstance(kind, tuple) and isinstance(tree.get(last), tuple):
        tree[last][0].update(kind[0])
    else:
        tree[last] = kind

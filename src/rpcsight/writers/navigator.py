"""A layer for ATT&CK Navigator: the techniques of the rows, coloured by how much speaks for them.

The fields are those of layer format 4.5: https://github.com/mitre-attack/attack-navigator, layers/spec/v4.5/layerformat.md, whose example
names the versions below. A row's technique stands in its column `technique`, or several in `techniques` or `attack`. Its score is the
row's `score` (findings), its `weight` times 100 (what analytics find), else 1: of a list of analytics, how many there are.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from rpcsight.errors import UsageError
from rpcsight.writers import Look, Rows, batches

NAME = "navigator"
ABOUT = "a layer for ATT&CK Navigator: techniques with score and comment"
IS_BINARY = False
OF_FINDINGS = False

LAYER_VERSION = "4.5"
NAVIGATOR_VERSION = "5.2.0"
ATTACK_VERSION = "18"
DOMAIN = "enterprise-attack"
COLOURS = ["#fff3d6", "#f2a33c", "#b3261e"]
TECHNIQUES = ("technique", "techniques", "attack")
SCORES = {"score": 1.0, "weight": 100.0}
HIGHEST = 100
TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?")
MOST_TECHNIQUES = 2_000
MOST_PAIRS = 10_000
SHOWN_PAIRS = 5
SHOWN_NAMES = 20
LONGEST_NAME = 80
NAMED = {
    "analytic": "analytics",
    "id": "analytics",
    "tier": "tiers",
    "service": "services",
    "kind": "kinds",
    "needs": "needs",
    "severity": "severities",
}
"""Columns whose values a technique's metadata list, and what they are called there."""


@dataclass(slots=True)
class Seen:
    """What rows say of one technique."""

    rows: int = 0
    score: float = 0.0
    pairs: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    is_cut: bool = False
    names: dict[str, set[str]] = field(default_factory=dict[str, set[str]])


def write(rows: Rows, out: BinaryIO, look: Look) -> None:
    """Write one layer.

    Args:
        rows: any table with a column of techniques.
        out: a binary stream.
        look: not used.

    Raises:
        UsageError: the rows name no techniques.
    """
    del look
    columns = rows.schema.names
    where = next((name for name in TECHNIQUES if name in columns), None)
    if where is None:
        hint = "`rpcsight list analytics`, `rpcsight hunt` and analytics that name a technique do; else --format jsonl"
        what = f"a layer is made of a column {' or '.join(TECHNIQUES)}, and these rows have {', '.join(columns[:6])} …"
        raise UsageError("--format navigator", what, hint)
    seen: dict[str, Seen] = {}
    unnamed = 0
    for batch in batches(rows):
        for row in batch.select([name for name in columns if name in _used(where)]).to_pylist():
            found = list(_techniques(row[where]))
            unnamed += not found
            for technique in found:
                if technique in seen or len(seen) < MOST_TECHNIQUES:
                    _add(seen.setdefault(technique, Seen()), row)
    layer = _layer(seen, unnamed, next((name for name in SCORES if name in columns), None))
    out.write(json.dumps(layer, indent=2, ensure_ascii=True).encode() + b"\n")


def _used(where: str) -> set[str]:
    return {where, *SCORES, *NAMED, "src_ip", "dest_ip"}


def _techniques(value: object) -> Iterator[str]:
    """The technique ids in a cell, each once."""
    for each in dict.fromkeys(value if isinstance(value, list) else [value]):
        if isinstance(each, str) and TECHNIQUE.fullmatch(each):
            yield each


def _add(seen: Seen, row: Mapping[str, Any]) -> None:
    seen.rows += 1
    seen.score = max(seen.score, _score(row, seen.rows))
    if "src_ip" in row or "dest_ip" in row:
        pair = _text(row.get("src_ip")), _text(row.get("dest_ip"))
        if pair in seen.pairs or len(seen.pairs) < MOST_PAIRS:
            seen.pairs[pair] = seen.pairs.get(pair, 0) + 1
        else:
            seen.is_cut = True
    for column, name in NAMED.items():
        value = row.get(column)
        for each in value if isinstance(value, list) else [value]:
            names = seen.names.setdefault(name, set())
            if each and (len(names) < MOST_PAIRS):
                names.add(_text(each))


def _score(row: Mapping[str, Any], rows: int) -> float:
    for column, scale in SCORES.items():
        if column in row:
            value = float(row[column] or 0.0)
            return min(max(value * scale, 0.0), float(HIGHEST)) if value == value else 0.0  # noqa: PLR0124 - not a number
    return float(rows)


def _layer(seen: Mapping[str, Seen], unnamed: int, scored_by: str | None) -> dict[str, Any]:
    highest = max((int(each.score) for each in seen.values()), default=1) if scored_by is None else HIGHEST
    meaning = {
        "score": "score: the highest score of a finding that can be part of it; below 0 as 0, above 100 as 100",
        "weight": "score: the highest weight, times 100: how strongly one thing alone speaks for it",
        None: "score: how many analytics or rows name it",
    }[scored_by]
    return {
        "name": "rpcsight",
        "versions": {"attack": ATTACK_VERSION, "navigator": NAVIGATOR_VERSION, "layer": LAYER_VERSION},
        "domain": DOMAIN,
        "description": f"{meaning}" + (f"; {unnamed} rows name no technique" if unnamed else ""),
        "filters": {"platforms": ["Windows"]},
        "sorting": 3,
        "layout": {"layout": "side", "showID": True, "showName": True, "expandedSubtechniques": "annotated"},
        "hideDisabled": False,
        "techniques": [_technique(technique, seen[technique]) for technique in sorted(seen)],
        "gradient": {"colors": COLOURS, "minValue": 0, "maxValue": max(1, highest)},
        "legendItems": [],
        "metadata": [{"name": "made by", "value": "rpcsight"}],
    }


def _technique(technique: str, seen: Seen) -> dict[str, Any]:
    metadata = [{"name": name, "value": _listed(names)} for name, names in seen.names.items() if names]
    return {
        "techniqueID": technique,
        "score": round(seen.score),
        "comment": _comment(seen),
        "enabled": True,
        "metadata": [{"name": "rows", "value": str(seen.rows)}, *metadata],
        "showSubtechniques": "." not in technique,
    }


def _comment(seen: Seen) -> str:
    """How many, and between which hosts; without hosts, which analytics."""
    if not seen.pairs:
        return _listed(seen.names.get("analytics", set())) or f"{seen.rows} rows"
    most = sorted(seen.pairs.items(), key=lambda each: (-each[1], each[0]))
    told = [f"{source or '?'} > {target or '?'} ({rows})" for (source, target), rows in most[:SHOWN_PAIRS]]
    more = len(most) - SHOWN_PAIRS
    if more > 0:
        told.append(f"and {more}{' or more' if seen.is_cut else ''} other pairs of hosts")
    return f"{seen.rows} row{'s' if seen.rows != 1 else ''}: {', '.join(told)}"


def _listed(names: set[str]) -> str:
    some = sorted(names)
    more = f" and {len(some) - SHOWN_NAMES} more" if len(some) > SHOWN_NAMES else ""
    return ", ".join(some[:SHOWN_NAMES]) + more


def _text(value: object) -> str:
    """A cell as a comment may show it: short, and without control characters."""
    text = "" if value is None else str(value)[:LONGEST_NAME]
    return "".join(letter if letter.isprintable() else "?" for letter in text)

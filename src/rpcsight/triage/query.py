"""What people type into the search box: words, and `key:value` for what a finding has."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import TypeVar

from rpcsight.errors import UsageError
from rpcsight.triage.entries import network
from rpcsight.triage.matching import day_of

__all__ = ["KEYS", "NOTHING", "SEVERITIES", "STATES", "Term", "parsed", "term"]

SEVERITIES = ("info", "low", "medium", "high")
"""Least first."""
STATES = ("open", "benign", "malicious", "duplicate", "allowed", "closed", "grown", "all")
"""What `status:` takes: as kept; `closed` are three of them, `grown` are those to which more came after that."""
ORDERED = ("score", "severity", "day")
KEYS = ("client", "server", "host", "service", "technique", "severity", "status", "day", "score", "id")
NOTHING = "?"
"""Stands for a host, service or technique that no record tells."""
LONGEST = 1000
MOST_TERMS = 20
PART = re.compile(
    r"""\s*(?P<is_not>-)?(?:(?P<key>[A-Za-z_]+)(?P<relation>:|>=|<=))?(?:"(?P<quoted>(?:[^"]|"")*)"(?=\s|$)|(?P<bare>[^\s"]+)(?=\s|$))"""
)
ADDRESS = re.compile(r"[0-9a-fA-F]{0,4}(?::[0-9a-fA-F.]{0,15}){2,8}(?:/\d{1,3})?")
"""An address of IPv6, or part of one: its colons name no key."""
NETWORK = re.compile(r"[0-9a-f.:]+/[0-9]+")
ID = re.compile(r"[0-9a-z]{1,16}")
Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True)
class Term:
    """One condition.

    Args:
        key: of `KEYS`; '' for a word.
        value: lower case, but for techniques as they are written; `NOTHING` where no record tells.
        number: of score, day (since 1970) and severity (place in `SEVERITIES`).
        relation: ':', '>=' or '<='.
        is_not: findings of which this does not hold.
    """

    key: str
    value: str
    number: float = 0.0
    relation: str = ":"
    is_not: bool = False


def parsed(text: str) -> tuple[Term, ...]:
    """The conditions of a query; a finding has to meet all of them.

    Raises:
        UsageError: a key is unknown, a value is none of its kind, or a quotation mark is not closed.
    """
    if len(text) > LONGEST:
        raise UsageError("q", f"has {len(text)} characters; the most are {LONGEST}", "search for less")
    made: list[Term] = []
    place, end = 0, len(text.rstrip())
    while place < end:
        found = PART.match(text, place, end)
        if found is None:
            raise UsageError(
                "q", f"can't be read from {text[place:end].strip()[:40]!r} on", 'a text in quotes: "two words"'
            )
        made.append(_term(found))
        place = found.end()
    if len(made) > MOST_TERMS:
        raise UsageError("q", f"has {len(made)} parts; the most are {MOST_TERMS}", "search for less")
    return tuple(made)


def term(key: str, value: str) -> str:
    """A condition as people write it."""
    is_plain = re.fullmatch(r'[^\s"]+', value) is not None
    return f"{key}:{value}" if is_plain else '{}:"{}"'.format(key, value.replace('"', '""'))


def _term(found: re.Match[str]) -> Term:
    is_not, relation = bool(found["is_not"]), found["relation"] or ":"
    key = (found["key"] or "").lower()
    given = found["bare"] if found["quoted"] is None else found["quoted"].replace('""', '"')
    whole = found[0].strip()[is_not:]
    if key not in ("", *KEYS):
        if ADDRESS.fullmatch(whole):
            return Term("", whole.lower(), is_not=is_not)
        hint = f"there are: {', '.join(KEYS)}; a text with {relation!r} in it goes in quotes"
        raise UsageError("q", f"there is no key {key!r}", hint)
    value = given.strip().lower()
    if not value or (not key and value.endswith(":") and value[:-1] in KEYS and found["quoted"] is None):
        raise UsageError("q", f"{whole!r} names nothing", "leave it out")
    if relation != ":" and key not in ORDERED:
        raise UsageError("q", f"{key!r} has no order", f"write {key}:{given}")
    return Term(key, *_value(key, value), relation=relation, is_not=is_not)


def _value(key: str, value: str) -> tuple[str, float]:
    """A value as findings have it, and its number."""
    if key == "severity":
        return value, float(_among(key, value, SEVERITIES))
    if key == "status":
        return value, float(_among(key, value, STATES))
    if key == "day":
        try:
            return value, float(day_of(date.fromisoformat(value)))
        except ValueError:
            raise UsageError("q", f"{value!r} is no day", "write it as day:2026-11-01") from None
    if key == "score":
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not isfinite(number):
            raise UsageError("q", f"{value!r} is no score", "write it as score>=40")
        return value, number
    if key == "id" and not ID.fullmatch(value):
        raise UsageError("q", f"{value!r} is no beginning of an id", "ids are 16 digits, 0 to 9 and a to f")
    if key in {"client", "server", "host"}:
        named = network(value)
        if named is None and NETWORK.fullmatch(value):
            raise UsageError("q", f"{value!r} is no network", "write it as 10.0.0.0/24, without host bits")
        return value if named is None else str(named.network_address if named.num_addresses == 1 else named), 0.0
    return value, 0.0


def _among(key: str, value: str, words: Iterable[str]) -> int:
    listed = list(words)
    if value not in listed:
        raise UsageError("q", f"{value!r} is no {key}", f"one of: {', '.join(listed)}")
    return listed.index(value)

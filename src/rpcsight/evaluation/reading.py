"""Findings and labels from files: of rpcsight or anything else, as JSON lines, CSV or Parquet."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar, cast

from rpcsight.errors import InputError
from rpcsight.evaluation.alerts import DAY_US, Alert, Pair, Step
from rpcsight.evaluation.records import records

__all__ = ["read_findings", "read_labels"]

MOST_FINDINGS = 5_000_000
MOST_STEPS = 1_000_000
MOST_PAIRS = 100_000
LONGEST_SHOWN = 60
LABELS = Path("_truth", "labels.csv")
"""Where `rpcsight simulate` writes them in its folder."""
START = ("first_time", "start_time")
END = ("last_time", "end_time")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY = re.compile(r"\d{4}-\d\d-\d\d")
"""A day without a time: all of it."""
NOTHING = (None, "", "-")

Row = Mapping[str, object]
Made = TypeVar("Made")


def read_findings(paths: Sequence[str]) -> list[Alert]:
    """Findings of all files together.

    Needed are `src_ip`, `dest_ip` (one of them may be empty), `first_time` (or `start_time`) and `score`; used where there, `last_time`
    (or `end_time`) and `pairs` (with fields of the same names).

    Args:
        paths: files; `-` for standard input.

    Raises:
        InputError: a file can't be read, or lacks something.
    """
    names = (*START, *END, "src_ip", "dest_ip", "score", "pairs")
    texts: dict[object, str | None] = {}
    made: list[Alert] = []
    for path in paths:
        made += _each(path, names, lambda where, row: _alert(where, row, texts), MOST_FINDINGS - len(made))
    return made


def read_labels(path: str) -> list[Step]:
    """Steps of attacks.

    Needed are `attack`, `src_ip`, `dest_ip` and `start_time`; used where there, `end_time`, `technique`, `kind` and `visibility`.

    Args:
        path: a file; `-` for standard input; or a folder that `rpcsight simulate` wrote.

    Raises:
        InputError: the file can't be read, or lacks something.
    """
    inside = Path(path) / LABELS
    names = (*START, *END, "src_ip", "dest_ip", "attack", "technique", "kind", "visibility")
    return list(_each(str(inside) if inside.is_file() else path, names, _step, MOST_STEPS))


def _each(path: str, names: Sequence[str], make: Callable[[str, Row], Made], most: int) -> Iterator[Made]:
    for number, (where, row) in enumerate(records(path, names)):
        if number >= most:
            raise InputError(where, "there are more rows than can be held", "evaluate fewer days at a time")
        yield make(where, row)


def _alert(where: str, row: Row, texts: dict[object, str | None]) -> Alert:
    lead = _pair(where, row, texts, None)
    score = row.get("score")
    try:
        value = math.nan if isinstance(score, bool) else float(cast("Any", score))
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        raise _bad(
            where, "score", score, "a number, the higher the earlier it is looked at (findings come first, labels last)"
        )
    listed = row.get("pairs")
    if isinstance(listed, str):
        try:
            listed = json.loads(listed) if listed.strip() else None
        except (ValueError, RecursionError):
            raise _bad(where, "pairs", listed, 'JSON: [{"src_ip": …, "dest_ip": …}, …]') from None
    if listed is None:
        return Alert(lead, value)
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in cast("list[object]", listed)):
        raise _bad(where, "pairs", listed, 'a list: [{"src_ip": …, "dest_ip": …}, …]')
    if len(cast("list[object]", listed)) > MOST_PAIRS:
        raise InputError(where, f"pairs has more than {MOST_PAIRS:,} entries", "split the finding")
    pairs = [_pair(f"{where}, pairs", each, texts, lead) for each in cast("list[Row]", listed)]
    hosts = {(each.src_ip, each.dest_ip) for each in pairs}
    alone = () if (lead.src_ip, lead.dest_ip) in hosts else (lead,)
    return Alert(lead, value, (*alone, *dict.fromkeys(pairs)))


def _pair(where: str, row: Row, texts: dict[object, str | None], lead: Pair | None) -> Pair:
    """The hosts and times of a row; a pair without times has those of the lead."""
    src_ip, dest_ip = (_host(where, name, row.get(name), texts) for name in ("src_ip", "dest_ip"))
    if src_ip is None and dest_ip is None:
        raise InputError(where, "neither src_ip nor dest_ip is there", "give each finding a client, a server or both")
    if lead and all(row.get(name) in NOTHING for name in START):
        return Pair(src_ip, dest_ip, lead.first_us, lead.last_us)
    return Pair(src_ip, dest_ip, *_times(where, row))


def _step(where: str, row: Row) -> Step:
    texts: dict[object, str | None] = {}
    attack = row.get("attack")
    hosts = {name: _host(where, name, row.get(name), texts) for name in ("src_ip", "dest_ip")}
    if attack in NOTHING:
        raise _bad(where, "attack", attack, "a name or number, the same for all steps of an attack (labels come last)")
    for name, host in hosts.items():
        if host is None:
            raise _bad(where, name, row.get(name), "an address")
    first_us, last_us = _times(where, row)
    given = row.get("technique")
    techniques = " ".join(map(str, cast("list[object]", given))) if isinstance(given, list) else _text(given)
    return Step(
        str(attack),
        hosts["src_ip"] or "",
        hosts["dest_ip"] or "",
        first_us,
        last_us,
        tuple(sorted({each for each in re.split(r"[\s,;]+", techniques) if each})),
        _text(row.get("kind")),
        _text(row.get("visibility")),
    )


def _times(where: str, row: Row) -> tuple[int, int]:
    starts, ends = ([name for name in names if row.get(name) not in NOTHING] for names in (START, END))
    if not starts:
        raise InputError(
            where, "there is no first_time (or start_time)", "write when it began, as 2026-11-21T23:56:18Z"
        )
    first_us = _time(where, starts[0], row[starts[0]])
    name = (ends or starts)[0]
    last_us = _time(where, name, row[name])
    if isinstance(row[name], str) and DAY.fullmatch(cast("str", row[name]).strip()):
        last_us += DAY_US - 1
    if last_us < first_us:
        raise InputError(where, f"{ends[0]} {row[ends[0]]} is before {starts[0]} {row[starts[0]]}", "exchange the two")
    return first_us, last_us


def _time(where: str, name: str, value: object) -> int:
    try:
        time = value if isinstance(value, datetime) else datetime.fromisoformat(cast("str", value).strip())
        return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND
    except (AttributeError, TypeError, ValueError, OverflowError):
        raise _bad(where, name, value, "a time: 2026-11-21T23:56:18Z; UTC without zone") from None


def _host(where: str, name: str, value: object, texts: dict[object, str | None]) -> str | None:
    """An address in its usual spelling; another text (a host's name) in small letters. Each is held once."""
    if value in NOTHING:
        return None
    if not isinstance(value, str):
        raise _bad(where, name, value, "an address")
    if value not in texts:
        try:
            texts[value] = str(ip_address(value.strip()))
        except ValueError:
            texts[value] = value.strip().lower() or None
    return texts[value]


def _text(value: object) -> str:
    return "" if value in NOTHING else str(value)


def _bad(where: str, name: str, value: object, wanted: str) -> InputError:
    shown = repr(value)
    cut = shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}…"
    return InputError(
        where, f"{name} is {cut}" if value not in NOTHING else f"{name} is missing", f"it has to be {wanted}"
    )

"""Analytics: one SQL file each, a small header in front of the text.

The header is TOML inside the file's first comment:

- `id`, `title`, `about`, `why`, `source`: what it finds, why an analyst cares, who published it;
- `attack`, `d3fend`: technique ids;
- `kind`: `list` (what there is, good or bad), `published` (a published rule to the letter) or `attack` (worth a person's time by itself);
- `of_many`: one row is made of many calls (a sweep, a burst): such rows are compared with one another, whatever was called;
- `needs`: tables of the data model: `flow`, or of `schema.FACTS`, which are empty where nothing but flow records was read;
- `uses`: the steps it builds on, in order (files of `steps/`), with the tables of `schema.FACTS` and of the catalogue (`schema.CATALOG`);
- `mistaken`, `blind`: what it is mistaken for, and what it cannot see.

Parameters (`$mapper_port`, `$window_us`, …) are bound by the engine; see docs/rule.md.

A folder of the user's may hold more of them, and steps of their own beside (docs/own-analytic.md).
"""

import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from rpcsight.catalog.relations import relation
from rpcsight.errors import SettingsError, UsageError
from rpcsight.schema import CATALOG, FACTS, PROVEN
from rpcsight.schema.flows import SMB

__all__ = [
    "GIVEN",
    "Analytic",
    "Header",
    "all_analytics",
    "analytic",
    "compose",
    "compose_steps",
    "facts",
    "header_of",
    "is_step",
    "shipped",
    "split",
    "step",
    "whole",
]

WORD = re.compile(r"\w+")
LATEST_US = 4_102_444_799_999_999
BASE = ("record", "reading")
GIVEN = (*BASE, *FACTS)
"""What an engine holds as tables after reading; a warehouse computes `reading` from `flow`, and has those facts that an analytic needs."""


class Header(BaseModel):
    """The header of an analytic's file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    title: str
    about: str
    why: str
    source: str
    kind: Literal["list", "published", "attack"]
    of_many: bool = False
    attack: tuple[str, ...]
    d3fend: tuple[str, ...] = ()
    needs: tuple[str, ...]
    uses: tuple[str, ...]
    mistaken: str
    blind: str


@dataclass(frozen=True, slots=True)
class Analytic:
    """An analytic.

    Args:
        header: what its file's comment says.
        sql: its query.
        path: its file, where it is the user's own; None: it comes with rpcsight.
        steps: SQL of the user's own steps that it may use, by name.
    """

    header: Header
    sql: str
    path: Path | None = None
    steps: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)


def is_step(name: str) -> bool:
    """Whether there is a step of that name."""
    return (files("rpcsight") / "steps" / f"{name}.sql").is_file()


@cache
def step(name: str) -> str:
    """The SQL of a step, without its comment.

    Raises:
        SettingsError: there is no such step.
    """
    if name in FACTS:
        return _none(name)
    if name in CATALOG:
        return relation(name)
    file = files("rpcsight") / "steps" / f"{name}.sql"
    if not is_step(name):
        raise SettingsError(
            "analytic [uses]", f"there is no step {name!r}", "steps are the files of src/rpcsight/steps"
        )
    return split(file.read_text(encoding="utf-8"))[1]


def whole(name: str) -> str:
    """All rows of a table of `schema.FACTS` that have a time and are within --since and --until, by time."""
    columns = [column.name for column in FACTS[name]]
    time = "coalesce(flow_us, time_us)" if "flow_us" in columns else "time_us"
    return (
        f"select {', '.join(columns)}\nfrom {name}\nwhere time_us between 0 and {LATEST_US}\n"
        f"  and {time} >= $since_us and {time} < $until_us\norder by {', '.join(columns)}"
    )


@cache
def shipped() -> tuple[Analytic, ...]:
    """Every analytic in this folder, by id."""
    found: list[Analytic] = []
    for file in files(__name__).iterdir():
        if file.name.endswith(".sql"):
            header, sql = split(file.read_text(encoding="utf-8"))
            found.append(Analytic(header_of(header, f"analytics/{file.name}"), sql))
    return tuple(sorted(found, key=lambda each: each.header.id))


def all_analytics(folder: Path | None = None) -> tuple[Analytic, ...]:
    """Every analytic that comes with rpcsight, and those of the user's, by id.

    Args:
        folder: where the user's own are.

    Raises:
        SettingsError: there is no such folder, or a file in it is wrong.
    """
    from rpcsight.analytics._own import own

    given = own(folder) if folder else ()
    return tuple(sorted((*shipped(), *given), key=lambda each: each.header.id))


def analytic(name: str | Analytic, folder: Path | None = None) -> Analytic:
    """The analytic of that id, upper or lower case; of a file, where the name ends in `.sql`.

    Args:
        name: its id or file; or itself.
        folder: where the user's own are.

    Raises:
        UsageError: there is none.
        SettingsError: it, or another of the user's, is wrong.
    """
    from rpcsight.analytics._own import one

    if isinstance(name, Analytic):
        return name
    if name.lower().endswith(".sql"):
        return one(Path(name))
    every = all_analytics(folder)
    for each in every:
        if each.header.id.lower() == name.lower():
            return each
    known = ", ".join(each.header.id for each in every)
    raise UsageError("analytic", f"there is none called {name!r}", f"one of: {known}; or a file, mine.sql")


def facts(name: str | Analytic) -> tuple[str, ...]:
    """The tables of `schema.FACTS` that the analytic asks for, and `SMB` where it does for those connections."""
    return tuple(each for each in analytic(name).header.uses if each in FACTS or each == SMB)


def compose(name: str | Analytic, *, from_flow: bool = False, held: Collection[str] = (), is_bare: bool = False) -> str:
    """One statement: the steps that the analytic uses, as named parts of a WITH, and its own text.

    Args:
        name: the analytic, or its id.
        from_flow: start from the public tables that the analytic needs, and those of the catalogue, for a warehouse; else from
            the relations of an engine.
        held: steps that the engine holds as tables already.
        is_bare: nothing but flows was read; so it is in a warehouse for an analytic that needs no more.
    """
    found = analytic(name)
    needs = found.header.needs
    given = {*held, *needs, *CATALOG} if from_flow else {*GIVEN, *held}
    is_bare = is_bare or (from_flow and not FACTS.keys() & set(needs))
    uses = [*(BASE if "flow" in needs else ()), *found.header.uses]
    return compose_steps(uses, found.sql, given, found.steps, is_bare=is_bare)


def compose_steps(
    uses: Sequence[str],
    body: str,
    given: Collection[str] = GIVEN,
    own: Mapping[str, str] | None = None,
    *,
    is_bare: bool = False,
) -> str:
    """The body with the steps it builds on in front, those that are given left out.

    Args:
        uses: names of steps, in order.
        body: SQL over them.
        given: those that the engine holds as tables.
        own: the user's own steps.
        is_bare: nothing but flows was read: steps of `schema.PROVEN` and the catalogue have no rows, what only they need is left out.
    """
    empty = {**PROVEN, **CATALOG} if is_bare else {}
    texts = {
        each: _none(each) if each in empty else (own or {}).get(each) or step(each)
        for each in uses
        if each not in given
    }
    if is_bare:
        texts = _wanted(texts, body)
    parts = [f"{name} as (\n{_indented(text)}\n)" for name, text in texts.items()]
    if body[:5].lower() == "with ":
        parts.append(body[5:])
        body = ""
    if not parts:
        return body
    return "with " + ",\n".join(parts) + ("\n" + body if body else "")


def _wanted(texts: Mapping[str, str], body: str) -> dict[str, str]:
    """The parts that the body names, or another part that it does."""
    words = set(WORD.findall(body))
    found: dict[str, str] = {}
    for name, text in reversed(list(texts.items())):
        if name in words:
            found[name] = text
            words.update(WORD.findall(text))
    return dict(reversed(list(found.items())))


def _none(name: str) -> str:
    """A relation of that name's columns without rows, where there are flows only."""
    table = {**FACTS, **CATALOG, **PROVEN}[name]
    columns = ",\n".join(f"  cast(null as {column.kind.lower()}) as {column.name}" for column in table)
    return f"select\n{columns}\nfrom (select 1 as one) as nothing\nwhere 1 = 0"


def header_of(text: str, where: str) -> Header:
    """The header that a file's comment holds.

    Raises:
        SettingsError: it is none; names `where` and the key.
    """
    try:
        return Header.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, ValidationError, RecursionError) as cause:
        first = cause.errors()[0] if isinstance(cause, ValidationError) else None
        place = ".".join(map(str, first["loc"])) if first else "header"
        what = first["msg"] if first else str(cause)
        keys = ", ".join(Header.model_fields)
        raise SettingsError(f"{where} [{place}]", what, f"keys of an analytic's header: {keys}") from cause


def split(text: str) -> tuple[str, str]:
    """The comment that a file begins with, and its SQL."""
    comment, _, sql = text.removeprefix("/*").partition("*/")
    return comment, sql.strip()


def _indented(sql: str) -> str:
    return "\n".join(f"  {line}" if line else line for line in sql.splitlines())

"""Analytics of the user's own: files as those of this folder, in a folder that the settings name, or one by its path.

They may use all steps that come with rpcsight, and steps of their own: files beside them that begin with `/* NAME: what a row is */`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from rpcsight.analytics import BASE, Analytic, header_of, is_step, shipped, split, step
from rpcsight.analytics._checked import checked, parsed, relations
from rpcsight.errors import EngineError, SettingsError, UsageError
from rpcsight.schema import CATALOG, FACTS
from rpcsight.settings import AttackSettings, RuleSettings

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ID", "TAKEN", "blamed", "one", "own", "told", "usable"]

ID = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
STEP = r"[a-z][a-z0-9_]{0,63}"
TECHNIQUE = r"T\d{4}(\.\d{3})?"
MOST_BYTES = 1 << 16
MOST_FILES = 500
FLOWS = ("record", "reading", "flow")
TAKEN = "comes with rpcsight"
PARAMETERS = (*RuleSettings().parameters(), *AttackSettings().parameters(), "since_us", "until_us")


def own(folder: Path) -> tuple[Analytic, ...]:
    """The analytics in a folder of the user's.

    Raises:
        SettingsError: there is no such folder, or a file in it is wrong.
    """
    if not folder.is_dir():
        raise SettingsError(
            f"analytics = {str(folder)!r}", "there is no such folder", "it is relative to the settings file"
        )
    texts = _texts(folder)
    steps = _steps(texts)
    found: dict[str, Analytic] = {}
    for path, text in texts.items():
        if _step_name(path, text):
            continue
        each = _analytic(path, text, steps)
        if each.header.id.lower() in found:
            raise SettingsError(f"{path} [id]", f"another file there has the id {each.header.id!r}, too", "rename one")
        found[each.header.id.lower()] = each
    return tuple(found.values())


def one(path: Path) -> Analytic:
    """The analytic of a file.

    Raises:
        UsageError: there is no such file.
        SettingsError: it, or a step beside it, is wrong.
    """
    if not path.is_file():
        raise UsageError("analytic", f"there is no file {str(path)!r}", "rpcsight new-analytic ID makes one")
    texts = _texts(path.parent)
    text = texts.get(path) or _text(path)
    if _step_name(path, text):
        raise SettingsError(
            str(path), "is a step, and no analytic", "an analytic's comment is a header: docs/own-analytic.md"
        )
    return _analytic(path, text, _steps(texts))


@contextmanager
def blamed(name: str | Analytic) -> Iterator[None]:
    """Let what an engine says of a query of the user's name the file.

    Raises:
        SettingsError: an engine refused it, or gave up on it.
    """
    try:
        yield
    except EngineError as cause:
        path = name.path if isinstance(name, Analytic) else None
        if path is None:
            raise
        raise SettingsError(str(path), cause.what, f"its SQL as it is run: rpcsight sql {path}") from cause


def told(name: str | Analytic, reader: "pa.RecordBatchReader") -> "pa.RecordBatchReader":
    """The same batches, with errors on the way told so."""
    import pyarrow as pa

    return pa.RecordBatchReader.from_batches(reader.schema, _blamed_batches(name, reader))


def _blamed_batches(name: str | Analytic, reader: "pa.RecordBatchReader") -> "Iterator[pa.RecordBatch]":
    with blamed(name):
        yield from reader


def _analytic(path: Path, text: str, steps: Mapping[str, str]) -> Analytic:
    comment, body = split(text)
    if not text.startswith("/*") or not body:
        raise SettingsError(
            str(path), "does not begin with a comment that holds a header, and SQL after it", "see docs/own-analytic.md"
        )
    header = header_of(comment, str(path))
    _check_words(path, header.id, header.attack, header.needs)
    if not header.uses:
        raise SettingsError(f"{path} [uses]", "is empty: there is nothing that it could read", "rpcsight list steps")
    known = {*steps, *usable(), *BASE}
    if unknown := [each for each in header.uses if each not in known]:
        raise SettingsError(f"{path} [uses]", f"there is no step or table {unknown[0]!r}", "rpcsight list steps")
    placed = (
        "\n" * text[: text.index(body, text.index("*/"))].count("\n") + body
    )  # so that errors name the file's lines
    named = {*relations(parsed(placed, str(path)))} & known
    tree = checked(placed, str(path), {*header.uses, *named}, PARAMETERS)
    _check_order(path, header.uses, relations(tree), header.needs, steps)
    sql = tree.sql(dialect="duckdb", pretty=True, comments=False)
    return Analytic(header, sql, path, steps)


def _check_words(path: Path, ident: str, attack: Iterable[str], needs: Iterable[str]) -> None:
    if not re.fullmatch(ID, ident) or ident != path.stem:
        raise SettingsError(
            f"{path} [id]", f"{ident!r} is not what the file is called", f'id = "{path.stem}", of letters, digits and -'
        )
    if ident.lower() in {each.header.id.lower() for each in shipped()}:
        raise SettingsError(f"{path} [id]", f"{ident!r} {TAKEN}", "rename the file and its id")
    if wrong := [each for each in attack if not re.fullmatch(TECHNIQUE, each)]:
        raise SettingsError(f"{path} [attack]", f"{wrong[0]!r} is no ATT&CK technique", "write T1021 or T1021.003")
    if wrong := [each for each in needs if each != "flow" and each not in FACTS]:
        raise SettingsError(f"{path} [needs]", f"there is no table {wrong[0]!r}", f"one of: flow, {', '.join(FACTS)}")


def _check_order(
    path: Path, uses: tuple[str, ...], body: list[str], needs: tuple[str, ...], steps: Mapping[str, str]
) -> None:
    """See to it that what a step builds on stands before it, and what the query reads is there at all."""
    seen = {*BASE}
    for name, reads in (*((each, _reads(each, steps)) for each in uses), ("its query", tuple(body))):
        lacking = [each for each in reads if each not in seen and each not in FLOWS]
        if lacking:
            whole = ", ".join(f'"{each}"' for each in _complete((*uses, *body), steps, str(path)))
            raise SettingsError(
                f"{path} [uses]", f"{name} reads {lacking[0]}, which is not among them before", f"uses = [{whole}]"
            )
        seen.add(name)
    if "flow" not in needs and any(each in FLOWS for name in (*uses, *body) for each in (name, *_reads(name, steps))):
        raise SettingsError(
            f"{path} [needs]", "it reads flow records", f"needs = [{', '.join(map(repr, ('flow', *needs)))}]"
        )


def _complete(names: Iterable[str], steps: Mapping[str, str], where: str) -> list[str]:
    """The names with all that they build on, each after what it needs."""
    found: list[str] = []

    def add(name: str, within: tuple[str, ...]) -> None:
        if name in within:
            raise SettingsError(
                where, f"the step {name} builds on itself ({' > '.join((*within, name))})", "take it apart"
            )
        for each in _reads(name, steps):
            add(each, (*within, name))
        if name not in found and name not in FLOWS:
            found.append(name)

    for name in names:
        add(name, ())
    return found


def _reads(name: str, steps: Mapping[str, str]) -> tuple[str, ...]:
    """What a step builds on."""
    return tuple(relations(parsed(steps[name], name))) if name in steps else usable().get(name, ())


@cache
def usable() -> dict[str, tuple[str, ...]]:
    """The tables and steps that come with rpcsight and that a query may read; of each, what it builds on.

    Not those that are there only while files are read.
    """
    texts = {path.name.removesuffix(".sql"): path for path in (files("rpcsight") / "steps").iterdir()}
    found: dict[str, tuple[str, ...]] = dict.fromkeys((*FACTS, *CATALOG), ())
    waiting = {name: tuple(relations(parsed(step(name), name))) for name in sorted(texts) if name not in FLOWS}
    while ready := [name for name, reads in waiting.items() if all(each in found or each in FLOWS for each in reads)]:
        found |= {name: waiting.pop(name) for name in ready}
    return found


def _steps(texts: Mapping[Path, str]) -> dict[str, str]:
    """The steps among the files, checked."""
    bodies = {name: (path, split(text)[1]) for path, text in texts.items() if (name := _step_name(path, text))}
    steps: dict[str, str] = {}
    for name, (path, body) in bodies.items():
        if is_step(name) or name in (*FLOWS, *FACTS, *CATALOG):
            raise SettingsError(str(path), f"a step called {name!r} {TAKEN}", "call it otherwise")
        tree = checked(body, str(path), {*bodies, *usable(), *BASE} - {name}, PARAMETERS)
        steps[name] = tree.sql(dialect="duckdb", pretty=True, comments=False)
    for name in steps:
        _complete([name], steps, str(bodies[name][0]))
    return steps


def _step_name(path: Path, text: str) -> str:
    """The step's name, if the file is one."""
    return path.stem if re.fullmatch(STEP, path.stem) and text.startswith(f"/* {path.stem}: ") else ""


def _texts(folder: Path) -> dict[Path, str]:
    paths = sorted(path for path in folder.glob("*.sql") if path.is_file())
    if len(paths) > MOST_FILES:
        raise SettingsError(str(folder), f"{len(paths)} files of SQL; {MOST_FILES} are read at most")
    return {path: _text(path) for path in paths}


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SettingsError(str(path), f"is larger than {MOST_BYTES} bytes")
        return path.read_text(encoding="utf-8").lstrip("\ufeff").lstrip()
    except (OSError, UnicodeDecodeError) as cause:
        raise SettingsError(str(path), f"can't be read ({cause})") from cause

"""What was learned, as a folder of Parquet, and from there or another workspace into this one."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.parquet as pq

from rpcsight.baseline.workspace import SHAPE, Rows, Workspace
from rpcsight.engines.text import identifier, literal
from rpcsight.errors import EngineError, InputError, UsageError
from rpcsight.schema.arrow import ARROW_TYPES
from rpcsight.schema.baseline import LEARNED, LEARNED_INPUT
from rpcsight.schema.column import Column, names
from rpcsight.settings import Settings

__all__ = ["export", "merge"]

MANIFEST = "baseline.json"
MOST_MANIFEST = 10_000
GIVEN = {**LEARNED, "learned_input": LEARNED_INPUT}
SHOWN = 3
SHOWN_LETTERS = 200


def export(workspace: Workspace, folder: Path) -> dict[str, int]:
    """Write what was learned as Parquet, a file a table, rows in order; findings and what was decided about them stay here.

    Args:
        workspace: what to write.
        folder: where to: a new or empty one.

    Returns:
        How many rows, by table.

    Raises:
        UsageError: the folder holds something, or can't be there.
        InputError: it can't be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("--output", f"{str(folder)!r} is there and not empty", "name a new folder")
    if not folder.absolute().parent.is_dir():
        raise UsageError("--output", f"there is no folder {str(folder.parent)!r}", "make it, or name another")
    partial = folder.with_name(folder.name + ".part")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        counts: dict[str, int] = {}
        for name, columns in GIVEN.items():
            order = ", ".join(names(columns))
            to = literal(str(partial / f"{name}.parquet"))
            workspace.store.run(
                f"copy (select {order} from {name} order by {order}) to {to} (format parquet, compression zstd)"
            )
            counts[name] = workspace.rows(f"select count(*) as rows from {name}")[0]["rows"]
        said = {"shape": SHAPE, "rule": workspace.rule()}
        (partial / MANIFEST).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except OSError as cause:
        what = f"can't be written ({cause.strerror})"
        raise InputError(str(folder), what, "make room there, or name another folder") from cause
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return counts


def merge(workspace: Workspace, source: Path, settings: Settings) -> dict[str, int]:
    """Learn what another workspace, or a folder that one was exported to, has learned.

    Args:
        workspace: is changed as a whole, or not at all.
        source: the file or folder.
        settings: as for `Workspace.add`.

    Returns:
        How many rows it had, by table.

    Raises:
        InputError: it is none, or an input was learned in both: its records would count twice.
        SettingsError: it was learned with other ports.
        UsageError: it is not there, or of another version.
    """
    with (_folder if source.is_dir() else _file)(workspace, source) as (rule, relations):
        workspace.refuse_other(rule, f"in {source}")
        _refuse_both(workspace, source, relations["learned_input"])
        learned: list[tuple[str, Rows]] = [(name, relations[name]) for name in LEARNED]
        return workspace.add(learned, relations["learned_input"], settings, rule)


@contextmanager
def _file(workspace: Workspace, source: Path) -> Iterator[tuple[str | None, dict[str, str]]]:
    """The rule and queries for the rows of another workspace."""
    if source.exists() and workspace.path.exists() and source.samefile(workspace.path):
        raise UsageError("import", f"{str(source)!r} is this workspace itself", "name another")
    with Workspace(source, is_reading=True) as other:
        rule = other.rule()
    with workspace.store.beside(source):
        yield rule, {name: f"select {', '.join(names(columns))} from other.{name}" for name, columns in GIVEN.items()}


@contextmanager
def _folder(workspace: Workspace, source: Path) -> Iterator[tuple[str | None, dict[str, str]]]:
    """The rule and queries for the rows of a folder."""
    said = _manifest(source)
    relations: dict[str, str] = {}
    for name, columns in GIVEN.items():
        path = source / f"{name}.parquet"
        _check(path, columns)
        listed = ", ".join(names(columns))
        relations[name] = f"select {listed} from read_parquet({literal(str(path))})"
        empty = " or ".join(f"{identifier(each)} is null" for each in names(columns))
        with _told(path):
            if workspace.rows(f"select 1 as one from ({relations[name]}) as rows where {empty} limit 1"):
                raise InputError(str(path), "has empty fields, as no export has", "export the baseline anew")
    yield cast("str | None", said.get("rule")), relations


def _manifest(source: Path) -> dict[str, object]:
    path = source / MANIFEST
    said: object = None
    with suppress(OSError, ValueError, RecursionError):
        if path.stat().st_size < MOST_MANIFEST:
            said = json.loads(path.read_text("utf-8"))
    rule = cast("dict[str, object]", said).get("rule") if isinstance(said, dict) else 0
    if not isinstance(said, dict) or not (rule is None or isinstance(rule, str)):
        raise InputError(
            str(source), f"is no exported baseline: {MANIFEST} is not there, or not ours", "name a workspace"
        )
    given = cast("dict[str, object]", said)
    if given.get("shape") != SHAPE:
        what = f"was exported by another version of rpcsight (shape {given.get('shape')!r}, this one has {SHAPE})"
        raise UsageError(str(source), what, "export it with the same version")
    return given


def _check(path: Path, columns: tuple[Column, ...]) -> None:
    """See to it that a file has a table's columns."""
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException) as cause:
        raise InputError(
            str(path), f"can't be read as Parquet ({str(cause)[:200]})", "export the baseline anew"
        ) from cause
    wanted = {column.name: ARROW_TYPES[column.kind] for column in columns}
    found = {field.name: field.type for field in schema}
    if found != wanted:
        wrong = sorted(name for name in {*wanted, *found} if found.get(name) != wanted.get(name))
        raise InputError(str(path), f"has other columns than an export: {', '.join(wrong)}"[:300], "export it anew")


def _refuse_both(workspace: Workspace, source: Path, inputs: str) -> None:
    sql = f"""
        select given.path
        from ({inputs}) as given
        join learned_input on learned_input.content = given.content
        order by given.path
    """
    with _told(source):
        both = [row["path"] for row in workspace.rows(sql)]
    if both:
        more = f" and {len(both) - SHOWN} more" if len(both) > SHOWN else ""
        both = [each.replace("\n", "\\n")[:SHOWN_LETTERS] for each in both[:SHOWN]]
        what = f"also learned here, and would count twice: {', '.join(both)}{more}"
        raise InputError(str(source), what, "learn the other files themselves: those that are known are passed over")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What goes wrong in a file of others' is that file's fault."""
    try:
        yield
    except EngineError as cause:
        raise InputError(str(path), cause.what, "export the baseline anew") from cause

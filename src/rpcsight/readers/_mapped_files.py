"""Finds mapped readers' files, and says what is wrong with one: the file, the key, what is allowed."""

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from rpcsight.engines import TABLES
from rpcsight.errors import SettingsError
from rpcsight.readers._mapped import FLOWS, Given, Mapped, MappedReader
from rpcsight.readers._mapped_sql import ENDS, FORMS, REFERENCE, columns_of

if TYPE_CHECKING:
    from sqlglot import exp

__all__ = ["check", "own", "shipped"]

MOST_BYTES = 1 << 16
MOST_FILES = 200
FUNCTIONS = (
    *(
        "abs",
        "and",
        "case",
        "cast",
        "coalesce",
        "concat",
        "contains",
        "count",
        "ends_with",
        "epoch_us",
        "first",
        "greatest",
        "if",
    ),
    *(
        "lag",
        "last",
        "lead",
        "least",
        "left",
        "length",
        "lower",
        "ltrim",
        "max",
        "min",
        "nullif",
        "or",
        "regexp_extract",
    ),
    *(
        "regexp_matches",
        "regexp_replace",
        "replace",
        "right",
        "round",
        "row_number",
        "rtrim",
        "split_part",
        "starts_with",
    ),
    *("substr", "substring", "trim", "try_cast", "upper"),
)
CLASSES = {
    "Coalesce", "Concat", "Contains", "EndsWith", "Greatest", "Least", "Left", "Length", "Lower", "Nullif", "RegexpExtract", "RegexpLike",
    "RegexpReplace", "Replace", "Right", "Round", "SplitPart", "StartsWith", "Substring", "Trim", "Upper", "Abs", "Case", "If", "Cast",
    "TryCast", "And", "Or", "Min", "Max", "Count", "First", "Last", "Lag", "Lead", "RowNumber",
}  # fmt: skip
"""What sqlglot calls them."""


@cache
def shipped() -> tuple[MappedReader, ...]:
    """The readers that come as files of this folder."""
    return tuple(MappedReader(_mapped(path)) for path in sorted(Path(__file__).parent.glob("*.toml")))


def own(folder: Path) -> list[MappedReader]:
    """The readers in a folder of the user's.

    Raises:
        SettingsError: there is no such folder, or a file in it is wrong.
    """
    if not folder.is_dir():
        raise SettingsError(
            f"readers = {str(folder)!r}", "there is no such folder", "it is relative to the settings file"
        )
    files = sorted(folder.glob("*.toml"))
    if len(files) > MOST_FILES:
        raise SettingsError(str(folder), f"{len(files)} files; {MOST_FILES} are read at most")
    readers: dict[str, MappedReader] = {}
    for path in files:
        mapped = _mapped(path)
        check(mapped, str(path))
        if mapped.name in readers:
            raise SettingsError(f"{path} [name]", f"another file there has the name {mapped.name!r}, too")
        readers[mapped.name] = MappedReader(mapped)
    return list(readers.values())


def _mapped(path: Path) -> Mapped:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SettingsError(str(path), f"is larger than {MOST_BYTES} bytes")
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as cause:
        raise SettingsError(str(path), f"can't be read as TOML ({cause})") from cause
    try:
        return Mapped.model_validate(content)
    except ValidationError as cause:
        first = cause.errors()[0]
        place = ".".join(map(str, first["loc"]))
        allowed = Given.model_fields if "gives" in first["loc"][:1] and len(first["loc"]) > 1 else Mapped.model_fields
        raise SettingsError(f"{path} [{place}]", first["msg"], f"keys: {', '.join(allowed)}") from cause


def check(mapped: Mapped, where: str) -> None:
    """See to it that a file's texts are single expressions over the record's fields, and its columns those of tables.

    Args:
        mapped: the file's content.
        where: the file.

    Raises:
        SettingsError: they are not; names the key.
    """
    for number, given in enumerate(mapped.gives):
        place = f"{where} [gives.{number}"
        if given.table not in TABLES or given.table == "event":
            names = ", ".join(name for name in TABLES if name != "event")
            raise SettingsError(
                f"{place}.table]", f"{given.table!r} is no table that a file can give", f"one of: {names}"
            )
        columns = columns_of(given.table)
        for name, value in (given.model_extra or {}).items():
            if name not in columns or not isinstance(value, str) or not value:
                what = "is no text" if name in columns else f"{given.table} has no such column"
                raise SettingsError(f"{place}.{name}]", what, f"columns: {', '.join(columns)}")
        if given.table in FLOWS:
            texts = given.texts() | ({"start_time": given.event_time} if given.event_time else {})
            lacking = [name for name in ("start_time", *ENDS) if name not in texts]
            if lacking:
                raise SettingsError(f"{place}]", f"{given.table} needs {', '.join(lacking)}")
        for key, text in _texts(given):
            _check_text(text, f"{place}.{key}]", tuple(given.windows), has_members=bool(given.each))


def _texts(given: Given) -> Iterator[tuple[str, str]]:
    for key in ("when", "each", "inbound", "duration", "event_time", "among"):
        if text := getattr(given, key):
            yield key, text
    yield from given.texts().items()
    yield from ((f"windows.{name}", text) for name, text in given.windows.items())


def _check_text(text: str, where: str, windows: tuple[str, ...], *, has_members: bool) -> None:
    for match in REFERENCE.finditer(text):
        if match[2] and match[2] not in FORMS:
            raise SettingsError(where, f"{match[0]}: no form {match[2]!r}", f"one of: {', '.join(FORMS)}")
        if match[1].startswith("member.") and not has_members:
            raise SettingsError(where, f"{match[0]}: there is no `each` whose members it could be of")
    field = "field of the record"
    tree = _expression(REFERENCE.sub(f'"{field}"', text), where)
    from sqlglot import exp

    for node in tree.walk():
        name = node.name if isinstance(node, exp.Anonymous) else type(node).__name__
        is_unknown = name.lower() not in FUNCTIONS if isinstance(node, exp.Anonymous) else name not in CLASSES
        if isinstance(node, exp.Func) and is_unknown:
            raise SettingsError(
                where, f"the function {_words(node)} can't be used", f"those that can: {', '.join(FUNCTIONS)}"
            )
        if isinstance(
            node, exp.Query | exp.DDL | exp.Command | exp.Placeholder | exp.Parameter | exp.Star | exp.Lambda
        ):
            raise SettingsError(where, f"{_words(node)} can't be used", "write one expression over the record's fields")
        if isinstance(node, exp.Column) and node.name not in {field, *windows}:
            raise SettingsError(
                where, f"{node.sql()} is no field", f"fields stand in braces: {{{node.name}}}; texts in single quotes"
            )


def _expression(sql: str, where: str) -> "exp.Expr":
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        trees = sqlglot.parse(f"select {sql}", read="duckdb")
    except (SqlglotError, RecursionError) as cause:
        words = str(cause).splitlines()[0] if str(cause) else "nested too deeply"
        raise SettingsError(where, f"is no SQL expression ({words})") from cause
    tree = trees[0] if trees else None
    if len(trees) != 1 or not isinstance(tree, exp.Select) or len(tree.expressions) != 1:
        raise SettingsError(where, "is not one SQL expression")
    others = [name for name, value in tree.args.items() if value and name not in {"expressions", "kind"}]
    if others or isinstance(tree.expressions[0], exp.Alias):
        raise SettingsError(where, "is not one SQL expression")
    return tree.expressions[0]


def _words(node: Any) -> str:  # noqa: ANN401 - sqlglot's nodes
    return f"`{node.sql(dialect='duckdb')[:60]}`"

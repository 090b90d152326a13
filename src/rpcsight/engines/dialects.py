"""Our SQL in the words of other engines: DuckDB's text through sqlglot, plus what sqlglot does not know or leaves to chance.

The same rows must come out everywhere, so beside words this settles what engines decide differently: whole division (64 bits, exact),
times as microseconds, unsigned numbers, the order of texts (by bytes), missing rows of outer joins (NULL, not zeros), and names that
a nested WITH uses again.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rpcsight.errors import UsageError
from rpcsight.schema import FACTS, FLOW

if TYPE_CHECKING:
    from sqlglot import exp

__all__ = ["DIALECTS", "Part", "parts", "translated"]

DIALECTS = ("duckdb", "spark", "clickhouse", "snowflake", "bigquery", "trino", "postgres")

# Microseconds since 1970 of a time. Trino has no exact function; a double keeps whole microseconds apart until 2106.
MICROSECONDS: Mapping[str, str] = {
    "spark": "UNIX_MICROS(x)",
    "clickhouse": "CAST(toUnixTimestamp64Micro(toDateTime64(x, 6, 'UTC')) AS BIGINT)",
    "snowflake": "DATE_PART(epoch_microsecond, x)",
    "bigquery": "UNIX_MICROS(x)",
    "trino": "CAST(ROUND(TO_UNIXTIME(x) * 1000000) AS BIGINT)",
    "postgres": "CAST(EXTRACT(EPOCH FROM x) * 1000000 AS BIGINT)",
}
# The reverse; without zone, UTC, where the engine has such a type.
TIMES: Mapping[str, str] = {
    "spark": "TIMESTAMP_MICROS(x)",
    "clickhouse": "fromUnixTimestamp64Micro(x, 'UTC')",
    "snowflake": "TO_TIMESTAMP_NTZ(x, 6)",
    "bigquery": "TIMESTAMP_MICROS(x)",
    "trino": "CAST(FROM_UNIXTIME_NANOS(x * 1000) AT TIME ZONE 'UTC' AS TIMESTAMP(6))",
    "postgres": "TIMESTAMP '1970-01-01 00:00:00' + x * INTERVAL '1 microsecond'",
}
# Whole quotients of whole numbers that are not negative, where sqlglot would go through a double or a decimal that rounds.
QUOTIENTS: Mapping[str, str] = {
    "clickhouse": "intDiv(x, y)",
    "snowflake": "CAST((x - MOD(x, y)) / y AS BIGINT)",
    "trino": "x / y",
    "postgres": "x / y",
}

SPELT_WINDOWS = ("spark", "bigquery")
"""Where named windows are written out: Spark 4 misreads `over name - x`; sqlglot 30 stumbles over them in BigQuery's ordering."""

USMALLINT = "CASE WHEN ROUND(TRY_CAST(x AS DECIMAL(18, 6))) BETWEEN 0 AND 65535 THEN CAST(ROUND(TRY_CAST(x AS DECIMAL(18, 6))) AS INT) END"
CLICKHOUSE_SETTINGS = "join_use_nulls = 1, prefer_column_name_to_alias = 1"
PUBLIC = {"flow": FLOW, **FACTS}
"""The tables that a warehouse may hold."""
MOST_PARTS = 8
"""Statements of more parts than this need ClickHouse 26 or later, which can compute each once: without, they are too big for it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A named part of a statement.

    Args:
        name: its name, by which others refer to it.
        sql: its text.
        names: the relations that it names itself, each as often as it does.
        uses: how often the others name it.
    """

    name: str
    sql: str
    names: tuple[str, ...]
    uses: int


def translated(sql: str, dialect: str, parameters: Mapping[str, int]) -> str:
    """One statement in another dialect, its parameters replaced by their values.

    Args:
        sql: DuckDB's text; parameters are written `$name`.
        dialect: one of `DIALECTS`.
        parameters: values of the parameters, at least of those that the text names.

    Raises:
        UsageError: the dialect is not known.
    """
    if dialect not in DIALECTS:
        raise UsageError("--dialect", f"{dialect!r} is not known", f"one of: {', '.join(DIALECTS)}")
    return _text(_tree(sql, dialect, parameters), dialect)


def parts(sql: str, dialect: str, parameters: Mapping[str, int]) -> tuple[list[Part], str]:
    """One statement in another dialect as the parts of its WITH, in order, and what remains.

    For engines that compute a part anew wherever it is named, which multiplies: they can keep those that are named more than once.

    Args:
        sql: as in `translated`.
        dialect: as in `translated`.
        parameters: as in `translated`.
    """
    from sqlglot import exp
    from sqlglot.transforms import move_ctes_to_top_level

    tree = _tree(sql, dialect, parameters)
    if dialect != "spark":
        _name_apart(tree)
    tree = move_ctes_to_top_level(tree)
    uses = Counter(table.name for table in tree.find_all(exp.Table))
    given = tree.args.get("with_")
    tree.set("with_", None)
    found = given.expressions if given else []
    named = [
        Part(
            part.alias,
            _text(part.this, dialect),
            tuple(table.name for table in part.this.find_all(exp.Table)),
            uses[part.alias],
        )
        for part in found
    ]
    return named, _text(tree, dialect)


def _tree(sql: str, dialect: str, parameters: Mapping[str, int]) -> "exp.Expr":
    import sqlglot

    tree = sqlglot.parse_one(sql, read="duckdb")
    _bind(tree, parameters)
    _reword(tree, dialect)
    if dialect in SPELT_WINDOWS:
        _spell_windows(tree)
    if dialect == "spark":
        _name_apart(tree)
    elif dialect == "clickhouse":
        _settle(tree)
    elif dialect == "postgres":
        _order_by_bytes(tree)
    return tree


def _text(tree: "exp.Expr", dialect: str) -> str:
    from sqlglot import ErrorLevel

    return tree.sql(dialect=dialect, pretty=True, unsupported_level=ErrorLevel.IGNORE)


def _bind(tree: "exp.Expr", parameters: Mapping[str, int]) -> None:
    from sqlglot import exp

    for placeholder in list(tree.find_all(exp.Placeholder)):
        placeholder.replace(exp.convert(parameters[placeholder.name]))


def _reword(tree: "exp.Expr", dialect: str) -> None:
    """Replace, innermost first, what sqlglot has no word for in the dialect."""
    for node in reversed(list(tree.walk())):
        new = _in_other_words(node, dialect)
        if new is not None:
            node.replace(new)


def _in_other_words(node: "exp.Expr", dialect: str) -> "exp.Expr | None":
    from sqlglot import exp

    if isinstance(node, exp.Anonymous) and node.name.lower() == "epoch_us" and dialect in MICROSECONDS:
        return _filled(MICROSECONDS[dialect], node.expressions[0])
    if isinstance(node, exp.UnixToTime) and dialect in TIMES:
        return _filled(TIMES[dialect], node.this)
    if isinstance(node, exp.IntDiv) and dialect in QUOTIENTS:
        return _filled(QUOTIENTS[dialect], node.this, node.expression)
    if isinstance(node, exp.TryCast) and node.to.is_type(exp.DType.USMALLINT) and dialect == "spark":
        return _filled(USMALLINT, node.this)
    if isinstance(node, exp.Bracket) and dialect == "spark":  # of a list that is shorter, NULL instead of an error
        return exp.Anonymous(this="GET", expressions=[node.this.copy(), *(each.copy() for each in node.expressions)])
    if isinstance(node, exp.Window) and isinstance(node.this, exp.RowNumber) and dialect == "clickhouse":
        return exp.cast(node.copy(), "bigint")  # an unsigned number has no common type with others there
    return None


def _filled(template: str, x: "exp.Expr", y: "exp.Expr | None" = None) -> "exp.Expr":
    """The template with expressions in the places of x and y."""
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(template)
    values = {"x": x, "y": y}
    for column in list(tree.find_all(exp.Column)):
        value = values.get(column.name)
        if value is not None:
            column.replace(exp.paren(value) if isinstance(value, exp.Binary) else value.copy())
    if isinstance(tree, exp.Div):
        tree.set("typed", True)
    return tree


def _name_apart(tree: "exp.Expr") -> None:
    """Give the parts of nested WITHs names of their own: sqlglot moves them to the top for Spark, where they would clash."""
    from sqlglot import exp

    for part in list(tree.find_all(exp.CTE)):
        outer = part.parent.find_ancestor(exp.CTE) if part.parent else None
        if outer is None:
            continue
        name, apart = part.alias, f"{outer.alias}_{part.alias}"
        for table in outer.this.find_all(exp.Table):
            if table.name == name and not table.db:
                if not table.alias:
                    table.set("alias", exp.TableAlias(this=exp.to_identifier(name)))
                table.set("this", exp.to_identifier(apart))
        part.args["alias"].set("this", exp.to_identifier(apart))


def _spell_windows(tree: "exp.Expr") -> None:
    """Write named windows out."""
    from sqlglot import exp
    from sqlglot.transforms import eliminate_window_clause

    for select in tree.find_all(exp.Select):
        eliminate_window_clause(select)


def _settle(tree: "exp.Expr") -> None:
    """Set ClickHouse to the standard's rules for this statement, and let it compute each part once."""
    import sqlglot
    from sqlglot import exp

    settings = CLICKHOUSE_SETTINGS
    parts = list(tree.find_all(exp.CTE))
    if len(parts) > MOST_PARTS:
        settings += ", enable_materialized_cte = 1"
        for part in parts:
            part.set("materialized", True)
    tree.set("settings", sqlglot.parse_one(f"SELECT 1 SETTINGS {settings}", read="clickhouse").args["settings"])


def _order_by_bytes(tree: "exp.Expr") -> None:
    """Compare the texts of the public tables by their bytes, not by the database's language; what is made of them inherits that."""
    from sqlglot import exp

    made = {part.alias for part in tree.find_all(exp.CTE)}
    for select in tree.find_all(exp.Select):
        source = select.args.get("from_")
        if source is None or not isinstance(source.this, exp.Table) or source.this.name in made:
            continue
        texts = {column.name for column in PUBLIC.get(source.this.name, ()) if column.kind == "VARCHAR"}
        for value in list(select.expressions):
            inner = value.unalias()
            if isinstance(inner, exp.Column) and inner.name in texts:
                collated = exp.Collate(this=inner.copy(), expression=exp.to_identifier("C", quoted=True))
                value.replace(exp.alias_(collated, value.alias_or_name))

"""SQL that somebody else wrote: one query over relations that it may read, of functions that touch nothing else."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from rpcsight.errors import SettingsError

if TYPE_CHECKING:
    from sqlglot import exp

__all__ = ["FUNCTIONS", "checked", "parsed", "relations"]

FUNCTIONS = {
    "abs", "avg", "bool_and", "bool_or", "ceil", "coalesce", "concat", "concat_ws", "contains", "count", "date_trunc",
    "dense_rank", "ends_with", "epoch_us", "exp", "first_value", "floor", "greatest", "lag", "last_value", "lead", "least",
    "left", "length", "ln", "lower", "lpad", "ltrim", "make_timestamp", "max", "median", "min", "mod", "ntile", "nullif",
    "percent_rank", "position", "pow", "power", "quantile_cont", "rank", "regexp_extract", "regexp_matches", "regexp_replace", "replace",
    "right", "round", "row_number", "rpad", "rtrim", "sign", "split_part", "sqrt", "starts_with", "stddev", "strpos", "substr",
    "substring", "sum", "trim", "upper",
}  # fmt: skip
"""What may be called. Nothing of it reads or writes anything, tells of the machine, or gives another answer at another time."""
WORDS = {"And", "Case", "Cast", "Exists", "If", "Or", "TryCast", "Xor"}
"""What sqlglot counts among functions, too: words of the language."""


def checked(sql: str, where: str, readable: Collection[str], parameters: Collection[str]) -> "exp.Query":
    """See to it that the text is one query that reads nothing but relations it may read; the query.

    Args:
        sql: DuckDB's SQL.
        where: the file, for errors.
        readable: names of the relations that it may read, beside the parts of its own WITH.
        parameters: names that may follow a `$`.

    Raises:
        SettingsError: it is something else, or calls something else; says what.
    """
    from sqlglot import exp

    tree = parsed(sql, where)
    parts = {part.alias for part in tree.find_all(exp.CTE)}
    if clash := sorted(name for name in parts if name in readable or not name.isidentifier()):
        raise SettingsError(
            where, f"a part of its WITH is called {clash[0]!r}, as a step or a file", "call it otherwise"
        )
    for node in tree.walk():
        _check(node, where, {*readable, *parts}, parameters)
    return tree


def parsed(sql: str, where: str) -> "exp.Query":
    """The text as the one query that it is.

    Raises:
        SettingsError: it is none, or several.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        trees = [each for each in sqlglot.parse(sql, read="duckdb") if each is not None]
    except (SqlglotError, RecursionError) as cause:
        words = str(cause).splitlines()[0] if str(cause) else "nested too deeply"
        raise SettingsError(where, f"is no SQL ({words})", "`rpcsight sql dcsync` shows what it looks like") from cause
    if len(trees) != 1 or not isinstance(trees[0], exp.Select | exp.SetOperation):
        seen = f"{len(trees)} statements" if len(trees) != 1 else _words(trees[0])
        raise SettingsError(where, f"holds {seen}", "an analytic is one query: it begins with select or with")
    return trees[0]


def relations(tree: "exp.Query") -> list[str]:
    """The relations that a query reads, in the order of its text, without the parts of its own WITH."""
    from sqlglot import exp

    parts = {part.alias for part in tree.find_all(exp.CTE)}
    return list(dict.fromkeys(table.name for table in tree.find_all(exp.Table, bfs=False) if table.name not in parts))


def _check(node: "exp.Expr", where: str, readable: Collection[str], parameters: Collection[str]) -> None:
    from sqlglot import exp

    if isinstance(node, exp.Table):
        is_plain = isinstance(node.this, exp.Identifier) and not node.args.get("db") and not node.args.get("catalog")
        if not is_plain or node.name not in readable:
            hint = "its uses name what it reads: `rpcsight list steps`, and the tables of docs/tables.md"
            raise SettingsError(where, f"reads {_words(node)}, which is no step or table that it may read", hint)
    elif isinstance(node, exp.Placeholder):
        if node.name not in parameters:
            known = ", ".join(f"${name}" for name in sorted(parameters))
            raise SettingsError(where, f"there is no parameter {_words(node)}", f"one of: {known}")
    elif isinstance(node, exp.Func):
        names = {node.name.lower()} if isinstance(node, exp.Anonymous) else {*map(str.lower, node.sql_names())}
        if type(node).__name__ not in WORDS and not names & FUNCTIONS and _written(node) not in FUNCTIONS:
            known = ", ".join(sorted(FUNCTIONS))
            raise SettingsError(where, f"the function {_words(node)} can't be used", f"those that can: {known}")
    elif isinstance(node, exp.Subquery | exp.CTE):
        if not isinstance(node.this, exp.Query | exp.Table | exp.Values):
            raise SettingsError(where, f"{_words(node)} can't be used", "write select instead")
    elif isinstance(node, _forbidden()) or (isinstance(node, exp.With) and node.args.get("recursive")):
        raise SettingsError(
            where, f"{_words(node)} can't be used", "plain select, with, join, where, group by and over can"
        )


def _forbidden() -> tuple[type, ...]:
    """What does something else than ask, or what not every engine knows."""
    from sqlglot import exp

    return (
        *(exp.DDL, exp.Command, exp.Into, exp.Lateral, exp.Unnest, exp.Pivot, exp.TableSample),
        *(exp.Lambda, exp.Comprehension, exp.Parameter, exp.SessionParameter, exp.Describe, exp.Summarize),
    )


def _written(node: "exp.Expr") -> str:
    """What a function is called in DuckDB's words."""
    return node.sql(dialect="duckdb").partition("(")[0].lower()


def _words(node: "exp.Expr") -> str:
    return f"`{node.sql(dialect='duckdb')[:60]}`"

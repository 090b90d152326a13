"""What tables consist of."""

from dataclasses import dataclass

__all__ = ["Column", "names"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Args:
        name: the column's name.
        kind: its type, in DuckDB's words.
        about: what it holds, with its unit.
        is_required: whether a reader has to give it.
    """

    name: str
    kind: str
    about: str
    is_required: bool = False


def names(table: tuple[Column, ...]) -> list[str]:
    """The column names of a table, in order."""
    return [column.name for column in table]

"""What readers of delimited text share: names of columns, what is missing, a first record to look at."""

from collections.abc import Iterable, Mapping, Sequence

from rpcsight.errors import InputError, SchemaError

__all__ = ["column_names", "first_record", "flag_letters", "need"]

SHOWN = 40
FLAG_BITS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16}
"""Bits of the TCP header's flags (RFC 9293, section 3.1), in the order of the letters that SiLK and nfdump print."""


def column_names(source: str, names: Iterable[str]) -> list[str]:
    """The names of a header, those left empty numbered.

    Raises:
        InputError: two columns have the same name.
    """
    columns = [name.strip() or f"column {place}" for place, name in enumerate(names, 1)]
    lower = [name.lower() for name in columns]
    twice = sorted({name for name, low in zip(columns, lower, strict=True) if lower.count(low) > 1})
    if twice:
        raise InputError(source, f"two columns have the same name ({', '.join(twice)})", "rename one")
    return columns


def need(source: str, what: str, wanted: Mapping[str, Iterable[str]], columns: Sequence[str]) -> None:
    """See to it that there is a column for each field.

    Args:
        source: the input.
        what: what it is.
        wanted: for each needed field, the columns that it can be in.
        columns: those of the input.

    Raises:
        SchemaError: some are missing; names them and what was there instead.
    """
    missing = [name for name, places in wanted.items() if not set(places).intersection(columns)]
    if missing:
        raise SchemaError(source, f"{what} without {', '.join(missing)}", f"its fields: {', '.join(columns[:SHOWN])}")


def first_record(lines: Iterable[str], columns: Sequence[str], delimiter: str) -> dict[str, str]:
    """The cells of the first line that has as many as there are columns; nothing where there is none."""
    for line in lines:
        cells = line.split(delimiter)
        if len(cells) == len(columns):
            return {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
    return {}


def flag_letters(number: str, letters: str = "FSRPA") -> list[str]:
    """SQL for each of the letters, or an empty text, of TCP flags given as a number."""
    return [
        f"case when {number} % {2 * FLAG_BITS[letter]} >= {FLAG_BITS[letter]} then '{letter}' else '' end"
        for letter in letters
    ]

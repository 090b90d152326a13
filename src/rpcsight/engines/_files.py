"""How DuckDB is told to open files: its table functions as SQL text."""

import itertools
import re

from rpcsight.engines import Scan
from rpcsight.engines.text import identifier, literal

__all__ = ["REJECTS_KEPT", "files", "path_column", "relation"]

LONGEST_LINE_BYTES = 4_000_000
REJECTS_KEPT = 200_000


def relation(scan: Scan, paths: tuple[str, ...]) -> str:
    """What a scan reads from, as DuckDB's SQL."""
    if scan.form == "feed":
        return identifier(scan.relation)
    place = literal(path_column(scan))
    if scan.form == "parquet":
        return f"read_parquet({files(paths)}, filename = {place}, union_by_name = true, hive_partitioning = false)"
    columns = ", ".join(f"{identifier(name)}: {literal(kind)}" for name, kind in scan.columns.items())
    options = [
        f"columns = {{{columns}}}",
        f"filename = {place}",
        "ignore_errors = true",
        "hive_partitioning = false",
    ]
    if scan.form == "json":
        options += ["format = 'newline_delimited'", f"maximum_object_size = {LONGEST_LINE_BYTES}"]
        return f"read_json({files(paths)}, {', '.join(options)})"
    options += [
        "auto_detect = false",
        "header = false",
        "strict_mode = true",
        "store_rejects = true",
        f"rejects_limit = {REJECTS_KEPT}",
        f"skip = {scan.skip_lines}",
        f"delim = {literal(scan.delimiter)}",
        f"quote = {literal(scan.quote)}",
        f"escape = {literal(scan.quote)}",
        f"nullstr = {_texts(scan.null_texts)}",
        f"max_line_size = {LONGEST_LINE_BYTES}",
    ]
    return f"read_csv({files(paths)}, {', '.join(options)})"


def path_column(scan: Scan) -> str:
    """A name for the column of paths that none of the file's columns has."""
    taken = {name.lower() for name in scan.columns}
    return next(name for name in map("filename{}".format, itertools.count()) if name not in taken)


def files(paths: tuple[str, ...]) -> str:
    """Paths as they are, even with characters that are patterns to DuckDB."""
    return _texts(tuple(re.sub(r"[*?\[]", r"[\g<0>]", path) for path in paths))


def _texts(texts: tuple[str, ...]) -> str:
    return f"[{', '.join(map(literal, texts))}]"

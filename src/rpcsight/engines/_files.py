"""How DuckDB is told to open files, and where their rows go: SQL text."""

import itertools
import re
from dataclasses import replace

from rpcsight.engines import Scan, Statements
from rpcsight.engines.text import identifier, kind_text, literal, mapped, over_columns
from rpcsight.schema import FACTS

__all__ = ["REJECTS_KEPT", "files", "passes", "path_column", "relation", "taken"]

LONGEST_LINE_BYTES = 4_000_000
REJECTS_KEPT = 200_000
SOURCE = '"source of the row"'


def relation(scan: Scan, paths: tuple[str, ...]) -> str:
    """What a scan reads from, as DuckDB's SQL."""
    if scan.form == "feed":
        return identifier(scan.relation)
    place = literal(path_column(scan))
    if scan.form == "parquet":
        return f"read_parquet({files(paths)}, filename = {place}, union_by_name = true, hive_partitioning = false)"
    texts = scan.texts() if scan.form == "json" else ""  # of JSON, what a pass does not use need not be looked at
    wanted = [name for name in scan.columns if not texts or name.replace('"', '""') in texts] or list(scan.columns)
    columns = ", ".join(f"{identifier(name)}: {literal(kind_text(scan.columns[name]))}" for name in wanted)
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


def passes(scan: Scan, statements: Statements) -> list[Scan]:
    """The scan's parts in as many scans as the files have to be read.

    JSON costs so much to take apart that flows come with the facts, where it can be told beforehand which flows are kept.
    """
    found = scan.passes(statements.facts)
    if scan.form != "json" or not statements.interest:
        return found
    flows = next((each for each in found if each.gives == "record" and not (each.each or each.windows)), None)
    facts = next((each for each in found if each.gives in FACTS), None)
    if not flows or not facts:
        return found
    together = replace(flows, others=(replace(facts, others=()), *facts.others))
    return [together if each is flows else each for each in found if each is not facts]


def taken(scan: Scan, raw: str, source: str, statements: Statements) -> list[str]:
    """The statements that bring a scan's rows where they belong; the first opens the files.

    Args:
        scan: with as its `others` what else shall be taken of the same rows.
        raw: its rows, as SQL.
        source: the column that names the file, as SQL.
        statements: the steps that reading needs.
    """
    if scan.others:
        parts = (scan, *scan.others)
        conditions = [
            _condition(part, condition, statements)
            for part in parts
            for condition in (part.when, part.among if part.windows else part.when)
        ]
        wanted = " or ".join(f"({condition})" if condition else "true" for condition in dict.fromkeys(conditions))
        made = f"create temp table taken as select *, {source} as {SOURCE} from {raw} where {wanted}"
        return [made, *(_given(part, mapped(part, "taken", SOURCE), statements) for part in parts), "drop table taken"]
    if scan.gives == "event":
        rows = f"insert into event {mapped(scan, raw, source)}"
        facts = {name: sql for name, sql in statements.events.items() if name == "record" or name in statements.facts}
        return [
            rows,
            *(f"create temp table {identifier(name)} as {sql}" for name, sql in statements.logged.items()),
            "delete from event",
            *(_given(replace(scan, gives=name), sql, statements) for name, sql in facts.items()),
            *(f"drop table {identifier(name)}" for name in statements.logged),
        ]
    return [_given(scan, mapped(scan, raw, source), statements)]


def _condition(part: Scan, condition: str, statements: Statements) -> str:
    """Which rows have to be looked at for a part: of flows, those that `reading` keeps, broken ones among them."""
    if part.gives != "record":
        return condition
    kept = over_columns(statements.interest, part)
    return f"({condition}) is not false and ({kept})" if condition else kept


def _given(scan: Scan, rows: str, statements: Statements) -> str:
    if scan.gives == "record":
        return f"insert into reading with record as ({rows}) {statements.reading}"
    if scan.gives == "half":
        return f"insert into half with raw as ({rows}) {statements.half}"
    return f"insert into {scan.gives} by name {rows}"


def path_column(scan: Scan) -> str:
    """A name for the column of paths that none of the file's columns has."""
    taken = {name.lower() for name in scan.columns}
    return next(name for name in map("filename{}".format, itertools.count()) if name not in taken)


def files(paths: tuple[str, ...]) -> str:
    """Paths as they are, even with characters that are patterns to DuckDB."""
    return _texts(tuple(re.sub(r"[*?\[]", r"[\g<0>]", path) for path in paths))


def _texts(texts: tuple[str, ...]) -> str:
    return f"[{', '.join(map(literal, texts))}]"

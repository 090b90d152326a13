"""Rows of a CSV, JSON or JSON-lines file, with where each stands."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rpcsight.errors import InputError

__all__ = ["MOST_BYTES", "rows_of"]

MOST_BYTES = 256 * 1024 * 1024
DELIMITERS = ",;\t|"
MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def rows_of(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each row with its place in words.

    Raises:
        InputError: the file can't be read, or is none of these formats.
    """
    text = _text(path)
    if text.lstrip()[:1] in {"{", "["}:
        yield from _json_rows(text, path)
    else:
        yield from _csv_rows(text, path)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as cause:
        raise InputError(str(path), f"can't be read ({cause.strerror or cause})") from cause
    if len(content) > MOST_BYTES:
        raise InputError(
            str(path), f"is larger than {MOST_BYTES >> 20} MB", "name networks instead of hosts, or split it"
        )
    encoding = next((name for mark, name in MARKS if content.startswith(mark)), "utf-8-sig")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as cause:
        line = content.count(b"\n", 0, cause.start) + 1
        raise InputError(f"{path}, line {line}", f"is no {encoding} text", "save it as CSV UTF-8") from cause


def _csv_rows(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    lines = io.StringIO(text, newline="")
    head = next((line for line in io.StringIO(text) if line.strip() and not line.startswith("#")), "")
    delimiter = max(DELIMITERS, key=head.count)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    try:
        for row in rows:
            where = f"{path}, line {rows.line_num}"
            if not any(cell.strip() for cell in row) or row[0].startswith("#"):
                continue
            if header is None:
                header = [cell.strip() for cell in row]
                continue
            if len(row) > len(header):
                what = f"has {len(row)} fields, and the header {len(header)}"
                raise InputError(where, what, "put texts with commas in quotation marks")
            yield where, dict(zip(header, row, strict=False))
    except csv.Error as cause:
        raise InputError(f"{path}, line {rows.line_num}", f"is no CSV ({cause})") from cause


def _json_rows(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    first = text.lstrip().partition("\n")[0]
    if text.strip() != first.strip() and _is_object(first):
        yield from _json_lines(text, path)
        return
    try:
        whole: Any = json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise InputError(str(path), f"is no JSON ({cause})") from cause
    for number, row in enumerate(_listed(whole), 1):
        where = f"{path}, row {number}"
        if not isinstance(row, dict):
            raise InputError(where, f"{str(row)[:40]!r} is no object", 'write {"ip": "10.0.0.5", "role": "server"}')
        yield where, row


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _json_lines(text: str, path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{path}, line {number}"
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
        except (ValueError, RecursionError) as cause:
            raise InputError(where, f"is no JSON ({cause})") from cause
        if not isinstance(row, dict):
            raise InputError(where, f"{line[:40]!r} is no object", 'write {"ip": "10.0.0.5", "role": "server"}')
        yield where, row


def _listed(whole: dict[str, Any] | list[Any]) -> list[Any]:
    """The rows of a document: a list, what NetBox's API answers (`results`), what Elasticsearch does (`hits`), or one row."""
    if isinstance(whole, list):
        return whole
    if isinstance(whole.get("results"), list):
        return whole["results"]
    hits = whole.get("hits")
    if isinstance(hits, dict) and isinstance(hits.get("hits"), list):
        return hits["hits"]
    return [whole]

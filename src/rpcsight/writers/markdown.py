"""Markdown (CommonMark with GitHub's tables), for tickets and wikis: findings as sections, any other rows as a table.

A section has reasons, evidence and what to check. Texts of records stay texts: what would be markup, HTML, a link or another cell has a
backslash before it, control characters are visible.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO

from rpcsight.catalog.attack import name_of
from rpcsight.writers import Look, Rows, batches
from rpcsight.writers._findings import STATUS, Finding, are_findings, findings, plain, shown, techniques

NAME = "markdown"
ABOUT = "Markdown: findings as sections, any other rows as a table"
IS_BINARY = False
OF_FINDINGS = False

MARKUP = re.compile(r"[\\`*\[\]<>#|~$&@]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=//)|(?<=[wW]{3})\.")
"""What means something within a line: also autolinks of GitHub's."""
BLOCK = re.compile(r"^(\d{1,9})(?=[.)](\s|$))|^(?=[-+=])")
"""What means something where a line begins: lists, rules and underlined headings."""
LONGEST_CELL = 300
MOST_EVIDENCE = 20

Column = tuple[str, Callable[[Mapping[str, Any]], object]]

CONNECTIONS: tuple[Column, ...] = (
    ("start, UTC", lambda row: _clock(row["start_time"])),
    ("client", lambda row: _end(row["src_ip"], row["src_port"])),
    ("server", lambda row: _end(row["dest_ip"], row["dest_port"])),
    ("basis", lambda row: row["basis"]),
    ("service", lambda row: " ".join(each for each in (row["service"], row["operation"]) if each)),
    ("source", lambda row: row["source"]),
)
DEEDS: tuple[Column, ...] = (
    ("start, UTC", lambda row: _clock(row["start_time"])),
    ("technique", lambda row: row["technique"]),
    ("what", lambda row: " ".join(each for each in (row["service"], row["operation"] or row["analytic"]) if each)),
    ("on", lambda row: row["dest_ip"] or row["host"]),
    ("target", lambda row: row["target"]),
    ("started", lambda row: row["command_line"] or row["image_path"]),
    ("user", lambda row: row["user_name"]),
    ("source", lambda row: row["source"]),
)
OVERVIEW: tuple[Column, ...] = (
    ("score", lambda row: f"{row['score']:g}"),
    ("severity", lambda row: row["severity"]),
    ("client", lambda row: row.get("src_ip") or "?"),
    ("server", lambda row: row.get("dest_ip") or "?"),
    ("first, UTC", lambda row: _clock(row["first_time"])),
    ("techniques", lambda row: ", ".join(techniques(row))),
)


def write(rows: Rows, out: BinaryIO, look: Look) -> None:
    """Write findings as a page, or any other rows as a table, UTF-8.

    Args:
        rows: any table.
        out: a binary stream.
        look: not used: a page is no terminal.
    """
    del look
    if not are_findings(rows):
        for line in _table(rows):
            out.write(line.encode())
        return
    head: list[str] = []
    sections: list[str] = []
    for number, finding in enumerate(findings(rows, NAME), 1):
        head.append(_row([str(number), *(_cell(value(finding)) for _, value in OVERVIEW)]))
        sections.append("".join(_section(number, finding)))
    told = "1 finding" if len(head) == 1 else f"{len(head)} findings"
    title = f"# rpcsight: {told}\n\n" + (_header(["no.", *(name for name, _ in OVERVIEW)]) if head else "")
    for text in (title, *head, *sections):
        out.write(text.encode())


def _table(rows: Rows) -> Iterator[str]:
    names = rows.schema.names
    yield _header(names)
    for batch in batches(rows):
        for row in batch.to_pylist():
            yield _row([_cell(row[name]) for name in names])


def _section(number: int, finding: Finding) -> Iterator[str]:
    client, server = finding.get("src_ip") or "?", finding.get("dest_ip") or "?"
    yield f"\n## {number}. {_text(client)} to {_text(server)}: score {finding['score']:g}, {_text(finding['severity'])}\n\n"
    yield f"{_text(finding['summary'])}\n\n"
    ids = ", ".join(f"{each} {name_of(each)}" for each in techniques(finding))
    times = f"{_clock(finding['first_time'])} to {_clock(finding['last_time'])} UTC"
    traits = (
        ("id", finding["finding_id"]),
        ("status", finding.get(STATUS)),
        ("time", times),
        ("roles", f"{finding.get('client_role') or '?'} to {finding.get('server_role') or '?'}"),
        ("techniques", ids),
        ("pairs", len(finding["pairs"] or [])),
    )
    yield from _list(f"**{name}**: {_text(value)}" for name, value in traits if value)
    yield "\nWhy (the points sum to the score):\n\n"
    yield from _list(
        f"**{each['points']:+g}** {_text(each['name'])}: {_text(each['text'])}" for each in finding["reasons"] or []
    )
    yield from _rows("What was done", finding.get("detections") or [], DEEDS)
    yield from _rows("Connections", finding["evidence"] or [], CONNECTIONS)
    for title, name in (("Check next", "next"), ("Benign if", "benign_if")):
        if finding.get(name):
            yield f"\n{title}:\n\n"
            yield from _list(_text(each) for each in finding[name])


def _rows(title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> Iterator[str]:
    """Rows as a table of those columns that say something; what is left out is counted."""
    if not rows:
        return
    some = [[_cell(value(row)) for _, value in columns] for row in rows[:MOST_EVIDENCE]]
    used = [place for place in range(len(columns)) if any(row[place] for row in some)]
    yield f"\n{title}:\n\n" + _header([columns[place][0] for place in used])
    for row in some:
        yield _row([row[place] for place in used])
    if len(rows) > MOST_EVIDENCE:
        yield f"\nand {len(rows) - MOST_EVIDENCE} more (`--format jsonl`)\n"


def _list(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield f"- {line}\n"


def _header(names: Sequence[str]) -> str:
    return _row([_cell(name) for name in names]) + "|" + "---|" * len(names) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return _clock(value)
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        value = ", ".join(value)
    elif isinstance(value, dict | list):
        value = json.dumps(plain(value), ensure_ascii=False)
    return _text(value, LONGEST_CELL)


def _text(value: object, longest: int = 1_000) -> str:
    """A value that stays what it is, wherever it stands in a line."""
    if value is None:
        return ""
    text = MARKUP.sub(r"\\\g<0>", shown(value, longest).strip())
    return BLOCK.sub(r"\g<1>\\", text, count=1)


def _end(host: object, port: object) -> str:
    text = f"[{host}]" if ":" in str(host) else str(host or "?")
    return text if port is None else f"{text}:{port}"


def _clock(time: datetime | None) -> str:
    return "" if time is None else time.replace(tzinfo=None).isoformat(" ", "seconds")

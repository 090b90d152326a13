"""The report: one file of findings that needs nothing else, neither the net nor a script to be read."""

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from rpcsight.account import Account
from rpcsight.report import coverage, summary
from rpcsight.report.bars import badge, points
from rpcsight.report.heat_map import heat_map
from rpcsight.report.host_graph import KNOWN, Edge
from rpcsight.report.markup import clock, file_text, microseconds, visible
from rpcsight.report.pictures import finding_timeline, findings_graph, findings_timeline
from rpcsight.report.tables import connection_lines, connections, deed_lines, deeds, pair_lines, pairs, techniques

__all__ = ["Content", "render"]

LARGEST = 11_000_000
"""Bytes that findings may take in the file: 15 MB with everything else."""
LARGEST_IN_FULL = 10_000_000
OPEN = 3
"""Findings that are open from the beginning."""
FULL = 100
"""Findings with drawings and tables; those after them tell the same in short lists."""
ROWS, FEW_ROWS = 10, 3
US_PER_HOUR, HOURS = 3_600_000_000, 24
SECRET = re.compile(r"(?<=//)[^/@\s]+@")
HIDDEN = "…@"


@dataclass(frozen=True, slots=True)
class Content:
    """What a report is made of; everything may hold markup and control characters.

    Args:
        findings: `Finding.to_dict()`, the best first.
        account: what was read.
        version: of rpcsight.
        command: what was typed, to be repeated; names and passwords within addresses are left out.
        settings: what differs from the defaults, by name.
        made_us: when, microseconds since 1970; None: it is not said.
        hours: connections to RPC endpoints by hour since 1970.
        pairs: rows of `steps/beside.sql`: what else the findings' hosts did with one another.
    """

    findings: Sequence[Mapping[str, Any]]
    account: Account
    version: str
    command: str = ""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    made_us: int | None = None
    hours: Mapping[int, int] = field(default_factory=dict[int, int])
    pairs: Sequence[Mapping[str, Any]] = ()


def render(content: Content) -> str:
    """The report as HTML: the same content gives the same text."""
    style, script = file_text("drawing.css") + file_text("page.css"), file_text("page.js")
    shown = _shown(content)
    return (
        _environment()
        .get_template("page.html")
        .render(
            content=content,
            policy=_policy(style, script),
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704
            summary=summary.paragraphs(content.findings, content.account),
            shown=shown,
            left_out=len(content.findings) - sum(map(len, shown)),
            when=findings_timeline(content.findings[:FULL], "when"),
            who=_graph(content),
            hours=_heat(content),
            techniques=techniques(content.findings),
            coverage=coverage.tables(content.account),
            unseen=coverage.unseen(content.account),
            command=SECRET.sub(HIDDEN, content.command),
            made=None if content.made_us is None else clock(content.made_us),
        )
    )


@cache
def _environment() -> Environment:
    """Templates of this folder: every value is escaped, its control characters made visible, and one that is missing is an error."""
    made = Environment(
        loader=FunctionLoader(file_text),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: value if isinstance(value, Markup) else visible(value, LONGEST_TEXT),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["clock"] = lambda value: clock(microseconds(value))
    return made


LONGEST_TEXT = 1_500
"""Characters of a value in a template; cells of tables have fewer."""


def _shown(content: Content) -> tuple[list[Markup], list[Markup]]:
    """Findings with their evidence, and those that only have a line, as the size of the file allows."""
    full: list[Markup] = []
    lines: list[Markup] = []
    advised: dict[str, int] = {}
    size = 0
    for number, finding in enumerate(content.findings, 1):
        if size < LARGEST_IN_FULL and not lines:
            advice = advised.setdefault(repr((finding["next"], finding["benign_if"])), number)
            full.append(_whole(finding, number) if number <= FULL else _brief(finding, number, advice))
            size += len(full[-1].encode("utf-8", "replace"))
        elif size < LARGEST:
            lines.append(_made("line.html", finding, number))
            size += len(lines[-1].encode("utf-8", "replace"))
    return full, lines


def _made(template: str, finding: Mapping[str, Any], number: int, **values: object) -> Markup:
    given = {"number": number, "finding": finding, "badge": badge(finding["severity"])}
    return Markup(_environment().get_template(template).render(given | values))  # noqa: S704 - the template escapes


def _whole(finding: Mapping[str, Any], number: int) -> Markup:
    return _made(
        "finding.html",
        finding,
        number,
        heading=_made("heading.html", finding, number),
        checks=_made("checks.html", finding, number),
        is_open=number <= OPEN,
        points=points(finding["reasons"] or ()),
        timeline=finding_timeline(finding, f"when-{number}"),
        pairs=pairs(finding, ROWS),
        deeds=deeds(finding, ROWS),
        connections=connections(finding, ROWS),
    )


def _brief(finding: Mapping[str, Any], number: int, advice: int) -> Markup:
    lists = (
        ("What was done", deed_lines(finding, FEW_ROWS)),
        ("All clients and servers", pair_lines(finding, FEW_ROWS)),
        ("The first connections", connection_lines(finding, FEW_ROWS)),
    )
    return _made(
        "brief.html",
        finding,
        number,
        heading=_made("heading.html", finding, number),
        checks=_made("checks.html", finding, number),
        lists=[(caption, rows) for caption, rows in lists if rows],
        advice=advice,
    )


def _graph(content: Content) -> Markup:
    known = {(row["src_ip"], row["dest_ip"]) for row in content.pairs if not row["is_new"]}
    roles: dict[str, str | None] = {}
    for row in content.pairs:
        roles |= {row["src_ip"]: row["client_role"], row["dest_ip"]: row["server_role"]}
    told = {(pair["src_ip"], pair["dest_ip"]) for each in content.findings for pair in each["pairs"] or ()}
    beside = [
        Edge(row["src_ip"], row["dest_ip"], KNOWN, row["score"], row["first_us"], f"{row['connections']:,} connections")
        for row in content.pairs
        if not row["is_new"] and (row["src_ip"], row["dest_ip"]) not in told
    ]
    return findings_graph(content.findings, "who", known, roles, beside)


def _heat(content: Content) -> Markup:
    begun: Counter[tuple[int, int]] = Counter()
    for each in content.findings:
        first = microseconds(each["first_time"])
        if first is not None:
            begun[divmod(first // US_PER_HOUR, HOURS)] += 1
    counts = {divmod(hour, HOURS): number for hour, number in content.hours.items()}
    what = "Connections to RPC endpoints" if counts else "Findings"
    return heat_map(counts or begun, f"{what} that began in each hour", begun)


def _policy(style: str, script: str) -> str:
    """What the browser may do with the file: show it, with this style and this script; fetch and send nothing."""
    hashes = [f"'sha256-{b64encode(sha256(each.encode()).digest()).decode()}'" for each in (style, script)]
    return f"default-src 'none'; style-src {hashes[0]}; script-src {hashes[1]}; base-uri 'none'; form-action 'none'"

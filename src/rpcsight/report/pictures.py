"""Drawings of findings: when, who and whom, from findings as plain values (`Finding.to_dict()`, or read from JSON)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from rpcsight.report.host_graph import ARROW, CHAIN, KNOWN, NEW, Edge, Host, host_graph
from rpcsight.report.markup import microseconds, tag
from rpcsight.report.timeline import Lane, Span, timeline

__all__ = ["chains_of", "finding_timeline", "findings_graph", "findings_timeline"]

LONGEST_CHAIN = 12
MOST_TOLD = 10_000
"""Pairs that are looked at for a drawing of hosts."""

Finding = Mapping[str, Any]
Pair = tuple[str, str]


def findings_timeline(findings: Sequence[Finding], ident: str, caption: str = "When the findings happened") -> Markup:
    """A lane for each finding, in their order, with a span for each of its pairs."""
    lanes = [
        Lane(
            f"{each['score']:.0f}  {_name(each['src_ip'])}{ARROW}{_name(each['dest_ip'])}",
            _spans(each["pairs"], each["severity"]) or _spans([each], each["severity"]),
        )
        for each in findings
    ]
    return timeline(lanes, caption, ident)


def finding_timeline(finding: Finding, ident: str, caption: str = "What happened when") -> Markup:
    """A lane for each pair of a finding, with what was recorded and done as marks."""
    lanes: dict[Pair, list[Span]] = {}
    for pair in finding["pairs"] or [finding]:
        lanes.setdefault((_name(pair["src_ip"]), _name(pair["dest_ip"])), []).extend(_spans([pair], "info"))
    for row in finding["detections"] or ():
        what = f"{row['operation'] or row['analytic']} ({row['technique']})"
        _marked(lanes, row, what, finding["severity"])
    for row in finding["evidence"] or ():
        what = " ".join(str(each) for each in (row["service"], row["operation"]) if each) or f"port {row['dest_port']}"
        _marked(lanes, row, what, "low")
    return timeline([Lane(ARROW.join(pair), spans) for pair, spans in lanes.items()], caption, ident)


def findings_graph(
    findings: Sequence[Finding],
    ident: str,
    known: Collection[Pair] = (),
    roles: Mapping[str, str | None] | None = None,
    beside: Iterable[Edge] = (),
    caption: str = "Hosts, from left to right as one led to the next",
) -> Markup:
    """The hosts of findings, what is new between them, and chains as paths.

    Args:
        findings: the pairs of those.
        ident: as for `host_graph`.
        known: client and server of pairs that have met before.
        roles: of hosts, beside those that findings tell.
        beside: what else these hosts did.
        caption: what it shows.
    """
    said = dict(roles or {})
    edges: list[Edge] = []
    paths: list[list[str]] = []
    nameless = 0
    for finding in findings:
        for side, role in (("src_ip", "client_role"), ("dest_ip", "server_role")):
            if finding[side]:
                said[finding[side]] = finding[role] or said.get(finding[side])
        steps, made = chains_of(finding, known)
        paths += [path for path in made if path not in paths]
        for pair in finding["pairs"] or ():
            ends = pair["src_ip"], pair["dest_ip"]
            if None in ends:
                nameless += 1
            elif len(edges) < MOST_TOLD:
                kind = KNOWN if ends in known else CHAIN if ends in steps else NEW
                text = finding["summary"] if ends == (finding["src_ip"], finding["dest_ip"]) else ""
                edges.append(Edge(*ends, kind, pair["score"], microseconds(pair["first_time"]), text))
    within = {name for each in edges for name in (each.client, each.server)}
    edges += [each for each in beside if {each.client, each.server} & within]
    hosts = [
        Host(name, said.get(name)) for name in sorted({name for each in edges for name in (each.client, each.server)})
    ]
    drawn = host_graph(hosts, edges, caption, ident, paths)
    if not nameless:
        return drawn
    return drawn + tag(
        "p", f"Not drawn: {nameless:,} pairs of which nobody tells the client or the server.", class_="rs-nothing"
    )


def chains_of(finding: Finding, known: Collection[Pair] = ()) -> tuple[set[Pair], list[list[str]]]:
    """Chains in a finding: somebody began to use a host, which then began to use another.

    Returns:
        the pairs that are steps of one, and the longest paths: of each last step, along the latest steps before it.
    """
    begun: dict[Pair, int] = {}
    for pair in finding["pairs"] or ():
        ends, first = (pair["src_ip"], pair["dest_ip"]), microseconds(pair["first_time"])
        if None not in ends and ends not in known and first is not None:
            begun[ends] = min(first, begun.get(ends, first))
    reaching: dict[str, list[Pair]] = defaultdict(list)
    for ends in sorted(begun, key=lambda each: (begun[each], each)):
        reaching[ends[1]].append(ends)
    before: dict[Pair, Pair] = {}
    for ends, first in begun.items():
        earlier = [each for each in reaching[ends[0]] if begun[each] <= first and each[0] != ends[1] and each != ends]
        if earlier:
            before[ends] = earlier[-1]
    last = [ends for ends in before if ends not in before.values()]
    paths = [_path(ends, before) for ends in sorted(last or before, key=lambda each: (begun[each], each))]
    return {*before, *before.values()}, [path for path in paths if path]


def _path(ends: Pair, before: Mapping[Pair, Pair]) -> list[str]:
    path = [ends[1], ends[0]]
    while (earlier := before.get(ends)) and earlier[0] not in path and len(path) < LONGEST_CHAIN:
        path.append(earlier[0])
        ends = earlier
    return path[::-1]


def _name(address: str | None) -> str:
    return address or "?"


def _spans(pairs: Iterable[Mapping[str, Any]], level: str) -> list[Span]:
    made: list[Span] = []
    for each in pairs:
        first, last = microseconds(each["first_time"]), microseconds(each["last_time"])
        if first is not None and last is not None:
            text = f"{_name(each['src_ip'])}{ARROW}{_name(each['dest_ip'])}, score {each['score']:.1f}"
            made.append(Span(first, max(first, last), text, level))
    return made


def _marked(lanes: dict[Pair, list[Span]], row: Mapping[str, Any], what: str, level: str) -> None:
    at = microseconds(row["start_time"])
    if at is not None:
        ends = _name(row["src_ip"]), _name(row["dest_ip"])
        lanes.setdefault(ends, []).append(Span(at, at, what, level, is_mark=True))

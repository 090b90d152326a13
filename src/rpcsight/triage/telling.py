"""All about one finding, for people: the story, the score's parts, evidence, what to check, and what is known of its hosts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from textwrap import wrap
from typing import Any

from rpcsight.baseline.workspace import Workspace
from rpcsight.triage.allowing import known_facts
from rpcsight.triage.kept import Kept, findings
from rpcsight.triage.matching import UNKNOWN, Facts, Pair, Subject, facts_of, microseconds

__all__ = ["History", "as_text", "clock", "day_text", "history"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_PAIRS = 10
MOST_EARLIER = 10
MOST_EVIDENCE = 20
LONGEST = 600
"""Characters of a text that somebody else chose."""
MARGIN = 14

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class History:
    """What a workspace knows beside a finding.

    Args:
        facts: roles and names of its hosts.
        known: of its pairs, rows of `known_pair`, by client and server.
        span: the row of `baseline_span`; empty without a baseline.
        earlier: other findings with its lead pair, the newest first.
        log: rows of the audit log about it, in order.
    """

    facts: Facts
    known: Mapping[tuple[str, str], Mapping[str, Any]]
    span: Mapping[str, Any]
    earlier: Sequence[Kept]
    log: Rows


def history(workspace: Workspace, finding: Kept) -> History:
    """What a workspace knows beside a finding."""
    subject = facts_of(finding.finding())
    pairs = [(pair.client, pair.server) for pair in subject.pairs[:MOST_PAIRS]]
    known = workspace.rows(
        "select * from known_pair where src_ip in (select unnest($clients)) and dest_ip in (select unnest($servers))",
        {"clients": [client for client, _ in pairs], "servers": [server for _, server in pairs]},
    )
    lead = {"client": pairs[0][0], "server": pairs[0][1], "id": finding.finding_id}
    others = workspace.rows(
        "select distinct finding_id from finding_pair where src_ip = $client and dest_ip = $server and finding_id <> $id",
        lead,
    )
    ids = {row["finding_id"] for row in others}
    spans = workspace.rows("select * from baseline_span where days > 0")
    log = "select at_us, action, reason, who from audit where subject = $id order by number"
    return History(
        known_facts(workspace, [subject]),
        {(row["src_ip"], row["dest_ip"]): row for row in known},
        spans[0] if spans else {},
        sorted(findings(workspace, ids), key=lambda each: -each.last_us),
        workspace.rows(log, {"id": finding.finding_id}),
    )


def as_text(finding: Kept, known: History, width: int) -> str:
    """All about a finding in lines of at most this many columns; control characters are the caller's to make visible."""
    document = finding.finding()
    lines = [f"{finding.finding_id}  {_status(finding)}", "", *_folded("", document["summary"], width), ""]
    lines += [line for name, text in _traits(finding, document, known.facts) for line in _folded(name, text, width)]
    sections = (
        ("why (points; they sum to the score)", _reasons(document)),
        ("evidence", _evidence(document)),
        ("check next", [("-", text) for text in document.get("next") or ()]),
        ("benign if", [("-", text) for text in document.get("benign_if") or ()]),
        ("what the baseline knows", _baseline(facts_of(document), known)),
        ("other findings of these hosts", _earlier(known)),
        ("log", [(clock(row["at_us"]), f"{row['who']}: {row['action']}: {row['reason']}") for row in known.log]),
    )
    for title, rows in sections:
        if rows:
            lines += ["", title, *(line for name, text in rows for line in _folded(name, text, width))]
    return "\n".join(lines) + "\n"


def clock(time_us: int) -> str:
    """Microseconds since 1970 as a time of day in UTC, to the second."""
    return (EPOCH + timedelta(microseconds=time_us)).strftime("%Y-%m-%d %H:%M:%S")


def day_text(day: int) -> str:
    """Days since 1970 as a date."""
    return (EPOCH + timedelta(days=day)).strftime("%Y-%m-%d")


def _status(finding: Kept) -> str:
    by = f" by entry {finding.allowed_by}" if finding.allowed_by else ""
    by += ", has grown since" if finding.has_grown else ""
    rank = f", rank {finding.place} of {day_text(finding.day)}" if finding.place else ""
    return (
        f"{finding.status}{by}; {finding.severity}, score {finding.score:g}{rank}, confidence {finding.confidence:.2f}"
    )


def _traits(finding: Kept, document: Mapping[str, Any], facts: Facts) -> Iterator[tuple[str, str]]:
    yield "time", f"{clock(finding.first_us)} to {clock(finding.last_us)} UTC"
    pairs = _each_once(facts_of(document).pairs)
    for number, pair in enumerate(pairs[:MOST_PAIRS]):
        yield (
            " " if number else "hosts",
            f"{_host(pair.src_ip, pair.client, facts)} -> {_host(pair.dest_ip, pair.server, facts)}",
        )
    if len(pairs) > MOST_PAIRS:
        yield " ", f"and {len(pairs) - MOST_PAIRS} more pairs (--format json)"
    if finding.service:
        yield "service", f"{finding.service} ({document.get('tier') or 'known'})"
    if document.get("techniques"):
        yield "techniques", ", ".join(dict.fromkeys(document["techniques"]))


def _each_once(pairs: Iterable[Pair]) -> list[Pair]:
    """The first of those between the same two hosts."""
    return list(
        {(each.client, each.server, each.src_ip, each.dest_ip): each for each in reversed(tuple(pairs))}.values()
    )[::-1]


def _host(address: str, host: str, facts: Facts) -> str:
    told = host if host != address else None
    said = [each for each in (facts.names.get(host), told, facts.roles.get(host, UNKNOWN)) if each]
    return f"{address or '?'} ({', '.join(said)})"


def _reasons(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(f"{each['points']:+g}", f"{each['name']}: {each['text']}") for each in document.get("reasons") or ()]


def _evidence(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was done, then connections; each with the file it stands in."""
    rows = [(_time(each), _deed(each)) for each in document.get("detections") or ()]
    rows += [(_time(each), _connection(each)) for each in document.get("evidence") or ()]
    more = len(rows) - MOST_EVIDENCE
    return [*rows[:MOST_EVIDENCE], *([("", f"and {more} more (--format json)")] if more > 0 else [])]


def _deed(row: Mapping[str, Any]) -> str:
    what = row.get("operation") or row.get("analytic") or "?"
    of = f" of {row['service']}" if row.get("service") else ""
    told = [f"{what}{of} ({row.get('technique') or 'no technique'}, weight {row.get('weight') or 0:g})"]
    told += [_short(str(row[name])) for name in ("target", "image_path", "command_line", "user_name") if row.get(name)]
    return "; ".join([*told, _place(row)])


def _connection(row: Mapping[str, Any]) -> str:
    ports = f":{row['src_port']} -> " if row.get("src_port") is not None else " -> "
    sides = f"{row.get('src_ip') or '?'}{ports}{row.get('dest_ip') or '?'}:{row.get('dest_port') or '?'}"
    service = f", {row['service']}" if row.get("service") else ""
    return f"{sides}{service}, {row.get('basis') or 'connection'}; {_place(row)}"


def _place(row: Mapping[str, Any]) -> str:
    flow = f", flow {row['flow_id']}" if row.get("flow_id") else ""
    return f"{row.get('source') or row.get('observer') or 'source unknown'}{flow}"


def _time(row: Mapping[str, Any]) -> str:
    return clock(microseconds(row["start_time"])) if row.get("start_time") else "?"


def _baseline(subject: Subject, known: History) -> list[tuple[str, str]]:
    if not known.span:
        return [("", "nothing: no days were learned (rpcsight learn)")]
    span = known.span
    days = f"days learned: {span['days']}, from {day_text(span['first_day'])} to {day_text(span['last_day'])}"
    rows = [("", f"{days}; findings that nobody called benign are held back")]
    for pair in _each_once(subject.pairs)[:MOST_PAIRS]:
        found = known.known.get((pair.client, pair.server))
        what = "never met on days that count"
        if found:
            first, last = day_text(found["first_day"]), day_text(found["last_day"])
            what = f"met on {found['days']} of these, from {first} to {last}; connections: {found['connections']}"
        rows.append(("", f"{pair.src_ip or '?'} -> {pair.dest_ip or '?'}: {what}"))
    return rows


def _earlier(known: History) -> list[tuple[str, str]]:
    rows = [
        (clock(each.first_us), f"{each.finding_id}, {each.status}, score {each.score:g}: {each.summary}")
        for each in known.earlier[:MOST_EARLIER]
    ]
    more = len(known.earlier) - MOST_EARLIER
    return [*rows, *([("", f"and {more} more")] if more > 0 else [])]


def _short(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest} more characters)"


def _folded(name: str, text: str, width: int) -> list[str]:
    """A text in lines, its name before the first."""
    margin = 4 if name == "-" else max(MARGIN, len(name) + 4) if name else 2
    indent = " " * margin
    lines = wrap(_short(text, LONGEST * 4), max(width - margin, 20), break_on_hyphens=False) or [""]
    return [f"{f'  {name}':<{margin}}{line}" if not number else f"{indent}{line}" for number, line in enumerate(lines)]

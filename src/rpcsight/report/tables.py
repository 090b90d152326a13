"""Tables of what findings hold: clients and servers, what was done, connections, techniques."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from rpcsight.catalog.attack import technique_name
from rpcsight.report.markup import Cell, clock, microseconds, moment, table, tag, visible

__all__ = ["connection_lines", "connections", "deed_lines", "deeds", "pair_lines", "pairs", "techniques"]

LONGEST = 200
"""Characters of a cell that somebody else chose."""
MOST_TECHNIQUES = 100
MOST_NUMBERS = 8
"""Findings that a technique's row names."""

WITH = ("target", "user_name", "image_path", "command_line")
"""Columns of what was done that say on what, by whom and with what."""

Finding = Mapping[str, Any]
Record = Mapping[str, Any]
Rows = list[list[Cell]]


def pairs(finding: Finding, most: int) -> Markup:
    """The clients and servers of a finding that is about more than one pair."""
    found = finding["pairs"] or ()
    if len(found) <= 1:
        return Markup("")
    rows: Rows = [
        [
            f"{each['src_ip'] or '?'} → {each['dest_ip'] or '?'}",
            *(moment(each[name]) for name in ("first_time", "last_time")),
            round(float(each["score"]), 1),
        ]
        for each in found[:most]
    ]
    return _some("All clients and servers", ("client → server", "first (UTC)", "last (UTC)", "score"), rows, len(found))


def deeds(finding: Finding, most: int) -> Markup:
    """What was done."""
    return _recorded(
        "What was done",
        ("what", "technique", "weight", "with"),
        finding["detections"] or (),
        most,
        lambda each: [
            _deed(each),
            " ".join(part for part in (each["technique"], technique_name(each["technique"] or "")) if part),
            round(float(each["weight"] or 0), 2),
            _named(each, WITH),
        ],
    )


def connections(finding: Finding, most: int) -> Markup:
    """The connections that are kept as evidence."""
    return _recorded(
        "The first connections",
        ("service", "known by", "s after the mapper"),
        finding["evidence"] or (),
        most,
        lambda each: [
            _service(each),
            " ".join(dict.fromkeys(part for part in (each["basis"], each["tier"]) if part)),
            None if each["gap_s"] is None else round(float(each["gap_s"]), 3),
        ],
    )


def pair_lines(finding: Finding, most: int) -> list[str]:
    """What `pairs` tells, a line each."""
    found = finding["pairs"] or ()
    told = [f"{_ends(each)}, {clock(microseconds(each['first_time']))}, {each['score']:.1f}" for each in found[:most]]
    return [*told, *_more(len(found), most)] if len(found) > 1 else []


def deed_lines(finding: Finding, most: int) -> list[str]:
    """What `deeds` tells, a line each."""
    found = finding["detections"] or ()
    told = [
        f"{_at(each)}: {_deed(each)}, {each['technique']}; {_named(each, WITH)} {_source(each)}"
        for each in found[:most]
    ]
    return [*told, *_more(len(found), most)]


def connection_lines(finding: Finding, most: int) -> list[str]:
    """What `connections` tells, a line each."""
    found = finding["evidence"] or ()
    told = [f"{_at(each)}, {_service(each)}; {_source(each)}" for each in found[:most]]
    return [*told, *_more(len(found), most)]


def techniques(findings: Sequence[Finding]) -> Markup:
    """ATT&CK techniques that the findings can be part of, those of the highest score first."""
    seen: dict[str, list[int]] = {}
    for number, finding in enumerate(findings, 1):
        for each in dict.fromkeys(finding["techniques"] or ()):
            seen.setdefault(each, []).append(number)
    ordered = sorted(
        seen.items(), key=lambda each: (-max(findings[number - 1]["score"] for number in each[1]), each[0])
    )
    rows: Rows = [
        [
            name,
            technique_name(name) or "not in the catalogue",
            len(numbers),
            round(max(float(findings[number - 1]["score"]) for number in numbers), 1),
            _numbers(numbers),
        ]
        for name, numbers in ordered[:MOST_TECHNIQUES]
    ]
    if not rows:
        return tag("p", "No technique is named.", class_="rs-nothing")
    columns = ("technique", "name", "findings", "highest score", "which")
    return _some("ATT&CK techniques", columns, rows, len(ordered))


def _recorded(
    caption: str, columns: Sequence[str], found: Sequence[Record], most: int, told: Callable[[Record], list[Cell]]
) -> Markup:
    """A table of the first of some records: when, who to whom, what is told of each, and where it stands."""
    if not found:
        return Markup("")
    shown = found[:most]
    place = _place(shown)
    rows: Rows = [[moment(each["start_time"]), _ends(each), *told(each), _record(each, place)] for each in shown]
    heads = ("time (UTC)", "client → server", *columns, "record")
    return _some(f"{caption}{_from(place)}", heads, rows, len(found))


def _numbers(numbers: Sequence[int]) -> Markup:
    links = [tag("a", f"{number}", href=f"#finding-{number}") for number in numbers[:MOST_NUMBERS]]
    more = f" and {len(numbers) - MOST_NUMBERS:,} more" if len(numbers) > MOST_NUMBERS else ""
    return tag("span", Markup(" ").join(links), more)


def _some(caption: str, columns: Sequence[str], rows: Rows, number: int) -> Markup:
    told = [place for place in range(len(columns)) if any(row[place] not in {None, ""} for row in rows)]
    more = [tag("p", f"and {number - len(rows):,} more", class_="rs-nothing")] if number > len(rows) else []
    inner = table(caption, [columns[place] for place in told], [[row[place] for place in told] for row in rows])
    return tag("div", inner, more, class_="rs-scroll", tabindex="0", role="group", aria_label=caption)


def _more(number: int, most: int) -> list[str]:
    return [f"and {number - most:,} more"] if number > most else []


def _at(row: Mapping[str, Any]) -> str:
    return f"{clock(microseconds(row['start_time']))}, {_ends(row)}"


def _deed(row: Mapping[str, Any]) -> str:
    return visible(" of ".join(part for part in (row["operation"] or row["analytic"], row["service"]) if part), LONGEST)


def _service(row: Mapping[str, Any]) -> str:
    return visible(" ".join(part for part in (row["service"], row["operation"]) if part), LONGEST) or "not known"


def _ends(row: Mapping[str, Any]) -> str:
    """Who to whom, with the ports that are known."""
    sides = [_end(row[f"{side}_ip"], row.get(f"{side}_port")) for side in ("src", "dest")]
    return " → ".join(visible(each, LONGEST) for each in sides)


def _end(address: str | None, port: int | None) -> str:
    if port is None:
        return address or "?"
    return f"[{address}]:{port}" if address and ":" in address else f"{address or '?'}:{port}"


def _named(row: Mapping[str, Any], names: Sequence[str]) -> str:
    return "; ".join(f"{name.replace('_', ' ')}: {visible(row[name], LONGEST)}" for name in names if row.get(name))


def _place(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """The one place that all these records stand in; None where there are several."""
    places = {_source(each) for each in rows}
    return places.pop() if len(places) == 1 else None


def _from(place: str | None) -> str:
    return f", of {visible(place, LONGEST)}" if place else ""


def _record(row: Mapping[str, Any], place: str | None) -> str:
    """The record's id, and where it stands if that is not said of all."""
    told = (None if place else _source(row), row.get("flow_id"))
    return "; ".join(visible(each, LONGEST) for each in told if each)


def _source(row: Mapping[str, Any]) -> str:
    return row.get("source") or row.get("observer") or "source unknown"

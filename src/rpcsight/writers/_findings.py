"""What writers of findings share: findings as plain values, in texts of bounded length, and addresses that are some."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address
from math import isfinite
from typing import Any, cast

from rpcsight.errors import UsageError
from rpcsight.writers import Rows, batches

__all__ = [
    "STATUS",
    "Finding",
    "address",
    "are_findings",
    "bounded",
    "findings",
    "hosts",
    "iso",
    "json_line",
    "plain",
    "reasons",
    "shown",
    "techniques",
    "texts",
    "whole",
]

Finding = Mapping[str, Any]
"""A finding's fields (`schema.FINDING`), times as datetimes; where it is kept in a workspace, with `status`."""

NEEDED = ("finding_id", "score", "severity", "first_time", "last_time", "summary", "reasons", "pairs", "evidence")
AT_ONCE = 200
LONGEST = 960
"""Characters of a text that somebody else may have chosen; Elasticsearch indexes no keyword beyond 1,024."""
STATUS = "status"
TECHNIQUE = re.compile(r"T\d{4}(\.\d{3})?")


def are_findings(rows: Rows) -> bool:
    """Whether the rows are findings with all their fields."""
    return set(NEEDED) <= set(rows.schema.names)


def findings(rows: Rows, name: str) -> Iterator[Finding]:
    """The findings, one after the other.

    Args:
        rows: findings with all their fields.
        name: of the format, for the error.

    Raises:
        UsageError: the rows are no findings.
    """
    columns = rows.schema.names
    if missing := [each for each in NEEDED if each not in columns]:
        hint = "rpcsight hunt, or rpcsight findings export; else --format jsonl"
        what = f"is a format of findings, and these rows have no {missing[0]}"
        raise UsageError(f"--format {name}", what, hint)
    return (
        finding
        for batch in batches(rows)
        for start in range(0, batch.num_rows, AT_ONCE)
        for finding in batch.slice(start, AT_ONCE).to_pylist()
    )


def bounded(text: str, longest: int = LONGEST) -> str:
    """The text, cut with a mark where it is longer than this."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest} more characters)"


def shown(value: object, longest: int = LONGEST) -> str:
    """A value as a line of text: bounded, control characters (line ends, too) made visible."""
    text = bounded("" if value is None else str(value), longest)
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def iso(time: datetime) -> str:
    """A time in UTC as ISO-8601 with microseconds and `Z`."""
    return time.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def address(value: object) -> IPv4Address | IPv6Address | None:
    """The address that a text is, without the zone of a link-local one; None where it is none."""
    try:
        return ip_address(str(value).partition("%")[0])
    except ValueError:
        return None


def hosts(finding: Finding) -> list[str | None]:
    """The hosts it is about, the client and server that it names first; some more than once."""
    first = [finding.get("src_ip"), finding.get("dest_ip")]
    return [*first, *(each for pair in finding["pairs"] or [] for each in (pair["src_ip"], pair["dest_ip"]))]


def reasons(finding: Finding) -> list[str]:
    """The parts of its score: points, name and why."""
    return [f"{each['points']:+g} {each['name']}: {each['text']}" for each in finding["reasons"] or []]


def techniques(finding: Finding) -> list[str]:
    """Its ATT&CK technique ids, each once, the weightiest first."""
    return [each for each in texts(finding.get("techniques")) if TECHNIQUE.fullmatch(each)]


def texts(values: object) -> list[str]:
    """The texts of a list that say something, each once."""
    some = cast("Sequence[object]", values) if isinstance(values, Sequence) and not isinstance(values, str) else ()
    return list(dict.fromkeys(each for each in some if isinstance(each, str) and each))


def whole(value: float | None, lowest: int, highest: int) -> int:
    """A number as a whole one within bounds; what is no number as the lowest."""
    if value is None or value != value:  # noqa: PLR0124 - not a number
        return lowest
    return round(min(max(value, lowest), highest))


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The value for JSON: texts bounded, times as texts, without fields that say nothing; numbers that are none are left out."""
    if isinstance(value, str):
        return bounded(value)
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Mapping):
        made = {str(name): plain(part) for name, part in cast("Mapping[object, object]", value).items()}
        return {name: part for name, part in made.items() if part is not None and part not in ("", {}, [])}
    if isinstance(value, list | tuple):
        return [plain(part) for part in cast("Sequence[object]", value)]
    return None if isinstance(value, float) and not isfinite(value) else value


def json_line(document: Mapping[str, Any]) -> bytes:
    """The document as one line of JSON, ASCII only: nothing in it can move a cursor."""
    return json.dumps(plain(document), ensure_ascii=True, allow_nan=False).encode() + b"\n"

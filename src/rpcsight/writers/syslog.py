"""Syslog of RFC 5424: a message a finding and line, of at most 2,048 octets, for collectors that take no JSON.

Each line begins with `<PRI>`: to be sent over TCP or TLS by a relay (rsyslog, syslog-ng), which also says which host it came from. The
facility is local0; the structured data stand under `rpcsight@32473`: rpcsight has no enterprise number of its own, and 32473 is the
one that RFC 5612 reserves for documentation.
"""

from collections.abc import Mapping
from typing import Any, BinaryIO

from rpcsight.writers import Look, Rows
from rpcsight.writers._findings import STATUS, Finding, bounded, findings, iso, shown, techniques

NAME = "syslog"
ABOUT = "syslog messages of RFC 5424, one a line"
IS_BINARY = False
OF_FINDINGS = True

LOCAL0 = 16
SEVERITIES = {"high": 2, "medium": 4, "low": 5, "info": 6}
NOTICE = 5
"""Critical, warning, notice, informational."""
SD_ID = "rpcsight@32473"
LONGEST_LINE = 2_048
"""What every receiver should accept (RFC 5424, section 6.1)."""
LONGEST_VALUES = (200, 50, 20)
LONGEST_HEAD = 1_500
"""Values are cut shorter until there is room for a message beside them."""
MOST_TECHNIQUES = 20
MARK = "…"
LONGEST_MARK = 40
BOM = "\ufeff"


def write(rows: Rows, out: BinaryIO, look: Look) -> None:
    r"""Write a message a finding, each ended by `\n`.

    Args:
        rows: findings.
        out: a binary stream.
        look: not used.

    Raises:
        UsageError: the rows are no findings.
    """
    del look
    for finding in findings(rows, NAME):
        out.write(_message(finding) + b"\n")


def _message(finding: Finding) -> bytes:
    priority = LOCAL0 * 8 + SEVERITIES.get(finding["severity"], NOTICE)
    values = _values(finding)
    head = b""
    for longest in LONGEST_VALUES:
        data = f"[{SD_ID}{_parameters(values, longest)}]"
        head = f"<{priority}>1 {iso(finding['last_time'])} - rpcsight - finding {data} ".encode()
        if len(head) <= LONGEST_HEAD:
            break
    reasons = "; ".join(f"{each['points']:+g} {each['text']}" for each in finding["reasons"] or [])
    return _cut(head, shown(f"{finding['summary']} | why: {reasons}", LONGEST_LINE))


def _values(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding["finding_id"],
        "score": f"{finding['score']:g}",
        "severity": finding["severity"],
        "confidence": f"{finding.get('confidence') or 0.0:g}",
        "src": finding.get("src_ip"),
        "dst": finding.get("dest_ip"),
        "service": finding.get("service"),
        "techniques": ",".join(techniques(finding)[:MOST_TECHNIQUES]),
        "start": iso(finding["first_time"]),
        "pairs": len(finding["pairs"] or []),
        "connections": finding.get("activities"),
        "status": finding.get(STATUS),
    }


def _parameters(values: Mapping[str, Any], longest: int) -> str:
    return "".join(f' {name}="{_escaped(value, longest)}"' for name, value in values.items() if value not in {None, ""})


def _escaped(value: object, longest: int) -> str:
    """A value between quotes: `"`, a backslash and `]` have one before them (section 6.3.3)."""
    text = shown(value, longest)
    if len(text) > longest + LONGEST_MARK:  # escapes take room
        text = bounded(text, longest)
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _cut(head: bytes, text: str) -> bytes:
    """The message, its text cut with a mark where there is no room; not ASCII, it begins with a byte order mark (section 6.4)."""
    room = LONGEST_LINE - len(head)
    whole = (text if text.isascii() else BOM + text).encode()
    if len(whole) <= room:
        return head + whole
    marked = (BOM + text).encode()[: room - len(MARK.encode())]
    return head + marked.decode(errors="ignore").encode() + MARK.encode()

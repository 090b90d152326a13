"""The published rule as Sigma correlation rules, for SIEMs that Sigma's converters know.

The format is that of Sigma's specification 2.1, correlation rules (github.com/SigmaHQ/sigma-specification): two rules, one for each kind of
connection, and a third that wants both, in order, of one client and server within the window. Sigma counts whole units of time, so the
window is rounded up to seconds. It can't tell failed connections, nor what recorded a connection twice: `rpc-activity` can.
"""

import json
from dataclasses import dataclass
from math import ceil
from uuid import UUID, uuid5

from rpcsight.analytics import Header
from rpcsight.errors import UsageError
from rpcsight.settings import RuleSettings

__all__ = ["LOGSOURCES", "sigma_rules"]

OF = UUID("c8c1d2c1-5a1f-5d8b-8f0a-3b1c6f0e7a55")
ANALYTIC = "CAR-2014-05-001"
DATE = "2026-11-22"


@dataclass(frozen=True, slots=True)
class LogSource:
    """Records that Sigma has a name for: the lines that say which, and what their fields are called."""

    lines: tuple[str, ...]
    src_ip: str
    src_port: str
    dest_ip: str
    dest_port: str


LOGSOURCES = {
    "zeek": LogSource(("product: zeek", "service: conn"), "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p"),
    "firewall": LogSource(("category: firewall",), "src_ip", "src_port", "dst_ip", "dst_port"),
    "sysmon": LogSource(
        ("product: windows", "category: network_connection"),
        "SourceIp",
        "SourcePort",
        "DestinationIp",
        "DestinationPort",
    ),
}
"""Names of fields: Sigma's taxonomy for firewall and network_connection, Zeek's own for conn."""


def sigma_rules(header: Header, rule: RuleSettings, logsource: str, *, is_ordered: bool = True) -> str:
    """The analytic as three documents of YAML.

    Args:
        header: of the analytic.
        rule: ports and window.
        logsource: one of `LOGSOURCES`.
        is_ordered: the mapper's connection comes first, as the rule has it; many converters know no order.

    Raises:
        UsageError: the analytic can't be said in Sigma, or there is no such log source.
    """
    if header.id != ANALYTIC:
        what = f"{header.id} can't be said in Sigma: it takes more than an order of two kinds of connections"
        raise UsageError("export-sigma", what, f"rpcsight export-sigma {ANALYTIC}; rpcsight sql {header.id} prints SQL")
    if logsource not in LOGSOURCES:
        raise UsageError("--logsource", f"{logsource!r} is none", f"one of: {', '.join(LOGSOURCES)}")
    source = LOGSOURCES[logsource]
    low, high = rule.dynamic_ports
    mapper = (f"{source.dest_port}: {rule.mapper_port}",)
    endpoint = tuple(
        f"{port}|{sign}: {bound}"
        for port in (source.src_port, source.dest_port)
        for sign, bound in (("gte", low), ("lte", high))
    )
    parts = (
        _base("rpc_mapper", "Connection to the RPC endpoint mapper", source, mapper),
        _base("rpc_endpoint", "Connection between dynamic ports", source, endpoint),
        _correlation(header, source, ceil(rule.window_s), is_ordered=is_ordered),
    )
    return "---\n".join(parts)


def _base(name: str, title: str, source: LogSource, conditions: tuple[str, ...]) -> str:
    lines = [
        f"title: {title}",
        f"id: {uuid5(OF, f'{name} {source.lines}')}",
        f"name: {name}",
        "status: experimental",
        f"description: One half of {ANALYTIC}; everyday by itself.",
        f"date: {DATE}",
        "logsource:",
        *(f"    {line}" for line in source.lines),
        "detection:",
        "    selection:",
        *(f"        {condition}" for condition in conditions),
        "    condition: selection",
        "level: informational",
    ]
    return "\n".join(lines) + "\n"


def _correlation(header: Header, source: LogSource, seconds: int, *, is_ordered: bool) -> str:
    tags = [f"attack.{each.lower()}" for each in header.attack]
    lines = [
        f"title: {json.dumps(header.title)}",
        f"id: {uuid5(OF, f'{header.id} {source.lines}')}",
        "status: experimental",
        f"description: {json.dumps(header.about)}",
        f"references: [{json.dumps(header.source)}]",
        f"date: {DATE}",
        "tags:",
        *(f"    - {tag}" for tag in ("attack.lateral-movement", "attack.execution", *tags)),
        "correlation:",
        f"    type: {'temporal_ordered' if is_ordered else 'temporal'}",
        "    rules: [rpc_mapper, rpc_endpoint]",
        f"    group-by: [{source.src_ip}, {source.dest_ip}]",
        f"    timespan: {seconds}s",
        "falsepositives:",
        f"    - {json.dumps(header.mistaken)}",
        "level: low",
    ]
    return "\n".join(lines) + "\n"

"""Elastic Common Schema: an alert document a finding, and the connections that are its evidence, as JSON lines.

Fields are those of the ECS field reference, version 8.17; what ECS has no field for is under `rpcsight`. `event.dataset` tells the two
kinds apart. The reader `ecs` finds the same activities in the connections that it found before; alerts are no connections to it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from rpcsight.catalog.attack import name_of
from rpcsight.writers import Look, Rows
from rpcsight.writers._findings import STATUS, Finding, address, findings, hosts, json_line, reasons, techniques, texts

NAME = "ecs"
ABOUT = "Elastic Common Schema: alerts, and the connections that are their evidence, as JSON lines"
IS_BINARY = False
OF_FINDINGS = True

VERSION = "8.17.0"
SEVERITY = {"info": 1, "low": 21, "medium": 47, "high": 73}
"""The numbers of Elastic's own detection rules for low, medium and high."""
OWN = (
    "day", "rank", "client_role", "server_role", "service", "tier", "d3fend", "severity", "confidence", "activities", "attempts",
    "smb", "reasons", "pairs", "detections", "next", "benign_if", STATUS, "allowed_by",
)  # fmt: skip
"""Fields of a finding that ECS has no field for."""
OF_ACTIVITY = (
    "gap_s", "basis", "mapper_count", "mapper_id", "interface", "interface_version", "calls", "named_by", "service", "operation", "tier",
    "tier_confidence", "is_strict", "is_robust",
)  # fmt: skip
ENDS = re.compile(r":(\d{1,5})>.*:(\d{1,5})@-?\d+$")
MAPPER_PORT = 135
ATTEMPT = "attempt"
"""Basis of a connection that was not answered."""
HIGHEST_PORT = 65_535
Activity = Mapping[str, Any]


def write(rows: Rows, out: BinaryIO, look: Look) -> None:
    """Write each finding's alert, then its connections; a connection that several share is written once.

    Args:
        rows: findings.
        out: a binary stream.
        look: not used.

    Raises:
        UsageError: the rows are no findings.
    """
    del look
    written: set[tuple[object, ...]] = set()
    for finding in findings(rows, NAME):
        out.write(json_line(_alert(finding)))
        for key, document in _connections(finding):
            if key not in written:
                written.add(key)
                if "port" not in document["source"]:  # no evidence of ours says it; a reader needs connections apart
                    document["rpcsight"]["stand_in_port"] = len(written) % HIGHEST_PORT + 1
                out.write(json_line(document))


def _alert(finding: Finding) -> dict[str, Any]:
    deeds = finding.get("detections") or []
    return {
        "@timestamp": finding["first_time"],
        "ecs": {"version": VERSION},
        "message": finding["summary"],
        "event": {
            "kind": "alert",
            "category": ["intrusion_detection", "network"],
            "type": ["info"],
            "module": "rpcsight",
            "provider": "rpcsight",
            "dataset": "rpcsight.finding",
            "id": finding["finding_id"],
            "start": finding["first_time"],
            "end": finding["last_time"],
            "risk_score": finding["score"],
            "severity": SEVERITY.get(finding["severity"]),
            "reason": "; ".join(reasons(finding)),
        },
        "rule": {"name": "RPC between hosts", "ruleset": "rpcsight", "category": "lateral movement"},
        "threat": _threat(techniques(finding)),
        "source": _end(finding.get("src_ip")),
        "destination": _end(finding.get("dest_ip")),
        "related": {
            "ip": [str(each) for each in dict.fromkeys(map(address, hosts(finding))) if each is not None],
            "hosts": texts([each.get("host") for each in deeds]),
            "user": texts([each.get("user_name") for each in deeds]),
        },
        "rpcsight": {name: finding.get(name) for name in OWN},
    }


def _threat(ids: list[str]) -> dict[str, Any]:
    """Techniques, and those below them, each with the technique that it belongs to."""
    if not ids:
        return {}
    above = list(dict.fromkeys(each.partition(".")[0] for each in ids))
    below = [each for each in ids if "." in each]
    technique: dict[str, Any] = {"id": above, "name": [name_of(each) for each in above]}
    return {
        "framework": "MITRE ATT&CK",
        "technique": technique | {"subtechnique": {"id": below, "name": [name_of(each) for each in below]}},
    }


def _connections(finding: Finding) -> Iterator[tuple[tuple[object, ...], dict[str, Any]]]:
    """The mapper and endpoint connections of its evidence, each with what makes it one."""
    for each in finding["evidence"] or []:
        if each["mapper_time"] is not None:
            key = ("mapper", each["src_ip"], each["dest_ip"], each["mapper_time"], each["mapper_id"], each["observer"])
            ports = _ports(each["mapper_id"])
            yield key, _connection(finding, each, each["mapper_time"], each["mapper_id"], ports, "mapper")
        ports = each["src_port"], each["dest_port"]
        key = (
            "endpoint",
            each["src_ip"],
            each["dest_ip"],
            each["start_time"],
            *ports,
            each["observer"],
            each["flow_id"],
        )
        yield key, _connection(finding, each, each["start_time"], each["flow_id"], ports, "endpoint")


def _ports(flow_id: str | None) -> tuple[int | None, int]:
    """The ports of a mapper connection where its id is made of its ends (schema.FLOW); else the server's is the well-known one."""
    ends = ENDS.search(flow_id or "")
    return (int(ends[1]), int(ends[2])) if ends else (None, MAPPER_PORT)


def _connection(
    finding: Finding,
    activity: Activity,
    start: object,
    flow_id: str | None,
    ports: tuple[int | None, int | None],
    kind: str,
) -> dict[str, Any]:
    client, server = _end(activity["src_ip"], ports[0]), _end(activity["dest_ip"], ports[1])
    at = address(activity["src_ip"])
    return {
        "@timestamp": start,
        "ecs": {"version": VERSION},
        "event": {
            "kind": "event",
            "category": ["network"],
            "type": ["connection"],
            "module": "rpcsight",
            "provider": "rpcsight",
            "dataset": "rpcsight.connection",
            "id": flow_id,
            "start": start,
            "outcome": "failure" if activity["basis"] == ATTEMPT and kind == "endpoint" else None,
        },
        "network": {"transport": "tcp", "type": f"ipv{at.version}" if at else None},
        "source": client,
        "destination": server,
        "related": {"ip": list(dict.fromkeys(end["ip"] for end in (client, server) if "ip" in end))},
        "observer": {"name": activity["observer"]},
        "log": {"file": {"path": activity["source"]}},
        "rpcsight": {"finding_id": finding["finding_id"], "connection": kind}
        | ({name: activity.get(name) for name in OF_ACTIVITY} if kind == "endpoint" else {}),
    }


def _end(host: str | None, port: int | None = None) -> dict[str, Any]:
    """A side: `ip` only where it is an address, as Elasticsearch refuses the document otherwise."""
    at = address(host)
    return ({"address": host} if host else {}) | ({"ip": str(at)} if at else {}) | ({"port": port} if port else {})

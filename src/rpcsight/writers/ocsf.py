"""OCSF 1.5: a Detection Finding (class 2004) a finding, as JSON lines; with the connections that are its evidence.

Attributes are those of the published schema (schema.ocsf.io/1.5.0/classes/detection_finding) without profiles; times are milliseconds
since 1970. What it has no attribute for is under `unmapped`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, BinaryIO

from rpcsight.catalog.attack import name_of
from rpcsight.writers import Look, Rows
from rpcsight.writers._findings import STATUS, Finding, address, findings, iso, json_line, techniques, texts, whole

NAME = "ocsf"
ABOUT = "OCSF 1.5: Detection Findings (class 2004) as JSON lines"
IS_BINARY = False
OF_FINDINGS = True

VERSION = "1.5.0"
CLASS, CREATE = 2004, 1
ATTACK_VERSION = "18.1"
SEVERITIES = {"info": (1, "Informational"), "low": (2, "Low"), "medium": (3, "Medium"), "high": (4, "High")}
STATUSES = {"open": (1, "New"), "allowed": (3, "Suppressed")}
RESOLVED = (4, "Resolved")
CONFIDENCES = ((0.8, 3, "High"), (0.5, 2, "Medium"), (0.0, 1, "Low"))
IP_ADDRESS, USER_NAME = 2, 4
STATISTICAL, RULE = 3, 1
TCP, UNKNOWN = 6, 0
HIGHEST_RISK = 1_000_000
OWN = (
    "day", "rank", "score", "client_role", "server_role", "service", "tier", "d3fend", "activities", "attempts", "smb", "reasons", "pairs",
    "next", "benign_if", "allowed_by",
)  # fmt: skip
"""Fields of a finding that the class has no attribute for."""


def write(rows: Rows, out: BinaryIO, look: Look) -> None:
    """Write an event a finding.

    Args:
        rows: findings.
        out: a binary stream.
        look: not used.

    Raises:
        UsageError: the rows are no findings.
    """
    del look
    for finding in findings(rows, NAME):
        out.write(json_line(_event(finding)))


def _event(finding: Finding) -> dict[str, Any]:
    severity_id, severity = SEVERITIES.get(finding["severity"], (UNKNOWN, "Unknown"))
    sure = finding.get("confidence") or 0.0
    _, confidence_id, confidence = next(each for each in CONFIDENCES if sure >= each[0] or each is CONFIDENCES[-1])
    status = finding.get(STATUS) or "open"
    status_id, status_name = STATUSES.get(status, RESOLVED)
    first, last = _milliseconds(finding["first_time"]), _milliseconds(finding["last_time"])
    return {
        "activity_id": CREATE,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + CREATE,
        "type_name": "Detection Finding: Create",
        "metadata": {
            "version": VERSION,
            "product": {"name": "rpcsight", "vendor_name": "rpcsight"},
            "uid": finding["finding_id"],
        },
        "time": last,
        "start_time": first,
        "end_time": last,
        "severity_id": severity_id,
        "severity": severity,
        "confidence_id": confidence_id,
        "confidence": confidence,
        "confidence_score": whole(sure * 100, 0, 100),
        "risk_score": whole(finding["score"], -HIGHEST_RISK, HIGHEST_RISK),
        "status_id": status_id,
        "status": status_name,
        "status_detail": status,
        "is_alert": True,
        "message": finding["summary"],
        "finding_info": {
            "uid": finding["finding_id"],
            "title": f"RPC from {finding.get('src_ip') or 'somebody'} to {finding.get('dest_ip') or 'several hosts'}",
            "desc": finding["summary"],
            "first_seen_time": first,
            "last_seen_time": last,
            "analytic": {
                "name": "rpcsight hunt",
                "uid": "rpcsight-hunt",
                "type_id": STATISTICAL,
                "type": "Statistical",
            },
            "related_analytics": [
                {"name": each, "uid": each, "type_id": RULE, "type": "Rule"}
                for each in texts([deed.get("analytic") for deed in finding.get("detections") or []])
            ],
            "attacks": [_attack(each) for each in techniques(finding)],
        },
        "evidences": list(_evidences(finding)),
        "observables": list(_observables(finding)),
        "unmapped": {"rpcsight": {name: finding.get(name) for name in OWN}},
    }


def _milliseconds(time: datetime) -> int:
    since = time.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000


def _attack(technique: str) -> dict[str, Any]:
    above = technique.partition(".")[0]
    below = {"uid": technique, "name": name_of(technique)} if "." in technique else None
    return {"version": ATTACK_VERSION, "technique": {"uid": above, "name": name_of(above)}, "sub_technique": below}


def _evidences(finding: Finding) -> Iterator[dict[str, Any]]:
    """Connections, then what was done; what has no attribute is in `data`."""
    for each in finding["evidence"] or []:
        told = {
            name: value for name, value in each.items() if name not in {"src_ip", "dest_ip", "src_port", "dest_port"}
        }
        yield {
            "name": "connection",
            "src_endpoint": _endpoint(each["src_ip"], each["src_port"]),
            "dst_endpoint": _endpoint(each["dest_ip"], each["dest_port"], each.get("service")),
            "connection_info": {
                "direction_id": UNKNOWN,
                "protocol_num": TCP,
                "protocol_name": "tcp",
                "uid": each["flow_id"],
            },
            "data": told | {name: iso(value) for name, value in told.items() if isinstance(value, datetime)},
        }
    for each in finding.get("detections") or []:
        if all(value in {None, ""} for value in each.values()):  # the schema wants one attribute at least
            continue
        yield {
            "name": "detection",
            "src_endpoint": _endpoint(each["src_ip"]),
            "dst_endpoint": _endpoint(each["dest_ip"], None, each["service"]),
            "user": {"name": each["user_name"]},
            "data": dict(each),
        }


def _endpoint(host: str | None, port: int | None = None, service: str | None = None) -> dict[str, Any]:
    """A side; a text that is no address is a name."""
    at = address(host)
    return {"ip": str(at) if at else None, "name": None if at else host or None, "port": port, "svc_name": service}


def _observables(finding: Finding) -> Iterator[dict[str, Any]]:
    for side in ("src", "dest"):
        hosts = [finding.get(f"{side}_ip"), *(pair[f"{side}_ip"] for pair in finding["pairs"] or [])]
        name = f"evidences[].{'dst' if side == 'dest' else side}_endpoint.ip"
        for at in dict.fromkeys(map(address, hosts)):
            if at is not None:
                yield {"name": name, "type_id": IP_ADDRESS, "type": "IP Address", "value": str(at)}
    for user in texts([deed.get("user_name") for deed in finding.get("detections") or []]):
        yield {"name": "evidences[].user.name", "type_id": USER_NAME, "type": "User Name", "value": user}

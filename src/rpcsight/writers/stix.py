"""STIX 2.1: a bundle of what was seen (observed-data), a sighting of each technique that it can be part of, and a note with the reasons.

Addresses and connections have the ids that the standard makes of their values (section 2.9), so that equal ones of several bundles are one;
techniques are those of ATT&CK's own STIX data where rpcsight knows them. All else has an id made of the finding's and was `created` as its
day began. A finding may have changed since it was last written, so each bundle holds a later version of it (section 3.6): `modified` is
when it was written. Objects of several findings stand once.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, BinaryIO
from uuid import UUID, uuid5

from rpcsight.catalog.attack import name_of, stix_id_of
from rpcsight.writers import Look, Rows
from rpcsight.writers._findings import (
    Finding,
    address,
    bounded,
    findings,
    hosts,
    iso,
    plain,
    reasons,
    techniques,
    whole,
)

NAME = "stix"
ABOUT = "a STIX 2.1 bundle: sightings of techniques, observed data and notes"
IS_BINARY = False
OF_FINDINGS = True

OBSERVABLES = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""The namespace that the standard gives ids of addresses and connections (section 2.9)."""
OWN = UUID("6f0c9f1e-5d0b-5b7e-9a51-1d1f0a2f8c35")
MADE = "2026-11-22T00:00:00.000Z"
"""When what is the same in all bundles was made."""
MOST_COUNTED = 999_999_999
"""The highest number that `count` and `number_observed` may have."""
TECHNIQUE_URL = "https://attack.mitre.org/techniques/"
LONGEST_NOTE = 4_000
Made = dict[str, Any]


def write(rows: Rows, out: BinaryIO, look: Look) -> None:
    """Write one bundle, object by object.

    Args:
        rows: findings.
        out: a binary stream.
        look: not used.

    Raises:
        UsageError: the rows are no findings.
    """
    del look
    every = findings(rows, NAME)
    written = {_identity()["id"]}
    now = datetime.now(UTC)
    digest = ""
    out.write(b'{"type": "bundle", "objects": [\n' + _json(_identity()))
    for finding in every:
        digest = str(uuid5(OWN, f"{digest}{finding['finding_id']}{finding['score']}"))
        for made in _objects(finding, now):
            if made["id"] not in written:
                written.add(made["id"])
                out.write(b",\n" + _json(made))
    name = f"bundle{digest}"
    out.write(f'\n], "id": "bundle--{uuid5(OWN, name)}"}}\n'.encode())


def _objects(finding: Finding, now: datetime) -> Iterator[Made]:
    """What a finding tells; what others name comes first."""
    seen: dict[str, Made] = {}
    for each in finding["evidence"] or []:
        seen |= {made["id"]: made for made in _connection(each)}
    if not seen:
        seen = {made["id"]: made for made in map(_address, hosts(finding)) if made}
    first, last = _time(finding["first_time"]), _time(finding["last_time"])
    times = min(
        max(finding.get("activities") or 0, finding.get("attempts") or 0, finding.get("smb") or 0, 1), MOST_COUNTED
    )
    yield from seen.values()
    observed = _common("observed-data", finding, now) | {
        "first_observed": first,
        "last_observed": last,
        "number_observed": times,
        "object_refs": list(seen),
    }
    if seen:
        yield observed
    sightings: list[Made] = []
    for technique in techniques(finding):
        yield (pattern := _technique(technique))
        what = f"can be part of {name_of(technique)}: {finding['summary']}"
        sighting = _common("sighting", finding, now, technique) | {
            "description": bounded(what),
            "first_seen": first,
            # the standard wants it later than the first
            "last_seen": last if last > first else _time(finding["first_time"] + timedelta(milliseconds=1)),
            "count": times,
            "confidence": _confidence(finding),
            "sighting_of_ref": pattern["id"],
            "observed_data_refs": [observed["id"]] if seen else None,
            "where_sighted_refs": [_identity()["id"]],
        }
        sightings.append(sighting)
        yield sighting
    about = [each["id"] for each in (*([observed] if seen else []), *sightings)]
    yield _common("note", finding, now) | {
        "abstract": finding["summary"],
        "content": _told(finding),
        "confidence": _confidence(finding),
        "labels": ["rpcsight", f"severity-{finding['severity']}"],
        "object_refs": about or [_identity()["id"]],
    }


def _identity() -> Made:
    return {
        "type": "identity",
        "spec_version": "2.1",
        "id": f"identity--{uuid5(OWN, 'identity')}",
        "created": MADE,
        "modified": MADE,
        "name": "rpcsight",
        "identity_class": "system",
    }


def _common(kind: str, finding: Finding, now: datetime, more: str = "") -> Made:
    name = f"{kind}{finding['finding_id']}{more}"
    created = f"{_day(finding)}T00:00:00.000Z"
    return {
        "type": kind,
        "spec_version": "2.1",
        "id": f"{kind}--{uuid5(OWN, name)}",
        "created_by_ref": _identity()["id"],
        "created": created,
        "modified": max(created, _time(now)),
        "external_references": [{"source_name": "rpcsight", "external_id": finding["finding_id"]}],
    }


def _day(finding: Finding) -> date:
    """The day that its id is made of."""
    try:
        return date.fromisoformat(finding.get("day") or "")
    except ValueError:
        return finding["first_time"].date()


def _technique(technique: str) -> Made:
    known = stix_id_of(technique)
    page = TECHNIQUE_URL + technique.replace(".", "/")
    return {
        "type": "attack-pattern",
        "spec_version": "2.1",
        "id": known or f"attack-pattern--{uuid5(OWN, technique)}",
        "created": MADE,
        "modified": MADE,
        "name": name_of(technique),
        "external_references": [{"source_name": "mitre-attack", "external_id": technique, "url": page}],
    }


def _connection(activity: Mapping[str, Any]) -> list[Made]:
    """Both addresses and the connection between them; nothing where a side is no address."""
    client, server = _address(activity["src_ip"]), _address(activity["dest_ip"])
    if client is None or server is None:
        return []
    values = {
        "start": iso(activity["start_time"]).rstrip("Z").rstrip("0").rstrip(".")
        + "Z",  # as short as it goes: so others write it
        "src_ref": client["id"],
        "dst_ref": server["id"],
        "src_port": activity["src_port"],
        "dst_port": activity["dest_port"],
        "protocols": ["ipv6" if client["type"] == "ipv6-addr" else "ipv4", "tcp"],
    }
    return [client, server, _observable("network-traffic", values)]


def _address(host: object) -> Made | None:
    at = address(host)
    return None if at is None else _observable(f"ipv{at.version}-addr", {"value": str(at)})


def _observable(kind: str, values: Mapping[str, Any]) -> Made:
    """An object whose id is made of its values, as RFC 8785 writes them (texts of ASCII and small numbers only)."""
    given = {name: value for name, value in values.items() if value is not None}
    canonical = json.dumps(given, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{uuid5(OBSERVABLES, canonical)}", **given}


def _told(finding: Finding) -> str:
    """Score, reasons and what to check, a line each."""
    lines = [f"score {finding['score']:g}, severity {finding['severity']}"]
    lines += reasons(finding)
    lines += [f"check next: {each}" for each in finding.get("next") or []]
    lines += [f"benign if: {each}" for each in finding.get("benign_if") or []]
    return bounded("\n".join(lines), LONGEST_NOTE)


def _confidence(finding: Finding) -> int:
    return whole((finding.get("confidence") or 0.0) * 100, 0, 100)


def _time(time: datetime) -> str:
    return time.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _json(made: Made) -> bytes:
    """An object; the note's text is bounded already."""
    content = {"content": made["content"]} if "content" in made else {}
    return json.dumps(plain(made) | content, ensure_ascii=True, allow_nan=False).encode()

"""Whether an entry of an allow-list covers a finding: slow and obvious, from the words of docs/triage.md."""

import ipaddress
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_covered(
    entry: Mapping[str, Any], document: Mapping[str, Any], roles: Mapping[str, str], names: Mapping[str, str]
) -> bool:
    """By the fields of an entry as people write them, and a finding as a hunt gives it."""
    for pair in document["pairs"]:
        if not side_fits(entry.get("client", []), entry.get("client_role", []), pair["src_ip"], roles, names):
            return False
        if not side_fits(entry.get("server", []), entry.get("server_role", []), pair["dest_ip"], roles, names):
            return False
        if "hours" in entry and not hours_of(pair) <= listed_hours(*entry["hours"]):
            return False
    unknown = entry.get("unknown_service", False)
    deeds = document["detections"]
    seen = [document["service"], *(row["service"] for row in [*deeds, *document["evidence"]])]
    services = {name.lower() for name in seen if name}
    if entry.get("service"):
        if any(name not in [each.lower() for each in entry["service"]] for name in services):
            return False
        if not unknown and (not services or any(not row["service"] for row in deeds)):
            return False
    if entry.get("operation"):
        done = {row["operation"].lower() for row in [*deeds, *document["evidence"]] if row["operation"]}
        if any(name not in [each.lower() for each in entry["operation"]] for name in done):
            return False
        if not unknown and (not deeds or any(not row["operation"] for row in deeds)):
            return False
    weight = max([row["weight"] for row in deeds], default=0.0)
    if "below_weight" in entry and not weight < entry["below_weight"]:
        return False
    narrow = bool(entry.get("client")) and not any(is_wide(each) for each in entry["client"])
    return weight < 0.8 or narrow or entry.get("even_attacks", False)


def side_fits(
    hosts: list[str], wanted: list[str], address: str | None, roles: Mapping[str, str], names: Mapping[str, str]
) -> bool:
    if wanted and (not address or roles.get(address, "unknown") not in wanted):
        return False
    return not hosts or (bool(address) and any(is_host(each, address or "", names) for each in hosts))


def is_host(listed: str, address: str, names: Mapping[str, str]) -> bool:
    name = names.get(address, "").lower()
    if "/" in listed:
        base, bits = listed.split("/")
        return number(base)[0] == number(address)[0] and is_inside(
            number(base)[1], number(address)[1], int(bits), number(address)[0]
        )
    return listed in {address, name} or ("." not in listed and bool(name) and listed == name.split(".")[0])


def number(text: str) -> tuple[int, int]:
    """Width in bits and value of an address."""
    parsed = ipaddress.ip_address(text)
    return parsed.max_prefixlen, int(parsed)


def is_inside(base: int, value: int, bits: int, width: int) -> bool:
    return base >> (width - bits) == value >> (width - bits)


def is_wide(listed: str) -> bool:
    if "/" not in listed:
        return False
    base, bits = listed.split("/")
    return int(bits) < (48 if ":" in base else 16)


def hours_of(pair: Mapping[str, Any]) -> set[int]:
    """Every hour of the day that a pair was active in."""
    first, last = (
        int((pair[name].replace(tzinfo=UTC) - EPOCH).total_seconds() // 3600) for name in ("first_time", "last_time")
    )
    return {hour % 24 for hour in range(first, last + 1)}


def listed_hours(begin: int, end: int) -> set[int]:
    hours: set[int] = set()
    while begin != end:
        hours.add(begin)
        begin = (begin + 1) % 24
    return hours

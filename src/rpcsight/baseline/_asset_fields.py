"""What a row says of which hosts, by the names of its fields: one's own, ECS's, NetBox's.

ECS: host.ip, host.name, host.hostname, host.type (Elastic Common Schema 8, host fields); labels.role and labels.owner where
somebody set them. NetBox, as its API and its tables' CSV name them (netbox/dcim/tables/devices.py, netbox/ipam/tables/ip.py):
devices and virtual machines (name, role or device_role, primary_ip, primary_ip4, primary_ip6, tenant), addresses (address,
dns_name, assigned_object, tenant) and prefixes (prefix, role, tenant). The role of a NetBox address is no host's (VIP, loopback).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from rpcsight.errors import InputError

__all__ = ["Said", "statements"]

OWN_PLACES = ("ip_or_cidr", "ip", "cidr", "network", "subnet")
OWN_FIELDS = {*OWN_PLACES, "name", "role", "owner"}
NETBOX_ADDRESSES = ("primary_ip", "primary_ip4", "primary_ip6", "ip_address", "ipv4_address", "ipv6_address", "address")
NETBOX_MARKS = {*NETBOX_ADDRESSES, "dns_name", "device_role", "tenant", "prefix"}
NAMING = ("address", "name", "display", "label", "value", "slug")
NOTHING = "\N{EM DASH}"
"""What NetBox's tables show where there is nothing."""
DEEPEST = 3
HINT = "columns: ip (address or network) or name, and role, owner; or an export of ECS hosts or of NetBox"


@dataclass(frozen=True, slots=True)
class Said:
    """A statement about one host or network, as it was written.

    Args:
        ip_or_cidr, name, role, owner: the texts; '' where there are none.
        column: where the address stands.
        is_address: a mask behind the address is that of its network, and the host is meant.
        is_export: it was made for another end than this.
    """

    ip_or_cidr: str = ""
    name: str = ""
    role: str = ""
    owner: str = ""
    column: str = "ip"
    is_address: bool = False
    is_export: bool = False


def statements(row: Mapping[str, Any], where: str) -> Iterator[Said]:
    """What a row says.

    Raises:
        InputError: none of its fields are known.
    """
    if isinstance(row.get("_source"), dict):
        row = row["_source"]
    if "host" in row and isinstance(row["host"], dict):
        yield from _of_ecs(row["host"], row)
        return
    if any(name.startswith("host.") for name in row):
        yield from _of_ecs(_undotted(row, "host."), row)
        return
    named = {name.strip().lower().replace(" ", "_"): value for name, value in row.items() if name}
    if not named.keys() & {*OWN_PLACES, "name"} and not named.keys() & NETBOX_MARKS:
        seen = ", ".join(sorted(named)[:8])
        raise InputError(where, f"none of the fields is known: {seen[:120]}", HINT)
    if "address" in named and "role" in named and named.keys() <= {"address", *OWN_FIELDS}:
        raise InputError(
            where, "'address' is NetBox's name, whose role is no host's", "name the column ip, or leave role out"
        )
    if named.keys() & NETBOX_MARKS and not named.keys() & set(OWN_PLACES):
        yield from _of_netbox(named)
        return
    unknown = sorted(named.keys() - OWN_FIELDS)
    if unknown:
        raise InputError(where, f"{unknown[0]!r} is no field that is known", HINT)
    place = next((name for name in OWN_PLACES if _word(named.get(name))), "ip")
    name, role, owner = (_word(named.get(column)) for column in ("name", "role", "owner"))
    for address in _several(named.get(place)) or [""]:
        yield Said(address, name, role, owner, place)


def _of_ecs(host: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[Said]:
    name = _word(host.get("name")) or _word(host.get("hostname"))
    labels = row["labels"] if isinstance(row.get("labels"), dict) else _undotted(row, "labels.")
    role = _word(labels.get("role")) or _word(host.get("type"))
    owner = _word(labels.get("owner"))
    addresses = _several(host.get("ip"))
    for address in addresses:
        yield Said(address, name, role, owner, "host.ip", is_address=True, is_export=True)
    if name or not addresses:
        yield Said("", name, role, owner, "host.ip", is_address=True, is_export=True)


def _of_netbox(named: Mapping[str, Any]) -> Iterator[Said]:
    owner = _word(named.get("tenant")) or _word(named.get("owner"))
    prefix = _word(named.get("prefix"))
    if prefix:
        yield Said(prefix, "", _word(named.get("role")), owner, "prefix", is_export=True)
        return
    is_of_device = "address" not in named and "dns_name" not in named
    role = (_word(named.get("device_role")) or _word(named.get("role"))) if is_of_device else ""
    name = _word(named.get("dns_name")) or _word(named.get("name"))
    assigned = named.get("assigned_object")
    if not name and isinstance(assigned, dict):
        name = _word(assigned.get("device")) or _word(assigned.get("virtual_machine"))
    addresses = list(dict.fromkeys(text for column in NETBOX_ADDRESSES if (text := _word(named.get(column)))))
    for address in addresses:
        yield Said(address, name, role, owner, "address", is_address=True, is_export=True)
    if not addresses:
        yield Said("", name, role, owner, "address", is_export=True)


def _undotted(row: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)}


def _several(value: object) -> list[str]:
    """A list's texts, or those of one text with commas between, as exported tables have them."""
    values = cast("Iterable[Any]", value) if isinstance(value, list) else (_word(value).split(",") if value else ())
    return list(dict.fromkeys(text for each in values if (text := _word(each))))


def _word(value: object, depth: int = 0) -> str:
    """A value as text; of NetBox's objects what names them; of a list the first."""
    if isinstance(value, dict | list) and depth >= DEEPEST:
        return ""
    if isinstance(value, dict):
        known = cast("dict[str, Any]", value)
        return next((text for key in NAMING if (text := _word(known.get(key), depth + 1))), "")
    if isinstance(value, list):
        return _word(value[0], depth + 1) if value else ""
    text = "" if value is None or isinstance(value, bool) else str(value).strip()
    return "" if text == NOTHING else text

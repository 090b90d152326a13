"""Chains of hosts, and RPC with the internet, as their analytics' headers word them: plain loops over who reached whom."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from tests.oracles.flow import Row

HOUR_US = 3_600_000_000
ENDS_TOLD = 20
CLIENTS_OF_A_COMMON_SERVER = 3
EPMAPPER = "e1af8308-5d1f-11c9-91a4-08002b14a0fa"
INTERNAL = [
    *map(
        ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8")
    ),
    *map(ip_network, ("0.0.0.0/8", "224.0.0.0/3", "::/16", "fe80::/10", "fc00::/7", "ff00::/8")),
]


@dataclass(frozen=True)
class Contact:
    """A connection to the mapper, an activity or a call: who reached whom, and when. Calls have an interface and a service."""

    kind: str
    src_ip: str
    dest_ip: str
    at_us: int
    interface: str | None = None
    service: str | None = None
    flow_id: str | None = None
    observer: str = "sensor"


def chains(contacts: Sequence[Contact], controllers: set[str], chain_us: int) -> list[Row]:
    """The rows of rpc-chain, by their order."""
    reach = [
        each for each in contacts if each.kind == "activity" or (each.kind == "call" and each.interface != EPMAPPER)
    ]
    hosts = {each.src_ip for each in reach} | {each.dest_ip for each in reach}
    found: dict[tuple[str, str, str], tuple[int, int]] = {}
    for middle in hosts:
        for client in hosts:
            ends = _ends(reach, client, middle, controllers, chain_us)
            found |= {(client, middle, end): times for end, *times in ends[:ENDS_TOLD]}  # type: ignore[misc]
    rows = [_row(reach, found, path, chain_us) for path in found]
    return sorted(rows, key=lambda row: (row["start_us"], row["src_ip"], row["dest_ip"], row["end_us"], row["target"]))


def _ends(
    reach: Sequence[Contact], client: str, middle: str, controllers: set[str], chain_us: int
) -> list[tuple[str, int, int]]:
    """Where `middle` went after `client` had reached it: the end, when it was reached, when it was left for; by time."""
    ends: list[tuple[int, str, int]] = []
    for end in {each.dest_ip for each in reach if each.src_ip == middle}:
        if end == client or _is_common(reach, middle, controllers) or _is_common(reach, end, controllers):
            continue
        onward_us = min(_times(reach, middle, end))
        before = [at_us for at_us in _times(reach, client, middle) if at_us <= onward_us]
        if before and onward_us - max(before) <= chain_us:
            ends.append((onward_us, end, max(before)))
    return [(end, reach_us, onward_us) for onward_us, end, reach_us in sorted(ends)]


def _is_common(reach: Sequence[Contact], host: str, controllers: set[str]) -> bool:
    clients = {each.src_ip for each in reach if each.dest_ip == host}
    return host in controllers or len(clients) >= CLIENTS_OF_A_COMMON_SERVER


def _times(reach: Sequence[Contact], src_ip: str, dest_ip: str) -> list[int]:
    return [each.at_us for each in reach if (each.src_ip, each.dest_ip) == (src_ip, dest_ip)]


def _row(
    reach: Sequence[Contact],
    found: dict[tuple[str, str, str], tuple[int, int]],
    path: tuple[str, str, str],
    chain_us: int,
) -> Row:
    client, middle, end = path
    start_us, end_us = found[path]
    earlier = [
        (-times[0], far)
        for (far, near, last), times in found.items()
        if (near, last) == (client, middle) and far != end and 0 <= start_us - times[1] <= chain_us
    ]
    hosts = [min(earlier)[1], *path] if earlier else [*path]
    first = [each for each in reach if (each.src_ip, each.dest_ip, each.at_us) == (client, middle, start_us)]
    said = [each for each in reach if (each.src_ip, each.dest_ip) == (middle, end) and each.service]
    is_decoded = bool(said) and any((each.src_ip, each.dest_ip) == (client, middle) and each.service for each in reach)
    return {
        "tier": "decoded" if is_decoded else None,
        "start_us": start_us,
        "end_us": end_us,
        "src_ip": middle,
        "dest_ip": end,
        "service": min((each.at_us, each.service or "") for each in said)[1] if said else None,
        "events": len(hosts) - 1,
        "target": " > ".join(hosts),
        "flow_id": min((each.flow_id for each in first if each.flow_id), default=None),
        "observer": min(each.observer for each in first),
    }


def is_public(text: str) -> bool:
    """Whether a text is an address of the internet."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped and "." in text:
        address = address.ipv4_mapped
    return not any(address in network for network in INTERNAL if network.version == address.version)


def internet(contacts: Sequence[Contact]) -> list[Row]:
    """The rows of rpc-internet, by their order."""
    rows: list[Row] = []
    for src_ip, dest_ip, hour in {(each.src_ip, each.dest_ip, each.at_us // HOUR_US) for each in contacts}:
        if is_public(src_ip) == is_public(dest_ip):
            continue
        own = [
            each for each in contacts if (each.src_ip, each.dest_ip, each.at_us // HOUR_US) == (src_ip, dest_ip, hour)
        ]
        calls = [each for each in own if each.kind == "call"]
        activities = [each for each in own if each.kind == "activity"]
        connections = _most([each for each in own if each.kind == "mapper"]) + len(activities)
        rows.append(
            {
                "technique": "T1190" if is_public(src_ip) else "T1021",
                "tier": "decoded" if calls else None,
                "confidence": 1.0 if calls else 0.8,
                "start_us": min(each.at_us for each in own),
                "end_us": max(each.at_us for each in own),
                "src_ip": src_ip,
                "dest_ip": dest_ip,
                "service": min((each.service for each in calls if each.service), default=None),
                "events": _most(calls) if calls else connections,
                "flow_id": min((each.flow_id for each in own if each.flow_id), default=None),
                "observer": min(each.observer for each in own),
            }
        )
    return sorted(
        rows, key=lambda row: (row["start_us"], row["src_ip"], row["dest_ip"], row["technique"], row["end_us"])
    )


def _most(contacts: Sequence[Contact]) -> int:
    """How many the observer recorded that recorded most."""
    return max(Counter(each.observer for each in contacts).values(), default=0)

"""Which entries of an allow-list cover a finding."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from rpcsight.triage.entries import Entry, Network, network

__all__ = [
    "DAY_US",
    "EPOCH",
    "HOURS_A_DAY",
    "HOUR_US",
    "UNKNOWN",
    "WEIGHTY",
    "Facts",
    "Hosts",
    "Pair",
    "Subject",
    "covering",
    "day_of",
    "facts_of",
    "hosts_of",
    "in_order",
    "microseconds",
    "why_not",
]

WEIGHTY = 0.8
"""From this weight on, a detection is what attackers do, whoever does it."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR_US = 3_600_000_000
HOURS_A_DAY = 24
DAY_US = HOUR_US * HOURS_A_DAY
UNKNOWN = "unknown"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Pair:
    """A client and a server of a finding; '' where records don't tell.

    Args:
        src_ip: the client.
        dest_ip: the server.
        first_us: first activity, in microseconds since 1970 UTC.
        last_us: last.
        src_host, dest_host: which hosts they are, where leases or their own logs tell; else ''.
    """

    src_ip: str
    dest_ip: str
    first_us: int
    last_us: int
    src_host: str = ""
    dest_host: str = ""

    @property
    def client(self) -> str:
        """The name by which the baseline knows the client."""
        return self.src_host or self.src_ip

    @property
    def server(self) -> str:
        """And the server."""
        return self.dest_host or self.dest_ip


@dataclass(frozen=True, slots=True)
class Subject:
    """What of a finding entries look at.

    Args:
        pairs: all its clients and servers, the lead pair first.
        services: every service that its records tell, lower case.
        operations: every operation, lower case.
        knows_services: whether each detection tells its service, and anything at all does.
        knows_operations: whether there are detections, and each tells its operation.
        weight: of its weightiest detection.
    """

    pairs: tuple[Pair, ...]
    services: frozenset[str]
    operations: frozenset[str]
    knows_services: bool
    knows_operations: bool
    weight: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of hosts.

    Args:
        roles: role by address; without one a host is `unknown`.
        names: names by address.
    """

    roles: Mapping[str, str] = field(default_factory=dict[str, str])
    names: Mapping[str, str] = field(default_factory=dict[str, str])


def facts_of(document: Mapping[str, Any]) -> Subject:
    """What entries look at, of a finding as plain values or as JSON."""
    deeds: Sequence[Mapping[str, Any]] = document.get("detections") or ()
    shown: Sequence[Mapping[str, Any]] = document.get("evidence") or ()
    services = {_lower(each.get("service")) for each in (document, *deeds, *shown)} - {""}
    operations = {_lower(each.get("operation")) for each in (*deeds, *shown)} - {""}
    return Subject(
        _pairs(document),
        frozenset(services),
        frozenset(operations),
        bool(services) and all(each.get("service") for each in deeds),
        bool(deeds) and all(each.get("operation") for each in deeds),
        max((float(each.get("weight") or 0.0) for each in deeds), default=0.0),
    )


def covering(entries: Iterable[Entry], subject: Subject, facts: Facts) -> str | None:
    """The id of the first entry, by id, that covers a finding; None where none does."""
    return min((each.id for each in entries if why_not(each, subject, facts) is None), default=None)


def why_not(entry: Entry, subject: Subject, facts: Facts) -> str | None:
    """Why an entry by itself does not cover all of a finding (each pair, service and operation, the hours); None: it does.

    What is not known is not covered: a client without address, a role that was not learned, a service that no record tells
    (but for `unknown_service`). An entry that names no clients does not cover weighty detections, unless it says so (`even_attacks`):
    an attacker on any host of that role would be covered.
    """
    for pair in subject.pairs:
        if not _is_host(entry.client, entry.client_role, pair.src_ip, pair.client, facts):
            return f"the client {_told(pair.src_ip, pair.client, facts)} is not covered"
        if not _is_host(entry.server, entry.server_role, pair.dest_ip, pair.server, facts):
            return f"the server {_told(pair.dest_ip, pair.server, facts)} is not covered"
        if entry.hours is not None and not _within(entry.hours, pair):
            return "it was at other hours"
    for what, listed, known, is_all in (
        ("service", entry.service, subject.services, subject.knows_services),
        ("operation", entry.operation, subject.operations, subject.knows_operations),
    ):
        if listed and (others := known.difference(each.lower() for each in listed)):
            return f"its {what} {', '.join(sorted(others))} is not covered"
        if listed and not (is_all or entry.unknown_service):
            return f"no record tells its {what}, or not of all of it"
    if entry.below_weight is not None and subject.weight >= entry.below_weight:
        return f"something done in it weighs {subject.weight:g}: not below {entry.below_weight:g}"
    if subject.weight >= WEIGHTY and not (entry.names_clients or entry.even_attacks):
        return "something done in it is what attackers do, and the entry names no clients (--even-attacks)"
    return None


def in_order(address: str) -> str:
    """A text by which addresses stand in the order of their numbers, IPv4 first, and what is none last."""
    found = _address(address)
    return f"9{address}" if found is None else f"{found.version}{int(found):039d}"


def microseconds(value: object) -> int:
    """A time (a datetime, or ISO-8601; UTC where it has no zone) in microseconds since 1970.

    Raises:
        ValueError: it is none.
    """
    time = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)


def day_of(value: object) -> int:
    """A day (a number, a date, or ISO-8601) in days since 1970.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, int):
        return value
    day = value if isinstance(value, date) else date.fromisoformat(str(value)[:10])
    return (date(day.year, day.month, day.day) - EPOCH.date()).days


def _pairs(document: Mapping[str, Any]) -> tuple[Pair, ...]:
    listed: Sequence[Mapping[str, Any]] = document.get("pairs") or (document,)
    return tuple(
        Pair(
            each.get("src_ip") or "",
            each.get("dest_ip") or "",
            microseconds(each.get("first_time") or document["first_time"]),
            microseconds(each.get("last_time") or document["last_time"]),
            each.get("src_host") or "",
            each.get("dest_host") or "",
        )
        for each in listed
    )


def _lower(text: object) -> str:
    return str(text or "").lower()


def _told(address: str, host: str, facts: Facts) -> str:
    return f"{address} ({facts.roles.get(host, UNKNOWN)})" if address else "of which no record tells the address"


def _is_host(hosts: tuple[str, ...], roles: Sequence[str], address: str, host: str, facts: Facts) -> bool:
    """Whether a host is one of those that are named, and of those roles.

    Args:
        hosts: addresses, networks and names; none: any.
        roles: likewise.
        address: the host's.
        host: the name by which the baseline knows it.
        facts: what is known of it.
    """
    if hosts and not (address and _is_named(hosts, address, facts.names.get(host, ""))):
        return False
    return not roles or (bool(address) and facts.roles.get(host, UNKNOWN) in roles)


@dataclass(frozen=True, slots=True)
class Hosts:
    """The hosts that one side of an entry names, so that most addresses are told apart by a look into a set."""

    addresses: frozenset[Address]
    networks: tuple[Network, ...]
    names: frozenset[str]


@lru_cache(maxsize=8192)
def hosts_of(hosts: tuple[str, ...]) -> Hosts:
    """The hosts that a side of an entry names."""
    listed = {each: network(each) for each in hosts}
    found = [each for each in listed.values() if each is not None]
    return Hosts(
        frozenset(each.network_address for each in found if each.num_addresses == 1),
        tuple(each for each in found if each.num_addresses > 1),
        frozenset(each for each, parsed in listed.items() if parsed is None),
    )


def _is_named(hosts: tuple[str, ...], address: str, name: str) -> bool:
    """Whether an address is one of the hosts: by itself, in a network, or by its name, with or without domain."""
    listed = hosts_of(hosts)
    if listed.names and name and not listed.names.isdisjoint((name.lower(), name.lower().partition(".")[0])):
        return True
    found = _address(address)
    return found is not None and (
        found in listed.addresses or any(found.version == each.version and found in each for each in listed.networks)
    )


@lru_cache(maxsize=65536)
def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


def _within(hours: tuple[int, int], pair: Pair) -> bool:
    """Whether all of a pair's time lies in one stretch of these hours."""
    begin, end = hours
    length = (end - begin) % HOURS_A_DAY * HOUR_US
    since = (pair.first_us - begin * HOUR_US) % DAY_US
    return since + max(0, pair.last_us - pair.first_us) < length

"""What people say of hosts: a file of addresses, networks or names with role, name and owner; exports of ECS hosts and of NetBox.

In a file of one's own, an unknown role is an error, and so is a host that is said to be two things. Exports are made for other ends:
there, words that are no roles are counted, and the last word on a host holds.
"""

import ipaddress
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rpcsight.baseline._asset_fields import Said, statements
from rpcsight.baseline._asset_files import rows_of
from rpcsight.baseline.roles import ROLES, role_of
from rpcsight.errors import InputError

__all__ = ["MOST_ROWS", "Asset", "Inventory", "read_assets", "resolve"]

MOST_ROWS = 1_000_000
LONGEST = 255
FIELDS = ("role", "name", "owner")


@dataclass(frozen=True, slots=True)
class Asset:
    """What is said of a host or of a network's hosts; '' where nothing is.

    Args:
        ip_or_cidr: an address, a network, or '' where the name says who it is.
        name: as DNS or Windows has it, in lower case.
        role: of `ROLES`.
        owner: who answers for it.
    """

    ip_or_cidr: str
    name: str = ""
    role: str = ""
    owner: str = ""


@dataclass(slots=True)
class Inventory:
    """The rows of a file, and what was not taken from it.

    Args:
        rows: a row a host or network, in the order of their first mention.
        left_out: how many statements gave nothing, by reason.
        unknown_roles: words of exports that are no roles, and how often.
        changed: hosts that an export says two things of; the last holds.
    """

    rows: list[Asset] = field(default_factory=list[Asset])
    left_out: Counter[str] = field(default_factory=Counter[str])
    unknown_roles: Counter[str] = field(default_factory=Counter[str])
    changed: int = 0


def read_assets(path: Path) -> Inventory:
    """Read CSV, JSON or JSON lines: a file of one's own, ECS documents, or what NetBox exports.

    Raises:
        InputError: it can't be read, is too large, says nothing, or says something that can't be; with the line, the field, the
            value and what to do.
    """
    found = Inventory()
    known: dict[tuple[str, str], tuple[int, str]] = {}
    for number, (where, row) in enumerate(rows_of(path)):
        if number >= MOST_ROWS:
            raise InputError(
                where, f"more than {MOST_ROWS:,} rows", "name networks instead of hosts, or split the file"
            )
        for said in statements(row, where):
            _take(said, where, found, known)
    if not found.rows:
        reasons = ", ".join(f"{reason}: {count:,}" for reason, count in sorted(found.left_out.items()))
        what = f"says nothing of any host ({reasons})" if reasons else "says nothing of any host"
        raise InputError(str(path), what, "to drop what an earlier file said: rpcsight baseline assets --remove")
    return found


def resolve(
    rows: Iterable[Asset],
    ips: Iterable[str],
    names: Mapping[str, str] | None = None,
    places: Mapping[str, str] | None = None,
) -> dict[str, Asset]:
    """What is said of each address that anything is said of.

    For each field the most specific row that states it: the address's own, then the name's, then the smallest network's; of rows for the
    same, the last.

    Args:
        rows: as `read_assets` gives them.
        ips: addresses.
        names: the host's name for some of them.
        places: the address of those that are no addresses but hosts told by leases.
    """
    index = _Index(rows)
    result: dict[str, Asset] = {}
    for ip in ips:
        matching = list(index.matching((places or {}).get(ip, ip), _name((names or {}).get(ip, ""))))
        if matching:
            stated = {each: next((value for row in matching if (value := getattr(row, each))), "") for each in FIELDS}
            result[ip] = Asset(matching[0].ip_or_cidr, **stated)
    return result


class _Index:
    """Rows by address, by network, and by name."""

    def __init__(self, rows: Iterable[Asset]) -> None:
        self._by_address: dict[tuple[int, int], Asset] = {}
        self._by_network: dict[tuple[int, int], dict[int, Asset]] = {}
        self._by_name: dict[str, Asset] = {}
        self._by_label: dict[str, set[str]] = {}
        for row in rows:
            if not row.ip_or_cidr:
                self._by_name[row.name] = row
                self._by_label.setdefault(row.name.partition(".")[0], set()).add(row.name)
                continue
            network = ipaddress.ip_network(row.ip_or_cidr)
            start = int(network.network_address)
            if network.prefixlen == network.max_prefixlen:
                self._by_address[network.version, start] = row
            else:
                # a network's name is its own, not its hosts'
                self._by_network.setdefault((network.prefixlen, network.version), {})[start] = replace(row, name="")
        self._lengths = sorted(self._by_network, reverse=True)

    def matching(self, ip: str, name: str) -> Iterator[Asset]:
        """The rows that speak of a host, the most specific first."""
        address = _address(ip)
        if address is not None and (own := self._by_address.get((address.version, int(address)))):
            yield own
            name = name or own.name
        if name and (named := self._named(name)):
            yield named
        if address is None:
            return
        for length, version in self._lengths:
            if version == address.version:
                shift = address.max_prefixlen - length
                if row := self._by_network[length, version].get(int(address) >> shift << shift):
                    yield row

    def _named(self, name: str) -> Asset | None:
        """The row for a name; for one up to its first dot only, if no other host has the same."""
        label = name.partition(".")[0]
        whole = self._by_name.get(name) or self._by_name.get(label)
        if whole is None and name == label and len(longer := self._by_label.get(label, set())) == 1:
            whole = self._by_name[next(iter(longer))]
        return whole


def _address(ip: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _take(said: Said, where: str, found: Inventory, known: dict[tuple[str, str], tuple[int, str]]) -> None:
    """Add a statement to the rows."""
    for name, value in (("role", said.role), ("name", said.name), ("owner", said.owner)):
        if len(value) > LONGEST or not value.isprintable():
            raise InputError(
                where, f"{name}: {value[:40]!r} is too long or not printable", f"{LONGEST} characters at most"
            )
    ip_or_cidr, reason = _place(said, where)
    if reason:
        found.left_out[reason] += 1
        return
    name = _name(said.name)
    key = (ip_or_cidr, "") if ip_or_cidr else ("", name)
    if not any(key):
        found.left_out["neither address nor name"] += 1
        return
    asset = Asset(ip_or_cidr, name, _role(said, where, found), said.owner.strip())
    if key not in known:
        known[key] = len(found.rows), where
        found.rows.append(asset)
        return
    place, earlier = known[key]
    if found.rows[place] == asset:
        return
    if not said.is_export:
        what = f"{ip_or_cidr or name} was something else in {earlier.rpartition(', ')[2]}"
        raise InputError(where, what, "keep one of the two rows")
    found.rows[place] = asset
    found.changed += 1


def _place(said: Said, where: str) -> tuple[str, str]:
    """The address or network, normalised; or why there is none."""
    text = said.ip_or_cidr.strip()
    if not text:
        return "", ""
    try:
        network = ipaddress.ip_network(ipaddress.ip_interface(text).ip if said.is_address else text)
    except ValueError as cause:
        hint = "write an address as 10.0.0.5, a network as 10.0.0.0/24; names go into the column name"
        raise InputError(where, f"{said.column}: {text[:80]!r} is no address or network ({cause})", hint) from cause
    first = network.network_address
    if isinstance(first, ipaddress.IPv6Address) and first.ipv4_mapped:
        network = ipaddress.ip_network(first.ipv4_mapped)
    if said.is_export and (first.is_loopback or first.is_link_local):
        return "", "loopback and link-local addresses"
    is_single = network.prefixlen == network.max_prefixlen
    return str(network.network_address if is_single else network), ""


def _role(said: Said, where: str, found: Inventory) -> str:
    """The role that the word means; '' for none."""
    word = said.role.strip()
    role = role_of(word)
    if role is None and word and not said.is_export:
        what = f"role: {word!r} is no role"
        raise InputError(where, what, f"one of {', '.join(ROLES)}; or leave it empty")
    if role is None and word:
        found.unknown_roles[word] += 1
    return "" if role in {None, "unknown"} else str(role)


def _name(text: str) -> str:
    return text.strip().rstrip(".").lower()

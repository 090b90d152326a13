"""An entry of the allow-list: who may do what on whom, why, on whose word and until when."""

import hashlib
import ipaddress
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from functools import cached_property, lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rpcsight.baseline.roles import ROLES
from rpcsight.errors import UsageError

__all__ = ["HOST_NAME", "ROLES", "SCOPE", "Entry", "Network", "entry", "network", "read_toml", "toml"]

VAGUE = ("workstation", "unknown")
"""Roles that attackers have, too: by these alone nothing is said of who."""
SCOPE = (
    "client",
    "client_role",
    "server",
    "server_role",
    "service",
    "operation",
    "hours",
    "unknown_service",
    "below_weight",
    "even_attacks",
)
"""The fields that say what an entry covers."""
NARROW = {4: 16, 6: 48}
"""Prefixes from which a network names hosts; a shorter one may only narrow what else is said."""
MOST_VALUES = 200
UNKNOWN_KEY = "extra_forbidden"
MESSAGES = {"missing": "is missing", UNKNOWN_KEY: "is no key of an entry"}
LONGEST_TEXT = 500
MOST_ENTRIES = 5000
HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")
HOURS_A_DAY = 24
NEVER = "never"

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=4096)
def network(text: str) -> Network | None:
    """An address or a network in CIDR; None where the text is neither."""
    try:
        found = ipaddress.ip_network(text, strict=True)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Network) and (mapped := found.network_address.ipv4_mapped):
        return ipaddress.ip_network(mapped) if found.prefixlen == found.max_prefixlen else None
    return found


def _host(text: str) -> str:
    found = network(text)
    if found is not None:
        return str(found.network_address) if found.num_addresses == 1 else str(found)
    if "/" in text or ":" in text or text.replace(".", "").isdecimal() or not HOST_NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no address, network (10.0.0.0/24, without host bits) or name of a host")
    return text.lower()


def _role(text: str) -> str:
    if text not in ROLES:
        raise ValueError(f"{text!r} is no role; there are: {', '.join(ROLES)}")
    return text


def _text(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("needs a text of one line, without control characters")
    return text.strip()


def _list(given: object) -> object:
    """One value is a list of one."""
    return (given,) if isinstance(given, str) else given


def _sorted(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


def _day(given: object) -> object:
    if given is None or given == NEVER:
        return None
    try:
        return given if type(given) is date else date.fromisoformat(str(given))
    except ValueError:
        raise ValueError(f"{given!r} is neither a day, as 2027-01-31, nor {NEVER!r}") from None


def _hour(hours: tuple[int, int] | None) -> tuple[int, int] | None:
    if hours and hours[0] == hours[1]:
        raise ValueError("begin and end in the same hour: leave them out for all day")
    return hours


Text = Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(_text)]
Texts = Annotated[tuple[Text, ...], Field(max_length=MOST_VALUES), BeforeValidator(_list), AfterValidator(_sorted)]
Hosts = Annotated[
    tuple[Annotated[str, Field(max_length=300), AfterValidator(_host)], ...],
    Field(max_length=MOST_VALUES),
    BeforeValidator(_list),
    AfterValidator(_sorted),
]
RoleNames = Annotated[
    tuple[Annotated[str, AfterValidator(_role)], ...],
    Field(max_length=len(ROLES)),
    BeforeValidator(_list),
    AfterValidator(_sorted),
]
Hour = Annotated[int, Field(ge=0, lt=HOURS_A_DAY, strict=True)]


class Entry(BaseModel):
    """One entry. All that it names must hold; of several values of one field, any.

    Args:
        client, server: addresses, networks in CIDR or host names.
        client_role, server_role: of `ROLES`.
        service, operation: RPC interfaces and operations by name; all that is known of a finding has to be among them.
        hours: from this hour on, until that hour begins; UTC; (22, 6) is over midnight.
        unknown_service: findings whose records don't tell the service are covered, too.
        below_weight: only findings whose detections all weigh less (0 to 1: docs/techniques.md).
        even_attacks: an entry without named clients covers weighty detections, too.
        reason: why this is fine.
        owner: whom to ask.
        expires: the last day on which it holds; None for no end.
        pack: the vendor pack it comes from.

    Keys of a file are these; there `expires` is a day or "never", so that nothing lasts for ever unsaid.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Text
    owner: Text
    expires: Annotated[date | None, BeforeValidator(_day)]
    client: Hosts = ()
    client_role: RoleNames = ()
    server: Hosts = ()
    server_role: RoleNames = ()
    service: Texts = ()
    operation: Texts = ()
    hours: Annotated[tuple[Hour, Hour] | None, AfterValidator(_hour)] = None
    unknown_service: Annotated[bool, Field(strict=True)] = False
    below_weight: Annotated[float, Field(gt=0, le=1)] | None = None
    even_attacks: Annotated[bool, Field(strict=True)] = False
    pack: Text | None = None

    @cached_property
    def id(self) -> str:
        """8 hexadecimal digits of what it covers."""
        return hashlib.sha256(json.dumps(self.scope(), sort_keys=True).encode()).hexdigest()[:8]

    @cached_property
    def names_clients(self) -> bool:
        """Whether it names hosts, or a network that is not most of an enterprise, as clients."""
        return _is_narrow(self.client)

    def is_live(self, today: date) -> bool:
        """Whether it holds on a day."""
        return self.expires is None or today <= self.expires

    def scope(self) -> dict[str, Any]:
        """What it covers: the fields that are given."""
        given = self.model_dump(mode="json")
        return {name: given[name] for name in SCOPE if given[name]}


def entry(given: Mapping[str, object], where: str = "allow-list") -> Entry:
    """An entry of what people wrote.

    Args:
        given: fields of `Entry`.
        where: for the error: where they stand.

    Raises:
        UsageError: a field is unknown or wrong, or it would cover (nearly) everything.
    """
    try:
        made = Entry.model_validate(given)
    except ValidationError as cause:
        first = min(cause.errors(), key=lambda each: each["type"] != UNKNOWN_KEY)
        place = ".".join(str(part) for part in first["loc"])
        what = MESSAGES.get(first["type"], first["msg"].removeprefix("Value error, "))
        if near := get_close_matches(place, Entry.model_fields, 1) if first["type"] == UNKNOWN_KEY else []:
            what += f"; {near[0]!r} is one"
        hint = f"an entry has: {', '.join(Entry.model_fields)}"
        raise UsageError(f"{where}: {place}", what, hint) from cause
    if problem := _too_wide(made):
        raise UsageError(where, *problem)
    return made


def _is_narrow(hosts: Iterable[str]) -> bool:
    """Whether hosts are named, and all networks among them are of a size that says which."""
    found = [network(each) for each in hosts]
    return bool(found) and all(each is None or each.prefixlen >= NARROW[each.version] for each in found)


def _too_wide(made: Entry) -> tuple[str, str] | None:
    """What is wrong with an entry that names nobody or nothing, and what to do."""
    names_servers = _is_narrow(made.server)
    if not (made.names_clients or made.client_role):
        what = "names no client: it would cover everybody's"
        return what, "add --client ADDRESS, NETWORK (/16 or smaller) or NAME, or --client-role ROLE"
    if not (names_servers or made.server_role or made.service):
        what = "names neither server, role of server nor service: it would cover whatever the client does"
        return what, "add --server, --server-role or --service"
    if made.operation and not made.service:
        return "names an operation and no service", "add --service: names of operations are the same in several"
    if not (made.names_clients or names_servers or made.service) and (
        not made.client_role or set(made.client_role) & set(VAGUE)
    ):
        what = f"covers all that any {' or '.join(made.client_role)} does to a role: what lateral movement is"
        return what, "name a client, a server or a service"
    return None


def read_toml(text: str, where: str) -> list[Entry]:
    """The entries of an allow-list as a file: tables `[[allow]]`.

    Raises:
        UsageError: it is no such file, or an entry is wrong.
    """
    try:
        content = tomllib.loads(text)
    except (ValueError, RecursionError) as cause:  # of TOML, or a number of thousands of digits
        raise UsageError(where, f"is no TOML ({str(cause)[:200]})", "rpcsight allow export shows the form") from cause
    listed = content.pop("allow", [])
    if content or not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        found = ", ".join(map(repr, content)) or "an `allow` that is no list of tables"
        raise UsageError(where, f"holds {found[:100]}", "an allow-list holds tables [[allow]] and nothing else")
    if len(listed) > MOST_ENTRIES:
        raise UsageError(
            where, f"holds {len(listed)} entries; more than {MOST_ENTRIES} is no list", "name networks or roles"
        )
    made = [entry(each, f"{where}, entry {place}") for place, each in enumerate(listed, 1)]
    seen: dict[str, int] = {}
    for place, each in enumerate(made, 1):
        if (first := seen.setdefault(each.id, place)) != place:
            raise UsageError(f"{where}, entry {place}", f"covers the same as entry {first}", "remove one of them")
    return made


def toml(entries: Iterable[Entry]) -> str:
    """An allow-list as a file, by id, that `read_toml` reads."""
    parts: list[str] = []
    for each in sorted(entries, key=lambda one: one.id):
        given = each.model_dump()
        lines = [f"# {each.id}", "[[allow]]"]
        given["expires"] = given["expires"] or NEVER
        lines += [f"{name} = {_value(value)}" for name, value in given.items() if value not in (None, (), False)]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

"""The conditions of a query as SQL. What people typed comes in as parameters alone."""

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rpcsight.baseline.workspace import Workspace
from rpcsight.triage._keeping import VERDICTS
from rpcsight.triage.allowing import live
from rpcsight.triage.entries import Network, network
from rpcsight.triage.query import NOTHING, SEVERITIES, Term
from rpcsight.triage.words import BETWEEN

__all__ = ["HAS_GROWN", "SEVERITY", "STATUS", "Conditions", "conditions", "hit_of"]

STATUS = "case when status = 'allowed' and not coalesce(list_contains($holding, allowed_by), false) then 'open' else status end"
"""As it stands now: open, too, where the entry that covered it has expired."""
SEVERITY = f"list_position({list(SEVERITIES)}, severity) - 1"
HAS_GROWN = "finding_id in (select finding_id from finding_pair where is_later)"
WHOLE_BYTES = (8, 16, 24)
HIT = """
with known as (
  select * exclude (document), {status} as state, {severity} as weight, {grown} as has_grown
  from finding
  where {about}
), hit as (
  select * from known where {all}
)
"""
ADDRESSES = " union ".join(
    f"select {side} as ip from {table}"
    for table in ("finding_meeting", "finding_pair")
    for side in ("src_ip", "dest_ip")
)
NAMED = """
    select {name} union all select 'mac:' || {name}
    union all select ip from known_host where lower(name) = {name} or starts_with(lower(name), {name} || '.')
    union all select host from lease_event where hostname = {name} or starts_with(hostname, {name} || '.')
"""
"""Hosts by a name: the baseline's own for them, their hardware address, that of the asset file, or one they gave themselves."""


@dataclass
class Conditions:
    """Conditions on rows of `finding`.

    Args:
        about: those on what a finding is about.
        of_status: those on its status.
        of_severity: those on its severity.
        parameters: their values.
    """

    about: list[str] = field(default_factory=list[str])
    of_status: list[str] = field(default_factory=list[str])
    of_severity: list[str] = field(default_factory=list[str])
    parameters: dict[str, object] = field(default_factory=dict[str, object])

    def parameter(self, value: object) -> str:
        """A value, to stand in SQL."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"${name}"


def conditions(workspace: Workspace, terms: Sequence[Term]) -> Conditions:
    """What terms ask for; of findings in any status only where they say so, or name an id."""
    made = Conditions(parameters={"holding": [each.id for each in live(workspace)]})
    for each in terms:
        sql = _sql(workspace, made, each)
        where = {"status": made.of_status, "severity": made.of_severity}.get(each.key, made.about)
        where.append(f"not ({sql})" if each.is_not else sql)
    if not any(each.key in {"status", "id"} for each in terms):
        made.of_status.append("state = 'open'")
    return made


def hit_of(found: Conditions) -> str:
    """SQL that begins with the findings that conditions find, as `hit`."""
    return HIT.format(
        status=STATUS,
        severity=SEVERITY,
        grown=HAS_GROWN,
        about=" and ".join(found.about) or "true",
        all=" and ".join((*found.of_status, *found.of_severity)) or "true",
    )


def _sql(workspace: Workspace, made: Conditions, asked: Term) -> str:
    relation = {":": "=", ">=": ">=", "<=": "<="}[asked.relation]
    if asked.key == "score":  # a score by itself: at least that
        return f"score {'>=' if asked.relation == ':' else relation} {made.parameter(asked.number)}"
    if asked.key == "day":
        return f"day {relation} {made.parameter(int(asked.number))}"
    if asked.key == "severity":
        return f"weight {relation} {made.parameter(int(asked.number))}"
    if asked.key == "id":
        return f"starts_with(finding_id, {made.parameter(asked.value)})"
    plain: dict[str, Callable[[], str]] = {
        "": lambda: _word(made, asked.value),
        "status": lambda: _status(made, asked.value),
        "service": lambda: _listed(made, "services", asked.value),
        "technique": lambda: _technique(made, asked.value),
    }
    return plain[asked.key]() if asked.key in plain else _host(workspace, made, asked)


def _status(made: Conditions, value: str) -> str:
    if value == "all":
        return "true"
    if value == "grown":
        return "has_grown"
    return f"list_contains({made.parameter(list(VERDICTS) if value == 'closed' else [value])}, state)"


def _word(made: Conditions, word: str) -> str:
    given = made.parameter(word)
    named = (
        f"select ip from known_host where contains(lower(name), {given}) "
        f"union all select host from lease_event where contains(hostname, {given})"
    )
    return f"""finding_id in (
        select finding_id from finding_word where contains(words, {given})
        union all select finding_id from finding_meeting where client in ({named}) or server in ({named})
        union all select finding_id from finding_pair where src_ip in ({named}) or dest_ip in ({named})
    )"""


def _listed(made: Conditions, column: str, value: str) -> str:
    if value == NOTHING:
        return f"finding_id in (select finding_id from finding_word where {column} = '')"
    given = made.parameter(f"{BETWEEN}{value}{BETWEEN}")
    return f"finding_id in (select finding_id from finding_word where contains({column}, {given}))"


def _technique(made: Conditions, value: str) -> str:
    """A technique, or with it all of its sub-techniques."""
    exact = _listed(made, "techniques", value)
    if value == NOTHING or "." in value:
        return exact
    given = made.parameter(f"{BETWEEN}{value}.")
    return f"({exact} or finding_id in (select finding_id from finding_word where contains(techniques, {given})))"


def _host(workspace: Workspace, made: Conditions, asked: Term) -> str:
    named = network(asked.value)
    if named is None and asked.value != NOTHING:
        return _on_side(asked.key, ("client", "server"), f"in ({NAMED.format(name=made.parameter(asked.value))})")
    if named is None or named.num_addresses == 1:
        condition = f"= {made.parameter('' if named is None else asked.value)}"
    elif isinstance(named, ipaddress.IPv4Network) and named.prefixlen in WHOLE_BYTES:  # no need to look at each address
        whole = ".".join(str(named.network_address).split(".")[: named.prefixlen // 8])
        condition = f"^@ {made.parameter(f'{whole}.')}"
    else:
        condition = f"in (select unnest({made.parameter(_within(workspace, named))}::varchar[]))"
    return _on_side(asked.key, ("src_ip", "dest_ip"), condition)


def _on_side(key: str, columns: tuple[str, str], condition: str) -> str:
    """Findings with a pair, now or in an earlier hunt, of which the client, the server or either meets a condition."""
    return f"""finding_id in (
        select finding_id from finding_meeting where {_either(key, columns, condition)}
        union all select finding_id from finding_pair where {_either(key, ("src_ip", "dest_ip"), condition)}
    )"""


def _either(key: str, columns: tuple[str, str], condition: str) -> str:
    chosen = {"client": columns[:1], "server": columns[1:], "host": columns}[key]
    return " or ".join(f"{column} {condition}" for column in chosen)


def _within(workspace: Workspace, named: Network) -> list[str]:
    """The addresses of findings that are in a network."""
    rows = workspace.rows(ADDRESSES)
    return sorted(row["ip"] for row in rows if _is_within(row["ip"], named))


def _is_within(address: str, named: Network) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return found.version == named.version and found in named

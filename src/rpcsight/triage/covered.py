"""What entries of the allow-list cover of the findings that are kept, in SQL: `matching.why_not` for all of them at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from rpcsight.baseline.workspace import Workspace
from rpcsight.triage.entries import Entry
from rpcsight.triage.matching import DAY_US, HOUR_US, HOURS_A_DAY, UNKNOWN, WEIGHTY, Hosts, hosts_of, in_order

__all__ = ["covered", "judge"]

SIDES = {"client": "src", "server": "dest"}
NOBODY = "of which no record tells the address"
JUDGED = """
create or replace temp table {table} as
with known as (
  select ip, role, lower(name) as name from known_host
), met as (
  select meeting.*, coalesce(client.role, '{unknown}') as client_role, coalesce(server.role, '{unknown}') as server_role,
    coalesce(client.name, '') as client_name, coalesce(server.name, '') as server_name
  from finding_meeting as meeting
  left join known as client on client.ip = meeting.client
  left join known as server on server.ip = meeting.server
), judged as (
  select finding_id,
    arg_min(why, place) filter (where why is not null) as why,
    bool_or(place = 0 and is_concerned) as is_concerned,
    max(last_us) as last_us
  from (
    select finding_id, place, last_us, {concerned} as is_concerned,
      case
        when not {client} then 'the client ' || {told_client} || ' is not covered'
        when not {server} then 'the server ' || {told_server} || ' is not covered'
        when not {hours} then 'it was at other hours'
      end as why
    from met
  ) as each
  group by finding_id
)
select finding_id, coalesce(judged.why, {others}) as why, is_concerned, last_us
from judged
join finding_word using (finding_id)
"""
LISTED = "list_filter(string_split(trim({column}, chr(10)), chr(10)), lambda each: each <> '' and not list_contains({given}, each))"


@dataclass
class _Conditions:
    """Conditions of an entry, and their values."""

    entry: Entry
    parameters: dict[str, object] = field(default_factory=dict[str, object])

    def value(self, value: object) -> str:
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"${name}"

    def host(self, side: str, hosts: tuple[str, ...], roles: tuple[str, ...]) -> str:
        """As `matching._is_host`."""
        is_there = f"{SIDES[side]}_ip <> ''"
        made = [f"{is_there} and ({self._named(side, hosts_of(hosts))})"] if hosts else []
        if roles:
            made.append(f"{is_there} and list_contains({self.value(list(roles))}::varchar[], {side}_role)")
        return f"({' and '.join(made) or 'true'})"

    def hours(self) -> str:
        """As `matching._within`."""
        if self.entry.hours is None:
            return "true"
        begin, end = self.entry.hours
        since = f"(((first_us - {begin * HOUR_US}) % {DAY_US} + {DAY_US}) % {DAY_US})"
        return f"({since} + greatest(0, last_us - first_us) < {(end - begin) % HOURS_A_DAY * HOUR_US})"

    def others(self) -> str:
        """Why an entry that covers all hosts does not cover what was done; null where it does."""
        made: list[str] = []
        for what, listed in (("service", self.entry.service), ("operation", self.entry.operation)):
            if not listed:
                continue
            given = f"{self.value([each.lower() for each in listed])}::varchar[]"
            rest = LISTED.format(column=f"{what}s", given=given)
            made.append(
                f"when len({rest}) > 0 then 'its {what} ' || array_to_string(list_sort({rest}), ', ') || ' is not covered'"
            )
            if not self.entry.unknown_service:
                made.append(f"when not knows_{what}s then 'no record tells its {what}, or not of all of it'")
        if self.entry.below_weight is not None:
            below = self.value(self.entry.below_weight)
            told = "regexp_replace(cast(weight as varchar), '\\.0$', '')"
            said = f"'something done in it weighs ' || {told} || ': not below {self.entry.below_weight:g}'"
            made.append(f"when weight >= {below} then {said}")
        if not (self.entry.names_clients or self.entry.even_attacks):
            said = "something done in it is what attackers do, and the entry names no clients (--even-attacks)"
            made.append(f"when weight >= {WEIGHTY} then '{said}'")
        return f"case {' '.join(made)} end" if made else "null"

    def _named(self, side: str, hosts: Hosts) -> str:
        order = f"{SIDES[side]}_order"
        made: list[str] = []
        if hosts.addresses:
            listed = sorted(in_order(str(each)) for each in hosts.addresses)
            made.append(f"list_contains({self.value(listed)}::varchar[], {order})")
        for each in hosts.networks:
            first, last = in_order(str(each[0])), in_order(str(each[-1]))
            made.append(f"{order} between {self.value(first)} and {self.value(last)}")
        if hosts.names:
            given = self.value(sorted(hosts.names))
            name = f"{side}_name"
            short = f"split_part({name}, '.', 1)"
            made.append(
                f"{name} <> '' and (list_contains({given}::varchar[], {name}) or list_contains({given}::varchar[], {short}))"
            )
        return " or ".join(f"({each})" for each in made)


def judge(workspace: Workspace, entry: Entry, table: str = "judged") -> None:
    """Make a temporary table of all findings: `why` the entry does not cover them (null: it does), `is_concerned`, `last_us`."""
    asked = _Conditions(entry)
    roles = () if entry.client else entry.client_role
    sql = JUDGED.format(
        table=table,
        unknown=UNKNOWN,
        client=asked.host("client", entry.client, entry.client_role),
        server=asked.host("server", entry.server, entry.server_role),
        concerned=asked.host("client", entry.client, roles),
        hours=asked.hours(),
        others=asked.others(),
        **{f"told_{side}": _told(side) for side in SIDES},
    )
    workspace.store.run(sql, asked.parameters)


def covered(workspace: Workspace, entries: Mapping[str, Entry], where: str, parameters: Mapping[str, object]) -> None:
    """Make a temporary table `cover`: of the findings that meet a condition and that entries cover, the first entry's id."""
    workspace.store.run("create or replace temp table every_cover (finding_id VARCHAR, entry_id VARCHAR)")
    for name, each in entries.items():
        judge(workspace, each)
        workspace.store.run(
            f"insert into every_cover select finding_id, $entry from judged where why is null and finding_id in ({where})",
            {**parameters, "entry": name},
        )
    workspace.store.run(
        "create or replace temp table cover as select finding_id, min(entry_id) as entry_id from every_cover group by finding_id"
    )


def _told(side: str) -> str:
    address = f"{SIDES[side]}_ip"
    return f"case when {address} = '' then '{NOBODY}' else {address} || ' (' || {side}_role || ')' end"

"""What entries of the allow-list name that nothing here is called: they cover nothing, or not what was meant."""

from collections.abc import Iterable, Iterator

from rpcsight.baseline.workspace import Workspace
from rpcsight.catalog.relations import rows
from rpcsight.triage.entries import Entry, network

__all__ = ["unheard"]

HAVE = """
select lower(name) as name, false as is_own from known_host where name is not null
union all
select lower(name) as name, false as is_own from asset where name <> ''
union all
select distinct hostname as name, true as is_own from lease_event where hostname <> ''
"""
SERVED = """
select lower(service) as service from deed_day
union
select unnest(string_split(trim(services, chr(10)), chr(10))) as service from finding_word
"""


def unheard(workspace: Workspace, entries: Iterable[Entry]) -> Iterator[str]:
    """What entries name in vain, a sentence each: hosts by names that no asset file gives, and services that nobody knows."""
    listed = list(entries)
    names = {each for entry in listed for each in (*entry.client, *entry.server) if network(each) is None}
    if names:
        known: dict[bool, set[str]] = {False: set(), True: set()}
        for row in workspace.rows(HAVE):
            known[row["is_own"]] |= {row["name"], row["name"].partition(".")[0]}
        for name in sorted(names - known[False]):
            whose = (
                "is the name that a computer gave itself, and entries"
                if name in known[True]
                else "is no host that is known here: entries"
            )
            yield f"{name!r} {whose} go by addresses and by the names of the asset file (rpcsight baseline assets)"
    services = {each.lower(): each for entry in listed for each in entry.service}
    if services:
        there = {row["service"] for row in workspace.rows(SERVED)}
        there |= {str(row["name"]).lower() for row in rows("rpc_interface").to_pylist()}
        for service in sorted(services.keys() - there):
            yield f"nothing here was ever called {services[service]!r}: rpcsight interfaces lists services by name"

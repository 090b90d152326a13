"""What the pages of hosts, the map, the baseline and what was read show."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from rpcsight.baseline import summary
from rpcsight.baseline.difference import split
from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import UsageError
from rpcsight.report.heat_map import heat_map
from rpcsight.report.host_graph import CHAIN, KNOWN, NEW, Edge, Host, host_graph
from rpcsight.report.pictures import chains_of
from rpcsight.triage.hours import hours
from rpcsight.triage.kept import findings
from rpcsight.triage.query import term
from rpcsight.triage.runs import runs
from rpcsight.triage.search import MOST, search
from rpcsight.web.pages.finding import complete
from rpcsight.web.pages.findings import short
from rpcsight.web.pages.rendering import to

__all__ = ["baseline", "host", "hosts", "inputs", "map_of"]

Values = dict[str, Any]

MOST_HOSTS = 200
MOST_PEERS = 100
MOST_FINDINGS = 20
MOST_EDGES = 60
MOST_DRAWN = 24
MOST_NEW = 20
MOST_FILES = 200
MOST_HUNTS = 50
OPEN_BY_HOST = """
    select ip, count(*) as findings, max(score) as best
    from (
      select distinct unnest([finding_pair.src_ip, finding_pair.dest_ip]) as ip, finding.rowid as number, finding.score
      from finding_pair join finding on finding.finding_id = finding_pair.finding_id and status = 'open'
    ) as sides
    where ip <> ''
    group by ip
"""
HOSTS = f"""
    with found as ({OPEN_BY_HOST}), every as (select ip from known_host union select ip from found)
    select every.ip, role, name, clients, servers, last_day, coalesce(findings, 0) as findings, best
    from every
    left join known_host on known_host.ip = every.ip
    left join found on found.ip = every.ip
    where ($role = '' or role = $role)
      and ($words = '' or contains(every.ip, $words) or contains(lower(coalesce(name, '')), $words))
    order by findings desc, best desc nulls last, clients desc nulls last, every.ip
    limit $limit
"""
EDGES = """
    select finding_pair.src_ip, finding_pair.dest_ip, count(distinct finding.finding_id) as findings, max(finding.score) as best,
      arg_max(finding.finding_id, finding.score) as finding_id, arg_max(severity, finding.score) as severity,
      max(known_pair.days) as days
    from finding_pair
    join finding on finding.finding_id = finding_pair.finding_id
    left join known_pair on known_pair.src_ip = finding_pair.src_ip and known_pair.dest_ip = finding_pair.dest_ip
    where finding_pair.finding_id in (select unnest($ids::varchar[])) and finding_pair.src_ip <> '' and finding_pair.dest_ip <> ''
    group by finding_pair.src_ip, finding_pair.dest_ip
    order by best desc, finding_pair.src_ip, finding_pair.dest_ip
    limit $limit
"""
BY_ROLE = """
    select coalesce(client.role, 'unknown') as client, coalesce(server.role, 'unknown') as server,
      count(*) as pairs, cast(sum(connections) as bigint) as connections
    from known_pair
    left join known_host as client on client.ip = known_pair.src_ip
    left join known_host as server on server.ip = known_pair.dest_ip
    group by all
    order by pairs desc, client, server
"""
FILES = """
    select path, bytes, learned_us from learned_input order by learned_us desc, path limit $limit
"""


def hosts(workspace: Workspace, words: str, role: str) -> Values:
    """Hosts that are known or found, those with the worst findings first."""
    given = {"words": words.strip().lower(), "role": role, "limit": MOST_HOSTS + 1}
    rows = workspace.rows(HOSTS, given)
    roles = workspace.rows("select role, count(*) as hosts from known_host group by role order by hosts desc, role")
    return {"rows": rows[:MOST_HOSTS], "has_more": len(rows) > MOST_HOSTS, "roles": roles, "words": words, "role": role}


def host(workspace: Workspace, ip: str) -> Values | None:
    """A host: what is known of it, its peers, and the findings about it; None where there is nothing."""
    known = summary.host(workspace, ip, MOST_PEERS)
    page = search(workspace, f"{term('host', ip)} status:all", limit=MOST_FINDINGS)
    if known is None and not page.total:
        return None
    peers = [row["ip"] for side in ("uses", "used_by") for row in (known or {}).get(side, ())]
    names = _names(workspace, [ip, *peers])
    for side in ("uses", "used_by"):
        for row in (known or {}).get(side, ()):
            row["name"] = names.get(row["ip"])
    return {
        "ip": ip,
        "name": names.get(ip),
        "known": known,
        "findings": [short(each) for each in page.hits],
        "total": page.total,
        "all_address": to("findings", {"q": f"{term('host', ip)} status:all"}),
        "most": MOST_PEERS,
    }


def map_of(workspace: Workspace, query: str) -> Values:
    """Who used whom in the findings that a query finds, and roles on roles as learned."""
    problem, hits, total = "", (), 0
    try:
        page = search(workspace, query, limit=MOST)
        hits, total = page.hits, page.total
    except UsageError as wrong:
        problem = f"{wrong.what}; {wrong.hint}" if wrong.hint else wrong.what
    told = {
        side: role
        for each in hits
        for side, role in ((each.src_ip, each.client_role), (each.dest_ip, each.server_role))
        if side and role
    }
    rows = workspace.rows(EDGES, {"ids": [each.finding_id for each in hits], "limit": MOST_EDGES + 1})
    edges = rows[:MOST_EDGES]
    addresses = {row[side] for row in edges for side in ("src_ip", "dest_ip")}
    names, roles = _names(workspace, addresses), told | _roles(workspace, addresses)
    by_role = workspace.rows(BY_ROLE)
    cells: dict[tuple[str, str], Values] = {(row["client"], row["server"]): row for row in by_role}
    clients = _by_size(by_role, "client")
    servers = _by_size(by_role, "server")
    began, high = ({}, {}) if problem else hours(workspace, query)
    return {
        "hours": heat_map(began, "How many of the findings began in each hour", high, "high findings began")
        if began
        else None,
        "edges": [
            row
            | {
                "client": {"ip": row["src_ip"], "name": names.get(row["src_ip"]), "role": roles.get(row["src_ip"])},
                "server": {"ip": row["dest_ip"], "name": names.get(row["dest_ip"]), "role": roles.get(row["dest_ip"])},
            }
            for row in edges
        ],
        "drawing": _drawn(workspace, edges[:MOST_DRAWN], names, roles) if edges else None,
        "q": query,
        "problem": problem,
        "total": total,
        "has_more": len(rows) > MOST_EDGES or total > len(hits),
        "clients": clients,
        "servers": servers,
        "cells": cells,
    }


def baseline(workspace: Workspace, known_days: int) -> Values:
    """What was learned: how much, how mature it is, what its last day brought."""
    found = summary.overview(workspace, known_days, MOST_NEW)
    span = workspace.rows("select first_day, last_day from baseline_span where days > 1")
    drift: Values | None = None
    if span:
        made = split(workspace, span[0]["last_day"])
        counts = {name: len(made[name]) for name in made if isinstance(made[name], list)}
        lists = {name: made[name][:MOST_NEW] for name in counts}
        drift = {"day": span[0]["last_day"], "counts": counts, **lists}
    days = workspace.rows(
        "select day, count(*) as pairs, cast(sum(mappers + endpoints + smb) as bigint) as connections "
        "from pair_day group by day order by day desc limit 60"
    )
    return {"it": found, "mature": summary.MATURE, "drift": drift, "days": days}


def inputs(workspace: Workspace) -> Values:
    """What hunts read, with what losses, and the files that were learned; the newest first."""
    (sums,) = workspace.rows(
        "select count(*) as files, cast(coalesce(sum(bytes), 0) as bigint) as bytes, max(learned_us) as last_us from learned_input"
    )
    return {"hunts": runs(workspace, MOST_HUNTS), "files": workspace.rows(FILES, {"limit": MOST_FILES}), "sums": sums}


def _drawn(
    workspace: Workspace, edges: Sequence[Mapping[str, Any]], names: Mapping[str, str], roles: Mapping[str, str]
) -> Markup:
    """Pairs of findings as a graph: what had met before is known, what went on from host to host is a chain."""
    known = {(row["src_ip"], row["dest_ip"]) for row in edges if row["days"]}
    steps: set[tuple[str, str]] = set()
    paths: list[list[str]] = []
    for kept in findings(workspace, sorted({row["finding_id"] for row in edges})):
        found, chains = chains_of(complete(kept.finding()), known)
        steps |= found
        paths += [[names.get(host, host) for host in path] for path in chains]
    made: list[Edge] = []
    for row in edges:
        pair = (row["src_ip"], row["dest_ip"])
        kind = KNOWN if pair in known else CHAIN if pair in steps else NEW
        client, server = (names.get(host, host) for host in pair)
        made.append(Edge(client, server, kind, row["best"], text=f"score {row['best']:.1f}"))
    said = {names.get(address, address): role for address, role in roles.items()}
    hosts = sorted({name for each in made for name in (each.client, each.server)})
    caption = f"The {len(made)} pairs of the highest scores"
    return host_graph([Host(name, said.get(name)) for name in hosts], made, caption, "map", paths)


def _by_size(rows: Iterable[Mapping[str, Any]], side: str) -> list[str]:
    sizes: dict[str, int] = {}
    for row in rows:
        sizes[row[side]] = sizes.get(row[side], 0) + row["pairs"]
    return sorted(sizes, key=lambda each: (-sizes[each], each))


def _names(workspace: Workspace, addresses: Iterable[str]) -> dict[str, str]:
    sql = "select ip, name from known_host where ip in (select unnest($ips::varchar[]))"
    rows: Sequence[Mapping[str, Any]] = workspace.rows(sql, {"ips": sorted(set(addresses))})
    return {row["ip"]: row["name"] for row in rows if row["name"]}


def _roles(workspace: Workspace, addresses: Iterable[str]) -> dict[str, str]:
    sql = "select ip, role from known_host where ip in (select unnest($ips::varchar[]))"
    return {row["ip"]: row["role"] for row in workspace.rows(sql, {"ips": sorted(set(addresses))})}

"""What the API asks of a workspace beside findings: hosts, the map, the log, what resembles a finding."""

from typing import Any

from rpcsight.baseline.summary import as_day
from rpcsight.baseline.workspace import Workspace
from rpcsight.web.network_models import Edge, HostPage, HostRow, Map, Node

__all__ = ["hosts", "log", "map_of", "similar"]

LIVE = "('open', 'malicious')"
"""Of these findings the map is made."""
COUNTED = """
    select ip, count(distinct finding_id) as findings
    from (select src_ip as ip, finding_id from finding_pair union all select dest_ip, finding_id from finding_pair) as sides
    group by ip
"""


def hosts(workspace: Workspace, text: str, role: str, after: str, limit: int) -> HostPage:
    """Hosts that are known, or have findings; by address.

    Args:
        workspace: knows them.
        text: part of an address or name.
        role: of these alone; '' for all.
        after: the last address of the page before.
        limit: most rows.
    """
    sql = f"""
        with counted as ({COUNTED}), every as (
          select coalesce(known.ip, counted.ip) as ip, known.name as name, coalesce(role, 'unknown') as role, role_confidence, clients,
            servers, last_day, coalesce(findings, 0) as findings
          from known_host as known
          full join counted on counted.ip = known.ip
        ), found as (
          select * from every
          where ip <> '' and (contains(lower(ip), $text) or contains(lower(coalesce(name, '')), $text))
            and ($role = '' or role = $role)
        )
        select *, (select count(*) from found) as total from found where ip > $after order by ip limit $limit
    """
    given = {"text": text.lower(), "role": role, "after": after, "limit": limit + 1}
    rows = workspace.rows(sql, given)
    made = [
        HostRow(
            ip=row["ip"],
            name=row["name"],
            role=row["role"],
            role_confidence=row["role_confidence"],
            clients=row["clients"],
            servers=row["servers"],
            last_day=as_day(row["last_day"]),
            findings=row["findings"],
        )
        for row in rows[:limit]
    ]
    return HostPage(hosts=made, next=made[-1].ip if len(rows) > limit else None, total=rows[0]["total"] if rows else 0)


def map_of(workspace: Workspace, limit: int) -> Map:
    """Hosts of findings that are open or malicious, and who used whom."""
    sql = f"""
        with meeting as (
          select pair.src_ip, pair.dest_ip, finding_id, score, list_position(['info', 'low', 'medium', 'high'], severity) as severity
          from finding_pair as pair
          join finding using (finding_id)
          where status in {LIVE} and pair.src_ip <> '' and pair.dest_ip <> ''
        ), edge as (
          select src_ip, dest_ip, count(distinct finding_id) as findings, max(score) as score, max(severity) as severity
          from meeting
          group by src_ip, dest_ip
        )
        select edge.*, coalesce(days, 0) as days, (select count(*) from edge) as total
        from edge
        left join known_pair using (src_ip, dest_ip)
        order by score desc, src_ip, dest_ip
        limit $limit
    """
    rows = workspace.rows(sql, {"limit": limit})
    edges = [
        Edge(
            client=row["src_ip"],
            server=row["dest_ip"],
            findings=row["findings"],
            score=row["score"],
            severity=("info", "low", "medium", "high")[(row["severity"] or 1) - 1],
            known_days=row["days"],
        )
        for row in rows
    ]
    ips = sorted({ip for each in edges for ip in (each.client, each.server)})
    known = workspace.rows(
        f"""
        with counted as ({COUNTED})
        select wanted.ip, name, coalesce(role, 'unknown') as role, coalesce(findings, 0) as findings
        from (select unnest($ips::varchar[]) as ip) as wanted
        left join known_host on known_host.ip = wanted.ip
        left join counted on counted.ip = wanted.ip
        order by wanted.ip
        """,
        {"ips": ips},
    )
    return Map(nodes=[Node(**row) for row in known], edges=edges, left_out=rows[0]["total"] - len(rows) if rows else 0)


def log(workspace: Workspace, before: int, subject: str, limit: int) -> list[dict[str, Any]]:
    """What was done, the newest first, from before a number on."""
    sql = """
        select * from audit
        where number < $before and ($subject = '' or subject = $subject)
        order by number desc
        limit $limit
    """
    return workspace.rows(sql, {"before": before, "subject": subject, "limit": limit})


def similar(workspace: Workspace, finding_id: str, limit: int = 10) -> list[str]:
    """Findings of other pairs that resemble one: the same client or server, service, techniques; the most alike first."""
    sql = """
        with this as (
          select src_ip, dest_ip, services, techniques from finding join finding_word using (finding_id) where finding_id = $id
        ), alike as (
          select other.finding_id, other.score,
            cast(coalesce(other.src_ip = this.src_ip, false) as integer) * 2
            + cast(coalesce(other.dest_ip = this.dest_ip, false) as integer) * 2
            + cast(other_word.services <> '' and other_word.services = this.services as integer) * 2
            + cast(other_word.techniques <> '' and other_word.techniques = this.techniques as integer) as traits
          from finding as other
          join finding_word as other_word using (finding_id)
          cross join this
          where other.finding_id <> $id
            and (other.src_ip is distinct from this.src_ip or other.dest_ip is distinct from this.dest_ip)
        )
        select finding_id from alike where traits >= 2 order by traits desc, score desc, finding_id limit $limit
    """
    return [row["finding_id"] for row in workspace.rows(sql, {"id": finding_id, "limit": limit})]

"""What is held back from the baseline: what findings are about that nobody dismissed."""

__all__ = ["HELD_FROM", "HELD_PAIRS"]

HELD_PAIRS = """
with named as materialized (
  select finding_pair.src_ip, finding_pair.dest_ip, min(finding_pair.day) as day
  from {pairs} as finding_pair
  join finding on finding.finding_id = finding_pair.finding_id
  where finding.status not in ('benign', 'allowed') or (finding.status = 'benign' and finding_pair.is_later)
  group by finding_pair.src_ip, finding_pair.dest_ip
),
swept as (
  select src_ip, day
  from named
  where dest_ip = ''
),
begun as (
  select src_ip, dest_ip, min(day) as day
  from (
    select src_ip, dest_ip, day from pair_day
    union all
    select src_ip, dest_ip, day from deed_day
  ) as met
  where src_ip in (select src_ip from swept)
  group by src_ip, dest_ip
)
select src_ip, dest_ip, min(day) as day
from (
  select src_ip, dest_ip, day from named
  union all
  select begun.src_ip, begun.dest_ip, swept.day
  from begun
  join swept on swept.src_ip = begun.src_ip and swept.day <= begun.day
) as held
group by src_ip, dest_ip
"""
"""Clients and servers of findings that nobody dismissed, and the day from which on they are not learned.

A finding about a client and no server in particular, such as a sweep, holds all servers that the client began to use on that day or later.
Its own row stays (dest_ip is empty), for what the client began to call (steps/counted_deed).
"""
HELD_FROM = HELD_PAIRS.format(pairs="finding_pair")

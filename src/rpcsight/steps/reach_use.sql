/* reach_use: how rare it is that workstations meet so far apart (steps/known_reach), in tens of points. */
select
  listed.reach,
  log10((sum(coalesce(known_reach.pairs, 0)) over () + 3.0) / (coalesce(known_reach.pairs, 0) + 1.0)) as tens
from (select 0 as reach union all select 1 as reach union all select 2 as reach) as listed
left join known_reach on known_reach.reach = listed.reach
where exists (select 1 from known_reach)

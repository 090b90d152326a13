/* beside: what the hosts of chosen stories did with one another, a row for each client and server, the most unusual first, as many as
   $most (steps/scored; chosen as lent by a hunt). A pair that begins as new in the input is new. */
with own as (
  select src_ip as ip from chosen
  union
  select dest_ip as ip from chosen
),
met as (
  select
    scored.src_ip, scored.dest_ip,
    max(scored.client_role) as client_role,
    max(scored.server_role) as server_role,
    max(case when scored.is_new then 1 else 0 end) as is_new,
    min(scored.first_us) as first_us,
    cast(sum(scored.activities + scored.attempts + scored.smb) as bigint) as connections,
    max(scored.score) as score
  from scored
  join own as client on client.ip = scored.src_ip
  join own as server on server.ip = scored.dest_ip
  where scored.src_ip <> '' and scored.dest_ip <> ''
  group by scored.src_ip, scored.dest_ip
)
select src_ip, dest_ip, client_role, server_role, is_new, first_us, connections, score
from (
  select *, row_number() over (order by score desc, first_us, src_ip, dest_ip) as place
  from met
) as placed
where place <= $most
order by place

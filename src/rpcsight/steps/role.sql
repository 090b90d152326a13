/* role: the role of each host that tells one, by its RPC (steps/rpc_role); else that of a server, if as many clients use its SMB as use the RPC of
   servers. Reads rpc_role, and smb_link: clients and servers, and on how many days they met. */
with shared as (
  select dest_ip as ip, count(*) as clients, cast(max(days) as bigint) as days
  from smb_link
  group by dest_ip
),
total as (
  select clients, greatest(20, clients // 500) as many, least(greatest(5, clients // 100), 20) as several
  from (
    select count(distinct src_ip) as clients
    from smb_link
  ) as counted
),
/* how many clients nine in ten of the hosts that use SMB have at most */
usual as (
  select coalesce(max(clients), 0) as clients
  from (
    select coalesce(shared.clients, 0) as clients, row_number() over (order by coalesce(shared.clients, 0), user_of.ip) as place, total.clients as users
    from (select distinct src_ip as ip from smb_link) as user_of
    left join shared on shared.ip = user_of.ip
    cross join total
  ) as placed
  where 10 * place <= 9 * users
),
sharing as (
  select
    shared.ip,
    shared.days,
    shared.clients,
    cast(floor(90 * cast(shared.clients * shared.days as double) / ((shared.clients + 5) * (shared.days + 1))) as double) / 100 as role_confidence,
    concat('used by ', cast(shared.clients as varchar), ' of ', cast(total.clients as varchar), ' clients for files or printers (SMB)') as role_evidence
  from shared
  cross join total
  cross join usual
  where shared.clients >= total.many
    or (shared.clients >= total.several and (shared.clients > 3 * usual.clients or 4 * shared.clients >= total.clients))
)
select
  rpc_role.ip,
  case when sharing.ip is null then rpc_role.role else 'server' end as role,
  coalesce(sharing.role_confidence, rpc_role.role_confidence) as role_confidence,
  coalesce(sharing.role_evidence, rpc_role.role_evidence) as role_evidence,
  rpc_role.clients,
  rpc_role.servers,
  rpc_role.own_clients,
  rpc_role.lonely_servers,
  rpc_role.main_of,
  rpc_role.logon_clients,
  rpc_role.targets,
  rpc_role.days,
  rpc_role.hours
from rpc_role
left join sharing on sharing.ip = rpc_role.ip and rpc_role.role in ('workstation', 'unknown')
union all
select
  sharing.ip,
  'server' as role,
  sharing.role_confidence,
  sharing.role_evidence,
  cast(0 as bigint) as clients,
  cast(0 as bigint) as servers,
  cast(0 as bigint) as own_clients,
  cast(0 as bigint) as lonely_servers,
  cast(0 as bigint) as main_of,
  cast(0 as bigint) as logon_clients,
  cast(0 as bigint) as targets,
  sharing.days,
  cast(0 as bigint) as hours
from sharing
left join rpc_role on rpc_role.ip = sharing.ip
where rpc_role.ip is null
order by ip

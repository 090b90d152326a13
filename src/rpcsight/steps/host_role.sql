/* host_role: each host that used RPC or whose RPC was used, on days that are held back, too: with the role that the asset file says
   (asset_host), else the one that its habits tell, and its name and owner. */
select
  host.ip,
  coalesce(asset_host.role, role.role, 'unknown') as role,
  case when asset_host.role is not null then cast(1 as double) else coalesce(role.role_confidence, 0.0) end as role_confidence,
  case when asset_host.role is not null then 'said by the asset file' else role.role_evidence end as role_evidence,
  asset_host.name,
  asset_host.owner
from (
  select src_ip as ip from met_day
  union
  select dest_ip as ip from met_day
) as host
left join role on role.ip = host.ip
left join asset_host on asset_host.ip = host.ip

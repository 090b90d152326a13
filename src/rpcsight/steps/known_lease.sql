/* known_lease: which host has which address, of what was told: where leases tell it of an address, computers' own logs do not count; and a
   computer that would have more than four addresses in an hour is no computer, but what collects the logs of many. Reads told_lease. */
with leased as (
  select distinct ip
  from told_lease
  where records > 0
),
crowd as (
  select host, at_us
  from told_lease
  where records = 0
  group by host, at_us
  having count(distinct ip) > 4
)
select told_lease.host, told_lease.ip, told_lease.hostname, told_lease.at_us, told_lease.until_us
from told_lease
left join leased on leased.ip = told_lease.ip
left join crowd on crowd.host = told_lease.host and crowd.at_us = told_lease.at_us
where told_lease.records > 0
  or (leased.ip is null and crowd.host is null)

/* granted: leases and releases, one row each: the host (its hardware address, else its name), the address, from when to when (a release: no time
   at all). Reads lease. */
with named as (
  select
    *,
    lower(replace(mac, '-', ':')) as address,
    case when regexp_matches(hostname, '^[A-Za-z0-9._-]{1,255}$') then lower(hostname) else '' end as name
  from lease
  where time_us between 0 and 4102444799999999
),
placed as (
  select
    case
      when regexp_matches(address, '^[0-9a-f]{2}(:[0-9a-f]{2}){5}$') and address not in ('00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff')
        then concat('mac:', address)
      when name <> '' then concat('host:', name)
    end as host,
    ip,
    name as hostname,
    time_us as at_us,
    case
      when action = 'release' then time_us
      when lease_s > 0 and lease_s <= 2592000 then time_us + cast(round(lease_s * 1000000) as bigint)
    end as until_us
  from named
)
select host, ip, hostname, at_us, max(until_us) as until_us, count(*) as records
from placed
where host is not null and until_us is not null
group by host, ip, hostname, at_us

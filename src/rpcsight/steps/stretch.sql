/* stretch: which host has an address, and from when to when: to the end of its lease, or to the next that is heard of the address. Those of an
   address are numbered by time. Reads known_lease. */
select
  ip,
  host,
  at_us as from_us,
  least(until_us, coalesce(lead(at_us) over (partition by ip order by at_us, host), until_us)) as until_us,
  row_number() over (partition by ip order by at_us, host) as number
from (
  select ip, host, at_us, max(until_us) as until_us
  from known_lease
  group by ip, host, at_us
) as event

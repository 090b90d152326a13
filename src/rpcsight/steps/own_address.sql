/* own_address: which addresses computers had in an hour, by their own logs: where a program of theirs opened a TCP connection from. It holds for
   24 hours from the beginning of that hour, and is no record of a lease. */
select distinct
  concat('host:', lower(host)) as host,
  src_ip as ip,
  lower(host) as hostname,
  time_us // 3600000000 * 3600000000 as at_us,
  (time_us // 3600000000 + 24) * 3600000000 as until_us,
  cast(0 as bigint) as records
from host_flow
where is_outbound
  and transport_protocol = 'tcp'
  and regexp_matches(host, '^[A-Za-z0-9._-]{1,255}$')
  and time_us between 0 and 4102444799999999
  and src_ip not like '169.254.%'

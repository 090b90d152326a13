/* own_address: which addresses computers had in an hour, by their own logs: where a program of theirs opened a TCP connection from. It holds for
   24 hours from the beginning of that hour, and is no record of a lease. */
with octet as (
  select
    lower(host) as name,
    src_ip as ip,
    time_us,
    try_cast(split_part(src_ip, '.', 1) as integer) as one,
    try_cast(split_part(src_ip, '.', 2) as integer) as two,
    try_cast(split_part(src_ip, '.', 3) as integer) as three,
    try_cast(split_part(src_ip, '.', 4) as integer) as four
  from host_flow
  where is_outbound
    and transport_protocol = 'tcp'
    and regexp_matches(host, '^[A-Za-z0-9._-]{1,255}$')
)
select distinct
  concat('host:', name) as host,
  ip,
  name as hostname,
  cast(time_us // 86400000000 as integer) as day,
  time_us // 3600000000 * 3600000000 as at_us,
  (time_us // 3600000000 + 24) * 3600000000 as until_us,
  cast(0 as bigint) as records
from octet
where time_us between 0 and 4102444799999999
  and one between 1 and 223 and one <> 127
  and not (one = 169 and two = 254)
  and two between 0 and 255
  and three between 0 and 255
  and four between 0 and 255
  and ip = concat(cast(one as varchar), '.', cast(two as varchar), '.', cast(three as varchar), '.', cast(four as varchar))

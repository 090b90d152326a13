/* public: addresses of contacts that are of the internet: not of a private, shared, local, link's or group's network. What is no address is not
   public; of IPv6, neither is 0::/16, but for IPv4 addresses written so (::ffff:192.0.2.1). */
with address as (
  select distinct ip
  from (
    select src_ip as ip from contact
    union all
    select dest_ip as ip from contact
  ) as each_end
),
written as (
  select
    ip,
    case
      when lower(ip) like '::ffff:%.%' then substr(ip, 8)
      when lower(ip) like '0:0:0:0:0:ffff:%.%' then substr(ip, 16)
      else ip
    end as plain
  from address
),
parted as (
  select
    ip,
    regexp_matches(plain, '^[0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}$') as is_v4,
    regexp_matches(lower(plain), '^[0-9a-f]{1,4}:[0-9a-f:.]*:[0-9a-f.]*$') as is_v6,
    try_cast(split_part(plain, '.', 1) as integer) as a,
    try_cast(split_part(plain, '.', 2) as integer) as b,
    try_cast(split_part(plain, '.', 3) as integer) as c,
    try_cast(split_part(plain, '.', 4) as integer) as d,
    lower(split_part(plain, ':', 1)) as head
  from written
)
select ip
from parted
where (
    is_v4 and greatest(a, b, c, d) <= 255
    and a not in (0, 10, 127)
    and a < 224
    and not (a = 100 and b between 64 and 127)
    and not (a = 169 and b = 254)
    and not (a = 172 and b between 16 and 31)
    and not (a = 192 and b = 168)
  )
  or (
    is_v6 and replace(head, '0', '') <> ''
    and not (length(head) = 4 and (substr(head, 1, 2) in ('fc', 'fd', 'ff') or substr(head, 1, 3) in ('fe8', 'fe9', 'fea', 'feb')))
  )

/* tenant: which host had an address at a time that is asked about. Reads asked_address (address, time), and the kept rows of stretch. */
with point as (
  select ip, from_us as at_us, 0 as is_asked
  from stretch
  union all
  select asked_address.ip, asked_address.at_us, 1 as is_asked
  from asked_address
  join (select distinct ip from stretch) as leased on leased.ip = asked_address.ip
),
numbered as (
  select
    ip,
    at_us,
    is_asked,
    sum(1 - is_asked) over (partition by ip order by at_us, is_asked rows between unbounded preceding and current row) as number
  from point
)
select numbered.ip, numbered.at_us, stretch.host
from numbered
join stretch on stretch.ip = numbered.ip and stretch.number = numbered.number
where numbered.is_asked = 1 and numbered.at_us < stretch.until_us

/* swept: on how many servers each client made each telling call, a day; and (service and operation are '') of how many it used RPC. */
select src_ip, service, operation, cast(first_us // 86400000000 as integer) as day, count(distinct dest_ip) as servers
from technique_call
where src_ip is not null
group by src_ip, service, operation, first_us // 86400000000
union all
select src_ip, '' as service, '' as operation, cast(hour // 24 as integer) as day, count(distinct dest_ip) as servers
from meeting
where src_ip <> '' and dest_ip <> ''
group by src_ip, hour // 24

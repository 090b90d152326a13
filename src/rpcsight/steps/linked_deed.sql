/* linked_deed: what clients called on servers over all that was learned, for roles. */
select src_ip, dest_ip, service, operation, cast(count(distinct day) as integer) as days
from deed_day
group by src_ip, dest_ip, service, operation

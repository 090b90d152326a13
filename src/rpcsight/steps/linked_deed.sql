/* linked_deed: what clients called on servers over all that was learned, for roles. */
select src_ip, dest_ip, service, operation, cast(count(*) as integer) as days
from counted_deed
group by src_ip, dest_ip, service, operation

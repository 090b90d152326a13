/* held_pair: clients and servers that met on days that are held back. */
select src_ip, dest_ip, cast(count(*) as integer) as days
from met_day
where is_held = 1
group by src_ip, dest_ip

/* smb_link: clients and servers of SMB over all that was learned, for roles. */
select src_ip, dest_ip, cast(count(*) as integer) as days
from counted_pair
where smb > 0
group by src_ip, dest_ip

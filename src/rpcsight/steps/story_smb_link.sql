/* story_smb_link: clients and servers of SMB of the input, for roles: as `smb_link` of what was learned. */
select src_ip, dest_ip, cast(count(distinct day) as integer) as days
from story
where src_ip <> '' and dest_ip <> ''
  and smb > 0
group by src_ip, dest_ip

/* pair: hosts between which a mapper flow was seen, in whatever state, by a number that is cheaper to sort by than two addresses. */
select src_ip, dest_ip, row_number() over (order by src_ip, dest_ip) as pair_no
from sighting
where is_mapper
group by src_ip, dest_ip

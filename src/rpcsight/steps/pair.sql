/* pair: hosts between which both a mapper flow and an endpoint flow were seen, in whatever state, by a number that is cheaper to sort
   by than two addresses. A sweep over port 135 leaves no pairs. */
select src_ip, dest_ip, row_number() over (order by src_ip, dest_ip) as pair_no
from sighting
group by src_ip, dest_ip
having max(case when is_mapper then 1 else 0 end) = 1 and min(case when is_mapper then 1 else 0 end) = 0

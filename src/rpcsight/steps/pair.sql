/* pair: hosts between which both a mapper flow and an endpoint flow were seen, in whatever state, one row each and observer, by numbers
   that are cheaper to sort by than addresses: pair_no for the two hosts, link_no for the two hosts as one observer saw them.
   A sweep over port 135 leaves no pairs. */
with observed as (
  select
    src_ip,
    dest_ip,
    observer,
    max(case when is_mapper then 1 else 0 end) as has_mapper,
    min(case when is_mapper then 1 else 0 end) as has_no_endpoint
  from sighting
  group by src_ip, dest_ip, observer
),
numbered as (
  select src_ip, dest_ip, row_number() over (order by src_ip, dest_ip) as pair_no
  from observed
  group by src_ip, dest_ip
  having max(has_mapper) = 1 and min(has_no_endpoint) = 0
)
select
  observed.src_ip,
  observed.dest_ip,
  observed.observer,
  numbered.pair_no,
  row_number() over (order by numbered.pair_no, observed.observer) as link_no
from observed
join numbered on numbered.src_ip = observed.src_ip and numbered.dest_ip = observed.dest_ip

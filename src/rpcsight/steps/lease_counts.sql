/* lease_counts: of how many leases and releases that were read how many can be used, and how many rows tell who has an address: one row. Reads
   lease_now, the kept rows of lease_event. */
select
  (select count(*) from lease where time_us between 0 and 4102444799999999) as read,
  cast(coalesce(sum(records), 0) as bigint) as used,
  count(*) as events
from lease_now

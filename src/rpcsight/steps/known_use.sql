/* known_use: how many plain clients (workstations, and hosts of unknown role) are known to use each server (service and operation are ''), and to
   make each telling call there; days that are held back do not count. */
select known_pair.dest_ip, '' as service, '' as operation, count(*) as clients
from known_pair
join host_role on host_role.ip = known_pair.src_ip
where host_role.role in ('workstation', 'unknown')
group by known_pair.dest_ip
union all
select linked_deed.dest_ip, linked_deed.service, linked_deed.operation, count(*) as clients
from linked_deed
join host_role on host_role.ip = linked_deed.src_ip
where linked_deed.operation <> '' and host_role.role in ('workstation', 'unknown')
group by linked_deed.dest_ip, linked_deed.service, linked_deed.operation

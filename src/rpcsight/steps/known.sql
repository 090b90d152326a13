/* known: servers and ports that a mapper connection explains somewhere in the input. */
select distinct dest_ip, dest_port
from matched
where mapper_count > 0

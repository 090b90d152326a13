/* repeated: how many records are further records of a connection between the hosts of a pair. */
select count(*) as flows
from connection
where is_repeated

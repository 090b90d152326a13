/* busy_hour: how many connections to RPC endpoints, answered or not, began in each hour since 1970 (steps/meeting). */
select hour, cast(sum(activities + attempts) as bigint) as connections
from meeting
group by hour
having sum(activities + attempts) > 0
order by hour

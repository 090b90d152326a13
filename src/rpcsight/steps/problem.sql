/* problem: records that could not be used, by source and reason, with one of them to look at. */
select source, problem, count(*) as records, min(flow_id) as example
from reading
where problem is not null
group by source, problem
order by source, problem

/* best: of each day, the most unusual stories, as many as $most; chosen are those that points make worth telling. */
select *
from (
  select
    *,
    row_number() over (partition by day order by score desc, first_us, src_ip, dest_ip, story_no) as place,
    count(*) over (partition by day) as stories
  from scored
) as placed
where place <= $most
order by day, place

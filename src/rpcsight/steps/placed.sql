/* placed: stories whose client and server are known, with how many earlier days of the input the two met on. */
select
  story.*,
  dense_rank() over (partition by story.src_ip, story.dest_ip order by story.day) - 1 as earlier_days
from story
where story.src_ip <> '' and story.dest_ip <> ''

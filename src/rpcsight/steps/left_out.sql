/* left_out: candidates that the robust rule leaves out, by reason; each record once, also where it is considered both ways round
   (an exchanged sighting counts only if the flow as recorded was of no interest). */
select left_out, count(*) as flows
from sighting
where left_out is not null
  and (
    not is_exchanged
    or not (src_port = $mapper_port or (src_port between $dynamic_low and $dynamic_high and dest_port >= 1024))
  )
group by left_out
order by left_out

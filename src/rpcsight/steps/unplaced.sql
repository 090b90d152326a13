/* unplaced: how many records on dynamic ports do not say who called whom: nothing is learned of them. */
select count(*) as records
from candidate
where not is_oriented
  and src_port <> $mapper_port
  and dest_port <> $mapper_port
  and $smb_port not in (src_port, dest_port)

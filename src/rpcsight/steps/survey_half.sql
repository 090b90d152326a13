/* survey_half: the same as `survey` for one-way records, by the client's half. WinRM's ports can be part of what is paired: those are
   marked afterwards. */
select
  flow_id, start_us, end_us, src_ip, src_port, dest_ip, dest_port, transport_protocol, observer, source,
  case
    when set_aside is not null then set_aside
    when dest_port in (445, 593) and dest_port <> $mapper_port and dest_port not between $dynamic_low and $dynamic_high
      and coalesce(transport_protocol, 'tcp') = 'tcp' and start_us >= $since_us and start_us < $until_us
      then concat('other port ', cast(dest_port as varchar))
  end as set_aside,
  tcp_flags
from raw

/* survey: records as `reading` wants them, for a diagnosis: those of connections that carry RPC where the rule does not look (SMB, RPC over
   HTTP, WinRM) are marked, so that they are counted. */
select
  flow_id, start_us, end_us, src_ip, src_port, dest_ip, dest_port, transport_protocol, is_established, is_oriented, observer, source,
  case
    when set_aside is not null then set_aside
    when dest_port in (445, 593, 5985, 5986) and dest_port <> $mapper_port and dest_port not between $dynamic_low and $dynamic_high
      and is_oriented and coalesce(transport_protocol, 'tcp') = 'tcp' and start_us >= $since_us and start_us < $until_us
      then concat('other port ', cast(dest_port as varchar))
  end as set_aside
from record

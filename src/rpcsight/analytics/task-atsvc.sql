/*
id       = "task-atsvc"
title    = "Scheduled task made over a pipe, or with the old interfaces"
about    = "Calls that make, run or enable a task: of ATSvc and SASec, which only old systems and tools use, and of ITaskSchedulerService inside SMB (pipe atsvc)."
why      = "A task runs a program on another machine as any account. The old interfaces are what at.exe and tools written to its time speak; Windows' own tools use TCP."
source   = "MITRE ATT&CK T1053.002, T1053.005; MS-TSCH 2.1; BZAR (Execution, T1053.002, T1053.005)"
kind     = "attack"
attack   = ["T1053.002", "T1053.005"]
d3fend   = ["D3-RTA"]
needs    = ["rpc_call"]
uses     = ["rpc_call", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling", "technique_call"]
mistaken = "Management of machines older than Windows 8, with at.exe or the scheduler's first interface."
blind    = "Flow records; encrypted SMB sessions; the task scheduler over TCP (remote-task); what the task runs. Logs of calls leave out what was not answered."
*/
select
  'task-atsvc' as analytic,
  technique,
  'decoded' as tier,
  cast(1 as double) as confidence,
  weight,
  make_timestamp(first_us) as start_time,
  make_timestamp(last_us) as end_time,
  src_ip,
  dest_ip,
  cast(null as varchar) as host,
  user_name,
  service,
  operation,
  calls as events,
  pipe as target,
  cast(null as varchar) as image_path,
  cast(null as varchar) as command_line,
  flow_id,
  observer,
  source
from technique_call
where technique in ('T1053.002', 'T1053.005')
  and (
    interface in ('1ff70682-0a51-30e8-076d-740be8cee98b', '378e52b0-c0a9-11cf-822d-00aa0051e40f')
    or (interface = '86d35949-83c9-4044-b424-db363231fd0c' and transport_protocol = 'smb')
  )
order by start_time, src_ip, dest_ip, technique, service, operation, interface, opnum, transport_protocol

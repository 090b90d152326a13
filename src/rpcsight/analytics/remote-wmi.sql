/*
id       = "remote-wmi"
title    = "WMI told to do something, from another computer"
about    = "Calls of IWbemServices that run a method, or write a class or an instance, with the first process that WMI started on the server then, where its log shows one."
why      = "Running a method is how a process is created through WMI, and a written instance how one is planted for later; asking WMI for what there is, is another call."
source   = "MITRE ATT&CK T1047, T1546.003; MITRE CAR-2014-11-007 and CAR-2014-12-001; MS-WMI 3.1.4.3; BZAR"
kind     = "attack"
attack   = ["T1047", "T1546.003"]
d3fend   = ["D3-RTA", "D3-PLA"]
needs    = ["rpc_call", "host_flow", "process"]
uses     = ["rpc_call", "host_flow", "process", "rpc_interface", "rpc_operation", "rpc_name", "rpc_technique", "called", "telling", "technique_call", "host_address", "host_skew", "launch", "consequence"]
mistaken = "Management suites that run methods and write instances; a process that WMI starts for another in the same seconds."
blind    = "Flow records; which method is run and what is written: that is in the arguments; WMI over WinRM."
*/
select
  'remote-wmi' as analytic,
  technique_call.technique,
  'decoded' as tier,
  cast(1 as double) as confidence,
  technique_call.weight,
  make_timestamp(technique_call.first_us) as start_time,
  make_timestamp(technique_call.last_us) as end_time,
  technique_call.src_ip,
  technique_call.dest_ip,
  consequence.host,
  technique_call.user_name,
  technique_call.service,
  technique_call.operation,
  technique_call.calls as events,
  cast(null as varchar) as target,
  consequence.image_path,
  consequence.command_line,
  technique_call.flow_id,
  technique_call.observer,
  technique_call.source
from technique_call
left join consequence
  on consequence.src_ip = technique_call.src_ip
  and consequence.dest_ip = technique_call.dest_ip
  and consequence.interface = technique_call.interface
  and consequence.opnum = technique_call.opnum
  and consequence.technique = technique_call.technique
  and consequence.transport_protocol = technique_call.transport_protocol
  and consequence.hour = technique_call.hour
where technique_call.interface = '9556dc99-828c-11cf-a37e-00aa003240c7'
  and technique_call.weight >= 0.4
order by start_time, src_ip, dest_ip, technique, service, operation, technique_call.opnum, technique_call.transport_protocol

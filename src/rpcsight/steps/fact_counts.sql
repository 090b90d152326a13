/* fact_counts: what was read beside flows: one row. */
select
  (select count(*) from rpc_call) as calls,
  (select count(*) from rpc_call where interface is not null or interface_name is not null) as named_calls,
  (select count(*) from rpc_call where transport_protocol = 'smb') as pipe_calls,
  (select count(*) from smb_event) as smb_events,
  (select count(*) from smb_event where action = 'encrypted') as encrypted,
  (select count(*) from process) as processes,
  (select count(*) from host_event) as host_events,
  (select count(*) from host_flow) as host_flows,
  (select count(distinct lower(host)) from host_flow) as hosts,
  (select count(*) from host_flow where process_guid is not null) as sysmon_flows,
  (select count(*) from host_flow where dest_port = $mapper_port or src_port = $mapper_port) as host_mapper,
  (
    select count(*) from host_flow
    where lower(image_path) like '%services.exe' or lower(image_path) like '%svchost.exe'
  ) as host_services

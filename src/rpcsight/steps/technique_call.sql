/* technique_call: telling calls by client, server, operation, technique, transport and hour of the clock (UTC). Recorded by two observers, what most
   calls stand in counts. */
with counted as (
  select
    src_ip,
    dest_ip,
    interface,
    opnum,
    technique,
    coalesce(transport_protocol, 'tcp') as transport_protocol,
    at_us // 3600000000 as hour,
    observer,
    min(service) as service,
    min(operation) as operation,
    min(weight) as weight,
    min(at_us) as first_us,
    max(at_us) as last_us,
    count(*) as calls,
    sum(case when fault is not null then 1 else 0 end) as faults,
    min(user_name) as user_name,
    min(pipe) as pipe,
    min(flow_id) as flow_id,
    min(source) as source
  from telling
  group by
    src_ip, dest_ip, interface, opnum, technique, coalesce(transport_protocol, 'tcp'), at_us // 3600000000, observer
)
select
  src_ip,
  dest_ip,
  interface,
  opnum,
  technique,
  transport_protocol,
  hour,
  min(service) as service,
  min(operation) as operation,
  min(weight) as weight,
  min(first_us) as first_us,
  max(last_us) as last_us,
  cast(max(calls) as bigint) as calls,
  cast(max(faults) as bigint) as faults,
  min(user_name) as user_name,
  min(pipe) as pipe,
  min(flow_id) as flow_id,
  min(observer) as observer,
  min(source) as source
from counted
group by src_ip, dest_ip, interface, opnum, technique, transport_protocol, hour

/* invocation: methods of automation objects called over the network (IDispatch Invoke), by client, server, hour of the clock (UTC) and whether
   the same client activated an object there within $dcom_us before: the latest activation before a call counts. What each observer saw is put
   together for itself; recorded by two, what most calls stand in counts. */
with seen as (
  select
    src_ip,
    dest_ip,
    observer,
    at_us,
    interface <> '00020400-0000-0000-c000-000000000046' as is_activation,
    service,
    operation,
    user_name,
    flow_id,
    source
  from telling
  where (interface = '00020400-0000-0000-c000-000000000046' and opnum = 6)
    or (interface = '000001a0-0000-0000-c000-000000000046' and opnum in (3, 4))
    or (interface = '4d9f4ab8-7d1c-11cf-861e-0020af6e7c57' and opnum = 0)
),
timeline as (
  select
    seen.*,
    max(case when is_activation then at_us end) over (
      partition by src_ip, dest_ip, observer
      order by at_us, case when is_activation then 0 else 1 end
      rows between unbounded preceding and current row
    ) as latest_us
  from seen
),
judged as (
  select
    timeline.*,
    case when latest_us >= at_us - $dcom_us then latest_us end as activated_us,
    at_us // 3600000000 as hour
  from timeline
  where not is_activation
),
counted as (
  select
    src_ip,
    dest_ip,
    hour,
    activated_us is not null as is_activated,
    observer,
    coalesce(min(activated_us), min(at_us)) as first_us,
    max(at_us) as last_us,
    count(*) as calls,
    min(service) as service,
    min(operation) as operation,
    min(user_name) as user_name,
    min(flow_id) as flow_id,
    min(source) as source
  from judged
  group by src_ip, dest_ip, hour, activated_us is not null, observer
)
select
  src_ip,
  dest_ip,
  hour,
  is_activated,
  min(service) as service,
  min(operation) as operation,
  min(first_us) as first_us,
  max(last_us) as last_us,
  cast(max(calls) as bigint) as calls,
  min(user_name) as user_name,
  min(flow_id) as flow_id,
  min(observer) as observer,
  min(source) as source
from counted
group by src_ip, dest_ip, hour, is_activated

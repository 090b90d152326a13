/* dcom_done: what programs did that DCOM can make do things, right after another computer connected to them (`dcom_accepted`): started a process
   (a parent is known by its number, or Sysmon's id; older Windows does not name it; within $dcom_us after the latest connection before it, or, as clocks are, up to a second before the first one), or were themselves started to
   be used so (-Embedding) and accepted the connection within $dcom_us. */
with child as (
  select distinct host, cast(parent_pid as varchar) as process_key, time_us, image_path, command_line, user_name
  from launch
  where kind = 'dcom' and parent_pid is not null
  union
  select distinct host, parent_guid as process_key, time_us, image_path, command_line, user_name
  from launch
  where kind = 'dcom' and parent_guid is not null
  union
  select distinct lower(host) as host, cast(parent_pid as varchar) as process_key, time_us, image_path, command_line, user_name
  from process
  where parent_image_path is null
    and parent_pid is not null
    and time_us between 0 and 4102444799999999
),
moment as (
  select distinct host, process_key, time_us as at_us, 0 as turn, time_us as accepted_us
  from dcom_accepted
  union all
  select distinct host, process_key, time_us as at_us, 1 as turn, cast(null as bigint) as accepted_us
  from child
),
timeline as (
  select
    host,
    process_key,
    at_us,
    turn,
    max(accepted_us) over (
      partition by host, process_key order by at_us, turn rows between unbounded preceding and current row
    ) as before_us,
    min(accepted_us) over (
      partition by host, process_key order by at_us, turn rows between current row and unbounded following
    ) as after_us
  from moment
),
caused as (
  select
    child.*,
    case
      when timeline.before_us >= child.time_us - $dcom_us then timeline.before_us
      when timeline.after_us <= child.time_us + 1000000 then timeline.after_us
    end as accepted_us
  from child
  join timeline
    on timeline.host = child.host
    and timeline.process_key = child.process_key
    and timeline.at_us = child.time_us
  where timeline.turn = 1
),
started as (
  select distinct lower(host) as host, cast(pid as varchar) as process_key, time_us, image_path, command_line, user_name
  from process
  where lower(command_line) like '%-embedding%' and pid is not null and time_us between 0 and 4102444799999999
  union
  select distinct lower(host) as host, process_guid as process_key, time_us, image_path, command_line, user_name
  from process
  where lower(command_line) like '%-embedding%' and process_guid is not null and time_us between 0 and 4102444799999999
),
done as (
  select
    dcom_accepted.*, 1 as choice, caused.time_us as done_us, caused.image_path, caused.command_line, caused.user_name
  from caused
  join dcom_accepted
    on dcom_accepted.host = caused.host
    and dcom_accepted.process_key = caused.process_key
    and dcom_accepted.time_us = caused.accepted_us
  union all
  select
    dcom_accepted.*, 2 as choice, started.time_us as done_us, started.image_path, started.command_line, started.user_name
  from started
  join dcom_accepted
    on dcom_accepted.host = started.host
    and dcom_accepted.process_key = started.process_key
  where lower(concat('/', replace(started.image_path, '\', '/'))) like concat('%/', dcom_accepted.program)
    and dcom_accepted.time_us >= started.time_us - 1000000
    and dcom_accepted.time_us <= started.time_us + $dcom_us
)
select
  done.*,
  least(time_us, done_us) as first_us,
  greatest(time_us, done_us) as last_us,
  time_us // 3600000000 as hour
from done

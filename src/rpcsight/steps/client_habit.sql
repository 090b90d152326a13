/* client_habit: how often a host that is a client meets hosts, and servers, that it had not met: shrunk towards its role's habit, and that
   towards rates that fit any network. One busy host does not make its role's habit. No habit is rarer than once in 100 days: less can't be told. */
with habit as (
  select
    role,
    (sum(least(new_hosts, 0.5 * settled_days)) + 0.1) / (sum(settled_days) + 3.0) as hosts_a_day,
    (sum(least(new_servers, settled_days)) + 1.5) / (sum(settled_days) + 3.0) as servers_a_day
  from known_host
  group by role
)
select
  host.ip,
  greatest(0.01, (host.new_hosts + 3.0 * coalesce(habit.hosts_a_day, 0.03)) / (host.settled_days + 3.0)) as hosts_a_day,
  greatest(0.01, (host.new_servers + 3.0 * coalesce(habit.servers_a_day, 0.5)) / (host.settled_days + 3.0)) as servers_a_day
from host
left join habit on habit.role = host.role

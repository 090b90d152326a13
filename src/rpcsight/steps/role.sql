/* role: one row a host that used another's RPC or whose RPC was used, with the role that its habits tell, how sure that is (0 to 1) and
   the evidence in a sentence (docs/roles.md has the rules). Reads link, one row a client and server that were seen together
   (days; first_day, last_day; mappers, endpoints, failed: records; hours: a bit each hour of the day, UTC), and linked_deed, the services
   of decoded calls (days). A link was used if the endpoint mapper answered, or a call was decoded. */
with called as (
  select
    src_ip,
    dest_ip,
    max(days) as days,
    max(case when lower(service) in ('drsuapi', 'logon', 'netlogon') then 1 else 0 end) as is_logon
  from linked_deed
  where src_ip <> dest_ip and src_ip <> '' and dest_ip <> ''
  group by src_ip, dest_ip
),
met as (
  select
    src_ip, dest_ip, days, first_day, last_day, mappers, endpoints, failed, hours,
    case when mappers > 0 then 1 else 0 end as is_used, 0 as is_called, 0 as is_logon
  from link
  where src_ip <> dest_ip and src_ip <> '' and dest_ip <> ''
  union all
  select
    src_ip, dest_ip, days, cast(null as bigint) as first_day, cast(null as bigint) as last_day, cast(0 as bigint) as mappers,
    cast(0 as bigint) as endpoints, cast(0 as bigint) as failed, cast(0 as bigint) as hours, 1 as is_used, 1 as is_called, is_logon
  from called
),
used as (
  select
    src_ip,
    dest_ip,
    cast(max(days) as bigint) as days,
    min(first_day) as first_day,
    max(last_day) as last_day,
    cast(sum(mappers) as bigint) as mappers,
    cast(sum(endpoints) as bigint) as endpoints,
    bit_or(hours) as hours,
    max(is_called) as is_called,
    max(is_logon) as is_logon
  from met
  group by src_ip, dest_ip
  having max(is_used) = 1
),
span as (
  select greatest(coalesce(max(last_day) - min(first_day) + 1, 1), coalesce(max(days), 1)) as days
  from used
),
host as (
  select ip, cast(max(days) as bigint) as days, bit_or(hours) as hours
  from (
    select src_ip as ip, max(days) as days, bit_or(hours) as hours
    from used
    group by src_ip
    union all
    select dest_ip as ip, max(days) as days, cast(0 as bigint) as hours
    from used
    group by dest_ip
  ) as either
  group by ip
),
popular as (
  select dest_ip, count(*) as clients
  from used
  group by dest_ip
),
total as (
  select clients, greatest(20, clients // 500) as many, least(greatest(5, clients // 100), 20) as several
  from (
    select count(distinct src_ip) as clients
    from used
  ) as counted
),
/* what each client reaches, and how much of that few others use */
reach as (
  select
    used.src_ip,
    count(*) as servers,
    sum(case when popular.clients <= total.many then 1 else 0 end) as lonely,
    sum(case when popular.clients <= total.many and 2 * used.days >= span.days then 1 else 0 end) as steady,
    sum(case when popular.clients <= total.many and 10 * used.days >= span.days and used.days > 1 then 1 else 0 end) as returned
  from used
  join popular on popular.dest_ip = used.dest_ip
  cross join total
  cross join span
  group by used.src_ip
),
usual_reach as (
  select coalesce(max(lonely), 0) as lonely
  from (
    select reach.lonely, row_number() over (order by reach.lonely, reach.src_ip) as place, total.clients
    from reach
    cross join total
  ) as placed
  where 10 * place <= 9 * clients
),
far as (
  select reach.src_ip, reach.servers, reach.lonely, reach.steady, reach.returned
  from reach
  cross join usual_reach
  where (reach.lonely >= 10 and reach.lonely > 3 * usual_reach.lonely)
    or (reach.steady >= 5 and reach.steady > 3 * usual_reach.lonely)
),
/* of those that reach far: the most hosts that few others use, reached on one same day and never else */
once as (
  select src_ip, max(servers) as servers
  from (
    select used.src_ip, used.first_day, count(*) as servers
    from used
    join far on far.src_ip = used.src_ip
    join popular on popular.dest_ip = used.dest_ip
    cross join total
    where used.days = 1
      and popular.clients <= total.many
    group by used.src_ip, used.first_day
  ) as daily
  group by src_ip
),
/* all that was tried on hosts that few others use: whether endpoints follow the endpoint mapper's answers */
tried as (
  select
    met.src_ip,
    count(distinct met.dest_ip) as targets,
    cast(sum(met.mappers) as bigint) as mappers,
    cast(sum(met.endpoints) as bigint) as endpoints,
    cast(sum(met.failed) as bigint) as failed
  from met
  join far on far.src_ip = met.src_ip
  join host on host.ip = met.dest_ip
  left join popular on popular.dest_ip = met.dest_ip
  cross join total
  where (met.mappers > 0 or met.failed > 0)
    and coalesce(popular.clients, 0) <= total.many
  group by met.src_ip
),
all_host as (
  select count(*) as hosts
  from host
),
/* who uses each server, without those that reach far */
own as (
  select
    used.dest_ip,
    count(*) as clients,
    sum(case when far.src_ip is null then 1 else 0 end) as own,
    sum(case when far.src_ip is null then used.is_called else 0 end) as called,
    sum(case when far.src_ip is null then used.is_logon else 0 end) as logons,
    max(case when far.lonely * 2 <= all_host.hosts and 5 * used.days >= 4 * span.days and span.days >= 5 then far.lonely end) as watched
  from used
  left join far on far.src_ip = used.src_ip
  cross join all_host
  cross join span
  group by used.dest_ip
),
usual_own as (
  select coalesce(max(own), 0) as own
  from (
    select coalesce(own.own, 0) as own, row_number() over (order by coalesce(own.own, 0), reach.src_ip) as place, total.clients
    from reach
    left join own on own.dest_ip = reach.src_ip
    cross join total
  ) as placed
  where 10 * place <= 9 * clients
),
/* the servers that a client depends on: those it uses on at least half of its days; above are those that don't depend on it, too */
depended as (
  select
    used.src_ip,
    max(own.own) as busiest,
    max(case when back.src_ip is null then own.own end) as above
  from used
  join host on host.ip = used.src_ip
  join own on own.dest_ip = used.dest_ip
  left join used as back on back.src_ip = used.dest_ip and back.dest_ip = used.src_ip and 2 * back.days >= used.days
  where 2 * used.days >= host.days
  group by used.src_ip
),
/* each client's main server */
main as (
  select dest_ip, count(*) as mains
  from (
    select
      src_ip,
      dest_ip,
      row_number() over (partition by src_ip order by days desc, mappers + endpoints desc, dest_ip) as place
    from used
  ) as placed
  where place = 1
  group by dest_ip
),
/* how many of a server's own clients are servers themselves */
crowd as (
  select used.dest_ip, count(*) as servers
  from used
  join own on own.dest_ip = used.src_ip
  left join far on far.src_ip = used.src_ip
  cross join total
  where own.own >= total.several
    and far.src_ip is null
  group by used.dest_ip
),
all_server as (
  select count(*) as servers
  from reach
  join own on own.dest_ip = reach.src_ip
  left join far on far.src_ip = reach.src_ip
  cross join total
  where own.own >= total.several
    and far.src_ip is null
),
/* main servers of many clients, with servers among these as elsewhere, or themselves at the top; and servers that most servers use */
candidate as (
  select own.dest_ip as ip, own.own
  from own
  left join main on main.dest_ip = own.dest_ip
  left join crowd on crowd.dest_ip = own.dest_ip
  left join depended on depended.src_ip = own.dest_ip
  cross join total
  cross join all_server
  where (own.called < 3 or own.logons > 0)
    and (
      (
        main.mains >= 4
        and 100 * main.mains >= total.clients
        and (
          depended.above is null
          or 4 * depended.above < own.own
          or (all_server.servers > 0 and 2 * crowd.servers * total.clients >= own.own * all_server.servers)
        )
      )
      or (all_server.servers >= 4 and 2 * crowd.servers >= all_server.servers and 4 * own.own >= total.clients)
    )
),
/* candidates that depend on others of their kind only, but for much smaller ones and those that depend on them */
bound as (
  select distinct candidate.ip
  from candidate
  join used on used.src_ip = candidate.ip
  join host on host.ip = candidate.ip
  join own on own.dest_ip = used.dest_ip
  left join candidate as other on other.ip = used.dest_ip
  left join used as back on back.src_ip = used.dest_ip and back.dest_ip = used.src_ip and 2 * back.days >= used.days
  where 2 * used.days >= host.days
    and 4 * own.own >= candidate.own
    and other.ip is null
    and back.src_ip is null
),
summit as (
  select candidate.ip
  from candidate
  left join bound on bound.ip = candidate.ip
  where bound.ip is null
),
partner as (
  select ip, count(*) as partners
  from (
    select used.src_ip as ip, used.dest_ip as other
    from used
    join summit as one on one.ip = used.src_ip
    join summit as two on two.ip = used.dest_ip
    union
    select used.dest_ip as ip, used.src_ip as other
    from used
    join summit as one on one.ip = used.src_ip
    join summit as two on two.ip = used.dest_ip
  ) as both_ways
  group by ip
),
/* the service that most of a server's own clients called */
service as (
  select dest_ip, service, clients
  from (
    select dest_ip, service, clients, row_number() over (partition by dest_ip order by clients desc, service) as place
    from (
      select linked_deed.dest_ip, linked_deed.service, count(distinct linked_deed.src_ip) as clients
      from linked_deed
      left join far on far.src_ip = linked_deed.src_ip
      where far.src_ip is null
        and linked_deed.src_ip <> linked_deed.dest_ip
        and linked_deed.src_ip <> ''
        and linked_deed.service <> ''
      group by linked_deed.dest_ip, linked_deed.service
    ) as counted
  ) as placed
  where place = 1
),
told as (
  select
    host.ip,
    host.days,
    host.hours,
    coalesce(own.clients, 0) as clients,
    cast(coalesce(own.own, 0) as bigint) as own_clients,
    coalesce(reach.servers, 0) as servers,
    cast(coalesce(reach.lonely, 0) as bigint) as lonely,
    cast(coalesce(far.steady, 0) as bigint) as steady,
    cast(coalesce(far.returned, 0) as bigint) as returned,
    coalesce(tried.targets, 0) as targets,
    coalesce(tried.mappers, 0) + coalesce(tried.failed, 0) as asked,
    coalesce(tried.endpoints, 0) as reached,
    coalesce(main.mains, 0) as mains,
    coalesce(partner.partners, 0) as partners,
    cast(coalesce(own.logons, 0) as bigint) as logons,
    cast(coalesce(depended.busiest, 0) as bigint) as busiest,
    cast(coalesce(own.watched, 0) as bigint) as watched,
    service.service,
    service.clients as service_clients,
    total.clients as all_clients,
    total.many,
    total.several,
    all_host.hosts as all_hosts,
    usual_own.own as usual_own,
    depended.above is null or 4 * depended.above < coalesce(own.own, 0) as is_top,
    summit.ip is not null as is_summit,
    far.src_ip is not null and 4 * coalesce(once.servers, 0) <= 3 * far.lonely as is_far,
    case when far.src_ip is not null and 4 * once.servers > 3 * far.lonely then once.servers end as once
  from host
  left join own on own.dest_ip = host.ip
  left join reach on reach.src_ip = host.ip
  left join far on far.src_ip = host.ip
  left join once on once.src_ip = host.ip
  left join tried on tried.src_ip = host.ip
  left join main on main.dest_ip = host.ip
  left join partner on partner.ip = host.ip
  left join summit on summit.ip = host.ip
  left join depended on depended.src_ip = host.ip
  left join service on service.dest_ip = host.ip
  cross join total
  cross join all_host
  cross join usual_own
),
ruled as (
  select
    *,
    case
      when logons >= 3 or (logons >= 1 and is_top) then 'logons'
      when is_summit and (3 * mains >= all_clients or partners >= 1) then 'summit'
      when is_far and 4 * targets >= all_hosts and 2 * reached < asked then 'scan'
      when is_far and 3 * steady >= 2 * lonely then 'watch'
      when is_far and 3 * returned >= 2 * lonely and 4 * lonely >= all_hosts then 'manage'
      when is_far then 'administer'
      when own_clients >= many or (own_clients >= several and own_clients > 3 * usual_own) then 'serve'
      when watched > 0 then 'watched'
      when busiest >= 2 and busiest > 2 * own_clients then 'use'
      when own_clients >= 3 and 20 * own_clients >= all_clients then 'serve few'
      else 'nothing'
    end as rule
  from told
)
select
  ip,
  case rule
    when 'logons' then 'domain controller'
    when 'summit' then 'domain controller'
    when 'scan' then 'scanner'
    when 'watch' then 'management server'
    when 'manage' then 'management server'
    when 'administer' then 'administration host'
    when 'serve' then 'server'
    when 'watched' then 'server'
    when 'serve few' then 'server'
    when 'use' then 'workstation'
    else 'unknown'
  end as role,
  cast(case rule
    when 'logons' then floor(98 * cast(logons as double) / (logons + 0.5))
    when 'summit' then floor(90 * cast(own_clients as double) / (own_clients + 2))
    when 'scan' then floor(90 * cast(targets as double) / (targets + 10))
    when 'watch' then floor(90 * cast(lonely as double) / (lonely + 10))
    when 'manage' then floor(90 * cast(lonely as double) / (lonely + 10))
    when 'administer' then floor(90 * cast(lonely as double) / (lonely + 10))
    when 'serve' then floor(90 * cast(own_clients * days as double) / ((own_clients + 5) * (days + 1)))
    when 'watched' then 60
    when 'serve few' then floor(40 * cast(days as double) / (days + 1))
    when 'use' then floor(
      case when once is not null then 45 when hours = 16777215 then 60 else 90 end * cast(busiest * days as double) / ((busiest + 2) * (days + 1))
    )
    else 0
  end as double) / 100 as role_confidence,
  case rule
    when 'logons' then concat(
      cast(logons as varchar), ' of ', cast(all_clients as varchar), ' clients logged on or looked up names with it (netlogon, drsuapi)'
    )
    when 'summit' then concat(
      'used by ', cast(own_clients as varchar), ' of ', cast(all_clients as varchar), ' clients, the main server of ', cast(mains as varchar),
      '; depends on no other server, and works with ', cast(partners as varchar), ' like it'
    )
    when 'scan' then concat(
      'tried ', cast(targets as varchar), ' of ', cast(all_hosts as varchar), ' hosts, with ', cast(reached as varchar),
      ' connections to endpoints and ', cast(asked as varchar), ' others'
    )
    when 'watch' then concat(
      'reaches ', cast(lonely as varchar), ' of ', cast(all_hosts as varchar), ' hosts that few others use, ', cast(steady as varchar),
      ' of them on at least half of the days'
    )
    when 'manage' then concat(
      'reaches ', cast(lonely as varchar), ' of ', cast(all_hosts as varchar), ' hosts that few others use, ', cast(returned as varchar),
      ' of them again and again'
    )
    when 'administer' then concat(
      'reaches ', cast(lonely as varchar), ' of ', cast(all_hosts as varchar), ' hosts that few others use, ', cast(returned as varchar),
      ' of them again and again'
    )
    when 'use' then concat(
      'depends on a server with ', cast(busiest as varchar), ' clients, and has ', cast(own_clients as varchar), ' of its own',
      case when hours = 16777215 then '; active at all hours' else '' end,
      case when once is null then '' else concat('; reached ', cast(once as varchar), ' hosts on one day only') end
    )
    when 'watched' then concat(
      'reached nearly every day by a host that reaches ', cast(watched as varchar), ' of ', cast(all_hosts as varchar),
      ' hosts that few others use'
    )
    when 'nothing' then concat(
      'used by ', cast(own_clients as varchar), ' of ', cast(all_clients as varchar), ' clients, and uses ', cast(servers as varchar), ' of ',
      cast(all_hosts as varchar), ' hosts itself: too little to tell'
    )
    else concat(
      'used by ', cast(own_clients as varchar), ' of ', cast(all_clients as varchar), ' clients',
      case when service is null then '' else concat(', by ', cast(service_clients as varchar), ' for ', service) end
    )
  end as role_evidence,
  clients,
  servers,
  own_clients,
  lonely as lonely_servers,
  mains as main_of,
  logons as logon_clients,
  targets,
  days,
  hours
from ruled
order by ip

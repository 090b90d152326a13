/* rpc_role: one row a host that used another's RPC or whose RPC was used, with the role that its habits tell, how sure that is (0 to 1) and
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
linked as (
  select
    link.src_ip,
    link.dest_ip,
    greatest(link.days, coalesce(called.days, 0)) as days,
    link.first_day,
    link.last_day,
    coalesce(link.hours, 0) as hours,
    link.mappers + link.endpoints as records,
    case when called.src_ip is null then 0 else 1 end as is_called,
    coalesce(called.is_logon, 0) as is_logon
  from link
  left join called on called.src_ip = link.src_ip and called.dest_ip = link.dest_ip
  where link.src_ip <> link.dest_ip
    and (link.mappers > 0 or called.src_ip is not null)
  union all
  select
    called.src_ip,
    called.dest_ip,
    called.days,
    cast(null as bigint) as first_day,
    cast(null as bigint) as last_day,
    cast(0 as bigint) as hours,
    cast(0 as bigint) as records,
    1 as is_called,
    called.is_logon
  from called
  left join link on link.src_ip = called.src_ip and link.dest_ip = called.dest_ip
  where link.src_ip is null
),
/* numbers are cheaper to join by than addresses, their order is the addresses' */
named as (
  select ip, row_number() over (order by ip) as number
  from (
    select src_ip as ip from linked
    union
    select dest_ip as ip from linked
  ) as either
),
used as (
  select
    client.number as src,
    server.number as dest,
    linked.days,
    linked.first_day,
    linked.hours,
    linked.days * 1099511627776 + least(linked.records, 1099511627775) as weight,
    linked.is_called,
    linked.is_logon
  from linked
  join named as client on client.ip = linked.src_ip
  join named as server on server.ip = linked.dest_ip
),
span as (
  select greatest(coalesce(max(last_day) - min(first_day) + 1, 1), coalesce(max(days), 1)) as days
  from linked
),
host as (
  select number, cast(max(days) as bigint) as days, bit_or(hours) as hours
  from (
    select src as number, max(days) as days, bit_or(hours) as hours
    from used
    group by src
    union all
    select dest as number, max(days) as days, cast(0 as bigint) as hours
    from used
    group by dest
  ) as either
  group by number
),
popular as (
  select dest, count(*) as clients
  from used
  group by dest
),
total as (
  select clients, greatest(20, clients // 500) as many, least(greatest(5, clients // 100), 20) as several
  from (
    select count(distinct src) as clients
    from used
  ) as counted
),
/* what each client reaches, and how much of that few others use */
reach as (
  select
    used.src,
    count(*) as servers,
    max(used.days) as days,
    sum(case when popular.clients <= total.many then 1 else 0 end) as lonely,
    sum(case when popular.clients <= total.many and 2 * used.days >= span.days then 1 else 0 end) as steady,
    sum(case when popular.clients <= total.many and 10 * used.days >= span.days and used.days > 1 then 1 else 0 end) as returned
  from used
  join popular on popular.dest = used.dest
  cross join total
  cross join span
  group by used.src
),
usual_reach as (
  select coalesce(max(lonely), 0) as lonely
  from (
    select reach.lonely, row_number() over (order by reach.lonely, reach.src) as place, total.clients
    from reach
    cross join total
  ) as placed
  where 10 * place <= 9 * clients
),
far as (
  select reach.src, reach.servers, reach.lonely, reach.steady, reach.returned
  from reach
  cross join usual_reach
  where (reach.lonely >= 10 and reach.lonely > 3 * usual_reach.lonely)
    or (reach.steady >= 5 and reach.steady > 3 * usual_reach.lonely)
),
/* of those that reach far: the most hosts that few others use, reached on one same day and never else */
once as (
  select src, max(servers) as servers
  from (
    select used.src, used.first_day, count(*) as servers
    from used
    join far on far.src = used.src
    join popular on popular.dest = used.dest
    cross join total
    where used.days = 1
      and popular.clients <= total.many
    group by used.src, used.first_day
  ) as daily
  group by src
),
/* all that was tried on hosts that few others use: whether endpoints follow the endpoint mapper's answers */
tried as (
  select
    client.number as src,
    count(distinct server.number) as targets,
    count(distinct case when link.endpoints > 0 then server.number end) as reached
  from link
  join named as client on client.ip = link.src_ip
  join far on far.src = client.number
  join named as server on server.ip = link.dest_ip
  left join popular on popular.dest = server.number
  cross join total
  where link.src_ip <> link.dest_ip
    and (link.mappers > 0 or link.failed > 0)
    and coalesce(popular.clients, 0) <= total.many
  group by client.number
),
all_host as (
  select count(*) as hosts
  from host
),
/* who uses each server, without those that reach far */
own as (
  select
    used.dest,
    count(*) as clients,
    sum(case when far.src is null then 1 else 0 end) as own,
    sum(case when far.src is null then used.is_called else 0 end) as called,
    sum(case when far.src is null then used.is_logon else 0 end) as logons,
    max(case when far.lonely * 2 <= all_host.hosts and 5 * used.days >= 4 * span.days and span.days >= 5 then far.lonely end) as watched
  from used
  left join far on far.src = used.src
  cross join all_host
  cross join span
  group by used.dest
),
usual_own as (
  select coalesce(max(own), 0) as own
  from (
    select coalesce(own.own, 0) as own, row_number() over (order by coalesce(own.own, 0), reach.src) as place, total.clients
    from reach
    left join own on own.dest = reach.src
    cross join total
  ) as placed
  where 10 * place <= 9 * clients
),
/* the servers that a client depends on: those it uses on at least half of its days as a client, above are those that it uses on at least
   a quarter of all its days, and that don't use it half as often */
depended as (
  select
    used.src,
    max(own.own) as busiest,
    max(case when back.src is null and 4 * used.days >= host.days then own.own end) as above
  from used
  join host on host.number = used.src
  join reach on reach.src = used.src
  join own on own.dest = used.dest
  left join used as back on back.src = used.dest and back.dest = used.src and 2 * back.days >= used.days
  where 2 * used.days >= reach.days
  group by used.src
),
/* each client's main server */
main as (
  select dest, count(*) as mains
  from (
    select used.src, min(used.dest) as dest
    from used
    join (
      select src, max(weight) as weight
      from used
      group by src
    ) as best on best.src = used.src and best.weight = used.weight
    group by used.src
  ) as chosen
  group by dest
),
/* how many of a server's own clients are servers themselves */
crowd as (
  select used.dest, count(*) as servers
  from used
  join own on own.dest = used.src
  left join far on far.src = used.src
  cross join total
  where own.own >= total.several
    and far.src is null
  group by used.dest
),
all_server as (
  select count(*) as servers
  from reach
  join own on own.dest = reach.src
  left join far on far.src = reach.src
  cross join total
  where own.own >= total.several
    and far.src is null
),
/* main servers of many clients, with servers among these as elsewhere, or themselves at the top, and servers that most servers use */
candidate as (
  select own.dest as number, own.own
  from own
  left join main on main.dest = own.dest
  left join crowd on crowd.dest = own.dest
  left join depended on depended.src = own.dest
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
/* candidates that depend, one-way, on others than their kind or on much larger ones */
bound as (
  select distinct candidate.number
  from candidate
  join used on used.src = candidate.number
  join host on host.number = candidate.number
  join reach on reach.src = candidate.number
  join own on own.dest = used.dest
  left join candidate as other on other.number = used.dest
  left join used as back on back.src = used.dest and back.dest = used.src and 2 * back.days >= used.days
  where 2 * used.days >= reach.days
    and 4 * used.days >= host.days
    and 4 * own.own >= candidate.own
    and (other.number is null or 2 * other.own > 3 * candidate.own)
    and back.src is null
),
summit as (
  select candidate.number
  from candidate
  left join bound on bound.number = candidate.number
  where bound.number is null
),
/* of how many clients these are the main servers, together */
summit_main as (
  select coalesce(sum(main.mains), 0) as mains
  from summit
  join main on main.dest = summit.number
),
partner as (
  select number, count(*) as partners
  from (
    select used.src as number, used.dest as other
    from used
    join summit as one on one.number = used.src
    join summit as two on two.number = used.dest
    union
    select used.dest as number, used.src as other
    from used
    join summit as one on one.number = used.src
    join summit as two on two.number = used.dest
  ) as both_ways
  group by number
),
/* the service that most of a server's own clients called */
service as (
  select dest, service, clients
  from (
    select dest, service, clients, row_number() over (partition by dest order by clients desc, service) as place
    from (
      select server.number as dest, linked_deed.service, count(distinct client.number) as clients
      from linked_deed
      join named as client on client.ip = linked_deed.src_ip
      join named as server on server.ip = linked_deed.dest_ip
      left join far on far.src = client.number
      where far.src is null
        and client.number <> server.number
        and linked_deed.service <> ''
      group by server.number, linked_deed.service
    ) as counted
  ) as placed
  where place = 1
),
told as (
  select
    named.ip,
    host.days,
    host.hours,
    coalesce(own.clients, 0) as clients,
    cast(coalesce(own.own, 0) as bigint) as own_clients,
    coalesce(reach.servers, 0) as servers,
    cast(coalesce(reach.lonely, 0) as bigint) as lonely,
    cast(coalesce(far.steady, 0) as bigint) as steady,
    cast(coalesce(far.returned, 0) as bigint) as returned,
    coalesce(tried.targets, 0) as targets,
    coalesce(tried.reached, 0) as reached,
    coalesce(main.mains, 0) as mains,
    summit_main.mains as summit_mains,
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
    summit.number is not null as is_summit,
    far.src is not null and 4 * coalesce(once.servers, 0) <= 3 * far.lonely as is_far,
    case when far.src is not null and 4 * once.servers > 3 * far.lonely then once.servers end as once
  from host
  join named on named.number = host.number
  left join own on own.dest = host.number
  left join reach on reach.src = host.number
  left join far on far.src = host.number
  left join once on once.src = host.number
  left join tried on tried.src = host.number
  left join main on main.dest = host.number
  left join partner on partner.number = host.number
  left join summit on summit.number = host.number
  left join depended on depended.src = host.number
  left join service on service.dest = host.number
  cross join total
  cross join all_host
  cross join usual_own
  cross join summit_main
),
ruled as (
  select
    *,
    case
      when logons >= 3 or (logons >= 1 and is_top) then 'logons'
      when is_summit and (partners >= 1 or (3 * summit_mains >= all_clients and 10 * own_clients >= all_clients)) then 'summit'
      when is_far and 4 * targets >= all_hosts and 2 * reached < targets then 'scan'
      when is_far and 3 * steady >= 2 * lonely then 'watch'
      when is_far and 3 * returned >= 2 * lonely and 4 * lonely >= all_hosts then 'manage'
      when is_far then 'administer'
      when own_clients >= many then 'serve'
      when own_clients >= several and (own_clients > 3 * usual_own or 4 * own_clients >= all_clients) then 'serve'
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
      'tried ', cast(targets as varchar), ' of ', cast(all_hosts as varchar), ' hosts, and went on to endpoints of ', cast(reached as varchar)
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

/* lease_event: what tells which host has which address: leases, and computers' own logs. */
select host, ip, hostname, day, at_us, until_us, records from granted
union all
select host, ip, hostname, day, at_us, until_us, records from own_address

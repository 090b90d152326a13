/* sole_service: programs that answer for one interface on TCP that administrators and attackers use: then the program's name says the service.
   MS-SCMR 2.1, MS-DNSP 2.1, MS-FRS2 2.1, MS-RSP 2.1. Not spoolsv.exe: winspool and IRemoteWinspool are both its own (MS-RPRN, MS-PAR). */
select 'services.exe' as program, 'svcctl' as service
union all
select 'dns.exe' as program, 'DnsServer' as service
union all
select 'dfsrs.exe' as program, 'FrsTransport' as service
union all
select 'wininit.exe' as program, 'WindowsShutdown' as service

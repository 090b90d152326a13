"""What to change in a sensor or export, by reader, cloud or kind of record (`Question.change`); "" for what holds everywhere.

Sources: the manuals of the sensors (Zeek, nfdump, softflowd, Suricata, SiLK's rwfilter and rwcut, Argus' ra), and the clouds' and
Microsoft's documentation of their logs.
"""

from collections.abc import Mapping

__all__ = ["AGGREGATION", "CALLER", "DIRECTION", "ESTABLISHED", "FINE_TIMES", "FLOWS", "SENSOR", "auditpol"]


def auditpol(subcategory: str) -> str:
    """The command that lets Windows write events of a subcategory of its Security log."""
    return f'`auditpol /set /subcategory:"{subcategory}" /success:enable`'


CONNECTIONS = (
    "Windows: connections are event 3 of Sysmon's log (`wevtutil epl Microsoft-Windows-Sysmon/Operational sysmon.evtx`) and event "
    f"5156 of the Security log ({auditpol('Filtering Platform Connection')}); name those logs."
)
FLOWS: Mapping[str, str] = {
    **dict.fromkeys(("evtx", "windows_xml", "windows_json"), CONNECTIONS),
    "zeek": "Zeek: name conn.log beside the other logs.",
    "suricata": "Suricata: enable `flow` among the types of eve-log (suricata.yaml).",
    "": "Name files with flow records: Zeek's conn.log, nfdump's output, captures and others that `rpcsight list readers` shows.",
}
SENSOR: Mapping[str, str] = {
    "zeek": "Zeek: let the sensor's tap or mirror port carry traffic between clients and servers, not only to the internet; look for "
    "filters (`zeek -f`, `restrict_filters`, Log filters) that leave these ports out.",
    "nfdump": "NetFlow: export from the routers and switches between clients and servers too; look for filters at nfcapd and at "
    "`nfdump`.",
    "pcap": "Capture with: `tcpdump -w FILE 'tcp port 135 or tcp portrange 49152-65535'`",
    "suricata": "Suricata: let it see traffic between clients and servers; look for a capture filter (`bpf-filter` in suricata.yaml, "
    "`suricata -F`).",
    "silk": "SiLK: ask for every direction, traffic within the network too (`rwfilter --type=all`); look for filters in sensor.conf "
    "(discard-when, discard-unless) and in rwfilter's options.",
    "argus": "Argus: let it see traffic between clients and servers; look for filters (ARGUS_FILTER in argus.conf, RA_FILTER in .rarc, "
    "what stands after `-` in the commands of argus and ra).",
    "pfirewall": "Windows' firewall: log allowed connections (`netsh advfirewall set allprofiles logging allowedconnections enable`) on "
    "the servers, in a file large enough (`netsh advfirewall set allprofiles logging maxfilesize 32767`).",
    "aws": "AWS: create the flow log for the VPC with traffic type ALL; look for a query or filter that leaves these ports out.",
    "azure": "Azure: create the flow log for the virtual network (`az network watcher flow-log create --vnet VNET`), not for single "
    "security groups.",
    "gcp": "GCP: enable flow logs on the subnets of clients and servers (`gcloud compute networks subnets update SUBNET "
    "--enable-flow-logs`), without a filter (`--logging-filter-expr=true`).",
    "defender": "Defender: it does not report every connection, and no setting changes that; log event 5156 or Sysmon's event 3 on the "
    "servers beside it.",
    "ecs": "Elastic: look at the source of the records: Packetbeat needs `packetbeat.flows`, Elastic Defend network events in its "
    "policy, and no event filter that leaves these ports out.",
    "ocsf": "OCSF: look at the product that the records come from (metadata.product), and at filters on the way.",
    "sysmon": "Sysmon: its configuration decides: include port 135, services.exe and svchost.exe (see: What hosts log).",
    "security": f"Windows Security log: {auditpol('Filtering Platform Connection')} (event 5156).",
    "": "Ask whoever exports these records whether internal traffic and all ports are in.",
}
JOINED = "One-way NetFlow: give rpcsight what nfdump writes (`nfdump -o json`), whose records it joins."
DIRECTION: Mapping[str, str] = {
    "zeek": "Zeek: if packets are captured on the host itself, its network card fills in checksums later and Zeek drops them: run `zeek "
    "-C` (`redef ignore_checksums = T;`), or switch that off with `ethtool -K IFACE tx off rx off`. Else see to it that the tap or "
    "mirror port carries both directions.",
    "nfdump": "NetFlow: export both directions: on all interfaces on ingress, or on one on ingress and egress; name the files of all "
    "exporters on the way together.",
    "suricata": "Suricata: log `flow` events (both directions in one) rather than `netflow`; see to it that the tap or mirror port "
    "carries both directions.",
    "silk": "SiLK: ask for both directions (`rwfilter --type=all`), and name the output of all sensors together.",
    "argus": "Argus: see to it that the tap or mirror port carries both directions.",
    "csv": JOINED,
    "parquet": JOINED,
    "aws": "AWS: let the flow log cover the whole VPC, and name all its files of the time together; add the field tcp-flags (version 3).",
    "gcp": "GCP: enable flow logs on the subnets of both ends, with a sampling rate of 1.0, and name all logs together.",
}
CALLER: Mapping[str, str] = {
    "zeek": "Zeek: see to it that the sensor gets all packets of both directions (`history` without SYN or SYN-ACK, conn_state OTH).",
    "nfdump": "NetFlow: export TCP flags (NetFlow v9 and IPFIX: TCP_FLAGS), from which the caller is told.",
    "silk": "SiLK: print the fields flags and initialFlags too (`rwcut --fields`).",
    "argus": "Argus: print the field Dir too (`ra -s +dir`).",
    "aws": "AWS: add the field tcp-flags to the flow log (version 3).",
    "csv": "Add a column is_oriented, or export TCP flags through nfdump.",
    "": "Record for longer: connections that were open before the recording began do not tell.",
}
UNSAID = (
    "Windows' logs do not say whether anybody answered; a sensor on the network does (Zeek, NetFlow with TCP flags): name its records of "
    "the same time as well."
)
ESTABLISHED: Mapping[str, str] = {
    "zeek": "Zeek: keep the fields conn_state and history in conn.log.",
    "nfdump": "NetFlow: export TCP flags (v9 and IPFIX: TCP_FLAGS; `nfdump -o json` shows them as tcp_flags).",
    "suricata": "Suricata: keep the object tcp of flow events (tcp_flags, state).",
    "silk": "SiLK: print the fields flags and initialFlags too (`rwcut --fields`).",
    "argus": "Argus: print the field State too (`ra -s +state`).",
    "pfirewall": "Windows' firewall log has what it dropped (`netsh advfirewall set allprofiles logging droppedconnections enable`), not "
    "whether anybody answered; a sensor on the network does.",
    "gcp": "GCP's flow logs do not have it; a sensor on the hosts or on mirrored traffic does.",
    "ecs": "Elastic: keep the fields of the source that tell it (zeek.connection.state, suricata.eve.flow, event.type).",
    "csv": "Export whether the handshake was completed, as a column is_established (true or false; or --map is_established=COLUMN).",
    "parquet": "Write whether the handshake was completed, as a column is_established.",
    "aws": "AWS: add the field tcp-flags to the flow log (version 3).",
    "sysmon": UNSAID,
    "security": UNSAID,
}
FINE_TIMES: Mapping[str, str] = {
    "nfdump": "nfdump: write `nfdump -o json` (milliseconds) instead of `-o csv` (whole seconds in nfdump 1.7.1), or give the nfcapd "
    "files themselves. softflowd: add `-A milli`.",
    "pcap": "NetFlow in the capture: let the exporter send times in milliseconds (IPFIX flowStartMilliseconds; softflowd `-A milli`).",
    "zeek": "Zeek: `ts` has microseconds as Zeek writes it; look at what cuts it on the way.",
    "suricata": "Suricata: flow.start has microseconds as Suricata writes it; look at what cuts it on the way.",
    "silk": "SiLK: let rwcut print sTime with its milliseconds (no `--legacy-timestamps`); NetFlow v9 and IPFIX have them where the "
    "exporter sends them.",
    "argus": "Argus: print times with microseconds (`ra -p 6`).",
    "pfirewall": "Windows' firewall log has whole seconds, whatever is set; event 5156 of the Security log is finer (`wevtutil epl "
    "Security security.evtx`).",
    "aws": "AWS: flow logs have whole seconds, whatever is set; a sensor on the hosts (Sysmon event 3, Security event 5156) is finer.",
    "azure": "Azure: flow logs of virtual networks have milliseconds, those of security groups whole seconds.",
    "security": "Windows: export the event's own time (`wevtutil epl Security security.evtx`), not NXLog's EventTime, which is in whole "
    "seconds of local time.",
    "csv": "Export times with fractions of a second. Windows events: TimeCreated as in the EVTX file (`wevtutil epl Security "
    "security.evtx`), not NXLog's EventTime. nfdump: `-o json`.",
    "parquet": "Write times with microseconds (TIMESTAMP), not whole seconds.",
}
AGGREGATION: Mapping[str, str] = {
    "nfdump": "nfdump: leave out what sums up (`-a`, `-A`, `-b`, `-s`).",
    "aws": "AWS: set the maximum aggregation interval to 1 minute (`--max-aggregation-interval 60`), and add the fields tcp-flags and "
    "flow-direction.",
    "azure": "Azure: VNet flow logs tell when a connection began (state B); for times to the millisecond record on the hosts.",
    "gcp": "GCP: set the aggregation interval to 5 s and the sampling rate to 1.0 (`--logging-aggregation-interval=interval-5-sec "
    "--logging-flow-sampling=1.0`).",
    "": "A sensor on the hosts (Sysmon event 3, Security event 5156) or Zeek on mirrored traffic records single connections.",
}

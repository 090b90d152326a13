"""The SQL behind the benchmark's flows: pure text, one SELECT, no state.

Every value of flow number `i` follows from hashes of `i` and the seed, so any range of flows can be made on its own, in
any batch size, and comes out the same. (DuckDB may change `hash` between releases: compare inputs made by one release.)
"""

from dataclasses import dataclass

DAY_US = 86_400_000_000
"""The length of the recording: flows are spread evenly over 24 hours."""
FIRST_US = 1_793_577_600_000_000
"""2026-11-02 00:00:00 UTC, the start of the recording."""
LONGEST_US = 600_000_000
"""No connection lasts longer, so a batch knows how far back it has to look for flows that end in it."""
GROUP = 200
"""Flows come in groups: 4 mapper flows, 5 endpoint flows, 1 on a high port that is not RPC, 190 others."""
SHAPES = ("mix", "hot", "spread")

COLUMNS = (
    "flow_id, start_time, end_time, src_ip, src_port, dest_ip, dest_port, transport_protocol, is_established, "
    "out_bytes, in_bytes, out_packets, in_packets, observer"
)

TSV_HEADER = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    "#open\t2026-11-02-00-00-00\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\t"
    "conn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\t"
    "tunnel_parents\n"
    "#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tbool\tbool\tcount\t"
    "string\tcount\tcount\tcount\tcount\tset[string]\n"
)
TSV_FOOTER = "#close\t2026-11-03-00-00-00\n"


@dataclass(frozen=True)
class Recording:
    """One day of flows: how many, from which seed, in which shape."""

    flows: int
    seed: int = 1
    shape: str = "mix"

    @property
    def salt(self) -> int:
        """A number far from those of other seeds, to be added before hashing.

        (`hash(i, seed)` would not do: DuckDB only xors the second hash in, so seeds would give related numbers.)
        """
        return self.seed << 40

    def select(self, low_us: int | None, high_us: int | None, *, order: str = "end_us") -> str:
        """Return the SELECT of all flows whose `order` column lies in [low_us, high_us) of the day, in that order.

        Args:
            low_us: Microseconds since the start of the day; None for no lower bound.
            high_us: The same, exclusive; None for no upper bound.
            order: `end_us` (as a sensor writes its records) or `start_us`.
        """
        step = DAY_US / self.flows
        first = 0 if low_us is None else max(0, int((low_us - LONGEST_US - 4_000_000) / step) - 2 * GROUP)
        last = self.flows if high_us is None else min(self.flows, int(high_us / step) + 2 * GROUP)
        bounds = [f"{order} >= {FIRST_US + low_us}"] if low_us is not None else []
        bounds += [f"{order} < {FIRST_US + high_us}"] if high_us is not None else []
        where = f"where {' and '.join(bounds)}" if bounds else ""
        shape = self._mix() if self.shape == "mix" else self._candidates_only()
        return f"""
with numbers as (
  select i, i // {GROUP} as g, i % {GROUP} as s, hash(i + {self.salt}) as h, hash(h) as h2
  from range({first}, {last}) t(i)),
{shape},
timed as (
  select *, {FIRST_US} + begin_us + gap_us as start_us,
    {FIRST_US} + begin_us + gap_us + case when not failed then duration_us when rejected then 180 else 0 end as end_us
  from shaped)
select *,
  'C' || to_base((h2 >> 16)::bigint, 36, 9)[:9] || lower(to_base((h >> 16)::bigint, 36, 8)[:8]) as flow_id,
  '10.1.' || (client // 250) || '.' || (client % 250 + 2) as src_ip,
  '10.200.' || (server // 100) || '.' || (server % 100 + 10) as dest_ip,
  case when dest_port = 53 then 'udp' else 'tcp' end as transport_protocol,
  case when failed then 0 else (1 << out_bits) + (h >> 40)::bigint % (1 << out_bits) end as out_bytes,
  case when failed then 0 else (1 << in_bits) + (h2 >> 40)::bigint % (1 << in_bits) end as in_bytes
from timed {where} order by {order}, i"""

    def _mix(self) -> str:
        """Return the CTEs of an enterprise's day."""
        step = DAY_US / self.flows
        return f"""
keyed as (  -- the flows of one conversation (a mapper flow and what follows it) share a key, and so a pair and a time
  select *, s < 8 or (s = 8 and (h >> 11) % 2 = 0) as talks,
    hash(hash(case when talks then g * 4 + s % 4 else -i - 1 end + {self.salt}) // 3) as k
  from numbers),
placed as (
  select *, (k % 4000)::bigint as client,
    case when s < 9 and (k >> 12) % 2 = 0 then (k >> 16) % 8 else (k >> 16) % 200 end::bigint as server,
    (k >> 32) / 4294967296.0 as u, (h2 >> 32) / 4294967296.0 as v, ((h2 >> 12) % 1000)::integer as w
  from keyed),
shaped as (
  select *,
    case when talks then floor((g + u) * {step * GROUP!r}) else floor((i + u) * {step!r}) end::bigint as begin_us,
    case when s < 4 or not talks then 0 when w < 920 then 1000 + floor(v * v * 399000)
      else 400000 + floor(v * 2600000) end::bigint as gap_us,
    floor(case when s < 4 then 5000 * pow(6000, v) when s < 9 then 20000 * pow(9000, v)
      else 1000 * pow(500000, v) end)::bigint as duration_us,
    case when client % 12 = 0 then 32768 + (h >> 16) % 28232 else 49152 + (h >> 16) % 16384 end::integer as src_port,
    case when s < 4 then 135
      when s < 9 then 49664 + (server * 7 + (h >> 32)::bigint % (3 + server % 4) * (5 + server % 3)) % 37
      when s = 9 then 49701 + (h >> 32)::bigint % 15000
      when w < 400 then 443 when w < 650 then 53 when w < 730 then 445 when w < 790 then 88 when w < 870 then 389
      when w < 950 then 80 when w < 960 then 3389 else 8080 end::integer as dest_port,
    h % 1024 < 41 and dest_port <> 53 as failed, (h >> 10) % 2 = 0 as rejected,
    case when dest_port = 53 then 5 else 6 + (h >> 36)::bigint % 9 end as out_bits,
    case when dest_port = 53 then 7 else 7 + (h2 >> 36)::bigint % 12 end as in_bits
  from placed)"""

    def _candidates_only(self) -> str:
        """Return the CTEs of mapper and endpoint flows in turn: of one pair (`hot`) or of all pairs (`spread`)."""
        one = self.shape == "hot"
        return f"""
shaped as (
  select *, hash(hash(i // 2 + {self.salt}) // 3) as k, {"7" if one else "(k % 4000)"}::bigint as client,
    {"3" if one else "((k >> 16) % 200)"}::bigint as server,
    floor((i + (h >> 32) / 4294967296.0) * {DAY_US / self.flows!r})::bigint as begin_us,
    0 as gap_us, 3000 + (h2 >> 32)::bigint % 200000 as duration_us,
    (49152 + i // 2 % 16384)::integer as src_port,
    case when i % 2 = 0 then 135 else 49664 + (h >> 16)::bigint % 5 end::integer as dest_port,
    h % 1024 < 41 as failed, (h >> 10) % 2 = 0 as rejected,
    6 + (h >> 36)::bigint % 9 as out_bits, 7 + (h2 >> 36)::bigint % 12 as in_bits
  from numbers)"""


_PACKETS = "case when failed then {failed} else {bytes} // 1100 + 4 end"
_SERVICE = """case when failed then {unset} when dest_port = 443 then 'ssl' when dest_port = 53 then 'dns'
  when dest_port = 445 then 'gssapi,smb' when dest_port = 88 then 'krb_tcp' when dest_port = 389 then 'ldap_tcp'
  when dest_port in (80, 8080) then 'http' when dest_port = 3389 then 'rdp' when s < 9 then 'dce_rpc'
  else {unset} end"""
_STATE = "case when not failed then 'SF' when rejected then 'REJ' else 'S0' end"
_HISTORY = """case when dest_port = 53 then 'Dd' when not failed then 'ShADadFf' when rejected then 'Sr' else 'S' end"""
_OUT_PACKETS = _PACKETS.format(failed="1", bytes="out_bytes")
_IN_PACKETS = _PACKETS.format(failed="rejected::bigint", bytes="in_bytes")
_SILENT = "failed and not rejected"


def _seconds(us: str) -> str:
    """Return SQL text for whole microseconds written as seconds with six decimals."""
    return f"(({us}) // 1000000) || '.' || lpad((({us}) % 1000000)::varchar, 6, '0')"


def parquet(select: str) -> str:
    """Return a SELECT of rpcsight's own columns, typed."""
    return f"""select flow_id, make_timestamp(start_us) as start_time, make_timestamp(end_us) as end_time, src_ip,
  src_port, dest_ip, dest_port, transport_protocol, not failed as is_established, out_bytes::bigint as out_bytes,
  in_bytes::bigint as in_bytes, ({_OUT_PACKETS})::bigint as out_packets, ({_IN_PACKETS})::bigint as in_packets,
  'sensor-1' as observer from ({select})"""


def zeek_tsv(select: str) -> str:
    """Return a SELECT of one column: the lines of a Zeek conn.log."""
    service = _SERVICE.format(unset="'-'")
    size = "case when {0} then '-' else {1}::varchar end"
    return f"""select concat({_seconds("start_us")}, '\t', flow_id, '\t', src_ip, '\t', src_port, '\t', dest_ip, '\t',
  dest_port, '\t', transport_protocol, '\t', {service}, '\t',
  case when {_SILENT} then '-' else {_seconds("end_us - start_us")} end, '\t',
  {size.format(_SILENT, "out_bytes")}, '\t', {size.format(_SILENT, "in_bytes")}, '\t',
  {_STATE}, '\tT\tT\t0\t', {_HISTORY}, '\t', {_OUT_PACKETS}, '\t', out_bytes + 40 * ({_OUT_PACKETS}), '\t',
  {_IN_PACKETS}, '\t', in_bytes + 40 * ({_IN_PACKETS}), '\t-\n')
from ({select})"""


def zeek_json(select: str) -> str:
    """Return a SELECT of one column: the same records as Zeek's JSON writer has them (unset fields left out)."""
    service = _SERVICE.format(unset="null")
    return f"""select concat('{{"ts":', {_seconds("start_us")}, ',"uid":"', flow_id, '","id.orig_h":"', src_ip,
  '","id.orig_p":', src_port, ',"id.resp_h":"', dest_ip, '","id.resp_p":', dest_port, ',"proto":"', transport_protocol,
  '"', ',"service":"' || ({service}) || '"',
  case when {_SILENT} then '' else concat(',"duration":', {_seconds("end_us - start_us")}, ',"orig_bytes":', out_bytes,
  ',"resp_bytes":', in_bytes) end, ',"conn_state":"', {_STATE},
  '","local_orig":true,"local_resp":true,"missed_bytes":0,"history":"', {_HISTORY}, '","orig_pkts":', {_OUT_PACKETS},
  ',"orig_ip_bytes":', out_bytes + 40 * ({_OUT_PACKETS}), ',"resp_pkts":', {_IN_PACKETS}, ',"resp_ip_bytes":',
  in_bytes + 40 * ({_IN_PACKETS}), '}}\n')
from ({select})"""


AWS_FIELDS = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags"
AWS_HEADER = f"{AWS_FIELDS}\n"


def aws_text(select: str) -> str:
    """Return a SELECT of one column: two lines of an AWS VPC flow log a flow, one where nobody answered."""
    ends = "src_ip, ' ', dest_ip, ' ', src_port, ' ', dest_port"
    back = "dest_ip, ' ', src_ip, ' ', dest_port, ' ', src_port"
    head = "'5 123456789010 eni-', lpad(printf('%x', hash(dest_ip) % 1000), 17, '0'), ' ', "
    number = "' ', case when transport_protocol = 'tcp' then 6 else 17 end, ' ', "
    times = "' ', start_us // 1000000, ' ', end_us // 1000000, ' ACCEPT OK ', "
    udp = "when transport_protocol = 'udp' then 0"
    return f"""select concat({head}{ends}, {number}{_OUT_PACKETS}, ' ', out_bytes + 40 * ({_OUT_PACKETS}), {times}
  case {udp} when failed then 2 else 3 end, '\n', case when not ({_SILENT}) then concat({head}{back}, {number}{_IN_PACKETS}, ' ',
  in_bytes + 40 * ({_IN_PACKETS}), {times} case {udp} when failed then 4 else 19 end, '\n') else '' end)
from ({select})"""


def csv(select: str) -> str:
    """Return a SELECT of one column: lines of comma-separated values under rpcsight's own column names."""
    day = "strftime(make_timestamp({0}), '%Y-%m-%dT%H:%M:%S.%fZ')"
    return f"""select concat(flow_id, ',', {day.format("start_us")}, ',', {day.format("end_us")}, ',', src_ip, ',',
  src_port, ',', dest_ip, ',', dest_port, ',', transport_protocol, ',', not failed, ',', out_bytes, ',', in_bytes, ',',
  {_OUT_PACKETS}, ',', {_IN_PACKETS}, ',sensor-1\n')
from ({select})"""


def _iso(us: str, form: str) -> str:
    """Return SQL text for microseconds as ISO-8601, in strftime's words."""
    return f"strftime(make_timestamp({us}), '{form}')"


def eve_json(select: str) -> str:
    """Return a SELECT of one column: Suricata's flow events."""
    start, end = (_iso(us, "%Y-%m-%dT%H:%M:%S.%f+0000") for us in ("start_us", "end_us"))
    flags = "case when not failed then '1b' else '02' end"
    back = "case when not failed then '1b' when rejected then '14' else '00' end"
    return f"""select concat('{{"timestamp":"', {end}, '","flow_id":', h >> 12, ',"in_iface":"eth1","event_type":"flow",',
  '"src_ip":"', src_ip, '","src_port":', src_port, ',"dest_ip":"', dest_ip, '","dest_port":', dest_port, ',"proto":"',
  upper(transport_protocol), '","app_proto":"failed","flow":{{"pkts_toserver":', {_OUT_PACKETS}, ',"pkts_toclient":',
  {_IN_PACKETS}, ',"bytes_toserver":', out_bytes, ',"bytes_toclient":', in_bytes, ',"start":"', {start}, '","end":"', {end},
  '","age":', (end_us - start_us) // 1000000, ',"state":"', case when failed and not rejected then 'new' else 'closed' end,
  '","reason":"timeout","alerted":false}}', case when dest_port = 53 then '' else concat(',"tcp":{{"tcp_flags":"', {flags},
  '","tcp_flags_ts":"', {flags}, '","tcp_flags_tc":"', {back}, '","syn":true,"ack":', not failed, ',"state":"closed"}}') end,
  ',"host":"sensor-1"}}\n')
from ({select})"""


def ecs_json(select: str) -> str:
    """Return a SELECT of one column: Packetbeat's flows."""
    start, end = (_iso(us, "%Y-%m-%dT%H:%M:%S.%gZ") for us in ("start_us", "end_us"))
    return f"""select concat('{{"@timestamp":"', {end}, '","type":"flow","ecs":{{"version":"8.0.0"}},"agent":{{"type":"packetbeat",',
  '"name":"sensor-1","version":"8.13.0"}},"event":{{"kind":"event","dataset":"flow","category":["network"],"type":["connection"],',
  '"action":"network_flow","start":"', {start}, '","end":"', {end}, '","duration":', (end_us - start_us) * 1000,
  '}},"flow":{{"id":"', flow_id, '","final":true}},"source":{{"ip":"', src_ip, '","port":', src_port, ',"bytes":', out_bytes,
  ',"packets":', {_OUT_PACKETS}, '}},"destination":{{"ip":"', dest_ip, '","port":', dest_port, ',"bytes":', in_bytes, ',"packets":',
  {_IN_PACKETS}, '}},"network":{{"type":"ipv4","transport":"', transport_protocol, '","bytes":', out_bytes + in_bytes,
  ',"community_id":"1:', flow_id, '"}},"host":{{"name":"sensor-1"}}}}\n')
from ({select})"""


def ocsf_json(select: str) -> str:
    """Return a SELECT of one column: OCSF's Network Activity."""
    return f"""select concat('{{"class_uid":4001,"class_name":"Network Activity","category_uid":4,"activity_id":',
  case when failed then 5 else 6 end, ',"type_uid":400106,"severity_id":1,"status_id":1,"time":', end_us // 1000, ',"start_time":',
  start_us // 1000, ',"end_time":', end_us // 1000, ',"metadata":{{"version":"1.3.0","product":{{"name":"Sensor","vendor_name":"Acme"}},',
  '"uid":"', flow_id, '"}},"connection_info":{{"uid":"', flow_id, '","protocol_num":', case when dest_port = 53 then 17 else 6 end,
  ',"protocol_name":"', transport_protocol, '","direction_id":3}},"src_endpoint":{{"ip":"', src_ip, '","port":', src_port,
  '}},"dst_endpoint":{{"ip":"', dest_ip, '","port":', dest_port, '}},"traffic":{{"bytes_out":', out_bytes, ',"bytes_in":', in_bytes,
  ',"packets_out":', {_OUT_PACKETS}, ',"packets_in":', {_IN_PACKETS}, '}}}}\n')
from ({select})"""


def eql_json(select: str) -> str:
    """Return a SELECT of one column: events for Python's `eql` engine (its clock: ticks of 0.1 us since 1601)."""
    return f"""select concat('{{"event_type":"network","timestamp":', start_us * 10 + 116444736000000000,
  ',"flow_id":"', flow_id, '","src_ip":"', src_ip, '","src_port":', src_port, ',"dest_ip":"', dest_ip,
  '","dest_port":', dest_port, ',"protocol":"', transport_protocol, '","is_established":', not failed, ',"out_bytes":',
  out_bytes, ',"in_bytes":', in_bytes, '}}\n')
from ({select})"""

"""The scene of flows as sensors, hosts and clouds export it: each record built field by field from the format's description."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta, timezone
from ipaddress import ip_address
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.contracts import samples
from tests.oracles.flow import Flow

Record = dict[str, Any]
NUMBERS = {"tcp": 6, "udp": 17}


def by_line(records: Sequence[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records).encode()


def array(records: Sequence[Mapping[str, Any]]) -> bytes:
    return json.dumps(records, indent=2).encode() + b"\n"


def wrapped(records: Sequence[Mapping[str, Any]]) -> bytes:
    return json.dumps({"Count": len(records), "Records": records}).encode()


def pretty(records: Sequence[Mapping[str, Any]]) -> bytes:
    return "\n".join(json.dumps(record, indent=4) for record in records).encode()


def dumped(records: Sequence[Mapping[str, Any]]) -> bytes:
    """As elasticdump writes an index."""
    return by_line(
        [{"_index": "x", "_id": str(number), "_score": 1, "_source": record} for number, record in enumerate(records)]
    )


def flat(record: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in record.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{name}.")
        else:
            yield above + name, value


def as_text(start_us: int) -> str:
    """As Suricata writes times."""
    return samples.iso(start_us, timezone(timedelta(hours=1))).replace("+01:00", "+0100")


def end_of(seen: Flow) -> int:
    return seen.start_us if seen.end_us is None else seen.end_us


def eve(seen: Flow) -> Record:
    is_tcp, is_open = seen.transport_protocol == "tcp", seen.is_established
    to_server, to_client = ("1b", "1b") if is_open else ("02", "14")
    flags = {
        "tcp_flags": "1b",
        "tcp_flags_ts": to_server,
        "tcp_flags_tc": to_client,
        "syn": True,
        "ack": True,
        "state": "closed",
    }
    return {
        "timestamp": as_text(end_of(seen) + 61_000_000),
        "flow_id": seen.flow_id,
        "event_type": "flow",
        "src_ip": seen.src_ip,
        "src_port": seen.src_port,
        "dest_ip": seen.dest_ip,
        "dest_port": seen.dest_port,
        "proto": (seen.transport_protocol or "").upper(),
        "app_proto": "dcerpc",
        "flow": {
            "pkts_toserver": 5,
            "pkts_toclient": 5,
            "start": as_text(seen.start_us),
            "end": as_text(end_of(seen)),
            "age": 0,
            "state": "closed",
            "reason": "timeout",
        },
    } | ({"tcp": flags} if is_tcp else {})


def eve_netflow(half: Flow, flags: str) -> Record:
    names = {"S": "syn", "A": "ack", "P": "psh", "F": "fin"}
    told = {names[flag]: True for flag in flags if flag in names}
    is_tcp = half.transport_protocol == "tcp"
    flow = {"start": as_text(half.start_us), "end": as_text(end_of(half)), "pkts": 5, "bytes": 774, "age": 0}
    record = eve(half) | {"event_type": "netflow", "netflow": flow}
    del record["flow"]
    return record | ({"tcp": {"tcp_flags": "1b", **told}} if is_tcp else {})


def eve_others() -> list[Record]:
    """Events that are no flows."""
    return [
        {"timestamp": as_text(samples.BASE_US), "flow_id": 1, "event_type": kind, kind: {}}
        for kind in ("dns", "stats", "alert")
    ]


def packetbeat(seen: Flow) -> Record:
    return {
        "@timestamp": samples.iso(end_of(seen) + 10_000_000, timespec="milliseconds"),
        "type": "flow",
        "event": {
            "dataset": "flow",
            "kind": "event",
            "category": ["network_traffic", "network"],
            "start": samples.iso(seen.start_us, timespec="milliseconds"),
            "end": samples.iso(end_of(seen), timespec="milliseconds"),
            "duration": (end_of(seen) - seen.start_us) * 1000,
        },
        "flow": {"id": seen.flow_id, "final": True},
        "source": {"ip": seen.src_ip, "port": seen.src_port, "bytes": 100},
        "destination": {"ip": seen.dest_ip, "port": seen.dest_port, "bytes": 100},
        "network": {"transport": seen.transport_protocol, "type": "ipv4", "direction": "ingress"},
        "agent": {"type": "packetbeat"},
    }


def without_start(record: Record) -> Record:
    """Only an end and a length; and the protocol by its number."""
    event = {name: value for name, value in record["event"].items() if name != "start"}
    return record | {"event": event, "network": {"iana_number": str(NUMBERS[record["network"]["transport"]])}}


def defend(seen: Flow) -> Record:
    """Elastic Defend on the called host."""
    record = packetbeat(seen) | {
        "@timestamp": samples.iso(seen.start_us, timespec="milliseconds"),
        "process": {"pid": 4, "name": "x"},
    }
    record["event"] = {"action": "connection_accepted", "category": ["network"], "type": ["start"], "id": seen.flow_id}
    return record


def ocsf(seen: Flow) -> Record:
    is_open = seen.is_established
    return {
        "class_uid": 4001,
        "category_uid": 4,
        "activity_id": 6 if is_open else 5,
        "time": end_of(seen) // 1000,
        "start_time": seen.start_us // 1000,
        "end_time": end_of(seen) // 1000,
        "metadata": {"product": {"name": "Sensor"}, "version": "1.3.0"},
        "connection_info": {
            "uid": seen.flow_id,
            "protocol_num": NUMBERS[seen.transport_protocol or ""],
            "protocol_name": seen.transport_protocol,
            "direction_id": 1,
        },
        "src_endpoint": {"ip": seen.src_ip, "port": seen.src_port},
        "dst_endpoint": {"ip": seen.dest_ip, "port": seen.dest_port},
        "status_id": 1,
    }


def opened(seen: Flow) -> Record:
    """A host's event when the connection is opened: no start but the event's time."""
    record = ocsf(seen) | {"activity_id": 1 if seen.is_established else 4, "time": seen.start_us // 1000}
    return {name: value for name, value in record.items() if name not in {"start_time", "end_time"}}


def security_lake(records: Sequence[Record]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records), sink)
    return sink.getvalue()


def optc(seen: Flow) -> Record:
    return {
        "action": "START",
        "actorID": "a-1",
        "hostname": "SysClient0201.systemia.com",
        "id": f"id-{seen.flow_id}",
        "object": "FLOW",
        "objectID": seen.flow_id,
        "pid": 1236,
        "ppid": 4,
        "principal": "NT AUTHORITY\\SYSTEM",
        "properties": {
            "dest_ip": seen.dest_ip,
            "dest_port": str(seen.dest_port),
            "direction": "inbound",
            "image_path": "\\Device\\svchost.exe",
            "l4protocol": str(NUMBERS[seen.transport_protocol or ""]),
            "src_ip": seen.src_ip,
            "src_port": str(seen.src_port),
        },
        "tid": -1,
        "timestamp": samples.iso(seen.start_us, timezone(timedelta(hours=-4)), "milliseconds"),
    }


def optc_others() -> list[Record]:
    one = optc(samples.FLOWS[0])
    return [
        one | {"action": "MESSAGE"},
        one | {"object": "FILE", "action": "READ"},
        one | {"object": "PROCESS", "action": "OPEN"},
    ]


def defender(seen: Flow) -> Record:
    """Of hosts with an even last byte the clients' events, of others the servers'."""
    is_inbound = ip_address(seen.src_ip).packed[-1] % 2 == 0
    here, there = (seen.src_ip, seen.src_port), (seen.dest_ip, seen.dest_port)
    action = (
        "InboundConnectionAccepted"
        if is_inbound
        else "ConnectionSuccess"
        if seen.is_established
        else "ConnectionFailed"
    )
    if is_inbound:
        here, there = there, here
    if is_inbound and not seen.is_established:
        action = "InboundConnectionAttempt"
    return {
        "Timestamp": samples.iso(seen.start_us).replace("Z", "7Z"),
        "DeviceId": "d1",
        "DeviceName": "ws1.lab",
        "ActionType": action,
        "RemoteIP": there[0],
        "RemotePort": there[1],
        "LocalIP": here[0],
        "LocalPort": here[1],
        "Protocol": (seen.transport_protocol or "").title(),
        "InitiatingProcessId": 1236,
        "InitiatingProcessFolderPath": "c:\\windows\\system32\\svchost.exe",
        "InitiatingProcessAccountDomain": "nt authority",
        "InitiatingProcessAccountName": "network service",
    }


def listening() -> Record:
    return defender(samples.FLOWS[0]) | {"ActionType": "ListeningConnectionCreated", "RemoteIP": "", "RemotePort": None}


def table(records: Sequence[Record]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]) if records else list(defender(samples.FLOWS[0])))
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


def streamed(records: Sequence[Record]) -> bytes:
    """As Defender streams events to storage."""
    return by_line(
        [
            {"time": "2026-03-02T10:10:00Z", "category": "AdvancedHunting-DeviceNetworkEvents", "properties": each}
            for each in records
        ]
    )


def answered(records: Sequence[Record]) -> bytes:
    """As the API of advanced hunting answers."""
    return json.dumps({"Schema": [1], "Results": records}).encode()


def gcp(half: Flow) -> Record:
    return {
        "insertId": "1f2",
        "jsonPayload": {
            "bytes_sent": "774",
            "connection": {
                "dest_ip": half.dest_ip,
                "dest_port": half.dest_port,
                "protocol": NUMBERS[half.transport_protocol or ""],
                "src_ip": half.src_ip,
                "src_port": half.src_port,
            },
            "start_time": samples.iso(half.start_us).replace("Z", "123Z"),
            "end_time": samples.iso(end_of(half)).replace("Z", "456Z"),
            "packets_sent": "5",
            "reporter": "SRC",
        },
        "logName": "projects/p/logs/compute.googleapis.com%2Fvpc_flows",
        "timestamp": samples.iso(half.start_us + 60_000_000),
    }


def halves(make: Callable[[Flow], Record], flows: Sequence[Flow]) -> list[Record]:
    return [make(half) for half, _ in samples.halves(flows)]


def each(
    make: Callable[[Flow], Record], write: Callable[[Sequence[Record]], bytes] = by_line
) -> Callable[[Sequence[Flow]], bytes]:
    return lambda flows: write([make(seen) for seen in flows])


def stateless_udp(seen: Flow) -> Flow:
    return seen if seen.transport_protocol == "tcp" else replace(seen, is_established=None)


def refused_only(seen: Flow) -> Flow:
    """OCSF's traffic report does not say whether the handshake was completed, a refusal does."""
    return seen if seen.is_established is False else replace(seen, is_established=None)


def on_ws1(seen: Flow) -> Flow:
    is_attempt = not seen.is_established and ip_address(seen.src_ip).packed[-1] % 2 == 0
    changed = replace(seen, end_us=None, observer="ws1.lab", flow_id=None)
    changed = replace(changed, flow_id=samples.generated_id(changed))
    return replace(changed, is_established=None) if is_attempt else changed


_HALVES = samples.HALVES
_ECS = samples.without(is_established=None)
_UNTOLD = samples.without(flow_id=None, is_established=None)
_OPTC = samples.without(end_us=None, is_established=None, observer="SysClient0201.systemia.com")
Form = samples.Form


def eve_file(flows: Sequence[Flow]) -> bytes:
    return by_line([*eve_others(), *map(eve, flows), *eve_others()])


def eve_halves(flows: Sequence[Flow]) -> bytes:
    return by_line([*eve_others(), *(eve_netflow(*half) for half in samples.halves(flows))])


def netflow_seen(seen: Flow) -> Flow:
    """The client's record comes with the id, and so does the server's."""
    state = seen.is_established if seen.transport_protocol == "tcp" else None
    return replace(seen, is_established=state)


FORMS = (
    Form("suricata-flow", "eve.json", eve_file, stateless_udp, "suricata", records=len(samples.FLOWS) + 6),
    Form("suricata-plain", "eve.json", each(eve), stateless_udp, "suricata"),
    Form("suricata-array", "eve.json", each(eve, array), stateless_udp, "suricata"),
    Form("suricata-dump", "eve.json", each(eve, dumped), stateless_udp, "suricata"),
    Form("suricata-netflow", "eve.json", eve_halves, netflow_seen, "suricata", records=_HALVES + 3),
    Form("ecs-nested", "flows.json", each(packetbeat), _ECS, "ecs"),
    Form("ecs-dotted", "flows.json", each(lambda seen: dict(flat(packetbeat(seen)))), _ECS, "ecs"),
    Form("ecs-dump", "flows.json", each(packetbeat, dumped), _ECS, "ecs"),
    Form("ecs-pretty", "flows.json", each(packetbeat, pretty), _ECS, "ecs"),
    Form("ecs-no-start", "flows.json", each(lambda seen: without_start(packetbeat(seen))), _ECS, "ecs"),
    Form("ecs-defend", "flows.json", each(defend), samples.NO_STATE, "ecs"),
    Form("ocsf-traffic", "flows.json", each(ocsf), refused_only, "ocsf"),
    Form("ocsf-records", "flows.json", each(ocsf, wrapped), refused_only, "ocsf"),
    Form("ocsf-open", "flows.json", each(opened), samples.without(end_us=None, observer="Sensor"), "ocsf"),
    Form("ocsf-parquet", "flows.parquet", each(ocsf, security_lake), refused_only, "ocsf"),
    Form("optc", "ecar.json", lambda flows: by_line([*map(optc, flows), *optc_others()]), _OPTC, "optc", records=len(samples.FLOWS) + 3),
    Form("defender-csv", "flows.csv", each(defender, table), on_ws1, "defender"),
    Form("defender-json", "flows.json", each(defender), on_ws1, "defender"),
    Form("defender-results", "flows.json", each(defender, answered), on_ws1, "defender"),
    Form("defender-stream", "flows.json", each(defender, streamed), on_ws1, "defender"),
    Form("gcp-lines", "flows.json", lambda flows: by_line(halves(gcp, flows)), _UNTOLD, "gcp", records=_HALVES),
    Form("gcp-array", "flows.json", lambda flows: array(halves(gcp, flows)), _UNTOLD, "gcp", records=_HALVES),
)  # fmt: skip

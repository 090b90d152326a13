"""Records as the formats' own documents and publishers show them: their values, and what is made of them."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from rpcsight.pipeline import Request, opened
from tests.contracts.exported import by_line
from tests.contracts.reading import skips

Record = dict[str, Any]
FLOW = (
    "start_time",
    "end_time",
    "src_ip",
    "src_port",
    "dest_ip",
    "dest_port",
    "transport_protocol",
    "is_established",
    "observer",
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def put(folder: Path, records: list[Record]) -> Path:
    path = folder / "records.json"
    path.write_bytes(by_line(records))
    return path


# https://docs.suricata.io/en/latest/output/eve/eve-json-format.html, event type flow (5-tuple of its common section's example)
EVE_FLOW = {
    "timestamp": "2019-05-28T23:35:29.071281+0200",
    "flow_id": 1805461738637437,
    "event_type": "flow",
    "src_ip": "192.168.1.7",
    "src_port": 53,
    "dest_ip": "192.168.1.20",
    "dest_port": 49999,
    "proto": "TCP",
    "flow": {
        "pkts_toserver": 23,
        "pkts_toclient": 21,
        "bytes_toserver": 4884,
        "bytes_toclient": 7392,
        "bypassed": {"pkts_toserver": 10, "pkts_toclient": 8, "bytes_toserver": 1305, "bytes_toclient": 984},
        "start": "2019-05-28T23:32:29.025256+0200",
        "end": "2019-05-28T23:35:28.071281+0200",
        "age": 179,
        "bypass": "capture",
        "state": "bypassed",
        "reason": "timeout",
        "alerted": False,
    },
}
# https://github.com/elastic/integrations, packages/network_traffic/data_stream/flow/sample_event.json
PACKETBEAT = {
    "@timestamp": "2023-10-16T22:40:20.005Z",
    "agent": {"name": "docker-fleet-agent", "type": "packetbeat", "version": "8.6.2"},
    "destination": {"bytes": 64, "ip": "::1", "packets": 1, "port": 8000},
    "event": {
        "action": "network_flow",
        "category": ["network"],
        "dataset": "network_traffic.flow",
        "duration": 73561,
        "end": "2023-10-16T22:39:45.677Z",
        "kind": "event",
        "start": "2023-10-16T22:39:45.677Z",
        "type": ["connection", "end"],
    },
    "flow": {"final": True, "id": "QAT///////8A////IP8AAAEAAAAAAAAAAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAUAfeMg"},
    "host": {"hostname": "docker-fleet-agent", "ip": ["172.19.0.7"], "name": "docker-fleet-agent"},
    "network": {
        "bytes": 152,
        "community_id": "1:5y9AkdbV9U8xqD9dhlj6obkubHg=",
        "packets": 2,
        "transport": "tcp",
        "type": "ipv6",
    },
    "source": {"bytes": 88, "ip": "::1", "packets": 1, "port": 51320},
    "type": "flow",
}
# https://github.com/elastic/integrations, packages/gcp/data_stream/vpcflow/sample_event.json
ECS_GCP = {
    "@timestamp": "2019-06-14T03:50:10.845Z",
    "agent": {"name": "docker-fleet-agent", "type": "filebeat"},
    "destination": {"address": "67.43.156.13", "ip": "67.43.156.13", "port": 33478},
    "event": {
        "category": "network",
        "dataset": "gcp.vpcflow",
        "end": "2019-06-14T03:45:37.301953198Z",
        "id": "ut8lbrffooxyw",
        "kind": "event",
        "start": "2019-06-14T03:45:37.186193305Z",
        "type": "connection",
    },
    "network": {"bytes": 1776, "direction": "outbound", "iana_number": "6", "transport": "tcp", "type": "ipv4"},
    "source": {"address": "10.87.40.76", "bytes": 1776, "ip": "10.87.40.76", "packets": 7, "port": 5601},
}
# https://github.com/elastic/endpoint-package, package/endpoint/data_stream/network/sample_event.json
ENDPOINT = {
    "agent": {"id": "afd348c6-0ec9-4961-805e-8ed2fc4c043b", "type": "endpoint", "version": "8.3.0-SNAPSHOT"},
    "process": {
        "name": "GCEWindowsAgent.exe",
        "pid": 580,
        "executable": "C:\\Program Files\\Google\\Compute Engine\\agent\\GCEWindowsAgent.exe",
    },
    "destination": {"address": "64.233.191.95", "port": 443, "bytes": 4923, "ip": "64.233.191.95"},
    "source": {"address": "10.201.0.32", "port": 54924, "bytes": 498, "ip": "10.201.0.32"},
    "message": "Endpoint network event",
    "network": {"transport": "tcp", "type": "ipv4", "direction": "egress"},
    "@timestamp": "2022-04-04T18:52:00.6007809Z",
    "host": {"hostname": "mgmt-win-1", "name": "mgmt-win-1"},
    "event": {
        "kind": "event",
        "module": "endpoint",
        "action": "disconnect_received",
        "id": "MYfZG5h8j1qej16H+++++CFe",
        "category": ["network"],
        "type": ["end"],
        "dataset": "endpoint.events.network",
    },
    "user": {"domain": "NT AUTHORITY", "name": "SYSTEM", "id": "S-1-5-18"},
}  # fmt: skip
# https://github.com/ocsf/examples, Network Activity/AWS/VPC Flowlogs/vpcflowlog.json (Security Lake's source version 1)
OCSF_VPC = {
    "activity_id": 5,
    "class_uid": 4001,
    "category_uid": 4,
    "connection_info": {"boundary_id": 99, "direction_id": 1, "protocol_num": 6, "protocol_ver": "IPv4", "tcp_flags": 2},
    "disposition_id": 2,
    "dst_endpoint": {"interface_uid": "eni-000000000000000000", "ip": "172.31.2.52", "port": 39938},
    "end_time": 1649721788000,
    "metadata": {"product": {"name": "Amazon VPC", "vendor_name": "AWS", "version": "5"}, "version": "0.99.0"},
    "src_endpoint": {"interface_uid": None, "ip": "1.2.3.4", "port": 56858},
    "start_time": 1649721732000,
    "status_code": "OK",
    "time": 1649721732000,
    "traffic": {"bytes": 40, "packets": 1},
    "type_uid": 400105,
}  # fmt: skip
# The same by https://github.com/ocsf/examples, mappings/markdown/AWS/v1.1.0/VPC Flowlogs: time, time_dt, start_time_dt, end_time_dt
OCSF_VPC_2 = {name: value for name, value in OCSF_VPC.items() if name not in {"start_time", "end_time"}} | {
    "action_id": 2,
    "time_dt": "2022-04-12T00:02:12Z",
    "start_time_dt": "2022-04-12T00:02:12Z",
    "end_time_dt": "2022-04-12T00:03:08Z",
}
# https://cloud.google.com/vpc/docs/about-flow-logs-records; values of elastic/integrations, packages/gcp, test-vpcflow-event.json
GCP = {
    "insertId": "ut8lbrffooxyw",
    "jsonPayload": {
        "bytes_sent": "1776",
        "connection": {
            "dest_ip": "203.0.113.12",
            "dest_port": 33478,
            "protocol": 6,
            "src_ip": "10.87.40.76",
            "src_port": 5601,
        },
        "end_time": "2019-06-14T03:45:37.301953198Z",
        "packets_sent": "7",
        "reporter": "SRC",
        "rtt_msec": "36",
        "start_time": "2019-06-14T03:45:37.186193305Z",
    },
    "logName": "projects/my-sample-project/logs/compute.googleapis.com%2Fvpc_flows",
    "receiveTimestamp": "2019-06-14T03:50:10.845445834Z",
    "timestamp": "2019-06-14T03:50:10.845445834Z",
}
# Columns: https://learn.microsoft.com/en-us/defender-xdr/advanced-hunting-devicenetworkevents-table; a record as it is streamed to
# storage: https://github.com/rknightion/graph2otel, collector of DeviceNetworkEvents
DEFENDER = {
    "time": "2026-07-18T14:00:54.7649349Z",
    "tenantId": "4b8c18bd-2f9f-4227-af55-9f1061cf9c32",
    "operationName": "Publish",
    "category": "AdvancedHunting-DeviceNetworkEvents",
    "properties": {
        "DeviceName": "mbp16",
        "DeviceId": "5844d4a3f835919fd63772082de62951d0dab09d",
        "ReportId": 26528,
        "RemoteIP": "20.42.65.85",
        "RemotePort": 443,
        "LocalIP": "10.0.0.183",
        "LocalPort": 53630,
        "Protocol": "Tcp",
        "RemoteUrl": None,
        "InitiatingProcessId": 16865,
        "InitiatingProcessAccountName": "rob",
        "InitiatingProcessAccountDomain": "mbp16",
        "InitiatingProcessFileName": "microsoft update assistant",
        "ActionType": "ConnectionRequest",
        "Timestamp": "2026-07-18T13:58:42.666487Z",
    },
}

WANTED: dict[str, tuple[Record, tuple[Any, ...]]] = {
    "suricata flow": (
        EVE_FLOW,
        (
            at("2019-05-28T21:32:29.025256"), at("2019-05-28T21:35:28.071281"), "192.168.1.7", 53, "192.168.1.20", 49999, "tcp", None,
            "records",
        ),
    ),
    "packetbeat": (
        PACKETBEAT,
        (
            at("2023-10-16T22:39:45.677"), at("2023-10-16T22:39:45.677"), "::1", 51320, "::1", 8000, "tcp", None, "docker-fleet-agent",
        ),
    ),
    "filebeat gcp": (
        ECS_GCP,
        (
            at("2019-06-14T03:45:37.186193"), at("2019-06-14T03:45:37.301953"), "67.43.156.13", 33478, "10.87.40.76", 5601, "tcp", None,
            "docker-fleet-agent",
        ),
    ),
    "security lake 1": (
        OCSF_VPC,
        (
            at("2022-04-12T00:02:12"), at("2022-04-12T00:03:08"), "1.2.3.4", 56858, "172.31.2.52", 39938, "tcp", None,
            "eni-000000000000000000",
        ),
    ),
    "security lake 2": (
        OCSF_VPC_2,
        (
            at("2022-04-12T00:02:12"), at("2022-04-12T00:03:08"), "1.2.3.4", 56858, "172.31.2.52", 39938, "tcp", None,
            "eni-000000000000000000",
        ),
    ),
    "gcp": (
        GCP,
        (
            at("2019-06-14T03:45:37.186193"), at("2019-06-14T03:45:37.301953"), "203.0.113.12", 33478, "10.87.40.76", 5601, "tcp", None,
            "records",
        ),
    ),
    "defender": (
        DEFENDER,
        (at("2026-07-18T13:58:42.666487"), at("2026-07-18T13:58:42.666487"), "10.0.0.183", 53630, "20.42.65.85", 443, "tcp", None, "mbp16"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WANTED)
def test_records_of_the_documents(name: str, tmp_path: Path) -> None:
    """Google's record is the answer of a server, one-way: it is turned to who called."""
    record, wanted = WANTED[name]
    with opened(Request([str(put(tmp_path, [record]))]), is_whole=True) as session:
        (row,) = session.table("flow").read_all().to_pylist()
        assert (session.account.records, session.account.skips) == (1, [])
    assert tuple(row[column] for column in FLOW) == wanted


def facts(path: Path, *names: str) -> list[Record]:
    with opened(Request([str(path)])) as session:
        rows = [row for name in names for row in session.table(name).read_all().to_pylist()]
    kept = ("source", "observer", "time_us", "flow_us")
    return [{name: value for name, value in row.items() if value is not None and name not in kept} for row in rows]


# https://docs.suricata.io/en/latest/output/eve/eve-json-format.html, event type smb: DCERPC REQUEST/RESPONSE and BIND/BINDACK
SMB = {name: EVE_FLOW[name] for name in ("timestamp", "flow_id", "src_ip", "src_port", "dest_ip")} | {
    "event_type": "smb",
    "dest_port": 445,
    "proto": "TCP",
}
LSARPC = "12345778-1234-abcd-ef00-0123456789ac"
SMB_CALL = SMB | {
    "smb": {
        "id": 4,
        "dialect": "unknown",
        "command": "SMB2_COMMAND_IOCTL",
        "status": "STATUS_SUCCESS",
        "status_code": "0x0",
        "session_id": 4398046511201,
        "tree_id": 0,
        "dcerpc": {
            "request": "REQUEST",
            "response": "RESPONSE",
            "opnum": 0,
            "req": {"frag_cnt": 1, "stub_data_size": 136},
            "res": {"frag_cnt": 1, "stub_data_size": 8},
            "call_id": 2,
        },
    }
}
SMB_BIND = SMB | {
    "smb": {
        "id": 53,
        "dialect": "2.10",
        "command": "SMB2_COMMAND_WRITE",
        "status": "STATUS_SUCCESS",
        "status_code": "0x0",
        "session_id": 35184439197745,
        "tree_id": 1,
        "dcerpc": {
            "request": "BIND",
            "response": "BINDACK",
            "interfaces": [
                {"uuid": LSARPC, "version": "1.0", "ack_result": result, "ack_reason": 0} for result in (2, 0, 3)
            ],
            "call_id": 2,
        },
    }
}


def test_suricata_s_calls_in_smb(tmp_path: Path) -> None:
    ends = {
        "src_ip": "192.168.1.7",
        "src_port": 53,
        "dest_ip": "192.168.1.20",
        "dest_port": 445,
        "transport_protocol": "smb",
    }
    bound = ends | {"interface": LSARPC, "version": "1.0"}
    called = ends | {"call_id": 2, "opnum": 0, "is_answered": True, "request_bytes": 136, "response_bytes": 8}
    path = put(tmp_path, [EVE_FLOW, SMB_BIND, SMB_CALL])
    binds, calls = facts(path, "rpc_bind"), facts(path, "rpc_call")
    assert sorted(row.pop("result") for row in binds) == ["accepted", "negotiated", "rejected"]
    assert binds == [bound] * 3
    assert calls == [called | {"flow_id": "1805461738637437"}]


# https://github.com/FiveDirections/OpTC-data, ecar.md, "Example eCAR Object"
ECAR = {
    "timestamp": 1539120748904,
    "id": "b9af81fb-066c-4cd6-97cb-b284aabd2d4f",
    "hostname": "VAGRANT-C2FDBFN",
    "objectID": "ece465ca-edf9-48c0-b2be-642ee2dd86d6",
    "object": "PROCESS",
    "action": "CREATE",
    "actorID": "0f0b0dfe-5744-4361-9611-d3a59a1bdfbf",
    "pid": 3648,
    "ppid": 6260,
    "tid": 292,
    "principal": "VAGRANT-C2FDBFN\\vagrant",
    "properties": {
        "parent_image_path": "\\Device\\HarddiskVolume1\\cygwin64\\bin\\bash.exe",
        "user": "VAGRANT-C2FDBFN\\vagrant",
        "command_line": '"C:\\cygwin64\\bin\\locale.exe"',
        "image_path": "\\Device\\HarddiskVolume1\\cygwin64\\bin\\bash.exe",
        "sid": "S-1-5-21-23003595-3114578871-2621762399-1000",
    },
}


def test_ecar_s_process(tmp_path: Path) -> None:
    with opened(Request([str(put(tmp_path, [ECAR]))])) as session:
        (row,) = session.table("process").read_all().to_pylist()
    assert row["time_us"] == 1539120748904000
    assert facts(put(tmp_path, [ECAR]), "process") == [
        {
            "host": "VAGRANT-C2FDBFN",
            "pid": 3648,
            "process_guid": "ece465ca-edf9-48c0-b2be-642ee2dd86d6",
            "image_path": "\\Device\\HarddiskVolume1\\cygwin64\\bin\\bash.exe",
            "command_line": '"C:\\cygwin64\\bin\\locale.exe"',
            "parent_pid": 6260,
            "parent_guid": "0f0b0dfe-5744-4361-9611-d3a59a1bdfbf",
            "parent_image_path": "\\Device\\HarddiskVolume1\\cygwin64\\bin\\bash.exe",
            "user_name": "VAGRANT-C2FDBFN\\vagrant",
        }
    ]


def test_elastic_endpoint_s_end_of_a_connection(tmp_path: Path) -> None:
    """It tells no start: counted, and no flow."""
    with opened(Request([str(put(tmp_path, [ENDPOINT, PACKETBEAT]))])) as session:
        assert skips(session.account) == [("records.json", "end of a connection, without its start", 1)]


def test_ocsf_times_that_are_no_ocsf(tmp_path: Path) -> None:
    """SiLK's example (https://github.com/ocsf/examples, CERT-NetSA) writes times as text where the schema has milliseconds."""
    silk = {
        "activity_id": 6,
        "class_uid": 4001,
        "start_time": "2015/06/17T00:00:00.083",
        "end_time": "2015/06/17T00:00:00.089",
        "duration": 0.006,
        "metadata": {"product": {"version": "3.9.0", "name": "SiLK"}, "version": "1.0.0-rc.3"},
        "src_endpoint": {"port": 63975, "ip": "192.168.40.20"},
        "dst_endpoint": {"port": 443, "ip": "10.0.40.21"},
        "connection_info": {"protocol_num": 6, "tcp_flags": 19, "boundary_id": 99, "direction_id": 2},
    }
    sound = silk | {"start_time": 1434499200083, "end_time": 1434499200089, "duration": 6}
    with opened(Request([str(put(tmp_path, [silk, sound]))]), is_whole=True) as session:
        assert skips(session.account) == [("records.json", "start_time missing or not a time", 1)]
        assert session.table("flow").read_all().num_rows == 1

"""Flows as one computer's Sysmon logs them, in every form that events are exported in.

Sources: Sysmon's manifest; winlogbeat's exported fields (6.8, 8.x); NXLog's im_msvistalog; Microsoft's schema of events.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_address
from typing import Any
from xml.sax.saxutils import escape

from tests.contracts.evtx_file import Element, log
from tests.oracles.flow import Flow

HOST = "ws1.lab"
SYSMON = "Microsoft-Windows-Sysmon"
CHANNEL = f"{SYSMON}/Operational"
XMLNS = "http://schemas.microsoft.com/win/2004/08/events/event"
LATE_US = 400_000
"""So much after the connection its event is written."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GUID = "{b8a0d2c1-0001-0002-0003-000000000004}"

Write = Callable[[Sequence[Flow]], bytes]


def when(us: int) -> datetime:
    """The time; the nearest there is where none is so early or late."""
    return EPOCH + timedelta(microseconds=max(-62_000_000_000_000_000, min(us, 253_000_000_000_000_000)))


def text(us: int, zone: timezone = UTC, sign: str = " ", unit: str = "milliseconds") -> str:
    return when(us).astimezone(zone).replace(tzinfo=None).isoformat(sign, unit)


def number(seen: Flow) -> int:
    return int(seen.flow_id.removeprefix("C")) if seen.flow_id[1:].isdigit() else 1


def long_form(address: str) -> str:
    """As Sysmon writes addresses of IPv6: no run of zeros left out."""
    if ":" not in address:
        return address
    return ":".join(f"{int(part, 16):x}" for part in ip_address(address).exploded.split(":"))


def data(seen: Flow) -> dict[str, str]:
    """The event's fields."""
    return {
        "RuleName": seen.flow_id,
        "UtcTime": text(seen.start_us),
        "ProcessGuid": GUID,
        "ProcessId": "4711",
        "Image": r"C:\Windows\System32\svchost.exe",
        "User": r"NT AUTHORITY\NETWORK SERVICE",
        "Protocol": str(seen.transport_protocol),
        "Initiated": "true",
        "SourceIsIpv6": "false",
        "SourceIp": long_form(seen.src_ip),
        "SourceHostname": "-",
        "SourcePort": str(seen.src_port),
        "SourcePortName": "",
        "DestinationIp": long_form(seen.dest_ip),
        "DestinationPort": str(seen.dest_port),
    }


def lines(records: Sequence[object]) -> bytes:
    return "".join(f"{json.dumps(record)}\n" for record in records).encode()


def nxlog(flows: Sequence[Flow]) -> bytes:
    zone = timezone(timedelta(hours=-4))
    return lines(
        [
            {
                "EventTime": text(seen.start_us + LATE_US, zone, unit="seconds"),
                "EventReceivedTime": text(seen.start_us + 3_000_000, zone, unit="seconds"),
                "@timestamp": text(seen.start_us + 7_123_000, sign="T") + "Z",
                "Hostname": HOST.upper(),
                "EventID": 3,
                "SourceName": SYSMON,
                "Channel": CHANNEL,
                "RecordNumber": number(seen),
                "ExecutionProcessID": 3392,
                "SourceModuleName": "eventlog",
                **data(seen),
            }
            for seen in flows
        ]
    )


def powershell(flows: Sequence[Flow]) -> bytes:
    zone = timezone(timedelta(hours=5, minutes=30))
    return lines(
        [
            {
                "SourceName": SYSMON,
                "Level": "4",
                "Channel": CHANNEL,
                "Hostname": HOST,
                "TimeCreated": text(seen.start_us + LATE_US, zone, "T") + "Z",
                "EventID": "3",
                **data(seen),
            }
            for seen in flows
        ]
    )


def winlogbeat6(flows: Sequence[Flow]) -> bytes:
    return lines(
        [
            {
                "@timestamp": text(seen.start_us + LATE_US, sign="T") + "Z",
                "log_name": CHANNEL,
                "source_name": SYSMON,
                "computer_name": HOST,
                "event_id": 3,
                "record_number": str(number(seen)),
                "process_id": 3392,
                "host": {"name": "collector"},
                "event_data": data(seen),
            }
            for seen in flows
        ]
    )


def winlogbeat(flows: Sequence[Flow]) -> bytes:
    return lines([beat(seen, data(seen)) for seen in flows])


def beat(seen: Flow, fields: dict[str, str]) -> dict[str, Any]:
    return {
        "@timestamp": text(seen.start_us + LATE_US, sign="T") + "Z",
        "host": {"name": "collector"},
        "event": {"kind": "event", "code": "3", "provider": SYSMON},
        "winlog": {
            "channel": CHANNEL,
            "computer_name": HOST,
            "provider_name": SYSMON,
            "event_id": "3",
            "record_id": number(seen),
            "event_data": fields,
            "process": {"pid": 3392},
        },
    }


def moved(seen: Flow) -> dict[str, Any]:
    """As winlogbeat's module for Sysmon leaves it: `@timestamp` is the event's own time, fields are ECS's."""
    record = beat(seen, {"Initiated": "true"})
    return record | {
        "@timestamp": text(seen.start_us, sign="T") + "Z",
        "source": {"ip": seen.src_ip, "port": seen.src_port},
        "destination": {"ip": seen.dest_ip, "port": seen.dest_port},
        "network": {"transport": seen.transport_protocol, "direction": "egress", "type": "ipv4"},
        "process": {"entity_id": GUID, "pid": 4711, "executable": r"C:\Windows\System32\svchost.exe"},
    }


def dotted(record: dict[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in record.items():
        found |= dotted(value, f"{before}{name}.") if isinstance(value, dict) else {before + name: value}
    return found


def event(seen: Flow) -> Element:
    """The event as Windows' XML has it."""
    system = (
        Element("Provider", {"Name": SYSMON, "Guid": "{5770385f-c22a-43e0-bf4c-06f5698ffbd9}"}),
        Element("EventID", inner="3"),
        Element("TimeCreated", {"SystemTime": text(seen.start_us + LATE_US, sign="T", unit="microseconds") + "0Z"}),
        Element("EventRecordID", inner=str(number(seen))),
        Element("Channel", inner=CHANNEL),
        Element("Computer", inner=HOST),
    )
    fields = tuple(Element("Data", {"Name": name}, value) for name, value in data(seen).items())
    return Element("Event", {"xmlns": XMLNS}, (Element("System", inner=system), Element("EventData", inner=fields)))


def xml(element: Element) -> str:
    attributes = "".join(f" {name}='{escape(value)}'" for name, value in element.attributes.items())
    inner = escape(element.inner) if isinstance(element.inner, str) else "".join(map(xml, element.inner))
    return f"<{element.name}{attributes}>{inner}</{element.name}>" if inner else f"<{element.name}{attributes}/>"


def saved(flows: Sequence[Flow]) -> bytes:
    """As Event Viewer saves events."""
    events = "".join(xml(event(seen)) for seen in flows)
    return f'\ufeff<?xml version="1.0" encoding="utf-8" standalone="yes"?>\r\n<Events>{events}</Events>'.encode()


def printed(flows: Sequence[Flow]) -> bytes:
    """As `wevtutil qe` prints them: no element around them."""
    return "".join(f"{xml(event(seen))}\r\n" for seen in flows).encode()


def evtx(flows: Sequence[Flow]) -> bytes:
    return log([(max(0, seen.start_us + LATE_US), event(seen)) for seen in flows])


def numbered(seen: Flow) -> Flow:
    """What these forms tell of a flow."""
    return replace(seen, flow_id=f"{HOST} sysmon {number(seen)}", observer=HOST, end_us=None, is_established=None)


WRITTEN: dict[str, tuple[str, str, Write]] = {
    "windows-nxlog": ("events.json", "windows_json", nxlog),
    "windows-winlogbeat6": ("events.json", "windows_json", winlogbeat6),
    "windows-winlogbeat": ("events.json", "windows_json", winlogbeat),
    "windows-winlogbeat-module": ("events.json", "windows_json", lambda flows: lines([moved(seen) for seen in flows])),
    "windows-ecs-dotted": (
        "events.json",
        "windows_json",
        lambda flows: lines([dotted(beat(seen, data(seen))) for seen in flows]),
    ),
    "windows-xml-saved": ("events.xml", "windows_xml", saved),
    "windows-xml-printed": ("events.xml", "windows_xml", printed),
    "windows-evtx": ("Security.evtx", "evtx", evtx),
}
"""Name: file, reader, writer; those that tell the events' numbers."""

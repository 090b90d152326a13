"""What Windows events become, field by field, and what hostile or damaged ones cost: nothing but themselves."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from rpcsight.analytics import step
from rpcsight.errors import InputError
from tests.contracts import windows
from tests.contracts.evtx_file import Element, log
from tests.contracts.reading import read, skips
from tests.contracts.samples import BASE_US, FLOWS
from tests.test_host_events import tables

HOST, ADDRESS = "dc1.lab", "10.0.0.10"
AT = BASE_US + 123_456
SECURITY = "Microsoft-Windows-Security-Auditing"
TABLES = ("host_flow", "process", "host_event", "smb_event", "rpc_call")

Named = Mapping[str, str]


def made(number: int, fields: Named | Sequence[str], provider: str = SECURITY, channel: str = "Security") -> Element:
    """An event; fields without names where they are a list."""
    system = (
        Element("Provider", {"Name": provider}),
        Element("EventID", inner=str(number)),
        Element("TimeCreated", {"SystemTime": windows.text(AT, sign="T", unit="microseconds") + "0Z"}),
        Element("EventRecordID", inner="77"),
        Element("Channel", inner=channel),
        Element("Computer", inner="DC1.lab"),
    )
    data = (
        tuple(Element("Data", {"Name": name}, value) for name, value in fields.items())
        if isinstance(fields, Mapping)
        else tuple(Element("Data", inner=value) for value in fields)
    )
    return Element(
        "Event", {"xmlns": windows.XMLNS}, (Element("System", inner=system), Element("EventData", inner=data))
    )


def facts(path: Path) -> dict[str, list[dict[str, Any]]]:
    """All rows of the facts, without what is empty, and without the file's name."""
    found = tables(path, {name: step(f"event_{name}") for name in TABLES})
    return {
        name: [{key: value for key, value in row.items() if value is not None and key != "source"} for row in rows]
        for name, rows in found.items()
        if rows
    }


SUBJECT = {"SubjectUserName": "eve", "SubjectDomainName": "LAB", "SubjectLogonId": "0xABC"}
SEEN = {"time_us": AT, "host": HOST, "observer": HOST}
BY_EVE = {"user_name": r"LAB\eve", "logon_id": "0xabc"}
FROM = {"IpAddress": "::ffff:10.0.0.66", "IpPort": "50077"}
SERVER = {  # tells the computer's address
    "ProcessID": "812", "Application": r"\device\harddiskvolume1\windows\system32\svchost.exe", "Direction": "%%14592",
    "SourceAddress": ADDRESS, "SourcePort": "135", "DestAddress": "10.0.0.66", "DestPort": "50070", "Protocol": "6",
}  # fmt: skip
SERVED = {
    **SEEN, "is_outbound": False, "src_ip": "10.0.0.66", "src_port": 50070, "dest_ip": ADDRESS, "dest_port": 135,
    "transport_protocol": "tcp",
    "pid": 812, "image_path": r"\device\harddiskvolume1\windows\system32\svchost.exe",
}  # fmt: skip
UUID = "367ABB81-9844-35F1-AD32-98F038001003"
CALL = {"time_us": AT, "observer": HOST, "is_callback": False, "interface": UUID.lower(), "opnum": 12}
FIREWALL = [
    "RpcServerCall", "612", r"C:\Windows\System32\services.exe", "ncacn_ip_tcp", "49670", "10.0.0.66", UUID, "12", r"LAB\eve",
    "RPC_C_AUTHN_LEVEL_PKT_PRIVACY", "RPC_C_AUTHN_GSS_NEGOTIATE",
]  # fmt: skip
TRACED = {
    "InterfaceUuid": f"{{{UUID}}}", "ProcNum": "12", "Protocol": "1", "NetworkAddress": "10.0.0.66", "Endpoint": "49670",
    "AuthenticationLevel": "6", "AuthenticationService": "9",
}  # fmt: skip
CASES: dict[str, tuple[list[Element], dict[str, list[dict[str, Any]]]]] = {
    "4688": (
        [
            made(
                4688,
                {
                    **SUBJECT, "NewProcessId": "0x1ec8", "NewProcessName": r"C:\a&b.exe", "ProcessId": "0x26C", "CommandLine": "a &lt; b",
                    "TargetUserName": "-", "TargetDomainName": "-", "TargetLogonId": "0x0", "MandatoryLabel": "S-1-16-12288",
                    "ParentProcessName": r"C:\Windows\System32\services.exe",
                },
            )
        ],
        {
            "process": [
                {
                    **SEEN, **BY_EVE, "pid": 0x1EC8, "parent_pid": 0x26C, "image_path": r"C:\a&b.exe", "command_line": "a < b",
                    "parent_image_path": r"C:\Windows\System32\services.exe", "integrity_level": "High",
                }
            ]
        },
    ),
    "4688 for another, without more": (
        [made(4688, {**SUBJECT, "TargetUserName": "SYSTEM", "TargetDomainName": "NT", "TargetLogonId": "0x3e7", "NewProcessId": "0xzz"})],
        {"process": [{**SEEN, "user_name": r"NT\SYSTEM", "logon_id": "0x3e7"}]},
    ),
    "7045": (
        [made(7045, {"ServiceName": "evil", "ImagePath": "cmd /c x"}, "Service Control Manager", "System")],
        {"host_event": [{**SEEN, "action": "service", "name": "evil", "detail": "cmd /c x"}]},
    ),
    "4697": (
        [made(4697, {**SUBJECT, "ServiceName": "evil", "ServiceFileName": "cmd"})],
        {"host_event": [{**SEEN, **BY_EVE, "action": "service", "name": "evil", "detail": "cmd"}]},
    ),
    "4698": (
        [made(4698, {**SUBJECT, "TaskName": r"\evil", "TaskContent": "<Task/>", "ClientProcessId": "4242"})],
        {"host_event": [{**SEEN, **BY_EVE, "action": "task", "name": r"\evil", "detail": "<Task/>", "pid": 4242}]},
    ),
    "4624": (
        [
            made(
                4624,
                {**SUBJECT, **FROM, "TargetUserName": "bob", "TargetDomainName": "LAB", "TargetLogonId": "0xDEF", "LogonType": "3",
                 "ProcessId": "0x0"},
            )
        ],
        {
            "host_event": [
                {
                    **SEEN, "action": "logon", "detail": "3", "src_ip": "10.0.0.66", "src_port": 50077, "user_name": r"LAB\bob",
                    "logon_id": "0xdef", "pid": 0,
                }
            ]
        },
    ),
    "5145 of a pipe": (
        [made(5145, {**SUBJECT, **FROM, "ShareName": r"\\*\IPC$", "RelativeTargetName": "svcctl", "AccessMask": "0x12019f"}),
         made(5156, SERVER)],
        {
            "host_flow": [SERVED],
            "host_event": [
                {
                    **SEEN, **BY_EVE, "action": "share", "name": r"\\*\IPC$\svcctl", "detail": "0x12019f", "src_ip": "10.0.0.66",
                    "src_port": 50077,
                }
            ],
            "smb_event": [
                {
                    "time_us": AT, "observer": HOST, "src_ip": "10.0.0.66", "src_port": 50077, "dest_ip": ADDRESS, "dest_port": 445,
                    "user_name": r"LAB\eve", "action": "pipe", "share": r"\\*\IPC$", "name": "svcctl",
                }
            ],
        },
    ),
    "5145 of a share": (
        [made(5145, {**SUBJECT, **FROM, "ShareName": r"\\*\files", "RelativeTargetName": r"a\b.txt"})],
        {
            "host_event": [
                {**SEEN, **BY_EVE, "action": "share", "name": r"\\*\files\a\b.txt", "src_ip": "10.0.0.66", "src_port": 50077}
            ]
        },
    ),
    "RPC Firewall": (
        [made(3, FIREWALL, "RPCFW", "RPCFW"), made(5156, SERVER)],
        {
            "host_flow": [SERVED],
            "rpc_call": [
                {
                    **CALL, "src_ip": "10.0.0.66", "dest_ip": ADDRESS, "dest_port": 49670, "transport_protocol": "tcp", "auth_type": 9,
                    "auth_level": 6, "image_path": r"C:\Windows\System32\services.exe",
                }
            ],
        },
    ),
    "RPC Firewall, pipe": (
        [made(3, [*FIREWALL[:3], "ncacn_np", r"\PIPE\svcctl", *FIREWALL[5:], "50099", ADDRESS, "445"], "RPCFW", "Application")],
        {
            "rpc_call": [
                {
                    **CALL, "src_ip": "10.0.0.66", "src_port": 50099, "dest_ip": ADDRESS, "dest_port": 445, "transport_protocol": "smb",
                    "pipe": "svcctl", "auth_type": 9, "auth_level": 6, "image_path": r"C:\Windows\System32\services.exe",
                }
            ],
        },
    ),
    "RPC Firewall, local": ([made(3, [*FIREWALL[:3], "ncalrpc", "LRPC-1", *FIREWALL[5:]], "RPCFW", "RPCFW")], {}),
    "traced client": (
        [made(5, TRACED, "Microsoft-Windows-RPC", "Microsoft-Windows-RPC/Debug"), made(5156, SERVER)],
        {
            "host_flow": [SERVED],
            "rpc_call": [
                {**CALL, "src_ip": ADDRESS, "dest_ip": "10.0.0.66", "dest_port": 49670, "transport_protocol": "tcp", "auth_type": 9,
                 "auth_level": 6}
            ],
        },
    ),
    "traced server": (
        [made(6, TRACED, "Microsoft-Windows-RPC", "Microsoft-Windows-RPC/Debug")],
        {"rpc_call": [{**CALL, "dest_port": 49670, "transport_protocol": "tcp", "auth_type": 9, "auth_level": 6}]},
    ),
    "others' numbers": ([made(3, {"param1": "x"}, "Someone", "Application"), made(4688, {}, "Someone", "Application")], {}),
}  # fmt: skip


@pytest.mark.parametrize("form", ["xml", "evtx"])
@pytest.mark.parametrize("case", CASES)
def test_events_become_facts(case: str, form: str, tmp_path: Path) -> None:
    events, wanted = CASES[case]
    path = tmp_path / f"log.{form}"
    path.write_bytes(
        log([(AT, each) for each in events]) if form == "evtx" else "".join(map(windows.xml, events)).encode()
    )
    assert facts(path) == wanted


def sysmon(number: int, **fields: str) -> bytes:
    utc = {"UtcTime": windows.text(BASE_US)}
    return windows.xml(made(number, {**utc, **fields}, windows.SYSMON, windows.CHANNEL)).encode()


def test_sysmon_becomes_facts(tmp_path: Path) -> None:
    """Lost programs and processes are empty; the identifiers stay."""
    guid = "{B8A0D2C1-0001-0002-0003-000000000004}"
    path = tmp_path / "log.xml"
    path.write_bytes(
        sysmon(
            1, ProcessGuid=guid, ProcessId="12", Image="C:\\a.exe", CommandLine="a -b", ParentProcessGuid="-", ParentImage="-",
            ParentProcessId="0", User="LAB\\eve", LogonId="0x3E7", IntegrityLevel="System",
        )
        + sysmon(17, ProcessGuid=guid, ProcessId="12", Image="<unknown process>", PipeName="\\evil")
        + sysmon(
            13, ProcessGuid=guid, ProcessId="12", Image="C:\\a.exe", User="LAB\\eve", Details="DWORD (0x00000003)",
            TargetObject="HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Schedule\\TaskCache\\Tree\\Microsoft\\evil\\Index",
        )
        + sysmon(13, ProcessGuid=guid, ProcessId="12", Image="C:\\a.exe", TargetObject="HKLM\\SOFTWARE\\other\\Index")
        + sysmon(18, ProcessGuid="{00000000-0000-0000-0000-000000000000}", ProcessId="4", Image="System", PipeName="\\evil")
    )  # fmt: skip
    seen = {"time_us": BASE_US, "host": HOST, "observer": HOST}
    plain = guid.strip("{}").lower()
    assert facts(path) == {
        "process": [
            {
                **seen, "pid": 12, "process_guid": plain, "image_path": "C:\\a.exe", "command_line": "a -b", "parent_pid": 0,
                "user_name": "LAB\\eve", "logon_id": "0x3e7", "integrity_level": "System",
            }
        ],
        "host_event": [
            {**seen, "action": "pipe_created", "name": "\\evil", "pid": 12, "process_guid": plain},
            {
                **seen, "action": "task", "name": "\\Microsoft\\evil", "pid": 12, "process_guid": plain, "image_path": "C:\\a.exe",
                "user_name": "LAB\\eve",
            },
            {**seen, "action": "pipe_connected", "name": "\\evil", "pid": 4, "image_path": "System"},
        ],
    }  # fmt: skip


# --- damage


ODD = {
    "not closed": b"<Event xmlns='x'><System><EventID>3</System></Event>",
    "no number": b"<Event><System><EventID>three</EventID></System></Event>",
    "entity": b"<Event><System><EventID>3</EventID><Computer>&a;</Computer></System></Event>",
    "document type": b"<Event><!DOCTYPE a [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><System><EventID>3</EventID></System></Event>",
    "not UTF-8": b"<Event><System><EventID>3</EventID><Computer>\xff</Computer></System></Event>",
    "control character": b"<Event><System><EventID>3</EventID><Computer>\x01</Computer></System></Event>",
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_element_costs_no_other(odd: str, tmp_path: Path) -> None:
    whole = windows.printed(FLOWS).splitlines(keepends=True)
    path, good = tmp_path / "log.xml", tmp_path / "good.xml"
    path.write_bytes(b"".join((*whole[:3], ODD[odd], *whole[3:])))
    good.write_bytes(b"".join(whole))
    (results, account), (wanted, _) = read(path), read(good)
    assert [[{**row, "source": ""} for row in rows] for rows in results] == [
        [{**row, "source": ""} for row in rows] for rows in wanted
    ]
    assert skips(account) == [("log.xml", "event is not well-formed XML", 1)]


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    """What is declared before the events is not looked at."""
    bomb = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))
    path = tmp_path / "log.xml"
    text = windows.saved(FLOWS).decode().replace("<Events>", f'<!DOCTYPE x [<!ENTITY a0 "lol">{bomb}]><Events>', 1)
    path.write_text(text.replace("NETWORK SERVICE", "&a8;", 1))
    _, account = read(path)
    assert (account.records, skips(account)) == (len(FLOWS) - 1, [("log.xml", "event is not well-formed XML", 1)])


def test_a_long_element_and_a_cut_one(tmp_path: Path) -> None:
    whole = windows.printed(FLOWS)
    long = b"<Event><System><EventID>3</EventID></System>" + b"x" * 3_000_000 + b"</Event>"
    path = tmp_path / "log.xml"
    path.write_bytes(whole + long + whole[:-30])
    _, account = read(path)
    assert account.records == 2 * len(FLOWS) - 1
    assert skips(account) == [
        ("log.xml", "event is cut at the end of the file", 1),
        ("log.xml", "event of more than 1 MiB", 1),
    ]


def test_damaged_chunks_are_counted(tmp_path: Path) -> None:
    """One chunk without its signature, one record of another overwritten; all others are read."""
    many = [event for _ in range(10) for event in FLOWS]
    content = bytearray(windows.evtx(many))
    assert len(content) > 4096 + 3 * 65536
    sizes = [content[4096 + 65536 * number :][:65536].count(b"**\0\0") for number in range(len(content) // 65536)]
    content[4096 + 65536 : 4096 + 65536 + 8] = b"damaged!"
    inside = 4096 + 2 * 65536 + 512 + 24 + 40
    content[inside : inside + 200] = b"\xff" * 200
    path = tmp_path / "log.evtx"
    path.write_bytes(content)
    _, account = read(path)
    assert account.records == len(many) - sizes[1] - 1
    assert skips(account) == [("log.evtx", "chunk can't be read", 1), ("log.evtx", "event can't be read", 1)]


def test_no_log_at_all(tmp_path: Path) -> None:
    path = tmp_path / "log.evtx"
    path.write_bytes(b"ElfFile\0" + b"\x01" * 100)
    with pytest.raises(InputError, match="is no whole event log") as raised:
        read(path)
    assert raised.value.where == str(path)


# --- layouts


def test_names_that_differ_in_case(tmp_path: Path) -> None:
    """5156 writes ProcessID, 4688 ProcessId, in one file; of NXLog's records the first is who wrote the event."""
    shared = {"Hostname": HOST, "Channel": "Security", "TimeCreated": "2026-03-02T10:00:00.000+00:00"}
    flow = {**shared, "EventID": 5156, **SERVER}
    start = {**shared, "EventID": 4688, "ProcessId": "0x26c", "NewProcessId": "0x10"}
    path, shipped = tmp_path / "a.json", tmp_path / "b.json"
    path.write_text("".join(f"{json.dumps(each)}\n" for each in (flow, start)))
    shipped.write_text("".join(f"{json.dumps({**each, 'SourceModuleName': 'in'})}\n" for each in (flow, start)))
    found = [facts(each) for each in (path, shipped)]
    assert [(each["host_flow"][0].get("pid"), each["process"][0]["parent_pid"]) for each in found] == [
        (812, 620),
        (None, 620),
    ]


@pytest.mark.parametrize(
    ("times", "wanted_us"),
    [
        ({"TimeCreated": "2026-03-02T15:00:00.5000000+05:00"}, BASE_US + 500_000),
        ({"TimeCreated": "2026-03-02T15:30:00.500Z"}, BASE_US + 500_000),  # the zone of Sysmon's event
        ({"TimeCreated": "2026-03-02 15:30:00.500", "@timestamp": "2026-03-02T15:30:00.500Z"}, BASE_US + 500_000),
        (
            {
                "EventTime": "2026-03-02 05:00:00",
                "EventReceivedTime": "2026-03-02 05:00:40",
                "@timestamp": "2026-03-02T10:00:46Z",
            },
            BASE_US,
        ),
        ({"EventTime": "2026-03-02 05:00:00", "@timestamp": "2026-03-02T10:00:46Z"}, BASE_US),
        ({"EventTime": "2026-03-02T05:00:00.250-05:00", "@timestamp": "2026-03-02T10:00:46Z"}, BASE_US + 250_000),
        ({"EventTime": "2026-03-02 15:30:00"}, BASE_US),
        ({"@timestamp": "2026-03-02T10:00:46Z"}, BASE_US + 46_000_000),
        ({}, None),
    ],
)
def test_times_of_flat_layouts(times: dict[str, str], wanted_us: int | None, tmp_path: Path) -> None:
    pipe = {
        "Hostname": HOST, "Channel": windows.CHANNEL, "EventID": 17, "UtcTime": "2026-03-02 10:00:01.000",
        "TimeCreated": "2026-03-02T15:30:01.010Z",
    }  # fmt: skip
    start = {"Hostname": HOST, "Channel": "Security", "EventID": 4688, "NewProcessId": "0x10", **times}
    path = tmp_path / "a.json"
    path.write_text("".join(f"{json.dumps(each)}\n" for each in (pipe, start)))
    assert facts(path)["process"][0].get("time_us") == wanted_us


def test_local_times_without_any_zone_are_taken_for_utc(tmp_path: Path) -> None:
    start = {
        "Hostname": HOST,
        "Channel": "Security",
        "EventID": 4688,
        "NewProcessId": "0x10",
        "TimeCreated": "2026-03-02 10:00:00.000",
    }
    path = tmp_path / "a.json"
    path.write_text(f"{json.dumps(start)}\n")
    assert facts(path)["process"][0]["time_us"] == BASE_US

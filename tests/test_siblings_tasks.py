"""Tasks, services made over a pipe and DCOM on the public records: what the analytics say of each, and what they can't say."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rpcsight.pipeline import Request, opened
from tests import system
from tests.test_catalogue import catalogue

JSON, PCAP = "host-json/OTRF+Security-Datasets", "pcap/OTRF+Security-Datasets"
EVTX = "evtx/sbousseaden+EVTX-ATTACK-SAMPLES"
SCHTASK = "schtask_create_2020-12-1907003032"
SHELL = "empire_dcom_shellwindows_{}_2020-09-18130751"
CELLS = (
    *("technique", "tier", "confidence", "weight", "start_time", "end_time", "src_ip", "dest_ip", "host", "user_name"),
    *("service", "operation", "events", "target", "image_path", "command_line"),
)
FROM_TO = {"src_ip": "172.18.39.5", "dest_ip": "172.18.39.6"}
HOST = "workstation6.theshire.local"
TASK, RUNS = (
    "\\Microsoft\\Windows\\SoftwareProtectionPlatform\\EventCacheManager",
    "C:\\Windows\\system32\\cmd.exe /C C:\\Windows\\System32\\notepad.exe",
)
REGISTERED = {
    **FROM_TO, "technique": "T1053.005", "tier": "decoded", "confidence": 1.0, "weight": 0.6, "start_time": "2020-12-19 12:00:22.242808",
    "end_time": "2020-12-19 12:00:22.242808", "service": "ITaskSchedulerService", "operation": "SchRpcRegisterTask", "events": 1,
}  # fmt: skip
INVOKED = {
    **FROM_TO, "technique": "T1021.003", "tier": "decoded", "confidence": 1.0, "weight": 0.8, "service": "IDispatch",
    "operation": "Invoke", "events": 4,
}  # fmt: skip
SURROGATE = "C:\\Program Files (x86)\\Microsoft Office\\root\\Client\\AppVDllSurrogate64.exe"
MADE = {"tier": "process", "confidence": 0.9, "weight": 0.7, "events": 1}
SERVICE = MADE | {"technique": "T1543.003", "service": "svcctl"}
OPENED, INSTALLED = f"{EVTX}/LM_Remote_Service01_5145_svcctl.evtx", f"{EVTX}/LM_Remote_Service02_7045.evtx"
PSEXEC = "evtx/mdecrevoisier+EVTX-to-MITRE-Attack/ID4688,4697,5140-5145_PSexec_remote_execution_+_admin_share.evtx"
SHARPSC = "covenant_sharpsc_create_dcerpc_smb_svcctl_2020-08-06022635"
CREATED = {
    **FROM_TO, "tier": "decoded", "confidence": 1.0, "weight": 0.7, "start_time": "2020-08-06 06:27:29.897638",
    "end_time": "2020-08-06 06:27:29.897638", "service": "svcctl", "operation": "CreateServiceA", "events": 1, "target": "svcctl",
}  # fmt: skip
ROWS: dict[tuple[str, ...], dict[str, list[dict[str, Any]]]] = {
    (f"{JSON}/{SCHTASK}.json.gz",): {
        "remote-task": [
            {
                **FROM_TO, "technique": "T1053.005", "tier": "process", "confidence": 0.8, "weight": 0.7,
                "start_time": "2020-12-19 12:00:22.234000", "end_time": "2020-12-19 12:00:22.264000", "host": HOST,
                "user_name": "THESHIRE\\pgustavo", "service": "ITaskSchedulerService", "events": 1, "target": TASK, "command_line": RUNS,
            }
        ],
        "task-atsvc": [
            {
                **FROM_TO, **MADE, "technique": "T1053.005", "start_time": "2020-12-19 12:00:22.264000",
                "end_time": "2020-12-19 12:00:22.264000", "host": HOST, "user_name": "THESHIRE\\pgustavo",
                "service": "ITaskSchedulerService", "target": TASK, "command_line": RUNS,
            }
        ],
    },
    (PSEXEC,): {
        "service-pipe": [
            {
                **SERVICE, "start_time": "2021-04-21 09:40:32.363393", "end_time": "2021-04-21 09:40:32.363393",
                "src_ip": "10.23.42.22", "host": "srvdefender01.offsec.lan", "user_name": "OFFSEC\\admmig", "target": "PSEXESVC",
                "command_line": "%SystemRoot%\\PSEXESVC.exe",
            }
        ]
    },
    (OPENED, INSTALLED): {
        "service-pipe": [
            {
                **SERVICE, "confidence": 0.7, "start_time": "2019-03-19 00:41:28.961628", "end_time": "2019-03-19 00:41:29.008933",
                "src_ip": "10.0.2.17", "host": "win-77ltaphiq1r.example.corp", "user_name": "EXAMPLE\\Administrator",
                "target": "remotesvc", "command_line": "calc.exe",
            }
        ]
    },
    (f"{JSON}/{SHARPSC}.json.gz",): {
        "service-pipe": [
            {
                **FROM_TO, **SERVICE, "start_time": "2020-08-06 06:27:29.000000", "end_time": "2020-08-06 06:27:29.000000",
                "host": HOST, "user_name": "THESHIRE\\pgustavo", "target": "Cyb3rWard0g",
                "command_line": "C:\\Windows\\System32\\GruntHTTP2.exe",
            }
        ]
    },
    (f"{JSON}/{SHARPSC}.json.gz", f"{PCAP}/{SHARPSC}.cap"): {
        "service-pipe": [CREATED | {"technique": "T1543.003"}, CREATED | {"technique": "T1569.002"}]
    },
    (f"{PCAP}/{SCHTASK}.pcapng",): {"remote-task": [REGISTERED]},
    (f"{JSON}/{SCHTASK}.json.gz", f"{PCAP}/{SCHTASK}.pcapng"): {
        "remote-task": [{**REGISTERED, "host": HOST, "target": TASK, "command_line": RUNS}]
    },
    (f"{JSON}/covenant_dcom_executeexcel4macro_allowed_2020-09-17174542.json.gz",): {
        "dcom-execution": [
            {
                **FROM_TO, "technique": "T1021.003", "tier": "process", "confidence": 0.9, "weight": 0.8,
                "start_time": "2020-09-17 21:46:12.261000", "end_time": "2020-09-17 21:46:22.212000", "host": HOST,
                "user_name": "THESHIRE\\pgustavo", "service": "excel.exe", "events": 1, "image_path": SURROGATE,
                "command_line": f'"{SURROGATE}" {{0358B920-0AC7-461F-98F4-58E32CD89148}} -Embedding',
            }
        ]
    },
    (f"{JSON}/{SHELL.format('stager')}.json.gz",): {
        "dcom-execution": [
            {
                **FROM_TO, "technique": "T1021.003", "tier": "process", "confidence": 0.9, "weight": 0.8,
                "start_time": "2020-09-18 17:08:35.806000", "end_time": "2020-09-18 17:08:36.030000", "host": HOST,
                "user_name": "THESHIRE\\sbeavers", "service": "explorer.exe", "events": 1, "image_path": "C:\\Windows\\System32\\cmd.exe",
                "command_line": '"C:\\Windows\\System32\\cmd.exe" /c %%COMSPEC%% /C start',
            }
        ]
    },
    (f"{PCAP}/{SHELL.format('WORKSTATION5')}.cap",): {
        "dcom-execution": [INVOKED | {"start_time": "2020-09-18 17:08:35.743516", "end_time": "2020-09-18 17:08:36.016723"}]
    },
    (f"{PCAP}/{SHELL.format('WORKSTATION6')}.cap",): {
        "dcom-execution": [INVOKED | {"start_time": "2020-09-18 17:08:35.740150", "end_time": "2020-09-18 17:08:36.013489"}]
    },
}  # fmt: skip
"""Files: analytic to its rows, without what is empty; the command's beginning."""
MISSES = {
    f"{JSON}/covenant_dcom_executeexcel4macro_blocked_2020-09-17173147.json.gz": "the connection was blocked",
    f"{PCAP}/covenant_dcom_executeexcel4macro_blocked_2020-09-17173147.cap": "the connection was blocked",
    f"{EVTX}/LM_sysmon_3_DCOM_ShellBrowserWindow_ShellWindows.evtx": "connections of explorer.exe alone: no process, no call",
    f"{EVTX}/remote_task_update_4624_4702_same_logonid.evtx": "event 4702 (a task was changed) is not read",
    "evtx/mdecrevoisier+EVTX-to-MITRE-Attack/ID4698-4699-Fast_created_&_deleted_task_by_ATexec_(susp._arg.).evtx": (
        "event 4698 alone: nothing says where the client was"
    ),
    f"{EVTX}/LM_sysmon_remote_task_src_powershell.evtx": "the client's log: connections of powershell.exe, nothing of what they asked for",
    OPENED: "the pipe was opened: which is not yet a service",
    INSTALLED: "event 7045 alone: nothing says where the client was",
    f"{JSON}/cmd_psexec_lsa_secrets_dump_2020-10-1903305471.json": (
        "PsExec on the computer itself: no logon's record, and the pipe opened, PSEXESVC, is none of RPC, from a link-local address"
    ),
}
"""Labelled as tasks, services or DCOM, and why nothing is found."""
NAMES = ("remote-task", "service-pipe", "task-atsvc", "dcom-execution")


def found(name: str, paths: Sequence[str]) -> list[dict[str, Any]]:
    with opened(Request([str(system.shared_data(path)) for path in paths])) as session:
        rows = session.run(name).to_pylist()
    for row in rows:
        row["command_line"] = row["command_line"] and row["command_line"].partition(" /b")[0]
        row |= {time: row[time].strftime("%Y-%m-%d %H:%M:%S.%f") for time in ("start_time", "end_time")}
    return [{cell: row[cell] for cell in CELLS if row[cell] is not None} for row in rows]


@pytest.mark.parametrize("paths", ROWS, ids=lambda paths: " + ".join(Path(path).name for path in paths))
def test_what_is_found(paths: tuple[str, ...]) -> None:
    assert {name: rows for name in NAMES if (rows := found(name, paths))} == ROWS[paths]


@pytest.mark.parametrize("path", MISSES)
def test_what_is_not_found(path: str) -> None:
    assert {name: found(name, [path]) for name in NAMES} == {name: [] for name in NAMES}


def test_the_published_form_of_tasks() -> None:
    """The bind, a second one, and each call, whatever it asks."""
    rows = found("CAR-2015-04-002", [f"{PCAP}/{SCHTASK}.pcapng"])
    assert [row.get("operation") for row in rows] == [
        None, None, "SchRpcHighestVersion", "SchRpcEnumTasks", "SchRpcRegisterTask",
    ]  # fmt: skip
    assert {(row["src_ip"], row["dest_ip"], row["technique"]) for row in rows} == {(*FROM_TO.values(), "T1053.005")}


def test_the_published_form_of_wmi_finds_nothing() -> None:
    """In no capture that has IRemUnknown2 is it on the mapper's port."""
    captures = [
        row["pack_path"]
        for each in catalogue("pcap/")
        if (row := each.values[0]) and "IRemUnknown2" in row["interfaces_opnums"]
    ]
    assert found("CAR-2014-11-007", captures or ["catalogue.csv"]) == []

"""The analytics beside RPC Activity, published and working, on public logs of hosts, and on captures beside the log of the same attack."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rpcsight.pipeline import Request, opened
from tests import system
from tests.test_catalogue import catalogue

NAMES = (
    "CAR-2014-03-005",
    "CAR-2014-12-001",
    "remote-service",
    "remote-wmi",
    "service-pipe",
    "task-atsvc",
    "wmi-launch",
)
LAB = "OTRF+Security-Datasets"
ENDS = ("172.18.39.5", "172.18.39.6")
"""The lab's client and server of each attack."""

Row = tuple[str | None, ...]
CMD = "C:\\Windows\\System32\\cmd.exe"
GRUNT = "C:\\Windows\\System32\\GruntHTTP2.exe"
SVCHOST = "C:\\Windows\\System32\\svchost.exe"
LOGS: dict[str, dict[str, list[Row]]] = {
    # PsExec: event 4697 in the session of a network logon; the server's address stands in none of its connections
    "ID4688,4697,5140-5145_PSexec_remote_execution_+_admin_share.evtx": {
        "service-pipe": [("10.23.42.22", None, "T1543.003", "process", None)],
    },
    # made over the pipe: its opening, logon and service (4697) have one session; System 7045 is of the same second and program
    "covenant_sharpsc_create_dcerpc_smb_svcctl_2020-08-06022635.json.gz": {
        "service-pipe": [(*ENDS, "T1543.003", "process", None)],
    },
    "covenant_sharpwmi_create_dcerpc_wmi_2020-08-06035621.json.gz": {
        "wmi-launch": [(*ENDS, "T1047", "process", GRUNT)],
    },
    "empire_msbuild_dcerpc_wmi_smb_2020-09-20173857.json.gz": {
        "wmi-launch": [(*ENDS, "T1047", "process", CMD)],
    },
    "empire_psexec_dcerpc_tcp_svcctl_2020-09-20121608.json.gz": {
        "remote-service": [(*ENDS, "T1543.003", "process", CMD), (*ENDS, "T1569.002", "process", CMD)],
        # of the logon session it can't be told that it was TCP
        "service-pipe": [(*ENDS, "T1543.003", "process", None)],
    },
    "empire_shell_dcerpc_smb_service_dll_hijack_2020-09-21232839.json.gz": {
        "remote-service": [(*ENDS, "T1569.002", "process", SVCHOST)],
    },
    # likewise
    "schtask_create_2020-12-1907003032.json.gz": {"task-atsvc": [(*ENDS, "T1053.005", "process", None)]},
}
"""What hosts' own logs show; the others show nothing."""
COMBINED: dict[str, tuple[tuple[str, ...], dict[str, list[Row]]]] = {
    "empire_psexec_dcerpc_tcp_svcctl_2020-09-20121608": (
        ("empire_psexec_dcerpc_tcp_svcctl_WORKSTATION6_2020-09-20121608.cap",),
        {
            "remote-service": [
                (*ENDS, "T1543.003", "decoded", CMD),
                (*ENDS, "T1569.002", "decoded", CMD),
                (*ENDS, "T1569.002", "decoded", CMD),
            ],
        },
    ),
    "empire_shell_dcerpc_smb_service_dll_hijack_2020-09-21232839": (
        ("empire_shell_dcerpc_smb_service_dll_hijack_2020-09-21232839.cap",),
        {"remote-service": [(*ENDS, "T1569.002", "decoded", SVCHOST)]},
    ),
    "covenant_sharpwmi_create_dcerpc_wmi_2020-08-06035621": (
        ("covenant_sharpwmi_create_dcerpc_wmi_2020-08-06035621.cap",),
        {
            "CAR-2014-12-001": [(*ENDS, "T1047", "decoded", GRUNT)],
            "remote-wmi": [(*ENDS, "T1047", "decoded", GRUNT)],
            "wmi-launch": [(*ENDS, "T1047", "decoded", GRUNT)],
        },
    ),
    "empire_msbuild_dcerpc_wmi_smb_2020-09-20173857": (
        ("empire_msbuild_dcerpc_wmi_smb_WORKSTATION5_2020-09-20173857.cap",),
        {
            # two connections, the process in Sysmon's and in the Security log
            "CAR-2014-12-001": [(*ENDS, "T1047", "decoded", CMD)] * 4,
            "remote-wmi": [(*ENDS, "T1047", "decoded", CMD)],
            "wmi-launch": [(*ENDS, "T1047", "decoded", CMD)],
        },
    ),
}
"""Captures beside the logs of the same attack."""


def found(paths: Sequence[Path]) -> dict[str, list[Row]]:
    """Client, server, technique, tier and program of each analytic's rows, of those that have some."""
    with opened(Request([str(path) for path in paths])) as session:
        rows = {name: session.run(name).to_pylist() for name in NAMES}
    return {name: [told(row) for row in some] for name, some in rows.items() if some}


def told(row: dict[str, Any]) -> Row:
    return row["src_ip"], row["dest_ip"], row["technique"], row["tier"], row["image_path"]


@pytest.mark.parametrize("row", catalogue("host-json/", "evtx/"))
def test_hosts_logs_alone(row: dict[str, str] | None) -> None:
    path = system.shared_data(*(row["pack_path"].split("/") if row else ("catalogue.csv",)))
    assert found([path]) == LOGS.get(path.name, {})


@pytest.mark.parametrize("name", COMBINED)
def test_a_capture_beside_the_log_of_the_same_attack(name: str) -> None:
    captures, expected = COMBINED[name]
    paths = [system.shared_data("pcap", LAB, capture) for capture in captures]
    assert found([system.shared_data("host-json", LAB, f"{name}.json.gz"), *paths]) == expected


def test_the_clocks_of_a_capture_and_of_the_logs_are_compared() -> None:
    name = "empire_msbuild_dcerpc_wmi_smb"
    paths = (
        system.shared_data("host-json", LAB, f"{name}_2020-09-20173857.json.gz"),
        system.shared_data("pcap", LAB, f"{name}_WORKSTATION6_2020-09-20173857.cap"),
    )
    with opened(Request([str(path) for path in paths])) as session:
        rows = session.ask("host_skew")
    assert sorted((row["host"], row["connections"], row["skew_us"]) for row in rows) == [
        ("workstation5.theshire.local", 5, 2_488_119),
        ("workstation6.theshire.local", 5, -565_402),
    ]

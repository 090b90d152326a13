"""Analytics that put several things together, on the public captures: what fires there, each argued, and what must not."""

from datetime import datetime
from pathlib import Path

import pytest

from rpcsight.pipeline import Request, opened
from tests import system
from tests.recording import PARQUET

ANALYTICS = ("mapper-sweep", "share-execution", "share-writes", "share-attempts", "rpc-internet", "rpc-chain")
COLUMNS = ("analytic", "technique", "tier", "weight", "src_ip", "dest_ip", "service", "operation", "events", "target")
PCAP = ("pcap", "OTRF+Security-Datasets")
ZEEK = ("zeek", "OTRF+Security-Datasets")
PSHELL = r"\\WORKSTATION6.theshire.local\C$\Windows\Tasks\pshell.xml"
WMI = ("T1047", "decoded", 0.5, "172.18.39.5", "172.18.39.6", "IWbemServices", "ExecMethod", 2, PSHELL)
WMI_AFTER = (*WMI[:2], 0.9, *WMI[3:7], 1, PSHELL)
HIJACK = r"\\WORKSTATION6\C$\Windows\System32\wlbsctrl.dll"


def found(*paths: Path) -> list[tuple[object, ...]]:
    """Rows of all the analytics, without times."""
    return [tuple(row[column] for column in COLUMNS) for row in rows(*paths)]


def rows(*paths: Path) -> list[dict[str, object]]:
    with opened(Request([str(path) for path in paths])) as session:
        return [row for name in ANALYTICS for row in session.run(name).to_pylist()]


@pytest.mark.parametrize("host", ["WORKSTATION5", "WORKSTATION6"])
def test_a_build_file_is_copied_and_run_over_wmi(host: str) -> None:
    """Empire's msbuild: two methods before the copy (they get ready), one after it (it runs MSBuild)."""
    path = system.shared_data(*PCAP, f"empire_msbuild_dcerpc_wmi_smb_{host}_2020-09-20173857.cap")
    assert found(path) == [("share-execution", *WMI), ("share-execution", *WMI_AFTER)]


def test_a_library_is_copied_for_a_service_that_is_then_started() -> None:
    """The service that loads it was there before: only its start is seen."""
    path = system.shared_data(*PCAP, "empire_shell_dcerpc_smb_service_dll_hijack_2020-09-21232839.cap")
    (row,) = rows(path)
    assert row == {
        "analytic": "share-execution",
        "technique": "T1569.002",
        "tier": "decoded",
        "confidence": 1.0,
        "weight": 0.9,
        "start_time": datetime(2020, 9, 22, 3, 30, 39, 46231),
        "end_time": row["end_time"],
        "src_ip": "172.18.39.5",
        "dest_ip": "172.18.39.6",
        "host": None,
        "user_name": row["user_name"],
        "service": "svcctl",
        "operation": "StartServiceW",
        "events": 1,
        "target": HIJACK,
        "image_path": None,
        "command_line": None,
        "flow_id": None,
        "observer": row["observer"],
        "source": str(path),
    }


def test_wmiexec_connects_to_the_share_again_and_again() -> None:
    """As BZAR counts; it takes the output of each command from ADMIN$."""
    path = system.shared_data(
        "evtx", "mdecrevoisier+EVTX-to-MITRE-Attack", "ID4688-5145-WMIexec_execution_via_SMB.evtx"
    )
    assert found(path) == [("share-attempts", "T1021.002", None, 0.3, "10.23.23.9", None, None, None, 7, "1 server")]


def test_the_recording_holds_a_chain() -> None:
    """Its attacker goes on from .22, which the administrator's host had just asked; .23 and .24 serve three clients and more, or are A."""
    path = "10.77.0.24 > 10.77.0.22 > 10.77.0.21"
    assert found(PARQUET) == [("rpc-chain", "T1021", None, 0.5, "10.77.0.22", "10.77.0.21", None, None, 2, path)]


SILENT = {
    "a tool copied, nothing run": [(*PCAP, "covenant_copy_smb_CreateRequest_2020-09-22145302.cap")],
    "PsExec without a file, both ends": [
        (*PCAP, f"empire_psexec_dcerpc_tcp_svcctl_WORKSTATION{n}_2020-09-20121608.cap") for n in (5, 6)
    ],
    "services asked for": [(*PCAP, "covenant_sc_query_dcerpc_smb_svcctl_2020-08-05034820.cap")],
    "a service made, its program fetched by itself": [
        (*PCAP, "covenant_sharpsc_create_dcerpc_smb_svcctl_2020-08-06022635.cap")
    ],
    "a task, by the log of a host whose lsass.exe asks the domain controller": [
        ("host-json", "OTRF+Security-Datasets", "schtask_create_2020-12-1907003032.json.gz")
    ],
    "an old mail client has one server list what it offers": [("pcap", "zeek+zeek", "mapi.pcap")],
    "APT29, day 2: every attack is from one host to another, all else to the domain controller": [
        (*ZEEK, f"apt29_day2_{host}_{log}.log")
        for host in ("NEWYORK", "SCRANTON", "UTICA-A", "UTICA-D")
        for log in ("conn", "dce_rpc")
    ],
    "LSASS campaigns": [(*ZEEK, f"lsass0{n}_conn.log") for n in (2, 3, 5, 7)],
    "a day of a competition's domain": [("zeek", "brimdata+zed-sample-data", "wrccdc2018_tsv_dce_rpc.log.gz")],
}


@pytest.mark.parametrize("paths", [pytest.param(paths, id=about) for about, paths in SILENT.items()])
def test_nothing_fires_without_such_behaviour(paths: list[tuple[str, ...]]) -> None:
    assert found(*(system.shared_data(*path) for path in paths)) == []

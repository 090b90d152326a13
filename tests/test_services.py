"""Which service each activity of the public captures reached, how that is known, and what flows of the other side learn from it."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rpcsight.analytics import step
from rpcsight.catalog import interfaces
from rpcsight.pipeline import Request, opened
from tests import system

OTRF = "OTRF+Security-Datasets"
NETLOGON = (49675, "logon", "NetrServerAuthenticate3", "decoded", 1.0)
SIDS = (49667, "lsarpc", "LsarLookupSids3", "decoded", 1.0)
DIRECTORY = (49667, "drsuapi", None, "learned", 0.9)
Told = tuple[int, str | None, str | None, str | None, float | None]


def drsuapi(operation: str, port: int = 49667) -> Told:
    return port, "drsuapi", operation, "decoded", 1.0


def svcctl(operation: str, port: int = 49726) -> Told:
    return port, "svcctl", operation, "decoded", 1.0


def wmi(port: int, operation: str = "ExecMethod", interface: str = "IWbemServices") -> Told:
    return port, interface, operation, "decoded", 1.0


# Of each capture with activities: port of the server, service, operation, tier, confidence. The eight connections of SCRANTON and NEWYORK
# that are learned followed the mapper's answer, and their capture lost the bind and what came after it.
CAPTURES: dict[str, dict[Told, int]] = {
    "OISF+suricata-verify/dcerpc__dce-gap-handling__input.pcap": {(49154, "samr", "SamrConnect", "decoded", 1.0): 1},
    "OISF+suricata-verify/dcerpc__dcerpc-ctxids__input.pcap": {
        wmi(49724, "GetNames", "ITypeInfo"): 1,
        wmi(49724, "Invoke", "IDispatch"): 1,
    },
    "OISF+suricata-verify/dcerpc__dcerpc-dce-iface-01__20171220_smb_psexec_mimikatz_ticket_dump-s2.pcap": {
        svcctl("CreateServiceWOW64W", 49155): 1
    },
    f"{OTRF}/apt29_day2_NEWYORK.cap": {
        **{SIDS: 5, DIRECTORY: 8, NETLOGON: 1},
        **{drsuapi("DRSCrackNames"): 9, drsuapi("DRSDomainControllerInfo"): 1, drsuapi("DRSWriteSPN"): 1},
    },
    f"{OTRF}/apt29_day2_SCRANTON.cap": {SIDS: 1, DIRECTORY: 8},
    f"{OTRF}/apt29_day2_UTICA-A.cap": {SIDS: 2, drsuapi("DRSDomainControllerInfo"): 1, drsuapi("DRSCrackNames"): 1},
    f"{OTRF}/covenant_dcsync_dcerpc_drsuapi_DsGetNCChanges_2020-08-05020926.cap": {
        drsuapi("DRSGetNCChanges", 49674): 1
    },
    f"{OTRF}/covenant_sharpwmi_create_dcerpc_wmi_2020-08-06035621.cap": {wmi(52419): 1},
    f"{OTRF}/covenant_wmi_remote_event_subscription_ActiveScriptEventConsumers_WORKSTATION5_2020-09-01103012.cap": {
        wmi(59570, "PutInstance"): 1
    },
    f"{OTRF}/empire_dcom_shellwindows_WORKSTATION5_2020-09-18130751.cap": {wmi(49913, "Invoke", "IDispatch"): 1},
    f"{OTRF}/empire_find_localadmin_smb_svcctl_OpenSCManager_2020-09-22021559.cap": {svcctl("OpenSCManager2"): 1},
    f"{OTRF}/empire_msbuild_dcerpc_wmi_smb_WORKSTATION5_2020-09-20173857.cap": {
        wmi(50937): 1,
        wmi(50937, "RemRelease", "IRemUnknown2"): 1,
    },
    f"{OTRF}/empire_powerview_ldap_ntsecuritydescriptor_2020-09-21130944.cap": {drsuapi("DRSCrackNames", 49674): 1},
    f"{OTRF}/empire_psexec_dcerpc_tcp_svcctl_WORKSTATION5_2020-09-20121608.cap": {svcctl("CreateServiceA"): 1},
    f"{OTRF}/empire_shell_dcerpc_smb_service_dll_hijack_2020-09-21232839.cap": {
        drsuapi("DRSCrackNames", 49674): 1,
        svcctl("OpenSCManager2"): 2,
        svcctl("StartServiceW"): 1,
    },
    f"{OTRF}/schtask_create_2020-12-1907003032.pcapng": {wmi(49671, "SchRpcRegisterTask", "ITaskSchedulerService"): 1},
    "secdev+scapy/dcerpc_msnrpc.pcapng.gz": {(49676, *NETLOGON[1:]): 1},
    "secdev+scapy/dcerpc_privacy_ntlm.pcapng.gz": {svcctl("EnumServicesStatusW", 49679): 1},
}


def activities(*paths: Path) -> list[dict[str, Any]]:
    with opened(Request([str(path) for path in paths])) as session:
        return session.run("rpc-activity").to_pylist()


def told(rows: list[dict[str, Any]]) -> Counter[Told]:
    return Counter(
        tuple(row[name] for name in ("dest_port", "service", "operation", "tier", "tier_confidence")) for row in rows
    )


@pytest.mark.parametrize("capture", CAPTURES)
def test_packets_say_the_service(capture: str) -> None:
    assert told(activities(system.shared_data("pcap", *capture.split("/")))) == CAPTURES[capture]


def test_flows_of_another_host_learn_from_a_capture() -> None:
    """The capture knows two interfaces of lsass.exe on the port; the flows do not say which of them a connection is for."""
    capture = system.shared_data("pcap", OTRF, "apt29_day2_SCRANTON.cap")
    flows = system.shared_data("netflow-derived", "nfpcapd", "NEWYORK.nfdump.json")
    rows = [row for row in activities(capture, flows) if row["source"].endswith("NEWYORK.nfdump.json")]
    assert told(rows) == {
        DIRECTORY: 4,  # of the client that was told, seen on the way by both
        (49667, "lsass.exe", None, "learned", 0.8): 12,
        (49667, "lsass.exe", None, "learned", 0.6): 3,
        (49675, None, None, None, None): 1,
    }


def test_flows_alone_say_nothing() -> None:
    rows = activities(system.shared_data("netflow-derived", "nfpcapd", "NEWYORK.nfdump.json"))
    assert {row[1:] for row in told(rows)} == {(None, None, None, None)}


def test_a_log_of_calls_says_the_service() -> None:
    """Zeek's, by flow id; names become the catalogue's. Eight connections without calls are of a port that it knows two interfaces of."""
    folder = system.shared_data("zeek", OTRF)
    rows = activities(*(folder / f"apt29_day2_NEWYORK_{log}.log" for log in ("conn", "dce_rpc")))
    assert told(rows) == {
        **{SIDS: 5, NETLOGON: 1, (49667, "lsass.exe", None, "learned", 0.8): 8},
        **{drsuapi("DRSCrackNames"): 9, drsuapi("DRSDomainControllerInfo"): 1, drsuapi("DRSWriteSPN"): 1},
    }


def test_the_program_at_the_servers_end_says_the_service() -> None:
    events = "empire_psexec_dcerpc_tcp_svcctl_2020-09-20121608.json.gz"
    assert told(activities(system.shared_data("host-json", OTRF, events))) == {
        (49726, "svcctl", None, "process", 0.9): 1,
        (49674, "lsass.exe", None, "process", 0.6): 1,
    }


def test_programs_that_tell_the_service_have_one_interface_on_tcp_that_has_a_name() -> None:
    listed = [line.split("'")[1::2] for line in step("sole_service").splitlines() if line.startswith("select")]
    for program, service in listed:
        own = [
            each for each in interfaces().values() if each.process == program and each.name and "tcp" in each.transports
        ]
        assert [each.name for each in own] == [service]

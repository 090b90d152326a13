"""The public records with a declared attack, what it was, and why some of them can't show it: by beginning of the file's name."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rpcsight.analytics import analytic
from rpcsight.errors import InputError
from rpcsight.hunting import keep_activities, keep_detections
from rpcsight.pipeline import Request, opened
from tests import system

PAIRS = {
    "CAR-2014-05-001": "rpc-activity",
    "CAR-2014-03-005": "remote-service",
    "CAR-2015-04-002": "remote-task",
    "CAR-2014-11-007": "remote-wmi",
    "CAR-2014-12-001": "wmi-launch",
}
"""Published forms, and those that work."""
LISTS = ("rpc-techniques", "share-access")
SERVICE = ("T1543.003", "T1569.002")
RIGHT: dict[str, tuple[str, ...]] = {
    "20171220_smb_at_schedule": ("T1053.002",),
    "apt29_day2": (),
    "CA_DCSync_4662": ("T1003.006",),
    "cmd_psexec": SERVICE,
    "covenant_copy": ("T1021.002",),
    "covenant_dcom_executeexcel4macro": ("T1021.003",),
    "covenant_dcsync": ("T1003.006",),
    "covenant_getdomaingroup": ("T1069.002",),
    "covenant_ldap_searchrequest": ("T1087.002",),
    "covenant_psremoting": ("T1021.006",),
    "covenant_sc_query": ("T1007",),
    "covenant_sharpsc_create": SERVICE,
    "covenant_sharpsc_query": ("T1007",),
    "covenant_sharpwmi": ("T1047",),
    "covenant_wmi_remote_event_subscription": ("T1546.003",),
    "dcerpc-smb-test-01": SERVICE,
    "dcerpc__dcerpc-dce-iface-01__20171220_smb_psexec": SERVICE,
    "DE_RDP_Tunnel": (),
    "empire_dcom_shellwindows": ("T1021.003",),
    "empire_enable_rdp": ("T1112",),
    "empire_find_localadmin": ("T1069.001",),
    "empire_getsession": ("T1049",),
    "empire_msbuild": ("T1047",),
    "empire_powerview_ldap": ("T1222.001",),
    "empire_psexec": SERVICE,
    "empire_psremoting": ("T1021.006",),
    "empire_shell_dcerpc_smb_service_dll_hijack": ("T1569.002",),
    "empire_shell_rpc_samr": ("T1069",),
    "empire_shell_samr": ("T1087",),
    "ID4688,4697": SERVICE,
    "ID4688-5145": ("T1047",),
    "ID4698": ("T1053.005",),
    "LM_Remote_Service": SERVICE,
    "LM_sysmon_3_DCOM": ("T1021.003",),
    "LM_sysmon_psexec": SERVICE,
    "LM_sysmon_remote_task": ("T1053.005",),
    "LM_wmiexec": ("T1047",),
    "lm_remote_registry": ("T1112",),
    "lsass": (),
    "remote_task_update": ("T1053.005",),
    "schtask_create": ("T1053.005",),
    "smb2-06__20171220_smb_net_user": ("T1087",),
}
"""What was done there, by RPC or beside it (nothing: the declared thing is none of what this finds)."""
LDAP, WINRM = "done over LDAP", "done over WinRM (5985)"
NO_OPERATION = "a computer's log does not say which operation was called"
MISSES: dict[tuple[str, str], str] = {
    (
        "",
        "apt29_day2",
    ): "the emulation moved over WinRM; its RPC is the domain's own, and is listed as such",
    ("", "CA_DCSync_4662"): "event 4662 alone, which is not read: the directory's own audit, not RPC",
    ("", "cmd_psexec"): "no connection, share or network logon of the server is in the log: run on the computer itself",
    ("host-json", "covenant_copy"): "Security 5145 does not say whether a file was written",
    ("pcap", "covenant_dcom_executeexcel4macro_blocked"): "the firewall let nothing through: there is no RPC in it",
    ("host-json", "covenant_dcom_executeexcel4macro_blocked"): "the firewall let nothing through: nothing was called",
    ("host-json", "covenant_dcsync"): NO_OPERATION,
    ("", "covenant_getdomaingroup"): LDAP,
    ("", "covenant_ldap_searchrequest"): LDAP,
    ("", "covenant_psremoting"): WINRM,
    ("host-json", "covenant_sc_query"): NO_OPERATION,
    ("host-json", "covenant_sharpsc_query"): NO_OPERATION,
    (
        "host-json",
        "covenant_wmi_remote_event_subscription",
    ): "a subscription starts nothing by itself; its events (Sysmon 19 to 21) are not read",
    ("", "DE_RDP_Tunnel"): "RDP in a tunnel: no RPC",
    ("host-json", "empire_enable_rdp"): "the registry was written on the computer itself",
    ("host-json", "empire_find_localadmin"): NO_OPERATION,
    ("host-json", "empire_getsession"): NO_OPERATION,
    ("", "empire_powerview_ldap"): LDAP,
    ("", "empire_psremoting"): WINRM,
    ("host-json", "empire_shell_rpc_samr"): NO_OPERATION,
    ("host-json", "empire_shell_samr"): NO_OPERATION,
    (
        "evtx",
        "ID4688-5145",
    ): "no connection stands in the log; what the commands wrote to a share does (share-attempts)",
    ("evtx", "ID4698"): "no connection stands in the log",
    ("evtx", "LM_Remote_Service"): "one kind of event alone: a service without who came, or who came without a service",
    ("evtx", "LM_sysmon_3_DCOM"): "Explorer's connections alone, without what they started",
    ("evtx", "LM_sysmon_psexec"): "no connection of services.exe stands in the log",
    ("evtx", "LM_sysmon_remote_task"): "the client's log: its connections, not what became of them",
    ("evtx", "LM_wmiexec"): "no connection of WMI stands in the log, only those of what was started",
    ("evtx", "lm_remote_registry"): "what is written to the registry is not read, but for tasks",
    ("", "lsass"): "memory of LSASS read on the computer itself; its RPC is the domain's own",
    ("evtx", "remote_task_update"): "event 4702 (a task changed) is not read",
    ("zeek", "apt29_day2"): "the emulation moved over WinRM; its RPC is the domain's own, and is listed as such",
    ("netflow-derived", ""): "flows alone: they name no operation",
}
"""Why a file does not show it, by folder (empty: any) and beginning of the name."""


@dataclass(frozen=True)
class Seen:
    """What rpcsight makes of a file.

    Args:
        fired: analytics of attacks that gave rows: id, technique, tier.
        listed: techniques that lists gave, with the greatest weight.
        counts: rows of published forms, and of those that work, by id.
    """

    fired: frozenset[tuple[str, str, str]]
    listed: dict[str, float]
    counts: Counter[str]


def records() -> Iterator[Path]:
    """Every public file."""
    for path in sorted(system.shared_data().rglob("*")):
        if path.is_file() and len(path.relative_to(system.shared_data()).parts) > 2:
            yield path


def seen(path: Path) -> Seen | None:
    """What rpcsight makes of a file; None where it holds nothing for it."""
    try:
        with opened(Request([str(path)])) as session:
            keep_activities(session)
            keep_detections(session)
            found: list[dict[str, Any]] = session.held("detection")
            there = {"flow", *session.shown()}
            listed: dict[str, float] = {}
            for row in (
                row
                for name in LISTS
                if there.intersection(analytic(name).header.needs)
                for row in session.run(name).to_pylist()
            ):
                listed[row["technique"]] = max(row["weight"], listed.get(row["technique"], 0.0))
            working = Counter(row["analytic"] for row in found)
            published = [name for name in PAIRS if there.intersection(analytic(name).header.needs)]
            counts = Counter({name: session.count(name) for name in published})
            counts += Counter({name: working[name] for name in PAIRS.values()})
            counts["rpc-activity"] = len(session.held("rpc_activity"))
    except InputError:
        return None
    fired = frozenset((row["analytic"], row["technique"], row["tier"] or "") for row in found)
    return Seen(fired, listed, +counts)


def of_name(table: dict[str, Any], name: str) -> Any:
    """The value of the longest key that the name begins with."""
    keys = sorted((key for key in table if name.startswith(key)), key=len)
    return table[keys[-1]] if keys else None


def why_not(path: Path) -> str | None:
    """Why a file does not show what was done."""
    folder = path.relative_to(system.shared_data()).parts[0]
    return of_name({key: why for (place, key), why in MISSES.items() if place in {"", folder}}, path.name)


def is_right(technique: str, right: tuple[str, ...]) -> bool:
    """Whether a technique, or the one it is part of, is one of those."""
    return any(
        technique == each or technique.startswith(f"{each}.") or each.startswith(f"{technique}.") for each in right
    )

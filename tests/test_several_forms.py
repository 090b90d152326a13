"""One attack, recorded as packets, as NetFlow and by its hosts, gives the same activities; where not, the reason is in the data here.

Compared are client, server and both ports; start times within what each form's clock can tell. What a form alone shows is
listed with why the other could not see it, and the reason is checked against the records.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rpcsight.pipeline import Request, opened
from tests import system
from tests.test_catalogue import catalogue

Ends = tuple[str, int, str, int]
OTRF = "OTRF+Security-Datasets"
NAMES = ("src_ip", "src_port", "dest_ip", "dest_port")
MS, SECOND = timedelta(milliseconds=1), timedelta(seconds=1)
WS5, WS6, DC, DC_ITSELF = "172.18.39.5", "172.18.39.6", "172.18.38.5", "172.18.38.6"
"""The laboratory's workstations (the attacker's foothold is WS5), its domain controller, and that one's other address."""

WHOLE = "Security 5156, whose time NXLog wrote in whole seconds, cut off"
SYSMON_ERROR_MS = 20
"""Sysmon's time of a connection is written to 1 ms; between two connections of a host it was right to 20 ms in every file."""

FAILED = "the packets show that no handshake was completed: an attempt; 5156 says permitted before anybody answers"
UNSEEN = "not at the machine whose packets were captured, or not while they were"
LAB_RUN = "the packets and the events are of two runs of the same attack, eleven hours apart"


@dataclass(frozen=True)
class Attack:
    """What packets and host events show of an attack.

    Attributes:
        hosts: the file of events.
        captures: the captures, the sensor of each on another machine.
        both: connections that both show: how much later the host's time is, in milliseconds, or WHOLE.
        hosts_only: connections that only the events show, and why.
    """

    hosts: str
    captures: tuple[str, ...]
    both: Mapping[Ends, int | str] = field(default_factory=dict)
    hosts_only: Mapping[Ends, str] = field(default_factory=dict)


# Sysmon's clock differs from the sensor's by a constant of up to seconds for each host and file. That it is a constant shows where a host
# has several connections (empire_msbuild, and WS6 in the DLL hijack), and in the mapper's connection, for which the same shift holds.
# Security's times, which have no fraction, agree with the sensor's in every file.
ATTACKS = [
    Attack(
        "covenant_dcsync_dcerpc_drsuapi_DsGetNCChanges_2020-08-05020926.json.gz",
        ("covenant_dcsync_dcerpc_drsuapi_DsGetNCChanges_2020-08-05020926.cap",),
        {(WS5, 59696, DC, 49674): -1300},
    ),
    Attack(
        "covenant_sharpwmi_create_dcerpc_wmi_2020-08-06035621.json.gz",
        ("covenant_sharpwmi_create_dcerpc_wmi_2020-08-06035621.cap",),
        {(WS5, 55275, WS6, 52419): 465},
    ),
    Attack(
        "empire_psexec_dcerpc_tcp_svcctl_2020-09-20121608.json.gz",
        tuple(f"empire_psexec_dcerpc_tcp_svcctl_WORKSTATION{number}_2020-09-20121608.cap" for number in (5, 6)),
        {(WS5, 56608, WS6, 49726): -509},
        {(DC_ITSELF, 59409, DC, 49674): UNSEEN},
    ),
    Attack(
        "schtask_create_2020-12-1907003032.json.gz",
        ("schtask_create_2020-12-1907003032.pcapng",),
        {(WS5, 56588, WS6, 49671): 2},
        {(WS6, 53608, DC, 49674): UNSEEN},
    ),
    Attack(
        "empire_dcom_shellwindows_stager_2020-09-18130751.json.gz",
        tuple(f"empire_dcom_shellwindows_WORKSTATION{number}_2020-09-18130751.cap" for number in (5, 6)),
        {(WS5, 58406, WS6, 49913): 410},
        {(WS6, port, DC, 49674): UNSEEN for port in (49824, 49870, 49897)},
    ),
    Attack(
        "empire_find_localadmin_smb_svcctl_OpenSCManager_2020-09-22021559.json.gz",
        ("empire_find_localadmin_smb_svcctl_OpenSCManager_2020-09-22021559.cap",),
        {(WS5, 54786, WS6, 49726): -916},
        {(WS5, 54785, DC, 49683): FAILED},
    ),
    Attack(
        "empire_getsession_dcerpc_smb_srvsvc_NetSessEnum_2020-09-22034513.json.gz",
        ("empire_getsession_dcerpc_smb_srvsvc_NetSessEnum_2020-09-22034513.cap",),
        hosts_only={(WS5, 55717, DC, 49674): UNSEEN},
    ),
    Attack(
        "empire_msbuild_dcerpc_wmi_smb_2020-09-20173857.json.gz",
        tuple(f"empire_msbuild_dcerpc_wmi_smb_WORKSTATION{number}_2020-09-20173857.cap" for number in (5, 6)),
        {(WS5, 60120, WS6, 50937): -566, (WS5, 60122, WS6, 50937): -566},
    ),
    Attack(
        "empire_powerview_ldap_ntsecuritydescriptor_2020-09-21130944.json.gz",
        ("empire_powerview_ldap_ntsecuritydescriptor_2020-09-21130944.cap",),
        {(WS5, 56155, DC, 49674): WHOLE},
        {(WS6, 63583, DC, 49674): UNSEEN},
    ),
    Attack(
        "empire_shell_dcerpc_smb_service_dll_hijack_2020-09-21232839.json.gz",
        ("empire_shell_dcerpc_smb_service_dll_hijack_2020-09-21232839.cap",),
        {
            (WS5, 53124, DC, 49674): WHOLE,
            (WS5, 53150, WS6, 49726): 202,  # WS5's Sysmon
            (WS5, 53157, WS6, 49726): -887,  # WS6's
            (WS5, 53161, WS6, 49726): -887,
        },
        {(DC_ITSELF, 56919, DC, 49674): UNSEEN},
    ),
    Attack(
        "covenant_sc_query_dcerpc_smb_svcctl_2020-08-05034820.json.gz",
        ("covenant_sc_query_dcerpc_smb_svcctl_2020-08-05034820.cap",),
        hosts_only={(WS5, 60337, DC, 49683): FAILED},
    ),
    Attack(
        "covenant_sharpsc_create_dcerpc_smb_svcctl_2020-08-06022635.json.gz",
        ("covenant_sharpsc_create_dcerpc_smb_svcctl_2020-08-06022635.cap",),
        hosts_only={
            (WS5, 54714, WS6, 50115): FAILED,
            (WS5, 54718, WS6, 50115): FAILED,
            (DC_ITSELF, 60401, DC, 49674): UNSEEN,
            (DC_ITSELF, 60403, DC, 49674): UNSEEN,
            (WS5, 54744, DC, 49674): UNSEEN,
        },
    ),
    Attack(
        "covenant_sharpsc_query_dcerpc_smb_svcctl_2020-08-06012009.json",
        ("covenant_sharpsc_query_dcerpc_smb_svcctl_2020-08-06012009.cap",),
        hosts_only={(WS5, 54359, WS6, 50115): FAILED},
    ),
    Attack(
        "covenant_dcom_executeexcel4macro_blocked_2020-09-17173147.json.gz",
        ("covenant_dcom_executeexcel4macro_blocked_2020-09-17173147.cap",),
        hosts_only={(DC_ITSELF, 50361, DC, 49674): UNSEEN},
    ),
    Attack(
        "covenant_psremoting_command_2020-08-06115603.json.gz",
        ("covenant_psremoting_command_2020-08-06115603.cap",),
        hosts_only={(DC_ITSELF, 60880, DC, 49674): UNSEEN},
    ),
    # Over SMB's pipes, LDAP or WinRM: no form shows RPC on ports of its own.
    Attack(
        "covenant_copy_smb_CreateRequest_2020-09-22145302.json",
        ("covenant_copy_smb_CreateRequest_2020-09-22145302.cap",),
    ),
    Attack(
        "covenant_getdomaingroup_ldap_searchrequest_domain_admins_2020-09-22141005.json",
        ("covenant_getdomaingroup_ldap_searchrequest_domain_admins_2020-09-22141005.cap",),
    ),
    Attack(
        "empire_psremoting_stager_2020-09-20170827.json.gz",
        tuple(f"empire_psremoting_stager_WORKSTATION{number}_2020-09-20170827.cap" for number in (5, 6)),
    ),
    Attack(
        "empire_shell_rpc_samr_smb_group_domain_admins_standard_user_2020-09-21040850.json.gz",
        ("empire_shell_rpc_samr_smb_group_domain_admins_standard_user_2020-09-21040850.cap",),
    ),
    Attack(
        "empire_shell_samr_EnumDomainUsers_2020-09-21193527.json.gz",
        ("empire_shell_samr_EnumDomainUsers_2020-09-21193527.cap",),
    ),
]
OTHER_RUN = Attack(
    "covenant_wmi_remote_event_subscription_ActiveScriptEventConsumers_2020-09-01214330.json.gz",
    tuple(
        f"covenant_wmi_remote_event_subscription_ActiveScriptEventConsumers_WORKSTATION{number}_2020-09-01103012.cap"
        for number in (5, 6)
    ),
    {(WS5, 61434, WS6, 59570): LAB_RUN},
    {(WS5, 52300, WS6, 59570): LAB_RUN},
)
NO_PAIR = {
    "apt29_day2_NEWYORK.cap",
    "apt29_day2_SCRANTON.cap",
    "apt29_day2_UTICA-A.cap",
    "apt29_day2_UTICA-C.cap",
    "covenant_ldap_searchrequest_domainuser.cap",
}
"""Captures without host events here; APT29's are compared with Zeek's logs below."""
HOSTS_ALONE = {
    "cmd_psexec_lsa_secrets_dump_2020-10-1903305471.json",
    "covenant_dcom_executeexcel4macro_allowed_2020-09-17174542.json.gz",
    "covenant_psremoting_grunt_2019-12-05014931.json.gz",
    "empire_enable_rdp_2019-05-18203650.json.gz",
    "lsass05_metasploit_sharpdump_lsass_memory_dump.json.gz",
}
"""Host events without a capture here."""

NFPCAPD = {
    "covenant_dcsync_dcerpc_drsuapi_DsGetNCChanges_2020-08-05020926": "covenant_dcsync_dcerpc_drsuapi_DsGetNCChanges_2020-08-05020926.cap",
    "covenant_sharpwmi_create_dcerpc_wmi_2020-08-06035621": "covenant_sharpwmi_create_dcerpc_wmi_2020-08-06035621.cap",
    "empire_psexec_dcerpc_tcp_svcctl_WORKSTATION6_2020-09-20121608": "empire_psexec_dcerpc_tcp_svcctl_WORKSTATION6_2020-09-20121608.cap",
    "schtask_create_2020-12-1907003032": "schtask_create_2020-12-1907003032.pcapng",
    "NEWYORK": "apt29_day2_NEWYORK.cap",
}
RESOLUTIONS = {"nfcapd": MS, "nfdump.json": MS, "nfdump.csv": SECOND}
SOFTFLOWD = {
    "newyork": NFPCAPD["NEWYORK"],
    "psexec_w6": NFPCAPD["empire_psexec_dcerpc_tcp_svcctl_WORKSTATION6_2020-09-20121608"],
    "schtask_create": NFPCAPD["schtask_create_2020-12-1907003032"],
    "sharpwmi": NFPCAPD["covenant_sharpwmi_create_dcerpc_wmi_2020-08-06035621"],
}


@dataclass(frozen=True)
class Shown:
    """What a file shows: activities by their ends, and the ends of attempts."""

    activities: dict[Ends, dict[str, Any]]
    attempts: set[Ends]

    def later(self, other: "Shown", name: str = "start_time") -> dict[Ends, timedelta]:
        """How much later the same happened by this file's clock than by the other's."""
        assert set(self.activities) == set(other.activities)
        return {ends: row[name] - other.activities[ends][name] for ends, row in self.activities.items()}


def ends_of(row: Mapping[str, Any]) -> Ends:
    return row["src_ip"], row["src_port"], row["dest_ip"], row["dest_port"]


@cache
def shown(*parts: str) -> Shown:
    path = system.shared_data(*parts)
    if path.suffix == ".nfcapd":
        system.require("nfdump")
    with opened(Request([str(path)])) as session:
        rows = session.run("rpc-activity").to_pylist()
        attempts = {ends_of(row) for row in session.run("rpc-attempts").to_pylist()}
    found = {ends_of(row): row for row in rows}
    assert len(found) == len(rows)
    return Shown(found, attempts)


def captured(name: str) -> Shown:
    return shown("pcap", OTRF, name)


def recorded(name: str) -> Shown:
    return shown("host-json", OTRF, name)


def scope(capture: str) -> tuple[set[str], datetime, datetime]:
    """The addresses of the machine that captured (at one end of every connection), and the time from the first to the last packet."""
    with opened(Request([str(system.shared_data("pcap", OTRF, capture))]), asked=(), is_whole=True) as session:
        flows = [row for batch in session.table("flow") for row in batch.to_pylist()]
    pairs = [{row["src_ip"], row["dest_ip"]} for row in flows if ":" not in row["src_ip"]]
    first, last = min(row["start_time"] for row in flows), max(row["end_time"] or row["start_time"] for row in flows)
    return set.intersection(*pairs), first, last


def name_of(attack: Attack) -> str:
    return attack.hosts.partition(".")[0]


@pytest.mark.parametrize("attack", ATTACKS, ids=name_of)
def test_packets_and_hosts_show_the_same(attack: Attack) -> None:
    events = recorded(attack.hosts)
    assert set(events.activities) == {*attack.both, *attack.hosts_only}
    for capture in attack.captures:
        packets = captured(capture)
        assert set(packets.activities) == set(attack.both)
        for ends, shift in attack.both.items():
            for name in ("start_time", "mapper_time"):
                time: datetime = events.activities[ends][name]
                later = (time - packets.activities[ends][name]) / MS
                is_whole = time.microsecond == 0
                assert (
                    -1000 < later <= 0 if is_whole else isinstance(shift, int) and abs(later - shift) <= SYSMON_ERROR_MS
                )
                assert name == "mapper_time" or is_whole == (shift == WHOLE)


@pytest.mark.parametrize("attack", [each for each in ATTACKS if each.hosts_only], ids=name_of)
def test_why_packets_do_not_show_it(attack: Attack) -> None:
    events = recorded(attack.hosts)
    for capture in attack.captures:
        attempts = captured(capture).attempts
        sensor, first, last = scope(capture)
        for ends, why in attack.hosts_only.items():
            is_seen = bool({ends[0], ends[2]} & sensor) and first <= events.activities[ends]["start_time"] <= last
            assert (ends, ends in attempts, is_seen) == (ends, why == FAILED, why == FAILED)


def test_two_runs_of_an_attack_use_the_same_port_of_the_server() -> None:
    events = recorded(OTHER_RUN.hosts)
    assert set(events.activities) == set(OTHER_RUN.hosts_only)
    for capture in OTHER_RUN.captures:
        packets = captured(capture)
        assert set(packets.activities) == set(OTHER_RUN.both)
        (one,), (other,) = packets.activities.values(), events.activities.values()
        pair = ("src_ip", "dest_ip", "dest_port")
        assert [one[name] for name in pair] == [other[name] for name in pair]
        assert timedelta(hours=11) < other["start_time"] - one["start_time"] < timedelta(hours=12)


@pytest.mark.parametrize("attack", [each for each in (*ATTACKS, OTHER_RUN) if len(each.captures) == 2], ids=name_of)
def test_both_sensors_show_the_same(attack: Attack) -> None:
    """Captured at the client and at the server: the clocks of the machines differ by a few milliseconds."""
    client, server = map(captured, attack.captures)
    for name in ("start_time", "mapper_time"):
        assert all(abs(later) <= 5 * MS for later in server.later(client, name).values())


@pytest.mark.parametrize("attack", [each for each in (*ATTACKS, OTHER_RUN) if each.both], ids=name_of)
def test_activities_are_the_publishers_attacks(attack: Attack) -> None:
    """Every connection that packets and events show is from the foothold to a machine that it attacked."""
    rows = {Path(row.values[0]["pack_path"]).name: row.values[0] for row in catalogue("pcap/") if row.values[0]}
    for capture in attack.captures:
        captured(capture)
        row = rows[capture]
        attacker = re.match(r"foothold (\S+)", row["attacker_ip"])
        attacked = re.match(r"[^:]*:((?: [\d.]+)+)", row["victim_ip"])
        assert attacker is not None
        assert attacked is not None
        assert row["declared_technique"].startswith("T1")
        assert {ends[0] for ends in attack.both} == {attacker[1]}
        assert {ends[2] for ends in attack.both} <= set(attacked[1].split())


@pytest.mark.parametrize("name", NFPCAPD)
@pytest.mark.parametrize("form", RESOLUTIONS)
def test_netflow_shows_the_same(name: str, form: str) -> None:
    """Times are cut off at the clock's resolution."""
    packets, flows = captured(NFPCAPD[name]), shown("netflow-derived", "nfpcapd", f"{name}.{form}")
    for time in ("start_time", "mapper_time"):
        assert all(-RESOLUTIONS[form] < later <= timedelta(0) for later in flows.later(packets, time).values())


@pytest.mark.parametrize("version", [5, 9, 10])
@pytest.mark.parametrize("name", SOFTFLOWD)
def test_exports_show_the_same(name: str, version: int) -> None:
    """The replay's own day stands in for the capture's: all records are moved by as much, within a millisecond at both ends."""
    packets = captured(SOFTFLOWD[name])
    exported = shown("netflow-derived", "softflowd", f"{name}.netflow_v{version}_export.pcapng")
    moved = [later for time in ("start_time", "mapper_time") for later in exported.later(packets, time).values()]
    assert max(moved) - min(moved) <= 2 * MS


@pytest.mark.parametrize("host", ["NEWYORK", "SCRANTON", "UTICA-A", "UTICA-C"])
def test_zeek_shows_the_same(host: str) -> None:
    """To the microsecond."""
    packets, log = captured(f"apt29_day2_{host}.cap"), shown("zeek", OTRF, f"apt29_day2_{host}_conn.log")
    for name in ("start_time", "mapper_time"):
        assert set(log.later(packets, name).values()) <= {timedelta(0)}


def test_every_attack_of_several_forms_is_here() -> None:
    folder = system.shared_data("pcap", OTRF)
    compared = [capture for attack in (*ATTACKS, OTHER_RUN) for capture in attack.captures]
    assert sorted(path.name for path in folder.iterdir()) == sorted([*compared, *NO_PAIR])
    events = [attack.hosts for attack in (*ATTACKS, OTHER_RUN)]
    assert sorted(path.name for path in system.shared_data("host-json", OTRF).iterdir()) == sorted(
        [*events, *HOSTS_ALONE]
    )

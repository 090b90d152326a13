"""What stays out of the rule's sight in these records, and which other records would show it."""

from rpcsight.diagnosis.advice import auditpol
from rpcsight.diagnosis.check import Answer, Question, number, of
from rpcsight.diagnosis.measures import Measures

__all__ = ["QUESTIONS"]

SMB, RPC_OVER_HTTP, WINRM = 445, 593, (5985, 5986)
NONE_SEEN = "No record of a connection to {ports}: none was made, or the export leaves them out."


def _calls(measures: Measures) -> Answer:
    facts = measures.facts
    if facts["calls"]:
        named = of(facts["named_calls"], facts["calls"], "RPC call")
        return Answer("good", f"{number(facts['calls'], 'RPC call')} decoded; the interface is known of {named}.")
    return Answer("unknown", "No decoded RPC call: which service was called, and what was asked of it, is not known.")


def _pipes(measures: Measures) -> Answer:
    facts, records = measures.facts, measures.other_ports.get(SMB, 0)
    if facts["pipe_calls"] or facts["smb_events"]:
        found = (
            f"{number(facts['pipe_calls'], 'RPC call')} in named pipes and {number(facts['smb_events'], 'SMB event')}"
        )
        return Answer("good", f"SMB was decoded: {found}.")
    if records:
        text = (
            f"{number(records, 'record')} of SMB connections (port 445): who connects to whom is seen, what is called in "
            f"their named pipes (services, tasks, registry) is not."
        )
        return Answer("limited", text)
    return Answer("unknown", NONE_SEEN.format(ports="port 445 (SMB, whose named pipes carry RPC too)"))


def _encrypted(measures: Measures) -> Answer | None:
    if not measures.facts["smb_events"]:
        return None
    if encrypted := measures.facts["encrypted"]:
        return Answer(
            "limited",
            f"{number(encrypted, 'SMB session')} encrypted (SMB 3): the RPC within is hidden from the network.",
        )
    return Answer("good", "No encrypted SMB session.")


def _http(measures: Measures) -> Answer:
    if records := measures.other_ports.get(RPC_OVER_HTTP, 0):
        return Answer(
            "limited",
            f"{number(records, 'record')} of connections to port 593 (RPC over HTTP): the rule does not look there.",
        )
    return Answer("unknown", NONE_SEEN.format(ports="port 593 (RPC over HTTP)"))


def _winrm(measures: Measures) -> Answer:
    if records := sum(measures.other_ports.get(port, 0) for port in WINRM):
        text = (
            f"{number(records, 'record')} of connections to ports 5985 and 5986 (WinRM, PowerShell remoting): no "
            f"RPC, but the same use."
        )
        return Answer("limited", text)
    return Answer("unknown", NONE_SEEN.format(ports="ports 5985 and 5986 (WinRM, PowerShell remoting)"))


def _processes(measures: Measures) -> Answer:
    if processes := measures.facts["processes"]:
        return Answer("good", f"{number(processes, 'process start')} logged: what a call led to can be looked for.")
    return Answer(
        "unknown", "No process start is logged: what a call led to (a service, a task, a command) is not seen."
    )


PROCESS_LOG = (
    f"Sysmon event 1, or Security event 4688: {auditpol('Process Creation')}, with the command line "
    "(policy: Include command line in process creation events)."
)

QUESTIONS = (
    Question(
        "calls",
        "sight",
        "RPC calls",
        "Flow records show that RPC was used; which interface and operation (service control, task scheduler, WMI, "
        "replication) only decoded calls show.",
        _calls,
        {
            "zeek": "Zeek: name dce_rpc.log beside conn.log; if there is none, load base/protocols/dce-rpc, and see "
            "to it that the sensor sees both directions.",
            "suricata": "Suricata: enable `dcerpc` and `smb` among the types of eve-log (suricata.yaml).",
            "": "A packet capture (`tcpdump -w FILE 'tcp port 135 or tcp port 445 or tcp portrange 49152-65535'`), "
            "Zeek's dce_rpc.log, Suricata's dcerpc events or RPC Firewall's events show calls.",
        },
    ),
    Question(
        "pipes",
        "sight",
        "RPC in SMB named pipes",
        "PsExec and many tools call services through named pipes within SMB (port 445), without the endpoint mapper.",
        _pipes,
        {
            "": "A packet capture; Zeek's dce_rpc.log and smb_files.log; Suricata's smb events; Security event 5145 "
            "and Sysmon 17 and 18 on hosts."
        },
    ),
    Question(
        "encrypted",
        "sight",
        "Encrypted SMB",
        "SMB 3 can encrypt whole sessions: then nothing on the network shows the calls in it.",
        _encrypted,
        {
            "": f"Log on the hosts: Security event 5145 ({auditpol('Detailed File Share')}), Sysmon 17 and 18.",
        },
    ),
    Question(
        "http",
        "sight",
        "RPC over HTTP",
        "The endpoint mapper also answers on port 593; Outlook Anywhere and Remote Desktop gateways use RPC over HTTP.",
        _http,
        {"": "To look at port 593 as the mapper's: --mapper-port 593. Behind HTTPS only hosts' logs show it."},
        ("limited",),
    ),
    Question(
        "winrm",
        "sight",
        "WinRM",
        "PowerShell remoting and remote WMI over HTTP serve the same ends as RPC, on ports 5985 and 5986.",
        _winrm,
        {
            "": "Log on the hosts: Windows Remote Management/Operational (event 91), PowerShell script blocks "
            "(event 4104)."
        },
        ("limited",),
    ),
    Question(
        "processes",
        "sight",
        "Processes",
        "A service, a task or a command that was started remotely shows as a process on the called host.",
        _processes,
        {"": PROCESS_LOG},
    ),
)

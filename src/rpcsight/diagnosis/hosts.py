"""What hosts' own logs (Sysmon, Windows Security) leave out, and how far clocks are apart."""

from rpcsight.diagnosis.check import Answer, Question, auditpol, number
from rpcsight.diagnosis.measures import Difference, Measures

__all__ = ["QUESTIONS"]

FAR_S = 1.0
SYSMON = (
    '`<RuleGroup groupRelation="or"><NetworkConnect onmatch="include"> <DestinationPort condition="is">135</DestinationPort> '
    '<Image condition="end with">\\services.exe</Image> <Image condition="end with">\\svchost.exe</Image> '
    "</NetworkConnect></RuleGroup>`"
)
"""Without groupRelation, conditions on different fields must all hold."""
FEWEST_SHARED = 3
SHOWN = 2


def _host_logs(measures: Measures) -> Answer | None:
    facts, port = measures.facts, measures.rule["mapper_port"]
    if not facts["host_flows"]:
        return None
    every = f"{number(facts['host_flows'], 'connection')} in the logs of {number(facts['hosts'], 'host')}"
    missing: list[str] = []
    if not facts["host_mapper"]:
        missing.append(f"none to port {port}")
    if not facts["host_services"]:
        missing.append("none of services.exe or svchost.exe, which answer RPC calls")
    if not missing:
        text = (
            f"Of {every}, {facts['host_mapper']:,} are to port {port} and {facts['host_services']:,} of "
            f"services.exe or svchost.exe."
        )
        return Answer("good", text)
    text = f"Of {every}, {' and '.join(missing)}: the most used Sysmon configurations leave these out."
    if facts["host_mapper"]:
        return Answer("limited", text, "the hosts' logs leave out Windows services")
    is_all = not measures.flows["to_mapper"]
    return Answer("bad" if is_all else "limited", text, f"the hosts' logs leave out port {port}")


def _clocks(measures: Measures) -> Answer | None:
    found = [each for each in measures.differences if each.connections >= FEWEST_SHARED]
    if not found:
        return None
    farthest = sorted(found, key=lambda each: (-abs(each.median_s), each.first_observer, each.second_observer))
    if abs(farthest[0].median_s) > FAR_S:
        told = "; ".join(_told(each) for each in farthest[:SHOWN] if abs(each.median_s) > FAR_S)
        text = (
            f"Clocks are apart: {told}. Connections are only compared within one observer's records; times across "
            f"hosts are off by as much."
        )
        return Answer("limited", text, "clocks are apart")
    return Answer(
        "good", f"Clocks agree to a second where two observers recorded the same connections: {_told(farthest[0])}."
    )


def _told(each: Difference) -> str:
    direction = "after" if each.median_s >= 0 else "before"
    return (
        f"{each.second_observer} is {abs(each.median_s):.3f} s {direction} {each.first_observer} in the median of "
        f"{number(each.connections, 'connection')} that both recorded ({each.least_s:+.3f} s to "
        f"{each.most_s:+.3f} s)"
    )


QUESTIONS = (
    Question(
        "host-logs",
        "rule",
        "What hosts log",
        "Widely used Sysmon configurations log network connections of chosen programs and ports only; port 135 and "
        "Windows' own services, which answer RPC, are not among them. Then the log shows many connections and "
        "hardly any RPC.",
        _host_logs,
        {
            "sysmon": f"Sysmon: add {SYSMON} to its configuration; remove excludes of them (an exclude wins over an include); "
            "apply it with `sysmon -c FILE`.",
            "security": f"Windows Security log: {auditpol('Filtering Platform Connection')} logs every accepted connection "
            "(event 5156).",
        },
    ),
    Question(
        "clocks",
        "sight",
        "Clocks of the observers",
        "Two observers (hosts, sensors) that recorded the same connection show how far their clocks are apart. "
        "Connections are compared within one observer's records, so that this costs no RPC; it matters where a "
        "connection seen on one host is set beside a process on another.",
        _clocks,
        {"": "Synchronise clocks: `w32tm /query /status` on Windows, `chronyc tracking` on sensors."},
    ),
)

"""What hosts' own logs (Sysmon, Windows Security) leave out, and how far clocks are apart."""

from pathlib import Path

from rpcsight.diagnosis.advice import auditpol
from rpcsight.diagnosis.check import Answer, Question, number, of
from rpcsight.diagnosis.measures import Difference, Measures

__all__ = ["QUESTIONS"]

FAR_S = 1.0
HALF_S = 0.5
SECOND_US = 1_000_000
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
    why = (
        ": the most used Sysmon configurations leave these out"
        if measures.has_windows_logs and facts["sysmon_flows"]
        else ""
    )
    text = f"Of {every}, {' and '.join(missing)}{why}."
    if facts["host_mapper"]:
        return Answer("limited", text, "the hosts' logs leave out Windows services")
    is_all = not measures.flows["to_mapper"]
    return Answer("bad" if is_all else "limited", text, f"the hosts' logs leave out port {port}")


def _clocks(measures: Measures) -> Answer | None:
    found = [each for each in measures.differences if each.connections >= FEWEST_SHARED]
    if not found:
        return None
    farthest = sorted(found, key=lambda each: (-_sure_s(each), -each.connections, each.first_observer))
    far = [each for each in farthest if _sure_s(each) > FAR_S]
    if far:
        told = "; ".join(_told(each) for each in far[:SHOWN])
        more = f"; and {number(len(far) - SHOWN, 'further pair')}" if len(far) > SHOWN else ""
        text = (
            f"Clocks are apart: {told}{more}. Connections are only compared within one observer's records; times across "
            f"observers are off by as much."
        )
        return Answer("limited", text, "clocks are apart")
    pairs = number(len(found), "pair of observers", "pairs of observers")
    return Answer(
        "good",
        f"No difference of more than {FAR_S:g} s is sure between the clocks of {pairs} that recorded the same connections; "
        f"the largest: {_told(farthest[0])}.",
    )


def _unsure_s(each: Difference) -> float:
    """Half the distance between the quartiles; half a second at least where most times are whole seconds."""
    least_s = HALF_S if 2 * each.whole_seconds > each.connections else 0.0
    return max((each.upper_quartile_s - each.lower_quartile_s) / 2, least_s)


def _sure_s(each: Difference) -> float:
    """What is left of the difference if it is as small as it may be."""
    return abs(each.median_s) - _unsure_s(each)


def _told(each: Difference) -> str:
    direction = "after" if each.median_s >= 0 else "before"
    return (
        f"{each.second_observer} is {abs(each.median_s):.3f} s (\N{PLUS-MINUS SIGN} {_unsure_s(each):.3f} s) {direction} "
        f"{each.first_observer} on {number(each.connections, 'connection')} that both recorded"
    )


def _zones(measures: Measures) -> Answer | None:
    events = sum(each.events for each in measures.host_clocks)
    without = sum(each.without_zone for each in measures.host_clocks)
    if not events:
        return None
    if not without:
        return Answer("good", f"Known for {of(events, events, 'Windows event')}.")
    files = sorted({each.source for each in measures.host_clocks if each.without_zone})
    named = ", ".join(Path(each).name for each in files[:SHOWN]) + (" and others" if len(files) > SHOWN else "")
    text = (
        f"The times of {of(without, events, 'Windows event')} ({named}) are local, and nothing there says of which zone: "
        f"they are taken for UTC, and may be hours off beside other records."
    )
    return Answer("limited", text, "local times are taken for UTC")


def _sysmon_clock(measures: Measures) -> Answer | None:
    """What was set right comes first; then how far the two logs of one computer are apart."""
    moved = sorted(
        (each for each in measures.host_clocks if each.moved), key=lambda each: (-abs(each.moved_us), each.host)
    )
    if moved:
        told = "; ".join(
            f"{number(each.moved, 'connection')} of {each.host} by {each.moved_us / SECOND_US:+,.1f} s"
            for each in moved[:SHOWN]
        )
        more = f"; and those of {number(len(moved) - SHOWN, 'further computer')}" if len(moved) > SHOWN else ""
        text = (
            f"Sysmon's clock for connections was off, and was set right by the times at which the events were written: "
            f"{told}{more}. They are right to some seconds; from one to the next they are as exact as before."
        )
        return Answer("limited", text, "Sysmon's times of connections were set right")
    apart = [(each, each.apart_us) for each in measures.host_clocks if each.in_both_logs >= FEWEST_SHARED]
    found = [(each, us) for each, us in apart if us is not None]
    if not found:
        return None
    each, us = max(found, key=lambda pair: (abs(pair[1]), pair[0].host))
    quartiles_us = (each.upper_quartile_us or 0) - (each.lower_quartile_us or 0)
    unsure_s = max(quartiles_us / 2 / SECOND_US, HALF_S if 2 * each.whole_seconds > each.in_both_logs else 0.0)
    text = (
        f"On {each.host} the Security log's times are {abs(us) / SECOND_US:.3f} s (\N{PLUS-MINUS SIGN} {unsure_s:.3f} s) "
        f"{'after' if us >= 0 else 'before'} Sysmon's, on {number(each.in_both_logs, 'connection')} in both logs"
    )
    if len(found) > 1:
        text += f"; on {number(len(found) - 1, 'other computer')} less"
    if abs(us) / SECOND_US - unsure_s > FAR_S:
        return Answer("limited", f"{text}.", "Sysmon's and the Security log's times are apart")
    return Answer("good", f"{text}.")


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
    Question(
        "zones",
        "rule",
        "Zone of the hosts' times",
        "NXLog's EventTime and Get-WinEvent's TimeCreated are local, also where a Z stands behind. The zone is found from `@timestamp` and "
        "from Sysmon's events, which have both; a file without either leaves it open. Within one computer's records nothing "
        "changes; beside those of other zones the order is wrong.",
        _zones,
        {
            "": "Name Sysmon's events of the same computer in the same file, or copy the log itself: `wevtutil epl Security "
            "security.evtx`. With PowerShell: `$_.ToXml()` of each event has UTC."
        },
    ),
    Question(
        "sysmon-clock",
        "sight",
        "Sysmon's clock",
        "Sysmon counts the times of connections (event 3) from when the computer started, and drifts where it sleeps or its clock is "
        "set. More than 10 s from when its events were written, they are set right, all of a computer by the same; less is left. The "
        "Security log (event 5156), where it is in the same export, shows the difference for each computer.",
        _sysmon_clock,
        {"": "Restart the computer: Sysmon counts anew then. Export event 5156 too: its times are the system clock's."},
        ("limited",),
    ),
)

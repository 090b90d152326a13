"""What to look at next, and what would make a finding benign: sentences by what was seen."""

from collections.abc import Iterator, Mapping
from typing import Any

from rpcsight.findings.words import Rows

__all__ = ["benign_if", "next_steps"]

PROGRAMS = {
    "svcctl": "services made or started on the server then: event 7045 of its System log, 4697 of its Security log",
    "ITaskSchedulerService": "tasks registered on the server then: events 106 and 140 of its TaskScheduler log, 4698 of its Security log",
    "atsvc": "tasks registered on the server then: event 4698 of its Security log",
    "IWbemServices": "children of WmiPrvSE.exe on the server then: event 4688 or Sysmon 1; subscriptions: Sysmon 19 to 21",
    "drsuapi": "who may replicate the directory, and event 4662 of the controller's Security log",
    "winreg": "what changed in the server's registry: event 4657, Sysmon 13",
    "samr": "which accounts and groups were asked for, and by which program of the client",
}
MANAGING = ("administration host", "management server", "scanner", "domain controller")

Story = Mapping[str, Any]


def next_steps(story: Story, deeds: Rows) -> Iterator[str]:
    """What to check.

    Args:
        story: a row of `steps/scored.sql`.
        deeds: what was done, rows of `steps/pair_detection.sql`.
    """
    yield "who was logged on to the client then, and which of its programs opened the connection (Sysmon 3, event 5156)"
    yield "the log-on on the server: event 4624 of type 3 from the client, with which account, and 4672 beside it"
    if story["smb"] and not story["activities"]:
        yield (
            "which shares and pipes were opened on the server: events 5140 and 5145 (IPC$ with svcctl, atsvc, winreg), Zeek's "
            "smb_files.log and dce_rpc.log"
        )
    services = dict.fromkeys(each["service"] for each in deeds if each["service"])
    known = [PROGRAMS[each] for each in services if each in PROGRAMS]
    yield from known
    if not known:
        yield "processes that began on the server in that minute under services.exe, svchost.exe or WmiPrvSE.exe (event 4688, Sysmon 1)"
    if story["reached_points"] > 0:
        yield "what reached the client before: the finding's other pairs"
    if story["went_on_points"] > 0:
        yield "where the server went on to: the finding's other pairs"


def benign_if(story: Story, deeds: Rows) -> Iterator[str]:
    """What would make it benign.

    Args:
        story: a row of `steps/scored.sql`.
        deeds: what was done, rows of `steps/pair_detection.sql`.
    """
    if story["client_role"] in MANAGING:
        role = story["client_role"]
        yield f"the client is meant to be {'an' if role[0] in 'aeiou' else 'a'} {role}, and this is part of its work"
    else:
        yield "somebody of support or administration used the client for work on the server, and says so"
    if not story["is_server"]:
        yield "the server shares files or a printer, or runs an application that others use over DCOM"
    if story["seen_days"] == 0:
        yield "a device was moved or renamed: the address belongs to another host than before"
    if deeds:
        yield "a deployment, backup, inventory or monitoring product was installed that does this"

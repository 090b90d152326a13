"""Elastic's sequences for Windows RPC have their equal: events that satisfy one, built field by field, make an analytic fire.

Sources: github.com/elastic/detection-rules, rules/windows/lateral_movement_*.toml (the conditions, restated);
github.com/elastic/endpoint-package and the ECS field reference (the fields). Each rule is a sequence of two events on one
computer, joined by a process.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rpcsight.pipeline import Request, opened
from rpcsight.settings import AttackSettings, Settings
from tests.contracts.samples import iso
from tests.contracts.windows import EPOCH

Event = dict[str, Any]
Step = Callable[[Event], bool]

START_US = 1_772_445_600_000_000
CLIENT, SERVER, HOST = "10.0.20.15", "10.0.20.16", "ws16.lab"
SYSTEM32 = "C:\\Windows\\System32\\"
CACHE = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Schedule\\TaskCache"
EXCLUDED = (
    f"{SYSTEM32}svchost.exe",
    "C:\\Windows\\PSEXESVC.EXE",
    "C:\\Windows\\CCM\\Ccm32BitLauncher.exe",
    f"{SYSTEM32}wbem\\mofcomp.exe",
)
"""Some of the paths that the rules for services and WMI leave out."""
DYNAMIC, MAPPER = 49152, 135


# --- events as Elastic Defend writes them


def entity(pid: int) -> str:
    """An id of a process: Defend's are base64, in which the case of letters counts."""
    return f"ZW5kcG9pbnQt{pid}QUJDYWJj"


def process_of(pid: int, path: str) -> Event:
    return {"pid": pid, "entity_id": entity(pid), "executable": path, "name": path.rpartition("\\")[2]}


def event(kind: str, change: str, action: str, at_s: float) -> Event:
    at_us = START_US + round(at_s * 1_000_000)
    return {
        "@timestamp": iso(at_us),
        "agent": {"type": "endpoint", "version": "8.12.0"},
        "data_stream": {"dataset": f"endpoint.events.{kind}", "namespace": "default", "type": "logs"},
        "ecs": {"version": "8.10.0"},
        "event": {
            "action": action,
            "category": [kind],
            "created": iso(at_us),
            "dataset": f"endpoint.events.{kind}",
            "kind": "event",
            "module": "endpoint",
            "type": [change],
        },
        "host": {
            "hostname": HOST,
            "id": "2beebb8e",
            "ip": [SERVER, "127.0.0.1"],
            "name": HOST,
            "os": {"type": "windows"},
        },
        "user": {"domain": "LAB", "id": "S-1-5-21-1-2-3-1104", "name": "eve"},
    }


def accepted(at_s: float, pid: int, path: str, port: int, client_port: int = 50611, client: str = CLIENT) -> Event:
    return event("network", "start", "connection_accepted", at_s) | {
        "destination": {"address": SERVER, "ip": SERVER, "port": port},
        "network": {"direction": "ingress", "transport": "tcp", "type": "ipv4"},
        "process": process_of(pid, path),
        "source": {"address": client, "ip": client, "port": client_port},
    }


def started(at_s: float, path: str, parent: int, parent_path: str, args: Sequence[str] = (), pid: int = 5120) -> Event:
    own = process_of(pid, path) | {"args": [path, *args], "command_line": " ".join((path, *args))}
    token = {"authentication_id": "0xEAD4335", "token": {"integrity_level_name": "high"}}
    return event("process", "start", "start", at_s) | {
        "process": own | {"Ext": token, "parent": process_of(parent, parent_path)}
    }


def written(at_s: float, pid: int, key: str) -> Event:
    above, _, value = key.rpartition("\\")
    registry = {"hive": "HKLM", "key": f"{CACHE}\\{above}"[5:], "path": f"{CACHE}\\{key}", "value": value}
    return event("registry", "change", "modification", at_s) | {
        "process": process_of(pid, f"{SYSTEM32}svchost.exe"),
        "registry": registry | {"data": {"strings": ["AwAMAAAA"], "type": "REG_BINARY"}},
    }


# --- the rules


def is_accepted(found: Event, name: str, low: int = DYNAMIC) -> bool:
    """A connection from another computer, between two dynamic ports, or to the mapper."""
    if found["event"]["category"] != ["network"] or found["process"]["name"] != name:
        return False
    ports = found["source"]["port"], found["destination"]["port"]
    is_dynamic = min(ports) >= DYNAMIC if low == DYNAMIC else ports[1] == low
    return (
        found["network"]["direction"] == "ingress" and found["source"]["ip"] not in {"127.0.0.1", "::1"} and is_dynamic
    )


def is_child(found: Event, parent: str) -> bool:
    return found["event"]["category"] == ["process"] and found["process"]["parent"]["name"] == parent


def is_excluded(found: Event) -> bool:
    return found["process"]["executable"] in EXCLUDED


def is_actions(found: Event) -> bool:
    path = found.get("registry", {}).get("path", "")
    return path.startswith(f"{CACHE}\\Tasks\\") and path.endswith("\\Actions")


def is_embedded(found: Event) -> bool:
    return (
        found["event"]["category"] == ["process"]
        and found["process"]["name"] == "mshta.exe"
        and "-Embedding" in found["process"]["args"]
    )


def own(found: Event) -> str:
    return found["process"]["entity_id"]


def parent(found: Event) -> str:
    return found["process"]["parent"]["entity_id"]


def computer(found: Event) -> str:
    return found["host"]["id"]


@dataclass(frozen=True)
class Rule:
    """A sequence of two events within a span, with the same key; and the analytic that is its equal, what it says of the attack."""

    first: Step
    second: Step
    span_s: float
    keys: tuple[Callable[[Event], str], Callable[[Event], str]]
    analytic: str
    technique: str

    def fires(self, events: Sequence[Event]) -> bool:
        return any(
            self.keys[0](one) == self.keys[1](other) and 0 <= seconds(other) - seconds(one) <= self.span_s
            for one in events
            if self.first(one)
            for other in events
            if self.second(other)
        )


def seconds(found: Event) -> float:
    return (datetime.fromisoformat(found["@timestamp"]) - EPOCH) / timedelta(seconds=1)


RULES = {
    "remote services": Rule(
        lambda found: is_accepted(found, "services.exe"),
        lambda found: is_child(found, "services.exe") and not is_excluded(found),
        1, (own, parent), "remote-service", "T1569.002",
    ),
    "incoming WMI": Rule(
        lambda found: is_accepted(found, "svchost.exe", MAPPER),
        lambda found: is_child(found, "WmiPrvSE.exe") and not is_excluded(found),
        20, (computer, computer), "wmi-launch", "T1047",
    ),
    "task on the target": Rule(lambda found: is_accepted(found, "svchost.exe"), is_actions, 60, (own, own), "remote-task", "T1053.005"),
    "MMC20": Rule(
        lambda found: is_accepted(found, "mmc.exe"), lambda found: is_child(found, "mmc.exe"), 60, (own, parent), "dcom-execution",
        "T1021.003",
    ),
    "ShellWindows": Rule(
        lambda found: is_accepted(found, "explorer.exe"), lambda found: is_child(found, "explorer.exe"), 5, (own, parent),
        "dcom-execution", "T1021.003",
    ),
    "HTA": Rule(is_embedded, lambda found: is_accepted(found, "mshta.exe"), 60, (own, own), "dcom-execution", "T1021.003"),
}  # fmt: skip

SERVICES, SVCHOST, WMI = f"{SYSTEM32}services.exe", f"{SYSTEM32}svchost.exe", f"{SYSTEM32}wbem\\WmiPrvSE.exe"
MMC, EXPLORER, MSHTA, CMD = (
    f"{SYSTEM32}mmc.exe",
    "C:\\Windows\\explorer.exe",
    f"{SYSTEM32}mshta.exe",
    f"{SYSTEM32}cmd.exe",
)
ID = "Tasks\\{47CDCDF5-3457-4925-96E5-DB6635FFCDDE}\\Actions"


def service(path: str = "C:\\Temp\\evil.exe", child_of: int = 700) -> list[Event]:
    return [accepted(1, 700, SERVICES, 49670), started(1.7, path, child_of, SERVICES)]


def wmi(path: str = CMD, after_s: float = 1.2) -> list[Event]:
    """The mapper's connection, then the one to WMI, as every client of WMI makes them."""
    return [
        accepted(1, 984, SVCHOST, MAPPER),
        accepted(1.1, 1400, SVCHOST, 49668, 50612),
        started(1.1 + after_s, path, 3100, WMI),
    ]


def task(client_port: int = 50611, writer: int = 2220) -> list[Event]:
    return [
        accepted(1, 2220, SVCHOST, 49671, client_port),
        written(1.2, writer, ID),
        written(1.2, writer, "Tree\\Updater\\Index"),
    ]


def dcom(path: str, client_port: int = 50611, after_s: float = 2, child_of: int = 4312) -> list[Event]:
    return [accepted(1, 4312, path, 49688, client_port), started(1 + after_s, CMD, child_of, path, ["/c", "whoami"])]


def hta(client_port: int = 50611, after_s: float = 1) -> list[Event]:
    return [
        started(1, MSHTA, 900, SVCHOST, ["-Embedding"], 4400),
        accepted(1 + after_s, 4400, MSHTA, 49688, client_port),
    ]


CASES: dict[str, list[tuple[str, list[Event], bool, dict[str, str | None] | None]]] = {
    "remote services": [
        ("as the rule has it", service(), True, {"image_path": "C:\\Temp\\evil.exe", "service": "svcctl"}),
        ("a path it leaves out", service("C:\\Windows\\PSEXESVC.EXE"), False, {"image_path": "C:\\Windows\\PSEXESVC.EXE"}),
        ("near miss: another's child", service(child_of=701), False, None),
    ],
    "incoming WMI": [
        ("as the rule has it", wmi(), True, {"image_path": CMD}),
        ("a path it leaves out", wmi(EXCLUDED[3]), False, {"image_path": EXCLUDED[3]}),
        ("near miss: a minute later", wmi(after_s=60), False, None),
    ],
    "task on the target": [
        ("as the rule has it", task(), True, {"target": "\\Updater"}),
        ("from Linux", task(40112), False, {"target": "\\Updater"}),
        ("near miss: another process registers it", task(writer=2221), False, None),
    ],
    "MMC20": [
        ("as the rule has it", dcom(MMC), True, {"service": "mmc.exe", "image_path": CMD, "command_line": f"{CMD} /c whoami"}),
        ("50 seconds later", dcom(MMC, after_s=50), True, {"service": "mmc.exe", "image_path": CMD}),
        ("from Linux", dcom(MMC, 40112), False, {"service": "mmc.exe", "image_path": CMD}),
        ("near miss: another's child", dcom(MMC, child_of=4313), False, None),
    ],
    "ShellWindows": [
        ("as the rule has it", dcom(EXPLORER), True, {"service": "explorer.exe", "image_path": CMD}),
        ("slower", dcom(EXPLORER, after_s=8), False, {"service": "explorer.exe", "image_path": CMD}),
        ("near miss: minutes later", dcom(EXPLORER, after_s=300), False, None),
    ],
    "HTA": [
        ("as the rule has it", hta(), True, {"service": "mshta.exe", "image_path": MSHTA, "command_line": f"{MSHTA} -Embedding"}),
        ("from Linux", hta(40112), False, {"service": "mshta.exe", "image_path": MSHTA}),
        ("near miss: minutes later", hta(after_s=300), False, None),
    ],
}  # fmt: skip
"""Rule: what, the events, whether the rule fires on them, and cells of the one row of our analytic; None: none."""


@pytest.mark.parametrize(
    ("rule", "events", "is_theirs", "ours"),
    [pytest.param(RULES[name], *case[1:], id=f"{name}, {case[0]}") for name, cases in CASES.items() for case in cases],
)
def test_the_analytic_fires_where_the_rule_does(
    rule: Rule, events: list[Event], is_theirs: bool, ours: dict[str, str | None] | None, tmp_path: Path
) -> None:
    assert rule.fires(events) == is_theirs
    path = tmp_path / "defend.ndjson"
    path.write_text("".join(f"{json.dumps(each)}\n" for each in events))
    with opened(Request([str(path)])) as session:
        rows = session.run(rule.analytic).to_pylist()
    cells = ["technique", "tier", "src_ip", "dest_ip", "host", *(ours or {})]
    wanted = {
        "technique": rule.technique,
        "tier": "process",
        "src_ip": CLIENT,
        "dest_ip": SERVER,
        "host": HOST,
        **(ours or {}),
    }
    assert [{name: row[name] for name in cells} for row in rows] == ([] if ours is None else [wanted])


def test_the_span_for_wmi_is_as_long_where_it_is_set_so(tmp_path: Path) -> None:
    """Elastic has 20 s, and so has ours; 10.3 s was the longest measured."""
    path = tmp_path / "defend.ndjson"
    path.write_text("".join(f"{json.dumps(each)}\n" for each in wmi(after_s=18)))
    counts = []
    for attack in (AttackSettings(wmi_s=12), AttackSettings()):
        with opened(Request([str(path)], Settings(attack=attack))) as session:
            counts.append(session.count("wmi-launch"))
    assert (RULES["incoming WMI"].fires(wmi(after_s=18)), counts) == (True, [0, 1])


def facts(events: Sequence[Event], path: Path) -> dict[str, list[Event]]:
    """The rows of the tables, without what is empty, and without the file's name."""
    path.write_text("".join(f"{json.dumps(each)}\n" for each in events))
    tables = ("host_flow", "process", "host_event")
    with opened(Request([str(path)])) as session:
        found = {name: session.table(name).read_all().to_pylist() for name in tables}
        assert session.account.skips == []
    return {
        name: [{key: value for key, value in row.items() if value is not None and key != "source"} for row in rows]
        for name, rows in found.items()
    }


def test_defends_events_become_facts(tmp_path: Path) -> None:
    """Values of the registry that tell nothing of a task, what is only read there, and processes that end are left out."""
    read = written(3, 2220, ID)
    read["event"] |= {"action": "query", "type": ["access"]}
    ended = started(3, CMD, 700, SERVICES)
    ended["event"] |= {"action": "end", "type": ["end"]}
    events = [
        *task()[:1], *service("C:\\Temp\\evil.exe")[1:], ended, read, written(3, 2220, "Tree\\Updater\\SD"), *task()[1:],
    ]  # fmt: skip
    seen = {"host": HOST, "user_name": "LAB\\eve"}
    by = {**seen, "action": "task", "observer": HOST, "pid": 2220, "process_guid": entity(2220), "image_path": SVCHOST}
    wanted = {
        "host_flow": [
            {
                **seen, "time_us": START_US + 1_000_000, "is_outbound": False, "src_ip": CLIENT, "src_port": 50611, "dest_ip": SERVER,
                "dest_port": 49671, "transport_protocol": "tcp", "pid": 2220, "process_guid": entity(2220), "image_path": SVCHOST,
                "observer": "defend",
            }
        ],
        "process": [
            {
                **seen, "time_us": START_US + 1_700_000, "pid": 5120, "process_guid": entity(5120), "image_path": "C:\\Temp\\evil.exe",
                "command_line": "C:\\Temp\\evil.exe", "parent_pid": 700, "parent_guid": entity(700), "parent_image_path": SERVICES,
                "logon_id": "0xead4335", "integrity_level": "high", "observer": HOST,
            }
        ],
        "host_event": [
            {**by, "time_us": START_US + 1_200_000, "name": "\\Updater"},
            {**by, "time_us": START_US + 1_200_000},
        ],
    }  # fmt: skip
    assert facts(events, tmp_path / "defend.ndjson") == wanted


def test_events_without_any_connection_are_read(tmp_path: Path) -> None:
    found = facts([written(1, 2220, ID), started(2, CMD, 700, SERVICES)], tmp_path / "defend.ndjson")
    assert {name: len(rows) for name, rows in found.items()} == {"host_flow": 0, "process": 1, "host_event": 1}


def test_sysmons_ids_are_without_braces(tmp_path: Path) -> None:
    one = started(1, CMD, 700, SERVICES)
    one["process"] |= {"entity_id": "{B8A0D2C1-0001-0002-0003-000000000004}"}
    found = facts([one], tmp_path / "defend.ndjson")["process"]
    assert [row["process_guid"] for row in found] == ["b8a0d2c1-0001-0002-0003-000000000004"]

"""What computers' own logs say, beside calls: addresses, clocks, processes that something started which can be asked over the network."""

import re
from statistics import median
from typing import Any

from tests.oracles.telling import Row, Tables, grouped, is_loopback

SECOND_US = 1_000_000
MINUTE_US = 60_000_000
TWICE_US = 10_000_000
"""How far apart Sysmon and the Security log may stamp one process."""
STARTERS = {
    "services.exe": "services",
    "wmiprvse.exe": "wmi",
    "taskeng.exe": "task",
    "taskhostw.exe": "task",
}
DCOM = ("mmc.exe", "explorer.exe", "excel.exe", "winword.exe", "outlook.exe", "visio.exe", "iexplore.exe", "mshta.exe")


def program(path: str | None) -> str:
    """A program's file name, lower case."""
    return re.split(r"[\\/]", path or "")[-1].lower()


def _plain(path: str) -> str:
    return path.lower().replace("\\", "/")


def is_between_hosts(flow: Row) -> bool:
    """Whether a connection has two ends that are different computers."""
    here, there = flow["src_ip"], flow["dest_ip"]
    if here is None or there is None:
        return False
    return here != there and not is_loopback(here) and not is_loopback(there)


def is_local(address: str | None) -> bool:
    """Whether an address says nothing beyond its computer or link."""
    return address is None or is_loopback(address) or address.startswith(("fe80:", "169.254."))


def accepted(tables: Tables, image: str) -> list[Row]:
    """TCP connections that a program accepted from another computer, host in lower case."""
    return [
        flow | {"host": flow["host"].lower()}
        for flow in tables.get("host_flow", ())
        if flow["is_outbound"] is False
        and flow["transport_protocol"] == "tcp"
        and program(flow["image_path"]) == image
        and is_between_hosts(flow)
    ]


def host_addresses(tables: Tables) -> dict[str, set[str]]:
    """Addresses by computer."""
    opened: dict[str, set[str]] = {}
    taken: dict[str, set[str]] = {}
    for flow in tables.get("host_flow", ()):
        if flow["transport_protocol"] != "tcp" or flow["is_outbound"] is None:
            continue
        address = flow["src_ip" if flow["is_outbound"] else "dest_ip"]
        if not is_local(address):
            (opened if flow["is_outbound"] else taken).setdefault(flow["host"].lower(), set()).add(address)
    found = {host: set(addresses) for host, addresses in opened.items()}
    for host, addresses in taken.items():
        others = {address for other, theirs in opened.items() if other != host for address in theirs}
        found.setdefault(host, set()).update(addresses - others)
    return found


def host_skews(tables: Tables) -> dict[tuple[str, str | None], int]:
    """What is added to an observer's time of calls to have the computer's, by computer and observer."""
    names = ("src_ip", "src_port", "dest_ip", "dest_port")
    seen: list[tuple[Any, ...]] = []
    calls = [row for row in tables.get("rpc_call", ()) if not row["is_callback"]]
    for (observer, ends, flow_us), own in grouped(
        calls, lambda row: (row["observer"], tuple(row[name] for name in names), row["flow_us"])
    ).items():
        times = [row["time_us"] for row in own if row["time_us"] is not None]
        if flow_us is not None or times:
            seen.append((observer, ends, flow_us if flow_us is not None else min(times)))
    logged = [
        (flow["host"].lower(), tuple(flow[name] for name in names), flow["time_us"])
        for flow in tables.get("host_flow", ())
        if flow["transport_protocol"] == "tcp" and not is_local(flow["src_ip"]) and not is_local(flow["dest_ip"])
    ]
    differences: dict[tuple[str, str | None], list[int]] = {}
    for host, ends, host_us in _first_of_minutes(logged):
        for observer, same, seen_us in _first_of_minutes(seen):
            by = _middle(host_us) - _middle(seen_us)
            if ends == same and abs(by) <= MINUTE_US:
                differences.setdefault((host, observer), []).append(by)
    return {each: round(median(found)) for each, found in differences.items()}


def _first_of_minutes(seen: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Of each one's records of one connection in a minute of the clock, the first."""
    first: dict[Any, int] = {}
    for who, ends, time_us in seen:
        place = (who, ends, time_us // MINUTE_US)
        first[place] = min(first.get(place, time_us), time_us)
    return [(who, ends, time_us) for (who, ends, _), time_us in first.items()]


def _middle(time_us: int) -> int:
    """A time of whole seconds stands for the middle of that second."""
    return time_us + SECOND_US // 2 if time_us % SECOND_US == 0 else time_us


def launches(tables: Tables) -> list[Row]:
    """Processes that something started which can be asked over the network: with `kind`, and `ips` of the computer."""
    processes = [row | {"host": (row["host"] or "").lower()} for row in tables.get("process", ())]
    addresses = host_addresses(tables)
    found: list[Row] = []
    for row in processes:
        parent = program(row["parent_image_path"])
        kind = STARTERS.get(parent, "dcom" if parent in DCOM else "")
        if kind and not (row["process_guid"] is None and any(_is_same(row, other) for other in processes)):
            found.append(row | {"kind": kind, "ips": addresses.get(row["host"], set())})
    return found


def _is_same(row: Row, other: Row) -> bool:
    """Whether Sysmon has the process, too."""
    return (
        other["process_guid"] is not None
        and row["host"] == other["host"]
        and row["parent_pid"] is not None
        and row["parent_pid"] == other["parent_pid"]
        and _plain(row["image_path"]) == _plain(other["image_path"])
        and (row["pid"] is None or other["pid"] is None or row["pid"] == other["pid"])
        and abs(row["time_us"] - other["time_us"]) <= TWICE_US
    )

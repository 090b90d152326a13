"""What Windows events say of connections, processes, tasks and pipes, told event by event: the steps `logged`, `logged_flow`,
`event_record`, `event_process` and `event_host_event` in plain Python, for events of one file."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from statistics import median

Event = dict[str, object]
QUARTER_US = 900_000_000
DAY_US = 54_000_000_000
"""Zones are no farther from UTC than 15 hours."""
SLOW_US = 10_000_000
COARSE_US = 1_000_000
MAPPER = 135
NO_GUID = "00000000-0000-0000-0000-000000000000"
LEVELS = {
    "S-1-16-4096": "Low",
    "S-1-16-8192": "Medium",
    "S-1-16-8448": "MediumPlus",
    "S-1-16-12288": "High",
    "S-1-16-16384": "System",
}


@dataclass
class Logged:
    """An event with its log, its computer and its time."""

    event: Event
    log: str
    computer: str
    at_us: int | None
    is_coarse: bool

    def text(self, name: str) -> str:
        """A field; empty where there is none, or a dash."""
        value = self.event.get(name)
        return "" if value in (None, "-") else str(value)


def logged(events: Sequence[Event]) -> list[Logged]:
    """The events as they are understood."""
    shifts = [
        (each["host"], round((int(str(each["local_us"])) - utc) / QUARTER_US) * QUARTER_US, each["event_id"] == 3)
        for each in events
        if (utc := _utc_us(each)) is not None
        and each["local_us"] is not None
        and abs(int(str(each["local_us"])) - utc) <= DAY_US
    ]
    found: list[tuple[Event, int | None]] = []
    for each in events:
        own = [shift for shift in shifts if shift[0] == each["host"]]
        zone = _zone(own or shifts)
        written = each["time_us"] if each["time_us"] is not None else None
        if written is None and each["local_us"] is not None:
            written = int(str(each["local_us"])) - zone
        found.append((each, None if written is None else int(str(written))))
    late: dict[object, int] = {}
    for host in {each["host"] for each in events}:
        slow = [
            written - utc
            for each, written in found
            if each["host"] == host
            and each["event_id"] == 3
            and written is not None
            and (utc := _utc_us(each)) is not None
        ]
        if slow and abs(by := _half_away(median(slow))) > SLOW_US:
            late[host] = by
    return [
        Logged(
            each,
            "sysmon" if _is_sysmon(each) else "security",
            str(each["host"]),
            written
            if (utc := _utc_us(each)) is None
            else utc + (late.get(each["host"], 0) if each["event_id"] == 3 else 0),
            _utc_us(each) is None and int(str(each["clock_us"])) >= COARSE_US,
        )
        for each, written in found
    ]


def records(events: Sequence[Event]) -> list[Event]:
    """The connections, in any order."""
    seen = [
        each for each in logged(events) if (each.log, each.event["event_id"]) in {("sysmon", 3), ("security", 5156)}
    ]
    own: dict[str, set[str]] = {}
    for each in seen:
        (here, here_port), (there, there_port) = _sides(each)
        if _is_outbound(each):
            own.setdefault(each.computer, set()).add(here)
        elif _protocol(each) == "tcp" and (here_port < 1024) != (there_port < 1024):
            own.setdefault(each.computer, set()).add(there if there_port < 1024 else here)
    made: list[tuple[Logged, Event]] = []
    for each in seen:
        ends, is_oriented = _turned(each, own.get(each.computer, set()))
        if _protocol(each) in {"tcp", "udp"}:
            (src_ip, src_port), (dest_ip, dest_port) = ends
            row: Event = {
                "src_ip": src_ip,
                "src_port": src_port,
                "dest_ip": dest_ip,
                "dest_port": dest_port,
                "is_oriented": is_oriented,
            }
            made.append((each, row))
    fine: dict[tuple[object, ...], list[int]] = {}
    for each, row in made:
        if each.log == "sysmon" and each.at_us is not None:
            fine.setdefault((each.computer, *list(row.values())[:4]), []).append(each.at_us)
    better: dict[int, int] = {}
    for place, (each, row) in enumerate(made):
        times = fine.get((each.computer, *list(row.values())[:4]), [])
        near = [
            time
            for time in (*sorted(times)[:1], *sorted(times)[-1:])
            if each.at_us is not None and abs(time - each.at_us) <= SLOW_US
        ]
        if each.is_coarse and near:
            better[place] = near[0]
    rough = {
        (each.computer, row["src_ip"], row["dest_ip"], each.at_us)
        for place, (each, row) in enumerate(made)
        if each.is_coarse and place not in better and row["dest_port"] != MAPPER
    }
    return [
        row
        | {
            "start_us": each.at_us
            if row["dest_port"] == MAPPER and (each.computer, row["src_ip"], row["dest_ip"], each.at_us) in rough
            else better.get(place, each.at_us),
            "transport_protocol": _protocol(each),
            "observer": each.computer,
        }
        for place, (each, row) in enumerate(made)
    ]


def processes(events: Sequence[Event]) -> list[Event]:
    """The processes that start, in any order."""
    found: list[Event] = []
    for each in logged(events):
        if (each.log, each.event["event_id"]) == ("sysmon", 1):
            row: Event = {
                "pid": _number(each.text("process_id")),
                "parent_pid": _decimal(each.text("parent_process_id")),
                "image_path": _plain(each.text("image")),
                "user_name": each.text("user") or None,
                "logon_id": _or_none(each.event.get("logon_id")),
            }
        elif (each.log, each.event["event_id"]) == ("security", 4688):
            target, subject = (_account(each, whose) for whose in ("target", "subject"))
            token = each.event.get("target_logon_id")
            row = {
                "pid": _number(each.text("new_process_id")),
                "parent_pid": _number(each.text("process_id")),
                "image_path": _plain(each.text("new_process_name")),
                "user_name": target or subject,
                "logon_id": _or_none(each.event.get("subject_logon_id") if token in (None, "0x0") else token),
            }
        else:
            continue
        row["process_guid"] = _guid(each.text("process_guid"))
        row["integrity_level"] = each.text("integrity_level") or LEVELS.get(each.text("mandatory_label"))
        found.append(row | {"time_us": each.at_us, "host": each.computer})
    return found


def host_events(events: Sequence[Event]) -> list[Event]:
    """Tasks that are registered and pipes that are created, in any order."""
    found: list[Event] = []
    for each in logged(events):
        row: Event = {
            "pid": _number(each.text("process_id")),
            "process_guid": _guid(each.text("process_guid")),
            "image_path": _plain(each.text("image")),
            "detail": None,
        }
        match each.log, each.event["event_id"]:
            case "sysmon", 13 if (name := _task(str(each.event.get("target_object")))) is not None:
                row |= {"action": "task", "name": name or None}
            case "sysmon", 17:
                row |= {"action": "pipe_created", "name": _plain(each.text("pipe_name"))}
            case "security", 4698:
                names = {"name": "task_name", "detail": "task_content"}
                row |= {"action": "task"} | {key: each.event.get(name) for key, name in names.items()}
                row["pid"] = _decimal(each.text("client_process_id"))
            case _:
                continue
        found.append(row | {"time_us": each.at_us, "host": each.computer})
    return found


def _task(key: str) -> str | None:
    """The task that a value of the registry is about, empty where only its id is told; None for other values."""
    _, tree, below = key.partition("\\TaskCache\\Tree\\")
    if tree and ("\\" + below).endswith("\\Index"):
        return ("\\" + below).removesuffix("\\Index")
    return "" if "\\TaskCache\\Tasks\\" in key and key.endswith("\\Actions") else None


def _is_sysmon(event: Event) -> bool:
    return "sysmon" in str(event["channel"])


def _utc_us(event: Event) -> int | None:
    value = event.get("utc_us")
    return int(str(value)) if value is not None and _is_sysmon(event) else None


def _half_away(value: float) -> int:
    return int(value + 0.5) if value >= 0 else -int(-value + 0.5)


def _zone(shifts: Sequence[tuple[object, int, bool]]) -> int:
    """The commonest, of those that not only connections show."""
    zones = Counter(zone for _, zone, _ in shifts)
    sure = {zone for _, zone, is_doubtful in shifts if not is_doubtful}
    return min(zones, key=lambda zone: (zone not in sure, -zones[zone], zone), default=0)


def _sides(each: Logged) -> tuple[tuple[str, int], tuple[str, int]]:
    names = ("source_ip", "source_port", "destination_ip", "destination_port")
    if each.log == "security":
        names = ("source_address", "source_port", "dest_address", "dest_port")
    here, here_port, there, there_port = (each.text(name) for name in names)
    return (_address(here), int(here_port)), (_address(there), int(there_port))


def _address(text: str) -> str:
    address = ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _is_outbound(each: Logged) -> bool:
    return each.text("initiated").lower() == "true" if each.log == "sysmon" else each.text("direction") == "%%14593"


def _protocol(each: Logged) -> str:
    return {"6": "tcp", "17": "udp"}.get(each.text("protocol"), each.text("protocol").lower())


def _turned(each: Logged, own: set[str]) -> tuple[tuple[tuple[str, int], tuple[str, int]], bool]:
    """Both ends, the one that opened the connection first, and whether that is known."""
    here, there = _sides(each)
    if _is_outbound(each):
        return (here, there), True
    is_here, is_there = here[0] in own, there[0] in own
    if is_here != is_there:
        return ((there, here) if is_here else (here, there)), True
    is_low = (here[1] < 1024) != (there[1] < 1024)
    ends = (there, here) if is_here and is_low and here[1] < 1024 else (here, there)
    return ends, here[0] == there[0] or (is_here and is_low)


def _number(text: str) -> int | None:
    try:
        return int(text, 16) if text.startswith("0x") else int(text)
    except ValueError:
        return None


def _decimal(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def _plain(text: str) -> str | None:
    for escaped, letter in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(escaped, letter)
    return None if text in {"", "<unknown process>"} else text


def _guid(text: str) -> str | None:
    plain = text.replace("{", "").replace("}", "").lower()
    return None if plain in {"", NO_GUID} else plain


def _account(each: Logged, whose: str) -> str | None:
    user = each.text(f"{whose}_user_name")
    return f"{each.text(f'{whose}_domain_name')}\\{user}" if user else None


def _or_none(value: object) -> str | None:
    return None if value is None else str(value).lower()

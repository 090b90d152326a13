"""Who had an address when, the slow way: the last that was heard of it, as long as that holds.

Leases tell it, and computers' own logs of connections that they opened, hour by hour, where no lease tells of the address. A computer
that has more than four addresses in an hour says nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["event", "heeded", "own", "place", "tenant"]

MONTH_S = 30 * 86_400
LONGEST = 255
NO_MACS = {"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"}
HOUR_US = 3_600_000_000
LATEST_US = 4_102_444_799_999_999
Event = tuple[int, str, str, str, int, bool]
"""When, host, address, name, until when, and whether a lease tells it."""


def event(row: Mapping[str, Any]) -> Event | None:
    """What a row of `lease` tells; None: nothing that can be used."""
    mac = (row["mac"] or "").lower().replace("-", ":")
    parts = mac.split(":")
    is_mac = len(parts) == 6 and all(len(part) == 2 and set(part) <= set("0123456789abcdef") for part in parts)
    name = _name(row["hostname"])
    host = f"mac:{mac}" if is_mac and mac not in NO_MACS else f"host:{name}" if name else ""
    if not host or not _is_usable(row["ip"]) or row["time_us"] is None or not 0 <= row["time_us"] <= LATEST_US:
        return None
    until = row["time_us"]
    if row["action"] != "release":
        if row["lease_s"] is None or not 0 < row["lease_s"] <= MONTH_S:
            return None
        until += round(row["lease_s"] * 1_000_000)
    return row["time_us"], host, row["ip"], name, until, True


def own(row: Mapping[str, Any]) -> Event | None:
    """What a row of `host_flow` tells; None: nothing that can be used."""
    name, time, ip = _name(row["host"]), row["time_us"], row["src_ip"]
    if not name or not row["is_outbound"] or row["transport_protocol"] != "tcp" or not _is_usable(ip):
        return None
    if ip.startswith("169.254.") or time is None or not 0 <= time <= LATEST_US:
        return None
    hour = time // HOUR_US
    return hour * HOUR_US, f"host:{name}", ip, name, (hour + 24) * HOUR_US, False


def heeded(events: Iterable[Event]) -> list[Event]:
    """Those that count."""
    told = list(events)
    leased = {each[2] for each in told if each[5]}
    kept: list[Event] = []
    for each in told:
        addresses = {other[2] for other in told if not other[5] and other[:2] == each[:2]}
        if each[5] or (each[2] not in leased and len(addresses) <= 4):
            kept.append(each)
    return kept


def tenant(events: Iterable[Event], ip: str, at_us: int) -> str | None:
    """The host that had the address then."""
    heard = [each for each in events if each[2] == ip and each[0] <= at_us]
    if not heard:
        return None
    time, host = max((each[0], each[1]) for each in heard)
    until = max(each[4] for each in heard if each[:2] == (time, host))
    return host if at_us < until else None


def place(events: Iterable[Event], host: str) -> tuple[str, str]:
    """Where a host was last, and the name that it gave last."""
    own = [each for each in events if each[1] == host]
    last = max(each[0] for each in own)
    names = [each for each in own if each[3]]
    told = max((each[0] for each in names), default=0)
    return min(each[2] for each in own if each[0] == last), min(
        (each[3] for each in names if each[0] == told), default=""
    )


def _name(given: str | None) -> str:
    """A name as it is compared; empty where it can't be one."""
    is_name = 0 < len(given or "") <= LONGEST and all(
        each.isascii() and (each.isalnum() or each in "._-") for each in given or ""
    )
    return (given or "").lower() if is_name else ""


def _is_usable(ip: str | None) -> bool:
    parts = (ip or "").split(".")
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() and str(int(part)) == part for part in parts):
        return False
    numbers = [int(part) for part in parts]
    return 1 <= numbers[0] <= 223 and numbers[0] != 127 and all(number <= 255 for number in numbers)

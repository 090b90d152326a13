"""The roles of steps/role.sql in plain Python: those that RPC tells, and servers of files and printers."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import floor
from typing import Any

Row = Mapping[str, Any]
PLAIN = {"workstation", "unknown"}
NUMBERS = ("clients", "servers", "own_clients", "lonely_servers", "main_of", "logon_clients", "targets", "hours")


def with_sharing(by_rpc: Iterable[Row], links: Iterable[Row]) -> list[dict[str, Any]]:
    """All roles, by address.

    Args:
        by_rpc: rows of `rpc_role`.
        links: rows of `smb_link`.
    """
    users: dict[str, dict[str, int]] = defaultdict(dict)
    for each in links:
        users[each["dest_ip"]][each["src_ip"]] = each["days"]
    everyone = {client for server in users.values() for client in server}
    ordered = sorted(len(users.get(client, ())) for client in everyone)
    usual = max(ordered[: len(ordered) * 9 // 10], default=0)
    several, many = min(max(5, len(everyone) // 100), 20), max(20, len(everyone) // 500)
    rows = {row["ip"]: dict(row) for row in by_rpc}
    for ip, days in users.items():
        clients, most = len(days), max(days.values())
        if clients < several or (clients < many and clients <= 3 * usual and 4 * clients < len(everyone)):
            continue
        row = rows.setdefault(ip, {"ip": ip, "role": "unknown", "days": most, **dict.fromkeys(NUMBERS, 0)})
        if row["role"] in PLAIN:
            row["role"] = "server"
            row["role_confidence"] = floor(90 * (clients * most) / ((clients + 5) * (most + 1))) / 100
            row["role_evidence"] = f"used by {clients} of {len(everyone)} clients for files or printers (SMB)"
    return [rows[ip] for ip in sorted(rows)]

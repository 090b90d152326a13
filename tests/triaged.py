"""Findings made by hand, and a workspace to keep them in."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from rpcsight.baseline.workspace import Workspace
from rpcsight.schema.arrow import ARROW_TYPES
from rpcsight.schema.baseline import LEARNED, LEARNED_INPUT
from rpcsight.settings import Settings

DAY = 20500
"""2026-02-16, a Monday."""
EPOCH = datetime(1970, 1, 1)
DAY_US = 86_400_000_000
WORKSTATIONS = ("10.0.1.1", "10.0.1.2", "10.0.1.3")
Deed = tuple[str | None, str | None, float]


def at(hour: float, day: int = DAY) -> datetime:
    """A time of day."""
    return EPOCH + timedelta(days=day, hours=hour)


def finding(
    name: str,
    src_ip: str | None = "10.0.1.1",
    dest_ip: str | None = "10.0.1.2",
    *,
    score: float = 40.0,
    severity: str = "medium",
    service: str | None = None,
    deeds: Sequence[Deed] = (),
    others: Sequence[tuple[str, str]] = (),
    first: datetime | None = None,
    last: datetime | None = None,
    summary: str = "what happened",
    **more: object,
) -> dict[str, Any]:
    """A finding as a hunt gives it; of detections service, operation and weight; other pairs beside the lead pair."""
    start, end = first or at(10), last or first or at(10.5)
    pairs = [(src_ip, dest_ip), *others]
    return {
        "finding_id": name.ljust(16, "0"),
        "src_ip": src_ip,
        "dest_ip": dest_ip,
        "service": service,
        "tier": "decoded" if service else None,
        "techniques": ["T1021"],
        "d3fend": ["D3-RTA"],
        "score": score,
        "severity": severity,
        "confidence": 0.9,
        "first_time": start,
        "last_time": end,
        "activities": 2,
        "attempts": 0,
        "smb": 0,
        "summary": summary,
        "reasons": ({"name": "new pair", "points": score, "text": "they had not met"},),
        "evidence": (),
        "detections": tuple(
            {"analytic": "remote-service", "technique": "T1021", "service": of, "operation": what, "weight": weight}
            for of, what, weight in deeds
        ),
        "day": start.date(),
        "rank": 1,
        "pairs": [
            {"src_ip": client, "dest_ip": server, "first_time": start, "last_time": end, "score": score}
            for client, server in pairs
        ],
        "next": ["ask whose it is"],
        "benign_if": ["it is an administrator's"],
    } | more


def learn(workspace: Workspace, pairs: Sequence[tuple[str, str, int]]) -> None:
    """Let a workspace learn that clients used servers on days."""
    values: dict[str, Any] = {"mappers": 1, "endpoints": 1, "smb": 0, "failed": 0, "hours": 1 << 10, "busy_us": 0}
    rows = [
        {"src_ip": client, "dest_ip": server, "day": day, "first_us": day * DAY_US, "last_us": day * DAY_US} | values
        for client, server, day in pairs
    ]
    tables = {"pair_day": rows, "deed_day": [], "endpoint_day": [], "lease_event": []}
    learned = {name: pa.Table.from_pylist(tables[name], _schema(LEARNED[name])) for name in LEARNED}
    workspace.add(learned.items(), pa.Table.from_pylist([], _schema(LEARNED_INPUT)), Settings())


def known(workspace: Workspace) -> list[tuple[str, str, int]]:
    """Which pairs a workspace knows, and on how many days."""
    rows = workspace.rows("select src_ip, dest_ip, days from known_pair order by all")
    return [(row["src_ip"], row["dest_ip"], row["days"]) for row in rows]


def set_roles(workspace: Workspace, roles: dict[str, str]) -> None:
    """Say which role hosts have."""
    workspace.store.run("delete from known_host")
    for address, role in roles.items():
        workspace.store.run("insert into known_host (ip, role) values ($ip, $role)", {"ip": address, "role": role})


def workspace_at(path: Path) -> Workspace:
    """A new workspace."""
    return Workspace(path / "corp.db")


def _schema(columns: Sequence[Any]) -> pa.Schema:
    return pa.schema([(column.name, ARROW_TYPES[column.kind]) for column in columns])

"""What the API gives of hosts, the baseline and the server, as JSON."""

from typing import Any

from pydantic import BaseModel

from rpcsight.web.models import FindingRow

__all__ = ["Baseline", "Difference", "Edge", "Host", "HostPage", "HostRow", "Inputs", "Map", "Node", "SettingsShown"]


class HostRow(BaseModel):
    """A host in a list."""

    ip: str
    name: str | None
    role: str
    role_confidence: float | None
    clients: int | None
    servers: int | None
    last_day: str | None
    findings: int


class HostPage(BaseModel):
    """Some hosts, by address."""

    hosts: list[HostRow]
    next: str | None
    total: int


class Host(BaseModel):
    """A host: its role and why, whom it uses, who uses it, what it offers, its findings."""

    ip: str
    known: dict[str, Any] | None
    findings: list[FindingRow]
    total: int


class Node(BaseModel):
    """A host of the map."""

    ip: str
    name: str | None
    role: str
    findings: int


class Edge(BaseModel):
    """A client and a server of the map."""

    client: str
    server: str
    findings: int
    score: float
    severity: str
    known_days: int


class Map(BaseModel):
    """Hosts of findings and who used whom, the highest scores first; `left_out` pairs did not fit."""

    nodes: list[Node]
    edges: list[Edge]
    left_out: int


class Baseline(BaseModel):
    """What is known of the network."""

    baseline: dict[str, Any]


class Difference(BaseModel):
    """What days from one on know and those before do not, and the reverse; each list is cut where `limit` says."""

    difference: dict[str, Any]
    totals: dict[str, int]


class Inputs(BaseModel):
    """What was read: by hunts, with losses; and what was learned."""

    hunts: list[dict[str, Any]]
    learned: list[dict[str, Any]]
    learned_files: int


class SettingsShown(BaseModel):
    """The server's settings; no secrets are among them."""

    settings: dict[str, Any]

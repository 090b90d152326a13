"""What is true of a simulation: hosts and their addresses, attacks step by step, and workstations that meet for the first time."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from rpcsight.simulation.activities import ACTIVITIES
from rpcsight.simulation.days import Day
from rpcsight.simulation.dice import Ints
from rpcsight.simulation.expansion import is_encrypted
from rpcsight.simulation.network import PEOPLE, ROLES, Network
from rpcsight.simulation.rows import Seen
from rpcsight.simulation.scenes import Step

__all__ = ["FOLDER", "START", "Truth", "date_of"]

FOLDER = "_truth"
"""Readers pass over names that begin so."""
START = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""
LABELS = (
    "attack", "kind", "technique", "activity", "visibility", "is_usual", "is_blocked", "is_work_time", "src_host", "src_role", "dest_host",
    "dest_role", "src_ip", "dest_ip", "start_time", "end_time", "flows", "established", "calls", "flow_ids",
)  # fmt: skip
HOSTS = ("host", "mac", "role", "site", "ip", "since", "until", "gateway")
SMB_PORT = 445
LOW = 0xFFFFFFFF
PAIRS = ("day", "src_ip", "dest_ip", "src_host", "dest_host", "is_new_address")


class Truth:
    """Writes `labels.csv`, `hosts.csv` and `pairs.csv`, a day after the other.

    Args:
        folder: of the simulation.
        net: the network.
    """

    def __init__(self, folder: Path, net: Network) -> None:
        self._folder, self._net = folder / FOLDER, net
        self._names, self._macs = net.names(), net.macs()
        self._address = np.full(len(net), -1, dtype=np.int64)
        self._since = np.zeros(len(net), dtype=np.int64)
        self._met = np.zeros(0, dtype=np.int64)
        self._used = np.zeros(0, dtype=np.int64)
        self._known = np.zeros(0, dtype=np.int64)
        self._is_person = np.isin(net.role, [ROLES.index(role) for role in PEOPLE])

    def __enter__(self) -> Self:
        self._folder.mkdir()
        self._files = ExitStack()
        self._labels, self._hosts, self._pairs = (
            self._open(name, head) for name, head in (("labels", LABELS), ("hosts", HOSTS), ("pairs", PAIRS))
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def add(self, day: Day, table: Seen, steps: Sequence[Step]) -> None:
        """What is true of a day."""
        self._lease(day.number, np.where(self._net.exists(day.number), day.address, -2))
        self._labels.writerows(self._labelled(day, table, steps))
        self._meet(day, table)
        is_harmless = table.is_rpc & (table.step < 0)
        self._used = np.union1d(self._used, self._keys(day, table.client[is_harmless], table.server[is_harmless]))

    def end(self, number: int) -> None:
        """All addresses end with the simulation, the day after its last."""
        self._lease(number, np.full(len(self._net), -2, dtype=np.int64))

    def _open(self, name: str, head: Sequence[str]):  # noqa: ANN202 - csv does not export the type
        file = self._files.enter_context((self._folder / f"{name}.csv").open("w", newline="", encoding="utf-8"))
        writer = csv.writer(file)
        writer.writerow(head)
        return writer

    def _lease(self, number: int, address: Ints) -> None:
        for host in np.flatnonzero(address != self._address).tolist():
            if (before := int(self._address[host])) >= 0:
                span = (date_of(int(self._since[host])), date_of(number))
                role = ROLES[int(self._net.role[host])]
                gateway = int(self._net.gateway[host])
                behind = "" if gateway < 0 else _ip(int(self._net.address[gateway]))
                self._hosts.writerow(
                    [self._names[host], self._macs[host], role, int(self._net.site[host]), _ip(before), *span, behind]
                )
            self._since[host] = number
        self._address = address.copy()

    def _keys(self, day: Day, client: Ints, server: Ints) -> Ints:
        """The two addresses that a sensor sees, as one number."""
        gateway = self._net.gateway[client]
        return (day.address[np.where(gateway >= 0, gateway, client)] << 32) | day.address[server]

    def _labelled(self, day: Day, table: Seen, steps: Sequence[Step]) -> Iterator[list[object]]:
        places = np.flatnonzero(table.step >= 0)
        rows, own = table.flow.take(places).to_pylist(), table.step[places].tolist()
        calls: dict[str, int] = {row["flow_id"]: 0 for row in rows}
        if steps and table.call.num_rows:
            for flow_id in table.call["flow_id"].to_pylist():
                if flow_id in calls:
                    calls[flow_id] += 1
        ends = (np.array([host(step) for step in steps], dtype=np.int64) for host in (_client, _server))
        is_usual = np.isin(self._keys(day, *ends), self._used)
        for number, step in enumerate(steps):
            flows = [row for row, whose in zip(rows, own, strict=True) if whose == number]
            roles = [ROLES[int(self._net.role[host])] for host in (step.client, step.server)]
            times = min(row["start_time"] for row in flows), max(row["end_time"] for row in flows)
            yield [
                step.attack, step.kind, step.technique, step.activity, _visibility(step, flows),
                bool(is_usual[number]), step.is_blocked, step.is_work_time,
                self._names[step.client], roles[0], self._names[step.server], roles[1], flows[0]["src_ip"], flows[0]["dest_ip"],
                *(f"{time.isoformat()}Z" for time in times), len(flows),
                sum(row["is_established"] for row in flows), sum(calls[row["flow_id"]] for row in flows),
                " ".join(row["flow_id"] for row in flows),
            ]  # fmt: skip

    def _meet(self, day: Day, table: Seen) -> None:
        """Workstations that use RPC on one another over TCP, without harm, at addresses that have not done so before."""
        is_peer = self._is_person[table.client] & self._is_person[table.server] & table.is_rpc & (table.step < 0)
        client, server = table.client[is_peer], table.server[is_peer]
        keys, first = np.unique(self._keys(day, client, server), return_index=True)
        is_new = ~np.isin(keys, self._met)
        for key, place in zip(np.flatnonzero(is_new).tolist(), first[is_new].tolist(), strict=True):
            hosts = int(client[place]), int(server[place])
            ends = [_ip(int(keys[key]) >> 32), _ip(int(keys[key]) & LOW)]
            is_known = bool(np.isin(hosts[0] * len(self._net) + hosts[1], self._known))
            self._pairs.writerow([date_of(day.number), *ends, *(self._names[host] for host in hosts), is_known])
        self._met = np.union1d(self._met, keys)
        self._known = np.union1d(self._known, client * len(self._net) + server)


def _client(step: Step) -> int:
    return step.client


def _server(step: Step) -> int:
    return step.server


def _visibility(step: Step, flows: Sequence[Mapping[str, object]]) -> str:
    """`flow`: RPC over TCP; `pipe`: SMB alone; `none`: encrypted SMB alone, or without a pipe."""
    if any(row["dest_port"] != SMB_PORT for row in flows):
        return "flow"
    if not any(leg.calls for leg in ACTIVITIES[step.activity].legs):
        return "none"
    return "none" if is_encrypted(np.array([step.server]))[0] else "pipe"


def date_of(number: int) -> str:
    """The day's date."""
    return f"{START + timedelta(days=number):%Y-%m-%d}"


def _ip(address: int) -> str:
    return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))

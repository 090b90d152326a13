"""Say what every connection to the endpoint mapper or to a dynamic port really was.

    truth.py CAPTURE.pcap ACTIONS.csv OUTPUT.csv MACHINE=ADDRESS...

It is RPC if tshark finds a bind on it; what the clients were doing is in ACTIONS.csv.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from capture import bound_interfaces, connections, format_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from capture import Connection

MAPPER_PORT: Final = 135
FIRST_DYNAMIC_PORT: Final = 49152
HEADER: Final = (
    "kind",
    "time",
    "src_ip",
    "src_port",
    "dest_ip",
    "dest_port",
    "interface_uuid",
    "is_rpc",
    "gap_s",
    "action",
)


class Action(NamedTuple):
    """One thing a client did."""

    start: datetime
    end: datetime
    address: str
    label: str


def read_actions(path: str, addresses: Mapping[str, str]) -> list[Action]:
    """Read the log of the actions, machine names replaced by addresses."""
    with Path(path).open(newline="", encoding="utf-8") as stream:
        return [
            Action(
                parse_time(line["start"]),
                parse_time(line["end"]),
                addresses[line["machine"]],
                line["label"],
            )
            for line in csv.DictReader(stream)
        ]


def action_of(connection: Connection, actions: Iterable[Action]) -> str:
    """Name the action that ran on the client when it connected.

    Daemons connect by themselves too: winbindd to its controller, the controllers to
    each other.
    """
    for action in actions:
        if action.address == connection.src[0] and action.start <= connection.start <= action.end:
            return action.label
    return "daemon"


def kind_of(connection: Connection, interface: str | None) -> str:
    """Name what the connection was."""
    if not connection.is_established:
        return "attempt"
    if interface is None:
        return "decoy"
    return "mapper" if connection.dest[1] == MAPPER_PORT else "endpoint"


def rows(
    found: Iterable[Connection], interfaces: Mapping[int, str], actions: list[Action]
) -> Iterable[tuple[object, ...]]:
    """Yield a row for each connection that matters, in order of time."""
    last_mapper: dict[tuple[str, str], datetime] = {}
    for connection in found:
        port = connection.dest[1]
        if port != MAPPER_PORT and port < FIRST_DYNAMIC_PORT:
            continue
        pair = (connection.src[0], connection.dest[0])
        interface = interfaces.get(connection.stream)
        gap = ""
        if port == MAPPER_PORT:
            last_mapper[pair] = connection.start
        elif pair in last_mapper:
            gap = f"{(connection.start - last_mapper[pair]).total_seconds():.6f}"
        yield (
            kind_of(connection, interface),
            format_time(connection.start),
            *connection.src,
            *connection.dest,
            interface or "",
            "false" if interface is None else "true",
            gap,
            action_of(connection, actions),
        )


def main() -> None:
    """Read the capture and the actions, write the truth, say how much it was."""
    pcap, actions, output, *machines = sys.argv[1:]
    addresses = dict(machine.split("=") for machine in machines)
    truth = list(rows(connections(pcap), bound_interfaces(pcap), read_actions(actions, addresses)))
    with Path(output).open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(truth)
    counts = Counter(str(line[0]) for line in truth)
    print(f"{output}:", ", ".join(f"{count} {kind}" for kind, count in counts.most_common()))


if __name__ == "__main__":
    main()

"""Connections and calls as the tables of a sensor: addresses, ports, sizes, ids."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from rpcsight.simulation.activities import ACTIVITIES, INTERFACES, SLOTS
from rpcsight.simulation.columns import chosen as either
from rpcsight.simulation.columns import padded, side_by_side
from rpcsight.simulation.days import Day
from rpcsight.simulation.dice import Dice, Ints, Marks, mixed
from rpcsight.simulation.expansion import MAPPER, NAMES, SMB, Answers, Calls, Flows, is_low
from rpcsight.simulation.leases import LEASES
from rpcsight.simulation.network import Network
from rpcsight.simulation.sessions import Sessions

__all__ = ["OBSERVER", "Seen", "seen"]

PIPES = {
    "samr": "samr",
    "lsarpc": "lsarpc",
    "srvsvc": "srvsvc",
    "wkssvc": "wkssvc",
    "svcctl": "svcctl",
    "winreg": "winreg",
    "efsrpc": "lsarpc",
}
PORT_STEPS = 12
WINDOWS_PORTS, LINUX_PORTS, GATEWAY_PORTS = (49152, 65535), (32768, 60999), (1024, 65535)
ENDS = ["start_time", "flow_id", "src_ip", "src_port", "dest_ip", "dest_port"]
FIRST_S, SECOND_S = 2.5, 8.5
LOADS = ((0, 0.1), (0.5, 1), (0.9, 3), (1, 20))
KILOBYTE, SEGMENT = 1024, 1460
_OUT_KB, _IN_KB = (np.array([getattr(each, name) for each in ACTIVITIES.values()]) for name in ("out_kb", "in_kb"))
_SLOTS = {"smb": SMB, "mapper": MAPPER, **{name: place for place, name in enumerate(SLOTS)}}
_FIRST = np.array([_SLOTS[each.legs[0].slot] for each in ACTIVITIES.values()])
OTHER = SLOTS.index("other")
OBSERVER = "simulated"


@dataclass(frozen=True, slots=True)
class Seen:
    """A day as the sensor has it.

    Args:
        flow: rows of `schema.FLOW` by start.
        call: rows of `rpc_call` by time.
        mapping: rows of `rpc_mapping` by time.
        step: for each flow the step of an attack that it belongs to, or -1.
        client, server: for each flow the hosts.
        is_rpc: for each flow whether it carries RPC over TCP.
        lease: rows of `lease` by time, where they are wanted.
    """

    flow: pa.Table
    call: pa.Table
    mapping: pa.Table
    step: Ints
    client: Ints
    server: Ints
    is_rpc: Marks
    lease: pa.Table = field(default_factory=LEASES.empty_table)


def seen(net: Network, day: Day, flows: Flows, calls: Calls, answers: Answers, sessions: Sessions, share: str) -> Seen:
    """Make the tables.

    Args:
        net: the network.
        day: the day.
        flows: its connections.
        calls: what is called on them.
        answers: where mappers lead.
        sessions: what they belong to.
        share: which connections a sensor decodes: "none", "some" (those of servers), "all".
    """
    order = np.lexsort((flows.slot, flows.server, flows.client, flows.start_us))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    client, server, slot = flows.client[order], flows.server[order], flows.slot[order]
    start, is_up = flows.start_us[order], flows.is_established[order]
    noise = Dice(net.seed, "sizes", day.number)
    gateway = net.gateway[client]
    through = np.where(gateway >= 0, gateway, client)
    src_port = _client_ports(net, noise, through)
    ports = day.ports(server, np.maximum(slot, 0), start)
    dest_port = np.where(slot == MAPPER, 135, np.where(slot == SMB, 445, ports))
    is_refused, seconds = flows.is_refused[order], (flows.end_us[order] - start) / 1e6
    # SYNs: one, and one more at each step of the time that is waited in vain
    asked = np.where(is_refused, 1, 1 + (seconds > FIRST_S) + (seconds > SECOND_S))
    packets = np.where(is_up, 5 + noise.below(18, len(order)), asked)
    kinds = sessions.activity[flows.session[order]]
    factor = np.where(is_up & (slot == _FIRST[kinds]), noise.quantile(LOADS, len(order)), 0.0)
    load_out, load_in = ((factor * kb[kinds] * KILOBYTE).astype(np.int64) for kb in (_OUT_KB, _IN_KB))
    out_bytes = load_out + np.where(is_up, packets * 60 + noise.below(1800, len(order)), packets * 52)
    in_bytes = load_in + np.where(is_up, packets * 54 + noise.below(4200, len(order)), np.where(is_refused, 40, 0))
    # every second packet is acknowledged
    answered = np.where(is_up, packets + load_in // SEGMENT + load_out // (2 * SEGMENT), is_refused)
    packets = packets + load_out // SEGMENT + load_in // (2 * SEGMENT)
    src_ip, dest_ip = _texts(day.address[through]), _texts(day.address[server])
    ids = side_by_side(f"C{day.number:03d}", padded(pa.array(np.arange(len(order))), 14), "x")
    count = len(order)
    flow = pa.table(
        {
            "flow_id": ids,
            "start_time": _times(day.start_us + start),
            "end_time": _times(day.start_us + flows.end_us[order]),
            "src_ip": src_ip,
            "src_port": pa.array(src_port, pa.int32()),
            "dest_ip": dest_ip,
            "dest_port": pa.array(dest_port, pa.int32()),
            "transport_protocol": _same("tcp", count),
            "is_established": pa.array(is_up),
            "is_oriented": pa.array(np.ones(count, dtype=np.bool_)),
            "out_bytes": pa.array(out_bytes),
            "in_bytes": pa.array(in_bytes),
            "out_packets": pa.array(packets),
            "in_packets": pa.array(answered),
            "observer": _same(OBSERVER, count),
            "source": _same(OBSERVER, count),
        }
    )
    step = sessions.attack[flows.session[order]]
    is_decoded = _decoded(net, client, server, share)
    return Seen(
        flow,
        _called(day, flow, calls, rank, is_decoded),
        _mapped(day, flow, answers, rank, is_decoded, server),
        step,
        client,
        server,
        (slot != SMB) & (slot != OTHER) & is_up,
    )


def _called(day: Day, flow: pa.Table, calls: Calls, rank: Ints, is_decoded: Marks) -> pa.Table:
    place = rank[calls.flow]
    chosen = np.flatnonzero(is_decoded[place])
    chosen = chosen[np.lexsort((calls.opnum[chosen], place[chosen], calls.time_us[chosen]))]
    place, interface, count = place[chosen], calls.interface[chosen], len(chosen)
    rows = flow.select(ENDS).take(pa.array(place))
    is_pipe = rows["dest_port"].to_numpy() == 445  # noqa: PLR2004
    names = pa.array([PIPES.get(name) for name in NAMES], pa.string())
    fault = calls.fault[chosen]
    return pa.table(
        {
            "time_us": pa.array(day.start_us + calls.time_us[chosen]),
            "flow_us": rows["start_time"].cast(pa.int64()),
            "src_ip": rows["src_ip"],
            "src_port": rows["src_port"],
            "dest_ip": rows["dest_ip"],
            "dest_port": rows["dest_port"],
            "transport_protocol": either(pa.array(is_pipe), "smb", "tcp"),
            "pipe": either(pa.array(is_pipe), names.take(pa.array(interface)), None),
            "is_callback": pa.array(np.zeros(count, dtype=np.bool_)),
            "interface": pa.array([uuid for uuid, _ in INTERFACES.values()]).take(pa.array(interface)),
            "version": pa.array([version for _, version in INTERFACES.values()]).take(pa.array(interface)),
            "opnum": pa.array(calls.opnum[chosen], pa.int32()),
            "is_answered": pa.array(np.ones(count, dtype=np.bool_)),
            "fault": pa.array(fault, mask=fault == 0),
            "flow_id": rows["flow_id"],
            "observer": _same(OBSERVER, count),
            "source": _same(OBSERVER, count),
        }
    )


def _mapped(day: Day, flow: pa.Table, answers: Answers, rank: Ints, is_decoded: Marks, server: Ints) -> pa.Table:
    place = rank[answers.flow]
    chosen = np.flatnonzero(is_decoded[place])
    chosen = chosen[np.lexsort((place[chosen], answers.time_us[chosen]))]
    place, interface, count = place[chosen], answers.interface[chosen], len(chosen)
    rows = flow.select(ENDS).take(pa.array(place))
    start = rows["start_time"].cast(pa.int64())
    is_object = interface < 0
    values = list(INTERFACES.values())
    return pa.table(
        {
            "time_us": pa.array(day.start_us + answers.time_us[chosen]),
            "flow_us": start,
            "src_ip": rows["src_ip"],
            "src_port": rows["src_port"],
            "dest_ip": rows["dest_ip"],
            "dest_port": rows["dest_port"],
            "transport_protocol": _same("tcp", count),
            "answer": either(pa.array(is_object), "activation", "ept_map"),
            "interface": pa.array([uuid for uuid, _ in values]).take(pa.array(interface, mask=is_object)),
            "version": pa.array([version for _, version in values]).take(pa.array(interface, mask=is_object)),
            "mapped_port": pa.array(
                day.ports(server[place], answers.slot[chosen], start.to_numpy() - day.start_us), pa.int32()
            ),
            "observer": _same(OBSERVER, count),
            "source": _same(OBSERVER, count),
        }
    )


def _decoded(net: Network, client: Ints, server: Ints, share: str) -> Marks:
    if share == "all":
        return np.ones(len(client), dtype=np.bool_)
    if share == "none":
        return np.zeros(len(client), dtype=np.bool_)
    return (net.subnet[client] < 0) | (net.subnet[server] < 0)


def _client_ports(net: Network, dice: Dice, client: Ints) -> Ints:
    """A host's ports follow one another, with those of its other connections between."""
    is_gateway = np.isin(client, net.of("NAT gateway"))
    low = np.where(is_gateway, GATEWAY_PORTS[0], np.where(is_low(net)[client], LINUX_PORTS[0], WINDOWS_PORTS[0]))
    high = np.where(is_gateway, GATEWAY_PORTS[1], np.where(is_low(net)[client], LINUX_PORTS[1], WINDOWS_PORTS[1]))
    order = np.argsort(client.astype(np.uint16), kind="stable")  # at most 50,000: sorted by digits
    steps = np.cumsum(1 + dice.below(PORT_STEPS, len(client)))
    passed = np.empty(len(client), dtype=np.int64)
    passed[order] = steps
    return low + ((mixed(client) >> np.uint64(20)).astype(np.int64) + passed) % (high - low + 1)


def _texts(address: Ints) -> pa.Array:
    values, places = np.unique(address, return_inverse=True)
    texts = [f"{value >> 24}.{value >> 16 & 255}.{value >> 8 & 255}.{value & 255}" for value in values.tolist()]
    return pa.array(texts, pa.string()).take(pa.array(places))


def _times(times_us: Ints) -> pa.Array:
    return pa.array(times_us).cast(pa.timestamp("us"))


def _same(text: str, count: int) -> pa.Array:
    return pa.repeat(pa.scalar(text), count)

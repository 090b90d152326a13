"""The robust rule of docs/rule.md, `rpc-activity`, one plain function per numbered step."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.oracles.flow import NO_PACKETS, SECOND_US, Flow, Parameters, Row
from tests.oracles.strict import strict_pairs

WELL_KNOWN_PORTS = 1024


@dataclass(frozen=True)
class Considered:
    """A recorded flow in one of its orientations."""

    flow: Flow  # as oriented here
    recorded: Flow
    is_exchanged: bool


@dataclass(frozen=True)
class Activity:
    """An endpoint connection that is a row; without a mapper it is a known endpoint."""

    endpoint: Considered
    mapper: Flow | None
    mapper_count: int

    @property
    def basis(self) -> str:
        return "known_endpoint" if self.mapper is None else "mapper"

    @property
    def gap_us(self) -> int | None:
        return None if self.mapper is None else self.endpoint.flow.start_us - self.mapper.start_us


def robust(flows: Sequence[Flow], parameters: Parameters) -> tuple[list[Row], dict[str, int]]:
    """Return the rows in the rule's order, times in microseconds, and the six counts (zero where nothing fits)."""
    counts = _count_left_out(flows, parameters)
    considered = [one for flow in flows for one in _both_ways(flow) if _left_out(flow) is None]
    of_interest = [one for one in considered if _kind(one.flow, parameters) is not None]
    connections = _once_inside_observer(of_interest, parameters)
    mappers = [one.flow for one in connections if _kind(one.flow, parameters) == "mapper"]
    endpoints = [one for one in connections if _kind(one.flow, parameters) == "endpoint"]
    matched = _match(endpoints, mappers, parameters)
    activities = matched + _known_endpoints(endpoints, matched)
    kept = _once_across_observers(activities, parameters)
    counts["repeated"] = _count_repeated(flows, [one for one in of_interest if one not in connections], parameters)
    counts["seen again"] = len(activities) - len(kept)
    strict_endpoints = {endpoint for _, endpoint in strict_pairs(flows, parameters)}
    kept.sort(key=_row_order)
    return [_row(activity, strict_endpoints) for activity in kept], counts


def _both_ways(flow: Flow) -> list[Considered]:
    """1. A flow with is_oriented false is considered as recorded and with source and destination exchanged."""
    as_recorded = Considered(flow, flow, is_exchanged=False)
    if flow.is_oriented:
        return [as_recorded]
    exchanged = replace(
        flow, src_ip=flow.dest_ip, src_port=flow.dest_port, dest_ip=flow.src_ip, dest_port=flow.src_port
    )
    return [as_recorded, Considered(exchanged, flow, is_exchanged=True)]


def _left_out(flow: Flow) -> str | None:
    """2. The first reason that fits: not tcp, self, loopback, failed. Unknown is kept."""
    if flow.transport_protocol is not None and flow.transport_protocol != "tcp":
        return "not tcp"
    if flow.src_ip == flow.dest_ip:
        return "self"
    if _is_loopback(flow.src_ip) or _is_loopback(flow.dest_ip):
        return "loopback"
    if flow.is_established is False:
        return "failed"
    return None


def _is_loopback(address: str) -> bool:
    """`::1` or `127.*`."""
    return address == "::1" or address.startswith("127.")


def _count_left_out(flows: Sequence[Flow], parameters: Parameters) -> dict[str, int]:
    """2. ... and counted: each recorded flow once, if it is a mapper or an endpoint in an orientation considered."""
    counts = {"not tcp": 0, "self": 0, "loopback": 0, "failed": 0}
    for flow in flows:
        reason = _left_out(flow)
        if reason is not None and any(_kind(one.flow, parameters) is not None for one in _both_ways(flow)):
            counts[reason] += 1
    return counts


def _kind(flow: Flow, parameters: Parameters) -> str | None:
    """3. mapper if dest_port == mapper_port; endpoint if dest_port in the dynamic range and src_port >= 1024."""
    if flow.dest_port == parameters.mapper_port:
        return "mapper"
    if parameters.dynamic_low <= flow.dest_port <= parameters.dynamic_high and flow.src_port >= WELL_KNOWN_PORTS:
        return "endpoint"
    return None


def _once_inside_observer(flows: list[Considered], parameters: Parameters) -> list[Considered]:
    """4. Flows with the same (observer, src_ip, src_port, dest_ip, dest_port), in order of (start, flow_id).

    A flow that does not say who called and starts no later than same_connection after the latest end of the flows
    before it is a later part. Any other flow that starts no later than same_connection after the start of the flow
    before it, later parts left aside, is the same connection again. The first of each such chain stands for it.
    """
    groups: dict[tuple[str, str, int, str, int], list[Considered]] = {}
    for one in flows:
        flow = one.flow
        key = (flow.observer, flow.src_ip, flow.src_port, flow.dest_ip, flow.dest_port)
        groups.setdefault(key, []).append(one)
    connections: list[Considered] = []
    for group in groups.values():
        seen: list[Flow] = []
        before: Flow | None = None
        for one in sorted(group, key=lambda one: _start_order(one.flow)):
            if not _is_later_part([one.flow], seen, parameters):
                if before is None or one.flow.start_us > before.start_us + parameters.same_connection_us:
                    connections.append(one)
                before = one.flow
            seen.append(one.flow)
    return connections


def _is_later_part(chain: list[Flow], before: list[Flow], parameters: Parameters) -> bool:
    """4 and 7. None says who called; the first starts no later than same_connection after the latest end before it."""
    if not before or any(flow.is_oriented for flow in chain):
        return False
    return chain[0].start_us <= max(_end(flow) for flow in before) + parameters.same_connection_us


def _count_repeated(flows: Sequence[Flow], dropped: list[Considered], parameters: Parameters) -> int:
    """4. Dropped records, each once, where both a mapper and an endpoint flow were seen between the two hosts.

    Seen in whatever state, by whatever observer, either way considered.
    """
    kinds: dict[tuple[str, str], set[str | None]] = {}
    for flow in (one.flow for recorded in flows for one in _both_ways(recorded)):
        kinds.setdefault((flow.src_ip, flow.dest_ip), set()).add(_kind(flow, parameters))
    return len({one.recorded for one in dropped if kinds[one.flow.src_ip, one.flow.dest_ip] >= {"mapper", "endpoint"}})


def _match(endpoints: list[Considered], mappers: list[Flow], parameters: Parameters) -> list[Activity]:
    """5. Every endpoint connection that a mapper connection precedes, with their number and the one named."""
    matched: list[Activity] = []
    for endpoint in endpoints:
        preceding = [mapper for mapper in mappers if _precedes(mapper, endpoint.flow, parameters)]
        if preceding:
            mapper = _mapper_named(endpoint.flow, preceding, mappers)
            matched.append(Activity(endpoint, mapper, len(preceding)))
    return matched


def _precedes(mapper: Flow, endpoint: Flow, parameters: Parameters) -> bool:
    """5. Observer, src_ip, dest_ip equal and m.start <= e.start <= max(m.end, m.start) + window."""
    return _same_hosts(mapper, endpoint) and mapper.start_us <= endpoint.start_us <= _end(mapper) + parameters.window_us


def _same_hosts(mapper: Flow, endpoint: Flow) -> bool:
    return (mapper.observer, mapper.src_ip, mapper.dest_ip) == (endpoint.observer, endpoint.src_ip, endpoint.dest_ip)


def _end(flow: Flow) -> int:
    """max(m.end, m.start); unknown end: the start."""
    return flow.start_us if flow.end_us is None else max(flow.end_us, flow.start_us)


def _mapper_named(endpoint: Flow, preceding: list[Flow], mappers: list[Flow]) -> Flow:
    """5. The one of them with the latest (start, flow_id) if the latest mapper of all that started no later precedes e.

    Otherwise the one whose end is the latest (of equal ends, the one with the earliest (start, flow_id)).
    """
    started = [mapper for mapper in mappers if _same_hosts(mapper, endpoint) and mapper.start_us <= endpoint.start_us]
    latest_of_all = max(started, key=_start_order)
    if latest_of_all in preceding:
        return max(preceding, key=_start_order)
    latest_end = max(_end(mapper) for mapper in preceding)
    return min((mapper for mapper in preceding if _end(mapper) == latest_end), key=_start_order)


def _start_order(flow: Flow) -> tuple[int, str]:
    return flow.start_us, flow.flow_id


def _known_endpoints(endpoints: list[Considered], matched: list[Activity]) -> list[Activity]:
    """6. Endpoint connections without a preceding mapper, to the destination of a connection matched anywhere."""
    with_mapper = [activity.endpoint for activity in matched]
    known = {(one.flow.dest_ip, one.flow.dest_port) for one in with_mapper}
    return [
        Activity(endpoint, mapper=None, mapper_count=0)
        for endpoint in endpoints
        if endpoint not in with_mapper and (endpoint.flow.dest_ip, endpoint.flow.dest_port) in known
    ]


def _once_across_observers(activities: list[Activity], parameters: Parameters) -> list[Activity]:
    """7. Rows whose two (address, port) ends are the same, in either order, sorted by `_seen_order`.

    A row that starts no later than same_connection after the start of the row before it is the same connection again.
    A chain of such rows that is a later part is dropped; of each other one, the first by `_best_order` is kept.
    """
    groups: dict[frozenset[tuple[str, int]], list[Activity]] = {}
    for activity in activities:
        flow = activity.endpoint.flow
        ends = frozenset({(flow.src_ip, flow.src_port), (flow.dest_ip, flow.dest_port)})
        groups.setdefault(ends, []).append(activity)
    kept: list[Activity] = []
    for group in groups.values():
        before: list[Flow] = []
        for chain in _chains(sorted(group, key=_seen_order), parameters):
            flows = [activity.endpoint.flow for activity in chain]
            if not _is_later_part(flows, before, parameters):
                kept.append(min(chain, key=_best_order))
            before += flows
    return kept


def _chains(activities: list[Activity], parameters: Parameters) -> list[list[Activity]]:
    """Cut sorted rows where one starts later than same_connection after the row before it."""
    chains: list[list[Activity]] = []
    before: Activity | None = None
    for activity in activities:
        start_us = activity.endpoint.flow.start_us
        if before is None or start_us > before.endpoint.flow.start_us + parameters.same_connection_us:
            chains.append([])
        chains[-1].append(activity)
        before = activity
    return chains


def _seen_order(activity: Activity) -> tuple[object, ...]:
    """7. (start, basis with mapper first, gap with unknown last, observer, flow_id, src_ip, src_port)."""
    flow = activity.endpoint.flow
    return flow.start_us, *_evidence_order(activity), flow.observer, flow.flow_id, flow.src_ip, flow.src_port


def _best_order(activity: Activity) -> tuple[object, ...]:
    """7. (basis with mapper first, gap with unknown last, start, observer, flow_id, src_ip, src_port)."""
    flow = activity.endpoint.flow
    return *_evidence_order(activity), flow.start_us, flow.observer, flow.flow_id, flow.src_ip, flow.src_port


def _evidence_order(activity: Activity) -> tuple[bool, bool, int]:
    """Basis with mapper first, gap with unknown last."""
    gap_us = activity.gap_us
    return activity.basis != "mapper", gap_us is None, gap_us or 0


def _row_order(activity: Activity) -> tuple[int, str, str, int, str, int, str]:
    """start_time, flow_id, src_ip, src_port, dest_ip, dest_port, observer."""
    flow = activity.endpoint.flow
    return flow.start_us, flow.flow_id, flow.src_ip, flow.src_port, flow.dest_ip, flow.dest_port, flow.observer


def _is_strict(endpoint: Considered, strict_endpoints: set[Flow]) -> bool:
    """An endpoint of at least one strict pair over all flows as recorded (exchanged flows are never strict)."""
    return not endpoint.is_exchanged and endpoint.recorded in strict_endpoints


def _row(activity: Activity, strict_endpoints: set[Flow]) -> Row:
    flow, mapper, gap_us = activity.endpoint.flow, activity.mapper, activity.gap_us
    return {
        "src_ip": flow.src_ip,
        "dest_ip": flow.dest_ip,
        "start_time": flow.start_us,
        "src_port": flow.src_port,
        "dest_port": flow.dest_port,
        "mapper_time": None if mapper is None else mapper.start_us,
        "mapper_count": activity.mapper_count,
        "gap_s": None if gap_us is None else gap_us / SECOND_US,
        "basis": activity.basis,
        **NO_PACKETS,
        "is_strict": _is_strict(activity.endpoint, strict_endpoints),
        "is_robust": True,
        "mapper_id": None if mapper is None else mapper.flow_id,
        "flow_id": flow.flow_id,
        "observer": flow.observer,
        "source": flow.source,
    }

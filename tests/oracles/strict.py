"""The strict rule of docs/rule.md, `CAR-2014-05-001`, as a double loop."""

from collections.abc import Sequence

from tests.oracles.flow import SECOND_US, Flow, Parameters, Row


def strict(flows: Sequence[Flow], parameters: Parameters) -> list[Row]:
    """Return a row per pair, ordered by endpoint_time, mapper_time, endpoint_id, mapper_id; times in microseconds."""
    pairs = strict_pairs(flows, parameters)
    pairs.sort(key=lambda pair: (pair[1].start_us, pair[0].start_us, pair[1].flow_id, pair[0].flow_id))
    return [_row(mapper, endpoint) for mapper, endpoint in pairs]


def strict_pairs(flows: Sequence[Flow], parameters: Parameters) -> list[tuple[Flow, Flow]]:
    """Return every (mapper, endpoint) that matches, as recorded, in no particular order."""
    pairs: list[tuple[Flow, Flow]] = []
    for mapper in flows:
        for endpoint in flows:
            if (
                _is_mapper(mapper, parameters)
                and _is_endpoint(endpoint, parameters)
                and _is_pair(mapper, endpoint, parameters)
            ):
                pairs.append((mapper, endpoint))
    return pairs


def _is_mapper(flow: Flow, parameters: Parameters) -> bool:
    """dest_port == mapper_port."""
    return flow.dest_port == parameters.mapper_port


def _is_endpoint(flow: Flow, parameters: Parameters) -> bool:
    """dynamic_low <= dest_port <= dynamic_high and dynamic_low <= src_port <= dynamic_high."""
    low, high = parameters.dynamic_low, parameters.dynamic_high
    return low <= flow.dest_port <= high and low <= flow.src_port <= high


def _is_pair(mapper: Flow, endpoint: Flow, parameters: Parameters) -> bool:
    """Same src_ip, same dest_ip, mapper.start < endpoint.start < mapper.start + window (both strict)."""
    return (
        mapper.src_ip == endpoint.src_ip
        and mapper.dest_ip == endpoint.dest_ip
        and mapper.start_us < endpoint.start_us < mapper.start_us + parameters.window_us
    )


def _row(mapper: Flow, endpoint: Flow) -> Row:
    return {
        "src_ip": endpoint.src_ip,
        "dest_ip": endpoint.dest_ip,
        "mapper_time": mapper.start_us,
        "mapper_src_port": mapper.src_port,
        "endpoint_time": endpoint.start_us,
        "endpoint_src_port": endpoint.src_port,
        "endpoint_dest_port": endpoint.dest_port,
        "gap_s": (endpoint.start_us - mapper.start_us) / SECOND_US,
        "mapper_id": mapper.flow_id,
        "endpoint_id": endpoint.flow_id,
        "source": endpoint.source,
    }

"""What the oracles read: flows and parameters as docs/rule.md words them, times in whole microseconds."""

from dataclasses import dataclass

SECOND_US = 1_000_000

Row = dict[str, object]
NO_PACKETS: Row = {
    **{"interface": None, "interface_version": None, "calls": None, "named_by": None},
    **{"service": None, "operation": None, "tier": None, "tier_confidence": None},
}
"""What only packets tell about an activity."""


@dataclass(frozen=True)
class Flow:
    """One connection as one observer saw it; None where the record does not say."""

    flow_id: str
    start_us: int
    end_us: int | None
    src_ip: str
    src_port: int
    dest_ip: str
    dest_port: int
    transport_protocol: str | None = "tcp"
    is_established: bool | None = True
    is_oriented: bool = True
    observer: str = "sensor"
    source: str = "flows"


@dataclass(frozen=True)
class Parameters:
    """The rule's parameters; ports inclusive, times in microseconds."""

    mapper_port: int = 135
    dynamic_low: int = 49152
    dynamic_high: int = 65535
    window_us: int = 2_000_000
    same_connection_us: int = 60_000_000

"""The tables that rpcsight's data moves through: the only place that lists their columns, types and units.

Names follow the CAR data model (object flow, action start); times are UTC with microseconds; sizes are bytes; units of other
columns stand last in their names (`gap_s`).
"""

from rpcsight.schema.baseline import BASELINE, LEARNED
from rpcsight.schema.catalog import CATALOG
from rpcsight.schema.column import Column, names
from rpcsight.schema.detections import DETECTION
from rpcsight.schema.events import EVENT, HOST_CLOCK
from rpcsight.schema.facts import (
    FACTS,
    HOST_EVENT,
    HOST_FLOW,
    LEASE,
    PROCESS,
    PROVEN,
    RPC_BIND,
    RPC_CALL,
    RPC_MAPPING,
    SMB_EVENT,
)
from rpcsight.schema.flows import FINDING, FLOW, HALF, RECORD, RPC_ACTIVITY

__all__ = [
    "BASELINE",
    "CATALOG",
    "DETECTION",
    "EVENT",
    "FACTS",
    "FINDING",
    "FLOW",
    "HALF",
    "HOST_CLOCK",
    "HOST_EVENT",
    "HOST_FLOW",
    "LEARNED",
    "LEASE",
    "PROCESS",
    "PROVEN",
    "RECORD",
    "RPC_ACTIVITY",
    "RPC_BIND",
    "RPC_CALL",
    "RPC_MAPPING",
    "SMB_EVENT",
    "Column",
    "names",
]

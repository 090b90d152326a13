"""The Arrow schema of findings, so that an empty result has the same shape as a full one."""

import pyarrow as pa

from rpcsight.schema import DETECTION, RPC_ACTIVITY
from rpcsight.schema.arrow import ARROW_TYPES

__all__ = ["FINDING_SCHEMA"]

EVIDENCE = pa.struct([pa.field(column.name, ARROW_TYPES[column.kind]) for column in RPC_ACTIVITY])
DEED = pa.struct([pa.field(column.name, ARROW_TYPES[column.kind]) for column in DETECTION])
REASON = pa.struct([pa.field("name", pa.string()), pa.field("points", pa.float64()), pa.field("text", pa.string())])
PAIR = pa.struct(
    [
        pa.field("src_ip", pa.string()),
        pa.field("dest_ip", pa.string()),
        pa.field("first_time", pa.timestamp("us")),
        pa.field("last_time", pa.timestamp("us")),
        pa.field("score", pa.float64()),
        pa.field("src_host", pa.string()),
        pa.field("dest_host", pa.string()),
    ]
)

FINDING_SCHEMA = pa.schema(
    [
        pa.field("finding_id", pa.string()),
        pa.field("day", pa.string()),
        pa.field("rank", pa.int64()),
        pa.field("src_ip", pa.string()),
        pa.field("dest_ip", pa.string()),
        pa.field("src_host", pa.string()),
        pa.field("dest_host", pa.string()),
        pa.field("client_role", pa.string()),
        pa.field("server_role", pa.string()),
        pa.field("service", pa.string()),
        pa.field("tier", pa.string()),
        pa.field("techniques", pa.list_(pa.string())),
        pa.field("d3fend", pa.list_(pa.string())),
        pa.field("score", pa.float64()),
        pa.field("severity", pa.string()),
        pa.field("confidence", pa.float64()),
        pa.field("first_time", pa.timestamp("us")),
        pa.field("last_time", pa.timestamp("us")),
        pa.field("activities", pa.int64()),
        pa.field("attempts", pa.int64()),
        pa.field("summary", pa.string()),
        pa.field("reasons", pa.list_(REASON)),
        pa.field("pairs", pa.list_(PAIR)),
        pa.field("evidence", pa.list_(EVIDENCE)),
        pa.field("detections", pa.list_(DEED)),
        pa.field("next", pa.list_(pa.string())),
        pa.field("benign_if", pa.list_(pa.string())),
    ]
)

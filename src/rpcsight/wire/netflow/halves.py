"""One-way flow records as rows of `schema.HALF`, which `steps/paired.sql` makes connections of."""

import pyarrow as pa

from rpcsight.wire.netflow.flowrows import Rows
from rpcsight.wire.netflow.flowtext import TCP_TEXT, chosen, flag_texts
from rpcsight.wire.netflow.flowtime import SET_ASIDE

__all__ = ["HALVES", "halves"]

HALVES = pa.schema(
    [
        ("flow_id", pa.string()),
        ("start_us", pa.int64()),
        ("end_us", pa.int64()),
        ("src_ip", pa.string()),
        ("src_port", pa.int32()),
        ("dest_ip", pa.string()),
        ("dest_port", pa.int32()),
        ("transport_protocol", pa.string()),
        ("tcp_flags", pa.string()),
        ("observer", pa.string()),
        ("set_aside", pa.string()),
        ("bytes", pa.int64()),
        ("packets", pa.int64()),
    ]
)
"""`schema.HALF` without the source, with bytes and packets of this direction."""


def halves(rows: Rows) -> pa.RecordBatch:
    """The rows as `HALVES`.

    Args:
        rows: TCP records with addresses and ports.
    """
    size = len(rows)
    when = rows.times()
    flags = rows.flags()
    return pa.record_batch(
        [
            flow_ids(rows),
            pa.array(when.start_us),
            pa.array(when.end_us) if when.has_end else pa.nulls(size, pa.int64()),
            rows.addresses("src"),
            rows.ports("src_port"),
            rows.addresses("dest"),
            rows.ports("dest_port"),
            pa.repeat(TCP_TEXT, size),
            pa.nulls(size, pa.string()) if flags is None else flag_texts(flags),
            rows.observers(),
            chosen(SET_ASIDE, when.reason),
            rows.integers("octets", "octets_total"),
            rows.integers("packets", "packets_total"),
        ],
        schema=HALVES,
    )


def flow_ids(rows: Rows) -> pa.Array:
    """The exporter's own ids (flowId) as text; empty where it has none."""
    numbers = rows.column("flow_id")
    if numbers is None:
        return pa.nulls(len(rows), pa.string())
    return pa.array(numbers, mask=numbers == 0).cast(pa.string())

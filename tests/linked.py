"""Links between hosts, and services called on them, as `steps/role.sql` reads them: from rows, and of sessions' flows."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from rpcsight.analytics import step
from rpcsight.engines import Engine, open_engine

LINK = pa.schema(
    [("src_ip", pa.string()), ("dest_ip", pa.string())]
    + [(name, pa.int64()) for name in ("days", "first_day", "last_day", "mappers", "endpoints", "failed", "hours")]
)
DEED = pa.schema([(name, pa.string()) for name in ("src_ip", "dest_ip", "service", "operation")] + [("days", pa.int64())])

PAIR_DAY = """
select
  src_ip, dest_ip, start_us // 86400000000 as day,
  cast(sum(case when left_out is null and is_mapper then 1 else 0 end) as bigint) as mappers,
  cast(sum(case when left_out is null and not is_mapper then 1 else 0 end) as bigint) as endpoints,
  cast(sum(case when left_out = 'failed' then 1 else 0 end) as bigint) as failed,
  cast(bit_or(cast(1 as bigint) << cast(start_us // 3600000000 % 24 as integer)) as bigint) as hours
from sighting
where (left_out is null or left_out = 'failed') and not is_exchanged
group by src_ip, dest_ip, start_us // 86400000000
"""
"""What a day's sightings tell of a client and server."""
LINKED = """
select
  src_ip, dest_ip, count(*) as days, min(day) as first_day, max(day) as last_day, cast(sum(mappers) as bigint) as mappers,
  cast(sum(endpoints) as bigint) as endpoints, cast(sum(failed) as bigint) as failed, cast(bit_or(hours) as bigint) as hours
from pair_day
group by src_ip, dest_ip
"""
DEED_DAY = """
select distinct rpc_call.src_ip, rpc_call.dest_ip, coalesce(named.service, rpc_call.interface_name, rpc_call.interface) as service,
  rpc_call.time_us // 86400000000 as day
from rpc_call
left join named on named.interface = rpc_call.interface
where not rpc_call.is_callback
"""
LINKED_DEED = """
select src_ip, dest_ip, service, '' as operation, count(*) as days
from deed_day
where service is not null
group by src_ip, dest_ip, service
"""


def linked(links: Iterable[Mapping[str, Any]], deeds: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of `steps/role.sql`."""
    given = pa.Table.from_pylist(list(links), LINK), pa.Table.from_pylist(list(deeds), DEED)
    with tempfile.TemporaryDirectory() as scratch:
        engine = open_engine("duckdb", scratch=scratch)
        try:
            engine.give("link", given[0])
            engine.give("linked_deed", given[1])
            return told(engine)
        finally:
            engine.close()


def told(engine: Engine) -> list[dict[str, Any]]:
    """The roles, where the engine holds link and linked_deed."""
    return engine.rows(step("role"), {}).to_pylist()


def link(src: str, dest: str, days: Sequence[int] = (0,), **told: int) -> dict[str, Any]:
    """A link with one connection to the mapper and one to an endpoint on each of the days, in the ninth hour, unless told else."""
    counts = {"mappers": len(days), "endpoints": len(days), "failed": 0, "hours": 1 << 9, **told}
    return {"src_ip": src, "dest_ip": dest, "days": len(days), "first_day": min(days), "last_day": max(days), **counts}


def deed(src: str, dest: str, service: str, days: int = 1) -> dict[str, Any]:
    return {"src_ip": src, "dest_ip": dest, "service": service, "operation": "", "days": days}

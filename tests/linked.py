"""Links between hosts, and services called on them, as `steps/rpc_role.sql` reads them: from rows, and of sessions' flows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from rpcsight import catalog
from rpcsight.analytics import step
from tests.oracles.sharing import NUMBERS

PEERS = [("src_ip", pa.string()), ("dest_ip", pa.string())]
LINK = pa.schema([
    *PEERS,
    *((name, pa.int32()) for name in ("days", "first_day", "last_day")),
    *((name, pa.int64()) for name in ("mappers", "endpoints", "failed")),
    ("hours", pa.int32()),
])  # fmt: skip
SMB_LINK = pa.schema([*PEERS, ("days", pa.int32())])
ROLE = pa.schema([
    *((name, pa.string()) for name in ("ip", "role")),
    ("role_confidence", pa.float64()),
    ("role_evidence", pa.string()),
    *((name, pa.int64()) for name in (*NUMBERS[:-1], "days", NUMBERS[-1])),
])  # fmt: skip
DEED = pa.schema([*PEERS, ("service", pa.string()), ("operation", pa.string()), ("days", pa.int32())])

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
    """The rows of `steps/rpc_role.sql`."""
    given = {"link": pa.Table.from_pylist(list(links), LINK), "linked_deed": pa.Table.from_pylist(list(deeds), DEED)}
    return told(given, {})


def shared(by_rpc: Iterable[Mapping[str, Any]], links: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of `steps/role.sql`, from those of `steps/rpc_role.sql`."""
    with duckdb.connect() as database:
        given = {
            "rpc_role": pa.Table.from_pylist(list(by_rpc), ROLE),
            "smb_link": pa.Table.from_pylist(list(links), SMB_LINK),
        }
        for name, table in given.items():
            database.from_arrow(table).create(name)
        return database.sql(step("role")).to_arrow_table().to_pylist()


def seen(sighting: pa.Table, rpc_call: pa.Table) -> list[dict[str, Any]]:
    """The roles of hosts in sightings and calls."""
    names = {uuid: each.name for uuid, each in catalog.interfaces().items()}
    named = pa.table({"interface": list(names), "service": list(names.values())})
    made = {"pair_day": PAIR_DAY, "link": LINKED, "deed_day": DEED_DAY, "linked_deed": LINKED_DEED}
    return told({"sighting": sighting, "rpc_call": rpc_call, "named": named}, made)


def told(given: Mapping[str, pa.Table], made: Mapping[str, str]) -> list[dict[str, Any]]:
    """The roles, from tables and what is made of them, in order."""
    with duckdb.connect() as database:
        for name, table in given.items():
            database.from_arrow(table).create(name)
        for name, sql in made.items():
            database.execute(f"create table {name} as {sql}")
        return database.sql(step("rpc_role")).to_arrow_table().to_pylist()


def link(src: str, dest: str, days: Sequence[int] = (0,), **told: int) -> dict[str, Any]:
    """A link with one connection to the mapper and one to an endpoint on each of the days, in the ninth hour, unless told else."""
    counts = {"mappers": len(days), "endpoints": len(days), "failed": 0, "hours": 1 << 9, **told}
    return {"src_ip": src, "dest_ip": dest, "days": len(days), "first_day": min(days), "last_day": max(days), **counts}


def deed(src: str, dest: str, service: str, days: int = 1) -> dict[str, Any]:
    return {"src_ip": src, "dest_ip": dest, "service": service, "operation": "", "days": days}

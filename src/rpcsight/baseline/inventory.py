"""The asset file in a workspace: kept, put in place of the one before, dropped; the baseline follows at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from rpcsight.baseline.assets import Asset
from rpcsight.baseline.workspace import Workspace
from rpcsight.schema.arrow import ARROW_TYPES
from rpcsight.schema.baseline import ASSET

__all__ = ["Kept", "keep"]

SAID = """
    select count(*) filter (asset_role) as roles, count(*) filter (changed) as changed,
      count(*) filter (name is not null) as names, count(*) as hosts
    from (
      select known_host.name, known_host.role_evidence = 'said by the asset file' as asset_role,
        known_host.role is distinct from host_before.role as changed
      from known_host
      left join host_before on host_before.ip = known_host.ip
    ) as compared
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of it.

    Args:
        rows: how many rows are kept.
        unplaced: how many of these name a host to which no row gives an address: they say nothing.
        hosts: how many hosts are known.
        roles: how many of these have their role by the file.
        names: how many have a name.
        changed: how many have another role than before.
    """

    rows: int
    unplaced: int
    hosts: int
    roles: int
    names: int
    changed: int


def keep(workspace: Workspace, rows: Sequence[Asset]) -> Kept:
    """Put rows of an asset file in place of those before, and settle.

    Args:
        workspace: is changed as a whole, or not at all.
        rows: as `read_assets` gives them; none: what was said of hosts is dropped.
    """
    columns = [pa.array([getattr(row, each.name) for row in rows], ARROW_TYPES[each.kind]) for each in ASSET]
    table = pa.table(columns, [each.name for each in ASSET])
    store = workspace.store
    with store.transaction():
        store.view("host_before", "select ip, role from known_host")
        store.run("delete from asset")
        store.insert("asset", table)
        workspace.settle()
        (said,) = workspace.rows(SAID)
        store.run("drop table host_before")
    store.flush()
    return Kept(len(rows), _unplaced(rows), **said)


def _unplaced(rows: Sequence[Asset]) -> int:
    placed = {_label(row) for row in rows if row.ip_or_cidr and "/" not in row.ip_or_cidr}
    return sum(1 for row in rows if not row.ip_or_cidr and _label(row) not in placed)


def _label(row: Asset) -> str:
    return row.name.partition(".")[0]

"""The baseline after a decision: at once for the clients and servers that it is about, for all that follows before the next hunt."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rpcsight.analytics import step
from rpcsight.baseline._held import HELD_PAIRS
from rpcsight.baseline.workspace import Workspace, settled_after
from rpcsight.settings import BaselineSettings

__all__ = ["following", "settle_due"]

FORGETTING_NOTHING = BaselineSettings(keep_days=3660)
"""What is forgotten is settled by learning alone."""
ABOUT = """
create or replace temp table about as
select * from finding_pair semi join (
  select src_ip, dest_ip from finding_pair where finding_id in (select unnest($ids::varchar[]))
) as wanted using (src_ip, dest_ip)
"""
TOUCHED = """
create or replace temp table touched as
with changed as materialized (
  select src_ip, dest_ip
  from held_before
  full join held_after using (src_ip, dest_ip)
  where held_before.day is distinct from held_after.day
)
select src_ip, dest_ip from pair_day semi join changed using (src_ip, dest_ip)
union
select src_ip, dest_ip from deed_day
where (src_ip, dest_ip) in (select (src_ip, dest_ip) from changed) or src_ip in (select src_ip from changed where dest_ip = '')
"""
OF_TOUCHED = """(
  select * from finding_pair
  where (src_ip, dest_ip) in (select (src_ip, dest_ip) from touched) or (dest_ip = '' and src_ip in (select src_ip from touched))
)"""
MET = f"""
with pair_day as (
  select * from workspace.main.pair_day
  where dest_ip in (select dest_ip from workspace.main.pair_day where src_ip in (select src_ip from touched))
), deed_day as (
  select * from workspace.main.deed_day where src_ip in (select src_ip from touched)
)
select * from ({step("met_day")}) as met where src_ip in (select src_ip from touched)
"""
"""All days of the clients that were touched; whose mapper anybody asked is told by all clients of their servers."""


@contextmanager
def following(workspace: Workspace, ids: Sequence[str] | None = None) -> Iterator[None]:
    """Let the baseline follow what is decided within; to be used in a transaction.

    Pairs that are held back from now on, or no longer, are settled at once. Roles and what else follows from all pairs
    is settled by `settle_due`, before the next hunt: it takes seconds.

    Args:
        workspace: is changed.
        ids: findings that may be changed; None: any.
    """
    _hold(workspace, "held_before", ids)
    yield
    _hold(workspace, "held_after", ids)
    workspace.store.run(TOUCHED)
    if workspace.rows("select count(*) as pairs from touched")[0]["pairs"]:
        _settle_touched(workspace)
    for name in ("held_before", "held_after", "touched"):
        workspace.store.run(f"drop table {name}")


def settle_due(path: Path) -> None:
    """Settle a workspace, if something was decided since it was settled last."""
    with Workspace(path, is_reading=True) as workspace:
        if not _is_due(workspace):
            return
    with Workspace(path) as workspace:
        if _is_due(workspace):
            with workspace.store.transaction():
                workspace.settle(FORGETTING_NOTHING)


def _hold(workspace: Workspace, name: str, ids: Sequence[str] | None) -> None:
    """Keep from which day on pairs are held back: those of some findings, or all."""
    if ids is not None:
        workspace.store.run(ABOUT, {"ids": list(ids)})
    held = HELD_PAIRS.format(pairs="finding_pair" if ids is None else "about")
    workspace.store.run(f"create or replace temp table {name} as {held}")


def _is_due(workspace: Workspace) -> bool:
    return bool(workspace.rows("select 1 as one from unsettled limit 1"))


def _settle_touched(workspace: Workspace) -> None:
    store = workspace.store
    store.view("held_back", HELD_PAIRS.format(pairs=OF_TOUCHED))
    store.view("met_day", MET)
    days = workspace.rows("select coalesce(max(days), 0) as days from baseline_span")[0]["days"]
    for name in ("known_pair", "held_pair"):
        sql = f"select * from ({step(name)}) as every semi join touched using (src_ip, dest_ip)"
        store.view("settled", sql, {"settle_days": settled_after(days)})
        store.run(f"delete from {name} where (src_ip, dest_ip) in (select (src_ip, dest_ip) from touched)")
        store.run(f"insert into {name} by name select * from settled")
    store.run("insert into unsettled by name select src_ip, dest_ip from touched")
    for name in ("settled", "met_day", "held_back"):
        store.run(f"drop table {name}")

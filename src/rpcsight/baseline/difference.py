"""What one baseline knows and another does not: hosts, pairs, services, and roles that changed."""

from collections.abc import Mapping
from pathlib import Path

from rpcsight.analytics import step
from rpcsight.baseline._held import HELD_FROM
from rpcsight.baseline.summary import Summary, as_day
from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import UsageError

__all__ = ["difference", "split"]

BEFORE, AFTER = "before", "after"


def difference(before: Path, after: Path) -> Summary:
    """What each of two baselines knows and the other does not.

    Args:
        before, after: workspaces.

    Raises:
        InputError: one is none.
        UsageError: one is not there, or of another version.
    """
    Workspace(before, is_reading=True).close()  # what is wrong with it is said in its own name
    with Workspace(after, is_reading=True) as workspace:
        if before.samefile(after):
            _take(workspace, {BEFORE: "", AFTER: ""})
        else:
            with workspace.store.beside(before):
                _take(workspace, {BEFORE: "other.", AFTER: ""})
        return {"before": str(before), "after": str(after), **_compared(workspace)}


def split(workspace: Workspace, day: int) -> Summary:
    """What the days of a baseline from one on know and those before it do not, and the reverse.

    Args:
        workspace: what was learned.
        day: the first of the later days, since 1970.

    Raises:
        UsageError: no day before it was learned, or none from it on.
    """
    spans = workspace.rows("select first_day, last_day from baseline_span where days > 0")
    if not any(row["first_day"] < day <= row["last_day"] for row in spans):
        known = (
            f"{as_day(spans[0]['first_day'])} to {as_day(spans[0]['last_day'])} were learned"
            if spans
            else "no days were learned"
        )
        raise UsageError(
            "--at", f"{as_day(day)} has not days before and after it: {known}", "name a day after the first of these"
        )
    store = workspace.store
    store.view("held_back", HELD_FROM)
    for name in ("met_day", "counted_deed"):
        store.view(name, step(name))
    for when, sign in ((BEFORE, "<"), (AFTER, ">=")):
        these = f"where day {sign} {int(day)}"
        pairs = f"from met_day {these} and is_held = 0 group by src_ip, dest_ip"
        store.view(f"pair_{when}", f"select src_ip, dest_ip, sum(connections) as connections {pairs}")
        store.view(f"deed_{when}", f"select distinct src_ip, service from counted_deed {these}")
        store.view(f"role_{when}", "select ip, role from known_host")
    return {BEFORE: f"days before {as_day(day)}", AFTER: f"days from {as_day(day)} on", **_compared(workspace)}


def _take(workspace: Workspace, places: Mapping[str, str]) -> None:
    for when, place in places.items():
        workspace.store.view(f"pair_{when}", f"select src_ip, dest_ip, connections from {place}known_pair")
        workspace.store.view(f"deed_{when}", f"select distinct src_ip, service from {place}known_deed")
        workspace.store.view(f"role_{when}", f"select ip, role from {place}known_host")


def _compared(workspace: Workspace) -> Summary:
    found: Summary = {}
    for what, here, there in (("new", AFTER, BEFORE), ("gone", BEFORE, AFTER)):
        for kind, sql in OF_ONE.items():
            found[f"{what}_{kind}"] = workspace.rows(sql.format(here=here, there=there))
    return found | {"changed_roles": workspace.rows(CHANGED_ROLES)}


OF_ONE = {
    "hosts": """
        select hosts.ip, coalesce(role, 'unknown') as role
        from (select src_ip as ip from pair_{here} union select dest_ip as ip from pair_{here}) as hosts
        anti join (select src_ip as ip from pair_{there} union select dest_ip as ip from pair_{there}) as others using (ip)
        left join role_{here} as roles on roles.ip = hosts.ip
        order by hosts.ip
    """,
    "pairs": """
        select src_ip, dest_ip, cast(connections as bigint) as connections
        from pair_{here}
        anti join pair_{there} using (src_ip, dest_ip)
        order by connections desc, src_ip, dest_ip
    """,
    "services": """
        select src_ip, service
        from deed_{here}
        anti join deed_{there} using (src_ip, service)
        order by src_ip, service
    """,
}
"""What only one of the two has, by kind."""
CHANGED_ROLES = """
    select role_after.ip, role_before.role as role_before, role_after.role as role_after
    from role_before
    join role_after on role_after.ip = role_before.ip
    where role_before.role <> role_after.role
    order by role_after.ip
"""

"""What comes of a hunt's findings where a workspace keeps them: covered and closed ones are not told again."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rpcsight.baseline.workspace import Workspace
from rpcsight.triage.allowing import allowed, live
from rpcsight.triage.kept import findings, keep
from rpcsight.triage.runs import keep_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rpcsight.account import Account
    from rpcsight.findings import Finding

__all__ = ["is_covering", "keep_hunted"]


def is_covering(path: Path) -> bool:
    """Whether the workspace's allow-list has entries that hold: then a hunt has to look at more than the budget."""
    with Workspace(path, is_reading=True) as workspace:
        return bool(live(workspace))


def keep_hunted(
    path: Path, found: "Sequence[Finding]", days: "Iterable[int]", budget: int, account: "Account | None" = None
) -> "tuple[list[Finding], list[str]]":
    """Keep findings in a workspace.

    Args:
        path: the workspace.
        found: the findings, best first; may be more than the budget.
        days: that were looked at, since 1970.
        budget: most findings a day that are told; 0: all.
        account: what the hunt read.

    Returns:
        those to tell, ranked anew, and what is to be said about the others.
    """
    with Workspace(path) as workspace:
        ids = [each.finding_id for each in found]
        verdicts = {"benign", "malicious", "duplicate"}
        closed = {each.finding_id for each in findings(workspace, ids) if each.status in verdicts}
        covers = allowed(workspace, [each.to_dict() for each in found])
        told: list[Finding] = []
        hidden: list[Finding] = []
        room: Counter[object] = Counter()
        for each, cover in zip(found, covers, strict=True):
            if cover is not None or each.finding_id in closed:
                hidden.append(each)
            elif budget == 0 or room[each.day] < budget:
                room[each.day] += 1
                told.append(replace(each, rank=room[each.day]))
        keep(workspace, [each.to_dict() for each in (*told, *hidden)], days)
        if account is not None:
            keep_run(workspace, account, len(told))
    covered = sum(cover is not None for cover in covers)
    again = len(hidden) - covered
    said: list[str] = []
    if covered:
        said.append(f"{_counted(covered)} covered by the allow-list: `rpcsight allow list --workspace {path}`")
    if again:
        said.append(f"{_counted(again)} closed already: `rpcsight findings list --status all --workspace {path}`")
    return told, said


def _counted(number: int) -> str:
    return "1 finding is" if number == 1 else f"{number} findings are"

"""From what a session has read to findings: activities, attempts, and what analytics that name a technique see."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from rpcsight.account import Account
from rpcsight.analytics import all_analytics
from rpcsight.findings import Finding
from rpcsight.findings.group import findings_of
from rpcsight.pipeline import Session
from rpcsight.schema import DETECTION

__all__ = ["Hunt", "hunt", "keep_activities", "keep_detections"]

FAN_OUT_US = 300_000_000
EVIDENCE_ROWS = 5
DETECTION_ROWS = 20
"""Of a client and server."""
HELD = (
    "activity",
    "uttered",
    "judged",
    "telling",
    "technique_call",
    "host_address",
    "host_skew",
    "launch",
    "consequence",
    "contact",
)
"""Steps that are worth holding where all analytics run, those that others build on first."""
NOTHING = f"select {', '.join(f'cast(null as {column.kind}) as {column.name}' for column in DETECTION)} where 1 = 0"


@dataclass(frozen=True, slots=True)
class Hunt(Sequence[Finding]):
    """The findings, best first, and the account of what was read."""

    findings: list[Finding]
    account: Account

    def __len__(self) -> int:
        return len(self.findings)

    @overload
    def __getitem__(self, place: int) -> Finding: ...
    @overload
    def __getitem__(self, place: slice) -> list[Finding]: ...
    def __getitem__(self, place: int | slice) -> Finding | list[Finding]:
        """The finding at that rank, from 0."""
        return self.findings[place]


def hunt(session: Session) -> Hunt:
    """Activities, attempts and detections grouped into findings, best first."""
    session.count_calls()
    keep_activities(session)
    keep_detections(session)
    found = findings_of(
        session.told("story", fan_out_us=FAN_OUT_US),
        session.told("evidence", evidence_rows=EVIDENCE_ROWS),
        session.told("pair_detection", detection_rows=DETECTION_ROWS),
        {each.header.id: each.header.d3fend for each in all_analytics()},
    )
    return Hunt(found, session.account)


def keep_activities(session: Session) -> None:
    """Keep the rows of the core analytics as `rpc_activity` and `rpc_attempt`."""
    session.keep("rpc_activity", "rpc-activity", HELD)
    session.keep("rpc_attempt", "rpc-attempts", HELD)


def keep_detections(session: Session) -> None:
    """Keep the rows of all analytics of attacks that the input can feed as `detection`."""
    there = {"flow", *session.shown()}
    rows = [NOTHING]
    for each in all_analytics():
        if each.header.kind == "attack" and there.intersection(each.header.needs):
            kept = f"detection_{len(rows)}"
            session.keep(kept, each.header.id, HELD, is_warning=False)
            rows.append(f"select * from {kept}")
    session.make("detection", "\nunion all\n".join(rows))

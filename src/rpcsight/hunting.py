"""From what a session has read to findings: activities, attempts, what analytics that name a technique see, and how unusual all that is."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import pyarrow as pa

from rpcsight.account import Account
from rpcsight.analytics import all_analytics, step
from rpcsight.baseline.identity import addressed, identify_hunted
from rpcsight.baseline.settling import settle_due
from rpcsight.baseline.summary import MATURE
from rpcsight.findings import Finding
from rpcsight.findings.group import findings_of
from rpcsight.findings.join import joined
from rpcsight.findings.score import PARTS
from rpcsight.schema import BASELINE, DETECTION
from rpcsight.schema.arrow import ARROW_TYPES
from rpcsight.session import Session
from rpcsight.settings import ScoreSettings, Settings

__all__ = [
    "ALL", "Hunt", "Surroundings", "hunt", "keep_activities", "keep_detections", "made_of_many", "say_overflow", "surroundings", "weighed",
]  # fmt: skip

ALL = 0
"""A budget that tells every story."""
EVIDENCE_ROWS = 5
DETECTION_ROWS = 20
"""Of a story."""
LOOKED_AT = 30
"""Stories that are looked at for each finding that the budget allows: what belongs together is one."""
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
SCORED = {
    **{name: name for name in ("meeting", "story")},
    **{"link": "story_link", "smb_link": "story_smb_link", "linked_deed": "story_deed"},
    **{
        name: name
        for name in (
            "rpc_role",
            "role",
            "host",
            "placed",
            "fresh",
            "client_habit",
            "endpoint_use",
            "hour_use",
            "reach_use",
        )
    },
    **{name: name for name in ("swept", "deed_surprise", "likely", "weighed", "chained", "scored", "best")},
}
"""Relations from kept activities to the best stories, each with the step that makes it, in order."""
WEIGHED = ("weighed", "chained", "scored", "best")
"""Those that depend on which parts of the score count."""
MOST_BESIDE = 20_000
"""Pairs of hosts of findings."""
NOTHING = f"select {', '.join(f'cast(null as {column.kind}) as {column.name}' for column in DETECTION)} where 1 = 0"
CHOSEN = pa.schema(
    [
        *(("src_ip", pa.string()), ("dest_ip", pa.string()), ("story_no", pa.int64())),
        *(("first_us", pa.int64()), ("latest_us", pa.int64())),
    ]
)
NO_BASELINE = (
    "no baseline: what is unusual was judged by this input alone; `rpcsight learn LOGS --workspace FILE`, then "
    "`hunt --workspace FILE`, judges by what is normal here"
)
YOUNG = f"the baseline knows {{}}: what happens once a week still looks new; learn {MATURE} days or more"


@dataclass(frozen=True, slots=True)
class Hunt(Sequence[Finding]):
    """The findings, best first, and the account of what was read.

    Args:
        findings: within the budget, best first.
        account: what was read, and what limits the result.
        days: how many stories each day has, days since 1970 UTC.
    """

    findings: list[Finding]
    account: Account
    days: Mapping[int, int] = field(default_factory=dict[int, int])

    def __len__(self) -> int:
        return len(self.findings)

    @overload
    def __getitem__(self, place: int) -> Finding: ...
    @overload
    def __getitem__(self, place: slice) -> list[Finding]: ...
    def __getitem__(self, place: int | slice) -> Finding | list[Finding]:
        """The finding at that rank, from 0."""
        return self.findings[place]

    def _repr_html_(self) -> str:
        """The findings in a notebook."""
        from rpcsight.report.notebook import findings_html

        return findings_html([each.to_dict() for each in self.findings])


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a hunt knows around its findings.

    Args:
        hours: how many connections to RPC endpoints began in each hour since 1970.
        pairs: rows of `steps/beside.sql`: what the findings' hosts did with one another.
    """

    hours: Mapping[int, int]
    pairs: Sequence[Mapping[str, Any]]


def surroundings(session: Session) -> Surroundings:
    """What is known around the findings of the hunt that the session has just done."""
    hours = {row["hour"]: row["connections"] for row in session.told("busy_hour")}
    return Surroundings(hours, session.told("beside", most=MOST_BESIDE))


def hunt(
    session: Session,
    settings: Settings | None = None,
    workspace: Path | None = None,
    budget: int = ALL,
    *,
    is_final: bool = True,
) -> Hunt:
    """Activities, attempts and detections as stories, scored, and the most unusual of them as findings, best first.

    Args:
        session: has read the records.
        settings: those it was opened with.
        workspace: holds the baseline; None: there is none.
        budget: most findings a day; `ALL`: every story is told.
        is_final: all of the findings will be told; else `say_overflow` has to be asked with those that are.
    """
    given = settings or Settings()
    session.count_calls()
    if workspace is None:
        for name, columns in BASELINE.items():
            session.lend(name, pa.schema([(column.name, ARROW_TYPES[column.kind]) for column in columns]).empty_table())
        session.account.warnings.append(NO_BASELINE)
    else:
        settle_due(workspace)
        session.attach(str(workspace), tuple(BASELINE))
    keep_activities(session)
    keep_detections(session)
    has_leases = identify_hunted(session, workspace)
    session.lend("made_of_many", made_of_many())
    for relation in (each for each in SCORED if each not in WEIGHED):
        session.make(relation, step(SCORED[relation]))
    chosen = weighed(session, given.score, budget)
    days = {row["day"]: row["stories"] for row in session.held("best")}
    _say_learned(session.account, session.held("baseline_span"), days)
    session.lend("chosen", pa.Table.from_pylist([dict(each) for group in chosen for each in group], CHOSEN))
    found = findings_of(
        chosen,
        session.told("story_detail"),
        session.told("evidence", evidence_rows=EVIDENCE_ROWS),
        session.told("pair_detection", detection_rows=DETECTION_ROWS),
        {each.header.id: each.header.d3fend for each in all_analytics()},
        addressed(session) if has_leases else {},
    )
    if is_final:
        say_overflow(session.account, found, days)
    return Hunt(found, session.account, days)


def weighed(session: Session, score: ScoreSettings, budget: int = ALL) -> list[list[Mapping[str, Any]]]:
    """Stories by what is known of them, the most unusual first, those that belong together in one list.

    After a hunt it can be asked again with other settings.

    Args:
        session: holds all relations of `SCORED` but those of `WEIGHED`.
        score: which parts count, and the least score within a budget.
        budget: most lists a day; `ALL`: every story is told.
    """
    wanted = {f"with_{part}": int(part not in score.without) for part in PARTS}
    most = {"most": 2**31 - 1 if budget == ALL else budget * LOOKED_AT}
    for relation in WEIGHED:
        session.make(relation, step(SCORED[relation]), {**wanted, **most})
    return _within(joined(sorted(session.held("best"), key=_order)), budget, score.least)


def _order(story: Mapping[str, Any]) -> tuple[Any, ...]:
    return -story["score"], story["first_us"], story["src_ip"], story["dest_ip"], story["story_no"]


def _within(groups: Iterable[list[Mapping[str, Any]]], budget: int, least: float) -> list[list[Mapping[str, Any]]]:
    """The groups that each day's budget has room for."""
    if budget == ALL:
        return list(groups)
    room: Counter[int] = Counter()
    kept: list[list[Mapping[str, Any]]] = []
    for group in groups:
        day = group[0]["day"]
        if room[day] < budget and group[0]["score"] >= least:
            room[day] += 1
            kept.append(group)
    return kept


def say_overflow(account: Account, found: Sequence[Finding], days: Mapping[int, int]) -> None:
    """Let the account say how many stories are not told.

    Args:
        account: is added to.
        found: the findings that are told.
        days: how many stories each day has.
    """
    told = sum(len(each.pairs) for each in found)
    every = sum(days.values())
    if every > told:
        account.limits.append(
            f"{len(found):,} findings tell {told:,} of {every:,} stories (a client and a server without a longer break); "
            "the others are less unusual: `--budget all` tells them, too"
        )


def _say_learned(account: Account, spans: Sequence[Mapping[str, Any]], days: Collection[int]) -> None:
    """Say how many of the days belong to the baseline: what happened then was learned, and looks less unusual."""
    last = max((row["last_day"] for row in spans if row["last_day"] is not None), default=None)
    known = max((row["days"] for row in spans), default=MATURE)
    if known < MATURE:
        account.warnings.append(YOUNG.format("1 day" if known == 1 else f"{known} days"))
    if last is not None and (inside := sum(day <= last for day in days)):
        hunted = (
            "the day hunted here is"
            if len(days) == 1
            else f"of {len(days)} days hunted here, {inside} {'is' if inside == 1 else 'are'}"
        )
        account.warnings.append(
            f"{hunted} not later than the last that the baseline has learned: what happened then may be taken for normal; hunt a "
            "day first, and learn it then"
        )


def keep_activities(session: Session) -> None:
    """Keep the rows of the core analytics as `rpc_activity`, `rpc_attempt` and `smb_connection`."""
    session.keep("rpc_activity", "rpc-activity", HELD)
    session.keep("rpc_attempt", "rpc-attempts", HELD)
    session.keep("smb_connection", "smb-connections", HELD, is_warning=False)


def made_of_many() -> pa.Table:
    """The analytics whose rows are made of many calls each."""
    names = [each.header.id for each in all_analytics() if each.header.of_many]
    return pa.table({"analytic": pa.array(names, pa.string())})


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

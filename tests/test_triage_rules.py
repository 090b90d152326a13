"""Whatever hunts and people do, in any order: statuses and the baseline are what the rules of docs/triage.md say, counted by hand."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import UsageError
from rpcsight.triage import keep
from rpcsight.triage.allowing import add, remove, stored
from rpcsight.triage.entries import entry
from rpcsight.triage.kept import close, findings, reopen
from tests.triaged import DAY, at, finding, known, learn, workspace_at

HOSTS = ("10.0.1.1", "10.0.1.2", "10.0.1.3")
PAIRS = [(client, server) for client in HOSTS for server in HOSTS if client != server]
DAYS = range(DAY, DAY + 3)
NAMES = ("aaaa1", "bbbb2", "cccc3")
SAID = {"reason": "fine", "owner": "ann", "expires": "never"}
ENTRIES = [
    entry(SAID | {"client": host, "server": other}) for host in HOSTS[:2] for other in HOSTS[1:] if host != other
]
Pair = tuple[str, str]
PairDay = tuple[str, str, int]


@dataclass
class Remembered:
    """What one would write on paper of a finding: its verdict, the pairs it has now, all it ever had, and those nobody has seen."""

    verdict: str = "open"
    pairs: Sequence[Pair] = ()
    seen: set[PairDay] = field(default_factory=set)
    unseen: set[PairDay] = field(default_factory=set)


@dataclass
class Paper:
    """All of it, and the allow-list."""

    kept: dict[str, Remembered] = field(default_factory=dict)
    allowed: set[Pair] = field(default_factory=set)

    def status(self, name: str) -> str:
        found = self.kept[name]
        return "allowed" if found.verdict == "open" and self.covers(name) else found.verdict

    def covers(self, name: str) -> bool:
        return any(all(pair == each for pair in self.kept[name].pairs) for each in self.allowed)

    def known(self) -> list[tuple[str, str, int]]:
        held: set[PairDay] = set()
        for name, found in self.kept.items():
            if self.status(name) in {"open", "malicious", "duplicate"}:
                held |= found.seen | found.unseen
            if self.status(name) == "benign":
                held |= found.unseen
        since = {(src, dest): min(day for *pair, day in held if tuple(pair) == (src, dest)) for src, dest, _ in held}
        days = {pair: sum(day < since.get(pair, day + 1) for day in DAYS) for pair in PAIRS}
        return sorted((*pair, count) for pair, count in days.items() if count)


STORIES = st.tuples(
    st.just("hunt"),
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(PAIRS), min_size=1, max_size=2, unique=True),
    st.sampled_from(list(DAYS)),
    st.sampled_from([0, 14, 30]),
)
VERDICTS = st.tuples(st.just("close"), st.sampled_from(NAMES), st.sampled_from(["benign", "malicious", "duplicate"]))
REOPENED = st.tuples(st.just("reopen"), st.sampled_from(NAMES))
ADDED = st.tuples(st.just("add"), st.sampled_from(ENTRIES))
REMOVED = st.tuples(st.just("remove"), st.sampled_from(ENTRIES))


def done(workspace: Workspace, paper: Paper, action: tuple) -> None:  # type: ignore[type-arg]
    """Do it, and write it down."""
    what, *given_ = action
    if what == "hunt":
        name, pairs, day, hours = given_
        first, last = at(10, day), at(10 + hours, day)
        story = finding(name, *pairs[0], others=pairs[1:], first=first, last=last)
        keep(workspace, [story], [day])
        found = paper.kept.setdefault(name, Remembered())
        days = range(day, (10 + hours) // 24 + day + 1)
        new = {(*pair, each) for pair in pairs for each in days} - found.seen - found.unseen
        found.pairs = pairs
        (found.seen if found.verdict == "open" else found.unseen).update(new)
    elif what in {"close", "reopen"} and given_[0] in paper.kept:
        name, *verdict = given_
        found = paper.kept[name]
        if what == "close":
            close(workspace, [name], verdict[0], "because", "ann")
            found.verdict = verdict[0]
            found.seen |= found.unseen
            found.unseen = set()
        elif found.verdict == "open" or paper.covers(name):
            with pytest.raises(UsageError):
                reopen(workspace, [name], "because", "ann")
        else:
            reopen(workspace, [name], "because", "ann")
            found.verdict = "open"
    elif what == "add":
        add(workspace, given_, "ann")
        paper.allowed.add((given_[0].client[0], given_[0].server[0]))
    elif what == "remove" and given_[0] in [each.entry for each in stored(workspace)]:
        remove(workspace, given_[0].id, "because", "ann")
        paper.allowed.remove((given_[0].client[0], given_[0].server[0]))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(STORIES, STORIES, VERDICTS, VERDICTS, REOPENED, ADDED, REMOVED), min_size=4, max_size=12))
def test_what_hunts_and_people_do_in_any_order(actions: list[tuple]) -> None:  # type: ignore[type-arg]
    paper = Paper()
    with tempfile.TemporaryDirectory() as folder, workspace_at(Path(folder)) as workspace:
        learn(workspace, [(*pair, day) for pair in PAIRS for day in DAYS])
        for action in actions:
            done(workspace, paper, action)
            states = {each.finding_id[:5]: each.status for each in findings(workspace)}
            assert states == {name: paper.status(name) for name in paper.kept}, action
            assert known(workspace) == paper.known(), action

"""The search over kept findings: what a query means, in which order, in pages that new rows do not move."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import UsageError
from rpcsight.triage import kept
from rpcsight.triage.query import parsed, term
from rpcsight.triage.search import GROUPS, SORTS, groups, search
from tests.triaged import DAY, at, finding, set_roles, workspace_at

HOSTILE = "'; drop table finding; -- <script>"


@pytest.fixture
def corp(tmp_path: Path) -> Iterator[Workspace]:
    with workspace_at(tmp_path) as workspace:
        found = [
            finding(
                "a1", "10.0.1.2", "10.0.2.1", score=40, severity="high", deeds=[("svcctl", "RCreateServiceW", 0.9)]
            ),
            finding("a2", "10.0.1.10", "10.0.2.1", score=50, severity="low", service="drsuapi", first=at(10, DAY + 1)),
            finding("a3", "fe80::1", "10.0.3.1", score=30, severity="info", summary='he said "hi" \\pipe\\x'),
            finding("a4", None, "10.0.2.9", score=40, others=[("10.0.9.9", "10.0.2.9")], techniques=["T1569.002"]),
            finding("b5", "10.0.1.2", "10.0.2.2", score=10, summary=HOSTILE),
        ]
        kept.keep(workspace, found, [])
        kept.close(workspace, ["b500"], "benign", "known", "me")
        set_roles(workspace, {"10.0.1.10": "workstation", "10.0.2.1": "server"})
        workspace.store.run("update known_host set name = 'PC10.corp.example' where ip = '10.0.1.10'")
        yield workspace


def ids(workspace: Workspace, query: str, **more: str) -> list[str]:
    return [each.finding_id.rstrip("0") for each in search(workspace, query, **more).hits]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", "a2 a1 a4 a3"),
        ("status:all", "a2 a1 a4 a3 b5"),
        ("status:closed", "b5"),
        ("status:benign", "b5"),
        ("status:grown", ""),
        ("-status:open", "b5"),
        ("svcctl", "a1"),
        ("SVCCTL rcreate", "a1"),
        ("-svcctl", "a2 a4 a3"),
        ("service:svcctl", "a1"),
        ("service:svc", ""),
        ("service:?", "a4 a3"),
        ("client:10.0.1.2", "a1"),
        ("client:10.0.1.0/28", "a2 a1"),
        ("client:?", "a4"),
        ("client:10.0.9.9", "a4"),
        ("host:10.0.2.0/24", "a2 a1 a4"),
        ("server:pc10", ""),
        ("client:pc10", "a2"),
        ("client:PC10.CORP.example", "a2"),
        ("pc10", "a2"),
        ("fe80::1", "a3"),
        ("client:fe80::1", "a3"),
        ("10.0.1", "a2 a1"),
        ("technique:T1021", "a2 a1 a3"),
        ("technique:t1569", "a4"),
        ("technique:T1569.002", "a4"),
        ("technique:T156", ""),
        ("severity:high", "a1"),
        ("severity>=low", "a2 a1 a4"),
        ("severity<=low", "a2 a3"),
        ("day:2026-02-17", "a2"),
        ("day<=2026-02-16", "a1 a4 a3"),
        ("score>=40", "a2 a1 a4"),
        ("score:40", "a2 a1 a4"),
        ("score<=40 score>=40", "a1 a4"),
        ("id:b5", "b5"),
        ("id:a", "a2 a1 a4 a3"),
        ('"he said ""hi"""', "a3"),
        ('"what happened" server:10.0.2.1', "a2 a1"),
        (f'status:all "{HOSTILE}"', "b5"),
        ("%", ""),
    ],
)
def test_what_a_query_finds(corp: Workspace, query: str, found: str) -> None:
    assert ids(corp, query) == found.split()


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("client:ws23", True),
        ("host:WS23.corp.example", True),
        ("server:ws23", False),
        ("client:ws2", False),
        ("ws2", True),
        ("client:10.0.7.7", True),
        ("host:10.0.7.0/24", True),
        ("host:10.0.7.0/28", True),
        ("host:10.0.7.0/30", False),
        ("client:02:48:d0:93:d2:6a", True),
        ("host:MAC:02:48:d0:93:d2:6a", True),
        ("host:02:48:d0:93:d2:6b", False),
    ],
)
def test_a_host_that_leases_tell_is_found_by_address_name_and_mac(corp: Workspace, query: str, is_found: bool) -> None:
    pair = {"src_ip": "10.0.7.7", "dest_ip": "10.0.2.3", "first_time": at(10), "last_time": at(11)}
    kept.keep(
        corp, [finding("c6", "10.0.7.7", pairs=[{**pair, "src_host": "mac:02:48:d0:93:d2:6a", "dest_host": None}])], []
    )
    corp.store.run(
        "insert into lease_event select 'mac:02:48:d0:93:d2:6a', '10.0.7.7', 'ws23.corp.example', 20500, 0, 1, 1"
    )
    assert ("c6" in ids(corp, query)) == is_found


@pytest.mark.parametrize(
    "query",
    [
        "colour:red",
        "day:yesterday",
        'open "quote',
        "client:",
        "score>=many",
        "score:nan",
        "severity:worst",
        "host:10.0.0.0/33",
    ],
)
def test_what_is_no_query(corp: Workspace, query: str) -> None:
    with pytest.raises(UsageError):
        search(corp, query)


def test_an_unknown_key_is_told_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match="there is no key 'colour'") as told:
        parsed("colour:red")
    assert "client, server, host, service, technique, severity, status, day, score, id" in told.value.hint


def test_a_term_as_people_write_it_is_read_back() -> None:
    values = ["svcctl", "two words", 'a "quoted" one', "x:y"]
    assert [parsed(term("service", each))[0].value for each in values] == values


@pytest.mark.parametrize(
    ("sort", "order", "found"),
    [
        ("score", "asc", "b5 a3 a1 a4 a2"),
        ("day", None, "a2 a1 a3 a4 b5"),
        ("client", None, "a1 b5 a2 a3 a4"),
        ("server", None, "a1 a2 b5 a4 a3"),
        ("severity", None, "a1 a4 b5 a2 a3"),
        ("status", None, "a1 a2 a3 a4 b5"),
        ("time", None, "a2 a1 a3 a4 b5"),
    ],
)
def test_sorting(corp: Workspace, sort: str, order: str | None, found: str) -> None:
    assert ids(corp, "status:all", sort=sort, **({"order": order} if order else {})) == found.split()


@pytest.mark.parametrize("sort", SORTS)
def test_pages_together_are_the_whole_list(corp: Workspace, sort: str) -> None:
    whole = ids(corp, "status:all", sort=sort)
    seen, cursor = [], None
    for place in range(5):
        page = search(corp, "status:all", sort, None, cursor, limit=1)
        seen += [each.finding_id.rstrip("0") for each in page.hits]
        cursor = page.next
        assert (cursor is None, page.total) == (place == 4, 5)
    assert seen == whole


def test_a_new_finding_moves_no_later_page(corp: Workspace) -> None:
    first = search(corp, "", limit=2)
    kept.keep(corp, [finding("c6", score=99)], [])
    assert [each.finding_id[:2] for each in search(corp, "", cursor=first.next, limit=2).hits] == ["a4", "a3"]


def test_a_cursor_of_another_query_is_refused(corp: Workspace) -> None:
    cursor = search(corp, "", limit=1).next
    for other in ({"query": "svcctl"}, {"sort": "day"}, {"order": "asc"}):
        with pytest.raises(UsageError, match="cursor"):
            search(corp, cursor=cursor, **other)
    for wrong in ("", "x", "!!!!", "W10", "é", "A" * 5000):
        with pytest.raises(UsageError, match="cursor"):
            search(corp, cursor=wrong)


def test_a_cursor_that_somebody_wrote_themselves_breaks_nothing(corp: Workspace) -> None:
    def is_taken(sort: str, value: str, name: str) -> bool:
        digest = json.loads(base64.urlsafe_b64decode(f"{search(corp, '', sort, limit=1).next}=="))[0]
        forged = base64.urlsafe_b64encode(f'["{digest}",{value},{name}]'.encode()).decode().rstrip("=")
        try:
            search(corp, "", sort, cursor=forged)
        except UsageError:
            return False
        return True

    texts, numbers = ('"x"', r'"\u0000"'), ("1", "-1.5", "4e18")
    others = (r'"\ud800"', "null", "true", "[]", "NaN", "-Infinity", "1e999", "9" * 400)
    taken = {
        (sort, value, name)
        for sort in ("score", "client")
        for value in (*texts, *numbers, *others)
        for name in ('"a2"', r'"\ud800"', "1", "null")
        if is_taken(sort, value, name)
    }
    assert taken == {("client", each, '"a2"') for each in texts} | {("score", each, '"a2"') for each in numbers}


def test_counts_leave_out_the_condition_that_they_are_for(corp: Workspace) -> None:
    page = search(corp, "severity>=medium 10.0")
    assert page.total == 2
    assert page.statuses == {"open": 2, "benign": 1, "malicious": 0, "duplicate": 0, "allowed": 0, "grown": 0}
    assert page.severities == {"info": 1, "low": 1, "medium": 1, "high": 1}


def test_groups(corp: Workspace) -> None:
    def told(by: str, query: str = "") -> list[tuple[str, int, float]]:
        return [(each.value, each.findings, each.best) for each in groups(corp, query, by).groups]

    assert told("client") == [("10.0.1.10", 1, 50.0), ("?", 1, 40.0), ("10.0.1.2", 1, 40.0), ("fe80::1", 1, 30.0)]
    assert sorted(told("server")) == [("10.0.2.1", 2, 50.0), ("10.0.2.9", 1, 40.0), ("10.0.3.1", 1, 30.0)]
    assert told("day") == [("2026-02-17", 1, 50.0), ("2026-02-16", 3, 40.0)]
    assert sorted(told("service")) == [("?", 2, 40.0), ("drsuapi", 1, 50.0), ("svcctl", 1, 40.0)]
    assert sorted(told("technique")) == [("T1021", 3, 50.0), ("T1569.002", 1, 40.0)]
    assert {each[0] for each in told("host")} == {
        *("10.0.1.10", "10.0.2.1", "10.0.1.2", "10.0.2.9", "10.0.9.9", "?", "fe80::1", "10.0.3.1")
    }


@pytest.mark.parametrize("by", GROUPS)
def test_the_term_of_a_group_finds_its_findings_and_pages_give_all_groups(corp: Workspace, by: str) -> None:
    found = groups(corp, "", by)
    assert [search(corp, each.term).total for each in found.groups] == [each.findings for each in found.groups]
    seen, cursor = [], None
    while len(seen) < found.total:
        page = groups(corp, "", by, cursor, limit=1)
        assert page.total == found.total
        seen += page.groups
        cursor = page.next
    assert (seen, cursor) == ([*found.groups], None)


def test_a_finding_that_changes_is_found_by_what_it_says_now(corp: Workspace) -> None:
    kept.keep(corp, [finding("a1", "10.0.1.2", "10.0.2.1", score=41, summary="another tale")], [])
    assert (ids(corp, "another tale"), ids(corp, "svcctl")) == (["a1"], [])


def test_a_hit_tells_what_a_list_shows(corp: Workspace) -> None:
    (hit,) = search(corp, "client:pc10").hits
    assert (hit.client_name, hit.server_name, hit.pairs, hit.techniques, hit.reasons) == (
        *("PC10.corp.example", None, 1, ("T1021",)),
        ({"name": "new pair", "points": 50, "text": "they had not met"},),
    )

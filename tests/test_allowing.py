"""The allow-list: what an entry may say, what it covers, and what it does to findings that are kept."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import UsageError
from rpcsight.triage import allowed, keep
from rpcsight.triage.allowing import Preview, add, apply, listed, preview, remove, stored
from rpcsight.triage.covered import judge
from rpcsight.triage.entries import Entry, entry, read_toml, toml
from rpcsight.triage.kept import close, reopen
from rpcsight.triage.matching import Facts, facts_of, why_not
from tests.oracles.allowing import is_covered
from tests.test_triage import known, learn, log, states
from tests.triaged import DAY, at, finding, set_roles, workspace_at

SAID: dict[str, Any] = {"reason": "ticket 4711", "owner": "ann", "expires": "never"}
WHO: dict[str, Any] = {"client": ["10.0.1.1"], "server": ["10.0.1.2"]}
ROLES = {"10.0.1.1": "workstation", "10.0.1.2": "server", "10.0.1.3": "administration host", "10.0.1.9": "scanner"}
NAMES = {"10.0.1.1": "WS1.corp.example", "10.0.1.2": "files"}
FACTS = Facts(ROLES, NAMES)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with workspace_at(tmp_path) as made:
        yield made


def made(**fields: Any) -> Entry:
    return entry(SAID | fields)


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({}, "names no client: it would cover everybody's"),
        ({"server": "10.0.1.2"}, "names no client: it would cover everybody's"),
        ({"client": "0.0.0.0/0", "server": "10.0.1.2"}, "names no client: it would cover everybody's"),
        ({"client": ["10.0.1.1", "10.0.0.0/15"], "service": "svcctl"}, "names no client: it would cover everybody's"),
        ({"client": "2001:db8::/32", "service": "svcctl"}, "names no client: it would cover everybody's"),
        (
            {"client": "10.0.1.1"},
            "names neither server, role of server nor service: it would cover whatever the client does",
        ),
        (
            {"client": "10.0.1.1", "server": "10.0.0.0/8"},
            "names neither server, role of server nor service: it would cover whatever the client does",
        ),
        ({"client": "10.0.1.1", "server": "10.0.1.2", "operation": "ExecQuery"}, "names an operation and no service"),
        (
            {"client_role": "workstation", "server_role": ["workstation", "server"]},
            "covers all that any workstation does to a role: what lateral movement is",
        ),
        (
            {"client_role": ["scanner", "unknown"], "server_role": "server"},
            "covers all that any scanner or unknown does to a role: what lateral movement is",
        ),
        (
            {"client": "10.0.1.0/8", "service": "svcctl"},
            "'10.0.1.0/8' is no address, network (10.0.0.0/24, without host bits) or name of a host",
        ),
        (
            {"client": "10.0.1", "service": "svcctl"},
            "'10.0.1' is no address, network (10.0.0.0/24, without host bits) or name of a host",
        ),
        (
            {"client": "ws*", "service": "svcctl"},
            "'ws*' is no address, network (10.0.0.0/24, without host bits) or name of a host",
        ),
        (
            WHO | {"client_role": "printer"},
            "'printer' is no role; there are: domain controller, server, management server, administration host, scanner, "
            "workstation, unknown",
        ),
        (WHO | {"command_line": "ccmsetup.exe"}, "is no key of an entry"),
        ({"clint": "10.0.0.1"}, "is no key of an entry; 'client' is one"),
        (WHO | {"expires": "soon"}, "'soon' is neither a day, as 2027-01-31, nor 'never'"),
        (WHO | {"expires": 5}, "5 is neither a day, as 2027-01-31, nor 'never'"),
        (WHO | {"reason": " "}, "needs a text of one line, without control characters"),
        (WHO | {"owner": "a\x1b[2Jb"}, "needs a text of one line, without control characters"),
        (WHO | {"hours": [5, 5]}, "begin and end in the same hour: leave them out for all day"),
        (WHO | {"hours": [5, 24]}, "Input should be less than 24"),
        (WHO | {"below_weight": 0}, "Input should be greater than 0"),
        (WHO | {"even_attacks": 1}, "Input should be a valid boolean"),
    ],
)
def test_entries_that_are_refused(fields: dict[str, Any], what: str) -> None:
    with pytest.raises(UsageError) as caught:
        made(**fields)
    assert caught.value.what == what


@pytest.mark.parametrize("name", ["reason", "owner", "expires"])
def test_an_entry_says_why_on_whose_word_and_until_when(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        entry({key: value for key, value in (SAID | WHO).items() if key != name})
    assert (caught.value.where, caught.value.what) == (f"allow-list: {name}", "is missing")


def test_the_same_scope_has_the_same_id() -> None:
    one = made(client=["ws1", "10.0.1.1/32"], service=["winreg", "svcctl"])
    other = entry(
        {
            "client": ["10.0.1.1", "WS1"],
            "service": ["svcctl", "winreg", "svcctl"],
            "reason": "x",
            "owner": "y",
            "expires": date(2027, 1, 1),
        }
    )
    assert (one.id, one.client, one.service) == (other.id, ("10.0.1.1", "ws1"), ("svcctl", "winreg"))
    assert one.id != made(client=["ws1", "10.0.1.1"], service=["winreg", "svcctl"], unknown_service=True).id


QUIET = finding("aaaa1")
LOUD = finding("bbbb2", "10.0.1.9", "10.0.1.2", service="svcctl", deeds=[("svcctl", "CreateServiceW", 0.8)])
NIGHT = finding("cccc3", first=at(23), last=at(25))


@pytest.mark.parametrize(
    ("fields", "document", "why"),
    [
        (WHO, QUIET, None),
        ({"client": "ws1", "server": "files"}, QUIET, None),
        ({"client": "ws1.corp.example", "server": "10.0.1.0/30"}, QUIET, None),
        ({"client": "ws1.other.example", "server": "files"}, QUIET, "the client 10.0.1.1 (workstation) is not covered"),
        (
            WHO,
            finding("aaaa1", others=[("10.0.1.1", "10.0.1.3")]),
            "the server 10.0.1.3 (administration host) is not covered",
        ),
        (WHO, finding("aaaa1", None), "the client of which no record tells the address is not covered"),
        (WHO | {"server_role": "server"}, QUIET, None),
        (WHO | {"server_role": "scanner"}, QUIET, "the server 10.0.1.2 (server) is not covered"),
        (WHO | {"service": "svcctl"}, QUIET, "no record tells its service, or not of all of it"),
        (WHO | {"service": "svcctl", "unknown_service": True}, QUIET, None),
        (WHO | {"service": "SVCCTL"}, finding("aaaa1", service="svcctl"), None),
        (
            WHO | {"service": "svcctl"},
            finding("aaaa1", service="svcctl", deeds=[("winreg", "x", 0.1)]),
            "its service winreg is not covered",
        ),
        (
            WHO | {"service": "svcctl", "operation": "StartServiceW"},
            finding("aaaa1", deeds=[("svcctl", "CreateServiceW", 0.7)]),
            "its operation createservicew is not covered",
        ),
        (
            WHO | {"service": "svcctl"},
            finding("aaaa1", deeds=[("svcctl", "x", 0.1), (None, None, 0.5)]),
            "no record tells its service, or not of all of it",
        ),
        (WHO | {"hours": [22, 2]}, NIGHT, None),
        (WHO | {"hours": [22, 1]}, NIGHT, "it was at other hours"),
        (WHO | {"hours": [0, 23]}, NIGHT, "it was at other hours"),
        (
            WHO | {"below_weight": 0.5},
            finding("aaaa1", deeds=[("svcctl", "x", 0.5)]),
            "something done in it weighs 0.5: not below 0.5",
        ),
        (
            {"client_role": "scanner", "service": "svcctl"},
            LOUD,
            "something done in it is what attackers do, and the entry names no clients (--even-attacks)",
        ),
        ({"client_role": "scanner", "service": "svcctl", "even_attacks": True}, LOUD, None),
        ({"client": "10.0.1.9", "service": "svcctl"}, LOUD, None),
    ],
)
def test_what_an_entry_covers(fields: dict[str, Any], document: dict[str, Any], why: str | None) -> None:
    assert why_not(made(**fields), facts_of(document), FACTS) == why
    as_json = json.loads(json.dumps(document, default=lambda value: value.isoformat()))
    assert why_not(made(**fields), facts_of(as_json), FACTS) == why


ADDRESSES = ["10.0.1.1", "10.0.1.2", "10.0.1.3", "10.9.0.1", "2001:db8::1", "2001:db8:0:1::2"]
HOSTS = st.lists(
    st.sampled_from(
        [
            *ADDRESSES,
            "10.0.1.0/30",
            "10.0.0.0/16",
            "10.0.0.0/8",
            "2001:db8::/32",
            "2001:db8::/64",
            "ws1",
            "ws1.corp.example",
            "files",
        ]
    ),
    max_size=2,
    unique=True,
)
ROLE_LISTS = st.lists(
    st.sampled_from(["workstation", "server", "scanner", "unknown", "administration host"]), max_size=2, unique=True
)
WORDS = ["svcctl", "WINREG", "samr"]
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "client": HOSTS,
        "client_role": ROLE_LISTS,
        "server": HOSTS,
        "server_role": ROLE_LISTS,
        "service": st.lists(st.sampled_from(WORDS), max_size=2, unique=True),
        "operation": st.lists(st.sampled_from(WORDS), max_size=2, unique=True),
        "hours": st.lists(st.integers(0, 23), min_size=2, max_size=2, unique=True),
        "unknown_service": st.booleans(),
        "even_attacks": st.booleans(),
        "below_weight": st.sampled_from([0.1, 0.5, 0.8, 1.0]),
    },
)
MAYBE = st.one_of(st.none(), st.sampled_from(WORDS).map(str.lower))
DEEDS = st.lists(st.tuples(MAYBE, MAYBE, st.sampled_from([0.0, 0.1, 0.5, 0.8, 1.0])), max_size=2)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    first = at(draw(st.integers(0, 47)) / 2)
    evidence = [{"service": draw(MAYBE), "operation": draw(MAYBE)}] if draw(st.booleans()) else []
    address = st.one_of(st.none(), st.sampled_from(ADDRESSES))
    return finding(
        "aaaa1",
        draw(address),
        draw(address),
        service=draw(MAYBE),
        deeds=draw(DEEDS),
        others=draw(st.lists(st.tuples(st.sampled_from(ADDRESSES), st.sampled_from(ADDRESSES)), max_size=1)),
        first=first,
        last=first + timedelta(hours=draw(st.sampled_from([0, 0.5, 1, 5, 23.5, 24, 60]))),
        evidence=evidence,
    )


@settings(max_examples=150, deadline=None)
@given(FIELDS, documents())
def test_entries_cover_what_the_oracle_says(fields: dict[str, Any], document: dict[str, Any]) -> None:
    each = Entry.model_validate(SAID | fields)
    assert (why_not(each, facts_of(document), FACTS) is None) == is_covered(fields, document, ROLES, NAMES)


ODD = [
    finding("odd1", "::ffff:10.0.1.1", "10.0.1.2", service="svc\nctl", deeds=[("winreg", "SAMR", 0.25)]),
    finding("odd2", "<b>", "10.0.1.2", service="samr", first=at(23), last=at(22)),
    finding("odd3", None, None, deeds=[("svcctl", "x", 1.0), ("svcctl", None, 0.85)]),
    finding("odd4", "10.0.1.1", "10.0.1.2", others=[("10.0.1.1", "10.0.1.3")], service="svc ctl"),
]


@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(documents(), min_size=30, max_size=30), st.lists(FIELDS, min_size=25, max_size=25))
def test_sql_judges_as_entries_do(given_documents: list[dict[str, Any]], given_fields: list[dict[str, Any]]) -> None:
    kept = {f"{place:016x}": each for place, each in enumerate([*given_documents, *ODD])}
    with TemporaryDirectory() as folder, workspace_at(Path(folder)) as there:
        keep(there, [each | {"finding_id": name} for name, each in kept.items()], [DAY])
        set_roles(there, ROLES)
        for ip, name in NAMES.items():
            there.store.run("update known_host set name = $name where ip = $ip", {"name": name, "ip": ip})
        for fields in given_fields:
            each = Entry.model_validate(SAID | fields)
            judge(there, each)
            rows = there.rows("select * from judged")
            assert {row["finding_id"]: row["why"] for row in rows} == {
                name: (why_not(each, facts_of(document), FACTS) or "").replace("\n", "\t") or None
                for name, document in kept.items()
            }
            lead = Entry.model_validate(
                SAID
                | ({"client": each.client} if each.client else {"client_role": each.client_role})
                | {"even_attacks": True}
            )
            assert {row["finding_id"] for row in rows if row["is_concerned"]} == {
                name
                for name, document in kept.items()
                if why_not(lead, facts_of(document | {"pairs": document["pairs"][:1]}), FACTS) is None
            }


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=20).filter(
    lambda text: text.isprintable() and bool(text.strip())
)


@settings(max_examples=200, deadline=None)
@given(FIELDS, TEXTS, st.one_of(st.none(), st.dates()), st.lists(TEXTS, max_size=2))
def test_a_list_survives_its_file(fields: dict[str, Any], text: str, expires: date | None, services: list[str]) -> None:
    named = fields | {
        "client": ["10.0.1.1"],
        "server": ["files"],
        "service": ["x", *services],
        "reason": text,
        "owner": text,
    }
    each = entry(named | {"expires": expires, "pack": text})
    written = toml([each, made(**WHO)])
    assert read_toml(written, "allow.toml") == sorted([each, made(**WHO)], key=lambda one: one.id)
    assert toml(read_toml(written, "allow.toml")) == written


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[allow", "allow.toml: is no TOML (Expected ']]' at the end of an array declaration (at end of document))"),
        ("x = 1", "allow.toml: holds 'x'"),
        ("allow = 5", "allow.toml: holds an `allow` that is no list of tables"),
        ('[[allow]]\nreason = "x"', "allow.toml, entry 1: owner: is missing"),
        (f"{toml([made(**WHO)])}\n{toml([made(**WHO)])}", "allow.toml, entry 2: covers the same as entry 1"),
    ],
)
def test_files_that_are_no_list(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_toml(text, "allow.toml")
    assert f"{caught.value.where}: {caught.value.what}" == message


JUNK = st.one_of(
    st.none(),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.text(max_size=30),
    st.dates(),
    st.datetimes(),
    st.lists(st.one_of(st.integers(), st.text(max_size=9)), max_size=3),
)


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(st.sampled_from([*Entry.model_fields, "x"]), JUNK))
def test_any_fields_make_an_entry_or_an_error(fields: dict[str, Any]) -> None:
    with suppress(UsageError):
        made = entry(SAID | WHO | fields)
        assert read_toml(toml([made]), "x") == [made]


@settings(max_examples=120, deadline=None)
@given(
    st.integers(0, 200),
    st.sampled_from(["", '"', "[", "]", "{", "=", "\n", "\x00", "\\", "'", "#", "1" * 5000, "[" * 3000, "é"]),
)
def test_a_broken_file_is_an_error(place: int, junk: str) -> None:
    whole = toml([made(**WHO, service=["svcctl"], hours=[22, 6])])
    with suppress(UsageError):
        assert all(isinstance(each, Entry) for each in read_toml(whole[:place] + junk + whole[place:], "x"))


def test_which_entry_covers_which_finding(workspace: Workspace) -> None:
    entries = [
        made(**WHO),
        made(client="10.0.1.1", server_role="server"),
        made(client_role="scanner", service="svcctl"),
    ]
    others = finding("dddd4", "10.0.1.3", "10.0.1.1")
    first = min(entries[0].id, entries[1].id)
    assert allowed(entries, [QUIET, LOUD, others], ROLES, NAMES) == [first, None, None]
    add(workspace, entries, "ann")
    set_roles(workspace, ROLES)
    assert allowed(workspace, [others, QUIET, LOUD]) == [None, first, None]
    assert allowed(workspace, [QUIET], {}) == [entries[0].id]
    assert allowed(workspace, []) == []


def test_an_entry_takes_findings_that_are_open_and_gives_them_back(workspace: Workspace) -> None:
    learn(workspace, [("10.0.1.1", "10.0.1.2", DAY), ("10.0.1.3", "10.0.1.2", DAY)])
    keep(workspace, [QUIET, LOUD, NIGHT, finding("dddd4", "10.0.1.3")], [DAY])
    close(workspace, ["cccc3"], "malicious", "a real one", "bob")
    entry_id = made(**WHO).id
    assert add(workspace, [made(**WHO)], "ann") == (1, 0)
    assert sorted(states(workspace)) == [
        ("aaaa1", "allowed", False),
        ("bbbb2", "open", False),
        ("cccc3", "malicious", False),
        ("dddd4", "open", False),
    ]
    assert known(workspace) == []
    close(workspace, ["cccc3"], "benign", "it was not", "bob")
    assert known(workspace) == [("10.0.1.1", "10.0.1.2", 1)]
    assert remove(workspace, entry_id[:4], "no longer", "ann") == (made(**WHO), 1)
    assert {each[1] for each in states(workspace)} == {"open", "benign"}
    assert (known(workspace), stored(workspace)) == ([], [])
    assert log(workspace) == [
        ("cccc3", "closed as malicious", "a real one", "bob"),
        (entry_id[:5], "entry added", "ticket 4711", "ann"),
        ("aaaa1", "allowed", f"entry {entry_id}: ticket 4711", "ann"),
        ("cccc3", "closed as benign", "it was not", "bob"),
        (entry_id[:5], "entry removed", "no longer", "ann"),
        ("aaaa1", "opened again", "no entry covers it any longer", "ann"),
    ]


def test_what_a_hunt_finds_later_is_covered_too(workspace: Workspace) -> None:
    add(workspace, [made(**WHO)], "ann")
    keep(workspace, [QUIET, LOUD], [DAY])
    assert states(workspace) == [("aaaa1", "allowed", False), ("bbbb2", "open", False)]
    assert workspace.rows("select * from day_score") == [{"day": DAY, "place": 1, "score": 40.0}]
    grown = finding("aaaa1", others=[("10.0.1.1", "10.0.1.3")])
    keep(workspace, [grown], [DAY])
    assert states(workspace) == [("aaaa1", "open", False), ("bbbb2", "open", False)]


def test_a_finding_opens_again_when_its_entry_ends(workspace: Workspace) -> None:
    last = date(2027, 1, 31)
    ending = made(**WHO, expires=last)
    keep(workspace, [QUIET], [DAY])
    add(workspace, [ending], "ann")
    for day, counts, status in ((last, (0, 0), "allowed"), (last + timedelta(days=1), (0, 1), "open")):
        with workspace.store.transaction():
            assert apply(workspace, "ann", day) == counts
        assert states(workspace) == [("aaaa1", status, False)]


def test_an_entry_that_has_ended_no_longer_hides_anything_even_where_nobody_applied_that(workspace: Workspace) -> None:
    keep(workspace, [QUIET], [DAY])
    add(workspace, [made(**WHO)], "ann")
    over = made(**WHO, expires="2020-01-01")
    workspace.store.run("update allow set document = $document", {"document": over.model_dump_json()})
    assert states(workspace) == [("aaaa1", "open", False)]
    assert allowed(workspace, [QUIET]) == [None]


def test_an_allowed_finding_can_not_be_opened_beside_its_entry(workspace: Workspace) -> None:
    keep(workspace, [QUIET], [DAY])
    add(workspace, [made(**WHO)], "ann")
    with pytest.raises(UsageError, match=f"is allowed by entry {made(**WHO).id}"):
        reopen(workspace, ["aaaa1"], "look again", "bob")
    close(workspace, ["aaaa1"], "malicious", "it was", "bob")
    with pytest.raises(UsageError, match=f"is allowed by entry {made(**WHO).id}"):
        reopen(workspace, ["aaaa1"], "look again", "bob")
    assert states(workspace) == [("aaaa1", "malicious", False)]


def test_an_open_finding_can_not_be_opened(workspace: Workspace) -> None:
    keep(workspace, [QUIET], [DAY])
    with pytest.raises(UsageError, match="is open"):
        reopen(workspace, ["aaaa1"], "look again", "bob")


def test_a_list_is_replaced_as_a_whole(workspace: Workspace) -> None:
    keep(workspace, [QUIET, LOUD], [DAY])
    one, two = made(**WHO), made(client="10.0.1.9", service="svcctl")
    assert add(workspace, [one], "ann") == (1, 0)
    assert add(workspace, [two], "ann", is_replacing=True) == (1, 1)
    assert [each.entry for each in stored(workspace)] == [two]
    before = log(workspace)
    assert add(workspace, [two], "bob", is_replacing=True) == (0, 0)
    renewed = two.model_copy(update={"expires": date(2030, 1, 1)})
    assert add(workspace, [renewed], "bob") == (0, 0)
    assert [each.entry for each in stored(workspace)] == [renewed]
    assert log(workspace) == [*before, (two.id[:5], "entry changed", "ticket 4711", "bob")]


def test_what_entries_did(workspace: Workspace) -> None:
    keep(workspace, [QUIET, NIGHT, LOUD], [DAY])
    used, unused = made(**WHO), made(client="10.0.1.3", service="svcctl")
    add(workspace, [used, unused], "ann")
    told = [(each.entry, each.hits, each.last_us, each.newest_us) for each in listed(workspace)]
    newest = DAY * 86_400_000_000 + 25 * 3_600_000_000
    assert sorted(told, key=lambda row: row[1]) == [(unused, 0, None, newest), (used, 2, newest, newest)]


def test_a_preview_changes_nothing_and_says_why_not(workspace: Workspace) -> None:
    keep(workspace, [QUIET, NIGHT, LOUD, finding("dddd4", dest_ip="10.0.1.3")], [DAY])
    close(workspace, ["cccc3"], "malicious", "a real one", "bob")
    before = (log(workspace), states(workspace))
    assert preview(workspace, made(**WHO)) == Preview(
        ["aaaa100000000000", "cccc300000000000"],
        {"open": 1, "malicious": 1},
        {"the server 10.0.1.3 (unknown) is not covered": 1},
    )
    assert (log(workspace), states(workspace)) == before

"""Every page in a real browser, over a real server: read, searched, decided about; by keyboard, narrow, dark and without JavaScript."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rpcsight.baseline.workspace import Workspace
from rpcsight.triage import keep
from rpcsight.web.tokens import TokenFile
from tests.browsing import Visitor, chromium, serving
from tests.triaged import DAY, at, finding, learn

pytestmark = pytest.mark.xdist_group("browser")

MARKUP = "<script>window.hit=1</script><img src=x onerror=window.hit=2>"
ATTRIBUTE = "\" autofocus onfocus=window.hit=3 x=' onmouseover=window.hit=4"
TEMPLATE = "{{ 7 * 7 }}{% raw %}"
CONTROL = "a\x1b[31m\u202eb\x00"
SHOWN_CONTROL = r"a\x1b[31m\u202eb\x00"
HOST, SERVER, OTHER = "10.0.1.1", "10.0.1.2", "10.0.1.3"
REASONS = (
    {"name": "technique", "points": 33.8, "text": "CreateServiceW of svcctl (T1543.003)"},
    {"name": "server", "points": 22.5, "text": "one in 177 such beginnings would lead to this workstation"},
    {"name": "confidence", "points": -0.5, "text": "0.9"},
)
DEED: dict[str, Any] = {
    "analytic": "remote-service",
    "technique": "T1543.003",
    "service": "svcctl",
    "operation": "CreateServiceW",
    "weight": 0.8,
    "events": 3,
    "start_time": at(10),
    "src_ip": HOST,
    "dest_ip": SERVER,
    "flow_id": "C1",
    "source": "conn.log",
}
CONNECTION: dict[str, Any] = {
    "src_ip": HOST,
    "dest_ip": SERVER,
    "start_time": at(10),
    "src_port": 50000,
    "dest_port": 49668,
    "gap_s": 0.005,
    "basis": "decoded",
    "service": "svcctl",
    "operation": "CreateServiceW",
    "flow_id": "C2",
    "source": "conn.log",
}
HOSTILE = {
    "analytic": MARKUP,
    "technique": ATTRIBUTE,
    "service": MARKUP,
    "operation": TEMPLATE,
    "target": MARKUP,
    "user_name": ATTRIBUTE,
    "host": MARKUP,
    "image_path": CONTROL,
    "command_line": f"{MARKUP}{CONTROL}{'A' * 3000}",
    "flow_id": MARKUP,
    "observer": ATTRIBUTE,
    "source": MARKUP,
}
FINDINGS = [
    finding(
        "aaaa1",
        score=70.0,
        severity="high",
        service="svcctl",
        summary="10.0.1.1 made a service on 10.0.1.2",
        reasons=REASONS,
        techniques=["T1543.003"],
        detections=(DEED,),
        evidence=(CONNECTION,),
        others=[(SERVER, OTHER)],
    ),
    finding("bbbb2", SERVER, OTHER, score=40.0, service="svcctl", techniques=["T1543.003"]),
    finding("cccc3", HOST, OTHER, score=30.0, severity="low", first=at(3)),
    finding("dddd4", "10.0.9.9", None, score=25.0, severity="low", service="epmapper"),
    finding(
        "eeee5",
        MARKUP,
        ATTRIBUTE,
        score=20.0,
        severity="info",
        service=MARKUP,
        tier=MARKUP,
        techniques=[MARKUP],
        d3fend=[MARKUP],
        client_role=MARKUP,
        server_role=ATTRIBUTE,
        summary=f"{MARKUP} {CONTROL} {TEMPLATE}",
        reasons=({"name": MARKUP, "points": 20.0, "text": f"{ATTRIBUTE}{MARKUP}"},),
        detections=(DEED | HOSTILE,),
        evidence=(CONNECTION | {name: HOSTILE[name] for name in ("service", "operation", "source", "flow_id")},),
        others=[(CONTROL, MARKUP), (TEMPLATE, ATTRIBUTE)],
        next=[MARKUP],
        benign_if=[MARKUP],
    ),
]
PAGES = (
    "/findings",
    "/findings?q=status:all&group=host",
    "/findings?q=nothing-like-it",
    "/findings?q=no:such",
    "/findings/aaaa100000000000",
    "/findings/eeee500000000000",
    "/hosts",
    f"/hosts/{HOST}",
    "/map?q=status:all",
    "/baseline",
    "/inputs",
    "/allow",
    f"/allow/new?client={HOST}&server={SERVER}",
    "/allow/new?client=nobody/99",
    "/log",
    "/settings",
    "/findings/0123456789abcdef",
    "/no-such-page",
)
QUIET = ("/findings?q=no:such", "/findings/0123456789abcdef", "/allow/new?client=nobody/99", "/no-such-page")
"""Pages about a mistake: Chromium writes their status to its console."""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with findings, of which one is all markup."""
    path = tmp_path_factory.mktemp("kept") / "corp.db"
    with Workspace(path) as workspace:
        learn(workspace, [(HOST, SERVER, day) for day in range(DAY - 20, DAY - 3)] + [(MARKUP, SERVER, DAY - 3)])
        workspace.store.run("update known_host set name = $name where ip = $ip", {"name": MARKUP, "ip": SERVER})
        keep(workspace, FINDINGS, [DAY])
    return path


@pytest.fixture
def workspace(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(template, tmp_path / "corp.db"))


@pytest.fixture
def server(workspace: Path) -> Iterator[str]:
    with serving(workspace) as address:
        yield address


@pytest.fixture(scope="module")
def reading(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server for tests that change nothing."""
    path = Path(shutil.copy(template, tmp_path_factory.mktemp("read") / "corp.db"))
    with serving(path) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as made:
        yield made


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Visitor]]:
    visitors: list[Visitor] = []

    def begin(address: str, **more: Any) -> Visitor:
        visitors.append(Visitor(browser, address, **more))
        return visitors[-1]

    yield begin
    for each in visitors:
        each.close()


def log(path: Path) -> list[tuple[str, str, str, str]]:
    with Workspace(path, is_reading=True) as workspace:
        rows = workspace.rows("select subject, action, reason, who from audit order by number")
    return [(row["subject"][:5], row["action"], row["reason"], row["who"]) for row in rows]


@pytest.mark.parametrize(("scheme", "pages"), [("light", PAGES), ("dark", PAGES[:6])], ids=["light", "dark"])
def test_no_page_has_a_serious_violation_or_runs_what_traffic_says(
    reading: str, visit: Callable[..., Visitor], scheme: str, pages: tuple[str, ...]
) -> None:
    found: dict[str, list[str]] = {}
    headings: dict[str, int] = {}
    person = visit(reading, color_scheme=scheme)
    for path in pages:
        person.open(path)
        found[path] = person.axe()
        headings[path] = person.page.locator("h1").count()
        assert person.page.evaluate("window.hit") is None
        assert person.page.locator("img, main script, [onfocus], [onmouseover], [onerror], [style]").count() == 0
        if path in QUIET:
            person.said.clear()
    assert found == {path: [] for path in pages}
    assert headings == dict.fromkeys(pages, 1)


def test_stored_markup_stays_text(reading: str, visit: Callable[..., Visitor]) -> None:
    person = visit(reading)
    person.open("/findings/eeee500000000000")
    main = person.page.locator("main").inner_text()
    assert [each in main for each in (MARKUP, ATTRIBUTE, TEMPLATE, SHOWN_CONTROL)] == [True] * 4
    assert [each in main for each in ("\x1b", "\u202e", "\x00", "49{%")] == [False] * 4
    person.follow(person.page.get_by_role("link", name=MARKUP).first)
    assert person.page.locator("h1").inner_text() == MARKUP


def test_every_page_fits_a_narrow_window(reading: str, visit: Callable[..., Visitor]) -> None:
    person = visit(reading, viewport={"width": 320, "height": 640})
    wide: dict[str, int] = {}
    for path in PAGES:
        person.open(path)
        wide[path] = person.overflow()
    person.said.clear()
    assert wide == dict.fromkeys(PAGES, 0)


def test_dark_where_the_system_is_dark(reading: str, visit: Callable[..., Visitor]) -> None:
    shades: dict[str, int] = {}
    for scheme in ("light", "dark"):
        person = visit(reading, color_scheme=scheme)
        person.open("/findings")
        color = person.page.evaluate("getComputedStyle(document.body).backgroundColor")
        shades[scheme] = sum(int(part) for part in color.removeprefix("rgb(").removesuffix(")").split(","))
    assert shades["light"] > 700
    assert shades["dark"] < 100


def test_search_sort_group_and_page_have_addresses(reading: str, visit: Callable[..., Visitor]) -> None:
    person = visit(reading)
    page = person.page
    person.open("/findings")
    assert person.text("table caption") == "5 findings"
    page.fill("#q", "service:svcctl")
    with page.expect_navigation():
        page.press("#q", "Enter")
    assert page.url == f"{reading}/findings?q=service%3Asvcctl&sort=score&group="
    rows = page.locator("tr[data-finding]")
    assert rows.evaluate_all("rows => rows.map(row => row.dataset.finding.slice(0, 5))") == ["aaaa1", "bbbb2"]
    person.follow(page.get_by_role("link", name="Score"))
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "ascending"
    assert rows.evaluate_all("rows => rows.map(row => row.dataset.finding.slice(0, 5))") == ["bbbb2", "aaaa1"]
    page.goto(page.url)
    assert rows.count() == 2
    page.select_option("#group", "server")
    person.follow(page.get_by_role("button", name="Search"))
    assert page.locator("tbody th").all_inner_texts() == [SERVER, OTHER]
    person.follow(page.get_by_role("link", name=OTHER))
    assert page.locator("#q").input_value() == f"service:svcctl server:{OTHER}"
    person.open("/findings")
    person.follow(page.get_by_role("navigation", name="Severity").get_by_role("link", name="low"))
    assert rows.evaluate_all("rows => rows.map(row => row.dataset.finding.slice(0, 5))") == ["cccc3", "dddd4"]
    assert page.locator("#q").input_value() == "severity:low"


def test_what_a_finding_tells(reading: str, visit: Callable[..., Visitor]) -> None:
    person = visit(reading)
    person.open("/findings/aaaa100000000000")
    tables = [" ".join(each.split()) for each in person.page.locator("main section.sheet table").all_inner_texts()]
    assert "+33.8 technique CreateServiceW of svcctl (T1543.003)" in tables[0]
    assert "\u22120.5 confidence 0.9" in tables[0]
    assert any(
        "CreateServiceW of svcctl, 3 times T1543.003 0.8 remote-service; conn.log, flow C1" in each for each in tables
    )
    assert any(f"{HOST}:50000 {SERVER}:49668 svcctl CreateServiceW; decoded, 0.005 s after" in each for each in tables)
    assert any("met on 17 of these days, 2026-01-27 to 2026-02-12; connections: 34" in each for each in tables)
    assert person.text("#similar + div tbody tr").startswith(f"{MARKUP} → {OTHER}, svcctl 40.0 medium open")
    assert person.page.locator("#when ~ div figure svg[role=img]").count() == 1


def test_without_javascript_all_can_be_done(workspace: Path, server: str, visit: Callable[..., Visitor]) -> None:
    person = visit(server, java_script_enabled=False)
    page = person.page
    person.open("/findings")
    page.fill("#q", "10.0.1.1")
    person.follow(page.get_by_role("button", name="Search"))
    person.follow(page.locator("tr[data-finding=aaaa100000000000] a").first)
    page.get_by_role("radio", name="benign ").check()
    page.get_by_label("Reason, for the log").fill("print queue moved, ticket 4711")
    person.follow(page.get_by_role("button", name="Close"))
    assert page.url == f"{server}/findings/aaaa100000000000?done=benign"
    assert person.text("[role=status]") == "Closed as benign: it counts for the baseline from now on."
    page.get_by_role("radio", name="open ").check()
    page.get_by_label("Reason, for the log").fill("there was no such ticket")
    person.follow(page.get_by_role("button", name="Change"))
    assert person.text("[role=status]") == "Open again."
    person.follow(page.get_by_role("link", name="What would an entry for these hosts hide?"))
    assert person.text("#preview") == "It would hide 2 open findings"
    page.get_by_label("Reason").fill("deployment")
    page.get_by_label("Owner: whom to ask").fill("ann")
    person.follow(page.get_by_role("button", name="Add this entry"))
    assert person.text("[role=status]") == "The entry was added."
    entry = page.locator("h2 .mono").inner_text()
    person.open("/findings?q=status:allowed")
    ids = page.locator("tr[data-finding]").evaluate_all("rows => rows.map(row => row.dataset.finding.slice(0, 5))")
    assert ids == ["aaaa1", "bbbb2"]
    person.open("/allow")
    page.get_by_label("Remove it: reason, for the log").fill("over")
    person.follow(page.get_by_role("button", name="Remove"))
    person.open("/log")
    told = [" ".join(each.split()[2:]) for each in page.locator("tbody tr").all_inner_texts()]
    assert [each.removeprefix("this machine ") for each in told] == [
        "opened again bbbb200000000000 no entry covers it any longer",
        "opened again aaaa100000000000 no entry covers it any longer",
        f"entry removed {entry} over",
        f"allowed bbbb200000000000 entry {entry}: deployment",
        f"allowed aaaa100000000000 entry {entry}: deployment",
        f"entry added {entry} deployment",
        "reopened aaaa100000000000 there was no such ticket",
        "closed as benign aaaa100000000000 print queue moved, ticket 4711",
    ]
    assert len(log(workspace)) == 8


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "none"])
def test_several_are_closed_at_once(
    workspace: Path, server: str, visit: Callable[..., Visitor], *, has_script: bool
) -> None:
    person = visit(server, java_script_enabled=has_script, viewport={"width": 320, "height": 640})
    page = person.page
    person.open("/findings?q=service:svcctl")
    assert page.get_by_role("button", name="Close ticked…").is_enabled() is not has_script
    tick_all = page.get_by_role("link", name="Tick all 2 of this page")
    if has_script:
        tick_all.click()
    else:
        person.follow(tick_all)
    boxes = page.get_by_role("checkbox")
    assert [each.is_checked() for each in boxes.all()] == [True, True]
    if has_script:
        assert page.url.endswith("q=service:svcctl")
        for key in ("j", "j", "x", "x"):
            page.keyboard.press(key)
        assert person.text("[data-close]") == "Close 2 ticked…"
        assert person.axe() == []
    person.follow(page.locator("[data-close]"))
    assert person.text("h1") == "Close 2 findings"
    if has_script:
        assert (person.axe(), person.overflow()) == ([], 0)
    page.get_by_role("radio", name="duplicate ").check()
    page.get_by_label("Reason, for the log of each").fill("one story")
    person.follow(page.get_by_role("button", name="Close 2 findings"))
    assert person.text("[role=status]") == "2 findings. Closed as duplicate."
    assert page.locator("#q").input_value() == "service:svcctl"
    assert sorted(log(workspace)) == [
        ("aaaa1", "closed as duplicate", "one story", "this machine"),
        ("bbbb2", "closed as duplicate", "one story", "this machine"),
    ]


def test_a_form_without_a_reason_is_refused_and_keeps_what_was_given(
    workspace: Path, server: str, visit: Callable[..., Visitor]
) -> None:
    person = visit(server)
    page = person.page
    person.open("/findings/bbbb200000000000")
    page.evaluate("document.querySelector('form[action$=triage]').noValidate = true")
    page.get_by_role("radio", name="malicious ").check()
    page.get_by_label("Reason, for the log").fill("   ")
    person.follow(page.get_by_role("button", name="Close"))
    assert person.text("[role=alert]") == "the reason needs a text of one line, up to 500 characters"
    assert page.get_by_role("radio", name="malicious ").is_checked()
    assert log(workspace) == []
    person.said.clear()


def test_by_keyboard_alone(workspace: Path, server: str, visit: Callable[..., Visitor]) -> None:
    person = visit(server)
    page = person.page
    person.open("/findings")
    page.keyboard.press("Tab")
    assert person.text(":focus") == "Skip to content"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.type("host:10.0.1.3")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=host%3A10.0.1.3**")
    for key in ("j", "j", "k", "j"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_url("**/findings/bbbb200000000000")
    page.locator("a[href='#triage']").focus()
    page.keyboard.press("Enter")
    seen: list[str] = []
    while page.evaluate("document.activeElement.name || ''") != "verdict":
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.outerHTML.slice(0, 60)"))
        assert len(seen) < 40, seen
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("an attack")
    page.keyboard.press("Enter")
    page.wait_for_url("**done=malicious")
    assert [each[:3] for each in log(workspace)] == [("bbbb2", "closed as malicious", "an attack")]


def test_a_new_finding_is_told_and_nothing_jumps(workspace: Path, server: str, visit: Callable[..., Visitor]) -> None:
    person = visit(server)
    page = person.page
    with page.expect_request("**/api/v1/events"):
        person.open("/findings")
    page.wait_for_timeout(1500)
    page.evaluate("window.scrollTo(0, 200)")
    before = page.locator("tr[data-finding]").count()
    with Workspace(workspace) as kept:
        keep(kept, [finding("ffff6", "10.0.5.5", "10.0.5.6", score=99.0, severity="high")], [DAY])
    line = page.locator("[data-live]")
    line.get_by_role("link").wait_for()
    assert " ".join(line.inner_text().split()) == "1 new finding: show"
    assert page.locator("tr[data-finding]").count() == before
    line.get_by_role("link").click()
    page.wait_for_url("**/findings")
    assert page.locator("tr[data-finding]").first.get_attribute("data-finding") == "ffff600000000000"


@pytest.fixture
def tokens(tmp_path: Path) -> dict[str, str]:
    """Tokens of people in `tokens.json`: of ann, who may all, bob, who may triage, and eve, who may read."""
    file = TokenFile(tmp_path / "tokens.json")
    return {name: file.add(name, scope, 1) for name, scope in (("ann", "admin"), ("bob", "triage"), ("eve", "read"))}


@pytest.fixture
def guarded(workspace: Path, tokens: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """A server that asks for tokens."""
    with serving(workspace, "--token-file", str(tmp_path / "tokens.json")) as address:
        yield address


def log_in(person: Visitor, token: str, path: str = "/findings") -> None:
    person.open(path)
    assert person.page.url.startswith(f"{person.address}/login?next=")
    assert person.axe() == []
    person.page.get_by_label("Token").fill(token)
    person.page.get_by_role("button", name="Log in").click()
    person.page.wait_for_url(f"{person.address}{path}")


def test_two_people_at_once(
    workspace: Path, guarded: str, tokens: dict[str, str], visit: Callable[..., Visitor]
) -> None:
    ann, bob = visit(guarded), visit(guarded)
    for each, name in ((ann, "ann"), (bob, "bob")):
        with each.page.expect_request("**/api/v1/events"):
            log_in(each, tokens[name], "/findings/cccc300000000000")
        each.page.wait_for_timeout(1200)
    ann.page.get_by_role("radio", name="benign ").check()
    ann.page.get_by_label("Reason, for the log").fill("ours")
    ann.page.get_by_role("button", name="Close").click()
    ann.page.wait_for_url("**done=benign")
    line = bob.page.locator("[data-live]")
    line.get_by_role("link").wait_for()
    assert " ".join(line.inner_text().split()) == "meanwhile ann: closed as benign: show"
    bob.page.get_by_role("radio", name="malicious ").check()
    bob.page.get_by_label("Reason, for the log").fill("no, an attack")
    bob.follow(bob.page.get_by_role("button", name="Close"))
    wanted = "ann was faster: closed as benign. Nothing of yours was kept: look again, and decide."
    assert bob.text("[role=alert]") == wanted
    assert bob.page.get_by_label("Reason, for the log").input_value() == "no, an attack"
    assert log(workspace) == [("cccc3", "closed as benign", "ours", "ann")]
    bob.said.clear()
    bob.page.get_by_role("button", name="Change").click()
    bob.page.wait_for_url("**done=malicious")
    assert [each[1:] for each in log(workspace)] == [
        ("closed as benign", "ours", "ann"),
        ("closed as malicious", "no, an attack", "bob"),
    ]


def test_people_see_forms_for_what_they_may_do(
    guarded: str, tokens: dict[str, str], visit: Callable[..., Visitor]
) -> None:
    forms: dict[str, list[int]] = {}
    for name in ("ann", "bob", "eve"):
        person = visit(guarded, java_script_enabled=True)
        log_in(person, tokens[name])
        assert person.text(".who span") == name
        forms[name] = []
        for path in ("/findings/bbbb200000000000", f"/allow/new?client={HOST}&server={SERVER}"):
            person.open(path)
            forms[name].append(person.page.locator("main form[method=post]").count())
        person.page.get_by_role("button", name="Log out").click()
        person.page.wait_for_url(f"{guarded}/login")
        person.open("/log")
        assert person.page.url == f"{guarded}/login?next=/log"
    assert forms == {"ann": [1, 1], "bob": [1, 0], "eve": [0, 0]}


def test_a_wrong_token_is_told(guarded: str, visit: Callable[..., Visitor]) -> None:
    person = visit(guarded)
    person.open("/login")
    person.page.get_by_label("Token").fill("rps_nothing")
    person.follow(person.page.get_by_role("button", name="Log in"))
    assert person.text("[role=alert]") == "this is no token, or it no longer holds"
    assert person.axe() == []
    person.said.clear()

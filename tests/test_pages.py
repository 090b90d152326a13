"""Pages without a browser: what templates are given, how values are shown, and forms that are refused."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from markupsafe import Markup

from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import UsageError
from rpcsight.triage import keep
from rpcsight.triage.kept import close
from rpcsight.web.app import make
from rpcsight.web.desk import Desk
from rpcsight.web.options import WebSettings
from rpcsight.web.pages import allowing, live
from rpcsight.web.pages.findings import listed
from rpcsight.web.pages.log import sections
from rpcsight.web.pages.rendering import asset, shown, to
from tests.triaged import DAY, finding, learn

HERE = "http://127.0.0.1:8135"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kept") / "corp.db"
    with Workspace(path) as workspace:
        learn(workspace, [("10.0.1.1", "10.0.1.2", DAY - 5), ("10.0.1.1", "10.0.1.3", DAY - 4)])
        rows = [finding(f"{number:04x}", score=20.0 + number, service="svcctl") for number in range(120)]
        keep(workspace, [*rows, finding("ffff", "10.0.1.3", "10.0.1.2", score=10.0, severity="low")], [DAY])
    return path


@pytest.fixture
def workspace(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(template, tmp_path / "corp.db"))


@pytest.fixture
def client(workspace: Path) -> Iterator[TestClient]:
    app = make(Desk(workspace), WebSettings())
    with TestClient(app, base_url=HERE, client=("127.0.0.1", 5000), follow_redirects=False) as made:
        yield made


def csrf(client: TestClient) -> str:
    return client.get("/findings/0001").text.partition('name="csrf" value="')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (7, 7),
        ("Größe <b>", "Größe <b>"),
        ("a\x1b[0m\nb\u202e", r"a\x1b[0m\nb\u202e"),
        ("x" * 2003, "x" * 2000 + "… (3 more characters)"),
        (Markup("<b>\n</b>"), Markup("<b>\n</b>")),
    ],
    ids=["none", "number", "text", "control", "long", "markup"],
)
def test_how_values_are_shown(value: object, text: object) -> None:
    assert shown(value) == text


def test_addresses_are_quoted() -> None:
    assert to(["hosts", "fe80::1/../<a>?#"]) == "/hosts/fe80%3A%3A1%2F..%2F%3Ca%3E%3F%23"
    assert to("findings", {"q": "a b&c", "sort": "", "group": None}, cursor="x=") == "/findings?q=a+b%26c&cursor=x%3D"


@pytest.mark.parametrize("name", ["../pages/frame.py", "style.txt", "nothing.css", "", ".css"])
def test_only_assets_are_assets(name: str) -> None:
    assert asset(name) is None


def test_our_pages_load_our_files_alone(client: TestClient) -> None:
    text = client.get("/findings").text
    loaded = [
        part.partition('"')[0].partition("?")[0] for name in ("href", "src") for part in text.split(f'{name}="')[1:]
    ]
    files = sorted({each for each in loaded if each.startswith("/static/")})
    assert files == ["/static/drawing.css", "/static/icon.svg", "/static/page.js", "/static/style.css"]
    assert [client.get(each).status_code for each in files] == [200] * 4
    assert [each for each in loaded if not each.startswith(("/", "#"))] == []


def test_pages_of_the_list_follow_one_another(workspace: Path) -> None:
    seen: list[str] = []
    with Workspace(workspace, is_reading=True) as there:
        query: dict[str, str] = {"q": "service:svcctl"}
        while True:
            page = listed(there, query)
            seen += [each["id"][:4] for each in page["rows"]]
            cursor = page["listing"]["next"].partition("cursor=")[2]
            if not cursor:
                break
            query |= {"cursor": cursor}
    assert seen == [f"{number:04x}" for number in reversed(range(120))]
    assert (page["total"], page["listing"]["first"]) == (120, "/findings?q=service%3Asvcctl&sort=score")


def test_filters_keep_the_rest_of_the_search(workspace: Path) -> None:
    with Workspace(workspace, is_reading=True) as there:
        page = listed(there, {"q": "10.0.1.2 severity:low", "sort": "time", "group": ""})
    assert page["statuses"] == [
        ("open", 1, "/findings?q=10.0.1.2+severity%3Alow&sort=time", True),
        ("all", 1, "/findings?q=10.0.1.2+severity%3Alow+status%3Aall&sort=time", False),
    ]
    assert page["severities"] == [
        ("medium", 120, "/findings?q=10.0.1.2+severity%3Amedium&sort=time", False),
        ("low", 1, "/findings?q=10.0.1.2+severity%3Alow&sort=time", True),
        ("all", 121, "/findings?q=10.0.1.2&sort=time", False),
    ]
    assert page["columns"][2] == ("Last, UTC", "/findings?q=10.0.1.2+severity%3Alow&sort=time&order=asc", "descending")


def test_what_is_wrong_with_a_search_is_told(client: TestClient) -> None:
    answer = client.get("/findings?q=sevrity:high")
    assert (answer.status_code, "there is no key &#39;sevrity&#39;; there are: client, server" in answer.text) == (
        400,
        True,
    )


def test_news_are_counted_from_what_was_there(workspace: Path) -> None:
    with Workspace(workspace) as there:
        since = int(live.start(there).partition("since=")[2])
        told = [live.new_findings(there, since), live.news_of(there, "0001".ljust(16, "0"), 0)]
        keep(there, [finding("eeee1"), finding("eeee2", "10.0.1.2")], [DAY])
        close(there, ["0001"], "benign", "ours", "ann")
        told += [live.new_findings(there, since), live.news_of(there, "0001".ljust(16, "0"), 0)]
    assert told == ["", "", "2 new findings", "meanwhile ann: closed as benign"]


@pytest.mark.parametrize(
    ("form", "status", "text"),
    [
        ({"verdict": "benign", "reason": "ours", "seen": "0", "csrf": "wrong"}, 403, "the form is out of date"),
        ({"verdict": "benign", "reason": "ours", "seen": "0"}, 403, "the form is out of date"),
        ({"verdict": "fine", "reason": "ours", "seen": "0", "csrf": ""}, 400, "&#39;fine&#39; is no verdict"),
        ({"verdict": "benign", "reason": "a\nb", "seen": "0", "csrf": ""}, 400, "needs a text of one line"),
        ({"verdict": "benign", "reason": "ours", "seen": "1", "csrf": ""}, 409, "Nothing of yours was kept"),
        ({"verdict": "open", "reason": "x" * 501, "seen": "0", "csrf": ""}, 400, "up to 500 characters"),
    ],
    ids=["wrong token", "no token", "no verdict", "two lines", "overtaken", "long"],
)
def test_forms_that_are_refused_change_nothing(
    client: TestClient, workspace: Path, form: dict[str, str], status: int, text: str
) -> None:
    if form.get("csrf") == "":
        form = form | {"csrf": csrf(client)}
    answer = client.post("/findings/0001/triage", data=form)
    assert (answer.status_code, text in answer.text) == (status, True)
    with Workspace(workspace, is_reading=True) as there:
        assert there.rows("select * from audit") == []


def test_a_form_is_answered_with_an_address(client: TestClient, workspace: Path) -> None:
    form = {"verdict": "benign", "reason": "ours", "seen": "0", "csrf": csrf(client)}
    answer = client.post("/findings/0001/triage", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/findings/0001?done=benign")
    assert "Closed as benign: it counts for the baseline" in client.get(answer.headers["location"]).text
    assert "words" not in client.get("/findings/0001?done=<b>words</b>").text
    with Workspace(workspace, is_reading=True) as there:
        rows = there.rows("select subject, action, reason, who from audit")
    assert rows == [
        {"subject": "0001000000000000", "action": "closed as benign", "reason": "ours", "who": "this machine"}
    ]


@pytest.mark.parametrize("path", ["/findings/none0", "/hosts/192.0.2.9", "/static/nothing.css", "/no-such-page"])
def test_what_is_not_there(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")


def test_a_finding_that_lacks_fields_is_shown(client: TestClient, workspace: Path) -> None:
    bare = {"src_ip": "10.0.1.1", "dest_ip": "10.0.1.2"}
    with Workspace(workspace) as there:
        keep(there, [finding("bare", evidence=({},), detections=({},), pairs=[bare])], [DAY])
    assert [client.get(path).status_code for path in ("/findings/bare", "/map?q=id:bare")] == [200, 200]


def test_the_baseline_is_shown_as_it_is_now(client: TestClient, workspace: Path) -> None:
    pages = [client.get("/baseline").text, client.get("/baseline").text]
    with Workspace(workspace) as there:
        learn(there, [("10.0.7.7", "10.0.1.2", DAY - 3)])
    pages.append(client.get("/baseline").text)
    assert pages[0] == pages[1]
    assert ["Young: 2 of 14 days" in pages[0], "Young: 3 of 14 days" in pages[2]] == [True, True]
    assert ["10.0.7.7" in each for each in pages] == [False, False, True]


def test_an_entry_of_the_form() -> None:
    given = {
        "client": " 10.0.0.7 , srv1",
        "server_role": "server",
        "hours": "22-6",
        "expires": "never",
        "reason": "it",
        "owner": "ann",
    }
    made = allowing.asked(given, is_preview=False)
    assert made.scope() == {"client": ["10.0.0.7", "srv1"], "server_role": ["server"], "hours": [22, 6]}
    assert (made.reason, made.owner, made.expires) == ("it", "ann", None)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"client": "10.0.0.7", "server": "10.0.0.8", "hours": "late"}, "'late' are no hours"),
        ({"client": "10.0.0.7", "server": "10.0.0.8", "expires": "2020-01-01"}, "2020-01-01 is over"),
        ({"pack": "configmgr"}, "configmgr needs its hosts: it covers nobody's by itself"),
        ({"pack": "configmgr", "client": "10.0.0.7", "service": "svcctl"}, "the pack configmgr says service itself"),
        ({"client": "10.0.0.0/8", "server_role": "server"}, "names no client: it would cover everybody's"),
    ],
    ids=["hours", "over", "pack alone", "pack widened", "too wide"],
)
def test_entries_that_are_refused(given: dict[str, str], what: str) -> None:
    with pytest.raises(UsageError) as caught:
        allowing.asked(given, is_preview=True)
    assert caught.value.what == what


def test_settings_by_section(workspace: Path) -> None:
    made = dict(sections(Desk(workspace).settings))
    assert list(made) == ["rule", "attack", "baseline", "score"]
    assert made["rule"][:2] == [("mapper_port", "135"), ("dynamic_ports", "49152, 65535")]


@pytest.mark.parametrize("since", ["9" * 200, "-" + "9" * 200, "0"])
def test_news_since_any_number(client: TestClient, since: str) -> None:
    answers = [client.get(f"{path}/new?since={since}") for path in ("/findings", "/findings/0001000000000000")]
    assert [each.status_code for each in answers] == [200, 200]


def test_several_are_closed_at_once_after_a_page_that_says_which(client: TestClient, workspace: Path) -> None:
    ids = [f"{name:0<16}" for name in ("0001", "0002", "0003")]
    asked = client.get("/findings/close", params={"id": [*ids, ids[0], "nothing"], "q": "svcctl", "sort": "score"}).text
    assert re.findall(r"<h1>(.*?)</h1>|<button>(.*?)</button>", asked) == [
        ("Close 3 findings", ""),
        ("", "Close 3 findings"),
    ]
    seen = re.findall(r'name="seen" value="(\d+)"', asked)
    form = {
        "csrf": csrf(client),
        "seen": seen[0],
        "id": ids,
        "q": "svcctl",
        "verdict": "benign",
        "reason": "print queues",
    }
    missing = client.post("/findings/close", data=form | {"reason": " "})
    assert (missing.status_code, "the reason needs a text of one line" in missing.text) == (400, True)
    assert client.post("/findings/close", data=form | {"verdict": "open"}).status_code == 400
    assert client.post("/findings/close", data=form | {"csrf": "another"}).status_code == 403
    with Workspace(workspace) as there:
        close(there, ["0002"], "malicious", "mine", "bob")
    late = client.post("/findings/close", data=form)
    assert (late.status_code, late.text.count('name="id"')) == (409, 1)
    assert "2 closed as benign. Of these somebody decided meanwhile: look again." in late.text
    again = client.post("/findings/close", data=form | {"id": ids[::2]})
    assert again.status_code == 409
    done = client.post("/findings/close", data=form | {"id": ids, "seen": "4"})
    assert (done.status_code, done.headers["location"]) == (303, "/findings?q=svcctl&done=benign&count=1")
    told = client.get(done.headers["location"]).text
    assert "1 finding. Closed as benign: it counts for the baseline from now on." in told
    with Workspace(workspace, is_reading=True) as there:
        log = there.rows("select subject, action, reason from audit order by number")
    assert [(row["subject"][:4], row["action"], row["reason"]) for row in log] == [
        ("0002", "closed as malicious", "mine"),
        ("0001", "closed as benign", "print queues"),
        ("0003", "closed as benign", "print queues"),
        ("0002", "closed as benign", "print queues"),
    ]


def test_nothing_ticked_is_told(client: TestClient) -> None:
    answer = client.get("/findings/close")
    assert (answer.status_code, "No finding is ticked" in answer.text) == (400, True)


@pytest.mark.parametrize(
    ("count", "told"), [("0", "Nothing was changed"), ("7", "7 findings. Closed as dup"), ("x7", "Closed as dup")]
)
def test_how_many_were_closed_is_told(client: TestClient, count: str, told: str) -> None:
    assert f"<p>{told}" in client.get("/findings", params={"done": "duplicate", "count": count}).text


def test_all_of_a_page_are_ticked_by_a_link(client: TestClient) -> None:
    page = client.get("/findings").text
    (address,) = re.findall(r'<a href="([^"]*)" data-tick-all>Tick all 50 of this page</a>', page)
    assert (page.count(" checked"), client.get(address.replace("&amp;", "&")).text.count(" checked")) == (0, 50)


def test_the_map_says_when_findings_began(client: TestClient) -> None:
    page = client.get("/map", params={"q": "severity:low"}).text
    assert re.findall(r'<th scope="row">([^<]*)</th>(?:<td[^>]*></td>)*<td[^>]*title="1">1</td>', page) == [
        "2026-02-16 Mon"
    ]
    assert 'class="rs-heat"' not in client.get("/map", params={"q": "no:such"}).text

"""The report in a real browser: offline, by keyboard, narrow, dark, printed, without its script, and with axe's rules."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rpcsight.report.page import Content, render
from tests import system
from tests.recording import NFDUMP
from tests.test_report import HOSTILE
from tests.test_report_page import account, content, finding

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.xdist_group("browser")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=system.require("chromium"), args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import rpcsight

    found = rpcsight.hunt(NFDUMP)
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(Content([each.to_dict() for each in found], found.account, "1", "rpcsight hunt x")), "utf-8")
    return path


class Opened:
    """A page of a file, with what it complained about and asked for."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append("dialog"), dialog.dismiss()))
        self.page.goto(path.as_uri())
        self.path = path

    def close(self) -> None:
        assert self.asked == [self.path.as_uri()]
        assert self.said == []
        self.context.close()


def test_it_asks_for_nothing_and_runs_nothing_of_the_records(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    findings = [finding(text) for text in HOSTILE]
    path.write_text(render(Content(findings, account(HOSTILE[0]), "1", HOSTILE[1])), "utf-8", errors="backslashreplace")
    opened = Opened(browser, path)
    opened.page.get_by_role("button", name="Open all").click()
    assert opened.page.locator("article details[open]").count() >= len(HOSTILE)
    assert opened.page.locator("script").count() == 1
    assert opened.page.locator("img").count() == 0
    opened.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1100])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_window(
    browser: Any, report: Path, width: int, scheme: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    # axe is injected into the page, which its policy forbids: only this test goes round it.
    opened = Opened(browser, report, viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
    opened.page.get_by_role("button", name="Open all").click()
    found = axe.Axe().run(opened.page).response["violations"]
    told = [(each["id"], each["impact"], [node["html"][:200] for node in each["nodes"]][:3]) for each in found]
    assert told == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    back = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(255, 255, 255)") == (scheme == "light")
    opened.close()


def test_it_is_read_without_its_script(browser: Any, report: Path) -> None:
    opened = Opened(browser, report, java_script_enabled=False)
    assert opened.page.locator("#tools").is_hidden()
    assert opened.page.locator("article details[open] table").first.is_visible()
    opened.page.locator("article summary").first.click()
    assert opened.page.locator("article > details").first.get_attribute("open") is None
    opened.close()


def test_by_keyboard_alone(browser: Any, report: Path) -> None:
    opened = Opened(browser, report)
    page = opened.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the findings"
    page.keyboard.press("Enter")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "SUMMARY":
            break
    first = page.locator("article > details").first
    assert first.get_attribute("open") is not None
    page.keyboard.press("Enter")
    assert first.get_attribute("open") is None
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    opened.close()


def test_findings_are_chosen_by_words_and_severity(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    findings = [finding("alpha", severity="high"), finding("beta", severity="low"), finding("gamma", severity="low")]
    path.write_text(render(Content(findings, account(), "1")), "utf-8")
    opened = Opened(browser, path)
    page = opened.page
    page.get_by_label("Show only those with").fill("BETA")
    sync_api.expect(page.locator("#count")).to_have_text("1 of 3")
    assert page.locator("article:visible").count() == 1
    page.get_by_label("Show only those with").fill("")
    page.get_by_label("Severity").select_option("low")
    sync_api.expect(page.locator("#count")).to_have_text("2 of 3")
    page.get_by_role("button", name="Close all").click()
    page.get_by_label("Severity").select_option("")
    page.locator("section", has_text="What the findings can be part of").locator("a").first.click()
    sync_api.expect(page.locator("#finding-1 > details")).to_have_attribute("open", "")
    opened.close()


def test_it_prints(browser: Any, report: Path, tmp_path: Path) -> None:
    opened = Opened(browser, report, color_scheme="dark")
    path = tmp_path / "report.pdf"
    opened.page.pdf(path=path, format="A4")
    pages = len(re.findall(rb"/Type\s*/Page\b", path.read_bytes()))
    assert 3 <= pages <= 12
    opened.page.emulate_media(media="print", color_scheme="dark")
    assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert opened.page.locator("#tools").is_hidden()
    opened.close()


def test_five_thousand_findings_open_and_are_chosen_from(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "large.html"
    many = content("x", 5000)
    path.write_text(render(many), "utf-8")
    opened = Opened(browser, path)
    opened.page.get_by_label("Severity").select_option("high")
    sync_api.expect(opened.page.locator("#count")).to_have_text("0 of 5000")
    opened.close()

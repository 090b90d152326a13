"""A real server over a workspace, and Chromium that looks at it: every request that would leave the machine is stopped and told."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests import system

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
WIDE = {"width": 1280, "height": 800}
WAIT_MS = 15_000
STARTED_S = 60
AXE = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations
    .filter((each) => each.impact === "serious" || each.impact === "critical")
    .map((each) => each.id + ": " + each.nodes.map((node) => node.html.slice(0, 120)).join(" | "));
}"""


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(workspace: Path, *more: str) -> Iterator[str]:
    """`rpcsight serve` over a workspace; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "rpcsight", "serve", "--workspace", str(workspace), "--port", str(port), *more]
    address = f"http://127.0.0.1:{port}"
    with (
        (workspace.parent / f"serve.{port}.log").open("w+b") as log,
        subprocess.Popen(command, stdout=log, stderr=log, cwd=system.ROOT) as process,
    ):
        try:
            _await(process, address, log.name)
            yield address
        finally:
            process.terminate()
            process.wait(20)


def _await(process: subprocess.Popen[bytes], address: str, log: str) -> None:
    end = time.monotonic() + STARTED_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/static/icon.svg", timeout=5):  # noqa: S310 - loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the server did not start: {Path(log).read_text('utf-8')}", pytrace=False)


class Visitor:
    """A person with a browser of their own.

    Args:
        browser: Chromium.
        address: of the server.
        more: of the browser's context: `java_script_enabled`, `color_scheme`, `viewport`, `extra_http_headers`.
    """

    def __init__(self, browser: Any, address: str, **more: Any) -> None:
        self.address = address
        self.left: list[str] = []
        self.said: list[str] = []
        self._context = browser.new_context(**{"viewport": WIDE, "base_url": address, **more})
        self._context.route("**/*", self._guard)
        self._context.set_default_timeout(WAIT_MS)
        self.page = self._context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def open(self, path: str) -> Any:
        """Go to a page; the response."""
        return self.page.goto(path)

    def follow(self, what: Any) -> None:
        """Click a link or a button, and wait for the page that it leads to: a click alone does not."""
        with self.page.expect_navigation():
            what.click()

    def axe(self) -> list[str]:
        """Serious and critical violations that axe-core finds on the page."""
        self.page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
        return self.page.evaluate(AXE)

    def overflow(self) -> int:
        """How many pixels the page is wider than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")

    def text(self, selector: str) -> str:
        """The text of an element, as people see it."""
        return " ".join(self.page.locator(selector).first.inner_text().split())

    def close(self) -> None:
        """Leave; nothing may have gone elsewhere, and the browser may not have complained."""
        self._context.close()
        assert (self.left, self.said) == ([], [])

    def _guard(self, route: Any) -> None:
        url = route.request.url
        if url.startswith((f"{self.address}/", "data:")):
            route.continue_()
        else:
            self.left.append(url)
            route.abort()


@contextmanager
def chromium() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright."""
    path = system.require("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()

"""Take the pictures of docs/pages.md anew: `python docs/pictures.py`, some minutes. Needs the group dev and Chromium (apt: chromium).

Look at each of them before it is committed.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.browsing import Visitor, chromium, serving  # noqa: E402 - the browser of the tests

SCREENS = ROOT / "docs" / "screens"
ASKED = ("--hosts", "300", "--days", "18", "--seed", "7")
LEARNED = ("*/day=2026-03-0[2-9]", "*/day=2026-03-1[0-5]")
HUNTED = ("--since", "2026-03-16")
"""What docs/pages.md says the pictures are of."""
WIDE = 1100


def rpcsight(*arguments: object) -> None:
    """Run a command of the program."""
    subprocess.run([sys.executable, "-m", "rpcsight", *(str(each) for each in arguments)], check=True)


def made(folder: Path) -> Path:
    """A workspace of two weeks that are learned and the days after them, hunted."""
    corp, workspace = folder / "corp", folder / "corp.rpcsight"
    rpcsight("simulate", *ASKED, "-o", corp)
    rpcsight("learn", *(corp / each for each in LEARNED), "-w", workspace)
    rpcsight("hunt", corp, *HUNTED, "-w", workspace, "-o", folder / "findings.jsonl")
    return workspace


class Pictures:
    """Pages of a server, as files of docs/screens."""

    def __init__(self, browser: Any, address: str) -> None:  # noqa: ANN401
        self.browser, self.address = browser, address

    @contextmanager
    def of(self, name: str, path: str, height: int, width: int = WIDE, **more: str) -> Iterator[Any]:
        """Open a page, do with it what the body does, and take the picture."""
        visitor = Visitor(self.browser, self.address, viewport={"width": width, "height": height}, **more)
        visitor.open(path)
        yield visitor.page
        visitor.page.screenshot(path=SCREENS / f"{name}.png")
        visitor.close()


def main() -> None:
    """Make, serve, look."""
    with tempfile.TemporaryDirectory() as name, chromium() as browser, serving(made(Path(name))) as address:
        pictures = Pictures(browser, address)
        with pictures.of("findings", "/findings", 720) as page:
            rows = page.locator("tr[data-finding]")
            best, third = (rows.nth(number).get_attribute("data-finding") for number in (0, 2))
            for number in (0, 2):
                rows.nth(number).get_by_role("checkbox").check()
        with pictures.of("finding", f"/findings/{best}", 980):
            pass
        with pictures.of("narrow", f"/findings/{best}", 720, 360):
            pass
        with pictures.of("preview", f"/findings/{third}", 640) as page, page.expect_navigation():
            page.get_by_role("link", name="What would an entry for these hosts hide?").click()
        with pictures.of("map", "/map?q=host:10.20.0.94", 760, color_scheme="dark"):
            pass
        with pictures.of("hours", "/map", 330) as page:
            page.locator("section", has=page.locator("#hours")).evaluate("each => scrollTo(0, each.offsetTop - 16)")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What a report of many findings costs: its size, writing it, and opening it in Chromium.

bench/report_page.py                      5,000 findings, and 100 to compare with: some minutes
bench/report_page.py --findings 20000 --runs 5

Makes a network of 1,000 hosts with attacks for two days, hunts in it and tells every story; the findings are repeated with other ids
until there are enough. Processes of their own read them from a file and write nothing, JSON lines, or the report, in turn; Chromium
opens the report and chooses findings by severity. Prints Markdown. Linux; Chromium at /usr/bin/chromium.
"""

import argparse
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from measure import interleaved

if TYPE_CHECKING:
    from playwright.sync_api import BrowserType

FEW = 100
SIMULATED = "--hosts 1000 --days 2 --calls all --attacks 20 --attack-from 0 --quiet"
FORMS = ("none", "jsonl", "html")
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
CHROMIUM = "/usr/bin/chromium"


def hunt(scratch: Path, counts: list[int]) -> None:
    """Keep what a report of every finding of a simulated network holds, with as many findings as are wanted, each with its own id."""
    from rpcsight import hunting, pipeline
    from rpcsight.report.page import Content

    corp = scratch / "corp"
    subprocess.run([sys.executable, "-m", "rpcsight", "simulate", *SIMULATED.split(), "-o", str(corp)], check=True)
    with pipeline.opened(pipeline.Request([str(corp)])) as session:
        found = hunting.hunt(session)
        around = hunting.surroundings(session)
    rows = [each.to_dict() for each in found]
    content = Content(rows, found.account, "1", "rpcsight hunt corp", hours=around.hours, pairs=around.pairs)
    for count in counts:
        many = [{**rows[number % len(rows)], "finding_id": f"{number:016x}"} for number in range(count)]
        (scratch / f"{count}.pickle").write_bytes(pickle.dumps(replace(content, findings=many)))
    print(f"{len(rows)} findings of a hunt, repeated\n", flush=True)


def write(source: Path, form: str) -> None:
    """Read what a report holds, and write it beside its file."""
    from rpcsight.report.page import Content, render

    content: Content = pickle.loads(source.read_bytes())
    if form == "html":
        source.with_suffix(".html").write_text(render(content), "utf-8", errors="backslashreplace")
    elif form == "jsonl":
        with source.with_suffix(".jsonl").open("w", encoding="utf-8") as out:
            out.writelines(json.dumps(each, default=str) + "\n" for each in content.findings)


def descendants(pid: int) -> Iterator[int]:
    """The processes that a process started, and those that they did."""
    for each in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, each.read_text().split()):
            yield child
            yield from descendants(child)


def peak_mib() -> float:
    """The largest resident set that any page's process of this program's browsers had."""
    pages = [
        each for each in descendants(os.getpid()) if b"--type=renderer" in Path(f"/proc/{each}/cmdline").read_bytes()
    ]
    lines = [line for each in pages for line in Path(f"/proc/{each}/status").read_text().splitlines()]
    return max(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def opened(chromium: "BrowserType", page: Path) -> tuple[float, float, float]:
    """Open a report in a browser of its own.

    Returns:
        seconds to the first paint, seconds until findings were chosen, and the peak of the page's process in MiB.
    """
    browser = chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
    tab = browser.new_page()
    begin = time.perf_counter()
    tab.goto(page.as_uri())
    tab.get_by_label("Severity").select_option("high")
    tab.wait_for_function("/ of /.test(document.querySelector('#count').textContent)")
    usable = time.perf_counter() - begin
    paint = tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000
    peak = peak_mib()
    browser.close()
    return paint, usable, peak


def measured(file: Path, chromium: "BrowserType", runs: int) -> dict[str, float]:
    """All that is measured of a report."""
    commands = [[sys.executable, __file__, "--write", str(file), form] for form in FORMS]
    none, lines, html = interleaved(commands, runs)
    seen = [opened(chromium, file.with_suffix(".html")) for _ in range(runs + 1)][1:]
    paint, usable, peak = (statistics.median(each) for each in zip(*seen, strict=True))
    return {
        "report, MB": file.with_suffix(".html").stat().st_size / 1e6,
        "the same findings as JSON lines, MB": file.with_suffix(".jsonl").stat().st_size / 1e6,
        "writing the report, s of CPU": html.cpu_s - none.cpu_s,
        "writing JSON lines, s of CPU": lines.cpu_s - none.cpu_s,
        "peak of reading the findings alone, MiB": none.peak_mib,
        "peak of writing JSON lines, MiB": lines.peak_mib,
        "peak of writing the report, MiB": html.peak_mib,
        "Chromium: s to the first paint": paint,
        "Chromium: s until findings were chosen by severity": usable,
        "Chromium: peak of the page's process, MiB": peak,
    }


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--findings", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--hunt", metavar="FOLDER", help=argparse.SUPPRESS)
    parser.add_argument("--write", nargs=2, metavar=("FILE", "FORM"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    counts = [FEW, asked.findings]
    if asked.hunt:
        hunt(Path(asked.hunt), counts)
    elif asked.write:
        write(Path(asked.write[0]), asked.write[1])
    else:
        compare(counts, asked.runs)


def compare(counts: list[int], runs: int) -> None:
    """Print the table: reports of so many findings."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as driver:
        subprocess.run([sys.executable, __file__, "--findings", str(counts[-1]), "--hunt", scratch], check=True)
        few, most = (measured(Path(scratch, f"{count}.pickle"), driver.chromium, runs) for count in counts)
    print(f"| what | {counts[0]:,} findings | {counts[1]:,} findings | ratio |\n|---|---|---|---|")
    for name, value in few.items():
        print(f"| {name} | {value:.2f} | {most[name]:.2f} | {most[name] / value:.1f} |")


if __name__ == "__main__":
    main()

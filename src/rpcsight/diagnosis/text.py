"""A diagnosis for people: the verdict, what was found, then the checks, worst first, each with what to change."""

import io
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from rpcsight.diagnosis.check import Check, Diagnosis
from rpcsight.writers.table import printable

__all__ = ["as_text"]

GROUPS = {"rule": "Can the rule work on it?", "sight": "What stays out of sight, and what would show it"}
STYLES = {"good": "green", "limited": "yellow", "bad": "bold red", "unknown": "cyan"}
WORST_FIRST = ("bad", "limited", "unknown", "good")
LABEL_WIDTH = 13
SHOWN = 5
LONGEST_NAME = 200
BESIDE = {
    "calls": "RPC calls",
    "smb_events": "SMB events",
    "processes": "process starts",
    "host_events": "host events",
    "host_flows": "connections in hosts' logs",
}


def as_text(diagnosis: Diagnosis, width: int, *, is_coloured: bool = False) -> str:
    """The diagnosis in lines that are no longer than `width`, but for words that are."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=is_coloured, no_color=not is_coloured, highlight=False, soft_wrap=True)
    for line in _lines(diagnosis, width):
        console.print(line)
    return out.getvalue()


def _lines(diagnosis: Diagnosis, width: int) -> Iterator[Text]:
    style = STYLES[diagnosis.verdict]
    yield from (Text(line, style=f"bold {style}") for line in _wrapped(diagnosis.summary, width))
    yield Text("")
    yield Text("What was found", style="bold")
    for label, text in _found(diagnosis.found):
        yield from _labelled(label, text, "", width)
    told: set[str] = set()
    for about, title in GROUPS.items():
        checks = sorted(
            (each for each in diagnosis.checks if each.about == about), key=lambda each: WORST_FIRST.index(each.verdict)
        )
        if checks:
            yield Text("")
            yield Text(title, style="bold")
        for check in checks:
            yield from _check(check, told, width)


def _check(check: Check, told: set[str], width: int) -> Iterator[Text]:
    """A check; steps that were told before are not told again."""
    yield from _labelled(check.verdict, f"{check.title}: {check.text}", STYLES[check.verdict], width)
    for step in check.change:
        if step not in told:
            told.add(step)
            yield from _labelled("", f"-> {step}", "", width, "   ")


def _labelled(label: str, text: str, style: str, width: int, hang: str = "") -> Iterator[Text]:
    for number, line in enumerate(_wrapped(text, width - LABEL_WIDTH, hang)):
        first = Text(f"  {label if not number else '':<{LABEL_WIDTH - 2}}", style=style)
        yield first.append(Text(line, style=""))


def _wrapped(text: str, width: int, hang: str = "") -> list[str]:
    whole = printable(text)
    return textwrap.wrap(whole, width, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False) or [""]


def _found(found: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - plain values, as in the JSON
    formats = [f"{count:,} {name}" for name, count in found["formats"].items()]
    yield "files", ", ".join(formats)
    yield from _first(
        "not read", [f"{each['source'][-LONGEST_NAME:]}: {each['reason']}" for each in found["unused_files"]]
    )
    yield "records", f"{found['records']:,}, of these {found['candidates']:,} to port 135 or a dynamic port"
    left_out = [f"{each['records']:,}: {each['reason']} ({each['example']})" for each in found["skips"]]
    yield from _first("left out", left_out)
    if found["first_time"]:
        yield "time", f"{_clock(found['first_time'])} to {_clock(found['last_time'])} UTC"
        yield "addresses", f"{found['addresses']:,}"
    observers = [
        f"{each['observer'][-LONGEST_NAME:]}: {each['candidates']:,} of these records, times exact to "
        f"{each['resolution']}"
        for each in found["observers"]
    ]
    yield from _first("observer", observers)
    beside = [f"{count:,} {BESIDE[name]}" for name, count in found["beside"].items() if count]
    if beside:
        yield "also read", ", ".join(beside)
    yield from _first("note", found["warnings"])


def _first(label: str, texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    yield from ((label, text) for text in texts[:SHOWN])
    if len(texts) > SHOWN:
        yield label, f"and {len(texts) - SHOWN:,} more (--format json lists all)"


def _clock(text: str) -> str:
    return text[:19].replace("T", " ")

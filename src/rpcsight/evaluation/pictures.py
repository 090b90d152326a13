"""Pictures of an evaluation: one page that holds all it needs, and fetches nothing."""

import importlib
from collections.abc import Sequence
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rpcsight.errors import InputError, UsageError
from rpcsight.evaluation.figures import Attack, Evaluation

__all__ = ["PAGE", "draw", "require"]

PAGE = "evaluation.html"
HEIGHT = 420
BLUE, ORANGE, GREY = "#3b6ea5", "#d1701f", "#9aa3ad"
LEFTOVER = "no finding"
SHOWN = 10
"""Of the curve, as many budgets; a double click shows all."""
WORDS = 60
"""Letters of a name that are shown."""
CONFIG = {
    "displaylogo": False,
    "showSendToCloud": False,
    "modeBarButtonsToRemove": ["sendChartToCloud", "select2d", "lasso2d"],
}
"""Nothing that would send what is shown elsewhere."""
HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:;
  form-action 'none'; base-uri 'none'">
<title>rpcsight evaluate</title>
<style>body {{ font: 15px sans-serif; max-width: 1000px; margin: 2em auto; padding: 0 1em; color: #222 }}</style>
</head>
<body>
<h1>{found:,} of {attacks:,} attacks found</h1>
<p>{findings:,} findings on {days:,} days, the first {budget:,} a day looked at.</p>
"""
FOOT = "</body>\n</html>\n"


def require(folder: Path) -> None:
    """See to it that pictures can be made, before any work is done.

    Raises:
        UsageError: plotly is not installed, or the folder can't be there.
    """
    if find_spec("plotly") is None:
        raise UsageError("--pictures", "plotly is not installed", "pip install 'rpcsight[pictures]'")
    if folder.exists() and not folder.is_dir():
        raise UsageError("--pictures", f"{str(folder)!r} is no folder", "name a folder; it is made where there is none")
    if not folder.absolute().parent.is_dir():
        raise UsageError("--pictures", f"there is no folder {str(folder.parent)!r}", "make it, or write elsewhere")


def draw(evaluation: Evaluation, folder: Path) -> Path:
    """Write the page, in the place of an earlier one: recall against findings a day, ranks of attacks, findings of each day.

    Returns:
        The page's path.

    Raises:
        InputError: it can't be written.
    """
    plots = [plot for plot in (_recall(evaluation), _ranks(evaluation), _daily(evaluation)) if plot]
    text = HEAD.format(
        found=evaluation.recall.found,
        attacks=evaluation.recall.attacks,
        findings=evaluation.findings.count,
        days=evaluation.days.count,
        budget=evaluation.budget,
    )
    for number, (traces, layout) in enumerate(plots):
        text += _shown(traces, layout, f"picture-{number + 1}", is_first=not number) + "\n"
    page = folder / PAGE
    try:
        folder.mkdir(exist_ok=True)
        page.write_text(text + FOOT, encoding="utf-8", errors="backslashreplace")
    except OSError as cause:
        raise InputError(
            str(page), f"can't be written ({cause.strerror})", "write elsewhere: --pictures DIR"
        ) from cause
    return page


Plot = tuple[list[dict[str, Any]], dict[str, Any]]


def _shown(traces: list[dict[str, Any]], layout: dict[str, Any], name: str, *, is_first: bool) -> str:
    """A plot as HTML; the first brings plotly's script along."""
    html: Any = importlib.import_module("plotly.io").to_html
    usual = {"template": "plotly_white", "height": HEIGHT, "legend": {"orientation": "h", "y": 1.12}}
    return html(
        {"data": traces, "layout": usual | layout},
        config=CONFIG,
        include_plotlyjs=is_first,
        include_mathjax=False,
        full_html=False,
        div_id=name,
        default_height=HEIGHT,
    )


def _recall(of: Evaluation) -> Plot | None:
    if not of.attacks:
        return None
    traces = [
        _line("first of each day", [(0, 0), *of.curves.by_rank], len(of.attacks), BLUE),
        _line("above one score", [(0, 0), *of.curves.by_score], len(of.attacks), ORANGE),
    ]
    most = max((each for trace in traces for each in trace["x"]), default=0)
    return traces, {
        "title": {"text": "Recall against findings a day"},
        "xaxis": {
            "title": {"text": "findings a day"},
            "range": [0, max(of.budget, min(most, of.budget * SHOWN)) * 1.05],
        },
        "yaxis": {"title": {"text": "recall"}, "range": [0, 1.02]},
        "shapes": [_budget(of, "x")],
    }


def _line(name: str, points: Sequence[tuple[float, int]], attacks: int, colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": [each for each, _ in points],
        "y": [found / attacks for _, found in points],
        "line": {"shape": "hv", "color": colour},
    }


def _ranks(of: Evaluation) -> Plot | None:
    if not of.attacks:
        return None
    lowest = max((each.rank for each in of.attacks if each.rank), default=1)
    decades = range(len(str(lowest)))
    marks = [step * 10**decade for decade in decades for step in (1, 2, 5) if step * 10**decade <= lowest]
    nowhere = max(lowest, of.budget) * 2
    groups = {
        "found": (BLUE, [each for each in of.attacks if each.is_found]),
        "below the budget": (ORANGE, [each for each in of.attacks if each.rank and not each.is_found]),
        LEFTOVER: (GREY, [each for each in of.attacks if not each.rank]),
    }
    traces = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": f"{name} ({len(attacks):,})",
            "x": [each.first_time for each in attacks],
            "y": [each.rank or nowhere for each in attacks],
            "text": [_about(each) for each in attacks],
            "hoverinfo": "text",
            "marker": {"color": colour, "size": 8},
        }
        for name, (colour, attacks) in groups.items()
        if attacks
    ]
    ticks = {"tickvals": [*marks, nowhere], "ticktext": [*(f"{mark:,}" for mark in marks), "none"]}
    return traces, {
        "title": {"text": "Rank of the best finding about each attack"},
        "xaxis": {"title": {"text": "first step (UTC)"}},
        "yaxis": {"title": {"text": "rank of its day"}, "type": "log", "autorange": "reversed"} | ticks,
        "shapes": [_budget(of, "y")],
    }


def _about(attack: Attack) -> str:
    told = (attack.attack, attack.kind, " ".join(attack.techniques), attack.visibility)
    lines = [escape(text[:WORDS]) for text in told if text]
    return "<br>".join([*lines, f"rank {attack.rank:,}" if attack.rank else LEFTOVER])


def _daily(of: Evaluation) -> Plot | None:
    if not of.daily:
        return None
    wrong = [each.findings - each.right for each in of.daily]
    bars = {"right": (BLUE, [each.right for each in of.daily]), "others": (GREY, wrong)}
    traces = [
        {
            "type": "bar",
            "name": name,
            "x": [each.day for each in of.daily],
            "y": counts,
            "marker": {"color": colour},
        }
        for name, (colour, counts) in bars.items()
    ]
    return traces, {
        "title": {"text": "Findings of each day"},
        "barmode": "stack",
        "yaxis": {"title": {"text": "findings"}},
        "shapes": [_budget(of, "y")],
    }


def _budget(of: Evaluation, axis: str) -> dict[str, Any]:
    """A dotted line at the budget."""
    across = "y" if axis == "x" else "x"
    line = {"dash": "dot", "color": GREY}
    ends = {f"{axis}0": of.budget, f"{axis}1": of.budget, f"{across}0": 0, f"{across}1": 1}
    return {"type": "line", "line": line, f"{across}ref": "paper"} | ends

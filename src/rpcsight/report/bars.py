"""Small pieces: points as bars, severity and status as words with a shape."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from rpcsight.report.markup import tag

__all__ = ["badge", "points"]

SHAPES = {"high": "▲", "medium": "◆", "low": "●", "info": "○"}
BAR_WIDTH, BAR_HEIGHT = 120, 10
LEAST = 10.0
"""Points that a full bar stands for at least."""


def badge(severity: str) -> Markup:
    """A severity as a word with a shape; the colour only repeats it."""
    shape = SHAPES.get(severity)
    if shape is None:
        return tag("span", severity, class_="rs-badge")
    return tag("span", tag("span", shape, aria_hidden="true"), " ", severity, class_=f"rs-badge rs-{severity}")


def points(reasons: Sequence[Mapping[str, Any]]) -> Markup:
    """The parts of a score as a table with bars; they sum to the score.

    Args:
        reasons: each with `name`, `points` and `text`, as in a finding.
    """
    most = max([LEAST, *(abs(float(each["points"])) for each in reasons)])
    rows = [
        tag(
            "tr",
            tag("th", each["name"], scope="row"),
            tag("td", f"{each['points']:+.1f}", class_="rs-number"),
            tag("td", _bar(float(each["points"]), most), class_="rs-bar-cell"),
            tag("td", each["text"]),
        )
        for each in reasons
    ]
    head = tag("tr", [tag("th", name, scope="col") for name in ("part", "points", "bar", "why")])
    total = tag(
        "tr",
        tag("th", "score", scope="row"),
        tag("td", f"{sum(float(each['points']) for each in reasons):.1f}", class_="rs-number"),
        tag("td"),
        tag("td", "the sum; ten points are ten times rarer"),
    )
    caption = tag("caption", "Why: the parts of the score")
    return tag(
        "table", caption, tag("thead", head), tag("tbody", rows), tag("tfoot", total), class_="rs-table rs-points"
    )


def _bar(value: float, most: float) -> Markup:
    width = round(min(1.0, abs(value) / most) * BAR_WIDTH, 1)
    bar = tag("rect", x=0, y=0, width=width, height=BAR_HEIGHT, class_="rs-plus" if value >= 0 else "rs-minus")
    return tag(
        "svg", bar, viewBox=f"0 0 {BAR_WIDTH} {BAR_HEIGHT}", width=BAR_WIDTH, height=BAR_HEIGHT, aria_hidden="true"
    )

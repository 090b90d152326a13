"""A heat map of hours by days: a table whose cells are shaded, so that it is read, printed and heard as what it is."""

from collections.abc import Mapping
from datetime import date, timedelta
from math import sqrt

from markupsafe import Markup

from rpcsight.report.markup import tag

__all__ = ["MOST_DAYS", "heat_map"]

MOST_DAYS = 62
HOURS = range(24)
LEVELS = 5
SHORT = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))
EPOCH = date(1970, 1, 1)
LAST_DAY = 2_932_896
"""The last day of the year 9999."""
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

Hours = Mapping[tuple[int, int], int]


def heat_map(counts: Hours, caption: str, marked: Hours | None = None, mark: str = "findings began") -> Markup:
    """Shade each hour of each day by how much happened; the last 62 days, earlier ones counted.

    Args:
        counts: how many, by day (days since 1970) and hour (0 to 23, UTC).
        caption: what is counted.
        marked: hours that get a frame, with how many of something.
        mark: what that is.
    """
    framed = marked or {}
    known = {key: number for key, number in counts.items() if _is_hour(key) and number > 0}
    days = sorted({day for day, _ in (*known, *(key for key in framed if _is_hour(key)))})
    if not days:
        return tag("p", f"{caption}: nothing to show.", class_="rs-nothing")
    shown = days[-MOST_DAYS:]
    most = max(known.values(), default=1)
    head = tag("tr", tag("th", "day (UTC)", scope="col"), [tag("th", f"{hour:02d}", scope="col") for hour in HOURS])
    rows = [_row(day, known, framed, most, mark) for day in shown]
    body = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", rows), class_="rs-heat")
    scrolled = tag("div", body, class_="rs-scroll", tabindex="0", role="group", aria_label=caption)
    legend = f"The stronger the colour, the more. Framed: {mark}." if framed else "The stronger the colour, the more."
    if len(days) > len(shown):
        left_out = sum(number for (day, _), number in known.items() if day < shown[0])
        legend += f" {len(days) - len(shown):,} earlier days with {left_out:,} are not shown."
    return tag("figure", scrolled, tag("figcaption", legend), class_="rs-figure")


def _is_hour(key: tuple[int, int]) -> bool:
    return 0 <= key[0] <= LAST_DAY and key[1] in HOURS


def _row(day: int, counts: Hours, framed: Hours, most: int, mark: str) -> Markup:
    at = EPOCH + timedelta(days=day)
    name = tag("th", f"{at.isoformat()} {WEEKDAYS[at.weekday()]}", scope="row")
    return tag(
        "tr", name, [_cell(counts.get((day, hour), 0), framed.get((day, hour), 0), most, mark) for hour in HOURS]
    )


def _cell(number: int, found: int, most: int, mark: str) -> Markup:
    level = 0 if not number else 1 + min(LEVELS - 1, int(LEVELS * sqrt(number / (most + 1))))
    title = f"{number:,}" + (f"; {found:,} {mark}" if found else "")
    beside = [tag("span", f" ({found:,} {mark})", class_="rs-unseen")] if found else []
    names = f"rs-heat-{level}" + (" rs-framed" if found else "")
    return tag("td", _short(number), beside, class_=names, title=title if number or found else None)


def _short(number: int) -> str:
    """A number in at most four characters; nothing for none."""
    for size, letter in SHORT:
        if number >= size:
            return f"{number / size:.1f}{letter}" if number < size * 9 else f"{number / size:.0f}{letter}"
    return str(number) if number else ""

"""A timeline: lanes of spans over time, as SVG with a table beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from rpcsight.report.markup import clock, figure, shortened, table, tag, visible

__all__ = ["MOST_LANES", "Lane", "Span", "timeline"]

MOST_LANES = 60
MOST_SPANS = 1_200
"""Of one drawing."""
WIDTH, GUTTER, MARGIN = 960, 250, 44
LANE, TOP, BOTTOM = 24, 12, 34
LEAST_WIDTH = 4.0
LABEL = 36
"""Characters of a lane's name."""
LONGEST = 200
DIAMOND = 5.0
MOST_TICKS = 6
S, MIN, H, D = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
STEPS = (
    *(1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000),
    *(S, 2 * S, 5 * S, 10 * S, 15 * S, 30 * S, MIN, 2 * MIN, 5 * MIN, 10 * MIN, 15 * MIN, 30 * MIN),
    *(
        H,
        2 * H,
        3 * H,
        6 * H,
        12 * H,
        D,
        2 * D,
        7 * D,
        14 * D,
        28 * D,
        91 * D,
        365 * D,
        3_650 * D,
        36_500 * D,
        365_000 * D,
    ),
)
LEVELS = ("info", "low", "medium", "high")

Across = Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Span:
    """Something that lasted, or happened at a moment.

    Args:
        first_us, last_us: microseconds since 1970.
        text: what it is, in a few words.
        level: info, low, medium or high.
        is_mark: drawn as a diamond: something done at that moment.
    """

    first_us: int
    last_us: int
    text: str
    level: str = "info"
    is_mark: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """A row of a timeline: its name and its spans."""

    name: str
    spans: Sequence[Span] = field(default_factory=tuple[Span, ...])


def timeline(lanes: Sequence[Lane], caption: str, ident: str) -> Markup:
    """Draw lanes over time, UTC; the first 60 lanes, the rest counted.

    Args:
        lanes: in the order in which they are drawn.
        caption: what it shows.
        ident: of our own, other than that of any other drawing of the page.
    """
    drawn = [Lane(lane.name, lane.spans[: max(1, MOST_SPANS // MOST_LANES)]) for lane in lanes[:MOST_LANES]]
    spans = [span for lane in drawn for span in lane.spans]
    if not spans:
        return tag("p", f"{caption}: nothing to draw.", class_="rs-nothing")
    first, last = min(each.first_us for each in spans), max(each.last_us for each in spans)
    ticks, form = _ticks(first, last)
    first, last = min(first, ticks[0]), max(last, ticks[-1])
    height = TOP + LANE * len(drawn) + BOTTOM
    scale = (WIDTH - GUTTER - MARGIN) / max(1, last - first)

    def across(time_us: int) -> float:
        return round(GUTTER + (time_us - first) * scale, 1)

    left_out = sum(len(lane.spans) for lane in lanes) - len(spans)
    about = f"{len(drawn)} rows from {clock(first)} to {clock(last)} UTC" + (
        f"; {left_out:,} more spans are not drawn" if left_out else ""
    )
    drawing = tag(
        "svg",
        tag("title", caption, id=f"{ident}-title"),
        tag("desc", about, id=f"{ident}-about"),
        [_tick(time, across(time), height, form) for time in ticks],
        [_lane(lane, place, across) for place, lane in enumerate(drawn)],
        viewBox=f"0 0 {WIDTH} {height}",
        class_="rs-svg",
        role="img",
        aria_labelledby=f"{ident}-title {ident}-about",
    )
    rows = [
        (
            visible(lane.name, LONGEST),
            visible(each.text, LONGEST),
            each.level,
            clock(each.first_us),
            clock(each.last_us),
        )
        for lane in drawn
        for each in lane.spans
    ]
    told = table(caption, ("row", "what", "severity", "from (UTC)", "to (UTC)"), rows)
    more = [tag("p", f"{left_out:,} more are not drawn.", class_="rs-nothing")] if left_out else []
    return tag("div", figure(drawing, caption, told), more)


def _ticks(first: int, last: int) -> tuple[list[int], str]:
    """Round times that enclose the span, and how they are written."""
    length = max(last - first, 1)
    step = next((each for each in STEPS if length / each <= MOST_TICKS), STEPS[-1])
    start = first // step * step
    ticks = [start + number * step for number in range((last - start) // step + 2)]
    if step >= D:
        return ticks, "%Y-%m-%d"
    return ticks, "%H:%M:%S" if step < MIN and step >= S else "%H:%M:%S.%f" if step < S else "%m-%d %H:%M"


def _tick(time_us: int, x: float, height: int, form: str) -> Markup:
    line = tag("line", x1=x, x2=x, y1=TOP, y2=height - BOTTOM, class_="rs-grid")
    text = clock(time_us, form)
    shown = text[:-3] if form.endswith("%f") else text
    return tag("g", line, tag("text", shown, x=x, y=height - BOTTOM + 18, class_="rs-tick", text_anchor="middle"))


def _lane(lane: Lane, place: int, across: Across) -> Markup:
    y = TOP + LANE * place
    middle = y + LANE / 2
    line = tag("line", x1=0, x2=WIDTH, y1=y + LANE, y2=y + LANE, class_="rs-grid")
    name = tag("text", shortened(lane.name, LABEL), x=0, y=middle + 4, class_="rs-label")
    # What was done lies above what lasted, whatever the order in which they came.
    spans = sorted(lane.spans, key=lambda each: each.is_mark)
    return tag("g", line, name, [_span(each, middle, across) for each in spans])


def _span(span: Span, middle: float, across: Across) -> Markup:
    level = span.level if span.level in LEVELS else LEVELS[0]
    when = clock(span.first_us) if span.first_us == span.last_us else f"{clock(span.first_us)} to {clock(span.last_us)}"
    title = tag("title", f"{visible(span.text, LONGEST)} ({when} UTC)")
    x, end = across(span.first_us), across(span.last_us)
    if span.is_mark:
        points = f"{x},{middle - DIAMOND} {x + DIAMOND},{middle} {x},{middle + DIAMOND} {x - DIAMOND},{middle}"
        return tag("polygon", title, points=points, class_=f"rs-mark rs-{level}")
    width = round(max(LEAST_WIDTH, end - x), 1)
    return tag("rect", title, x=x, y=middle - 5, width=width, height=10, rx=2, class_=f"rs-span rs-{level}")

"""HTML and SVG elements from plain values: every text and attribute is escaped, control characters are made visible."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from importlib.resources import files

from markupsafe import Markup, escape

__all__ = ["Cell", "clock", "figure", "file_text", "microseconds", "moment", "shortened", "table", "tag", "visible"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_US = 253_402_300_799_000_000
"""The end of the year 9999."""
LONGEST = 600
"""Characters of a text that somebody else chose."""
ELLIPSIS = "…"

Cell = str | int | float | Markup | None


def visible(value: object, longest: int = LONGEST) -> str:
    """The text with control characters, those that turn the direction of writing and such, as escapes; long ones are cut, which is said.

    It is not escaped for HTML: `tag` and templates do that.
    """
    text = "" if value is None else str(value)
    kept = text[:longest]
    if not kept.isprintable():
        kept = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in kept)
    return kept if len(text) <= longest else f"{kept}{ELLIPSIS} ({len(text) - longest:,} more characters)"


def shortened(value: object, most: int) -> str:
    """The text in at most so many characters: the middle of a longer one is left out."""
    text = visible(value)
    if len(text) <= most:
        return text
    head = most // 2
    return f"{text[:head]}{ELLIPSIS}{text[len(text) - (most - 1 - head) :]}"


def tag(name: str, *children: Cell | Iterable[Markup], **attributes: str | float | bool | None) -> Markup:
    """An element.

    Args:
        name: of the element; never from records.
        children: texts and numbers, which are escaped, and markup, which is not.
        attributes: `class_` is class, underscores are hyphens; None and False are left out, True has no value.
    """
    inner = "".join(_inner(child) for child in children)
    return Markup(f"<{name}{_attributes(attributes)}>{inner}</{name}>")  # noqa: S704 - each part is escaped above


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], class_: str = "rs-table") -> Markup:
    """A table, the first cell of each row its heading; numbers stand to the right."""
    head = tag("thead", tag("tr", [tag("th", name, scope="col") for name in columns]))
    body = tag("tbody", [tag("tr", [_cell(value, not place) for place, value in enumerate(row)]) for row in rows])
    return tag("table", tag("caption", caption), head, body, class_=class_)


def figure(drawing: Markup, caption: str, beside: Markup | None = None) -> Markup:
    """A drawing that scrolls by itself where it is too wide, its caption, and the same as a table, to be opened."""
    told = (
        [tag("details", tag("summary", "the same as a table"), _scrolled(beside, f"{caption} as a table"))]
        if beside
        else []
    )
    return tag("figure", tag("figcaption", caption), _scrolled(drawing, caption), told, class_="rs-figure")


def microseconds(time: datetime | str | int | None) -> int | None:
    """A time (without zone: UTC), its ISO-8601 text or microseconds already, as microseconds since 1970; None where it is none."""
    if time is None or isinstance(time, int):
        return time
    try:
        made = datetime.fromisoformat(time) if isinstance(time, str) else time
    except ValueError:
        return None
    return ((made if made.tzinfo else made.replace(tzinfo=UTC)) - EPOCH) // timedelta(microseconds=1)


def clock(time_us: int | None, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Microseconds since 1970 as a time in UTC; a question mark where there is none."""
    if time_us is None or not 0 <= time_us <= LATEST_US:
        return "?"
    return (EPOCH + timedelta(microseconds=time_us)).strftime(form)


def moment(time: datetime | str | int | None) -> Markup:
    """A time in UTC, to the second, that no line breaks within."""
    return tag("time", clock(microseconds(time)), class_="rs-time")


def file_text(name: str) -> str:
    """The text of one of this folder's style sheets or scripts, as `drawing.css`."""
    return (files(__package__ or "") / name).read_text("utf-8")


def _inner(child: Cell | Iterable[Markup]) -> str:
    if child is None or isinstance(child, str | int | float):
        return str(child if isinstance(child, Markup) else escape(visible(child)))
    return "".join(child)


def _attributes(given: dict[str, str | float | bool | None]) -> str:
    made = ""
    for name, value in given.items():
        if value is None or value is False:
            continue
        key = name.rstrip("_").replace("_", "-")
        made += f" {key}" if value is True else f' {key}="{escape(visible(value))}"'
    return made


def _cell(value: Cell, is_heading: bool) -> Markup:
    if is_heading:
        return tag("th", value, scope="row")
    return tag("td", value, class_="rs-number" if isinstance(value, int | float) else None)


def _scrolled(inner: Markup, name: str) -> Markup:
    return tag("div", inner, class_="rs-scroll", tabindex="0", role="group", aria_label=name)

"""Pages out of templates: every value is escaped, and control characters in it are made visible."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, FunctionLoader, StrictUndefined
from jinja2.runtime import Undefined
from markupsafe import Markup

from rpcsight import __version__
from rpcsight.report.markup import file_text
from rpcsight.triage.telling import clock, day_text
from rpcsight.web.root import under

__all__ = ["asset", "page", "shown", "to"]

MINUS = "\u2212"
LONGEST = 2000
"""Characters of one value that a page shows."""
KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
HERE = files("rpcsight.web")
DRAWINGS = "drawing.css"
"""How drawings look, in the report and here."""


def page(name: str, values: Mapping[str, Any]) -> str:
    """A page of a template.

    Args:
        name: of the template.
        values: what it shows.
    """
    return _environment().get_template(f"{name}.html").render(values)


@cache
def asset(name: str) -> tuple[bytes, str] | None:
    """A file of `static/` and its media type; None where there is none of that name."""
    kind = KINDS.get(name.rpartition(".")[2])
    if name == DRAWINGS and kind:
        return file_text(name).encode(), kind
    if kind is None or name not in {each.name for each in HERE.joinpath("static").iterdir()}:
        return None
    return HERE.joinpath("static", name).read_bytes(), kind


def shown(value: object) -> object:
    """A value as pages show it: no control characters (of direction neither), and of bounded length."""
    if value is None:
        return ""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    text = value if value.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text) - LONGEST} more characters)"


def to(path: Iterable[object] | str, query: Mapping[str, Any] | None = None, **more: object) -> str:
    """An address of ours: parts of a path, each quoted, and a query without what is empty."""
    parts = path.split("/") if isinstance(path, str) else [str(each) for each in path]
    given = {name: value for name, value in {**(query or {}), **more}.items() if value not in (None, "", (), [])}
    asked = f"?{urlencode(given, doseq=True)}" if given else ""
    return under("/" + "/".join(quote(each, safe="") for each in parts if each) + asked)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_final,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters: dict[str, Callable[[Any], str]] = {
        "clock": lambda time: "" if time is None else clock(time),
        "minute": lambda time: "" if time is None else clock(time)[:-3],
        "day": lambda day: "" if day is None else day if isinstance(day, str) else day_text(day),
        "points": lambda number: f"{number:+.1f}".replace("-", MINUS),
        "count": lambda number: "" if number is None else f"{number:,}",
        "size": _size,
    }
    made.filters |= filters
    known: dict[str, Any] = {"to": to, "version": __version__}
    made.globals |= known
    return made


def _template(name: str) -> str | None:
    return HERE.joinpath("templates", name).read_text("utf-8") if name.endswith(".html") and "/" not in name else None


def _final(value: object) -> object:
    return value if isinstance(value, Undefined) else shown(value)


def _size(number: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if number < 1000:  # noqa: PLR2004
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"

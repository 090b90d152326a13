"""`rpcsight list`: what there is."""

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rpcsight.cli.options import Format, NoColor, Output, SettingsFile
from rpcsight.cli.output import Destination, destination, say, write
from rpcsight.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from rpcsight.analytics import Analytic

__all__ = ["list_", "whole"]

ALL = 10_000
MARGIN = 14
KINDS = ("readers", "analytics", "steps", "writers")

What = Annotated[str, typer.Argument(metavar="WHAT", help=f"{', '.join(KINDS[:-1])} or writers", show_default=False)]
Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="Only this one; of an analytic, everything.", show_default=False)
]


def list_(
    what: What,
    name: Name = None,
    output_format: Format = None,
    output: Output = None,
    settings: SettingsFile = None,
    no_color: NoColor = False,
) -> None:
    """Show what there is: readers, analytics, the steps that analytics build on, or writers.

    \b
    rpcsight list analytics                            what each finds, and which records it needs
    rpcsight list analytics dcsync                     all about one: what it is mistaken for, blind to, its examples
    rpcsight list analytics -f navigator -o layer.json the techniques covered, for ATT&CK Navigator
    rpcsight list analytics --settings mine.toml       with your own
    """
    from rpcsight.settings import load

    if what not in KINDS:
        raise UsageError("list", f"{what!r} is nothing to list", f"one of: {', '.join(KINDS)}")
    to = destination("table" if output_format is None and output is None else output_format, output, ALL, no_color)
    given = load(settings)
    if what == "analytics":
        _analytics(name, given.analytics, to)
        return
    rows = _modules(what, given.readers)
    if name is not None and name not in (names := [row["name"] for row in rows]):
        raise UsageError("list", f"there is none called {name!r} among {what}", f"one of: {', '.join(names)}")
    write(_table([row for row in rows if name in {None, row["name"]}]), to)


def _modules(what: str, folder: Path | None) -> list[dict[str, str]]:
    from rpcsight.analytics._own import usable
    from rpcsight.readers import all_readers
    from rpcsight.schema import CATALOG, FACTS
    from rpcsight.writers import all_writers

    if what == "readers":
        return [{"name": each.NAME, "about": each.ABOUT} for each in all_readers(folder)]
    if what == "writers":
        return [{"name": each.NAME, "about": each.ABOUT} for each in all_writers()]
    tables = {*FACTS, *CATALOG}
    return [
        {"name": each, "about": "a table: docs/tables.md" if each in tables else _about(each), "uses": ", ".join(reads)}
        for each, reads in sorted(usable().items())
    ]


def _about(step: str) -> str:
    """What the comment of a step says."""
    text = (files("rpcsight") / "steps" / f"{step}.sql").read_text(encoding="utf-8")
    return " ".join(text.partition("*/")[0].partition(": ")[2].split())


def _analytics(name: str | None, folder: Path | None, to: Destination) -> None:
    from rpcsight.analytics import all_analytics, analytic

    found = all_analytics(folder) if name is None else (analytic(name, folder),)
    if to.writer.NAME != "table":
        write(whole(found), to)
    elif name is None:
        rows = [
            {
                "id": each.header.id,
                "kind": each.header.kind,
                "attack": ", ".join(each.header.attack),
                "needs": ", ".join(each.header.needs),
                "about": each.header.about,
            }
            for each in found
        ]
        write(_table(rows), to)
    elif to.path is None:
        say(_told(found[0], to.look.width))
    else:
        write(whole(found), to)


def whole(found: "tuple[Analytic, ...]") -> "pa.Table":
    """Everything about analytics, a row each."""
    import pyarrow as pa

    from rpcsight.examples import examples

    texts = pa.list_(pa.string())
    kinds = {
        "id": pa.string(),
        "title": pa.string(),
        "kind": pa.string(),
        "of_many": pa.bool_(),
        "attack": texts,
        "d3fend": texts,
        "needs": texts,
    }
    kinds |= dict.fromkeys(("about", "why", "source", "mistaken", "blind"), pa.string())
    shown = pa.list_(pa.struct([("about", pa.string()), ("rows", pa.int32())]))
    fields = [*kinds.items(), ("uses", texts), ("examples", shown), ("file", pa.string())]
    rows = [
        each.header.model_dump()
        | {
            "examples": [{"about": example.about, "rows": example.rows} for example in examples(each)],
            "file": None if each.path is None else str(each.path),
        }
        for each in found
    ]
    return pa.Table.from_pylist(rows, pa.schema(fields))


def _told(each: "Analytic", width: int) -> str:
    """Everything about one analytic, for people."""
    from textwrap import fill

    from rpcsight.examples import examples

    header = each.header
    said = {
        "kind": header.kind,
        "finds": header.about,
        "why": header.why,
        "source": header.source,
        "ATT&CK": ", ".join(header.attack) or "none of its own",
        "D3FEND": ", ".join(header.d3fend),
        "needs": ", ".join(header.needs),
        "mistaken for": header.mistaken,
        "blind to": header.blind,
        "built on": ", ".join(header.uses),
        "file": "" if each.path is None else str(each.path),
    }
    lines = [
        fill(f"{name:<{MARGIN - 1}} {value}", width, subsequent_indent=" " * MARGIN)
        for name, value in said.items()
        if value
    ]
    shown = examples(each)
    for example in shown:
        fires = f"{example.rows} row{'s' if example.rows != 1 else ''}" if example.rows else "nothing"
        lines.append(fill(f"{fires:<{MARGIN - 1}} {example.about}", width, subsequent_indent=" " * MARGIN))
        if example is shown[0]:
            lines.insert(len(lines) - 1, "\nexamples (rpcsight test):")
    return "\n".join([f"{header.id}: {header.title}", "", *lines, ""])


def _table(rows: list[dict[str, str]]) -> "pa.Table":
    import pyarrow as pa

    return pa.Table.from_pylist(rows)

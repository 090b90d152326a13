"""`rpcsight interfaces`: look things up in the catalogue."""

from typing import TYPE_CHECKING, Annotated

import typer

from rpcsight.cli.options import Format, NoColor, Output
from rpcsight.cli.output import destination, say, write
from rpcsight.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from rpcsight.catalog import Interface, Operation

__all__ = ["interfaces"]

ALL = 10_000
MOST_NEAR = 5
LEAST_ALIKE = 0.6
HINT = "a UUID, or part of a name; `rpcsight interfaces` lists all"

Text = Annotated[
    str | None,
    typer.Argument(
        metavar="[TEXT|UUID|PIPE|PORT]",
        help="A UUID, name, pipe, port, document, program, service, operation or technique, or a part of a name.",
        show_default=False,
    ),
]
Operations = Annotated[bool, typer.Option("--operations", help="The operations of the interfaces, a row each.")]


def interfaces(
    text: Text = None,
    with_operations: Operations = False,
    output_format: Format = None,
    output: Output = None,
    limit: Annotated[
        int | None, typer.Option("--limit", help="Most rows of a table. [default: all]", min=1, show_default=False)
    ] = None,
    no_color: NoColor = False,
) -> None:
    """Look up RPC interfaces: what they are, who answers where, and which operations serve which ATT&CK technique.

    \b
    rpcsight interfaces svcctl                     one interface, with its operations
    rpcsight interfaces 86d35949-83c9-4044-b424-db363231fd0c
    rpcsight interfaces '\\pipe\\lsarpc'             everything behind a pipe
    rpcsight interfaces lsass.exe                  everything that a program answers
    rpcsight interfaces T1187                      the operations that serve a technique
    rpcsight interfaces --operations -f csv        all operations, for a spreadsheet
    """
    from rpcsight import catalog

    to = destination(output_format, output, limit or ALL, no_color)
    found, called = (tuple(catalog.interfaces().values()), ()) if text is None else catalog.search(text)
    if text is not None and not found and not called:
        raise UsageError("interfaces", f"nothing known is called {text!r}", _near(text))
    one = _meant(text, found)
    is_table = to.writer.NAME == "table"
    if one and is_table and to.path is None:
        say(_heading(one, to.look.width))
        write(_operations(catalog.operations(one.uuid), is_one=True), to)
    elif with_operations or not found:
        asked = called if not found else [each for owner in found for each in catalog.operations(owner.uuid)]
        write(_operations(asked), to)
    else:
        write(_interfaces(found, is_short=is_table), to)


def _meant(text: str | None, found: "tuple[Interface, ...]") -> "Interface | None":
    """The one interface that the text names, if it is one: a pipe of that name may serve others as well."""
    from rpcsight.catalog import by_name

    if text is None:
        return None
    named = found if len(found) == 1 else by_name(text)
    return named[0] if len(named) == 1 else None


def _heading(each: "Interface", width: int) -> str:
    """What an interface is, for people."""
    from textwrap import fill

    said = {
        "interface": each.uuid + (f", version {' or '.join(each.versions)}" if each.versions else ""),
        "names": ", ".join(f"{name} ({tool})" for tool, name in each.names.items() if name != each.name),
        "document": f"{' '.join(each.documents)}: {each.title}" if each.documents else "",
        "answered by": each.process + (f", service {each.service}" if each.service else ""),
        "code in": each.binary,
        "offered on": _offered(each),
        "source": each.source,
    }
    margin = " " * 13
    lines = [fill(f"{name:<12} {value}", width, subsequent_indent=margin) for name, value in said.items() if value]
    return "\n".join([each.name or "no known name", *lines, "", ""])


def _offered(each: "Interface") -> str:
    """Its transports in words."""
    from rpcsight.catalog import interfaces as known

    ways: list[str] = []
    if "tcp" in each.transports:
        ways.append(f"TCP port {', '.join(map(str, each.ports))}" if each.ports else "a dynamic TCP port")
    for pipe in each.pipes:
        others = [other.name for other in known().values() if pipe in other.pipes and other.uuid != each.uuid]
        ways.append(f"pipe {pipe}" + (f" (so are {', '.join(others)})" if others else ""))
    if "http" in each.transports:
        ways.append("HTTP")
    return ", ".join(ways)


def _interfaces(found: "Iterable[Interface]", *, is_short: bool) -> "pa.Table":
    """A row for each interface; short: what a person looks for first."""
    import pyarrow as pa

    from rpcsight.catalog import operations, techniques

    columns: dict[str, list[object]] = {}
    for each in found:
        served = sorted({serving.technique for serving in techniques(each.uuid)})
        row = {
            "name": each.name,
            "interface": each.uuid,
            "documents": " ".join(each.documents),
            "process": each.process,
            "pipes": " ".join(each.pipes),
            "operations": len(operations(each.uuid)),
        }
        if not is_short:
            row |= {
                "ports": " ".join(map(str, each.ports)),
                "transports": " ".join(each.transports),
                "service": each.service,
                "binary": each.binary,
                "title": each.title,
                "versions": " ".join(each.versions),
                "names": "; ".join(f"{tool}={name}" for tool, name in each.names.items()),
                "techniques": " ".join(served),
                "source": each.source,
            }
        for name, value in row.items():
            columns.setdefault(name, []).append(value if value != "" else None)
    return pa.table(
        {
            name: pa.array(values, pa.int32() if name == "operations" else pa.string())
            for name, values in columns.items()
        }
    )


def _operations(found: "Iterable[Operation]", *, is_one: bool = False) -> "pa.Table":
    """A row for each operation; of one interface: without saying which."""
    import pyarrow as pa

    from rpcsight.catalog import interface, techniques

    kinds = {
        "name": pa.string(),
        "opnum": pa.int32(),
        "operation": pa.string(),
        "techniques": pa.string(),
        "about": pa.string(),
        "interface": pa.string(),
        "names": pa.string(),
    }
    columns: dict[str, list[object]] = {name: [] for name in kinds}
    for each in found:
        owner, serves = interface(each.interface), techniques(each.interface, each.opnum)
        row = {
            "name": owner.name if owner else None,
            "opnum": each.opnum,
            "operation": each.name,
            "techniques": ", ".join(f"{serving.technique} ({serving.weight:g})" for serving in serves) or None,
            "about": " ".join(dict.fromkeys(serving.reason for serving in serves)) or None,
            "interface": each.interface,
            "names": "; ".join(f"{tool}={name}" for tool, name in each.names.items()),
        }
        for name, value in row.items():
            columns[name].append(value)
    kept = [name for name in kinds if not (is_one and name in {"name", "interface", "names"})]
    return pa.table({name: pa.array(columns[name], kinds[name]) for name in kept})


def _near(text: str) -> str:
    """Names that look like the text, as a hint."""
    from difflib import get_close_matches

    from rpcsight.catalog import interfaces as known
    from rpcsight.catalog import operations

    every = [name for each in known().values() for name in (each.name, *each.names.values(), *each.pipes)]
    every += [one.name for uuid in known() for one in operations(uuid)]
    shown = {name.lower(): name for name in every if name}
    near = [shown[each] for each in get_close_matches(text.lower(), shown, MOST_NEAR, LEAST_ALIKE)]
    return f"near it: {', '.join(near)}" if near else HINT

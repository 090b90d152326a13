"""The commands `allow list` and `allow packs`."""

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from rpcsight.cli.options import Format, NoColor, Output, WorkspaceFile
from rpcsight.cli.output import destination, say_lines, write

if TYPE_CHECKING:
    from rpcsight.triage.allowing import Listed

__all__ = ["list_", "packs"]

ALL = 10_000
UNUSED_DAYS = 30
SHOWN = ("id", "hits", "last_hit", "expires", "note")
"""Columns for people; the rest is told in one."""


def list_(
    workspace: WorkspaceFile,
    unused: Annotated[
        int, typer.Option("--unused", metavar="DAYS", help="Say so where nothing was covered for so many days.", min=1)
    ] = UNUSED_DAYS,
    output_format: Format = None,
    output: Output = None,
    no_color: NoColor = False,
) -> None:
    """List the entries: what they cover, how many findings, when last, until when.

    \b
    rpcsight allow list --workspace corp.db
    rpcsight allow list --workspace corp.db --unused 60 --format csv
    """
    import pyarrow as pa

    from rpcsight.baseline.workspace import Workspace
    from rpcsight.triage import allowing

    to = destination(output_format, output, ALL, no_color)
    with Workspace(workspace, is_reading=True) as there:
        found = allowing.listed(there)
    names = ["id", "who", "what", "hits", "last_hit", "expires", "note", "owner", "pack", "reason"]
    rows = [_row(each, unused) for each in found]
    kinds = {"hits": pa.int64()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in names])
    if to.writer.NAME == "table":
        rows = [row | {"about": _about(row)} for row in rows]
        schema = pa.schema([*(schema.field(name) for name in SHOWN), pa.field("about", pa.string())])
    write(pa.Table.from_pylist(rows, schema), to)


def packs(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="All about this one.", show_default=False)
    ] = None,
    output_format: Format = None,
    no_color: NoColor = False,
) -> None:
    """Show the vendor packs: entries for what products do, that need the names of your hosts.

    \b
    rpcsight allow packs                what there is
    rpcsight allow packs configmgr      what it covers, what it leaves out, and who says so
    """
    import pyarrow as pa

    from rpcsight.triage.packs import all_packs, pack

    if name is None:
        rows = [
            {"name": each.id, "needs": f"--{each.names}", "about": f"{each.title}. {each.about}"}
            for each in all_packs()
        ]
        write(pa.Table.from_pylist(rows), destination(output_format or "table", None, len(rows), no_color))
        return
    found = pack(name)
    covers = [
        f"  {field:<16} {', '.join(value) if isinstance(value, list) else value}"
        for field, value in found.entry.items()
    ]
    sources = [f"  {each}" for each in found.source]
    lines = [
        f"{found.id}: {found.title}",
        "",
        found.about,
        "",
        f"name its hosts with --{found.names}",
        "",
        "covers",
        *covers,
    ]
    say_lines([*lines, "", "sources", *sources])


def _row(each: "Listed", unused: int) -> dict[str, object]:
    from rpcsight.triage.audit import now_us, today
    from rpcsight.triage.matching import DAY_US
    from rpcsight.triage.telling import clock

    scope = each.entry.scope()
    who = [name for name in scope if name.startswith("client")]
    since, until = (each.added_us, now_us()) if each.last_us is None else (each.last_us, each.newest_us or 0)
    idle = until // DAY_US - since // DAY_US
    notes = ["expired"] if not each.entry.is_live(today()) else []
    if idle >= unused:
        notes.append(f"covered nothing for {idle} days")
    return {
        "id": each.entry.id,
        "who": _scope({name: scope[name] for name in who}),
        "what": _scope({name: value for name, value in scope.items() if name not in who}),
        "hits": each.hits,
        "last_hit": "" if each.last_us is None else clock(each.last_us)[:10],
        "expires": _day(each.entry.expires),
        "note": ", ".join(notes),
        "owner": each.entry.owner,
        "pack": each.entry.pack or "",
        "reason": each.entry.reason,
    }


def _about(row: dict[str, object]) -> str:
    what = f"pack {row['pack']}" if row["pack"] else row["what"]
    return f"{row['who']}; {what}: {row['reason']} ({row['owner']})"


def _scope(scope: dict[str, object]) -> str:
    told = {
        name: ", ".join(map(str, value)) if isinstance(value, list) else str(value) for name, value in scope.items()
    }
    return "; ".join(f"{name} {value}" for name, value in told.items())


def _day(day: date | None) -> str:
    return day.isoformat() if day else "never"

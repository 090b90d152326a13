"""`rpcsight test`: the examples of analytics."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rpcsight.cli.options import EngineName, Format, Master, NoColor, Output, Quiet, SettingsFile
from rpcsight.cli.output import destination, printable, progress_bar, say, write
from rpcsight.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from rpcsight.analytics import Analytic
    from rpcsight.examples import Outcome

__all__ = ["run_examples"]

ALL = 100_000
FAILED = 1
"""The exit code where an example does not hold."""
SHOWN_ROWS = 5
LONGEST_ROW = 2_000

Ids = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ANALYTIC]...", help="Ids, or files of your own: mine.sql. [default: all]", show_default=False
    ),
]


def run_examples(
    ids: Ids = None,
    output_format: Format = None,
    output: Output = None,
    engine: EngineName = "duckdb",
    master: Master = None,
    settings: SettingsFile = None,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Run the examples that analytics carry: records on which they fire, and near misses on which they must not.

    The exit code is 0 if all hold, 1 if one does not, 4 if an analytic or an example is written wrong.

    \b
    rpcsight test                                  all of them
    rpcsight test dcsync
    rpcsight test mine.sql                         your own, with its examples in mine.toml
    rpcsight test --settings rpcsight.toml         all, with those in your folder
    rpcsight test dcsync --engine spark            the same SQL on Spark
    """
    from rpcsight import examples
    from rpcsight.analytics import all_analytics, analytic
    from rpcsight.settings import load

    is_short = output_format is None and output is None
    to = destination("table" if is_short else output_format, output, ALL, no_color)
    given = load(settings)
    found = [analytic(each, given.analytics) for each in ids] if ids else list(all_analytics(given.analytics))
    asked = [(each, number, example) for each in found for number, example in enumerate(examples.examples(each), 1)]
    bare = [each for each in found if not any(each is owner for owner, _, _ in asked)]
    if not asked or any(each.path for each in bare):
        first = next((each for each in bare if each.path), bare[0])
        where = first.header.id if first.path is None else str(first.path)
        hint = (
            f"write them into {first.path.stem}.toml beside it: docs/own-analytic.md" if first.path else "name another"
        )
        raise UsageError(where, "carries no examples", hint)
    ran: list[tuple[Analytic, int, Outcome]] = []
    with _kept(engine, master), progress_bar(is_quiet=quiet, no_color=no_color) as progress:
        for place, (each, number, example) in enumerate(asked):
            if progress:
                progress(f"{each.header.id}: {example.about}", place, len(asked))
            ran.append((each, number, examples.outcome(each, example, engine, given, master)))
    is_table = to.writer.NAME == "table"
    write(_table(ran, is_short=is_table), to)
    wrong = [each for each in ran if each[2].problem]
    if is_table and to.path is None:
        say("".join(_told(*each) for each in wrong))
    if not quiet:
        sys.stderr.write(_summary(len(ran), len(wrong), [] if ids else bare))
    if wrong:
        raise typer.Exit(FAILED)


@contextmanager
def _kept(engine: str, master: str | None) -> Iterator[None]:
    """Let Spark stay up while many examples are run: their sessions are beside this one, and take a second instead of many."""
    from rpcsight.engines import open_engine

    if engine == "duckdb":
        yield
        return
    with TemporaryDirectory(prefix="rpcsight-") as scratch:
        started = open_engine(engine, scratch=scratch, master=master)
        try:
            yield
        finally:
            started.close()


def _table(ran: "Sequence[tuple[Analytic, int, Outcome]]", *, is_short: bool) -> "pa.Table":
    """A row for each example; short: what a person wants to see."""
    import pyarrow as pa

    rows: list[dict[str, Any]] = []
    for each, number, found in ran:
        row: dict[str, Any] = {
            "analytic": each.header.id,
            "example": number,
            "about": found.example.about,
            "expected": found.example.rows,
            "got": found.rows.num_rows,
            "ok": not found.problem,
        }
        if not is_short:
            row |= {"problem": found.problem or None, "rows": [_row(each) for each in _first(found)]}
        rows.append(row)
    kinds = {
        "example": pa.int32(),
        "expected": pa.int32(),
        "got": pa.int64(),
        "ok": pa.bool_(),
        "rows": pa.list_(pa.string()),
    }
    return pa.Table.from_pylist(rows, pa.schema([(name, kinds.get(name, pa.string())) for name in rows[0]]))


def _told(each: "Analytic", number: int, found: "Outcome") -> str:
    """What is wrong with an example, and the rows that came, for people."""
    lines = [f"{each.header.id}, example {number} ({found.example.about}): {found.problem}"]
    lines += [f"    {_row(row)}" for row in _first(found)]
    more = found.rows.num_rows - SHOWN_ROWS
    lines += [f"    and {more} more"] if more > 0 else []
    return "".join(f"{printable(line)}\n" for line in lines)


def _first(found: "Outcome") -> list[dict[str, Any]]:
    return found.rows.slice(0, SHOWN_ROWS).to_pylist()


def _row(row: dict[str, Any]) -> str:
    """A row as JSON, without what is empty; times as examples write them."""
    from rpcsight.examples import shown

    held = {name: shown(value) for name, value in row.items() if value is not None}
    return json.dumps(held, ensure_ascii=False)[:LONGEST_ROW]


def _summary(ran: int, wrong: int, bare: "Sequence[Analytic]") -> str:
    held = f"{ran} examples hold" if not wrong else f"{wrong} of {ran} examples do not hold"
    if ran == 1:
        held = "the example holds" if not wrong else "the example does not hold"
    lacking = f"; without examples: {', '.join(each.header.id for each in bare)}" if bare else ""
    return f"{held}{lacking}\n"

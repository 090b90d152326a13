"""Engines run the SQL: DuckDB in this process, or a Spark cluster. This file is what they and their callers agree on."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from rpcsight.errors import UsageError
from rpcsight.schema import EVENT, FACTS, HALF, RECORD, Column

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "ENGINES",
    "TABLES",
    "TEXT_FORMS",
    "Engine",
    "Feed",
    "Kind",
    "LayoutChange",
    "Loss",
    "ReadCount",
    "Scan",
    "Statements",
    "Unreadable",
    "open_engine",
]

ENGINES = ("duckdb", "spark")
EXAMPLES_KEPT = 3
Form = Literal["csv", "json", "parquet", "feed"]
TEXT_FORMS = ("csv", "json")
LONGEST_LINE_BYTES = 1 << 13
"""Longer lines are no records, but somebody's way of filling memory."""
TABLES: dict[str, tuple[Column, ...]] = {"record": RECORD, "half": HALF, "event": EVENT, **FACTS}
"""What a scan can give rows of."""

Kind = str | Mapping[str, "Kind"] | tuple["Kind"]
"""DuckDB's type of a column, or the columns of an object in it, likewise; in a tuple: a list of such."""


class Feed(Protocol):
    """Rows that are made in this process, for inputs that no engine opens."""

    @property
    def tables(self) -> Mapping[str, Mapping[str, str]]:
        """The tables it makes: columns in their order, with their DuckDB types.

        Those of `schema.FACTS` stay (the engine adds observer and source); the others are there while the scan is read.
        """
        ...

    def rows(
        self,
        path: str,
        compression: str,
        source: str,
        facts: Collection[str],
        losses: Counter[str],
        notes: Counter[str],
    ) -> "Iterator[tuple[str, pa.RecordBatch]]":
        """One pass over a file: rows of the tables, as they come.

        Args:
            path: the file.
            compression: "" or "gz" or "zst".
            source: what to call it in errors.
            facts: the tables of `schema.FACTS` that somebody asks for; what takes effort for others only is not looked at.
            losses: what could not be read is counted here, by reason in words.
            notes: what limits the rows, likewise.

        Raises:
            InputError: the file is cut or broken; the rows that came before hold.
        """
        ...


@dataclass(frozen=True, slots=True)
class Scan:
    """A group of files that one statement can read: same form, same layout, same observer.

    Args:
        reader: name of the reader that claimed them.
        form: which of the engine's own readers opens them; "feed" where none does.
        paths: the files to open.
        observer: what recorded them.
        columns: every column of the file in order (csv), or those wanted (json, parquet), with their DuckDB types.
        fields: for each column of the table it gives rows of that the records have, its value as SQL over `columns`.
        gives: the table of `TABLES` that it gives rows of.
        when: which of the file's records these are, as SQL over `columns`; empty: all. Where it is neither true nor false, a record
            counts as a (broken) one of `record`, `half` and `event`, and as none of a table of facts.
        source: what to call the input in results; empty: each file's own path.
        compression: "" or "gz" or "zst".
        delimiter, quote, skip_lines, null_texts, header_mark: how csv is written; lines that start with header_mark are no records.
        header: the header line that `columns` comes from; another one further down is a `LayoutChange`.
        trailer: a pattern of lines that are no records either (nfdump's summary).
        feed: makes rows of them, for form "feed"; `columns` is not used then.
        made: those of `Statements.made` that are made of the feed's tables.
        relation: which of the feed's tables, or of `made`, `fields` are values of.
        others: what else the same files hold: scans that differ in `gives`, `when`, `fields` and `relation` only.
        longest_line: lines of text of more bytes can't be read.
        each: a list, as SQL over `columns`: each of its members, called `member`, is a row; empty: each record is.
        windows: further columns for `when` and `fields`: a name, and its value as SQL with OVER.
        among: which records those look at, as `when`.
        keys: where a JSON record holds what `intake.locate` looks at (columns of flow): for each, the ways down to it.
        kinds: the texts that are at the end of such ways in every record that is a flow.
        notes: what limits the records of this format, a sentence each, for the account's warnings.
    """

    reader: str
    form: Form
    paths: tuple[str, ...]
    observer: str
    columns: Mapping[str, Kind]
    fields: Mapping[str, str]
    gives: str = "record"
    when: str = ""
    source: str = ""
    compression: str = ""
    delimiter: str = ","
    quote: str = ""
    skip_lines: int = 0
    null_texts: tuple[str, ...] = ("",)
    header_mark: str = ""
    header: str = ""
    trailer: str = ""
    feed: Feed | None = None
    made: tuple[str, ...] = ()
    relation: str = ""
    others: tuple["Scan", ...] = ()
    longest_line: int = LONGEST_LINE_BYTES
    each: str = ""
    windows: Mapping[str, str] = field(default_factory=dict[str, str])
    among: str = ""
    keys: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict[str, tuple[tuple[str, ...], ...]])
    kinds: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = ()
    notes: tuple[str, ...] = ()

    def texts(self) -> str:
        """All SQL over `columns` of it and its others, for looking up what is used."""
        each = (self, *self.others)
        return " ".join(
            text
            for part in each
            for text in (part.when, part.each, part.among, *part.fields.values(), *part.windows.values())
        )

    def parts(self, facts: Collection[str]) -> "list[Scan]":
        """It and its others, each alone, without those that give tables of facts that nobody asks for."""
        every = [replace(each, others=()) for each in (self, *self.others)]
        return [each for each in every if each.gives not in FACTS or each.gives in facts]

    def passes(self, facts: Collection[str]) -> "list[Scan]":
        """Its parts in as many scans as the files have to be read: those that give facts together."""
        parts = self.parts(facts)
        shown = [each for each in parts if each.gives in FACTS]
        return [each for each in parts if each not in shown] + [
            replace(each, others=tuple(shown[1:])) for each in shown[:1]
        ]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """One line that could not be read: where it is and what is wrong with it."""

    source: str
    line: int | None
    what: str


@dataclass(frozen=True, slots=True)
class Loss:
    """Parts of an input, other than lines, that could not be read: why, and how many."""

    source: str
    what: str
    count: int


@dataclass(slots=True)
class ReadCount:
    """What one scan gave: records read, lines that could not be, the first few of those, other losses, what limits the records."""

    records: int = 0
    unreadable: int = 0
    examples: list[Unreadable] = field(default_factory=list[Unreadable])
    losses: list[Loss] = field(default_factory=list[Loss])
    notes: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True)
class Statements:
    """The texts of `steps/` that reading needs: `reading` over `record`, `half`, `paired` over it, and what counts the rest.

    `made` are relations over a feed's tables, `logged` over `event`, in order; `events` say what each of `TABLES` gets from these; `facts`
    are the tables of `schema.FACTS` that are asked for. `one_sided` is over `half` before it is paired, and kept. `interest` is what
    `reading` keeps of `record`, as a condition over its columns; empty: it can't be told beforehand.
    """

    reading: str
    half: str
    paired: str
    stock: str = ""
    problem: str = ""
    left_out: str = ""
    undated: str = ""
    made: Mapping[str, str] = field(default_factory=dict[str, str])
    logged: Mapping[str, str] = field(default_factory=dict[str, str])
    events: Mapping[str, str] = field(default_factory=dict[str, str])
    facts: Collection[str] = tuple(FACTS)
    one_sided: str = ""
    interest: str = ""


class LayoutChange(Exception):
    """A file's columns change on the way (logs put together); nothing of the scan was kept."""


class Engine(Protocol):
    """What the pipeline asks of an engine. Relations are named as the files in `steps/`."""

    name: str
    dialect: str

    def read(self, scan: Scan, statements: Statements, parameters: Mapping[str, int]) -> ReadCount:
        """Append the scan's records of interest to the relation `reading`; one-way halves wait for `pair`.

        Raises:
            LayoutChange: the files' columns change on the way.
            InputError: a file can't be opened or read at all.
        """
        ...

    def pair(self, statements: Statements, parameters: Mapping[str, int]) -> None:
        """Append the connections made of all one-way halves that were read; once, after the last `read`.

        Raises:
            EngineError: the engine gave up; with its words.
        """
        ...

    def rows(self, sql: str, parameters: Mapping[str, int]) -> "pa.Table":
        """Run a query over `reading` and return all its rows.

        Raises:
            EngineError: the engine gave up; with its words.
        """
        ...

    def batches(self, sql: str, parameters: Mapping[str, int]) -> "pa.RecordBatchReader":
        """Run a query over `reading` and return its rows as they come, for results larger than memory.

        Raises:
            EngineError: the engine gave up; with its words.
        """
        ...

    def keep(self, name: str, sql: str, parameters: Mapping[str, int]) -> None:
        """Run a query and keep its rows as the relation `name`, for later queries.

        Raises:
            EngineError: the engine gave up; with its words.
        """
        ...

    def give(self, name: str, rows: "pa.Table") -> None:
        """Let the engine hold rows that are at hand as the relation `name`, for later queries."""
        ...

    def attach(self, path: str, relations: Sequence[str]) -> None:
        """Let tables of a DuckDB file be relations by their names; the file is only read."""
        ...

    def close(self) -> None:
        """Let go of everything, temporary files included."""
        ...


def open_engine(name: str, *, scratch: str, master: str | None = None) -> Engine:
    """Start an engine.

    Args:
        name: "duckdb" or "spark".
        scratch: a folder for temporary files, which the caller removes.
        master: Spark's master URL; None for this machine.

    Raises:
        UsageError: there is no such engine.
        EngineError: it can't be started; says what to install.
    """
    if name == "duckdb":
        from rpcsight.engines.duckdb import DuckDB

        return DuckDB(scratch)
    if name == "spark":
        from rpcsight.engines.spark import Spark

        return Spark(scratch, master)
    raise UsageError("--engine", f"{name!r} is no engine", f"one of: {', '.join(ENGINES)}")

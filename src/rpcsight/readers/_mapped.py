"""Readers that are a file of a few lines, `NAME.toml`: which fields of a format become which columns. docs/own-format.md describes them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from rpcsight.engines import Scan
from rpcsight.errors import SchemaError
from rpcsight.readers import NoFlows
from rpcsight.readers._inputs import HEAD_BYTES, Input
from rpcsight.readers._json_records import LONGEST_RECORD_BYTES, ROOTS, lines
from rpcsight.readers._mapped_heads import Form, Head, head
from rpcsight.readers._mapped_sql import ENDS, REFERENCE, Values, is_any, missing
from rpcsight.readers._paths import Place, Places, find, values_at

__all__ = ["Given", "Mapped", "MappedReader"]

FLOWS = ("record", "half")
SHOWN_KEYS = 30

Text = Annotated[str, Field(min_length=1, max_length=4_000)]
Kinds = dict[Text, tuple[str | int | bool, ...]]


class Given(BaseModel):
    """One table that a format's records give rows of; further keys are the table's columns."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    table: str
    only: Kinds = {}
    never: Kinds = {}
    unless: Kinds = {}
    when: str = ""
    each: str = ""
    inbound: str = ""
    duration: str = ""
    event_time: str = ""
    among: str = ""
    windows: dict[Text, Text] = {}
    notes: tuple[Text, ...] = ()

    def texts(self) -> dict[str, str]:
        """What it says of the table's columns."""
        return {name: str(value) for name, value in (self.model_extra or {}).items()}


class Mapped(BaseModel):
    """A file."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,30}$")]
    about: Text
    forms: Annotated[tuple[Form, ...], Field(min_length=1)] = ("json",)
    mark: Annotated[tuple[Text, ...], Field(min_length=1)]
    mark_values: Kinds = {}
    without: tuple[Text, ...] = ()
    gives: Annotated[tuple[Given, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class MappedReader:
    """A reader as `readers.Reader` wants it, made of a file."""

    mapped: Mapped
    IS_GENERIC: bool = False

    @property
    def NAME(self) -> str:  # noqa: N802 - as modules have it
        """See `readers`."""
        return self.mapped.name

    @property
    def ABOUT(self) -> str:  # noqa: N802 - as modules have it
        """See `readers`."""
        return self.mapped.about

    def why_not(self, item: Input) -> str | None:
        """None where one of the first records has the marks, and none has what it must not have."""
        found = head(item, self.mapped.forms)
        if isinstance(found, str):
            return found
        if not any(_is_marked(record, self.mapped) for record in _bodies(found.records)):
            values = "".join(
                f", with {path} one of {_listed(texts)}" for path, texts in self.mapped.mark_values.items()
            )
            return f"no record with {', '.join(self.mapped.mark).replace('|', ' or ')}{values}"
        foreign = [name for name in self.mapped.without if any(find(record, name) for record in _bodies(found.records))]
        return f"records with {', '.join(foreign)}" if foreign else None

    def unpack(self, item: Input) -> Iterator[bytes] | None:
        """JSON that is not one record a line, as such lines."""
        return lines(item) if "json" in self.mapped.forms and not item.head.startswith(b"PAR1") else None

    def scan(self, item: Input, mapping: Mapping[str, str]) -> Scan:
        """A scan of each table.

        Args:
            item: the file.
            mapping: not used; the names are known.

        Raises:
            NoFlows: it holds none of what the reader gives.
            SchemaError: flow records lack a field that is needed.
        """
        del mapping
        found = head(item, self.mapped.forms)
        if isinstance(found, str):
            raise NoFlows(found)
        bodies = list(_bodies(found.records))
        given = _shown(self.mapped.gives, bodies)
        is_whole = found.is_empty or (found.form == "json" and len(item.head) < HEAD_BYTES)
        if found.is_empty or (is_whole and not any(_fits(record, each) for record in bodies for each in given)):
            raise NoFlows(f"{self.NAME} without {', '.join(sorted({each.table for each in given}))}")
        places = Places(found.records, found.columns, ROOTS if found.form == "json" else ())
        values = Values(places, found.kinds)
        parts = [_part(each, values) for each in given]
        _need(item, self.NAME, given, bodies)
        columns = places.kinds()
        if found.columns is not None:
            kinds = {place[0]: kind for place, kind in found.kinds.items() if len(place) == 1}
            columns = {name: kinds.get(name, "VARCHAR") for name in found.columns}
        shared = replace(_opened(item, found, self.NAME), columns=columns)
        scans = [replace(shared, **part) for part in parts]
        flows = next((each for each in given if each.table in FLOWS), None)
        notes = tuple(note for each in given for note in each.notes)
        told = {"keys": _keys(flows, places), "kinds": _kinds(flows, places)} if flows else {}
        return replace(scans[0], others=tuple(scans[1:]), notes=notes, **told)


def _opened(item: Input, found: Head, name: str) -> Scan:
    observer = item.observer if found.form != "parquet" else item.observer.rpartition("/")[0] or "parquet"
    opened = Scan(
        reader=name,
        form=found.form,
        paths=(str(item.path),),
        observer=observer,
        columns={},
        fields={},
        source=item.source if item.is_spooled else "",
        compression=item.compression,
        longest_line=LONGEST_RECORD_BYTES,
    )
    return replace(opened, delimiter=found.delimiter, quote='"', skip_lines=1) if found.form == "csv" else opened


def _part(given: Given, values: Values) -> dict[str, Any]:
    """What is special of a scan for a table."""
    conditions = [is_any(path, _texts(texts)) for path, texts in given.only.items()]
    conditions += [f"coalesce(not {is_any(path, _texts(texts))}, true)" for path, texts in given.never.items()]
    conditions += [f"({given.when})"] if given.when else []
    each = ""
    if given.each:
        texts = " ".join((given.when, *given.texts().values()))
        names = {
            match[1].removeprefix("member."): "VARCHAR"
            for match in REFERENCE.finditer(texts)
            if match[1].startswith("member.")
        }
        each = values.places.members(given.each.strip("{}"), names)
    return {
        "gives": given.table,
        "when": values.sql(" and ".join(conditions)),
        "fields": values.fields(
            given.table, given.texts(), inbound=given.inbound, duration=given.duration, event_time=given.event_time
        ),
        "each": each,
        "among": values.sql(given.among),
        "windows": {name: values.sql(text) for name, text in given.windows.items()},
    }


def _shown(gives: Sequence[Given], records: Sequence[Mapping[str, Any]]) -> list[Given]:
    """The tables to read: of those of flows, what the first records show, at least one; all others. Flows first."""
    flows = [each for each in gives if each.table in FLOWS]
    seen = [each for each in flows if any(_fits(record, each) for record in records)]
    seen = [each for each in seen if not each.unless or not any(_has(record, each.unless) for record in records)]
    return [*(seen or flows[:1]), *(each for each in gives if each.table not in FLOWS)]


def _need(item: Input, name: str, given: Sequence[Given], records: Sequence[Mapping[str, Any]]) -> None:
    """See to it that flow records have what is needed.

    Raises:
        SchemaError: those that were looked at do not.
    """
    for each in (each for each in given if each.table in FLOWS):
        fitting = [record for record in records if _fits(record, each)]
        start = each.texts().get("start_time", "") + each.event_time
        lacking = missing(Places(fitting), {**each.texts(), "start_time": start}, ("start_time", *ENDS))
        if fitting and lacking:
            told = ", ".join(f"{column} ({paths})" for column, paths in lacking.items())
            keys = ", ".join(list(_flat(fitting[0]))[:SHOWN_KEYS])
            raise SchemaError(item.source, f"{name} flow records without {told}", f"the first one has: {keys}")


def _flat(record: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key, value in record.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield above + key


def _bodies(records: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The records, and what is below the keys that exports put them under."""
    for record in records:
        yield record
        yield from (record[root] for root in ROOTS if isinstance(record.get(root), dict))


def _is_marked(record: Mapping[str, Any], mapped: Mapped) -> bool:
    return all(any(find(record, path) for path in name.split("|")) for name in mapped.mark) and _has(
        record, mapped.mark_values
    )


def _fits(record: Mapping[str, Any], given: Given) -> bool:
    """Whether a record is one of those the table is about, as far as `only` and `never` say."""
    is_other = any(_text(record, path) in _texts(texts) for path, texts in given.never.items())
    return _has(record, given.only) and not is_other


def _has(record: Mapping[str, Any], kinds: Kinds) -> bool:
    return all(_text(record, path) in _texts(texts) for path, texts in kinds.items())


def _text(record: Mapping[str, Any], path: str) -> str | None:
    place = find(record, path)
    value = values_at(record, place) if place else None
    return None if value is None else _texts([value])[0]


def _texts(values: Iterable[object]) -> list[str]:
    """Values as JSON has them in text."""
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in values]


def _listed(values: Iterable[object]) -> str:
    return ", ".join(_texts(values))


def _keys(given: Given, places: Places) -> dict[str, tuple[Place, ...]]:
    """See `Scan.keys`."""
    texts = given.texts() | {"start_time": given.texts().get("start_time", "") + given.event_time}
    if given.inbound:
        for here, there in (("src_ip", "dest_ip"), ("src_port", "dest_port")):
            both = texts.get(here, "") + texts.get(there, "")
            texts |= {here: both, there: both}
    return {
        name: tuple(place for match in REFERENCE.finditer(texts.get(name, "")) for place in places.places(match[1]))
        for name in ("start_time", *ENDS, "transport_protocol")
    }


def _kinds(given: Given, places: Places) -> tuple[tuple[Place, tuple[str, ...]], ...]:
    """See `Scan.kinds`."""
    return tuple(
        (place, tuple(_texts(texts))) for path, texts in given.only.items() for place in places.places(path)[:1]
    )

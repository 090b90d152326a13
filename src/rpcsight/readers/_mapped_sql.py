"""What a mapped reader's file says of a table, as SQL over the columns of a certain input.

In its texts `{path}` stands for a field, `{path:form}` for it in one of `FORMS`. Alone it takes the form that the column wants; within more
SQL it is text.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rpcsight.engines import TABLES
from rpcsight.engines.text import identifier, literal
from rpcsight.readers._names import LATEST_US, TIME_FORMS, address, protocol, time_form
from rpcsight.readers._paths import Place, Places
from rpcsight.schema import Column

__all__ = ["FORMS", "REFERENCE", "Values", "columns_of", "is_any", "missing"]

REFERENCE = re.compile(r"\{([^{}:\"]+)(?::([a-z_]+))?\}")
LONGEST_S = 1_000_000_000
DURATIONS = {"duration_s": 1e6, "duration_ms": 1e3, "duration_us": 1.0, "duration_ns": 1e-3}
INTEGERS = ("BIGINT", "INTEGER")
PLAIN: Mapping[str, tuple[str, Callable[[str], str]]] = {
    # DuckDB's type of the column, and the value as SQL. Engines that read all as text give the same.
    "text": ("VARCHAR", lambda value: value),
    "lower": ("VARCHAR", lambda value: f"lower({value})"),
    "integer": ("BIGINT", lambda value: f"try_cast({value} as bigint)"),
    "number": ("DOUBLE", lambda value: f"try_cast({value} as double)"),
    "boolean": ("VARCHAR", lambda value: f"try_cast({value} as boolean)"),
    "port": ("USMALLINT", lambda value: f"try_cast({value} as integer)"),
    "address": ("VARCHAR", address),
    "protocol": ("VARCHAR", protocol),
    **{
        name: (
            "DOUBLE",
            lambda value, scale=scale: (
                f"case when try_cast({value} as double) between 0 and {LONGEST_S * 1e6 / scale:.0f} "
                f"then cast(round(try_cast({value} as double) * {scale}) as bigint) end"
            ),
        )
        for name, scale in DURATIONS.items()
    },
}
FORMS = (*PLAIN, "time", "iso", *TIME_FORMS)
TIMES = {"start_us": "start_time", "end_us": "end_time", "time_us": "time", "flow_us": "flow_time"}
"""What columns of times are called in the files: those hold times as the format writes them, not microseconds."""
FORM_OF = {
    "src_ip": "address",
    "dest_ip": "address",
    "src_port": "port",
    "dest_port": "port",
    "transport_protocol": "protocol",
    "interface": "lower",
}
EXCHANGED = (("src_ip", "dest_ip"), ("src_port", "dest_port"))
ENDS = tuple(name for pair in EXCHANGED for name in pair)


def columns_of(table: str) -> dict[str, Column]:
    """What a file may give of a table: name there, and the column. The engine adds `source`."""
    return {TIMES.get(column.name, column.name): column for column in TABLES[table] if column.name != "source"}


@dataclass(frozen=True, slots=True)
class Values:
    """Makes SQL of texts, for one input.

    Args:
        places: where it has its fields.
        kinds: types of columns that are no text (parquet).
    """

    places: Places
    kinds: Mapping[Place, str]

    def sql(self, text: str, form: str = "text") -> str:
        """The text with its fields in place; alone, a field takes `form`."""
        alone = REFERENCE.fullmatch(text)
        if alone:
            return self._field(alone[1], alone[2] or form)
        return REFERENCE.sub(lambda match: self._field(match[1], match[2] or "text"), text)

    def column(self, column: Column, text: str) -> str:
        """The text as the value of a column of a table."""
        if column.name in TIMES:
            return self.sql(text, "time")
        if column.kind in INTEGERS and column.name not in FORM_OF:
            value = self.sql(text, "integer")
            return f"try_cast({value} as {column.kind.lower()})"
        return self.sql(text, "boolean" if column.kind == "BOOLEAN" else FORM_OF.get(column.name, "text"))

    def fields(
        self, table: str, texts: Mapping[str, str], *, inbound: str, duration: str, event_time: str
    ) -> dict[str, str]:
        """A value for each column of the table that is given.

        Args:
            table: one of `TABLES`.
            texts: by name, as in `columns_of`.
            inbound: when the ends have to be exchanged.
            duration: makes a start of an end, or an end of a start.
            event_time: the start where nothing else tells it.
        """
        known = columns_of(table)
        fields = {known[name].name: self.column(known[name], text) for name, text in texts.items()}
        if duration:
            length = self.sql(duration, "duration_s")
            start, end = fields.get("start_us", "cast(null as bigint)"), fields.get("end_us", "cast(null as bigint)")
            fields["start_us"] = f"coalesce({start}, {_moved(end, '-', length)})"
            fields["end_us"] = f"coalesce({end}, {_moved(start, '+', length)})"
        if event_time:
            time = self.sql(event_time, "time")
            fields["start_us"] = f"coalesce({fields['start_us']}, {time})" if "start_us" in fields else time
        return _exchanged(fields, self.sql(inbound)) if inbound else fields

    def _field(self, path: str, form: str) -> str:
        if path.startswith("member."):
            return PLAIN[form][1](f"member.{identifier(path.removeprefix('member.'))}")
        kind = next((self.kinds[place] for place in self.places.seen(path) if place in self.kinds), "")
        if form in PLAIN:
            wanted, value = PLAIN[form]
            field = self.places.sql(path, wanted)
            return value(f"cast({field} as varchar)" if self.kinds and form in {"text", "lower"} else field)
        if kind == "TIMESTAMP":
            return f"epoch_us(cast({self.places.sql(path, kind)} as timestamptz))"
        written = time_form(self.places.samples(path)) if form == "time" else form
        if written == "iso":
            return f"epoch_us(try_cast({self.places.sql(path, 'VARCHAR')} as timestamptz))"
        number = f"try_cast({self.places.sql(path, 'DOUBLE')} as double)"
        return f"try_cast(round({number} * {TIME_FORMS[written]}) as bigint)"


def _moved(time: str, way: str, length: str) -> str:
    return f"case when {time} between 0 and {LATEST_US} then {time} {way} ({length}) end"


def _exchanged(fields: Mapping[str, str], when: str) -> dict[str, str]:
    turned = dict(fields)
    for here, there in EXCHANGED:
        if here in fields and there in fields:
            turned[here] = f"case when {when} then {fields[there]} else {fields[here]} end"
            turned[there] = f"case when {when} then {fields[here]} else {fields[there]} end"
    return turned


def is_any(path: str, texts: Sequence[str]) -> str:
    """A text that says that a field is one of some values."""
    return f"{{{path}}} in ({', '.join(map(literal, texts))})"


def missing(places: Places, texts: Mapping[str, str], required: Sequence[str]) -> dict[str, str]:
    """Which of the required texts have no field that any record shows, with the fields that were looked for."""
    found: dict[str, str] = {}
    for name in required:
        paths = [match[1] for match in REFERENCE.finditer(texts.get(name, ""))]
        if paths and not any(places.seen(path) for path in paths):
            found[name] = " or ".join(paths)
    return found

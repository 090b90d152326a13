"""Parquet: our own tables (what `convert` writes), or any other flow table by common column names or --map; partitioned folders."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rpcsight.engines import Scan
from rpcsight.engines.text import identifier
from rpcsight.errors import InputError
from rpcsight.readers import NoFlows
from rpcsight.readers._inputs import Input
from rpcsight.readers._names import REQUIRED, bare, found_names, values
from rpcsight.schema import FACTS, FLOW

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

NAME = "parquet"
ABOUT = "Parquet: rpcsight's own tables (what `convert` writes), or any flow table by common column names or --map; partitioned folders"
IS_GENERIC = True

MAGIC = b"PAR1"
SAMPLE_ROWS = 50
MADE_BY_CONVERT = b"rpcsight"
"""Key of the metadata of a file that `convert` made: it knows the sources of its records."""
LATEST_US = 4_102_444_799_999_999
KINDS = {
    "bool": "BOOLEAN",
    "int8": "SMALLINT",
    "int16": "SMALLINT",
    "uint16": "USMALLINT",
    "int32": "INTEGER",
    "uint32": "UINTEGER",
    "int64": "BIGINT",
    "uint64": "UBIGINT",
    "double": "DOUBLE",
    "float": "FLOAT",
}


def why_not(item: Input) -> str | None:
    """None for a file that begins as Parquet does."""
    return None if item.head.startswith(MAGIC) else "does not begin with PAR1"


def scan(item: Input, mapping: Mapping[str, str]) -> Scan:
    """A parquet scan.

    Args:
        item: the file.
        mapping: flow column -> column of the file.

    Raises:
        NoFlows: it has no rows.
        InputError: the file is cut or broken.
        SchemaError: a flow column that is needed can't be found.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if item.compression:
        raise InputError(item.source, f"is Parquet packed once more ({item.compression})", "unpack it first")
    try:
        with pq.ParquetFile(item.path) as file:
            kinds = {field.name: _kind(str(field.type)) for field in file.schema_arrow}
            is_ours = MADE_BY_CONVERT in (file.schema_arrow.metadata or {})
            fact = _fact(kinds)
            is_own = _is_own(kinds) and not mapping
            found = {} if is_own or fact else found_names(list(kinds), mapping, item.source)
            times = {bare(found[name], list(kinds)) for name in ("start_time", "end_time") if name in found}
            samples = _samples(file, [name for name in sorted(times) if not kinds[name].startswith("TIMESTAMP")])
            rows = file.metadata.num_rows
    except (pa.ArrowException, OSError) as cause:
        raise InputError(
            item.source, f"is no whole Parquet file ({str(cause).splitlines()[0]})", "copy the file again"
        ) from cause
    if not rows:
        raise NoFlows("Parquet without rows")
    if fact:
        fields = _of_fact(fact)
    elif is_own:
        fields = _own(kinds, keeps_source=is_ours)
    else:
        fields = values(found, list(kinds), kinds, samples)
    return Scan(
        reader=NAME,
        form="parquet",
        paths=(str(item.path),),
        observer=item.observer.rpartition("/")[0] or "parquet",
        columns=kinds,
        fields=fields,
        gives=fact or "record",
        source=item.source if item.is_spooled else "",
    )


def _samples(file: "ParquetFile", columns: list[str]) -> dict[str, list[str]]:
    """A few values of columns whose type does not say how they hold a time."""
    if not columns:
        return {}
    batch = next(file.iter_batches(batch_size=SAMPLE_ROWS, columns=columns), None)
    return {} if batch is None else {name: [str(value) for value in batch[name].to_pylist()] for name in columns}


def _kind(name: str) -> str:
    if name.startswith("timestamp"):
        return "TIMESTAMP_NS" if name.startswith("timestamp[ns") else "TIMESTAMP"
    return KINDS.get(name, "VARCHAR")


def _is_own(kinds: Mapping[str, str]) -> bool:
    own = {column.name: column.kind for column in FLOW}
    needed = (*REQUIRED, "transport_protocol", "is_established")
    return all(kinds.get(name) == own[name] for name in needed) and kinds.get("end_time", "TIMESTAMP") == "TIMESTAMP"


def _fact(kinds: Mapping[str, str]) -> str:
    """The table of `schema.FACTS` whose columns the file has; empty: none."""
    fitting = [name for name, table in FACTS.items() if all(kinds.get(column.name) == column.kind for column in table)]
    return max(fitting, key=lambda name: len(FACTS[name]), default="")


def _of_fact(name: str) -> dict[str, str]:
    """Its columns as they are; times only of 1970 to 2099."""
    fields = {column.name: identifier(column.name) for column in FACTS[name]}
    times = {time: f"case when {time} between 0 and {LATEST_US} then {time} end" for time in ("time_us", "flow_us")}
    return fields | {time: sql for time, sql in times.items() if time in fields}


def _own(kinds: Mapping[str, str], *, keeps_source: bool) -> dict[str, str]:
    """Our own table needs no repair: its columns as they are."""
    fields = {
        column.name: identifier(column.name)
        for column in FLOW
        if column.name in kinds and not column.name.endswith("_time")
    }
    fields["start_us"] = "epoch_us(start_time)"
    if "end_time" in kinds:
        fields["end_us"] = "epoch_us(end_time)"
    if "is_oriented" in kinds:
        fields["is_oriented"] = "coalesce(is_oriented, true)"
    fields["transport_protocol"] = "lower(transport_protocol)"
    if not keeps_source:
        fields.pop("source", None)
    return fields

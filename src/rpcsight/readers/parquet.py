"""Parquet: our own flow table (what `convert` writes), or any other by common column names or --map; partitioned folders."""

from collections.abc import Mapping

from rpcsight.engines import Scan
from rpcsight.engines._text import identifier
from rpcsight.errors import InputError
from rpcsight.readers._inputs import Input
from rpcsight.readers._names import REQUIRED, found_names, values
from rpcsight.schema import FLOW

NAME = "parquet"
ABOUT = "Parquet: rpcsight's flow table, or any by common column names or --map; partitioned folders"
IS_GENERIC = False

MAGIC = b"PAR1"
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
        InputError: the file is cut or broken.
        SchemaError: a flow column that is needed can't be found.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(item.path)
    except (pa.ArrowInvalid, OSError) as cause:
        raise InputError(
            item.source, f"is no whole Parquet file ({str(cause).splitlines()[0]})", "copy the file again"
        ) from cause
    kinds = {field.name: _kind(str(field.type)) for field in schema}
    return Scan(
        reader=NAME,
        form="parquet",
        paths=(str(item.path),),
        observer=item.observer.rpartition("/")[0] or "parquet",
        columns=kinds,
        fields=_own(kinds)
        if _is_own(kinds) and not mapping
        else values(found_names(list(kinds), mapping, item.source), list(kinds), kinds, {}),
        source=item.source if item.is_spooled else "",
    )


def _kind(name: str) -> str:
    return "TIMESTAMP" if name.startswith("timestamp") else KINDS.get(name, "VARCHAR")


def _is_own(kinds: Mapping[str, str]) -> bool:
    own = {column.name: column.kind for column in FLOW}
    return all(kinds.get(name) == own[name] for name in (*REQUIRED, "transport_protocol", "is_established"))


def _own(kinds: Mapping[str, str]) -> dict[str, str]:
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
    fields.pop("source", None)
    return fields

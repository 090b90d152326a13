"""The records of the firing examples of all analytics in one input, each example with hosts, observers and connections of its own."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rpcsight.analytics import all_analytics
from rpcsight.examples import Example, examples, write

SECOND_OCTET = re.compile(r"^(\d+)\.\d+\.(?=\d+\.\d+$)")
ADDRESSES = ("src_ip", "dest_ip", "mapped_address")
NAMES = ("host", "observer", "flow_id", "process_guid", "parent_guid")


def firing() -> list[tuple[str, Example]]:
    """The examples that fire, of the analytics that see attacks, with the analytic's id."""
    return [
        (each.header.id, example)
        for each in all_analytics()
        if each.header.kind in {"attack", "published"}
        for example in examples(each.header.id)
        if example.rows
    ]


def write_together(folder: Path) -> Path:
    """Write the records of all of them as Parquet, a file a table, into a folder of that one."""
    tables: dict[str, list[pa.Table]] = {}
    for number, (_, example) in enumerate(firing(), 1):
        own = folder / str(number)
        own.mkdir()
        write(example, own)
        for path in own.iterdir():
            table = pq.read_table(path)
            rows = [apart(row, number) for row in table.to_pylist()]
            tables.setdefault(path.name, []).append(pa.Table.from_pylist(rows, table.schema))
    (folder / "together").mkdir()
    for name, parts in tables.items():
        pq.write_table(pa.concat_tables(parts), folder / "together" / name)
    return folder / "together"


def apart(row: Mapping[str, Any], number: int) -> dict[str, Any]:
    """The record of another network: 10.0.20.15 is 10.NUMBER.20.15, WS6 NUMBER.WS6; public addresses stay public."""
    own = {name: SECOND_OCTET.sub(rf"\g<1>.{number}.", row[name]) for name in ADDRESSES if row.get(name)}
    return {**row, **own, **{name: f"{number}.{row[name]}" for name in NAMES if row.get(name)}}

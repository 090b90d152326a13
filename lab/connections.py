"""Write the TCP connections of a capture as Parquet, one row each.

connections.py CAPTURE.pcap OUTPUT.parquet
"""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb

from capture import connections

if TYPE_CHECKING:
    from capture import Connection

OBSERVER: Final = "lab-bridge"
COLUMNS: Final = {
    "flow_id": "VARCHAR",
    "start_time": "TIMESTAMP",
    "end_time": "TIMESTAMP",
    "src_ip": "VARCHAR",
    "src_port": "INTEGER",
    "dest_ip": "VARCHAR",
    "dest_port": "INTEGER",
    "transport_protocol": "VARCHAR",
    "is_established": "BOOLEAN",
    "out_bytes": "BIGINT",
    "in_bytes": "BIGINT",
    "out_packets": "BIGINT",
    "in_packets": "BIGINT",
    "observer": "VARCHAR",
}


def row(number: int, connection: Connection) -> tuple[object, ...]:
    """Give the values of one connection in the order of COLUMNS."""
    return (
        f"C{number:05d}",
        connection.start.replace(tzinfo=None).isoformat(sep=" "),
        connection.end.replace(tzinfo=None).isoformat(sep=" "),
        *connection.src,
        *connection.dest,
        "tcp",
        connection.is_established,
        connection.out_bytes,
        connection.in_bytes,
        connection.out_packets,
        connection.in_packets,
        OBSERVER,
    )


def write_parquet(found: list[Connection], output: str) -> None:
    """Write connections to *output*: as text, which DuckDB then types and compresses."""
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "connections.csv")
        with text.open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows(row(n, item) for n, item in enumerate(found, 1))
        with duckdb.connect() as database:
            database.read_csv(str(text), header=False, columns=COLUMNS, delimiter=",").write_parquet(
                output, compression="zstd"
            )


def main() -> None:
    """Read the capture, write the file, say how much it was."""
    pcap, output = sys.argv[1:]
    found = connections(pcap)
    write_parquet(found, output)
    established = sum(item.is_established for item in found)
    print(f"{output}: {len(found)} connections, {established} established")


if __name__ == "__main__":
    main()

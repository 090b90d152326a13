"""Parquet, zstd-compressed: for notebooks, warehouses and Spark."""

from typing import BinaryIO

import pyarrow.parquet as pq

from rpcsight.writers import Look, Rows, batches

NAME = "parquet"
ABOUT = "Parquet, zstd-compressed"
IS_BINARY = True
OF_FINDINGS = False


def write(rows: Rows, out: BinaryIO, look: Look) -> None:
    """Write the rows as one Parquet file.

    Args:
        rows: any table.
        out: a binary stream.
        look: not used.
    """
    del look
    with pq.ParquetWriter(out, rows.schema, compression="zstd") as writer:
        for batch in batches(rows):
            writer.write_table(batch)

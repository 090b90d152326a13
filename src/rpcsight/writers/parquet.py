"""Parquet, zstd-compressed: for notebooks, warehouses and Spark."""

from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from rpcsight.writers import Look

NAME = "parquet"
ABOUT = "Parquet, zstd-compressed"
IS_BINARY = True


def write(rows: pa.Table, out: BinaryIO, look: Look) -> None:
    """Write the rows as one Parquet file.

    Args:
        rows: any table.
        out: a binary stream.
        look: not used.
    """
    del look
    pq.write_table(rows, out, compression="zstd")

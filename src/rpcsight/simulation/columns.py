"""What is made of Arrow's columns, a value a row."""

from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Values", "chosen", "padded", "seconds", "side_by_side", "stamps"]

Values: TypeAlias = pa.Array | pa.ChunkedArray
MICROSECONDS = 1_000_000


def side_by_side(*parts: "Values | str") -> pa.Array:
    """Texts, one after the other."""
    found = pc.call_function("binary_join_element_wise", [*(_scalar(part) for part in parts), pa.scalar("")])
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def chosen(condition: Values, first: Values | str, second: "Values | str | None") -> Values:
    """The first where the condition holds, else the second."""
    return pc.call_function(
        "if_else", [condition, _scalar(first), pa.scalar(None, pa.string()) if second is None else _scalar(second)]
    )


def padded(values: Values, width: int) -> Values:
    """Whole numbers as texts with zeros before them."""
    return pc.call_function("utf8_lpad", [values.cast(pa.string())], pc.PadOptions(width, "0"))


def stamps(times: Values, unit: str, form: str) -> Values:
    """Times as texts, in "us" or "ms"."""
    return pc.call_function("strftime", [times.cast(pa.timestamp(unit), safe=False)], pc.StrftimeOptions(form))


def seconds(values: Values) -> pa.Array:
    """Microseconds as seconds with six digits behind the point."""
    whole, rest = np.divmod(values.cast(pa.int64()).to_numpy(), MICROSECONDS)
    return side_by_side(pa.array(whole).cast(pa.string()), ".", padded(pa.array(rest), 6))


def _scalar(part: "Values | str") -> "Values | pa.Scalar":
    return pa.scalar(part) if isinstance(part, str) else part

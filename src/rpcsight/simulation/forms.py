"""The forms that a simulated day is written in: our Parquet, Zeek's logs, nfdump's JSON lines, ECS."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import rpcsight
from rpcsight import catalog
from rpcsight.schema import FACTS, FLOW
from rpcsight.simulation.activities import INTERFACES
from rpcsight.simulation.rows import Seen

__all__ = ["FORMS"]

ARROW_TYPES = {
    "VARCHAR": pa.string(),
    "TIMESTAMP": pa.timestamp("us"),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
}
LINES_AT_ONCE = 200_000


def _parquet(folder: Path, date: str, day: Seen) -> dict[str, int]:
    made: dict[str, int] = {}
    for name, columns, rows in (("flow", FLOW, day.flow), ("rpc_call", FACTS["rpc_call"], day.call)):
        if rows.num_rows == 0:
            continue
        fields = [(column.name, ARROW_TYPES[column.kind]) for column in columns]
        schema = pa.schema(fields, metadata={"rpcsight": rpcsight.__version__})
        present = set(rows.column_names)
        whole = [rows[key].cast(kind) if key in present else pa.nulls(rows.num_rows, kind) for key, kind in fields]
        place = folder / name / f"day={date}"
        place.mkdir(parents=True)
        pq.write_table(
            pa.table(whole, schema=schema), place / "part-0.parquet", compression="zstd", row_group_size=250_000
        )
        made[name] = rows.num_rows
    return made


def _seconds(times: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Microseconds since 1970 as Zeek writes them."""
    values = times.cast(pa.int64())
    whole = pc.divide(values, 1_000_000)
    rest = pc.subtract(values, pc.multiply(whole, 1_000_000))
    return pc.binary_join_element_wise(whole.cast(pa.string()), pc.utf8_lpad(rest.cast(pa.string()), 6, "0"), ".")


def _lines(path: Path, rows: pa.Table, line: Callable[[pa.Table], pa.Array], head: str = "") -> None:
    """Write a line a row."""
    with path.open("wb") as out:
        out.write(head.encode())
        for first in range(0, rows.num_rows, LINES_AT_ONCE):
            out.write("\n".join(line(rows.slice(first, LINES_AT_ONCE)).to_pylist()).encode() + b"\n")


def _text(rows: pa.Table, *parts: str | pa.Array) -> pa.Array:
    """Texts and columns (by `{name}`) side by side."""
    names = set(rows.column_names)
    values: list[object] = []
    for part in parts:
        if not isinstance(part, str):
            values.append(part)
        elif part[:1] == "{" and part[1:-1] in names:
            values.append(rows[part[1:-1]].cast(pa.string()))
        else:
            values.append(pa.scalar(part))
    return pc.binary_join_element_wise(*values, "").combine_chunks()


CONN = "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes resp_bytes conn_state history orig_pkts resp_pkts"
CONN_TYPES = "time string addr port addr port enum string interval count count string string count count"
DCE_RPC = "ts uid id.orig_h id.orig_p id.resp_h id.resp_p rtt named_pipe endpoint operation"
DCE_RPC_TYPES = "time string addr port addr port interval string string string"


def _head(path: str, fields: str, types: str) -> str:
    names = "\t".join(fields.split())
    kinds = "\t".join(types.split())
    return f"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t{path}\n#fields\t{names}\n#types\t{kinds}\n"


def _zeek(folder: Path, date: str, day: Seen) -> dict[str, int]:
    flow = day.flow.take(pc.sort_indices(day.flow, [("end_time", "ascending"), ("flow_id", "ascending")]))

    def conn(rows: pa.Table) -> pa.Array:
        length = pc.subtract(rows["end_time"].cast(pa.int64()), rows["start_time"].cast(pa.int64()))
        up = rows["is_established"]
        service = pc.if_else(up, "dce_rpc", "-")
        return _text(
            rows, _seconds(rows["start_time"]), "\t", "{flow_id}", "\t", "{src_ip}", "\t", "{src_port}", "\t", "{dest_ip}", "\t", "{dest_port}",
            "\ttcp\t", service, "\t", _seconds(length), "\t", "{out_bytes}", "\t", "{in_bytes}", "\t", pc.if_else(up, "SF", "S0"), "\t",
            pc.if_else(up, "ShADadFf", "S"), "\t", "{out_packets}", "\t", "{in_packets}",
        )  # fmt: skip

    _lines(folder / f"conn.{date}.log", flow, conn, _head("conn", CONN, CONN_TYPES))
    if day.call.num_rows == 0:
        return {"conn": flow.num_rows}
    names, operations = _zeek_names()

    def call(rows: pa.Table) -> pa.Array:
        keys = (
            pc.binary_join_element_wise(rows["interface"], rows["opnum"].cast(pa.string()), "#")
            .combine_chunks()
            .to_pylist()
        )
        endpoint = pa.array([names.get(key.partition("#")[0], f"unknown-{key.partition('#')[0]}") for key in keys])
        operation = pa.array([operations.get(key, f"unknown-{key.partition('#')[2]}") for key in keys])
        pipe = pc.if_else(
            pc.is_valid(rows["pipe"]),
            _text(rows, "\\\\pipe\\\\", pc.fill_null(rows["pipe"], "")),
            rows["dest_port"].cast(pa.string()),
        )
        return _text(
            rows, _seconds(rows["time_us"]), "\t", "{flow_id}", "\t", "{src_ip}", "\t", "{src_port}", "\t", "{dest_ip}", "\t", "{dest_port}",
            "\t0.000900\t", pipe, "\t", endpoint, "\t", operation,
        )  # fmt: skip

    _lines(folder / f"dce_rpc.{date}.log", day.call, call, _head("dce_rpc", DCE_RPC, DCE_RPC_TYPES))
    return {"conn": flow.num_rows, "dce_rpc": day.call.num_rows}


def _zeek_names() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """How interfaces (by UUID) and operations (by UUID#number) are called, of those that are used."""
    known = {uuid: catalog.interface(uuid) for uuid, _ in INTERFACES.values()}
    names = {uuid: each.names.get("zeek") or each.name for uuid, each in known.items() if each}
    return names, {f"{uuid}#{each.opnum}": each.name for uuid in known for each in catalog.operations(uuid)}


def _nfdump(folder: Path, date: str, day: Seen) -> dict[str, int]:
    """Two one-way records a connection, one where nobody answers; milliseconds."""
    answered = day.flow.filter(day.flow["is_established"])
    back = answered.rename_columns([_TURNED.get(name, name) for name in answered.column_names]).select(
        day.flow.column_names
    )
    both = pa.concat_tables([day.flow, back])
    both = both.take(pc.sort_indices(both, [("end_time", "ascending"), ("flow_id", "ascending"), ("src_ip", "ascending")]))

    def record(rows: pa.Table) -> pa.Array:
        first, last = (
            pc.strftime(rows[name].cast(pa.timestamp("ms"), safe=False), "%Y-%m-%dT%H:%M:%S")
            for name in ("start_time", "end_time")
        )
        flags = pc.if_else(rows["is_established"], "...AP.SF", "......S.")
        return _text(
            rows, '{"type":"FLOW","sampled":0,"export_sysid":1,"first":"', first, '","last":"', last, '","in_packets":', "{out_packets}",
            ',"in_bytes":', "{out_bytes}", ',"proto":6,"tcp_flags":"', flags, '","src_port":', "{src_port}", ',"dst_port":', "{dest_port}",
            ',"src4_addr":"', "{src_ip}", '","dst4_addr":"', "{dest_ip}", '"}',
        )  # fmt: skip

    _lines(folder / f"nfdump.{date}.json", both, record)
    return {"nfdump": both.num_rows}


_TURNED = {
    "src_ip": "dest_ip", "dest_ip": "src_ip", "src_port": "dest_port", "dest_port": "src_port", "out_bytes": "in_bytes", "in_bytes": "out_bytes",
    "out_packets": "in_packets", "in_packets": "out_packets",
}  # fmt: skip


def _ecs(folder: Path, date: str, day: Seen) -> dict[str, int]:
    flow = day.flow.take(pc.sort_indices(day.flow, [("end_time", "ascending"), ("flow_id", "ascending")]))

    def record(rows: pa.Table) -> pa.Array:
        first, last = (pc.strftime(rows[name], "%Y-%m-%dT%H:%M:%SZ") for name in ("start_time", "end_time"))
        state = pc.if_else(rows["is_established"], "SF", "S0")
        return _text(
            rows, '{"@timestamp":"', last, '","event":{"kind":"event","category":["network"],"type":["connection"],"dataset":"zeek.connection","id":"',
            "{flow_id}", '","start":"', first, '","end":"', last, '"},"source":{"ip":"', "{src_ip}", '","port":', "{src_port}", ',"bytes":', "{out_bytes}",
            ',"packets":', "{out_packets}", '},"destination":{"ip":"', "{dest_ip}", '","port":', "{dest_port}", ',"bytes":', "{in_bytes}", ',"packets":',
            "{in_packets}", '},"network":{"transport":"tcp","type":"ipv4"},"zeek":{"connection":{"state":"', state, '"}},"observer":{"name":"simulated"}}',
        )  # fmt: skip

    _lines(folder / f"ecs.{date}.json", flow, record)
    return {"ecs": flow.num_rows}


FORMS: Mapping[str, Callable[[Path, str, Seen], dict[str, int]]] = {
    "parquet": _parquet,
    "zeek": _zeek,
    "nfdump": _nfdump,
    "ecs": _ecs,
}
"""By name: what writes one day into the folder, and says how many rows of what."""

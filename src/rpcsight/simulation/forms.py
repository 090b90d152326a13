"""The forms that a simulated day is written in: our Parquet, Zeek's logs, nfdump's JSON lines, ECS."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import rpcsight
from rpcsight import catalog
from rpcsight.schema import FACTS, FLOW
from rpcsight.schema.arrow import ARROW_TYPES
from rpcsight.simulation.activities import INTERFACES
from rpcsight.simulation.columns import Values, chosen, seconds, side_by_side, stamps
from rpcsight.simulation.rows import Seen

__all__ = ["FORMS", "LEASED"]

LINES_AT_ONCE = 200_000
MARKED = re.compile(r"<(\w+)>")


def _parquet(folder: Path, date: str, day: Seen) -> dict[str, int]:
    made: dict[str, int] = {}
    facts = {"rpc_call": day.call, "rpc_mapping": day.mapping, "lease": day.lease}
    tables = (("flow", FLOW, day.flow), *((name, FACTS[name], rows) for name, rows in facts.items()))
    for name, columns, rows in tables:
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


def _lines(
    path: Path, rows: pa.Table, line: str, columns: Callable[[pa.Table], Mapping[str, Values | str]], head: str = ""
) -> None:
    """Write a line a row.

    Args:
        path: the file.
        rows: the rows.
        line: the line, with `<name>` for the value of a column.
        columns: columns beside those of the rows, of a piece of them.
        head: what comes before the first line.
    """
    pieces = MARKED.split(line)
    with path.open("wb") as out:
        out.write(head.encode())
        for first in range(0, rows.num_rows, LINES_AT_ONCE):
            some = rows.slice(first, LINES_AT_ONCE)
            own = columns(some)
            parts = [
                (own[piece] if piece in own else some[piece].cast(pa.string())) if place % 2 else piece
                for place, piece in enumerate(pieces)
            ]
            out.write("\n".join(side_by_side(*parts).to_pylist()).encode() + b"\n")


ENDS = "<flow_id>\t<src_ip>\t<src_port>\t<dest_ip>\t<dest_port>"
CONN = (
    "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes resp_bytes conn_state history orig_pkts resp_pkts",
    "time string addr port addr port enum string interval count count string string count count",
    f"<ts>\t{ENDS}\ttcp\t<service>\t<duration>\t<out_bytes>\t<in_bytes>\t<state>\t<history>\t<out_packets>\t<in_packets>",
)
DCE_RPC = (
    "ts uid id.orig_h id.orig_p id.resp_h id.resp_p rtt named_pipe endpoint operation",
    "time string addr port addr port interval string string string",
    f"<ts>\t{ENDS}\t0.000900\t<named_pipe>\t<endpoint>\t<operation>",
)
DHCP = (
    "ts uids client_addr server_addr mac host_name client_fqdn domain requested_addr assigned_addr lease_time client_message "
    "server_message msg_types duration",
    "time set[string] addr addr string string string string addr addr interval string string vector[string] interval",
    "<ts>\t-\t-\t-\t<mac>\t<hostname>\t-\t-\t-\t<ip>\t<lease_s>\t-\t-\tREQUEST,ACK\t0.000500",
)
NFDUMP = (
    '{"type":"FLOW","sampled":0,"export_sysid":1,"first":"<first>","last":"<last>","in_packets":<out_packets>,"in_bytes":<out_bytes>,'
    '"proto":6,"tcp_flags":"<flags>","src_port":<src_port>,"dst_port":<dest_port>,"src4_addr":"<src_ip>","dst4_addr":"<dest_ip>"}'
)
ECS = (
    '{"@timestamp":"<last>","event":{"kind":"event","category":["network"],"type":["connection"],"dataset":"zeek.connection",'
    '"id":"<flow_id>","start":"<first>","end":"<last>"},'
    '"source":{"ip":"<src_ip>","port":<src_port>,"bytes":<out_bytes>,"packets":<out_packets>},'
    '"destination":{"ip":"<dest_ip>","port":<dest_port>,"bytes":<in_bytes>,"packets":<in_packets>},'
    '"network":{"transport":"tcp","type":"ipv4"},"zeek":{"connection":{"state":"<state>"}},"observer":{"name":"simulated"}}'
)


def _head(path: str, fields: str, types: str) -> str:
    rows = (("#path", path), ("#fields", *fields.split()), ("#types", *types.split()))
    start = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
    return start + "".join("\t".join(row) + "\n" for row in rows)


def _zeek(folder: Path, date: str, day: Seen) -> dict[str, int]:
    """Connections as they end, calls as they are made."""

    def connections(rows: pa.Table) -> Mapping[str, Values | str]:
        start, end = (rows[name].cast(pa.int64()).to_numpy() for name in ("start_time", "end_time"))
        up = rows["is_established"]
        return {
            "ts": seconds(rows["start_time"]),
            "duration": seconds(pa.array(end - start)),
            "service": chosen(up, "dce_rpc", "-"),
            "state": _state(rows),
            "history": chosen(up, "ShADadFf", chosen(_is_refused(rows), "Sr", "S")),
        }

    names, operations = _zeek_names()

    def calls(rows: pa.Table) -> Mapping[str, Values | str]:
        keys = list(zip(rows["interface"].to_pylist(), rows["opnum"].to_pylist(), strict=True))
        pipe = side_by_side("\\\\pipe\\\\", rows["pipe"].fill_null(""))
        return {
            "ts": seconds(rows["time_us"]),
            "named_pipe": chosen(rows["pipe"].is_valid(), pipe, rows["dest_port"].cast(pa.string())),
            "endpoint": pa.array([names.get(uuid, f"unknown-{uuid}") for uuid, _ in keys]),
            "operation": pa.array([operations.get(key, f"unknown-{key[1]}") for key in keys]),
        }

    made = {"conn": day.flow.num_rows}
    _lines(folder / f"conn.{date}.log", _as_ended(day.flow), CONN[2], connections, _head("conn", *CONN[:2]))
    if day.call.num_rows:
        made["dce_rpc"] = day.call.num_rows
        _lines(folder / f"dce_rpc.{date}.log", day.call, DCE_RPC[2], calls, _head("dce_rpc", *DCE_RPC[:2]))
    if day.lease.num_rows:
        made["dhcp"] = day.lease.num_rows

        def granted(rows: pa.Table) -> Mapping[str, Values | str]:
            return {"ts": seconds(rows["time_us"])}

        _lines(folder / f"dhcp.{date}.log", day.lease, DHCP[2], granted, _head("dhcp", *DHCP[:2]))
    return made


def _is_refused(rows: pa.Table) -> Values:
    """Whether the server answered with a reset: it sent a packet, and there is no connection."""
    return pc.call_function(
        "and_not", [pc.call_function("greater", [rows["in_packets"], pa.scalar(0)]), rows["is_established"]]
    )


def _state(rows: pa.Table) -> Values:
    return chosen(rows["is_established"], "SF", chosen(_is_refused(rows), "REJ", "S0"))


def _zeek_names() -> tuple[Mapping[str, str], Mapping[tuple[str, int], str]]:
    """How interfaces (by UUID) and operations (by UUID and number) are called, of those that are used."""
    known = {uuid: catalog.interface(uuid) for uuid, _ in INTERFACES.values()}
    names = {uuid: each.names.get("zeek") or each.name for uuid, each in known.items() if each}
    return names, {(uuid, each.opnum): each.name for uuid in known for each in catalog.operations(uuid)}


def _nfdump(folder: Path, date: str, day: Seen) -> dict[str, int]:
    """Two one-way records a connection, one where nobody answers; milliseconds."""
    flow = day.flow.append_column("flags", chosen(day.flow["is_established"], "...AP.SF", "......S."))
    answered = flow.filter(pc.call_function("greater", [flow["in_packets"], pa.scalar(0)]))
    back = answered.rename_columns([_turned(name) for name in answered.column_names]).select(flow.column_names)
    back = back.set_column(len(flow.column_names) - 1, "flags", chosen(back["is_established"], "...AP.SF", "...A.R.."))
    both = _as_ended(pa.concat_tables([flow, back]))

    def columns(rows: pa.Table) -> Mapping[str, Values | str]:
        first, last = (stamps(rows[name], "ms", "%Y-%m-%dT%H:%M:%S") for name in ("start_time", "end_time"))
        return {"first": first, "last": last}

    _lines(folder / f"nfdump.{date}.json", both, NFDUMP, columns)
    return {"nfdump": both.num_rows}


def _turned(name: str) -> str:
    for one, other in (("src_", "dest_"), ("dest_", "src_"), ("out_", "in_"), ("in_", "out_")):
        if name.startswith(one):
            return other + name.removeprefix(one)
    return name


def _ecs(folder: Path, date: str, day: Seen) -> dict[str, int]:
    """As Filebeat sends Zeek's connections."""

    def columns(rows: pa.Table) -> Mapping[str, Values | str]:
        first, last = (stamps(rows[name], "us", "%Y-%m-%dT%H:%M:%SZ") for name in ("start_time", "end_time"))
        return {"first": first, "last": last, "state": _state(rows)}

    _lines(folder / f"ecs.{date}.json", _as_ended(day.flow), ECS, columns)
    return {"ecs": day.flow.num_rows}


def _as_ended(flow: pa.Table) -> pa.Table:
    """By end, as sensors write."""
    return flow.sort_by([("end_time", "ascending"), ("flow_id", "ascending"), ("src_ip", "ascending")])


FORMS: Mapping[str, Callable[[Path, str, Seen], dict[str, int]]] = {
    "parquet": _parquet,
    "zeek": _zeek,
    "nfdump": _nfdump,
    "ecs": _ecs,
}
"""By name: what writes one day into the folder, and says how many rows of what."""
LEASED = ("parquet", "zeek")
"""Those that have a place for leases."""

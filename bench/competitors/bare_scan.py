"""DuckDB reads every value of the columns the rule needs and does nothing with them: the floor for any program on it.

Writes the number of records to stdout. `--by sum` hands each value to the cheapest aggregate (string lengths, sums);
`--by hash` hashes each value, which costs about half as much again.
"""

import argparse
from pathlib import Path
from typing import Any

import duckdb

PARQUET = {
    "flow_id": "VARCHAR", "start_time": "TIMESTAMP", "end_time": "TIMESTAMP", "src_ip": "VARCHAR",
    "src_port": "INTEGER", "dest_ip": "VARCHAR", "dest_port": "INTEGER", "transport_protocol": "VARCHAR",
    "is_established": "BOOLEAN", "observer": "VARCHAR",
}  # fmt: skip
ZEEK = {
    "ts": "DOUBLE", "uid": "VARCHAR", "id.orig_h": "VARCHAR", "id.orig_p": "INTEGER", "id.resp_h": "VARCHAR",
    "id.resp_p": "INTEGER", "proto": "VARCHAR", "service": "VARCHAR", "duration": "DOUBLE", "orig_bytes": "BIGINT",
    "resp_bytes": "BIGINT", "conn_state": "VARCHAR", "local_orig": "VARCHAR", "local_resp": "VARCHAR",
    "missed_bytes": "BIGINT", "history": "VARCHAR", "orig_pkts": "BIGINT", "orig_ip_bytes": "BIGINT",
    "resp_pkts": "BIGINT", "resp_ip_bytes": "BIGINT", "tunnel_parents": "VARCHAR",
}  # fmt: skip
AWS = {
    "version": "VARCHAR", "account-id": "VARCHAR", "interface-id": "VARCHAR", "srcaddr": "VARCHAR", "dstaddr": "VARCHAR",
    "srcport": "USMALLINT", "dstport": "USMALLINT", "protocol": "VARCHAR", "packets": "VARCHAR", "bytes": "VARCHAR",
    "start": "DOUBLE", "end": "DOUBLE", "action": "VARCHAR", "log-status": "VARCHAR", "tcp-flags": "VARCHAR",
}  # fmt: skip
ZEEK_NEEDED = ("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "duration", "conn_state")

EXPORTS = {  # the fields that rpcsight's readers look at
    "eve-json": {
        "event_type": "VARCHAR", "flow_id": "VARCHAR", "src_ip": "VARCHAR", "src_port": "USMALLINT", "dest_ip": "VARCHAR",
        "dest_port": "USMALLINT", "proto": "VARCHAR", "host": "VARCHAR",
        "flow": {"start": "VARCHAR", "end": "VARCHAR", "state": "VARCHAR"},
        "tcp": {"tcp_flags": "VARCHAR", "tcp_flags_ts": "VARCHAR", "tcp_flags_tc": "VARCHAR", "syn": "VARCHAR"},
    },
    "ecs-json": {
        "@timestamp": "VARCHAR", "source": {"ip": "VARCHAR", "port": "USMALLINT"}, "destination": {"ip": "VARCHAR", "port": "USMALLINT"},
        "event": {
            "id": "VARCHAR", "start": "VARCHAR", "end": "VARCHAR", "duration": "DOUBLE", "dataset": "VARCHAR", "action": "VARCHAR",
            "type": "VARCHAR",
        },
        "flow": {"id": "VARCHAR"}, "network": {"transport": "VARCHAR", "iana_number": "VARCHAR", "community_id": "VARCHAR"},
        "observer": {"name": "VARCHAR", "hostname": "VARCHAR"}, "agent": {"name": "VARCHAR"}, "host": {"name": "VARCHAR"},
    },
    "ocsf-json": {
        "class_uid": "VARCHAR", "activity_id": "VARCHAR", "status_id": "VARCHAR", "disposition_id": "VARCHAR", "time": "DOUBLE",
        "start_time": "DOUBLE", "end_time": "DOUBLE", "duration": "DOUBLE",
        "src_endpoint": {"ip": "VARCHAR", "port": "USMALLINT"}, "dst_endpoint": {"ip": "VARCHAR", "port": "USMALLINT"},
        "connection_info": {"uid": "VARCHAR", "protocol_name": "VARCHAR", "protocol_num": "VARCHAR"},
        "traffic": {"start_time": "DOUBLE", "end_time": "DOUBLE"}, "metadata": {"uid": "VARCHAR", "product": {"name": "VARCHAR"}},
        "device": {"hostname": "VARCHAR"},
    },
}  # fmt: skip
Tree = dict[str, Any]
"""Types by name; those of objects are trees."""


def struct(kind: str | Tree) -> str:
    """Return a type in DuckDB's words."""
    if isinstance(kind, str):
        return kind
    inner = ", ".join(f'"{name}" {struct(each)}' for name, each in kind.items())
    return f"STRUCT({inner})"


def leaves(tree: Tree, above: str = "") -> dict[str, str]:
    """Return what is in objects by their SQL, with types."""
    found: dict[str, str] = {}
    for name, kind in tree.items():
        place = f'{above}"{name}"'
        found |= {place: kind} if isinstance(kind, str) else leaves(kind, f"{place}.")
    return found


def value(name: str, kind: str, by: str) -> str:
    """Return an aggregate that needs every value of a column."""
    field = name if name.startswith('"') else f'"{name}"'
    if by == "hash":
        return f"bit_xor(hash({field}))"
    form = {"VARCHAR": "sum(strlen({0}))", "TIMESTAMP": "max({0})", "BOOLEAN": "count_if({0})"}.get(kind, "sum({0})")
    return form.format(field)


def query(path: Path, form: str, by: str) -> str:
    """Return the SELECT for a file of one of the formats."""
    if form == "parquet":
        source = f"read_parquet('{path / '*.parquet' if path.is_dir() else path}')"
        columns = PARQUET
    elif form in EXPORTS:
        opened = {name: struct(kind) for name, kind in EXPORTS[form].items()}
        source = f"read_json('{path}', format = 'newline_delimited', columns = {opened})"
        columns = leaves(EXPORTS[form])
    elif form == "zeek-json":
        columns = {name: ZEEK[name] for name in ZEEK_NEEDED}
        source = f"read_json('{path}', format = 'newline_delimited', columns = {columns})"
    elif form == "aws-text":
        columns = {name: kind for name, kind in AWS.items() if name not in {"version", "account-id"}}
        source = (
            f"read_csv('{path}', auto_detect = false, header = false, skip = 1, delim = ' ', quote = '', escape = '', "
            f"strict_mode = false, nullstr = '-', ignore_errors = true, columns = {AWS})"
        )
    else:
        columns = {name: ZEEK[name] for name in ZEEK_NEEDED}
        source = (
            f"read_csv('{path}', auto_detect = false, header = false, delim = '\t', quote = '', escape = '', "
            f"strict_mode = false, nullstr = '-', comment = '#', ignore_errors = true, columns = {ZEEK})"
        )
    aggregates = ", ".join(value(name, kind, by) for name, kind in columns.items())
    return f"select count(*), {aggregates} from {source}"


def main() -> None:
    """Parse, read, print the count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--format", choices=("parquet", "zeek-tsv", "zeek-json", "aws-text", *EXPORTS), required=True)
    parser.add_argument("--by", choices=("sum", "hash"), default="sum")
    args = parser.parse_args()
    row = duckdb.connect().execute(query(args.path, args.format, args.by)).fetchone()
    print(row[0] if row else 0)


if __name__ == "__main__":
    main()

"""DuckDB reads every value of the columns the rule needs and does nothing with them: the floor for any program on it.

Writes the number of records to stdout. `--by sum` hands each value to the cheapest aggregate (string lengths, sums);
`--by hash` hashes each value, which costs about half as much again.
"""

import argparse
from pathlib import Path

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
ZEEK_NEEDED = ("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "duration", "conn_state")


def value(name: str, kind: str, by: str) -> str:
    """Return an aggregate that needs every value of a column."""
    if by == "hash":
        return f'bit_xor(hash("{name}"))'
    form = {"VARCHAR": "sum(strlen({0}))", "TIMESTAMP": "max({0})", "BOOLEAN": "count_if({0})"}.get(kind, "sum({0})")
    return form.format(f'"{name}"')


def query(path: Path, form: str, by: str) -> str:
    """Return the SELECT for a file of one of the formats."""
    if form == "parquet":
        source = f"read_parquet('{path / '*.parquet' if path.is_dir() else path}')"
        columns = PARQUET
    elif form == "zeek-json":
        columns = {name: ZEEK[name] for name in ZEEK_NEEDED}
        source = f"read_json('{path}', format = 'newline_delimited', columns = {columns})"
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
    parser.add_argument("--format", choices=("parquet", "zeek-tsv", "zeek-json"), required=True)
    parser.add_argument("--by", choices=("sum", "hash"), default="sum")
    args = parser.parse_args()
    row = duckdb.connect().execute(query(args.path, args.format, args.by)).fetchone()
    print(row[0] if row else 0)


if __name__ == "__main__":
    main()

"""The rule in ClickHouse (chdb, in process) on the same files: each endpoint flow with its nearest mapper flow.

Writes the matches to a file as JSON lines and their number to stdout. Four ways to say it, all reading only the columns
they need; the bench uses the first, which was never slower than the others by more than noise:

    table   reads the file once into a Memory table of candidates, then ASOF JOIN
    window  reads the file once; the last mapper flow of the pair, by a window over the candidates
    asof    ASOF JOIN straight on the file; reads it twice
    bucket  an ordinary hash join with 2-second buckets; every matching pair, not only the nearest

`--robust` (always by window) takes what rpcsight's robust rule takes in its matching step: TCP, not failed, any client
port from 1024, equal times, and 2 s from the mapper flow's end. It leaves out the rest (repeats, known endpoints).
"""

import argparse
from pathlib import Path

from chdb import session

ZEEK_TSV = (  # what is not needed stays text: typing it would only cost time
    "ts DateTime64(6, 'UTC'), uid String, `id.orig_h` String, `id.orig_p` UInt16, `id.resp_h` String, "
    "`id.resp_p` UInt16, proto String, service String, duration String, orig_bytes String, resp_bytes String, "
    "conn_state String, local_orig String, local_resp String, missed_bytes String, history String, orig_pkts String, "
    "orig_ip_bytes String, resp_pkts String, resp_ip_bytes String, tunnel_parents String"
)
ZEEK_JSON = (
    "ts DateTime64(6, 'UTC'), uid String, `id.orig_h` String, `id.orig_p` UInt16, `id.resp_h` String, "
    "`id.resp_p` UInt16, proto String, duration String, conn_state String"
)
PARQUET = (
    "flow_id String, start_time DateTime64(6, 'UTC'), end_time DateTime64(6, 'UTC'), src_ip String, src_port Int32, "
    "dest_ip String, dest_port Int32, transport_protocol String, is_established Bool"
)
TSV_SETTINGS = (
    "input_format_tsv_skip_first_lines = 8, input_format_allow_errors_num = 1, date_time_input_format = 'basic', "
    "input_format_tsv_detect_header = 0"
)
NAMES = "flow_id, start_time, src_ip, src_port, dest_ip, dest_port"
MAPPER = "dest_port = 135"
ENDPOINT = "dest_port >= 49152 AND src_port >= 49152"
STRICT = f"({MAPPER} OR ({ENDPOINT}))"
ROBUST = f"({MAPPER} OR (dest_port >= 49152 AND src_port >= 1024)) AND is_tcp AND is_open AND src_ip != dest_ip"
PAIR = "e.src_ip = m.src_ip AND e.dest_ip = m.dest_ip"
NEAR = "m.start_time < e.start_time AND m.start_time > e.start_time - INTERVAL 2 SECOND"
ROW = (
    "e.src_ip AS src_ip, e.dest_ip AS dest_ip, m.start_time AS mapper_time, m.src_port AS mapper_src_port, "
    "e.start_time AS endpoint_time, e.src_port AS endpoint_src_port, e.dest_port AS endpoint_dest_port, "
    "m.flow_id AS mapper_id, e.flow_id AS endpoint_id"
)


def source(path: Path, form: str, *, robust: bool) -> str:
    """Return the SELECT that reads the file under common names."""
    if form == "parquet":
        extra = "transport_protocol = 'tcp' AS is_tcp, is_established AS is_open, end_time"
        files = f"{path}/*.parquet" if path.is_dir() else str(path)
        columns = f"{NAMES}, {extra}" if robust else NAMES
        return f"SELECT {columns} FROM file('{files}', Parquet, '{PARQUET.replace(chr(39), chr(92) + chr(39))}')"
    extra = (
        "proto = 'tcp' AS is_tcp, conn_state NOT IN ('S0', 'REJ') AS is_open, "
        "ts + toIntervalMicrosecond(toInt64(toFloat64OrZero(duration) * 1e6)) AS end_time"
    )
    names = (
        "uid AS flow_id, ts AS start_time, `id.orig_h` AS src_ip, `id.orig_p` AS src_port, `id.resp_h` AS dest_ip, "
        "`id.resp_p` AS dest_port"
    )
    reader, columns = ("JSONEachRow", ZEEK_JSON) if form == "zeek-json" else ("TSV", ZEEK_TSV)
    escaped = columns.replace("'", "\\'")
    return f"SELECT {names}{', ' + extra if robust else ''} FROM file('{path}', {reader}, '{escaped}')"


def window(candidates: str, *, robust: bool) -> str:
    """Return the SELECT that finds each endpoint flow's last mapper flow by a window."""
    end, less = ("end_time", "<=") if robust else ("start_time", "<")
    return f"""
SELECT src_ip, dest_ip, m.1 AS mapper_time, m.2 AS mapper_src_port, start_time AS endpoint_time,
  src_port AS endpoint_src_port, dest_port AS endpoint_dest_port, m.3 AS mapper_id, flow_id AS endpoint_id
FROM (
  SELECT *, maxIf((start_time, src_port, flow_id, {end}), {MAPPER}) OVER (
    PARTITION BY src_ip, dest_ip ORDER BY start_time RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS m
  FROM ({candidates}))
WHERE NOT {MAPPER} AND m.3 != '' AND m.1 {less} start_time AND start_time {less} m.4 + INTERVAL 2 SECOND"""


def asof(endpoints: str, mappers: str) -> str:
    """Return the SELECT that joins each endpoint flow with the last mapper flow before it."""
    join = f"({endpoints}) e ASOF JOIN ({mappers}) m ON {PAIR} AND m.start_time < e.start_time"
    return f"SELECT {ROW} FROM {join} WHERE {NEAR}"


def statements(path: Path, form: str, method: str, *, robust: bool) -> list[str]:
    """Return what to run; the last gives the rows."""
    reading = source(path, form, robust=robust)
    if method == "window" or robust:
        return [window(f"{reading} WHERE {ROBUST if robust else STRICT}", robust=robust)]
    if method == "asof":
        return [asof(f"{reading} WHERE {ENDPOINT}", f"{reading} WHERE {MAPPER}")]
    if method == "table":
        table = f"CREATE TEMPORARY TABLE candidate ENGINE = Memory AS {reading} WHERE {STRICT}"
        return [table, asof(f"SELECT * FROM candidate WHERE {ENDPOINT}", f"SELECT * FROM candidate WHERE {MAPPER}")]
    bucket = "intDiv(toUnixTimestamp({0}start_time), 2)"
    mappers = f"(SELECT *, arrayJoin([0, 1]) + {bucket.format('')} AS b FROM ({reading} WHERE {MAPPER}))"
    join = f"({reading} WHERE {ENDPOINT}) e JOIN {mappers} m ON {PAIR} AND {bucket.format('e.')} = m.b"
    return [f"SELECT {ROW} FROM {join} WHERE {NEAR}"]


def main() -> None:
    """Parse, run, print the count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--format", choices=("parquet", "zeek-tsv", "zeek-tsv.gz", "zeek-json"), required=True)
    parser.add_argument("--method", choices=("table", "window", "asof", "bucket"), default="table")
    parser.add_argument("--robust", action="store_true")
    parser.add_argument("-o", "--out", type=Path, required=True)
    args = parser.parse_args()
    settings = f" SETTINGS {TSV_SETTINGS}" if args.format.startswith("zeek-tsv") else ""
    with session.Session() as clickhouse:
        *first, last = statements(args.path, args.format, args.method, robust=args.robust)
        for statement in first:
            clickhouse.query(statement + settings)
        args.out.write_bytes(clickhouse.query(last + settings, "JSONEachRow").bytes())
    with args.out.open("rb") as lines:
        print(sum(1 for _ in lines))


if __name__ == "__main__":
    main()

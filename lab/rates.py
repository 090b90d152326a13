"""What the simulator takes from captures: rates, gaps and shapes of RPC connections, as quantiles.

rpcsight convert CAPTURES -o lake && python lab/rates.py lake

Prints JSON: the gap from the mapper's to the endpoint's start, how many mapper connections precede, how often none does within 2 s,
durations and bytes of both, endpoint connections an hour per client, and how many ports of a server answer a client.
"""

import json
import sys
from pathlib import Path

import duckdb

QUANTILES = "[0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1]"


def rates(lake: Path) -> dict[str, object]:
    """The figures, of a folder that `rpcsight convert` wrote."""
    con = duckdb.connect()
    con.sql(f"create view call as select * from read_parquet('{lake}/rpc_call/*/*.parquet')")
    con.sql(
        f"create view flow as select * from read_parquet('{lake}/flow/*/*.parquet')\n where transport_protocol = 'tcp'"
    )
    con.sql(
        """create table conn as
        select distinct src_ip, src_port, dest_ip, dest_port, epoch_us(start_time) as start_us, epoch_us(end_time) as end_us,
          out_bytes, in_bytes
        from flow where is_established and src_ip <> dest_ip and src_ip not like '127.%' and src_ip not like '%:%'"""
    )
    con.sql("create table mapper as from conn where dest_port = 135")
    con.sql(
        """create table endpoint as
        select conn.*, count(called.time_us) as calls from conn
        join call as called using (src_ip, src_port, dest_ip, dest_port)
        where dest_port >= 1024 group by all"""
    )
    con.sql(
        """create table joined as
        select endpoint.src_ip, endpoint.src_port, endpoint.dest_ip, endpoint.dest_port, endpoint.start_us,
          count(mapper.start_us) as mappers,
          min(endpoint.start_us - mapper.start_us) / 1e6 as gap_s
        from endpoint left join mapper
          on mapper.src_ip = endpoint.src_ip and mapper.dest_ip = endpoint.dest_ip
          and mapper.start_us between endpoint.start_us - 2000000 and endpoint.start_us
        group by all"""
    )

    def one(select: str) -> object:
        return con.sql(select).fetchall()[0][0]

    def quantiles(value: str, table: str) -> object:
        return one(f"select quantile_cont({value}, {QUANTILES}) from {table} where {value} is not null")

    return {
        "mappers": one("select count(*) from mapper"),
        "endpoints": one("select count(*) from endpoint"),
        "endpoints_without_mapper": one("select count(*) from joined where mappers = 0"),
        "gap_s": quantiles("gap_s", "joined"),
        "mappers_before": con.sql("select mappers, count(*) from joined group by 1 order by 1").fetchall(),
        "mapper_seconds": quantiles("(end_us - start_us) / 1e6", "mapper"),
        "endpoint_seconds": quantiles("(end_us - start_us) / 1e6", "endpoint"),
        "mapper_out_bytes": quantiles("out_bytes", "mapper"),
        "mapper_in_bytes": quantiles("in_bytes", "mapper"),
        "endpoint_out_bytes": quantiles("out_bytes", "endpoint"),
        "endpoint_in_bytes": quantiles("in_bytes", "endpoint"),
        "calls_of_endpoint": quantiles("calls", "endpoint"),
        "endpoints_an_hour_of_client": con.sql(
            """select src_ip, round(count(*) * 3600e6 / any_value(span.us), 1), count(distinct dest_ip)
            from endpoint, (select max(end_us) - min(start_us) as us from conn) as span group by 1 order by 2 desc"""
        ).fetchall(),
        "operations": con.sql(
            """select transport_protocol, interface, opnum, count(*), count(distinct (src_ip, dest_ip))
            from call group by all order by 4 desc limit 40"""
        ).fetchall(),
    }


if __name__ == "__main__":
    print(json.dumps(rates(Path(sys.argv[1])), indent=1, default=str))

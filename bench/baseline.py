"""What a large baseline costs: its size on disk, the time to learn a day more, and hunting with it.

    python bench/baseline.py --pairs 10000000 --flows 20000000 --rpc 10

Makes, in a scratch folder that is removed, a workspace of that many pairs over 14 days (clients use 100 servers each; a pair is seen
on three days, give or take), and a day of that many flows between the same hosts, of which --rpc percent are RPC (a mapper's connection and
the one that follows it) and the rest TLS, SMB and LDAP; then runs `rpcsight learn` and `rpcsight hunt` on it. Prints Markdown.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from rpcsight.baseline.workspace import Workspace
from rpcsight.settings import BaselineSettings, Settings

FIRST_DAY = 20_500
DAYS = 14
SERVERS = 100
DAY_US = 86_400_000_000
NO_CALLS = "select * from deed_day limit 0"
INPUT = "select 'made' as content, 'made' as path, cast(0 as bigint) as bytes, cast(0 as bigint) as learned_us"
CLIENT = "concat('10.', {n} // 65536, '.', {n} // 256 % 256, '.', {n} % 256)"
SERVER = "concat('172.16.', {n} % 5000 // 250, '.', {n} % 250)"
PAIR_DAYS = f"""
    select
      {CLIENT.format(n="client")} as src_ip,
      {SERVER.format(n="(client * 7 + server * 13)")} as dest_ip,
      cast({FIRST_DAY} + hash(client, server, seen) % {DAYS} as integer) as day,
      cast(1 + hash(server) % 5 as bigint) as mappers,
      cast(1 + hash(server) % 9 as bigint) as endpoints,
      cast(0 as bigint) as failed,
      cast(1 << (hash(client, seen) % 24) as integer) as hours,
      cast(0 as bigint) as first_us,
      cast(0 as bigint) as last_us,
      cast(1000000 as bigint) as busy_us
    from range({{clients}}) as clients(client), range({SERVERS}) as servers(server), range(3) as days(seen)
"""
PAIR_DAYS = f"""
    select * replace (
      day * {DAY_US} + hash(src_ip) % {DAY_US} as first_us,
      day * {DAY_US} + hash(src_ip) % {DAY_US} as last_us
    )
    from ({PAIR_DAYS}) as made
"""
ENDPOINT_DAYS = f"""
    select
      {SERVER.format(n="server")} as dest_ip,
      cast(49664 + server % 7 as integer) as dest_port,
      '' as service,
      cast({FIRST_DAY} + day as integer) as day,
      cast(1000 as bigint) as records
    from range(5000) as servers(server), range({DAYS}) as days(day)
"""
FLOWS = f"""
    copy (
      select
        'F' || n as flow_id,
        make_timestamp(cast({FIRST_DAY + DAYS} * {DAY_US} + n // 2 * {2 * DAY_US} // {{flows}} + n % 2 * 5000 as bigint)) as start_time,
        make_timestamp(cast({FIRST_DAY + DAYS} * {DAY_US} + n // 2 * {2 * DAY_US} // {{flows}} + 900000 as bigint)) as end_time,
        {CLIENT.format(n="client")} as src_ip,
        cast(50000 + n % 9000 as integer) as src_port,
        {SERVER.format(n="(client * 7 + server * 13)")} as dest_ip,
        cast(
          case
            when hash(n // 2, 2) % 100 >= {{rpc}} then [443, 445, 389][cast(1 + hash(n, 3) % 3 as integer)]
            when n % 2 = 0 then 135
            else 49664 + (client * 7 + server * 13) % 5000 % 7
          end as integer
        ) as dest_port,
        'tcp' as transport_protocol,
        true as is_established,
        true as is_oriented,
        'sensor' as observer,
        'made' as source
      from (
        select n, hash(n // 2) % {{clients}} as client, hash(n // 2, 1) % {SERVERS} as server
        from range({{flows}}) as numbers(n)
      ) as drawn
    ) to '{{path}}' (format parquet)
"""


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    before = time.monotonic()
    work()
    return time.monotonic() - before


def ran(*arguments: str) -> tuple[float, float]:
    """Seconds that `rpcsight` takes, and the most memory of any so far, in GB."""
    command = [sys.executable, "-m", "rpcsight", *arguments]
    seconds = timed(lambda: subprocess.run(command, check=True, stderr=subprocess.DEVNULL))
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6


def settled(workspace: Workspace) -> None:
    """Make what hunts read anew."""
    with workspace.store.transaction():
        workspace.settle(BaselineSettings())


def main() -> None:
    """Make, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=10_000_000)
    parser.add_argument("--flows", type=int, default=20_000_000)
    parser.add_argument("--rpc", type=int, default=100, metavar="PERCENT", help="how many of the flows are RPC")
    parser.add_argument("--scratch", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.scratch, prefix="rpcsight-bench-") as name:
        folder = Path(name)
        path, day = folder / "corp.rpcsight", folder / "day.parquet"
        numbers = {"clients": given.pairs // SERVERS, "flows": given.flows, "path": day, "rpc": given.rpc}
        rows = [("pair_day", PAIR_DAYS.format(**numbers)), ("deed_day", NO_CALLS), ("endpoint_day", ENDPOINT_DAYS)]
        with Workspace(path) as workspace:
            learned_s = timed(lambda: workspace.add(rows, INPUT, Settings()))
            counts = {
                each: workspace.rows(f"select count(*) as n from {each}")[0]["n"] for each in ("pair_day", "known_pair")
            }
            settle_s = timed(lambda: settled(workspace))
            workspace.store.flush()
            size = workspace.store.size()
        print(f"{counts['known_pair']:,} pairs, {counts['pair_day']:,} rows of pair_day, {DAYS} days\n")
        print("| what | figure |\n|---|---|", flush=True)
        print(f"| learning all of it at once | {learned_s:,.0f} s |", flush=True)
        print(f"| of that, the baseline's tables | {settle_s:,.0f} s |")
        print(f"| size on disk | {size / 1e6:,.0f} MB, {size / counts['pair_day']:.0f} bytes a row |", flush=True)
        duckdb.connect(config={"memory_limit": "2GB"}).execute(FLOWS.format(**numbers))
        plain_s, plain_gb = ran("hunt", str(day), "-f", "jsonl", "-o", str(folder / "plain.jsonl"))
        print(
            f"| hunting through {given.flows:,} flows, {given.rpc} % of them RPC, without | {plain_s:,.0f} s, {plain_gb:.1f} GB |",
            flush=True,
        )
        with_s, with_gb = ran("hunt", str(day), "-w", str(path), "-f", "jsonl", "-o", str(folder / "with.jsonl"))
        print(f"| with the baseline | {with_s:,.0f} s, {with_gb:.1f} GB: {with_s / plain_s:.2f} times |", flush=True)
        more_s, more_gb = ran("learn", str(day), "-w", str(path))
        print(f"| learning that day, too | {more_s:,.0f} s, {more_gb:.1f} GB |")
        print(f"| size on disk then | {path.stat().st_size / 1e6:,.0f} MB |")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What every analytic costs on 20 million flows and 5 million calls: each alone, and all together in `hunt`, against rpc-activity alone.

bench/attacks.py --runs 3
bench/attacks.py --small                  a twentieth of everything

Reads once in this process, then times each analytic's query (median of the runs); then whole processes in turn: `run rpc-activity` on the
flows alone, the same with the calls, and `hunt` with the calls. Seconds of this machine say little; the ratios are what counts.
"""

import argparse
import shlex
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import duckdb

from inputs import HERE, Input
from measure import interleaved
from runner import SMALL, command

CALLS_A_FLOW = 10
MIX = {
    ("e1af8308-5d1f-11c9-91a4-08002b14a0fa", (3,)): 100,
    ("12345778-1234-abcd-ef00-0123456789ac", (1, 64, 7, 17, 25, 34)): 230,
    ("12345778-1234-abcd-ef00-0123456789ab", (0, 15, 44, 76)): 200,
    ("12345678-1234-abcd-ef00-01234567cffb", (4, 26, 29, 45)): 110,
    ("e3514235-4b06-11d1-ab04-00c04fc2dcd2", (0, 1, 12)): 130,
    ("4b324fc8-1670-01d3-1278-5a47bf6ee188", (16, 21)): 60,
    ("338cd001-2244-31f1-aaaa-900038001003", (2, 15, 17, 5)): 48,
    ("9556dc99-828c-11cf-a37e-00aa003240c7", (6, 20, 21)): 60,
    ("367abb81-9844-35f1-ad32-98f038001003", (0, 6, 15, 16)): 50,
    ("367abb81-9844-35f1-ad32-98f038001003", (12, 19)): 2,
    ("9556dc99-828c-11cf-a37e-00aa003240c7", (24,)): 3,
    ("86d35949-83c9-4044-b424-db363231fd0c", (1, 12)): 2,
    ("338cd001-2244-31f1-aaaa-900038001003", (22,)): 3,
    ("000001a0-0000-0000-c000-000000000046", (4,)): 2,
}
"""Interfaces and operations, in thousandths of all calls: an assumption about a domain's traffic; one call in a hundred is of those that
attackers make too."""


def make_calls(flows: Path, out: Path) -> None:
    """Write calls on the endpoint connections of a recording, as rpcsight's own Parquet."""
    rows = [
        (uuid, opnum)
        for (uuid, opnums), share in MIX.items()
        for place in range(share)
        for opnum in [opnums[place % len(opnums)]]
    ]
    with duckdb.connect() as database:
        database.execute("create table mix (place integer, interface varchar, opnum integer)")
        database.executemany("insert into mix values (?, ?, ?)", [(place, *row) for place, row in enumerate(rows)])
        database.execute(
            f"""
            copy (
              select
                epoch_us(start_time) + 2000 * (number + 1) as time_us, epoch_us(start_time) as flow_us, src_ip, src_port, dest_ip,
                dest_port,
                'tcp' as transport_protocol, '' as pipe, '' as user_name, false as is_callback, 0::integer as context_id, mix.interface,
                '1.0' as version, 9::integer as auth_type, 6::integer as auth_level, number + 2 as call_id, mix.opnum, true as is_answered,
                null::bigint as fault, 120::bigint as request_bytes, 80::bigint as response_bytes, flow_id, null::varchar as interface_name,
                null::varchar as operation, null::varchar as image_path, observer, 'calls' as source
              from (
                select *, unnest(range({CALLS_A_FLOW})) as number
                from '{flows}'
                where dest_port >= 49152 and is_established
              ) as called
              join mix on mix.place = hash(flow_id, number) % {len(rows)}
              order by time_us
            ) to '{out}' (format parquet, kv_metadata {{rpcsight: 'bench'}})
            """
        )


def each_alone(paths: list[str], runs: int) -> list[tuple[str, float, int]]:
    """Seconds and rows of every analytic's query over records that were read once."""
    from rpcsight.analytics import all_analytics
    from rpcsight.pipeline import Request, opened

    found: list[tuple[str, float, int]] = []
    with opened(Request(paths)) as session:
        for header in (each.header for each in all_analytics()):
            took: list[float] = []
            rows = session.count(header.id)
            for _ in range(runs):
                begin = time.perf_counter()
                rows = session.count(header.id)
                took.append(time.perf_counter() - begin)
            found.append((header.id, median(took), rows))
    return found


def together(paths: list[str], runs: int) -> list[float]:
    """How much longer it takes to read, and find activities and everything else, than to read and find activities: of each run."""
    from rpcsight.hunting import keep_activities, keep_detections
    from rpcsight.pipeline import Request, opened

    found: list[float] = []
    for _ in range(runs):
        begin = time.perf_counter()
        with opened(Request(paths)) as session:
            keep_activities(session)
            core = time.perf_counter() - begin
            keep_detections(session)
            found.append((time.perf_counter() - begin) / core)
    return found


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--small", action="store_true", help=f"{SMALL} times less of everything")
    parser.add_argument("--rpcsight", metavar="CMD", default="", help="the command to measure (default: rpcsight)")
    parser.add_argument("--data", type=Path, default=HERE / "data")
    args = parser.parse_args(argv)
    wanted = Input("parquet", 20_000_000)
    flows = (wanted.smaller(SMALL) if args.small else wanted).ready(args.data)
    calls = args.data / f"calls-of-{flows.name}"
    if not calls.exists():
        make_calls(flows, calls)
    alone = each_alone([str(flows), str(calls)], args.runs)
    core = next(took for name, took, _ in alone if name == "rpc-activity")
    print("| analytic | s | of rpc-activity | rows |\n|---|---|---|---|")
    for name, took, rows in alone:
        print(f"| {name} | {took:.2f} | {took / core:.2f} | {rows:,} |")
    ratios = together([str(flows), str(calls)], args.runs)
    print("\n| read, activities, and all analytics of attacks together | least | most |\n|---|---|---|")
    print(f"| {median(ratios):.2f} of read and activities | {min(ratios):.2f} | {max(ratios):.2f} |")
    base = shlex.split(args.rpcsight) if args.rpcsight else command("")
    with tempfile.TemporaryDirectory(prefix="rpcsight-bench-") as scratch:
        out = ["--format", "jsonl", "-o", str(Path(scratch) / "out.jsonl")]
        commands = [
            [*base, "run", "rpc-activity", str(flows), *out],
            [*base, "run", "rpc-activity", str(flows), str(calls), *out],
            [*base, "hunt", str(flows), str(calls), *out],
        ]
        results = interleaved(commands, args.runs)
    first, second = results[0].wall_s, results[1].wall_s
    print("\n| whole process | s | of the first | of the second | peak MiB |\n|---|---|---|---|---|")
    for name, each in zip(
        ("rpc-activity, flows", "rpc-activity, flows and calls", "hunt: all analytics"), results, strict=True
    ):
        print(
            f"| {name} | {each.wall_s:.2f} | {each.wall_s / first:.2f} | {each.wall_s / second:.2f} | {each.peak_mib:.0f} |"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

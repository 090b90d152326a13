"""Captures: rpcsight against libpcap's own filter loop, nfstream and tshark, whole processes in turn, on made-up traffic.

    bench/wire.py                          300 MB; competitors that are not installed are left out
    bench/wire.py --mb 3000 --runs 3       does memory grow with the file?
    bench/wire.py --kind rpc               only connections that carry DCE/RPC or SMB, the most work that a packet can be

The capture is real packets (the lab's recording and the public captures of ../shared) over and over, each time between other
addresses and later, so that all connections differ. tshark gets a part, and its time is multiplied. The rows: `cypcap`, `nfstream` and
`tshark` against CAR-2014-05-001, which needs connections only; `facts`, tshark with the fields of binds, calls, mappings, pipes and
files, against rpc-activity, which looks for all of that.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np

from measure import FailedError, Run, once
from rpcsight.readers._packets import Connections, rows_of
from rpcsight.wire.capture.addresses import Addresses
from rpcsight.wire.capture.files import frames
from rpcsight.wire.capture.frames import Frames
from rpcsight.wire.capture.packets import decode
from rpcsight.wire.selection import EndTable, beginnings, ends

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent.parent / "shared"
HEADER = bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000")
PERIOD_S = 3600
SLICE = 100
FLOW_FIELDS = ("frame.time_epoch", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "tcp.stream")
FACT_FIELDS = (
    *("dcerpc.pkt_type", "dcerpc.cn_call_id", "dcerpc.cn_ctx_id", "dcerpc.cn_bind_to_uuid", "dcerpc.cn_ack_result"),
    *("dcerpc.opnum", "dcerpc.cn_status", "dcerpc.auth_type", "dcerpc.auth_level"),
    *("epm.uuid", "epm.proto.tcp_port", "epm.proto.named_pipe"),
    *("smb2.cmd", "smb2.tree", "smb2.filename", "smb2.write_length", "smb.path", "smb.file", "ntlmssp.auth.username"),
)
FILTER = "tcp port 135 or tcp portrange 49152-65535"
IPV4 = 0x0800


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=300, help="size of the capture (default 300)")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each, after one uncounted (default 5)")
    parser.add_argument(
        "--kind", choices=("mix", "rpc"), default="mix", help="all packets, or those around DCE/RPC and SMB"
    )
    parser.add_argument("--data", type=Path, default=HERE / "data", help="folder of the capture (default bench/data)")
    parser.add_argument("--python", default=sys.executable, help="an interpreter that has cypcap and nfstream")
    parser.add_argument(
        "--pass", dest="capture", type=Path, metavar="FILE", help="only read this capture's packets, in this process"
    )
    parser.add_argument("--only", default="cypcap,nfstream,tshark,facts", help="competitors, by commas")
    return parser.parse_args(argv)


def sources() -> list[Path]:
    """The captures that are repeated: the lab's, and the larger public ones."""
    public = sorted(SHARED.glob("data/pcap/**/*.cap"))
    return [SHARED / "lab" / "recording" / "lab.pcap", *(path for path in public if path.stat().st_size > 1 << 19)]


def around_rpc(block: Frames) -> np.ndarray:
    """The frames of connections on which something looks like DCE/RPC or SMB (or, by their hash, may)."""
    packets, _ = decode(block, Addresses(), Counter())
    source, other = ends(packets)
    begun = beginnings(np.frombuffer(block.data, np.uint8), packets).row
    table = EndTable()
    table.mark(list(zip(source[begun].tolist(), other[begun].tolist(), strict=True)))
    rows = table.choose(packets, source, other)
    return np.searchsorted(block.start, packets.payload_start[rows], "right") - 1


def records(path: Path, kind: str) -> tuple[bytearray, np.ndarray, np.ndarray]:
    """A capture as bare pcap records, where those begin, and where IPv4 headers do."""
    (block,) = frames([path.read_bytes()], Counter(), 1 << 30)
    chosen = around_rpc(block) if kind == "rpc" else np.arange(len(block))
    out = bytearray()
    starts: list[int] = []
    for start, captured, original, time_us in zip(
        *(column[chosen].tolist() for column in (block.start, block.captured, block.original, block.time_us)),
        strict=True,
    ):
        starts.append(len(out))
        head = (time_us // 1_000_000, time_us % 1_000_000, captured, original)
        out += np.array(head, "<u4").tobytes() + block.data[start : start + captured]
    at = np.array(starts)
    octets = np.frombuffer(bytes(out) + bytes(64), np.uint8)
    return out, at, at[(octets[at + 28] == IPV4 >> 8) & (octets[at + 29] == IPV4 & 0xFF)] + 16 + 14


def repeated(parts: list[tuple[bytearray, np.ndarray, np.ndarray]], size: int) -> Iterator[bytes]:
    """Records up to about `size` bytes: copy n lies n hours later, two octets of its addresses are changed by n."""
    done = 0
    number = 0
    while done < size:
        for content, starts, headers in parts:
            copy = np.frombuffer(bytes(content) + bytes(64), np.uint8).copy()
            for octet in (13, 17):
                copy[headers + octet] ^= number >> 8 & 0xFF
                copy[headers + octet + 1] ^= number & 0xFF
            places = starts[:, None] + np.arange(4)
            seconds = copy[places].view("<u4")[:, 0] + np.uint32(number * PERIOD_S)
            copy[places] = seconds.astype("<u4").view(np.uint8).reshape(-1, 4)
            done += len(content)
            yield copy[: len(content)].tobytes()
        number += 1


def ready(folder: Path, mb: int, kind: str) -> Path:
    """The capture, made if it is not there."""
    path = folder / (f"wire-{mb}.pcap" if kind == "mix" else f"wire-{kind}-{mb}.pcap")
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        parts = [records(each, kind) for each in sources()]
        half = path.with_suffix(".part")
        with half.open("wb") as file:
            file.write(HEADER)
            file.writelines(repeated(parts, mb * 1_000_000))
        half.rename(path)
    return path


def competitors(path: Path, small: Path, python: str) -> dict[str, tuple[list[str], float]]:
    """For each competitor its command, and what its time is to be multiplied by."""
    tshark = ["tshark", "-n", "-r", str(small), "-Y", "tcp", "-T", "fields"]
    flows = [word for name in FLOW_FIELDS for word in ("-e", name)]
    facts = [word for name in FACT_FIELDS for word in ("-e", name)]
    other = HERE / "competitors"
    sizes = path.stat().st_size / small.stat().st_size
    return {
        "cypcap": ([python, str(other / "cypcap_filter.py"), str(path), FILTER], 1),
        "nfstream": ([python, str(other / "nfstream_flows.py"), str(path)], 1),
        "tshark": ([*tshark, *flows], sizes),
        "facts": ([*tshark, *flows, *facts], sizes),
    }


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    args = arguments(argv)
    if args.capture:
        return one_pass(args.capture)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled once, not at every start
    path = ready(args.data, args.mb, args.kind)
    print(f"{path.name}: {path.stat().st_size / 1e6:,.0f} MB")
    print(f"{'against':10} {'rpcsight s':>10} {'other s':>9} {'time':>6} {'CPU':>6} {'peak MiB':>15}  other's answer")
    wanted = competitors(path, ready(args.data, max(1, args.mb // SLICE), args.kind), args.python)
    with tempfile.TemporaryDirectory(prefix="rpcsight-bench-") as folder:
        out = str(Path(folder) / "rows.jsonl")
        start = [sys.executable, "-m", "rpcsight", "run"]
        written = [str(path), "--output", out, "--format", "jsonl"]
        for name in args.only.split(","):
            command, factor = wanted[name]
            ours = [*start, "rpc-activity" if name == "facts" else "CAR-2014-05-001", *written]
            try:
                pairs = [(once(ours), once(command)) for _ in range(args.runs + 1)][1:]
            except FailedError as error:
                print(f"{name:10} {error}")
                continue
            print(f"{name:10} {row(pairs, factor)}", flush=True)
            if name == "cypcap":
                print(f"  without start-up and rule: {loops(path, args.python, args.runs)}", flush=True)
    return 0


def one_pass(path: Path) -> int:
    """The reader's pass, without an engine: writes segments, and its own seconds of CPU."""
    begin = time.process_time()
    with path.open("rb") as file:
        blocks = iter(lambda: file.read(1 << 20), b"")
        count = sum(rows.num_rows for _, rows in rows_of(blocks, Addresses(), [Connections()], Counter()))
    print(count, f"{time.process_time() - begin:.3f}")
    return 0


def loops(path: Path, python: str, runs: int) -> str:
    """Seconds of CPU of the pass over packets alone, and of libpcap's filter loop alone: medians, and that of the ratios."""
    mine = [sys.executable, str(HERE / "wire.py"), "--pass", str(path)]
    other, _ = competitors(path, path, python)["cypcap"]
    pairs = [(float(once(mine).stdout.split()[-1]), float(once(other).stdout.split()[-1])) for _ in range(runs + 1)][1:]
    ratio = median(a / b for a, b in pairs)
    return f"{median(a for a, _ in pairs):.2f} / {median(b for _, b in pairs):.2f} s of CPU, ratio {ratio:.2f}"


def row(pairs: list[tuple[Run, Run]], factor: float) -> str:
    """Medians of both, and of the ratios of neighbouring runs."""
    wall = median(mine.wall_s / (other.wall_s * factor) for mine, other in pairs)
    cpu = median(mine.cpu_s / (other.cpu_s * factor) for mine, other in pairs)
    mine_s, other_s = (median(each) for each in ([a.wall_s for a, _ in pairs], [b.wall_s * factor for _, b in pairs]))
    peaks = f"{max(a.peak_mib for a, _ in pairs):.0f} / {max(b.peak_mib for _, b in pairs):.0f}"
    answer = pairs[0][1].stdout.splitlines()[-1][:40] if factor == 1 and pairs[0][1].stdout else ""
    return f"{mine_s:10.2f} {other_s:9.2f} {wall:6.2f} {cpu:6.2f} {peaks:>15}  {answer}"


if __name__ == "__main__":
    sys.exit(main())

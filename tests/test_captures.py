"""The public captures: connections and activities equal the ground truth of their catalogue (measured with tshark)."""

import csv
import gzip
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

import rpcsight
from rpcsight.analytics import step
from rpcsight.engines.feed import fed
from rpcsight.errors import InputError
from rpcsight.pipeline import Request, opened
from rpcsight.readers._inputs import Input, look
from rpcsight.readers.pcap import scan
from rpcsight.schema import FACTS
from tests import system
from tests.contracts.reading import read, skips
from tests.contracts.samples import FLOWS, FORMS, packets
from tests.test_catalogue import catalogue
from tests.wire.build import ethernet, ipv4, ipv6, pcap, udp

FORM = {form.name: form for form in FORMS}
COUNTS = """
    select
      count(*) as tcp_conns,
      count(*) filter (dest_port = 135) as conns_to_135,
      count(*) filter (src_port = 135) as conns_from_135_reversed,
      count(*) filter (src_port >= 49152 and dest_port >= 49152) as conns_both_ge_49152,
      count(*) filter (syns = 0) as conns_without_syn,
      count(*) filter (src_ip like '%:%') as ipv6_tcp_conns
    from tcp
"""


@contextmanager
def loaded(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with what the reader and the engine make of a capture: `tcp`, and the tables of `FACTS`."""
    wanted = scan(look(Input(path, str(path), "o")), {})
    assert wanted.feed is not None
    with duckdb.connect() as database:
        for name, columns in FACTS.items():
            database.execute(f"create table {name} ({', '.join(f'{each.name} {each.kind}' for each in columns)})")
        with fed(database, wanted.feed, {"tcp": step("tcp")}, str(path), wanted.compression, str(path)):
            yield database


@pytest.mark.parametrize("row", catalogue("pcap/"))
def test_counts_equal_the_catalogue(row: dict[str, str]) -> None:
    path = system.shared_data(row["pack_path"] if row else "catalogue.csv")
    with loaded(path) as database:
        (counts,) = database.sql(COUNTS).to_arrow_table().to_pylist()
    (strict, _), _ = read(path)
    endpoints = {(pair["endpoint_id"], pair["endpoint_time"]) for pair in strict}
    found = counts | {"rule_pairs": len(strict), "rule_endpoints": len(endpoints)}
    assert found == {name: int(row[name]) for name in found}


def test_what_nobody_asks_for_is_not_looked_for() -> None:
    capture = system.shared_data("pcap/OTRF+Security-Datasets/apt29_day2_NEWYORK.cap")
    found = {}
    for asked in ((), tuple(FACTS)):
        with opened(Request([str(capture)]), asked=asked) as session:
            found[bool(asked)] = session.run("CAR-2014-05-001"), {skip.what for skip in session.account.skips}
            if asked:
                assert "decoded" in session.run("rpc-activity").column("basis").to_pylist()
            else:
                with pytest.raises(ValueError, match="rpc-activity needs host_flow, rpc_bind, rpc_call, rpc_mapping"):
                    session.run("rpc-activity")
    assert found[True][0].equals(found[False][0])


# --- bad input


def put(folder: Path, content: bytes) -> Path:
    path = folder / "x.pcap"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["pcap", "pcapng"])
def test_capture_without_packets(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"x\.pcap: ") as raised:
        read(put(tmp_path, FORM[name].write([])))
    assert (raised.value.what, raised.value.hint[:20]) == (
        "holds no TCP packets and no flow records",
        "capture with: tcpdum",
    )


def test_capture_without_tcp_says_what_it_holds(tmp_path: Path) -> None:
    frames = [ethernet(bytes(28), 0x0806), ethernet(bytes(28), 0x0806), ethernet(ipv4(bytes(8), protocol=1))]
    with pytest.raises(
        InputError,
        match=r"holds no TCP packets and no flow records \(packets that are not IP: 2; IP packets that are neither TCP nor UDP: 1\)",
    ):
        read(put(tmp_path, pcap([(1, frame) for frame in frames])))


def test_capture_of_udp_only_over_ipv6(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no TCP packets and no flow records"):
        read(put(tmp_path, pcap([(1, ethernet(ipv6(udp(53, 53, b"name"), protocol=17)))])))


def test_link_type_that_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"packets of a link type that is not read \(105\): 1"):
        read(put(tmp_path, pcap([(1, bytes(100))], 105)))


@pytest.mark.parametrize("name", ["pcap", "pcapng"])
def test_cut_capture_is_read_and_the_cut_is_told(name: str, tmp_path: Path) -> None:
    path = put(tmp_path, FORM[name].write(FLOWS)[:-10])
    _, account = read(path)
    assert account.records == FORM[name].records
    assert skips(account) == [("x.pcap", "the capture ends in the middle of a packet", 1)]


def test_cut_gzip_is_read_and_the_cut_is_told(tmp_path: Path) -> None:
    noise = pcap(
        [(each, ethernet(ipv4(udp(1, 2, random.Random(each).randbytes(500)), protocol=17))) for each in range(500)]
    )
    content = FORM["pcap"].write(FLOWS) + noise[24:]
    path = put(tmp_path, gzip.compress(content)[:-9_000])
    _, account = read(path)
    assert account.records == FORM["pcap"].records
    assert [what for _, what, _ in skips(account)] == [
        "gzip data ends in the middle",
        "the capture ends in the middle of a packet",
    ]


def test_absurd_length_is_told(tmp_path: Path) -> None:
    content = FORM["pcap"].write(FLOWS) + b"\xff" * 16 + bytes(1000)
    _, account = read(put(tmp_path, content))
    assert account.records == FORM["pcap"].records
    assert [what.partition(":")[0] for _, what, _ in skips(account)] == ["a packet claims more than 262144 bytes"]


def test_times_after_2099_are_no_flows(tmp_path: Path) -> None:
    """The format has room for them up to 2106."""
    timed = [(time_us + 2_400_000_000_000_000, frame) for time_us, frame in packets(FLOWS)]
    with pytest.raises(
        InputError, match=r"14 of 14 records on RPC ports .* start_time before 1970 or after 2099"
    ) as raised:
        read(put(tmp_path, pcap(timed)))
    assert "--map" not in raised.value.hint


def test_losses_are_the_inputs_own(tmp_path: Path) -> None:
    """Of several captures in one scan."""
    arp = pcap([(1, ethernet(bytes(28), 0x0806))])[24:]
    for number in range(3):
        (tmp_path / f"x{number}.pcap").write_bytes(FORM["pcap"].write(FLOWS) + arp * number)
    _, account = read(tmp_path)
    assert Counter(skips(account)) == {
        ("x1.pcap", "packets that are not IP", 1): 1,
        ("x2.pcap", "packets that are not IP", 2): 1,
    }


# --- the lab's recording


def test_connections_equal_the_labs_truth() -> None:
    """All connections to the mapper and to dynamic ports, to the microsecond."""
    path = system.SHARED_DATA.parent / "lab" / "recording" / "lab.pcap"
    if not path.exists():
        system.lacking("the lab's capture is absent")
    with path.with_name("truth.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] in {"mapper", "dyn"}]
    truth = {(row["t"], row["src"], row["sport"], row["dst"], row["dport"]) for row in rows}
    found = {
        (f"{row['start_us'] / 1e6:.6f}", row["src_ip"], str(row["src_port"]), row["dest_ip"], str(row["dest_port"]))
        for row in rpcsight.read(path).to_pylist()
    }
    assert found == truth

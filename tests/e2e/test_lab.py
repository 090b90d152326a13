"""A fresh recording of real software: what rpcsight sees in it is what tshark, nfdump and the recording's own truth say."""

from collections import Counter
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rpcsight.schema import FACTS
from tests.test_captures import loaded
from tests.test_recorded_packets import Ends, activities_of, by_ends
from tests.wire import test_captures as on_tcp
from tests.wire import test_real_exports as exports
from tests.wire import test_smb_captures as on_smb
from tests.wire.build import ethernet, ipv4, pcap, udp
from tests.wire.test_follow import Rows

pytestmark = [pytest.mark.lab, pytest.mark.system, pytest.mark.xdist_group("lab")]

NETFLOW_PORT = 2055

# Forms of `exports.OPTIONS`, and how much earlier than the packets their records may begin: a millisecond is cut off, and another of the
# exporter's own start; without a finer clock than whole seconds, up to one of those.
EARLY = {
    "v5": timedelta(milliseconds=2),
    "v9": timedelta(seconds=1, milliseconds=2),
    "v9 milli": timedelta(milliseconds=2),
    "IPFIX milli": timedelta(milliseconds=2),
    "IPFIX biflow milli": timedelta(milliseconds=2),
}
LATE = timedelta(milliseconds=1)
"""How much later: uptimes and the header's time are cut off, each at its own millisecond."""
GAP_S = {True: 1e-6, False: 2e-3}
"""How much gaps may differ: as packets have microseconds, and as records have milliseconds."""


# --- tshark


@cache
def shown(capture: Path) -> tuple[list[tuple[object, ...]], Rows]:
    """What the reader and the engine make of a capture: its connections (start in µs and ends), and its facts."""
    with loaded(capture) as database:
        starts = database.sql(
            "select start_us, src_ip, src_port, dest_ip, dest_port from tcp where syns > 0 order by all"
        )
        return starts.fetchall(), {name: database.table(name).to_arrow_table().to_pylist() for name in FACTS}


def carried(capture: Path, protocol: str) -> Rows:
    """The facts on tcp, or in pipes of smb."""
    return {
        name: [row for row in rows if row.get("transport_protocol") == protocol]
        for name, rows in shown(capture)[1].items()
    }


def test_connections(lab: Path) -> None:
    keep = "tcp.flags.syn == 1 and tcp.flags.ack == 0"
    columns = "tcp.stream", "frame.time_epoch", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport"
    first: dict[str, tuple[object, ...]] = {}
    for stream, time, src, sport, dest, dport in on_smb.tshark(str(lab / "lab.pcap"), keep, *columns):
        whole, _, fraction = time.partition(".")
        first.setdefault(stream, (int(whole) * 1_000_000 + int(fraction[:6]), src, int(sport), dest, int(dport)))
    assert len(first) > 100
    assert shown(lab / "lab.pcap")[0] == sorted(first.values())  # type: ignore[type-var]


def test_binds_calls_and_lookups(lab: Path) -> None:
    capture = lab / "lab.pcap"
    rows, theirs = carried(capture, "tcp"), on_tcp.tshark(capture)
    assert sum(theirs.calls.values()) > 100
    assert on_tcp.ours_like(rows) == theirs
    assert on_tcp.lookups(rows) == on_tcp.tsharks_lookups(capture)


def test_binds_and_calls_in_pipes(lab: Path) -> None:
    capture = lab / "lab.pcap"
    theirs = on_tcp.tshark(capture, on_tcp.IN_PIPES)
    assert theirs.calls
    assert on_tcp.ours_like(carried(capture, "smb")) == theirs


@pytest.mark.parametrize(
    "compare",
    [
        on_smb.test_pipes_hold_the_pdus_tshark_finds,
        on_smb.test_each_pipe_is_one_file_id,
        on_smb.test_shares_and_pipes_opened,
        on_smb.test_files_written,
        on_smb.test_users,
        on_smb.encrypted_users,
    ],
)
def test_smb(compare: Any, lab: Path) -> None:
    compare(str(lab / "lab.pcap"))


# --- nfdump


@pytest.mark.parametrize("form", EARLY)
def test_exports(form: str, lab: Path, tmp_path: Path) -> None:
    exports.check_against_the_capture(lab / "lab.pcap", form)
    exports.check_against_nfdump(lab / "lab.pcap", form, tmp_path)


# --- the truth


def told(truth: list[dict[str, str]], kind: str) -> dict[Ends, dict[str, Any]]:
    return by_ends(row for row in truth if row["kind"] == kind)


def test_endpoints_are_decoded_and_decoys_are_not(lab: Path, truth: list[dict[str, str]]) -> None:
    activities = activities_of(lab / "lab.pcap")
    endpoints = told(truth, "endpoint")
    assert len(endpoints) > 50
    found = {ends: (activities[ends]["basis"], activities[ends]["interface"]) for ends in endpoints}
    assert found == {ends: ("decoded", row["interface_uuid"]) for ends, row in endpoints.items()}
    met = [activities[ends] for ends in told(truth, "decoy") if ends in activities]
    assert Counter((row["basis"], row["named_by"]) for row in met) == {("mapper", "unnamed"): 2}
    assert not set(told(truth, "attempt")) & set(activities)


@pytest.mark.parametrize("form", ["packets", *EARLY])
def test_activities_are_the_same_from(form: str, lab: Path, truth: list[dict[str, str]], tmp_path: Path) -> None:
    """Each activity that the connections put together by tshark make."""
    expected = activities_of(lab / "recording.parquet")
    found = activities_of(lab / "lab.pcap" if form == "packets" else sent(lab / "lab.pcap", form, tmp_path))
    assert set(expected) - set(found) == set()
    early, late = EARLY.get(form, timedelta()), timedelta() if form == "packets" else LATE
    for ends, row in expected.items():
        assert -late <= row["start_time"] - found[ends]["start_time"] <= early, ends
        assert (found[ends]["gap_s"] or 0) == pytest.approx(row["gap_s"] or 0, abs=GAP_S[form == "packets"]), ends
        assert found[ends]["basis"] in {row["basis"], "decoded"}, ends
    # What had begun before the recording has no start in it, and no place in the truth.
    assert (set(found) - set(expected)) & set(by_ends(truth)) == set()


def sent(capture: Path, form: str, folder: Path) -> Path:
    """A capture of the datagrams that an exporter makes of a capture."""
    path = folder / "export.pcap"
    packets = [ethernet(ipv4(udp(4000, NETFLOW_PORT, each), protocol=17)) for each in exports.sent(capture, form)]
    path.write_bytes(pcap(list(enumerate(packets))))
    return path

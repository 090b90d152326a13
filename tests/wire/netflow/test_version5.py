"""NetFlow v5: times, wrap, engines, sampling, sequence, and what is none."""

import pytest

from tests.wire.exports import EXPORTER, NOW_S, UPTIME_MS, read, v5, v5_record

US = 1_000_000


def test_a_record_is_read_whole() -> None:
    found = read(v5(v5_record(UPTIME_MS - 3000, UPTIME_MS - 1000), now_ns=250_000_000, engine=0x0102))
    assert found.halves == [
        {
            "flow_id": None,
            "start_us": NOW_S * US + 250_000 - 3_000_000,
            "end_us": NOW_S * US + 250_000 - 1_000_000,
            "src_ip": "10.0.0.1",
            "src_port": 50000,
            "dest_ip": "10.0.0.2",
            "dest_port": 135,
            "transport_protocol": "tcp",
            "tcp_flags": "APSF",
            "observer": "192.0.2.1 engine 1/2",
            "set_aside": None,
            "bytes": 600,
            "packets": 5,
        }
    ]
    assert (found.losses, found.notes, found.collector.others) == ({}, {}, 0)
    assert found.collector.datagrams == {"NetFlow v5": 1}


@pytest.mark.parametrize(
    ("uptime_ms", "first", "last", "start_ms", "end_ms"),
    [
        (500, 2**32 - 1500, 2**32 - 500, -2000, -1000),
        (500, 2**32 - 500, 300, -1000, -200),
        (2**32 - 100, 2**32 - 400, 2**32 - 300, -300, -200),
        (1000, 900, 1500, -100, 500),
        (2**32 - 100, 2**32 - 400, 200, -300, 300),
    ],
    ids=["both before the wrap", "start before", "just before", "end after the header", "end after header and wrap"],
)
def test_uptime_wraps(uptime_ms: int, first: int, last: int, start_ms: int, end_ms: int) -> None:
    (row,) = read(v5(v5_record(first, last), uptime_ms=uptime_ms)).halves
    assert (row["start_us"], row["end_us"]) == (NOW_S * US + start_ms * 1000, NOW_S * US + end_ms * 1000)


def test_protocols_are_counted_and_tcp_is_given() -> None:
    records = [v5_record(0, 1, proto=proto) for proto in (17, 6, 1, 17, 47)]
    found = read(v5(*records))
    assert found.collector.protocols == {"udp": 2, "tcp": 1, "icmp": 1, "47": 1}
    assert [row["transport_protocol"] for row in found.halves] == ["tcp"]


def test_sampling_is_noted() -> None:
    found = read(v5(v5_record(0, 1), sampling=0x4000 | 100), v5(v5_record(0, 1), seq=1, sampling=0x4000 | 1))
    assert found.notes == {"sampled, one in 100 packets: short connections may be missing": 1}


def test_sequences_of_exporters_and_engines_are_apart() -> None:
    record = v5_record(0, 1)
    payloads = (
        v5(record, seq=7),
        v5(record, seq=7),
        v5(record, seq=70, engine=1),
        v5(record, seq=8),
        v5(record, seq=10),
    )
    found = read(*payloads, exporters=[EXPORTER, EXPORTER + 1, EXPORTER, EXPORTER, EXPORTER])
    assert found.collector.losses == {"192.0.2.1 engine 0/0": {"records missing by their sequence numbers": 1}}
    assert len(found.halves) == 5


def test_blocks_change_nothing() -> None:
    payloads = [
        v5(v5_record(0, place, sport=place), v5_record(0, 1), seq=2 * place + (place > 5)) for place in range(12)
    ]
    whole, parts = read(*payloads), read(*payloads, blocks=5)
    assert (whole.halves, whole.losses, whole.notes) == (parts.halves, parts.losses, parts.notes)
    assert whole.losses == {"records missing by their sequence numbers": 1}


GOOD = v5(v5_record(0, 1), v5_record(0, 1))


@pytest.mark.parametrize(
    "payload",
    [
        GOOD[:-1],
        GOOD + b"\0",
        GOOD[:24],
        GOOD[:2] + b"\0\3" + GOOD[4:],
        v5(),
        v5(*[v5_record(0, 1)] * 31),
        v5(v5_record(0, 1), now_ns=1_000_000_000),
        v5(v5_record(0, 1)[:16] + bytes(4) + v5_record(0, 1)[20:]),
    ],
    ids=["short", "long", "header", "count", "empty", "31 records", "nanoseconds", "no packets"],
)
def test_what_is_no_v5(payload: bytes) -> None:
    found = read(payload, GOOD)
    assert found.is_export == [False, True]
    assert (len(found.halves), found.collector.others) == (2, 1)

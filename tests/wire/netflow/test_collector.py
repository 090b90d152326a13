"""The collector: templates that come, change and go, exporters that must not mix, options, and what is no export datagram."""

import random
import struct

import numpy as np
import pytest

from rpcsight.wire import Datagrams
from rpcsight.wire.netflow.collector import Collector
from tests.fuzz import netflow as fuzz
from tests.wire.exports import (
    ENDS,
    EXPORTER,
    NOW_S,
    Field,
    columns,
    data,
    flow,
    ipfix,
    number,
    options_template,
    read,
    section,
    template,
    v5,
    v5_record,
    v9,
)

MS = NOW_S * 1000
FIELDS: list[Field] = [*ENDS, (152, 8), (153, 8)]
SWAPPED: list[Field] = [(12, 4), (8, 4), (11, 2), (7, 2), (4, 1), (6, 1), (1, 4), (2, 4), (152, 8), (153, 8)]
NO_TEMPLATE = "data sets without a template"
MALFORMED = "export datagrams malformed, cut short by the capture, or fragmented"


def row(port: int) -> tuple[int, ...]:
    return flow(MS, MS, sport=port)


def ports(found: list[dict[str, object]]) -> list[object]:
    return [each["src_port"] for each in found]


def test_all_formats_in_one_block() -> None:
    found = read(
        v5(v5_record(0, 1)),
        v9(template(300, FIELDS, 9), data(300, FIELDS, row(2)), domain=7),
        ipfix(template(300, FIELDS), data(300, FIELDS, row(3)), domain=7),
        b"something else",
        exporters=[EXPORTER, EXPORTER, 2**32 + 3, EXPORTER],
    )
    assert found.is_export == [True, True, True, False]
    assert found.collector.datagrams == {"NetFlow v5": 1, "NetFlow v9": 1, "IPFIX": 1}
    observers = {each["observer"] for each in found.halves}
    assert observers == {"192.0.2.1 engine 0/0", "192.0.2.1 domain 7", "ipv6#3 domain 7"}


def test_names_of_exporters_can_be_given() -> None:
    collector = Collector(lambda number: f"exporter {number}")
    collector.take(*columns([ipfix(template(300, FIELDS), data(300, FIELDS, row(1)), domain=5)], 2**32))
    assert collector.drain().halves[0]["observer"].to_pylist() == ["exporter 4294967296 domain 5"]
    assert collector.drain() == ([], [])


@pytest.mark.parametrize("version", [9, 10])
def test_padding_is_no_record(version: int) -> None:
    fields: list[Field] = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (152, 8)]
    rows = [[1, 2, 3, 4, 6, MS], [1, 2, 5, 4, 6, MS]]
    sets = template(300, fields, version), data(300, fields, *rows, padding=2)
    found = read(v9(*sets) if version == 9 else ipfix(*sets))
    assert (ports(found.halves), found.losses) == ([3, 5], {})


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_data_before_its_template_waits(blocks: int) -> None:
    found = read(
        ipfix(data(300, FIELDS, row(1), row(2)), seq=0),
        ipfix(data(300, FIELDS, row(3)), seq=2),
        ipfix(template(300, FIELDS), data(300, FIELDS, row(4)), seq=3),
        blocks=blocks,
    )
    assert (sorted(map(str, ports(found.halves))), found.losses) == (["1", "2", "3", "4"], {})


def test_data_whose_template_never_comes_is_lost() -> None:
    found = read(ipfix(data(300, FIELDS, row(1))), ipfix(data(301, FIELDS, row(1)), template(302, FIELDS)))
    assert (found.halves, found.losses) == ([], {NO_TEMPLATE: 2})


def test_waiting_sets_keep_their_own_time() -> None:
    fields: list[Field] = [*ENDS, (158, 4)]
    found = read(ipfix(data(300, fields, flow(0)), now_s=NOW_S - 50), ipfix(template(300, fields)), blocks=2)
    assert [each["start_us"] for each in found.halves] == [(NOW_S - 50) * 1_000_000]


@pytest.mark.parametrize("blocks", [1, 3])
@pytest.mark.parametrize("version", [9, 10])
def test_a_template_is_replaced(version: int, blocks: int) -> None:
    wrap = v9 if version == 9 else ipfix
    found = read(
        wrap(template(300, FIELDS, version), data(300, FIELDS, row(1))),
        wrap(template(300, SWAPPED, version), data(300, FIELDS, row(2)), seq=1),
        wrap(template(300, FIELDS, version), data(300, FIELDS, row(3)), seq=2),
        blocks=blocks,
    )
    assert sorted((each["src_ip"], each["src_port"]) for each in found.halves) == [
        ("10.0.0.1", 1),
        ("10.0.0.1", 3),
        ("10.0.0.2", 135),
    ]


def test_several_templates_in_flight() -> None:
    sets = b"".join(template(name, [*FIELDS, (9000 + name, name)]) for name in range(256, 300))
    rows = b"".join(data(name, [*FIELDS, (9000, name)], (*row(name), 1)) for name in range(256, 300))
    found = read(ipfix(sets, rows))
    assert sorted(map(str, ports(found.halves))) == [str(name) for name in range(256, 300)]


@pytest.mark.parametrize("withdrawal", [number(300, 2), number(2, 2)], ids=["one", "all"])
def test_templates_are_withdrawn(withdrawal: bytes) -> None:
    found = read(
        ipfix(template(300, FIELDS), options_template(400, [(149, 4)], [(34, 4)])),
        ipfix(section(2, withdrawal, bytes(2)), data(300, FIELDS, row(1)), data(400, [(149, 4), (34, 4)], (0, 9))),
    )
    assert (found.halves, found.losses) == ([], {NO_TEMPLATE: 1})
    assert found.notes == {"templates withdrawn": 1, "sampled, one in 9 packets: short connections may be missing": 1}


@pytest.mark.parametrize("withdrawal", [number(400, 2), number(3, 2)], ids=["one", "all"])
def test_options_templates_are_withdrawn(withdrawal: bytes) -> None:
    found = read(
        ipfix(template(300, FIELDS), options_template(400, [(149, 4)], [(34, 4)])),
        ipfix(section(3, withdrawal, bytes(2)), data(300, FIELDS, row(1)), data(400, [(149, 4), (34, 4)], (0, 9))),
    )
    assert (ports(found.halves), found.losses) == ([1], {NO_TEMPLATE: 1})


def test_exporters_domains_and_versions_do_not_mix() -> None:
    payloads = (
        ipfix(template(300, FIELDS), domain=1),
        ipfix(template(300, SWAPPED), domain=2),
        ipfix(template(300, SWAPPED), domain=1),
        v9(template(300, SWAPPED, 9), domain=1),
        ipfix(template(300, SWAPPED), domain=1),
        ipfix(data(300, FIELDS, row(1)), domain=1),
        ipfix(data(300, FIELDS, row(1)), domain=3),
        v9(data(300, FIELDS, row(2)), domain=1, seq=1),
    )
    exporters = [EXPORTER] * 2 + [EXPORTER + 1] + [EXPORTER] * 5
    source_ports = [4000] * 4 + [4001] + [4000] * 2 + [4002]
    found = read(*payloads, exporters=exporters, ports=source_ports)
    assert sorted((each["src_ip"], each["src_port"]) for each in found.halves) == [("10.0.0.1", 1), ("10.0.0.2", 135)]
    assert found.collector.losses == {"192.0.2.1 domain 3": {NO_TEMPLATE: 1}}


@pytest.mark.parametrize(
    ("fields", "values", "one_in"),
    [
        ([(34, 4), (35, 1)], (100, 1), 100),
        ([(49, 1), (50, 4)], (2, 64), 64),
        ([(305, 4), (306, 4)], (1, 999), 1000),
        ([(305, 4), (306, 4)], (10, 95), 11),
        ([(309, 4), (310, 4)], (2, 32), 16),
        ([(34, 3)], (100,), None),
        ([(305, 4), (306, 4)], (1, 0), None),
        ([(34, 4)], (1,), None),
        ([(305, 4), (306, 4)], (0, 5), None),
        ([(9000, 4)], (7,), None),
    ],
)
@pytest.mark.parametrize("version", [9, 10])
def test_options_tell_sampling_and_are_no_flows(
    fields: list[Field], values: tuple[int, ...], one_in: int | None, version: int
) -> None:
    scope: list[Field] = [(1, 4)]
    sets = options_template(400, scope, fields, version), data(400, [*scope, *fields], (6, *values), (6, *values))
    found = read(v9(*sets) if version == 9 else ipfix(*sets))
    assert (found.halves, found.records, found.collector.protocols) == ([], [], {})
    assert found.collector.option_records == 2
    noted = {f"sampled, one in {one_in} packets: short connections may be missing": 1} if one_in else {}
    assert (found.notes, found.losses) == (noted, {})


def test_options_with_fields_of_variable_length() -> None:
    fields: list[Field] = [(346, 4), (82, 65535), (34, 4)]
    sets = options_template(400, fields[:1], fields[1:]), data(400, fields, (1, b"eth0", 7), (1, b"", 3))
    found = read(ipfix(*sets))
    assert found.notes == {"sampled, one in 7 packets: short connections may be missing": 1}


def test_sequence_gaps() -> None:
    two = data(300, FIELDS, row(1), row(2))
    sets = template(300, FIELDS)
    found = read(ipfix(sets, two, seq=10), ipfix(two, seq=14), ipfix(two, seq=12), ipfix(two, seq=20))
    assert found.losses == {"records missing by their sequence numbers": 4}
    assert found.notes == {"export datagrams out of order": 1}
    sets = template(300, FIELDS, 9)
    found = read(
        v9(sets, two, seq=10), v9(two, seq=11), v9(two, seq=15), v9(two, seq=14), v9(two, seq=0), v9(two, seq=0)
    )
    assert found.losses == {"export datagrams missing by their sequence numbers": 2}
    assert found.notes == {"export datagrams out of order": 1, "export datagrams repeated or very late": 2}
    found = read(v9(sets, two, seq=90_000), v9(two, seq=0))
    assert found.notes == {"sequence numbers began anew": 1}


def test_sequence_is_unknown_after_a_set_without_template() -> None:
    two = data(300, FIELDS, row(1), row(2))
    found = read(ipfix(data(301, FIELDS, row(1)), template(300, FIELDS), seq=0), ipfix(two, seq=50), ipfix(two, seq=52))
    assert found.losses == {NO_TEMPLATE: 1}


def test_broken_templates_are_counted() -> None:
    broken = section(2, number(300, 2) + number(9, 2) + bytes(8))
    found = read(ipfix(template(301, FIELDS), broken, data(301, FIELDS, row(1))))
    assert (ports(found.halves), found.losses) == ([1], {"a template is cut off": 1})


GOOD = ipfix(template(300, FIELDS), data(300, FIELDS, row(1)))


def test_malformed_datagrams_of_a_known_exporter_are_lost() -> None:
    found = read(GOOD, GOOD[:-5], GOOD[:30], GOOD)
    assert found.is_export == [True, True, True, True]
    assert found.losses == {MALFORMED: 2}
    assert read(GOOD[:-5]).is_export == [False]


def dns(name: int, flags: int) -> bytes:
    head = number(name, 2) + number(flags, 2) + number(1, 2) + bytes(6)
    return head + b"\x03www\x07example\x03com\0" + number(1, 2) + number(1, 2)


OTHERS = [
    b"",
    b"\0",
    b"\0\x09",
    b"\0\x0a" + bytes(14),
    *[dns(name, flags) for name in (5, 9, 10) for flags in (0x0100, 0x8180, 0x0010)],
    dns(10, 33),
    b"\0\x05\0\x01File not found\0",
    b"\0\x05\0\x01" + b"x" * 67 + b"\0",
    b"j\x81\x90" + bytes(100),
    b"#" + bytes(47),
    b"\0\0\0\x05" + bytes(140),
    bytes(72),
    b"\0\x05" + bytes(70),
    b"\0\x09\0\x01" + bytes(16),
    b"\0\x09\0\x01" + bytes(24),
    b"\0\x0a\0\x14" + bytes(16),
    b"\0\x0a\0\x10" + bytes(12),
    struct.pack(">H", 10) * 40,
    b"\x01" + GOOD[1:],
]


@pytest.mark.parametrize("payload", OTHERS, ids=range(len(OTHERS)))
def test_other_datagrams_are_not_mistaken(payload: bytes) -> None:
    found = read(payload)
    assert found.is_export == [False]
    assert (found.halves, found.records, found.collector.others) == ([], [], 1)


def test_noise_is_not_mistaken() -> None:
    noise = random.Random(7)
    payloads = [bytes((0, noise.choice((5, 9, 10)))) + noise.randbytes(noise.randrange(18, 300)) for _ in range(3000)]
    assert not any(read(*payloads).is_export)


def test_columns_that_point_outside_the_block() -> None:
    block, good = columns([GOOD, GOOD])
    start = np.array([-5, len(block) - 10], np.int64)
    bad = Datagrams(good.time_us, good.src_no, good.src_port, good.dest_port, start, good.payload_bytes)
    collector = Collector()
    assert collector.take(block, bad).tolist() == [False, False]
    assert collector.take(bytearray(block), good).tolist() == [True, True]
    assert collector.take(b"", columns([])[1]).tolist() == []


def test_mutated_datagrams_do_no_harm() -> None:
    for each in fuzz.seeds():
        fuzz.check(fuzz.packed(each))
    assert fuzz.mutate(seconds=60, seed=3, most=300) == 300


def test_no_quadratic_behaviour_of_waiting_sets() -> None:
    """Many sets wait for one template while others come and go: each waits once."""
    waiting = [ipfix(data(999, FIELDS), seq=place) for place in range(3000)]
    churn = [
        ipfix(*[template(300 + (place + each) % 40, FIELDS[: 5 + place % 4]) for each in range(20)])
        for place in range(300)
    ]
    found = read(*waiting, *churn)
    assert found.losses == {NO_TEMPLATE: 3000}

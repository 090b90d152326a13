"""What is common to all records: protocols, ends, losses and sampling by observer."""

from rpcsight.wire.netflow.flowrows import protocol_name
from tests.wire.exports import ENDS, EXPORTER, Field, data, flow, ipfix, read, template

MS = 1_790_000_000_000
TIMES: list[Field] = [(152, 8), (153, 8)]
FIELDS = [*ENDS, *TIMES]


def test_protocol_names() -> None:
    assert [protocol_name(number) for number in (1, 6, 17, 58, 132)] == ["icmp", "tcp", "udp", "ipv6-icmp", "132"]


def test_only_tcp_in_the_order_it_came() -> None:
    rows = [flow(MS, MS, proto=6 if place % 3 else 17, sport=place) for place in range(20)]
    found = read(ipfix(template(300, FIELDS), data(300, FIELDS, *rows)))
    assert [row["src_port"] for row in found.halves] == [place for place in range(20) if place % 3]
    assert found.collector.protocols == {"tcp": 13, "udp": 7}


def test_a_set_without_tcp() -> None:
    found = read(ipfix(template(300, FIELDS), data(300, FIELDS, flow(MS, MS, proto=17))))
    assert (found.halves, found.collector.protocols, found.losses) == ([], {"udp": 1}, {})


def test_records_without_ends_or_protocol_are_counted() -> None:
    for left_out, reason in (
        (0, "TCP records without addresses or ports"),
        (3, "TCP records without addresses or ports"),
        (4, "records without a protocol"),
    ):
        fields = [field for place, field in enumerate(FIELDS) if place != left_out]
        row = [value for place, value in enumerate(flow(MS, MS)) if place != left_out]
        found = read(ipfix(template(300, fields), data(300, fields, row, row)))
        assert (found.halves, found.losses) == ([], {reason: 2})


def test_losses_and_sampling_belong_to_their_observer() -> None:
    fields: list[Field] = [*FIELDS, (34, 4)]
    sets = template(300, fields)
    payloads = (
        ipfix(sets, data(300, fields, flow(MS, MS, 1), flow(MS, 0, 1))),
        ipfix(sets, data(300, fields, flow(MS, MS, 512), flow(MS, MS - 1, 512), flow(MS, MS - 1, 10)), domain=8),
    )
    found = read(*payloads, exporters=[EXPORTER, EXPORTER + 1])
    first, second = "192.0.2.1 domain 0", "192.0.2.2 domain 8"
    assert [row["observer"] for row in found.halves] == [first] * 2 + [second] * 3
    assert found.collector.losses == {
        first: {"its time is before 1990 or after 2100": 1},
        second: {"it ends before it starts": 2},
    }
    assert found.collector.notes == {second: {"sampled, one in 512 packets: short connections may be missing": 1}}

"""One-way records have the columns of `schema.HALF`."""

import ipaddress

from rpcsight import schema
from rpcsight.wire.netflow.halves import HALVES
from tests.recording import arrow_schema
from tests.wire.exports import ENDS, Field, data, flow, ipfix, read, template

MS = 1_790_000_000_000
TIMES: list[Field] = [(152, 8), (153, 8)]


def test_columns_are_the_schemas() -> None:
    assert set(HALVES) - set(arrow_schema(schema.HALF)) == {HALVES.field("bytes"), HALVES.field("packets")}
    assert {field.name for field in set(arrow_schema(schema.HALF)) - set(HALVES)} == {"source"}


def test_ids_of_the_exporter() -> None:
    fields = [*ENDS, *TIMES, (148, 8)]
    rows = [flow(MS, MS, number) for number in (7, 0, 2**64 - 1)]
    found = read(ipfix(template(300, fields), data(300, fields, *rows)))
    assert [row["flow_id"] for row in found.halves] == ["7", None, str(2**64 - 1)]


def test_ipv6() -> None:
    fields: list[Field] = [(27, 16), (28, 16), (7, 2), (11, 2), (4, 1), *TIMES]
    ends = [int(ipaddress.ip_address(text)) for text in ("2001:db8::1", "::ffff:10.0.0.1")]
    (row,) = read(ipfix(template(300, fields), data(300, fields, [*ends, 50000, 135, 6, MS, MS]))).halves
    assert (row["src_ip"], row["dest_ip"]) == ("2001:db8::1", str(ipaddress.IPv6Address(ends[1])))
    assert (row["tcp_flags"], row["bytes"], row["packets"]) == (None, None, None)


def test_both_families_in_one_template() -> None:
    fields: list[Field] = [*ENDS, (27, 16), (28, 16), *TIMES]
    v4 = (*flow(), 0, 0, MS, MS)
    v6 = (0, 0, *flow()[2:], 1, 2, MS, MS)
    found = read(ipfix(template(300, fields), data(300, fields, v4, v6)))
    assert [(row["src_ip"], row["dest_ip"]) for row in found.halves] == [("10.0.0.1", "10.0.0.2"), ("::1", "::2")]
    fields.append((60, 1))
    found = read(ipfix(template(300, fields), data(300, fields, (*v4, 6), (*v6, 4))))
    assert [(row["src_ip"], row["dest_ip"]) for row in found.halves] == [("::", "::"), ("0.0.0.0", "0.0.0.0")]  # noqa: S104


def test_totals_where_there_are_no_deltas() -> None:
    fields: list[Field] = [*ENDS[:6], (85, 8), (86, 8), *TIMES]
    (row,) = read(ipfix(template(300, fields), data(300, fields, (*flow()[:6], 77, 8, MS, MS)))).halves
    assert (row["bytes"], row["packets"]) == (77, 8)


def test_flags_of_two_bytes() -> None:
    fields: list[Field] = [*ENDS[:5], (6, 2), *TIMES]
    (row,) = read(ipfix(template(300, fields), data(300, fields, (*flow()[:5], 0x0112, MS, MS)))).halves
    assert row["tcp_flags"] == "AS"


def test_flags_of_first_and_later_packets() -> None:
    fields: list[Field] = [*ENDS[:5], (14, 1, 6871), (15, 1, 6871), *TIMES]
    (row,) = read(ipfix(template(300, fields), data(300, fields, (*flow()[:5], 2, 0x18, MS, MS)))).halves
    assert row["tcp_flags"] == "APS"

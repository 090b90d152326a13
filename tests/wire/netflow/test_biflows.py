"""Records of both directions: who called whom, whether it was answered, counts of both sides."""

from typing import Any

import pytest

from rpcsight import schema
from rpcsight.wire.netflow.biflows import RECORDS
from tests.recording import arrow_schema
from tests.wire.exports import ENDS, REVERSE, Field, data, flow, ipfix, read, template, v9

MS = 1_790_000_000_000
FIELDS: list[Field] = [*ENDS, (152, 8), (153, 8), (1, 4, REVERSE), (2, 4, REVERSE), (6, 1, REVERSE)]
S, A, P, R, F = 2, 16, 8, 4, 1
OUT = ("10.0.0.1", 50000, "10.0.0.2", 135)
BACK = ("10.0.0.2", 135, "10.0.0.1", 50000)


def one(fields: list[Field], values: tuple[int, ...], flags: int = 0x1B) -> dict[str, Any]:
    row = (*flow()[:5], flags, 600, 5, MS, MS + 50, *values)
    found = read(ipfix(template(300, fields), data(300, fields, row)))
    (record,) = found.records
    assert found.halves == []
    return record


def ends(record: dict[str, Any]) -> tuple[object, ...]:
    return tuple(record[name] for name in ("src_ip", "src_port", "dest_ip", "dest_port"))


def counts(record: dict[str, Any]) -> tuple[object, ...]:
    return tuple(record[name] for name in ("out_bytes", "in_bytes", "out_packets", "in_packets"))


def test_columns_are_the_schemas() -> None:
    more = {"out_bytes", "in_bytes", "out_packets", "in_packets"}
    assert {field.name for field in set(RECORDS) - set(arrow_schema(schema.RECORD))} == more
    assert {field.name for field in set(arrow_schema(schema.RECORD)) - set(RECORDS)} == {"source"}


def test_a_record_is_read_whole() -> None:
    record = one([*FIELDS, (239, 1)], (900, 7, 0x1A, 1))
    assert record == {
        "flow_id": None,
        "start_us": MS * 1000,
        "end_us": MS * 1000 + 50_000,
        "src_ip": "10.0.0.1",
        "src_port": 50000,
        "dest_ip": "10.0.0.2",
        "dest_port": 135,
        "transport_protocol": "tcp",
        "is_established": True,
        "is_oriented": True,
        "observer": "192.0.2.1 domain 0",
        "set_aside": None,
        "out_bytes": 600,
        "in_bytes": 900,
        "out_packets": 5,
        "in_packets": 7,
    }


@pytest.mark.parametrize(("back_ms", "start_ms", "expected"), [(90, 77, OUT), (70, 70, BACK)])
def test_both_directions_start_by_the_records_own_uptime(back_ms: int, start_ms: int, expected: object) -> None:
    """systemInitTimeMilliseconds in the record is what the reverse flowStartSysUpTime counts from, too."""
    fields: list[Field] = [*ENDS, (160, 8), (22, 4), (21, 4), (22, 4, REVERSE)]
    row = flow(MS, 77, 2077, back_ms)
    found = read(ipfix(template(300, fields), data(300, fields, row), now_s=MS // 1000 + 10))
    (record,) = found.records
    assert (record["start_us"], ends(record)) == ((MS + start_ms) * 1000, expected)


@pytest.mark.parametrize(
    ("direction", "is_oriented", "expected", "bytes_"),
    [
        (0, False, OUT, (600, 900, 5, 7)),
        (1, True, OUT, (600, 900, 5, 7)),
        (2, True, BACK, (900, 600, 7, 5)),
        (3, False, OUT, (600, 900, 5, 7)),
    ],
)
def test_biflow_direction(
    direction: int, is_oriented: bool, expected: tuple[object, ...], bytes_: tuple[int, ...]
) -> None:
    record = one([*FIELDS, (239, 1)], (900, 7, 0x1B, direction))
    assert (record["is_oriented"], ends(record), counts(record)) == (is_oriented, expected, bytes_)


@pytest.mark.parametrize(
    ("forward", "back", "is_oriented", "expected", "is_established", "set_aside"),
    [
        (S | A | P | F, S | A | P | F, False, OUT, True, None),
        (S, A | R, True, OUT, False, None),
        (A | R, S, True, BACK, False, None),
        (S, 0, True, OUT, False, None),
        (0, S, True, BACK, False, None),
        (S | R, S | A, True, OUT, False, None),
        (S, S, False, OUT, False, None),
        (S | A, S | A, False, OUT, True, None),
        (0, 0, False, OUT, None, None),
        (A | P, A, False, OUT, True, "continuation of a connection that started before"),
    ],
)
def test_flags_tell(
    forward: int,
    back: int,
    is_oriented: bool,
    expected: tuple[object, ...],
    is_established: bool | None,
    set_aside: str | None,
) -> None:
    record = one(FIELDS, (900, 7, back), flags=forward)
    assert (record["is_oriented"], ends(record)) == (is_oriented, expected)
    assert (record["is_established"], record["set_aside"]) == (is_established, set_aside)


@pytest.mark.parametrize(
    ("back_ms", "is_oriented", "expected", "start_ms"),
    [(MS + 3, True, OUT, MS), (MS - 3, True, BACK, MS - 3), (MS, False, OUT, MS), (0, False, OUT, MS)],
)
def test_the_earlier_side_called(back_ms: int, is_oriented: bool, expected: tuple[object, ...], start_ms: int) -> None:
    record = one([*FIELDS, (152, 8, REVERSE)], (900, 7, 0x1B, back_ms))
    assert (record["is_oriented"], ends(record), record["start_us"]) == (is_oriented, expected, start_ms * 1000)


def test_what_the_exporter_says_counts_more_than_flags() -> None:
    assert ends(one([*FIELDS, (239, 1)], (900, 7, S, 1), flags=A | R)) == OUT
    assert ends(one([*FIELDS, (239, 1)], (900, 7, A | R, 2), flags=S)) == BACK


def test_delay_of_the_answer_says_that_the_source_called() -> None:
    assert one([*FIELDS, (21, 4, 6871)], (900, 7, 0x1B, 12))["is_oriented"] is True


NSEL: list[Field] = [*ENDS[:5], (233, 1), (152, 8), (231, 4), (232, 4), (298, 4), (299, 4)]


@pytest.mark.parametrize(("event", "is_established"), [(1, None), (2, None), (3, False)])
def test_firewall_events(event: int, is_established: bool | None) -> None:
    sets = template(300, NSEL, 9) + data(300, NSEL, (*flow()[:5], event, MS, 100, 200, 3, 4))
    (record,) = read(v9(sets)).records
    assert (record["is_oriented"], record["is_established"], ends(record)) == (True, is_established, OUT)
    assert (counts(record), record["end_us"]) == ((100, 200, 3, 4), None)


def test_times_set_aside_stay_so() -> None:
    fields: list[Field] = [*ENDS, (152, 8), (6, 1, REVERSE), (152, 8, REVERSE)]
    sets = template(300, fields) + data(300, fields, (*flow(), 5, A, MS))
    found = read(ipfix(sets))
    assert [row["set_aside"] for row in found.records] == ["its time is before 1990 or after 2100"]

"""Times in every way that records say them."""

import struct

import pytest

from tests.wire.exports import ENDS, NOW_S, UPTIME_MS, Field, data, flow, ipfix, options_template, read, template, v9

US = 1_000_000
START_US = NOW_S * US - 2_500_000
END_US = NOW_S * US - 500_000
COARSE = "times of one-second clocks, milliseconds apart within the exporter: up to 1 s early"


def ntp(us: int) -> int:
    """As exporters make it: seconds since 1900, and the fraction cut off."""
    return (us // US + 2_208_988_800) << 32 | (us % US << 32) // US


@pytest.mark.parametrize(
    ("fields", "values", "expected"),
    [
        ([(150, 4), (151, 4)], (NOW_S - 3, NOW_S - 1), (NOW_S * US - 3 * US, NOW_S * US - US)),
        ([(152, 8), (153, 8)], (START_US // 1000, END_US // 1000), (START_US, END_US)),
        ([(154, 8), (155, 8)], (ntp(START_US + 7), ntp(END_US + 999_999)), (START_US + 7, END_US + 999_999)),
        ([(156, 8), (157, 8)], (ntp(START_US + 1), ntp(END_US)), (START_US + 1, END_US)),
        ([(158, 4), (159, 4)], (2_500_000, 500_000), (START_US, END_US)),
        ([(158, 3), (159, 3)], (2_500_000, 500_000), (START_US, END_US)),
        ([(160, 8), (22, 4), (21, 4)], (START_US // 1000 - 77, 77, 2077), (START_US, END_US)),
        ([(152, 8), (161, 4)], (START_US // 1000, 2000), (START_US, END_US)),
        ([(153, 8), (161, 4)], (END_US // 1000, 2000), (START_US, END_US)),
        ([(152, 8), (162, 4)], (START_US // 1000, 2_000_000), (START_US, END_US)),
        ([(150, 4), (151, 4), (152, 8), (153, 8)], (1, 2, START_US // 1000, END_US // 1000), (START_US, END_US)),
        ([(152, 8)], (START_US // 1000,), (START_US, None)),
        ([(154, 8)], ((5 << 32) + (1 << 31),), ((2**32 + 5 - 2_208_988_800) * US + 500_000, None)),
    ],
    ids=[
        "s",
        "ms",
        "ntp us",
        "ntp ns",
        "before",
        "before, 3 bytes",
        "init",
        "ms + duration",
        "duration before end",
        "us duration",
        "finest",
        "no end",
        "ntp 2036",
    ],
)
def test_pairs(fields: list[Field], values: tuple[int, ...], expected: tuple[int, int | None]) -> None:
    all_fields = [*ENDS, *fields]
    found = read(ipfix(template(300, all_fields), data(300, all_fields, flow(*values))))
    assert [(row["start_us"], row["end_us"], row["set_aside"]) for row in found.halves] == [(*expected, None)]
    assert found.losses == {}


def test_seconds_are_noted() -> None:
    fields = [*ENDS, (150, 4), (151, 4)]
    found = read(ipfix(template(300, fields), data(300, fields, flow(NOW_S - 2, NOW_S), flow(NOW_S, NOW_S))))
    assert found.notes == {"times in whole seconds": 2}


@pytest.mark.parametrize(
    ("fields", "values", "reason"),
    [
        ([(152, 8), (153, 8)], (0, END_US // 1000), "its time is before 1990 or after 2100"),
        ([(152, 8), (153, 8)], (2**64 - 1, 2**64 - 1), "its time is before 1990 or after 2100"),
        ([(152, 8), (153, 8)], (START_US // 1000, 2**63), "its time is before 1990 or after 2100"),
        ([(150, 8), (151, 8)], (2**64 - 1, 2**64 - 1), "its time is before 1990 or after 2100"),
        ([(154, 8), (155, 8)], (0, 0), "its time is before 1990 or after 2100"),
        ([(154, 8)], (2**63 - 1,), "its time is before 1990 or after 2100"),
        ([(158, 8), (159, 8)], (2**64 - 1, 0), "its time is before 1990 or after 2100"),
        ([(152, 8), (161, 8)], (START_US // 1000, 2**64 - 1), "its time is before 1990 or after 2100"),
        ([(152, 8), (153, 8)], (END_US // 1000, START_US // 1000), "it ends before it starts"),
        ([(153, 8)], (END_US // 1000,), "no start time"),
        ([], (), "no start time"),
        ([(161, 4)], (5,), "no start time"),
    ],
)
def test_absurd_times_are_set_aside(fields: list[Field], values: tuple[int, ...], reason: str) -> None:
    all_fields = [*ENDS, *fields]
    found = read(ipfix(template(300, all_fields), data(300, all_fields, flow(*values))))
    assert [row["set_aside"] for row in found.halves] == [reason]
    assert found.losses == {reason: 1}


UPTIMES = [*ENDS, (22, 4), (21, 4)]


@pytest.mark.parametrize(
    ("uptime_ms", "start", "end"),
    [(UPTIME_MS, UPTIME_MS - 3000, UPTIME_MS - 1000), (1000, 2**32 - 2000, 0), (500, 2**32 - 2500, 2**32 - 500)],
)
def test_v9_uptimes(uptime_ms: int, start: int, end: int) -> None:
    found = read(v9(template(300, UPTIMES, 9), data(300, UPTIMES, flow(start, end)), uptime_ms=uptime_ms))
    assert [(row["start_us"], row["end_us"]) for row in found.halves] == [((NOW_S - 3) * US, (NOW_S - 1) * US)]
    assert found.notes == {COARSE: 1}


def test_v9_datagrams_of_one_exporter_agree_with_each_other() -> None:
    """The same moment, told in datagrams whose whole seconds are cut off by 0.9, 0.1, 0.95 and 0 s."""
    boot_ms = NOW_S * 1000 + 123
    sent_ms = (boot_ms + 60_777, boot_ms + 62_977, boot_ms + 65_827, boot_ms + 69_877)
    sets = template(300, UPTIMES, 9) + data(300, UPTIMES, flow(50_000, 51_000))
    payloads = [v9(sets, uptime_ms=sent - boot_ms, now_s=sent // 1000, seq=place) for place, sent in enumerate(sent_ms)]
    found = [row["start_us"] // 1000 - boot_ms - 50_000 for row in read(*payloads).halves]
    assert found == [-900, -100, -100, 0]


def test_v9_with_another_start_is_another_clock() -> None:
    payloads = [
        v9(template(300, UPTIMES, 9), data(300, UPTIMES, flow(1000, 1000)), uptime_ms=2000, now_s=now, seq=place)
        for place, now in enumerate((NOW_S, NOW_S + 100, NOW_S - 500))
    ]
    assert [row["start_us"] // US - NOW_S for row in read(*payloads).halves] == [-1, 99, -501]


def init_options(init_ms: int) -> bytes:
    fields: list[Field] = [(143, 4), (160, 8), (305, 4), (306, 4), (304, 2)]
    return options_template(256, fields[:1], fields[1:]) + data(256, fields, (1, init_ms, 1, 0, 1))


@pytest.mark.parametrize("init_ms", [NOW_S * 1000 - 10_000, NOW_S * 1000 - 2**32 - 7000, NOW_S * 1000 - 3 * 2**32 + 1])
def test_ipfix_uptimes_from_the_start_in_options(init_ms: int) -> None:
    start, end = ((NOW_S * 1000 - ago - init_ms) % 2**32 for ago in (2500, 500))
    found = read(ipfix(init_options(init_ms), template(300, UPTIMES), data(300, UPTIMES, flow(start, end))))
    assert [(row["start_us"], row["end_us"]) for row in found.halves] == [(START_US, END_US)]
    assert (found.notes, found.losses, found.collector.option_records) == ({}, {}, 1)


def test_ipfix_uptimes_wait_for_the_start() -> None:
    payload = ipfix(template(300, UPTIMES), data(300, UPTIMES, flow(100, 200), flow(100, 200)))
    init = NOW_S * 1000 - 10_000
    found = read(payload, ipfix(init_options(init), seq=2), blocks=2)
    assert [row["start_us"] for row in found.halves] == [(init + 100) * 1000] * 2
    found = read(payload)
    assert found.halves == []
    assert found.losses == {"data sets with uptimes only, and no start of the exporter (systemInitTimeMilliseconds)": 1}


def test_the_test_makes_ntp_as_softflowd_does() -> None:
    softflowd = struct.unpack(">Q", bytes.fromhex("eeac8ffbe4c1db01"))[0]
    assert abs(ntp(1_795_297_659_893_583) - softflowd) <= 4295

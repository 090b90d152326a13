"""The checks of a diagnosis, one input each; texts as a whole are in tests/golden."""

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rpcsight
from rpcsight import diagnosis
from rpcsight.account import lines
from rpcsight.diagnosis import QUESTIONS, Check, Diagnosis
from rpcsight.diagnosis.check import of
from rpcsight.diagnosis.coverage import duration
from rpcsight.diagnosis.text import as_text
from rpcsight.pipeline import Request, opened
from rpcsight.readers import sides
from rpcsight.readers import zeek as zeek_reader
from rpcsight.readers._inputs import Input
from rpcsight.readers._zeek_sides import one_sided
from tests.contracts.samples import FLOWS, FORMS, Form, flow
from tests.diagnosed import written as written_case
from tests.oracles.flow import Flow
from tests.recording import NFDUMP, PARQUET, written

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
SERVER = "10.0.0.10"


def called(number: int, at_ms: int, **other: Any) -> list[Flow]:
    """A connection to the mapper and one after it."""
    client = f"10.0.1.{number}"
    return [
        flow(10 * number, at_ms, 20, (client, 50000 + number), (SERVER, 135), **other),
        flow(10 * number + 1, at_ms + 30, 20, (client, 51000 + number), (SERVER, 49664), **other),
    ]


def diagnosed(flows: Sequence[Flow], folder: Path) -> Diagnosis:
    return rpcsight.doctor(written(flows, folder / "flows.parquet"))


def check(found: Diagnosis, check_id: str) -> Check | None:
    return next((each for each in found.checks if each.check_id == check_id), None)


def told(found: Diagnosis, check_id: str) -> tuple[str, str]:
    each = check(found, check_id)
    assert each is not None
    return each.verdict, each.text


# --- reading for a diagnosis


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_survey_reads_the_same_candidates(form: Form, tmp_path: Path) -> None:
    path = tmp_path / form.file
    path.write_bytes(form.write(FLOWS))
    request = Request([str(path)], mapping=form.mapping)
    rows: list[list[dict[str, Any]]] = []
    for is_survey in (False, True):
        with opened(request, is_survey=is_survey) as session:
            rows.append(session.candidates().to_pylist())
    assert rows[0] == rows[1]


@pytest.mark.parametrize(("path", "records"), [(PARQUET, 36), (NFDUMP, 40)], ids=["connections", "one-way"])
def test_records_on_other_ports_are_counted(path: Path, records: int) -> None:
    """The recording has 36 connections to port 445, and nfdump four more that had begun before it."""
    found = rpcsight.doctor(path).found
    assert (found["other_ports"], found["candidates"]) == ({"445": records}, 483)


def test_bounds_hold_for_other_ports_too(tmp_path: Path) -> None:
    flows = [*called(1, 0), *(flow(90 + n, n * HOUR_MS, 5, ("10.0.1.1", 52000 + n), (SERVER, 5985)) for n in range(3))]
    path = written(flows, tmp_path / "flows.parquet")
    assert rpcsight.doctor(path, until="2026-03-02T11:00").found["other_ports"] == {"5985": 1}
    assert rpcsight.doctor(path).found["other_ports"] == {"5985": 3}


# --- checks


def test_nothing_to_find(tmp_path: Path) -> None:
    found = diagnosed([flow(1, 0, 5, ("10.0.1.1", 50000), (SERVER, 443))], tmp_path)
    assert (found.verdict, found.summary) == (
        "bad",
        "The rule can't work on this: no connection to port 135; no connection to a dynamic port.",
    )
    assert check(found, "clock") is None


def test_datagrams_are_no_connections(tmp_path: Path) -> None:
    found = diagnosed([replace(each, transport_protocol="udp") for each in called(1, 0)], tmp_path)
    assert (found.summary, check(found, "established")) == (
        "The rule can't work on this: no connection to port 135; no connection to a dynamic port.",
        None,
    )


def test_answers_only(tmp_path: Path) -> None:
    found = diagnosed([flow(1, 0, 5, (SERVER, 135), ("10.0.1.1", 50000))], tmp_path)
    assert told(found, "mapper") == ("bad", "No record of a connection to port 135, only 1 record of its answers.")
    assert told(found, "direction")[0] == "limited"
    assert check(found, "caller") is None


def test_both_kinds_of_connections_and_no_rpc(tmp_path: Path) -> None:
    flows = [
        flow(1, 0, 5, ("10.0.1.1", 50000), (SERVER, 135)),
        flow(2, 90_500, 5, ("10.0.1.2", 50000), (SERVER, 49664)),
    ]
    found = diagnosed(flows, tmp_path)
    assert (found.verdict, told(found, "activities")) == (
        "good",
        (
            "unknown",
            "There are connections to port 135 and to dynamic ports, but between no two hosts does one to a dynamic port follow within "
            "2 s.",
        ),
    )


def test_a_short_log(tmp_path: Path) -> None:
    found = diagnosed(called(1, 0), tmp_path)
    assert told(found, "span") == (
        "limited",
        "From 2026-03-02 10:00:00 to 2026-03-02 10:00:00 UTC: 0 s; whatever lies before or after is not seen.",
    )


def test_a_gap(tmp_path: Path) -> None:
    found = diagnosed([*called(1, 0), *called(2, 3 * HOUR_MS)], tmp_path)
    assert told(found, "gaps") == (
        "unknown",
        "No connection to these ports began from 2026-03-02 10:01 to 2026-03-02 13:00 UTC (2 h 59 min): nothing happened, or nothing "
        "was recorded.",
    )
    assert check(diagnosed([*called(1, 0), *called(2, 59 * MINUTE_MS)], tmp_path), "gaps") is None


def test_who_called_is_not_known(tmp_path: Path) -> None:
    flows = [*called(1, 0), *called(2, MINUTE_MS, is_oriented=False)]
    assert told(diagnosed(flows, tmp_path), "caller") == (
        "limited",
        "Not known for 2 of 4 records; both ways round are tried.",
    )


def test_attempts(tmp_path: Path) -> None:
    every = [each for number in range(1, 31) for each in called(number, number * MINUTE_MS)]
    assert told(diagnosed(every, tmp_path), "attempts") == (
        "unknown",
        "No attempt that failed among 60 records: none happened, or they are not logged.",
    )
    failed = replace(every[-1], is_established=False)
    assert told(diagnosed([*every[:-1], failed], tmp_path), "attempts") == (
        "good",
        "1 unanswered or refused attempt recorded: blocked attacks are seen (`rpcsight run rpc-attempts`).",
    )
    assert check(diagnosed(every[:40], tmp_path), "attempts") is None


@pytest.mark.parametrize(
    ("late_ms", "verdict", "text"),
    [
        (
            -400,
            "good",
            "No difference of more than 1 s is sure between the clocks of 1 pair of observers that recorded the same connections; the "
            "largest: west is 0.400 s (± 0.000 s) before east on 6 connections that both recorded.",
        ),
        (
            2500,
            "limited",
            "Clocks are apart: west is 2.500 s (± 0.000 s) after east on 6 connections that both recorded. Connections are only compared "
            "within one observer's records; times across observers are off by as much.",
        ),
    ],
)
def test_clocks_of_two_observers(late_ms: int, verdict: str, text: str, tmp_path: Path) -> None:
    east = [each for number in (1, 2, 3) for each in called(number, number * MINUTE_MS + 7, observer="east")]
    shift = late_ms * 1000
    west = [replace(each, observer="west", start_us=each.start_us + shift, end_us=each.end_us + shift) for each in east]
    found = diagnosed([*east, *west], tmp_path)
    numbers = dict.fromkeys(("median_s", "lower_quartile_s", "upper_quartile_s", "least_s", "most_s"), late_ms / 1000)
    assert (told(found, "clocks"), found.found["clock_differences"]) == (
        (verdict, text),
        [{"first_observer": "east", "second_observer": "west", "connections": 6, "whole_seconds": 0, **numbers}],
    )


def test_clocks_of_whole_seconds_are_half_a_second_unsure(tmp_path: Path) -> None:
    """West's clock is right, and cuts: what it writes is 0.007 s early, and 0.037 s early of the second connections."""
    east = [each for number in (1, 2, 3) for each in called(number, number * MINUTE_MS + 7, observer="east")]
    west = [replace(each, observer="west", start_us=each.start_us // 1_000_000 * 1_000_000) for each in east]
    found = diagnosed([*east, *west], tmp_path)
    assert told(found, "clocks") == (
        "good",
        "No difference of more than 1 s is sure between the clocks of 1 pair of observers that recorded the same connections; the "
        "largest: west is 0.478 s (± 0.500 s) after east on 6 connections that both recorded.",
    )
    (difference,) = found.found["clock_differences"]
    assert (difference["whole_seconds"], difference["least_s"], difference["most_s"]) == (6, 0.463, 0.493)


def test_clocks_are_compared_on_what_two_can_have_seen_only(tmp_path: Path) -> None:
    """Not on what a host tells itself, on datagrams, nor where more observers than 8 have the same ends."""
    many = [replace(each, observer=f"o{number}") for number in range(9) for each in called(1, 7 + number, observer="")]
    own = [flow(n, 507, 5, ("127.0.0.1", 50000), ("127.0.0.1", 135), observer=name) for n, name in enumerate("ab")]
    datagrams = [replace(each, transport_protocol="udp", observer=name) for name in "ab" for each in called(2, 7)]
    assert diagnosed([*many, *own, *datagrams], tmp_path).found["clock_differences"] == []
    assert len(diagnosed(many[: 2 * 8], tmp_path).found["clock_differences"]) == 8 * 7 // 2


def test_records_that_could_not_be_used(tmp_path: Path) -> None:
    header = "start_time,src_ip,src_port,dest_ip,dest_port\n"
    sound = [f"2026-03-02T10:{n:02}:00.5Z,10.0.1.1,{50000 + n},{SERVER},135\n" for n in range(40)]
    broken = f"never,10.0.1.1,50099,{SERVER},135\n" * 10
    path = tmp_path / "flows.csv"
    path.write_text(header + "".join(sound) + broken)
    found = rpcsight.doctor(path)
    reason = "start_time missing or not a time"
    assert told(found, "skipped") == (
        "limited",
        "10 of 50 records (20.0%) could not be used; see what was left out.",
    )
    assert [(each["reason"], each["records"]) for each in found.found["skips"]] == [(reason, 10)]


def test_files_that_are_not_read_are_named(tmp_path: Path) -> None:
    written([*called(1, 0), *called(2, 2 * MINUTE_MS)], tmp_path / "flows.parquet")
    (tmp_path / "empty.log").write_text("")
    found = rpcsight.doctor(tmp_path)
    assert found.found["unused_files"] == [{"source": str(tmp_path / "empty.log"), "reason": "is empty"}]
    assert (found.verdict, told(found, "skipped")) == ("good", ("good", "All 4 records could be understood."))


# --- both sides of Zeek's connections


def test_sides_of_histories() -> None:
    assert one_sided(["ShADadFf", "^hadf", "Sr", "S", "^d", "", "SAD", "-"]) == (2, 4)


@pytest.mark.parametrize("is_json", [False, True])
def test_sides_of_a_log(is_json: bool, tmp_path: Path) -> None:
    names = ("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "history")
    rows = [("1.5", "C1", "10.0.0.1", "50000", SERVER, "135", proto, history) for proto, history in HISTORIES]
    if is_json:
        text = "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)
    else:
        text = "#fields\t" + "\t".join(names) + "\n" + "".join("\t".join(row) + "\n" for row in rows)
    item = Input(tmp_path / "conn.log", "conn.log", head=text.encode())
    assert sides(zeek_reader, item) == (1, 2)


HISTORIES = (("tcp", "^hadf"), ("tcp", "ShAD"), ("udp", "^dd"), ("tcp", "-"))


# --- what is told


def test_limits_for_a_hunt(tmp_path: Path) -> None:
    assert list(rpcsight.hunt(NFDUMP, budget=0).account.limits) == []
    account = rpcsight.hunt(written_case(tmp_path, "aws"), budget=0).account
    expected = (
        "results are limited: unanswered attempts can't be told from RPC; times are whole seconds (and 1 more); "
        "`rpcsight doctor` with the same files says what to change"
    )
    assert (account.limits, expected in list(lines(account))) == ([expected], True)


def test_a_short_diagnosis_has_the_verdict_of_the_long_one(tmp_path: Path) -> None:
    path = written_case(tmp_path, "minutes")
    with opened(Request([str(path)])) as session:
        short = diagnosis.limits(session)
    limited = [
        each.limit for each in rpcsight.doctor(path).checks if each.about == "rule" and each.verdict == "limited"
    ]
    assert short == [
        f"results are limited: {'; '.join(limited)}; `rpcsight doctor` with the same files says what to change"
    ]


def test_as_plain_values(tmp_path: Path) -> None:
    found = rpcsight.doctor(written_case(tmp_path, "security-1s"))
    plain = found.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert (list(plain), {tuple(each) for each in plain["checks"]}) == (
        ["verdict", "summary", "found", "checks"],
        {("check_id", "about", "title", "verdict", "text", "limit", "change")},
    )
    assert {each["check_id"] for each in plain["checks"]} <= {each.check_id for each in QUESTIONS}


@pytest.mark.parametrize("width", [60, 100, 160])
def test_text_fits(width: int, tmp_path: Path) -> None:
    text = as_text(rpcsight.doctor(written_case(tmp_path, "netflow-one-way")), width)
    long = [line for line in text.splitlines() if len(line) > width and " " in line.strip()[3:].strip()]
    assert (long, "\x1b" in text) == ([], False)


def test_colours_only_where_asked_and_no_control_characters_of_names(tmp_path: Path) -> None:
    found = diagnosed([*called(1, 0, observer="a\x1b[31mb\nc"), *called(2, MINUTE_MS)], tmp_path)
    assert "\x1b" not in as_text(found, 100)
    assert "a\\x1b[31mb\\nc: 2 of these records" in as_text(found, 100)
    assert "\x1b[" in as_text(found, 100, is_coloured=True)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (7260, "2 h 1 min"),
        (86400, "1 day"),
        (190_000, "2 days 4 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_parts_in_words() -> None:
    assert [of(*each, "record") for each in ((0, 3), (1, 3), (3, 3), (1, 1))] == [
        "none of 3 records",
        "1 of 3 records",
        "all 3 records",
        "1 record",
    ]


def test_each_check_has_a_name_of_its_own_and_steps() -> None:
    names = [each.check_id for each in QUESTIONS]
    assert len(set(names)) == len(names)
    assert [each.check_id for each in QUESTIONS if not each.change] == []
    assert os.sep not in "".join(names)

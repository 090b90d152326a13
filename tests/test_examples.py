"""Examples of analytics: every analytic has some, they hold, and mistakes in them are told."""

import pytest

from rpcsight.analytics import all_analytics
from rpcsight.errors import SettingsError
from rpcsight.examples import Example, examples, outcome

SHOWN = [
    pytest.param(each.header.id, example, id=f"{each.header.id}: {example.about[:60]}")
    for each in all_analytics()
    for example in examples(each.header.id)
]
CALL = "time_s  src_ip  dest_ip  interface  opnum\n1  10.0.0.1  10.0.0.2  drsuapi  DRSGetNCChanges"


@pytest.mark.parametrize("name", [each.header.id for each in all_analytics() if each.header.kind != "list"])
def test_an_analytic_has_examples_that_fire_and_near_misses(name: str) -> None:
    if name == "CAR-2014-05-001":
        pytest.skip("has an oracle and the recording")
    shown = examples(name)
    assert [each.about for each in shown if each.rows]
    assert [each.about for each in shown if not each.rows]


@pytest.mark.parametrize(("name", "example"), SHOWN)
def test_it_holds(name: str, example: Example) -> None:
    found = outcome(name, example)
    assert not found.problem, found.rows.to_pylist()


@pytest.mark.parametrize(
    ("example", "problem"),
    [
        (Example(about="", rows=2, rpc_call=CALL), "1 rows instead of 2"),
        (
            Example(about="", rows=1, rpc_call=CALL, expect="events  tier\n2  decoded"),
            "row 1: events is 1 instead of 2",
        ),
        (Example(about="", rows=1, rpc_call=CALL, expect="colour\nred"), "row 1: there is no column colour"),
        (Example(about="", rows=1, rpc_call=CALL, expect="events\n1\n1"), "expect has 2 rows, rows says 1"),
    ],
)
def test_what_differs_is_told(example: Example, problem: str) -> None:
    assert outcome("dcsync", example).problem == problem


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("time_s  colour\n1  red", "there is no such column"),
        ("time_us  src_ip\n1  10.0.0.1", "there is no such column"),
        ("time_s  src_ip\n1", "1 cells under 2 columns"),
        ("time_s  interface\n1  nonsense", "'nonsense' does not fit"),
        ("time_s  interface  opnum\n1  drsuapi  Nonsense", "'Nonsense' does not fit"),
        ("time_s  times\n1  20000", "20000 is not 1 to 10000"),
    ],
)
def test_a_table_that_is_none_is_an_error(text: str, what: str) -> None:
    with pytest.raises(SettingsError, match=what):
        outcome("dcsync", Example(about="", rows=0, rpc_call=text))


def test_a_line_can_stand_for_many_records() -> None:
    text = "time_s  times  every_s  src_ip  dest_ip  interface  opnum\n1  3  2  10.0.0.{n}  10.0.1.1  drsuapi  DRSGetNCChanges"
    rows = outcome("dcsync", Example(about="", rows=3, rpc_call=text)).rows.to_pylist()
    assert [(row["src_ip"], row["start_time"].second) for row in rows] == [
        ("10.0.0.1", 1),
        ("10.0.0.2", 3),
        ("10.0.0.3", 5),
    ]

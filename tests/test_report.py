"""Drawings are made of plain values: every text is escaped, what is left out is said, and the same values give the same drawing."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from rpcsight.report.bars import badge, points
from rpcsight.report.heat_map import heat_map
from rpcsight.report.host_graph import CHAIN, KNOWN, NEW, Edge, Host, host_graph
from rpcsight.report.markup import clock, figure, microseconds, shortened, table, tag, visible
from rpcsight.report.pictures import chains_of, finding_timeline, findings_graph, findings_timeline
from rpcsight.report.timeline import Lane, Span, timeline

NOON_US = 1_795_262_400_000_000
"""2026-11-21 12:00 UTC."""
SECOND = 1_000_000
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onload='alert(1)",
    "=cmd|' /C calc'!A0",
    "\u202egpj.exe",
    "\x1b[31mred\x00\x07",
    "]]>&lt;!--",
    "\ud800",
    "{{ 7 * 7 }}{% raw %}",
)


def parsed(markup: Markup) -> ElementTree.Element:
    """The elements of a drawing: it must be well-formed as XML is, too."""
    return ElementTree.fromstring(f"<all>{markup}</all>")  # noqa: S314 - our own


def texts(markup: Markup, name: str) -> list[str]:
    return ["".join(each.itertext()) for each in parsed(markup).iter(name)]


def finding(**changes: Any) -> dict[str, Any]:
    """A finding as plain values, with what the drawings read."""
    pair = {
        "src_ip": "10.0.0.1",
        "dest_ip": "10.0.0.2",
        "first_time": NOON_US,
        "last_time": NOON_US + SECOND,
        "score": 40.0,
    }
    usual = {"severity": "high", "client_role": "workstation", "server_role": "server", "summary": "what happened"}
    return {**pair, **usual, "pairs": [pair], "evidence": [], "detections": [], **changes}


def pair(client: str | None, server: str | None, second: int) -> dict[str, Any]:
    first = NOON_US + second * SECOND
    return {"src_ip": client, "dest_ip": server, "first_time": first, "last_time": first + SECOND, "score": 30.0}


def test_a_tag_escapes_texts_and_attributes_and_keeps_markup() -> None:
    made = tag("p", "<b>", tag("i", "&"), None, 3, [tag("u", 1.5)], class_="a", data_x='"<', hidden=True, title=None)
    assert made == '<p class="a" data-x="&#34;&lt;" hidden>&lt;b&gt;<i>&amp;</i>3<u>1.5</u></p>'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain Ünïcode 名", "plain Ünïcode 名"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("a\r\nb\x00\x1b[0m", "a\\r\\nb\\x00\\x1b[0m"),
        ("\ud800\u200b\u00a0", "\\ud800\\u200b\\xa0"),
        (None, ""),
        ("x" * 605, "x" * 600 + "… (5 more characters)"),
    ],
)
def test_control_characters_are_made_visible_and_long_texts_are_cut(text: str | None, shown: str) -> None:
    assert visible(text) == shown


def test_a_long_name_loses_its_middle() -> None:
    assert [shortened(each, 9) for each in ("short", "123456789", "1234567890")] == ["short", "123456789", "1234…7890"]


@pytest.mark.parametrize(
    ("time", "made"),
    [
        (None, None),
        (5, 5),
        ("2026-11-21T12:00:00Z", NOON_US),
        ("2026-11-21T12:00:00.000001", NOON_US + 1),
        (datetime(2026, 11, 21, 12), NOON_US),
        (datetime(2026, 11, 21, 13, tzinfo=timezone(timedelta(hours=1))), NOON_US),
        (datetime(2026, 11, 21, 12, tzinfo=UTC), NOON_US),
        ("<script>", None),
    ],
)
def test_times_are_read_in_each_of_their_forms(time: Any, made: int | None) -> None:
    assert microseconds(time) == made


def test_clock() -> None:
    assert [clock(NOON_US), clock(None), clock(-1), clock(2**62)] == ["2026-11-21 12:00:00", "?", "?", "?"]


def test_a_table_has_a_caption_and_headings() -> None:
    made = table("what", ("name", "number"), [("<x>", 2)])
    assert made == (
        '<table class="rs-table"><caption>what</caption><thead><tr><th scope="col">name</th><th scope="col">number</th></tr></thead>'
        '<tbody><tr><th scope="row">&lt;x&gt;</th><td class="rs-number">2</td></tr></tbody></table>'
    )


def test_a_figure_scrolls_by_keyboard_and_has_its_table() -> None:
    made = parsed(figure(tag("svg"), "what", table("what", ("a",), [])))
    assert [each.attrib for each in made.iter("div")] == [
        {"class": "rs-scroll", "tabindex": "0", "role": "group", "aria-label": "what"},
        {"class": "rs-scroll", "tabindex": "0", "role": "group", "aria-label": "what as a table"},
    ]
    assert texts(figure(tag("svg"), "what", table("what", ("a",), [])), "summary") == ["the same as a table"]


def test_a_timeline_draws_each_span_where_it_lies() -> None:
    lanes = [
        Lane("one", [Span(NOON_US, NOON_US + 30 * SECOND, "long", "high")]),
        Lane("two", [Span(NOON_US + 30 * SECOND, NOON_US + 30 * SECOND, "done", "low", is_mark=True)]),
    ]
    made = parsed(timeline(lanes, "when", "t"))
    assert [(each.attrib["x"], each.attrib["width"], each.attrib["class"]) for each in made.iter("rect")] == [
        ("250.0", "570.9", "rs-span rs-high")
    ]
    assert [each.attrib["points"] for each in made.iter("polygon")] == ["820.9,43.0 825.9,48.0 820.9,53.0 815.9,48.0"]
    ticks = [each.text for each in made.iter("text") if each.attrib["class"] == "rs-tick"]
    assert ticks == [f"12:00:{second:02d}" for second in range(0, 40, 5)]
    rows = [["".join(cell.itertext()) for cell in row] for row in made.iter("tr")][1:]
    assert rows == [
        ["one", "long", "high", "2026-11-21 12:00:00", "2026-11-21 12:00:30"],
        ["two", "done", "low", "2026-11-21 12:00:30", "2026-11-21 12:00:30"],
    ]


def test_a_timeline_counts_what_it_leaves_out() -> None:
    lanes = [Lane(f"lane {number}", [Span(NOON_US, NOON_US, "x")] * 50) for number in range(100)]
    made = timeline(lanes, "when", "t")
    assert len(list(parsed(made).iter("rect"))) == 60 * 20
    assert f"{5000 - 60 * 20:,} more are not drawn." in made


def test_a_timeline_of_nothing_says_so() -> None:
    assert timeline([Lane("a")], "when", "t") == '<p class="rs-nothing">when: nothing to draw.</p>'


@given(st.lists(st.integers(-(10**15), 10**18), min_size=1, max_size=4))
def test_any_times_make_a_timeline(times: list[int]) -> None:
    made = timeline([Lane("a", [Span(each, each, "x") for each in times])], "when", "t")
    across = [float(each.attrib["x"]) for each in parsed(made).iter("rect")]
    assert all(250 <= each <= 960 for each in across)
    assert len([each for each in parsed(made).iter("text") if each.attrib["class"] == "rs-tick"]) <= 9


def test_a_heat_map_shades_hours_and_frames_those_with_findings() -> None:
    made = heat_map({(20_778, 0): 1, (20_778, 23): 12_345, (20_779, 5): 999}, "calls", {(20_779, 5): 2})
    assert texts(made, "th")[25:] == ["2026-11-21 Sat", "2026-11-22 Sun"]
    cells = [
        (each.attrib["class"], each.attrib.get("title"), "".join(each.itertext())) for each in parsed(made).iter("td")
    ]
    assert [each for each in cells if each[1]] == [
        ("rs-heat-1", "1", "1"),
        ("rs-heat-5", "12,345", "12k"),
        ("rs-heat-2 rs-framed", "999; 2 findings began", "999 (2 findings began)"),
    ]
    assert len(cells) == 48


def test_a_heat_map_shows_the_last_days_and_counts_the_others() -> None:
    made = heat_map({(day, 1): 1 for day in range(100)}, "calls")
    assert "38 earlier days with 38 are not shown" in made
    assert len(texts(made, "tr")) == 63


@pytest.mark.parametrize("counts", [{}, {(1, 24): 5}, {(-1, 3): 5}, {(10**9, 3): 5}, {(1, 1): 0}])
def test_a_heat_map_of_nothing_says_so(counts: dict[tuple[int, int], int]) -> None:
    assert heat_map(counts, "calls") == '<p class="rs-nothing">calls: nothing to show.</p>'


def test_chains_read_from_left_to_right() -> None:
    edges = [
        Edge("a", "b", CHAIN, 9.0, 1),
        Edge("b", "c", CHAIN, 9.0, 2),
        Edge("a", "dc", NEW, 3.0, 0),
        Edge("c", "dc", KNOWN),
    ]
    made = parsed(host_graph([Host("a", "workstation"), Host("lonely")], edges, "who", "g", [["a", "b", "c"]]))
    boxes = {
        texts_[0]: float(group.find("rect").attrib["x"])  # pyright: ignore[reportOptionalMemberAccess]
        for group in made.iter("g")
        if group.find("rect") is not None and (texts_ := [each.text for each in group.iter("text")])
    }
    assert boxes == {"a": 6.0, "lonely": 6.0, "b": 276.0, "c": 546.0, "dc": 816.0}
    kinds = [each.attrib["class"] for each in made.iter("path") if each.find("title") is not None]
    assert kinds == ["rs-edge rs-known", "rs-edge rs-new", "rs-edge rs-chain", "rs-edge rs-chain"]
    assert [each.text for each in made.iter("li")] == ["a → b → c"]


def test_the_most_telling_hosts_are_drawn_and_the_rest_counted() -> None:
    edges = [Edge("attacker", f"host {number:03d}", NEW, float(number)) for number in range(100)]
    made = host_graph([], [*edges, Edge("x", "y", KNOWN, 1000.0), Edge("attacker", "first", CHAIN, 0.0)], "who", "g")
    names = [each.text for each in parsed(made).iter("text") if each.attrib["class"] == "rs-label"]
    assert sorted(each for each in names if each) == [
        "attacker",
        "first",
        *(f"host {number:03d}" for number in range(42, 100)),
    ]
    assert "Drawn are 60 of 104 hosts, 59 of 102 pairs: the most telling." in made


def test_one_client_and_server_are_one_edge_of_the_most_telling_kind() -> None:
    edges = [Edge("a", "b", KNOWN, 50.0), Edge("a", "b", CHAIN, 5.0), Edge("a", "b", NEW, 70.0)]
    made = host_graph([], edges, "who", "g")
    assert "1 of 1 pairs" in made
    assert [row[1:2] for row in rows_of(made)] == [["chain"]]
    with pytest.raises(ValueError, match="no kind"):
        host_graph([], [Edge("a", "b", "odd")], "who", "g")


def rows_of(markup: Markup) -> list[list[str]]:
    return [["".join(cell.itertext()) for cell in row] for row in parsed(markup).iter("tr")][1:]


NAMES = st.sampled_from([f"h{number}" for number in range(8)])


@given(
    st.lists(st.builds(Edge, NAMES, NAMES, st.sampled_from((KNOWN, NEW, CHAIN)), st.floats(-50, 99), st.integers(0, 9)))
)
def test_any_edges_make_a_graph_whatever_their_order(edges: list[Edge]) -> None:
    made = host_graph([], edges, "who", "g")
    drawn = {each.text for each in parsed(made).iter("text") if each.attrib["class"] == "rs-label"}
    assert drawn == {name for each in edges for name in (each.client, each.server)}
    boxes = [(each.attrib["x"], each.attrib["y"]) for each in parsed(made).iter("rect")]
    assert len(set(boxes)) == len(boxes), "two hosts stand in one place"


def test_a_chain_is_a_host_that_was_reached_and_then_went_on() -> None:
    pairs = [
        pair("a", "b", 0),
        pair("b", "c", 5),
        pair("c", "d", 9),
        pair("b", "x", -5),
        pair("d", "c", 10),
        pair(None, "a", 0),
    ]
    steps, paths = chains_of(finding(pairs=pairs))
    assert steps == {("a", "b"), ("b", "c"), ("c", "d")}
    assert paths == [["a", "b", "c", "d"]]
    assert chains_of(finding(pairs=pairs), {("a", "b")}) == ({("b", "c"), ("c", "d")}, [["b", "c", "d"]])


def test_what_goes_round_ends() -> None:
    assert chains_of(finding(pairs=[pair("a", "b", 0), pair("b", "c", 0), pair("c", "a", 0)]))[1]


def test_a_graph_of_findings_knows_roles_kinds_and_what_nobody_tells() -> None:
    pairs = [
        pair("10.0.0.1", "10.0.0.2", 0),
        pair("10.0.0.2", "10.0.0.3", 5),
        pair("10.0.0.1", "10.0.0.4", 6),
        pair(None, "x", 0),
    ]
    made = findings_graph(
        [finding(pairs=pairs)],
        "g",
        {("10.0.0.1", "10.0.0.4")},
        {"10.0.0.3": "printer"},
        [Edge("10.0.0.3", "z", KNOWN), Edge("p", "q")],
    )
    assert [row[:4] for row in rows_of(made)] == [
        ["10.0.0.1 → 10.0.0.2", "chain", "workstation", "server"],
        ["10.0.0.2 → 10.0.0.3", "chain", "server", "printer"],
        ["10.0.0.1 → 10.0.0.4", "known", "workstation", "unknown"],
        ["10.0.0.3 → z", "known", "printer", "unknown"],
    ]
    assert "Not drawn: 1 pairs" in made


def test_timelines_of_findings() -> None:
    deed = {"src_ip": "10.0.0.1", "dest_ip": "10.0.0.2", "start_time": "2026-11-21T12:00:00Z", "technique": "T1543.003"}
    deed |= {"operation": None, "analytic": "remote-service"}
    row = {
        "src_ip": "10.0.0.1",
        "dest_ip": "10.0.0.2",
        "start_time": None,
        "service": None,
        "operation": None,
        "dest_port": 49_664,
    }
    shown = finding(detections=[deed], evidence=[row, row | {"start_time": NOON_US}])
    assert [each[:3] for each in rows_of(finding_timeline(shown, "t"))] == [
        ["10.0.0.1 → 10.0.0.2", "10.0.0.1 → 10.0.0.2, score 40.0", "info"],
        ["10.0.0.1 → 10.0.0.2", "remote-service (T1543.003)", "high"],
        ["10.0.0.1 → 10.0.0.2", "port 49664", "low"],
    ]
    assert [each[0] for each in rows_of(findings_timeline([shown, finding(src_ip=None)], "t"))] == [
        "40  10.0.0.1 → 10.0.0.2",
        "40  ? → 10.0.0.2",
    ]


def test_a_badge_says_its_word_and_points_sum_up() -> None:
    assert badge("high") == '<span class="rs-badge rs-high"><span aria-hidden="true">▲</span> high</span>'
    assert badge("<x>") == '<span class="rs-badge">&lt;x&gt;</span>'
    made = points(
        [{"name": "client", "points": 15.25, "text": "<b>"}, {"name": "failed", "points": -10.0, "text": "nothing"}]
    )
    assert rows_of(made) == [
        ["client", "+15.2", "", "<b>"],
        ["failed", "-10.0", "", "nothing"],
        ["score", "5.2", "", "the sum; ten points are ten times rarer"],
    ]
    assert [(each.attrib["class"], each.attrib["width"]) for each in parsed(made).iter("rect")] == [
        ("rs-plus", "120.0"),
        ("rs-minus", "78.7"),
    ]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_markup_in_values_stays_text(text: str) -> None:
    drawings = [
        timeline([Lane(text, [Span(NOON_US, NOON_US, text, text)])], text, "t"),
        host_graph([Host(text, text)], [Edge(text, "b", NEW, 1.0, None, text)], text, "g", [[text, "b"]]),
        heat_map({(20_000, 1): 1}, text, {(20_000, 1): 1}, text),
        points([{"name": text, "points": 1.0, "text": text}]),
        badge(text),
    ]
    for each in drawings:
        elements = list(parsed(each).iter())
        names = {element.tag for element in elements}
        assert not names & {"script", "img", "b"}
        assert not [name for element in elements for name in element.attrib if re.match("on|style", name)]
        assert visible(text) in "".join(parsed(each).itertext())
        assert not re.search("[\x00-\x08\x1b\u202e\ud800]", str(each))

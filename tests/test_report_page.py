"""The report: everything in it is text, it needs nothing else, and it says what was read, left out and how to repeat it."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rpcsight
from rpcsight.account import Account, Skip, SourceClock
from rpcsight.cli.reporting import changed
from rpcsight.report.markup import visible
from rpcsight.report.page import FULL, Content, render
from rpcsight.settings import Settings, load
from tests.recording import NFDUMP
from tests.test_report import HOSTILE

TIME = "2026-11-21T12:00:00Z"
VOCABULARY = {
    *(
        "a",
        "article",
        "bdi",
        "body",
        "button",
        "caption",
        "circle",
        "code",
        "dd",
        "defs",
        "desc",
        "details",
        "div",
        "dl",
        "dt",
    ),
    *(
        "figcaption",
        "figure",
        "footer",
        "form",
        "g",
        "h1",
        "h2",
        "h3",
        "h4",
        "head",
        "header",
        "html",
        "input",
        "label",
        "li",
    ),
    *(
        "line",
        "main",
        "marker",
        "meta",
        "nav",
        "ol",
        "option",
        "p",
        "path",
        "polygon",
        "pre",
        "rect",
        "script",
        "section",
    ),
    *(
        "select",
        "span",
        "strong",
        "style",
        "summary",
        "svg",
        "table",
        "tbody",
        "td",
        "text",
        "tfoot",
        "th",
        "thead",
        "time",
    ),
    *("title", "tr", "ul"),
}


def finding(text: str = "x", **changes: Any) -> dict[str, Any]:
    """A finding of which each field that records can influence holds the text."""
    pair = {"src_ip": text, "dest_ip": "10.0.0.2", "first_time": TIME, "last_time": TIME, "score": 40.0}
    further = pair | {"src_ip": "10.0.0.2", "dest_ip": text + "2"}
    names = (
        "service",
        "operation",
        "analytic",
        "technique",
        "tier",
        "target",
        "user_name",
        "image_path",
        "command_line",
    )
    deed = dict.fromkeys((*names, "src_ip", "dest_ip", "source", "observer", "flow_id", "basis"), text)
    deed |= {"start_time": TIME, "weight": 0.9, "gap_s": 0.5, "src_port": 1, "dest_port": 2}
    words = dict.fromkeys(
        ("service", "tier", "client_role", "server_role", "summary", "finding_id", "day", "severity"), text
    )
    return {
        **pair,
        **words,
        "rank": 1,
        "techniques": (text,),
        "confidence": 0.9,
        "activities": 3,
        "attempts": 1,
        "smb": 0,
        "reasons": ({"name": text, "points": 40.0, "text": text},),
        "pairs": (pair, further),
        "evidence": (deed,),
        "detections": (deed,),
        "next": (text,),
        "benign_if": (text,),
        **changes,
    }


def account(text: str = "x") -> Account:
    made = Account(files=1, records=5, candidates=2, warnings=[text], limits=[text], left_out={text: 1})
    made.readers[text] += 1
    made.calls[text] += 1
    made.skips.append(Skip(text, f"why {text}", 3, (text,)))
    made.clocks.append(SourceClock(text, text, 3))
    return made


def content(text: str, number: int = 1) -> Content:
    row = {"src_ip": text, "dest_ip": "10.0.0.2", "client_role": text, "server_role": text, "is_new": 0}
    rows = [row | {"first_us": 1, "connections": 3, "score": 1.0}]
    return Content(
        [finding(text)] * number, account(text), "1.2.3", f"rpcsight hunt {text}", {text: text}, 1, {490_000: 3}, rows
    )


def elements(page: str) -> Iterator[Element]:
    """The elements of a page that a strict parser finds no error in."""
    made = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)
    for each in made.iter():
        if isinstance(each.tag, str):
            each.tag = each.tag.rpartition("}")[2]
            yield each


def assert_only_text(page: str) -> None:
    for each in elements(page):
        assert each.tag in VOCABULARY
        assert not [name for name in each.attrib if re.match("on|style|src|action", name)]
        assert re.fullmatch(r"#[\w-]+", each.attrib.get("href", "#x"))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", page)


@pytest.mark.parametrize("number", [1, FULL + 1], ids=["in full", "in short"])
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_markup_in_every_field_stays_text(text: str, number: int) -> None:
    page = render(content(text, number))
    assert_only_text(page)
    assert unescape(page).count(visible(text)) > 20


@settings(max_examples=8)
@given(st.text(st.characters(codec=None), max_size=30))
def test_any_text_in_every_field_stays_text(text: str) -> None:
    assert_only_text(render(content(text)))


def test_very_long_values_are_cut_and_the_file_stays_small() -> None:
    page = render(content("<&" * 50_000, 10))
    assert_only_text(page)
    assert "more characters)" in page
    assert len(render(content("<&" * 50_000, 300)).encode()) < 15_000_000


def test_the_policy_allows_this_style_and_this_script_only() -> None:
    found = list(elements(render(content("x"))))
    hashes = [
        f"'sha256-{b64encode(sha256((each.text or '').encode()).digest()).decode()}'"
        for name in ("style", "script")
        for each in found
        if each.tag == name
    ]
    (policy,) = [each.attrib["content"] for each in found if "http-equiv" in each.attrib]
    assert policy == (
        f"default-src 'none'; style-src {hashes[0]}; script-src {hashes[1]}; base-uri 'none'; form-action 'none'"
    )


def test_nothing_is_fetched() -> None:
    page = render(content("x"))
    assert not re.search(r"(?i)\b(?:https?:|src=|@import|url\((?!#))", page)


def test_ids_are_one_each_and_links_lead_to_them() -> None:
    found = list(elements(render(content("x", FULL + 20))))
    ids = [each.attrib["id"] for each in found if "id" in each.attrib]
    assert len(ids) == len(set(ids))
    assert {each.attrib["href"][1:] for each in found if each.tag == "a"} <= set(ids)
    named = [name for each in found for name in each.attrib.get("aria-labelledby", "").split()]
    assert set(named) <= set(ids)


def test_headings_are_in_order() -> None:
    levels = [int(each.tag[1]) for each in elements(render(content("x"))) if re.fullmatch(r"h\d", each.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_five_thousand_findings_fit_and_what_does_not_is_counted() -> None:
    page = render(Content([finding(f"host {number}") for number in range(5000)], account(), "1"))
    assert page.count("<article") == 5000
    assert len(page.encode()) < 15_000_000
    long_one = finding(
        "x" * 190, evidence=finding("x" * 190)["evidence"] * 3, detections=finding("y" * 190)["detections"] * 3
    )
    page = render(Content([long_one] * 12_000, account(), "1"))
    assert len(page.encode()) < 15_000_000
    whole, line = page.count("<article"), page.count('<li id="finding-')
    assert min(whole, line) > 500
    assert f"{12_000 - whole - line:,} more findings are not in this file" in page


def test_no_findings_say_so() -> None:
    page = render(Content([], Account(), "1"))
    assert_only_text(page)
    assert "There is no finding." in page


def test_the_same_content_gives_the_same_page() -> None:
    assert render(content("x", 3)) == render(content("x", 3))


def test_what_was_read_skipped_and_limits_it_is_told() -> None:
    page = re.sub(r"<[^>]*>", " ", unescape(render(content("odd", 1))))
    for each in ("why odd", "warning: odd", "odd", "not visible in flows", "rpcsight hunt odd", "files read as odd"):
        assert each in page


def test_names_and_passwords_in_addresses_are_left_out() -> None:
    page = render(Content([], Account(), "1", "rpcsight hunt x --master spark://ann:secret@host:7077"))
    assert "spark://…@host:7077" in page
    assert "secret" not in page


def test_settings_that_differ_are_told() -> None:
    assert changed(Settings()) == {}
    assert changed(load(None, window_s=0.5, dynamic_ports=(1024, 65535))) == {
        "rule.dynamic_ports": "[1024, 65535]",
        "rule.window_s": "0.5",
    }


def test_a_report_of_the_recording(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rpcsight.cli import main

    path = tmp_path / "report.html"
    monkeypatch.setattr(
        "sys.argv", ["rpcsight", "hunt", str(NFDUMP), "--window", "1s", "--report", str(path), "-f", "jsonl"]
    )
    with pytest.raises(SystemExit) as left:
        main()
    assert not left.value.code
    rows = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    page = path.read_text("utf-8")
    assert_only_text(page)
    texts = [" ".join("".join(each.itertext()).split()) for each in elements(page) if each.tag == "article"]
    assert len(texts) == len(rows) == 3
    for row, text in zip(rows, texts, strict=True):
        wanted = [row["finding_id"], row["src_ip"], row["dest_ip"], row["summary"], *row["next"], *row["benign_if"]]
        wanted += [each["text"] for each in row["reasons"]]
        assert [each for each in wanted if each not in text] == []
    for each in (
        "10.77.0.22 → 10.77.0.21 → 10.77.0.23",
        "rule.window_s",
        "2,374 records of 1 file",
        "continuation of a connection",
    ):
        assert each in unescape(page)


@pytest.mark.parametrize(
    ("report", "what"),
    [
        ("report.pdf", "does not end in .html"),
        ("none/report.html", "there is no folder"),
        ("folder.html", "is no file"),
        ("out.html", "is written otherwise, too"),
        ("-", "does not end in .html"),
    ],
)
def test_a_report_that_can_t_be_there(
    report: str, what: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rpcsight.cli import main

    (tmp_path / "folder.html").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "sys.argv", ["rpcsight", "hunt", str(NFDUMP), "-f", "jsonl", "-o", "out.html", "--report", report]
    )
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    error = capfd.readouterr().err
    assert error.startswith("error: --report: ")
    assert what in error


def test_a_report_is_not_written_over_an_input(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rpcsight.cli import main

    path = tmp_path / "flows.html"
    path.write_bytes(NFDUMP.read_bytes())
    monkeypatch.setattr("sys.argv", ["rpcsight", "hunt", str(path), "--report", str(path)])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert "is one of the inputs" in capfd.readouterr().err
    assert path.read_bytes() == NFDUMP.read_bytes()


def test_findings_of_the_python_interface_make_a_report() -> None:
    found = rpcsight.hunt(NFDUMP)
    assert_only_text(render(Content([each.to_dict() for each in found], found.account, "1")))

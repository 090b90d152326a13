"""Findings in the formats of other programs: each keeps to its standard, whatever the findings hold."""

import io
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from markdown_it import MarkdownIt
from syslog_rfc5424_parser import SyslogMessage

from rpcsight.errors import UsageError
from rpcsight.findings import kept_table
from rpcsight.findings._arrow import table
from rpcsight.schema import DETECTION, RPC_ACTIVITY
from rpcsight.writers import Look, Rows, all_writers, writer
from tests.contracts import standards
from tests.contracts.test_writers import HOSTILE, as_batches
from tests.system import ROOT

START = datetime(2026, 11, 21, 23, 57, 49, 313000)
HUNTED = [json.loads(line) for line in (ROOT / "tests/golden/hunt.jsonl").read_text("utf-8").splitlines()]
MARKDOWN = [
    "a|b | c",
    "[click](http://evil.example/x)",
    "![](http://evil.example/x.png)",
    "<script>alert(1)</script>",
    "<!-- gone",
    "&lt;b&gt; &#60;",
    "**bold** __bold__ _it_ ~~gone~~ `code` ``` $x$",
    "# heading",
    "- item",
    "+ item",
    "1. item",
    "2) item",
    "===",
    "---",
    "> quote",
    "    code",
    "http://evil.example https://evil.example www.evil.example me@evil.example @team #1",
    "ends in \\",
    "|---|",
    "\\| \\\\|",
    "[x]: http://evil.example",
]
TEXTS = [*HOSTILE, *MARKDOWN, "\ud800 half", "\u202e\u2066", 'a]b"c\\d', ']] key="v" [x y="z"]']


def activity(**given: Any) -> dict[str, Any]:
    made: dict[str, Any] = dict.fromkeys(column.name for column in RPC_ACTIVITY)
    return made | {"src_ip": "10.0.0.1", "dest_ip": "10.0.0.2", "start_time": START, "dest_port": 49153} | given


def deed(**given: Any) -> dict[str, Any]:
    return dict.fromkeys(column.name for column in DETECTION) | given


def finding(number: int = 0, **given: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "finding_id": f"{number:016x}",
        "day": "2026-11-21",
        "rank": number + 1,
        "src_ip": "10.0.0.1",
        "dest_ip": "10.0.0.2",
        "client_role": "workstation",
        "server_role": "server",
        "service": None,
        "tier": None,
        "techniques": ["T1021", "T1569.002"],
        "d3fend": ["D3-RTA"],
        "score": 36.9,
        "severity": "medium",
        "confidence": 0.9,
        "first_time": START,
        "last_time": START + timedelta(minutes=2),
        "activities": 3,
        "attempts": 0,
        "smb": 0,
        "summary": "10.0.0.1 used RPC on 10.0.0.2",
        "reasons": [{"name": "client", "points": 36.9, "text": "never seen"}],
        "pairs": [],
        "evidence": [activity(src_port=50000 + number % 9999)],
        "detections": [],
        "next": ["who was logged on"],
        "benign_if": ["somebody says so"],
    }
    return made | given


def hostile(text: str) -> dict[str, Any]:
    """A finding with that text wherever there is room for one."""
    names = (
        "service",
        "operation",
        "observer",
        "source",
        "flow_id",
        "mapper_id",
        "interface",
        "basis",
        "tier",
        "named_by",
    )
    told = dict.fromkeys(
        (*names[:5], "host", "user_name", "target", "image_path", "command_line", "analytic", "technique"), text
    )
    return finding(
        src_ip=text,
        dest_ip=text,
        client_role=text,
        server_role=text,
        service=text,
        tier=text,
        techniques=[text, "T1047"],
        severity=text or "high",
        summary=text,
        reasons=[{"name": text, "points": -0.5, "text": text}],
        pairs=[{"src_ip": text, "dest_ip": text, "first_time": START, "last_time": START, "score": 1.0}],
        evidence=[activity(**dict.fromkeys(names, text)), activity(src_ip=text, mapper_time=START, mapper_id=text)],
        detections=[deed(start_time=START, src_ip=text, dest_ip=text, **told), deed()],
        next=[text],
        benign_if=[text],
    )


SPARSE = finding(
    src_ip=None, dest_ip=None, techniques=None, confidence=None, pairs=None, evidence=None, reasons=None, detections=None, next=None,
    benign_if=None, d3fend=None, activities=None, attempts=None, smb=None, last_time=START,
)  # fmt: skip
GIVEN = {
    "none": [],
    "hunted": HUNTED,
    "sparse": [SPARSE],
    "hostile": [hostile(text) | {"finding_id": f"{number:x}"} for number, text in enumerate(TEXTS)],
    "long": [hostile("x" * 100_000), hostile("é" * 100_000) | {"finding_id": "é" * 5_000}],
    "numbers": [
        finding(number, score=score, confidence=score, reasons=[{"name": "n", "points": score, "text": "t"}])
        for number, score in enumerate([float("nan"), float("inf"), -float("inf"), 1e300, -1e300, -0.0])
    ],
    "ipv6": [
        finding(
            src_ip="fe80::1%eth0",
            dest_ip="2001:DB8::22",
            evidence=[activity(src_ip="fe80::1%eth0", dest_ip="2001:DB8::22", src_port=1, basis="attempt")],
        )
    ],
}


def written(name: str, rows: Rows) -> bytes:
    out = io.BytesIO()
    writer(name).write(rows, out, Look())
    return out.getvalue()


def test_every_format_of_findings_is_checked() -> None:
    assert {each.NAME for each in all_writers() if each.OF_FINDINGS} <= set(standards.CHECKS)


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("name", standards.CHECKS)
def test_it_keeps_to_the_standard(name: str, given: str) -> None:
    rows = table(GIVEN[given])
    made = written(name, rows)
    standards.CHECKS[name](made)
    same = [re.sub(rb'"modified": "[^"]*"', b"", each) for each in (made, written(name, as_batches(rows)))]
    assert same[0] == same[1]  # however it comes
    if given == "long":
        assert len(made) < 400_000  # of 4 MB


@pytest.mark.parametrize("name", standards.CHECKS)
def test_what_a_workspace_keeps_can_be_written(name: str) -> None:
    kept = [
        each | {"status": status, "allowed_by": None}
        for each, status in zip(HUNTED, ("open", "benign", "allowed"), strict=True)
    ]
    standards.CHECKS[name](written(name, kept_table(kept)))


@pytest.mark.parametrize("name", standards.CHECKS)
def test_five_thousand_findings(name: str) -> None:
    rows = table([finding(number, src_ip=f"10.0.{number // 250}.{number % 250}") for number in range(5_000)])
    made = written(name, rows)
    if name in {"ecs", "ocsf"}:
        ids = [
            each["metadata"]["uid"] if name == "ocsf" else each["event"].get("id")
            for each in standards.json_lines(made)
        ]
        assert [each for each in ids if each] == [f"{number:016x}" for number in range(5_000)]
    elif name == "stix":
        notes = [each for each in json.loads(made)["objects"] if each["type"] == "note"]
        assert [each["external_references"][0]["external_id"] for each in notes] == [
            f"{number:016x}" for number in range(5_000)
        ]
    elif name == "navigator":
        assert [each["metadata"][0]["value"] for each in json.loads(made)["techniques"]] == ["5000", "5000"]
    else:
        ids = re.findall(rb'(?:id="|id\*\*: )([0-9a-f]{16})', made)
        assert ids == [f"{number:016x}".encode() for number in range(5_000)]
    assert len(made) < 25_000_000


@pytest.mark.parametrize("name", [each.NAME for each in all_writers() if each.OF_FINDINGS])
def test_other_rows_are_refused(name: str) -> None:
    with pytest.raises(
        UsageError, match=f"--format {name}: is a format of findings, and these rows have no finding_id"
    ):
        written(name, pa.table({"n": [1]}))


@pytest.mark.parametrize("name", ["ecs", "ocsf", "stix", "syslog", "markdown"])
def test_the_checks_find_what_is_wrong(name: str) -> None:
    good = written(name, table(HUNTED))
    wrong = {
        "ecs": good.replace(b'"kind": "alert"', b'"kinds": "alert"'),
        "ocsf": good.replace(b'"severity_id": 3', b'"severity_id": 30'),
        "stix": good.replace(b'"number_observed": ', b'"number_observed": 0.'),
        "syslog": good.replace(b'src="10', b'src="]10'),
        "markdown": good.replace(b"## 1. ", b"## 1. <b>"),
    }[name]
    assert wrong != good
    with pytest.raises(AssertionError):
        standards.CHECKS[name](wrong)


@pytest.mark.parametrize("text", [text for text in TEXTS if len(text) < 200])
def test_markdown_shows_a_text_as_it_is(text: str) -> None:
    """In a cell of a table, in a list and in a paragraph: what a reader sees is the text, control characters as escapes."""
    seen = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text.encode("utf-8", "replace").decode()
    ).strip()
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    cells = parser.parse(written("markdown", table([{"summary": text}]).select(["summary"])).decode())
    assert ["".join(child.content for child in each.children or []) for each in cells if each.type == "inline"] == [
        "summary",
        seen,
    ]
    page = parser.parse(written("markdown", table([finding(summary=text, next=[text], evidence=[])])).decode())
    inline = ["".join(child.content for child in each.children or []) for each in page if each.type == "inline"]
    paragraph = inline[inline.index("1. 10.0.0.1 to 10.0.0.2: score 36.9, medium") + 1]
    assert (
        (paragraph, inline[inline.index("Check next:") + 1]) == (seen, seen)
        if seen
        else ("id: 0000000000000000", "Benign if:")
    )


def test_syslog_says_where_a_text_is_cut() -> None:
    (line,) = written("syslog", table([finding(service='a"]\\' + "s" * 999, summary="é" * 3_000)])).splitlines()
    message = SyslogMessage.parse(line.decode())
    service = re.sub(r'\\(["\\\]])', r"\1", message.sd["rpcsight@32473"]["service"])  # the parser leaves them escaped
    assert service == 'a"]\\' + "s" * 196 + "… (803 more characters)"
    assert (len(line) in {2047, 2048}, message.msg.endswith("é…")) == (True, True)


def test_an_address_that_is_none_stays_a_name() -> None:
    rows = table([finding(src_ip="printer-7", evidence=[activity(src_ip="printer-7")])])
    alert, connection = standards.json_lines(written("ecs", rows))
    assert (alert["source"], connection["source"]) == ({"address": "printer-7"}, {"address": "printer-7"})
    (event,) = standards.json_lines(written("ocsf", rows))
    assert event["evidences"][0]["src_endpoint"] == {"name": "printer-7"}
    bundle = json.loads(written("stix", rows))
    assert [each["value"] for each in bundle["objects"] if "value" in each] == ["10.0.0.2"]


def test_a_finding_that_changed_is_a_later_version_of_the_same_stix_object() -> None:
    versions: list[dict[str, Any]] = []
    for changed in ({"score": 30.0}, {"score": 40.0, "first_time": START - timedelta(minutes=5)}):
        began = datetime.now(UTC).replace(tzinfo=None) - timedelta(milliseconds=1)
        made = json.loads(written("stix", table([finding(day="2026-11-21", **changed)])))["objects"]
        (note,) = [each for each in made if each["type"] == "note"]
        assert began <= datetime.fromisoformat(note["modified"].removesuffix("Z")) <= began + timedelta(minutes=5)
        versions.append(note)
    first, second = versions
    same = ("id", "created")
    assert [first[name] for name in same] == [second[name] for name in same]
    assert (first["created"], first["modified"] <= second["modified"]) == ("2026-11-21T00:00:00.000Z", True)
    late = json.loads(written("stix", table([finding(day="2090-01-01")])))["objects"]
    assert {each["modified"] for each in late if each["type"] == "note"} == {"2090-01-01T00:00:00.000Z"}

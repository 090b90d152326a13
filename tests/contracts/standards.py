"""Whether output keeps to the standard of its format: published schemas and parsers from packages, else the standard's words."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from ipaddress import ip_address
from typing import Any

import jsonschema
import stix2
from markdown_it import MarkdownIt
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from stix2validator import ValidationOptions, validate_instance
from syslog_rfc5424_parser import SyslogMessage

from tests.contracts import test_navigator

# ECS field reference 8.17: https://www.elastic.co/guide/en/ecs/8.17/ecs-field-reference.html.
# Lists where the reference says "this field should contain an array of values".
FIELDS = {
    "@timestamp": "date",
    "message": "match_only_text",
    "ecs.version": "keyword",
    "event.kind": "keyword",
    "event.category": "[keyword]",
    "event.type": "[keyword]",
    "event.module": "keyword",
    "event.provider": "keyword",
    "event.dataset": "keyword",
    "event.id": "keyword",
    "event.start": "date",
    "event.end": "date",
    "event.risk_score": "float",
    "event.severity": "long",
    "event.reason": "keyword",
    "event.outcome": "keyword",
    "rule.name": "keyword",
    "rule.ruleset": "keyword",
    "rule.category": "keyword",
    "threat.framework": "keyword",
    "threat.technique.id": "[keyword]",
    "threat.technique.name": "[keyword]",
    "threat.technique.subtechnique.id": "[keyword]",
    "threat.technique.subtechnique.name": "[keyword]",
    "source.address": "keyword",
    "source.ip": "ip",
    "source.port": "long",
    "destination.address": "keyword",
    "destination.ip": "ip",
    "destination.port": "long",
    "network.transport": "keyword",
    "network.type": "keyword",
    "observer.name": "keyword",
    "log.file.path": "keyword",
    "related.ip": "[ip]",
    "related.hosts": "[keyword]",
    "related.user": "[keyword]",
}
# https://www.elastic.co/guide/en/ecs/8.17/ecs-category-field-values-reference.html
KINDS = {"alert", "asset", "enrichment", "event", "metric", "state", "pipeline_error", "signal"}
TYPES_OF = {
    "intrusion_detection": {"allowed", "denied", "info"},
    "network": {"access", "allowed", "connection", "denied", "end", "info", "protocol", "start"},
}
OUTCOMES = {"failure", "success", "unknown"}
LONGEST_KEYWORD = 1024
OCSF_VERSIONS = ("1.5.0", "1.8.0")
STIX_OPTIONS = ValidationOptions(version="2.1")
MARKS = {"softbreak", "text", "strong_open", "strong_close", "code_inline"}
BLOCKS = {"heading", "paragraph", "bullet_list", "list_item", "table", "thead", "tbody", "tr", "th", "td", "inline"}


def ecs(written: bytes) -> None:
    for document in json_lines(written):
        fields = dict(flattened({name: value for name, value in document.items() if name != "rpcsight"}))
        assert {name for name in fields if name not in FIELDS} == set()
        assert {name: value for name, value in fields.items() if not _is(FIELDS[name], value)} == {}
        assert {"@timestamp", "ecs.version", "event.kind", "event.category", "event.type"} <= set(fields)
        assert fields["event.kind"] in KINDS
        expected = [TYPES_OF[each] for each in fields["event.category"]]
        assert all(any(each in some for some in expected) for each in fields["event.type"])
        assert fields.get("event.outcome", "unknown") in OUTCOMES


def _is(kind: str, value: Any) -> bool:
    if kind.startswith("["):
        return isinstance(value, list) and value != [] and all(_is(kind[1:-1], each) for each in value)
    if kind == "date":
        return isinstance(value, str) and datetime.fromisoformat(value).isoformat() != ""
    if kind == "ip":
        return isinstance(value, str) and str(ip_address(value)) == value
    if kind in {"long", "float"}:
        return isinstance(value, int if kind == "long" else int | float) and not isinstance(value, bool)
    return isinstance(value, str) and (kind != "keyword" or 0 < len(value) <= LONGEST_KEYWORD)


def flattened(document: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """The document's fields, dotted."""
    for name, value in document.items():
        if isinstance(value, dict):
            yield from flattened(value, f"{before}{name}.")
        else:
            yield before + name, value


@cache
def _ocsf(version: str) -> jsonschema.Draft202012Validator:
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
    made = schema.get_class_schema(class_name="detection_finding", profiles=[])
    return jsonschema.Draft202012Validator(made)


def ocsf(written: bytes) -> None:
    for document in json_lines(written):
        for version in OCSF_VERSIONS:
            found = [f"{error.json_path}: {error.message[:200]}" for error in _ocsf(version).iter_errors(document)]
            assert (version, found) == (version, [])
        assert document["type_uid"] == document["class_uid"] * 100 + document["activity_id"]


def stix(written: bytes) -> None:
    bundle = json.loads(written)
    told = validate_instance(bundle, STIX_OPTIONS)
    assert [str(error) for error in told.errors] == []
    stix2.parse(bundle, version="2.1")
    ids = [each["id"] for each in bundle["objects"]]
    assert len(ids) == len(set(ids))
    named = {
        ref
        for each in bundle["objects"]
        for name, value in each.items()
        if name.endswith(("_ref", "_refs"))
        for ref in _list(value)
    }
    assert named <= set(ids)
    for each in bundle["objects"]:  # the library makes ids of values as section 2.9 says
        if each["type"] in {"ipv4-addr", "ipv6-addr", "network-traffic"}:
            values = {name: value for name, value in each.items() if name != "id"}
            assert stix2.parse(values, version="2.1").id == each["id"]


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


# RFC 5424, section 6: HEADER of printable ASCII, STRUCTURED-DATA with `"`, `\` and `]` escaped, MSG.
SYSLOG = re.compile(
    r"<(?P<pri>0|[1-9]\d{0,2})>1 (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z) - rpcsight - finding "
    r'\[[\x21-\x7e]{1,32}( [\x21-\x7e]{1,32}="([^"\\\]]|\\["\\\]])*")*\] (?P<message>.*)'
)
LONGEST_MESSAGE = 2048


def syslog(written: bytes) -> None:
    for line in written.split(b"\n")[:-1]:
        assert len(line) <= LONGEST_MESSAGE
        text = line.decode()
        parts = SYSLOG.fullmatch(text)
        assert parts is not None, text
        assert int(parts["pri"]) < 192
        assert parts["message"].isascii() != parts["message"].startswith("\ufeff")
        assert [letter for letter in text if not letter.isprintable() and letter != "\ufeff"] == []
        assert SyslogMessage.parse(text).appname == "rpcsight"


def markdown(written: bytes) -> None:
    page = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(written.decode())
    assert {token.type.removesuffix("_open").removesuffix("_close") for token in page} <= BLOCKS
    children = [child for token in page for child in token.children or []]
    assert {child.type for child in children} <= MARKS
    assert {child.content for child in children if child.type == "code_inline"} <= {"--format jsonl"}
    assert re.search(r"[a-z]://|www\.", written.decode(), re.IGNORECASE) is None  # GitHub makes links of these
    assert [letter for letter in written.decode() if not letter.isprintable() and letter != "\n"] == []


def navigator(written: bytes) -> None:
    assert test_navigator.violations(json.loads(written)) == []


CHECKS: dict[str, Callable[[bytes], None]] = {
    "ecs": ecs,
    "ocsf": ocsf,
    "stix": stix,
    "syslog": syslog,
    "markdown": markdown,
    "navigator": navigator,
}


def json_lines(written: bytes) -> list[dict[str, Any]]:
    """The documents, whose lines are ASCII without control characters."""
    assert set(written) <= {*range(32, 127), 10}
    return [json.loads(line) for line in written.split(b"\n")[:-1]]

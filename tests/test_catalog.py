"""The catalogue: its facts are well-formed, complete as far as others' lists go, and found by every name."""

import csv
import io
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.csv as pacsv
import pytest

import rpcsight
from rpcsight import analytics, catalog
from rpcsight.analytics import Header, compose_steps
from rpcsight.catalog import relations
from rpcsight.catalog.attack import technique_name
from rpcsight.engines import open_engine
from rpcsight.engines.dialects import DIALECTS, translated
from rpcsight.pipeline import Request, opened
from rpcsight.schema import CATALOG, names
from tests import system
from tests.recording import truth

FOLDER = Path(catalog.__file__).parent
RECORDED = system.ROOT / "tests" / "data" / "recording" / "rpc.pcap.zst"
CALLED = {"T1003.006": 112, "T1018": 40, "T1033": 73, "T1046": 2, "T1087": 84, "T1135": 9, "T1210": 56}
"""Calls of our recording that can serve a technique: numbers of tshark's opnums."""
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SVCCTL = "367abb81-9844-35f1-ad32-98f038001003"
DRSUAPI = "e3514235-4b06-11d1-ab04-00c04fc2dcd2"
TOOLS = {
    "zeek",
    "bzar",
    "impacket",
    "wireshark",
    "samba",
    "mingw",
    "zeek-old",
    "MS-WMI",
    "MS-RPRN",
    "MS-WKST",
    "MS-BKRP",
}
OTHER_WORDS = {"JobAdd": "NetrJobAdd"}
"""What BZAR calls an operation that the lists of its constants do not have: its name in MS-TSCH."""
UNKNOWN_CALLS = {
    "?#2": "its bind was not captured",
}


def listed(name: str) -> list[dict[str, str]]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def facts(name: str) -> list[dict[str, str]]:
    path = system.SHARED_DATA.parent / "facts" / name
    if not path.exists():
        system.lacking(f"../shared/facts/{name} is absent: no lists of other tools here")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def repeated(keys: list[Any]) -> list[Any]:
    return [key for key, number in Counter(keys).items() if number > 1]


# --- the lists


@pytest.mark.parametrize(("name", "number"), [("interfaces", 750), ("operations", 2828), ("techniques", 236)])
def test_a_list_is_plain_text_in_order(name: str, number: int) -> None:
    text = (FOLDER / f"{name}.csv").read_bytes()
    rows = listed(name)
    keys = [tuple(row[key] for key in ("technique", "uuid", "opnum") if key in row) for row in rows]
    ordered = sorted(keys, key=lambda key: (*key[:-1], int(key[-1])) if "opnum" in rows[0] else key)
    assert (len(rows), repeated(keys), keys == ordered) == (number, [], True)
    assert text.isascii()
    assert b"\r" not in text
    assert [row for row in rows if None in row or None in row.values()] == []
    assert [row for row in rows for value in row.values() if value != " ".join(value.split())] == []


def test_interfaces_are_well_formed() -> None:
    for row in listed("interfaces"):
        assert UUID.fullmatch(row["uuid"]), row
        assert re.fullmatch(r"(\d+\.\d+( \d+\.\d+)*)?", row["versions"]), row
        assert set(row["transports"].split()) <= {"tcp", "np", "http"}, row
        assert ("np" in row["transports"].split()) >= bool(row["pipes"]), row
        assert all(0 < int(port) < 65536 for port in row["ports"].split()), row
        assert re.fullmatch(r"((MS|MC)-\w+( MS-\w+)*)?", row["document"]), row
        assert bool(row["title"]) == bool(row["document"]), row
        assert row["source"].startswith("uuid: "), row
        assert not row["binary"] or "binary: " in row["source"], row
        assert not row["process"] or "process: " in row["source"] or "transports: " in row["source"], row
        assert not row["versions"] or "version: " in row["source"], row
        assert not row["transports"] or "transports: " in row["source"], row
        assert {part.partition("=")[0] for part in row["names"].split("; ") if part} <= {*TOOLS, row["document"]}, row


def test_operations_are_well_formed() -> None:
    known = catalog.interfaces()
    for row in listed("operations"):
        assert row["uuid"] in known, row
        assert 0 <= int(row["opnum"]) < 65536, row
        assert re.fullmatch(r"[\w:]+", row["name"]), row
        tools = {part.partition("=")[0] for part in row["names"].split("; ")}
        assert tools, row  # the source: whose lists have it
        assert tools <= TOOLS, row


def test_techniques_are_well_formed() -> None:
    for row in listed("techniques"):
        assert re.fullmatch(r"T\d{4}(\.\d{3})?", row["technique"]), row
        assert catalog.operation(row["uuid"], int(row["opnum"])), row
        assert 0 < float(row["weight"]) <= 1, row
        assert re.fullmatch(r"[A-Z].*\.", row["reason"]), row
        assert row["source"], row


# --- against others' lists


def test_every_interface_of_the_gathered_facts_is_here() -> None:
    for row in facts("interfaces.csv"):
        found = catalog.interface(row["uuid"])
        assert found, row
        assert found.names.get("zeek", "") == row["zeek_name"]
        assert found.names.get("bzar", "") == row["bzar_name"]
        assert found.binary == row["hosting_binary"]
        document, _, title = row["protocol_document"].partition(": ")
        assert not document or document.strip("[]") in found.documents, row
        assert title.rstrip(":") in found.title or document in {"[MS-RPCE]", "[MS-TSGU]"}, (
            row
        )  # these name parts of a document


def test_every_operation_of_the_gathered_facts_is_here() -> None:
    found = facts("operations.csv")
    assert len(found) == 2551
    for row in found:
        operation = catalog.operation(row["uuid"], int(row["opnum"]))
        assert operation, row
        assert operation.names.get("zeek", "") == row["zeek_name"]
        assert operation.names.get("bzar", OTHER_WORDS.get(row["bzar_name"], "")) in {row["bzar_name"], "JobAdd"}


def test_every_indicator_of_bzar_resolves_to_one_operation_with_its_technique() -> None:
    indicators = facts("bzar_techniques.csv")
    missing = []
    for row in indicators:
        meant = catalog.operations_by_name(row["endpoint"], row["operation"])
        served = [each for one in meant for each in catalog.techniques(one.interface, one.opnum)]
        if len(meant) != 1 or row["technique"] not in [each.technique for each in served if "BZAR" in each.source]:
            missing.append((row, meant))
    assert (len(indicators), missing) == (87, [])


def test_techniques_by_bzar_are_bzars() -> None:
    indicated = {(row["technique"], row["operation"]) for row in facts("bzar_techniques.csv")}
    indicated |= {(technique, OTHER_WORDS[name]) for technique, name in indicated if name in OTHER_WORDS}
    for each in catalog.techniques():
        if "BZAR" in each.source:
            operation = catalog.operation(each.interface, each.opnum)
            assert operation
            assert any((each.technique, name) in indicated for name in {operation.name, *operation.names.values()}), (
                each
            )


# --- against recordings


def test_every_interface_of_our_recording_has_a_name() -> None:
    unknown = set()
    for row in truth():
        found = catalog.interface(row["interface_uuid"]) if row["interface_uuid"] else None
        if row["interface_uuid"] and not (found and found.name and found.process):
            unknown.add(row["interface_uuid"])
    assert unknown == set()


def test_every_call_of_our_recording_has_a_name() -> None:
    rows = rpcsight.run("rpc-calls", RECORDED).to_pylist()
    called = {(row["interface"], row["opnum"]) for row in rows if row["interface"]}
    assert len(called) == 30
    assert [call for call in called if not catalog.operation(*call)] == []


def captured() -> set[str]:
    """What tshark and Zeek saw in the public captures: `svcctl#12`, `svcctl:CreateServiceW`."""
    path = system.shared_data("catalogue.csv")
    with path.open(encoding="utf-8", newline="") as file:
        texts = " ".join(row["interfaces_opnums"] for row in csv.DictReader(file)).split()
    return {re.sub(r"x\d+$", "", text) for text in texts}


def test_what_is_called_in_public_captures_has_a_name() -> None:
    unknown = set()
    seen = captured()
    for text in seen:
        name, mark, call = re.fullmatch(r"(.+?)([#:])(.+)", text.replace("(emsmdb)", "")).groups()  # type: ignore[union-attr]
        owners = catalog.by_name(name) or [each for each in [catalog.interface(name)] if each]
        if mark == "#":
            found = [one for each in owners if (one := catalog.operation(each.uuid, int(call)))]
        else:
            found = list(catalog.operations_by_name(name, call))
        if not found:
            unknown.add(text)
    assert len(seen) == 140
    assert unknown == set(UNKNOWN_CALLS)


# --- looking up


def test_an_interface_by_its_uuid() -> None:
    found = catalog.interface(SVCCTL.upper())
    assert found
    assert (found.name, found.documents, found.title) == (
        "svcctl",
        ("MS-SCMR",),
        "Service Control Manager Remote Protocol",
    )
    assert (found.process, found.transports, found.pipes, found.versions) == (
        "services.exe",
        ("tcp", "np"),
        ("svcctl",),
        ("2.0",),
    )
    assert found.names == {"zeek": "svcctl", "impacket": "SCMR", "wireshark": "SVCCTL", "samba": "svcctl"}
    assert catalog.interface("00000000-0000-0000-0000-000000000000") is None


def test_an_operation_by_its_number() -> None:
    found = catalog.operation(SVCCTL, 12)
    assert found
    assert (found.name, found.names["samba"]) == ("CreateServiceW", "svcctl_CreateServiceW")
    assert catalog.operation(SVCCTL, 9999) is None
    assert [each.opnum for each in catalog.operations(SVCCTL)][:3] == [0, 1, 2]
    assert catalog.operations("nothing") == ()


@pytest.mark.parametrize(
    ("name", "uuids"),
    [
        ("ISystemActivator", {"000001a0-0000-0000-c000-000000000046"}),
        ("IRemoteSCMActivator", {"000001a0-0000-0000-c000-000000000046"}),
        ("IOXIDResolver", {"99fcfec4-5260-101b-bbcb-00aa0021347a"}),
        ("IObjectExporter", {"99fcfec4-5260-101b-bbcb-00aa0021347a"}),
        ("SPOOLSS", {"12345678-1234-abcd-ef00-0123456789ab"}),
        (
            "IWbemBackupRestoreEx interface",
            {"a359dec5-e813-4834-8a2a-ba7f1d777d76", "c49e32c6-bc8b-11d2-85d4-00105a1f8304"},
        ),
        ("efsrpc", {"c681d488-d850-11d0-8c52-00c04fd90f7e", "df1941c5-fe89-4e79-bf10-463657acf44d"}),
        (f"unknown-{DRSUAPI}", {DRSUAPI}),
        ("nothing", set()),
        ("", set()),
    ],
)
def test_interfaces_by_any_tools_name(name: str, uuids: set[str]) -> None:
    assert {each.uuid for each in catalog.by_name(name)} == uuids


@pytest.mark.parametrize(
    ("endpoint", "name", "opnums"),
    [
        ("svcctl", "createservicew", [12]),
        ("SCMR", "RCreateServiceW", [12]),
        ("atsvc", "JobAdd", [0]),
        ("spoolss", "RpcSplOpenPrinter", [69, 90]),  # Zeek's name of two
        ("drsuapi", "unknown-3", [3]),
        ("drsuapi", "unknown-999", []),
        (f"unknown-{DRSUAPI}", "DRSGetNCChanges", [3]),
        ("nothing", "CreateServiceW", []),
    ],
)
def test_operations_by_the_names_of_logs(endpoint: str, name: str, opnums: list[int]) -> None:
    assert [each.opnum for each in catalog.operations_by_name(endpoint, name)] == opnums


def test_techniques_of_an_operation() -> None:
    served = catalog.techniques(SVCCTL, 12)
    assert [(each.technique, each.weight) for each in served] == [("T1543.003", 0.7), ("T1569.002", 0.7)]
    assert {each.technique for each in catalog.techniques(DRSUAPI)} == {"T1003.006", "T1018", "T1087", "T1098", "T1207"}
    assert len(catalog.techniques()) == 236
    assert catalog.techniques(SVCCTL, 0) == ()


@pytest.mark.parametrize(
    ("text", "found", "called"),
    [
        (SVCCTL.upper(), ["svcctl"], 0),
        (r"\PIPE\netdfs", ["netdfs"], 0),
        (r"\\pipe\svcctl", ["svcctl"], 0),
        ("593", ["epmapper"], 0),
        ("MS-EFSR", ["efsrpc", "efsrpc"], 0),
        ("Winmgmt", ["IWbemServices", "IWbemLevel1Login"], 0),
        ("T1053.002", [], 1),
        ("DRSGetNCChanges", [], 1),
        ("t1003.006", [], 3),
        ("Shadow Copy Management", ["IVssEnumMgmtObject", "IVssDifferentialSoftwareSnapshotMgmt", "IVssEnumObject", "IVssSnapshotMgmt"], 0),
        ("GetNCChang", [], 1),
        ("no such thing", [], 0),
        ("00000000-0000-0000-0000-000000000000", [], 0),
        ("  ", [], 0),
    ],
)  # fmt: skip
def test_search(text: str, found: list[str], called: int) -> None:
    interfaces, operations = catalog.search(text)
    assert ([each.name for each in interfaces], len(operations)) == (found, called)


def test_nothing_is_read_before_it_is_asked_for() -> None:
    code = (
        "import rpcsight.catalog as c; f = (c._interfaces, c._listed, c._techniques, c._named);"
        "print([each.cache_info().currsize for each in f]); c.interface('x');"
        "print([each.cache_info().currsize for each in f])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines() == ["[0, 0, 0, 0]", "[1, 0, 0, 0]"]


# --- as tables


@pytest.mark.parametrize("name", CATALOG)
def test_a_table_is_the_same_as_rows_and_as_sql(name: str) -> None:
    rows = relations.rows(name)
    assert rows.column_names == names(CATALOG[name])
    with duckdb.connect() as warehouse:
        shown = warehouse.sql(translated(relations.relation(name), "duckdb", {})).to_arrow_table()
    assert shown.equals(rows)
    assert rows.num_rows == {"rpc_interface": 750, "rpc_operation": 2828, "rpc_technique": 236}.get(name, rows.num_rows)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_table_is_sql_in_every_dialect(dialect: str) -> None:
    assert "T1569.002" in translated(relations.relation("rpc_technique"), dialect, {})


def test_names_of_logs_lead_to_numbers() -> None:
    rows = relations.rows("rpc_name").to_pylist()
    assert repeated([tuple(row.values()) for row in rows]) == []
    job = [
        (row["interface_name"], row["operation"], row["opnum"], row["meanings"])
        for row in rows
        if "jobadd" in row["operation"]
    ]
    assert job == [("atsvc", "jobadd", 0, 1), ("atsvc", "netrjobadd", 0, 1)]
    assert {row["opnum"] for row in rows if row["operation"] == "rpcsplopenprinter" and row["meanings"] == 2} == {
        69,
        90,
    }


JOINED = """
    select called.operation, rpc_technique.technique, rpc_interface.process
    from (values ('svcctl', 'createservicew'), ('samr', 'samrclosehandle')) as called(interface_name, operation)
    join rpc_name on rpc_name.interface_name = called.interface_name and rpc_name.operation = called.operation
    join rpc_interface on rpc_interface.interface = rpc_name.interface
    left join rpc_technique on rpc_technique.interface = rpc_name.interface and rpc_technique.opnum = rpc_name.opnum
    order by called.operation, rpc_technique.technique
"""
ROWS = [
    {"operation": "createservicew", "technique": "T1543.003", "process": "services.exe"},
    {"operation": "createservicew", "technique": "T1569.002", "process": "services.exe"},
    {"operation": "samrclosehandle", "technique": None, "process": "lsass.exe"},
]


@pytest.mark.parametrize(
    "name", ["duckdb", pytest.param("spark", marks=[pytest.mark.spark, pytest.mark.xdist_group("spark")])]
)
def test_an_engine_joins_the_tables(name: str, tmp_path: Path) -> None:
    if name == "spark":
        system.require("java")
        pytest.importorskip("pyspark")
    engine = open_engine(name, scratch=str(tmp_path))
    try:
        for table in CATALOG:
            engine.give(table, relations.rows(table))
        assert engine.rows(JOINED, {}).to_pylist() == ROWS
        if name == "duckdb":
            inline = compose_steps(list(CATALOG), JOINED)
            assert engine.rows(inline, {}).to_pylist() == ROWS
    finally:
        engine.close()


USING = """
    select technique, count(*) as calls
    from rpc_call
    join rpc_technique on rpc_technique.interface = rpc_call.interface and rpc_technique.opnum = rpc_call.opnum
    group by technique
    order by technique
"""


def test_an_analytic_uses_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    words = dict.fromkeys(["title", "about", "why", "source", "mistaken", "blind"], "x")
    header = Header(id="mine", kind="list", attack=(), needs=("rpc_call",), uses=("rpc_call", "rpc_technique"), **words)
    monkeypatch.setattr(analytics, "all_analytics", lambda *_: (analytics.Analytic(header, USING.strip()),))
    with opened(Request([str(RECORDED)])) as session:
        rows = session.run("mine").to_pylist()
        again = session.run("mine").to_pylist()
        inline = session._engine.rows(analytics.compose("mine"), {}).to_pylist()
    assert rows == again == inline
    assert {row["technique"]: row["calls"] for row in rows} == CALLED


def test_the_lists_are_csv_as_others_read_it() -> None:
    for name in ("interfaces", "operations", "techniques"):
        text = (FOLDER / f"{name}.csv").read_bytes()
        assert pacsv.read_csv(io.BytesIO(text)).num_rows == len(listed(name))


def test_every_technique_that_is_named_has_a_name() -> None:
    listed_ones = {each.technique for each in catalog.techniques()}
    said = {each for analytic in analytics.all_analytics() for each in analytic.header.attack}
    assert {each for each in listed_ones | said if not technique_name(each)} == set()
    assert technique_name("T1003.006") == "OS Credential Dumping: DCSync"
    assert technique_name("<script>") is None

"""Analytics of the user's own: found, run, tested, and what is wrong with one is told; their SQL reaches nothing else."""

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import rpcsight
from rpcsight import analytics
from rpcsight.analytics import Analytic, all_analytics, analytic, compose
from rpcsight.analytics._checked import FUNCTIONS, checked
from rpcsight.analytics._own import PARAMETERS, own, usable
from rpcsight.cli import app
from rpcsight.cli.outcome import outcome as ended
from rpcsight.engines import open_engine
from rpcsight.errors import EngineError, SettingsError, UsageError
from rpcsight.examples import examples, outcome, write
from rpcsight.pipeline import Request, opened
from rpcsight.schema import CATALOG, FACTS
from rpcsight.settings import load
from tests.system import ROOT

PAGE = (ROOT / "docs" / "own-analytic.md").read_text("utf-8")
START = ROOT / "src" / "rpcsight" / "analytics" / "start"
SQL, TOML = ((START / f"mine.{ending}").read_text("utf-8") for ending in ("sql", "toml"))
TEMPLATE_ROW = {"src_ip": "10.0.20.15", "dest_ip": "10.0.0.7", "operation": "CreateServiceW", "events": 1}

Ran = tuple[int, str, str]
Cli = Callable[..., Ran]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Cli:
    """Return ``cli(*arguments)``: exit code, standard output and standard error of `rpcsight`, in this process."""

    def call(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["rpcsight", *map(str, arguments)])
        code = ended(lambda: app(prog_name="rpcsight", standalone_mode=False))
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return call


def put(folder: Path, sql: str = SQL, toml: str | None = TOML, name: str = "mine") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.sql"
    path.write_text(sql.replace('"mine"', f'"{name}"').replace("'mine'", f"'{name}'"))
    if toml is not None:
        (folder / f"{name}.toml").write_text(toml)
    return path


def settings(tmp_path: Path) -> Path:
    path = tmp_path / "rpcsight.toml"
    path.write_text('analytics = "analytics"\n')
    return path


def records(tmp_path: Path) -> Path:
    """The records of the first example, as a folder of Parquet."""
    folder = tmp_path / "records"
    folder.mkdir(exist_ok=True)
    write(examples(analytic(str(put(tmp_path / "other"))))[0], folder)
    return folder


# --- found and run


def test_the_folder_s_are_among_all(tmp_path: Path) -> None:
    put(tmp_path / "analytics")
    folder = load(settings(tmp_path)).analytics
    assert folder == tmp_path / "analytics"
    assert {each.header.id for each in all_analytics(folder)} == {each.header.id for each in all_analytics()} | {"mine"}
    assert analytic("MINE", folder).path == tmp_path / "analytics" / "mine.sql"


@pytest.mark.parametrize("engine", ["duckdb"])
def test_it_runs_by_id_and_by_file(tmp_path: Path, engine: str) -> None:
    path, paths = put(tmp_path / "analytics"), records(tmp_path)
    by_id = rpcsight.run("mine", paths, settings=settings(tmp_path), engine=engine)
    by_file = rpcsight.run(str(path), paths, engine=engine)
    assert by_id.equals(by_file)
    (row,) = by_id.to_pylist()
    assert {name: row[name] for name in TEMPLATE_ROW} == TEMPLATE_ROW


def test_a_warehouse_s_text_gives_the_same(cli: Cli, tmp_path: Path) -> None:
    path = put(tmp_path)
    code, out, err = cli("sql", path, "--dialect", "spark")
    assert (code, err, "10.0.0.8" in out, "technique_call AS" in out) == (0, "", True, True)


def test_a_step_of_one_s_own(tmp_path: Path) -> None:
    (tmp_path / "made.sql").write_text(
        "/* made: services made */\nselect * from technique_call where opnum in (12, 24)\n"
    )
    sql = SQL.replace('"technique_call"]', '"technique_call", "made"]').replace("from technique_call", "from made")
    found = analytic(str(put(tmp_path, sql)))
    assert list(found.steps) == ["made"]
    assert [each.problem for each in (outcome(found, example) for example in examples(found))] == ["", "", ""]
    assert "made as (" in compose(found)
    with pytest.raises(SettingsError, match="is a step, and no analytic"):
        analytic(str(tmp_path / "made.sql"))


def test_a_with_of_any_case_and_a_comment_before_it(tmp_path: Path) -> None:
    head, body = SQL.split("*/\n")
    sql = f"{head}*/\n\n-- what it does\nWith asked as (\n{body}\n) -- all of it\nSelect * From asked /* so */;\n"
    found = analytic(str(put(tmp_path, sql)))
    assert [outcome(found, example).problem for example in examples(found)] == ["", "", ""]


# --- what is wrong is told


WRONG = [
    ('kind     = "attack"', "", " [kind]", "Field required"),
    ('kind     = "attack"', 'kind = "bad"', " [kind]", "Input should be 'list', 'published' or 'attack'"),
    ('kind     =', "colour = 1\nkind =", " [colour]", "Extra inputs are not permitted"),
    ('kind     = "attack"', 'kind = "attack', " [header]", "Expected newline or end of document after a statement (at line 8, column 36)"),
    ('id       = "mine"', 'id = "other"', " [id]", "'other' is not what the file is called"),
    ('id       = "mine"', 'id = "../x"', " [id]", "'../x' is not what the file is called"),
    ('"T1543.003"]', '"T1543.3"]', " [attack]", "'T1543.3' is no ATT&CK technique"),
    ('needs    = ["rpc_call"]', 'needs = ["calls"]', " [needs]", "there is no table 'calls'"),
    ('"telling", ', "", " [uses]", "technique_call reads telling, which is not among them before"),
    ('"telling", ', '"tellin", ', " [uses]", "there is no step or table 'tellin'"),
    ('"telling", ', '"story", ', " [uses]", "there is no step or table 'story'"),
    ('"technique_call"]', '"technique_call", "lone"]', " [uses]", "lone reads sighting, which is not among them before"),
    ("from technique_call", "from controller", " [uses]", "its query reads controller, which is not among them before"),
    ("from technique_call", "from reading join technique_call using (src_ip)", " [needs]", "it reads flow records"),
    ("select\n", "selec\n", "", "is no SQL (Invalid expression / Unexpected token. Line 19, Col: 8.)"),
    ("weight,", "weigt,", "", 'Binder Error: Referenced column "weigt" not found'),
    ("weight,", "cast(src_ip as integer) as weight,", "", "Conversion Error: Could not convert string '10.0.20.15'"),
    ("weight,", "$wmi_s as weight,", "", "there is no parameter `$wmi_s`"),
    ("weight,", "? as weight,", "", "there is no parameter `?`"),
    ("weight,", "md5(src_ip) as weight,", "", "the function `MD5(src_ip)` can't be used"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "where", "what"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_named(cli: Cli, old: str, new: str, where: str, what: str, tmp_path: Path) -> None:
    assert old in SQL
    path = put(tmp_path, SQL.replace(old, new, 1))
    code, out, err = cli("test", path)
    assert (code, out) == (4, "")
    assert err.startswith(f"error: {path}{where}: {what}"), err


def test_the_error_of_a_missing_step_has_the_whole_list(tmp_path: Path) -> None:
    whole = re.findall(r"uses     = (\[.*?\])", SQL)[0]
    with pytest.raises(SettingsError) as raised:
        analytic(str(put(tmp_path, SQL.replace(whole, '["technique_call"]'))))
    names = re.findall(r'"(\w+)"', raised.value.hint)
    assert sorted(names) == sorted(json.loads(whole))
    assert analytic(str(put(tmp_path, SQL.replace(whole, raised.value.hint.removeprefix("uses = ")))))


EXAMPLES = [
    ("rows = 1", "row = 1", " [example 1, rows]", "Field required"),
    ("rows = 0", "rows = -1", " [example 2, rows]", "Input should be greater than or equal to 0"),
    ("[[example]]", "[[examples]]", "", "there is no key 'examples'"),
    ("[[example]]", "[[example", "", "can't be read as TOML"),
    ("svcctl     Open", "svc        Open", " example [rpc_call.interface], 'A workstation makes a service on a server.'", "'svc'"),
    ("time_s  src_ip ", "time_s  client ", " example [rpc_call.client], 'A workstation", "there is no such column"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "where", "what"), EXAMPLES, ids=range(len(EXAMPLES)))
def test_what_is_wrong_with_examples_is_named(
    cli: Cli, old: str, new: str, where: str, what: str, tmp_path: Path
) -> None:
    path = put(tmp_path, toml=TOML.replace(old, new, 1))
    code, out, err = cli("test", path)
    assert (code, out) == (4, "")
    assert err.startswith(f"error: {path.with_suffix('.toml')}{where}"), err
    assert what in err


def test_wrong_folders_and_files(tmp_path: Path) -> None:
    folder = tmp_path / "analytics"
    with pytest.raises(SettingsError, match="there is no such folder"):
        own(folder)
    with pytest.raises(UsageError, match="there is no file"):
        analytic(str(folder / "mine.sql"))
    put(folder)
    put(folder, name="MINE")
    with pytest.raises(SettingsError, match="another file there has the id 'mine', too"):
        own(folder)
    (folder / "MINE.sql").unlink()
    put(folder, name="DCSync")
    with pytest.raises(SettingsError, match=r"DCSync.sql \[id\]: 'DCSync' comes with rpcsight"):
        own(folder)
    (folder / "DCSync.sql").write_text("select 1")
    with pytest.raises(SettingsError, match="does not begin with a comment that holds a header"):
        own(folder)
    (folder / "DCSync.sql").write_bytes(b"/* \xff */ select 1")
    with pytest.raises(SettingsError, match="can't be read"):
        own(folder)
    (folder / "DCSync.sql").write_text("/*" + " " * (1 << 16) + "*/ select 1")
    with pytest.raises(SettingsError, match="is larger than 65536 bytes"):
        own(folder)


@pytest.mark.parametrize(
    ("name", "sql", "what"),
    [
        ("telling", "select * from rpc_call", "a step called 'telling' comes with rpcsight"),
        ("rpc_call", "select * from rpc_bind", "a step called 'rpc_call' comes with rpcsight"),
        ("own", "select * from own", "reads `own`, which is no step or table that it may read"),
        ("own", "select * from more", r"the step more builds on itself \(more > own > more\)"),
        ("own", "select * from read_csv('x')", "reads `READ_CSV"),
    ],
)
def test_wrong_steps(name: str, sql: str, what: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.sql").write_text(f"/* {name}: x */ {sql}")
    (tmp_path / "more.sql").write_text("/* more: x */ select * from own")
    (tmp_path / "own.sql").touch()
    if name != "own":
        (tmp_path / "own.sql").write_text("/* own: x */ select * from rpc_call")
    with pytest.raises(SettingsError, match=what):
        analytic(str(put(tmp_path)))


def test_an_error_on_the_way_names_the_file_too(tmp_path: Path) -> None:
    """Rows come while they are written: what goes wrong late is told as what goes wrong at once."""
    import pyarrow as pa

    engine = open_engine("duckdb", scratch=str(tmp_path))
    try:
        engine.give("late", pa.table({"v": ["1"] * 1_000_000 + ["x"]}))
        reader = engine.batches("select cast(v as integer) as v from late", {})
        with pytest.raises(EngineError, match="Conversion Error: Could not convert string 'x'"):
            reader.read_all()
    finally:
        engine.close()


# --- what its SQL can reach


REACHING = [
    "copy (select * from rpc_call) to 'out.csv'",
    "select * from rpc_call; copy rpc_call to 'out.csv'",
    "attach 'other.db' as other",
    "install httpfs",
    "load httpfs",
    "pragma database_list",
    "set memory_limit = '1TB'",
    "create table x as select 1",
    "insert into rpc_call select * from rpc_call",
    "delete from rpc_call",
    "drop table rpc_call",
    "call pragma_version()",
    "describe rpc_call",
    "summarize rpc_call",
    "explain select 1",
    "export database 'out'",
    "use memory",
    "begin",
    "select * into out from rpc_call",
    "select * from read_csv('/etc/passwd')",
    "select * from read_text('/etc/passwd')",
    "select * from '/etc/passwd'",
    'select * from "/etc/passwd"',
    'select * from "data.parquet"',
    "select * from rpc_call, 'x.csv'",
    "select * from rpc_call join glob('/*') on true",
    "select * from query('select 1')",
    "select * from query_table('rpc_call')",
    "select * from duckdb_settings()",
    "select * from information_schema.tables",
    "select * from memory.main.rpc_call",
    "select * from other.rpc_call",
    "select * from sniff_csv('x')",
    "select * from generate_series(1, 1000000000)",
    "select * from unnest([1, 2])",
    "select * from (describe rpc_call)",
    "select * from (values (1)) as t(x), lateral (select * from read_csv('x'))",
    "select * from rpc_call where src_ip in (select content from read_text('x'))",
    "select exists (from 'x.csv') from rpc_call",
    "select getenv('HOME') from rpc_call",
    "select 'HOME'.getenv() from rpc_call",
    "select current_setting('memory_limit') from rpc_call",
    "select getvariable('x') from rpc_call",
    "select nextval('x') from rpc_call",
    "select write_log('x') from rpc_call",
    "select random() from rpc_call",
    "select now() from rpc_call",
    "select current_timestamp from rpc_call",
    "select version() from rpc_call",
    "select list_transform([1], lambda x: x) from rpc_call",
    "select columns('a') from rpc_call",
    "with recursive n as (select 1 as i union all select i + 1 from n) select * from n",
    'with "x.csv" as (select 1) select * from "x.csv"',
    "with rpc_call as (select 1) select * from rpc_call",
    "with x as (delete from rpc_call returning *) select * from x",
    "pivot rpc_call on opnum",
    "select * from rpc_call tablesample 10%",
    "select " + "(" * 2_000 + "1" + ")" * 2_000 + " from rpc_call",
    "",
    "-- nothing",
]  # fmt: skip


@pytest.mark.parametrize("sql", REACHING, ids=[sql[:60] for sql in REACHING])
def test_a_query_reaches_nothing_but_what_it_may_read(sql: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        checked(sql, "mine.sql", ["rpc_call"], PARAMETERS)
    header = re.sub(r"uses     = \[.*\]", 'uses = ["rpc_call"]', SQL.split("*/\n")[0])
    with pytest.raises(SettingsError):
        analytic(str(put(tmp_path, f"{header}*/\n{sql}\n")))


def test_what_is_run_is_what_was_checked(tmp_path: Path) -> None:
    """The text that goes to an engine is written anew from what was understood of it."""
    found = analytic(str(put(tmp_path, SQL.replace("weight,", "weight, /* a /* nested */ comment */ 'a;b' as marks,"))))
    assert "comment" not in found.sql
    assert "--" not in found.sql
    assert "'a;b' AS marks" in found.sql


@pytest.mark.parametrize("each", all_analytics(), ids=lambda each: each.header.id)
def test_those_that_come_along_pass_the_same_checks(each: Analytic, tmp_path: Path) -> None:
    """So that a copy of any of them (--like) works."""
    path = Path(rpcsight.__file__).parent / "analytics" / f"{each.header.id}.sql"
    found = analytic(str(put(tmp_path, path.read_text("utf-8").replace(f'"{each.header.id}"', '"mine"', 1))))
    assert found.header.model_dump() == each.header.model_dump() | {"id": "mine"}


def test_steps_that_may_be_used_are_made_of_tables() -> None:
    known = usable()
    assert {*FACTS, *CATALOG} <= known.keys()
    assert {"called", "telling", "technique_call", "connection", "activity", "judged"} <= known.keys()
    assert {"half", "tcp", "story", "evidence", "logged", "paired"} & known.keys() == set()
    assert sorted(FUNCTIONS) == sorted({name.lower() for name in FUNCTIONS})


# --- rpcsight test


def test_examples_that_hold(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("test", put(tmp_path), "-f", "jsonl")
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "3 examples hold\n")
    assert [
        (row["analytic"], row["example"], row["expected"], row["got"], row["ok"], row["problem"]) for row in rows
    ] == [
        ("mine", 1, 1, 1, True, None),
        ("mine", 2, 0, 0, True, None),
        ("mine", 3, 0, 0, True, None),
    ]
    assert json.loads(rows[0]["rows"][0])["start_time"] == "2"


def test_an_example_that_does_not_hold_is_shown_with_the_rows_that_came(cli: Cli, tmp_path: Path) -> None:
    path = put(tmp_path, toml=TOML.replace("rows = 0", "rows = 2", 1).replace("T1543.003  Create", "T1543.009  Create"))
    code, out, err = cli("test", path)
    assert (code, err) == (1, "2 of 3 examples do not hold\n")
    table, told = out.split("3 rows\n")
    assert [line.split()[-1] for line in table.splitlines()[:4]] == ["ok", "no", "no", "yes"]
    first, row, second = told.splitlines()
    assert first == (
        "mine, example 1 (A workstation makes a service on a server.): row 1: technique is T1543.003 instead of T1543.009"
    )
    assert json.loads(row)["operation"] == "CreateServiceW"
    assert second == "mine, example 2 (Near miss: a management host does.): 0 rows instead of 2"


def test_the_settings_change_what_comes(cli: Cli, tmp_path: Path) -> None:
    sql = SQL.replace("where interface", "where calls >= $storm_calls and interface")
    path, file = put(tmp_path / "analytics", sql), settings(tmp_path)
    assert cli("test", path, "-q")[0] == 1
    file.write_text(file.read_text() + "[attack]\nstorm_calls = 1\n")
    assert cli("test", "mine", "-q", "--settings", file)[0] == 0


def test_without_examples_nothing_is_tested(cli: Cli, tmp_path: Path) -> None:
    path = put(tmp_path, toml=None)
    assert cli("test", path) == (
        2,
        "",
        f"error: {path}: carries no examples\n  hint: write them into mine.toml beside it: docs/own-analytic.md\n",
    )
    code, out, err = cli("test", "rpc-calls")
    assert (code, out, err.startswith("error: rpc-calls: carries no examples")) == (2, "", True)


# --- rpcsight new-analytic


@pytest.mark.parametrize("like", [(), ("--like", "dcsync")], ids=["its own", "a copy"])
def test_a_new_one_passes_its_test_at_once(cli: Cli, tmp_path: Path, like: Sequence[str]) -> None:
    code, out, err = cli("new-analytic", "made-here", "--folder", tmp_path / "new", *like)
    path = tmp_path / "new" / "made-here.sql"
    assert (code, err) == (0, "")
    assert f"rpcsight test {path}\n" in out
    code, out, err = cli("test", path, "-f", "jsonl")
    assert (code, [json.loads(line)["ok"] for line in out.splitlines()].count(True)) == (0, len(out.splitlines()))
    assert "made-here" in path.read_text("utf-8")
    assert f"rpcsight test {path.name}" in path.with_suffix(".toml").read_text("utf-8") or like


@pytest.mark.parametrize("name", [each.header.id for each in all_analytics() if examples(each)], ids=lambda name: name)
def test_any_with_examples_can_be_copied(cli: Cli, tmp_path: Path, name: str) -> None:
    assert cli("new-analytic", "copied", "--folder", tmp_path, "--like", name)[0] == 0
    copied = analytic(str(tmp_path / "copied.sql"))
    assert [example.about for example in examples(copied)] == [example.about for example in examples(name)]


def test_nothing_is_overwritten(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("mine")
    for name, said in {
        "mine": f"ID: there is '{tmp_path}/mine.toml' already",
        "MINE": f"ID: there is '{tmp_path}/mine.toml' already",
        "dcsync": "ID: 'dcsync' comes with rpcsight",
        "../mine": "ID: '../mine' is no name for an analytic",
    }.items():
        code, out, err = cli("new-analytic", name, "--folder", tmp_path)
        assert (code, out, err.startswith(f"error: {said}")) == (2, "", True), err
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("mine.toml", "mine")]
    code, _, err = cli("new-analytic", "x", "--folder", tmp_path / "no" / "where")
    assert (code, err.startswith(f"error: {tmp_path}/no/where: can't be written")) == (3, True)
    code, _, err = cli("new-analytic", "x", "--folder", tmp_path, "--like", "rpc-calls")
    assert (code, err.startswith("error: --like: rpc-calls carries no examples")) == (2, True)


# --- the page


def test_the_page_s_commands_work(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of docs/own-analytic.md, in its order, in a folder with a settings file and records."""
    recorded = records(tmp_path)
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    (here / "rpcsight.toml").write_text(re.findall(r"```toml\n(analytics.*?)```", PAGE, re.DOTALL)[0])
    (here / "capture.pcap").symlink_to(recorded)
    commands = re.findall(r"^    rpcsight (.+)$", PAGE, re.MULTILINE)
    commands += re.findall(r"`rpcsight (run .*?)`", PAGE)
    assert len(commands) == 11
    assert [command for command in commands if cli(*command.split())[0]] == []
    assert sorted(path.name for path in here.rglob("*.*")) == [
        *("backup-hosts.sql", "backup-hosts.toml", "capture.pcap", "dcsync-strict.sql", "dcsync-strict.toml", "layer.json"),
        *("rpcsight.toml", "service-maker.sql", "service-maker.toml"),
    ]  # fmt: skip


def test_the_page_names_every_key() -> None:
    keys = re.findall(r"^\| (`.+?) \|", PAGE, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(keys))) == sorted(analytics.Header.model_fields)


def test_the_page_s_example_holds(tmp_path: Path) -> None:
    toml = next(text for text in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "[[example]]" in text)
    found = analytic(str(put(tmp_path, toml=toml)))
    (example,) = examples(found)
    assert outcome(found, example).problem == ""


def test_a_session_takes_either(tmp_path: Path) -> None:
    found = analytic(str(put(tmp_path)))
    with opened(Request([str(records(tmp_path))])) as session:
        assert session.run(found).num_rows == session.stream(found).read_all().num_rows == session.count(found) == 1

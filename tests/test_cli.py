"""The command line as its users meet it: exit codes, what goes to which stream, files, pipes, terminals and Ctrl-C."""

import fcntl
import gzip
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import rpcsight
from rpcsight import __version__
from rpcsight.analytics import all_analytics
from rpcsight.cli import app, main
from rpcsight.cli.calling import program
from rpcsight.diagnosis.text import as_text
from rpcsight.engines.dialects import DIALECTS
from rpcsight.examples import examples
from rpcsight.readers import all_readers
from rpcsight.writers import all_writers
from tests.contracts.samples import FLOWS, zeek_tsv
from tests.diagnosed import written as written_case
from tests.oracles.flow import Flow
from tests.recording import NFDUMP, PARQUET, written

COMMANDS = [
    *("hunt", "run", "learn", "doctor", "convert", "interfaces", "simulate", "evaluate", "serve", "list", "test"),
    *("new-analytic", "export-sigma", "sql"),
    "demo",
]
GROUPS = [
    *("baseline", *(f"baseline {name}" for name in ("show", "assets", "export", "import", "forget", "diff"))),
    *("token", *(f"token {name}" for name in ("add", "list", "remove"))),
]
RECORDING = str(PARQUET)
HINTED = re.compile(r"error: [^\n]+: [^\n]+\n(  hint: [^\n]+\n)?")
FLOW_SQL = """
    copy (
      select
        'f' || i as flow_id, make_timestamp(1772445600000000 + i * 10) as start_time, '10.0.' || i % 250 || '.9' as src_ip,
        50000 + i % 9000 as src_port, '10.1.0.' || i % 40 as dest_ip, if(i % 2 = 0, 135, 49664) as dest_port
      from range(5000000) as numbers(i)
    ) to '{}' (format parquet)
"""

Ran = tuple[int, str, str]
Cli = Callable[..., Ran]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Cli:
    """Return ``cli(*arguments)``: exit code, standard output and standard error of `rpcsight`, in this process."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.delenv("NO_COLOR", raising=False)

    def call(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["rpcsight", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capfdbinary.readouterr()
        return int(left.value.code or 0), out.decode(), err.decode()

    return call


@pytest.fixture
def with_interrupts() -> Iterator[None]:
    """Let processes that are started hear Ctrl-C: what a shell runs in the background, and all that starts, else ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def start(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    """Start `rpcsight` as a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "rpcsight", *map(str, arguments)], **options)


def process(*arguments: object, given: bytes = b"") -> Ran:
    with start(*arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        out, err = running.communicate(given)
        return running.returncode, out.decode(), err.decode()


def on_terminal(*arguments: object, streams: Sequence[str], **environment: str) -> tuple[int, str]:
    """Run with these streams on a terminal; what it shows."""
    master, terminal = new_terminal()
    there = dict.fromkeys(streams, terminal)
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    with start(
        *arguments,
        stdin=subprocess.DEVNULL,
        **({"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | there),
        env=inherited | {"TERM": "xterm-256color"} | environment,
    ) as running:
        os.close(terminal)
        shown = b"".join(from_terminal(master))
    return running.returncode, shown.decode()


def new_terminal() -> tuple[int, int]:
    """The two ends of a terminal of 24 lines and 100 columns."""
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    return master, terminal


def from_terminal(master: int) -> Iterator[bytes]:
    with suppress(OSError), os.fdopen(master, "rb", buffering=0) as screen:  # EIO is how a terminal ends
        while some := screen.read(65536):
            yield some


def json_rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


# --- use, and wrong use


def test_every_command_is_here() -> None:
    assert [each.name or each.callback.__name__ for each in app.registered_commands] == COMMANDS  # pyright: ignore


@pytest.mark.parametrize("command", ["", *COMMANDS, *GROUPS])
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(cli: Cli, command: str, option: str) -> None:
    code, out, err = cli(*command.split(), option)
    assert (code, out.startswith(f"Usage: rpcsight {command}".rstrip()), err) == (0, True, "")
    assert "\\b" not in out  # a mark of paragraphs that was not understood


def test_version(cli: Cli) -> None:
    assert cli("--version") == (0, f"rpcsight {__version__}\n", "")


@pytest.mark.parametrize("group", ["", "baseline", "findings", "allow"])
def test_nothing_asked_shows_the_help(cli: Cli, group: str) -> None:
    code, out, err = cli(*group.split())
    assert (code, out, err.startswith(f"Usage: rpcsight {group}".rstrip())) == (2, "", True)


WRONG_SETTINGS = {
    "unknown.toml": "[rule]\nwindo_s = 2\n",
    "value.toml": '[rule]\ndynamic_ports = "9-1"\n',
    "no.toml": "[",
    "own.toml": 'analytics = "nowhere"',
}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("bogus", 2, "rpcsight: no such command 'bogus'"),
        ("hunt", 2, "rpcsight hunt: missing argument 'PATH'"),
        ("run", 2, "rpcsight run: missing argument 'ANALYTIC'"),
        ("demo more", 2, "rpcsight demo: got unexpected extra argument"),
        ("hunt --budget 0 {flows}", 2, "--budget: '0' is no number of findings a day"),
        ("hunt --budget ten {flows}", 2, "--budget: 'ten' is no number of findings a day"),
        ("hunt --budget 10001 {flows}", 2, "--budget: '10001' is no number of findings a day"),
        ("hunt --workspace {folder}/none {flows}", 2, "--workspace: there is no '{folder}/none'"),
        ("hunt --bogus {flows}", 2, "rpcsight hunt: no such option: --bogus"),
        ("hunt --limit 0 {flows}", 2, "rpcsight hunt: invalid value for '--limit'"),
        ("hunt --mapper-port x {flows}", 2, "rpcsight hunt: invalid value for '--mapper-port'"),
        ("hunt --since never {flows}", 2, "--since: 'never' is no time"),
        ("hunt --until 2026-13-01 {flows}", 2, "--until: '2026-13-01' is no time"),
        ("hunt --window soon {flows}", 2, "--window: 'soon' is no length of time"),
        ("hunt --dynamic-ports 9-1 {flows}", 2, "--dynamic-ports: '9-1' is no port range"),
        ("hunt --dynamic-ports  {flows}", 2, ""),
        ("hunt --window -2s {flows}", 2, "--window: Input should be greater than or equal to 0.000001, seen -2.0\n"),
        ("hunt --window 0s {flows}", 2, "--window: Input should be greater than or equal to 0.000001, seen 0.0\n"),
        ("hunt --window nan {flows}", 2, "--window: "),
        ("hunt --mapper-port 0 {flows}", 2, "--mapper-port: Input should be greater than or equal to 1, seen 0\n"),
        ("hunt --mapper-port 70000 {flows}", 2, "--mapper-port: Input should be less than or equal to 65535, seen 70000\n"),
        ("sql rpc-activity --mapper-port 0", 2, "--mapper-port: "),
        ("hunt --engine abacus {flows}", 2, "--engine: 'abacus' is no engine"),
        ("hunt --format xml {flows}", 2, "--format: 'xml' is no format"),
        ("hunt -o {folder} {flows}", 2, "--output: '{folder}' is no file"),
        ("hunt -o {folder}/no/where {flows}", 2, "--output: there is no folder '{folder}/no'"),
        ("hunt -o {folder}/x.xlsx {flows}", 2, "--output: the ending of 'x.xlsx' names no format"),
        ("hunt -o {folder}/x.out {flows}", 2, "--output: the ending of 'x.out' names no format"),
        ("hunt -o {folder}/x.csv.gz {flows}", 2, "--output: 'x.csv.gz' is called like a packed file"),
        ("hunt -f csv -o {folder}/x.CSV.GZ {flows}", 2, "--output: 'x.CSV.GZ' is called like a packed file"),
        ("run bogus {flows}", 2, "analytic: there is none called 'bogus'"),
        ("list bogus", 2, "list: 'bogus' is nothing to list"),
        ("list readers bogus", 2, "list: there is none called 'bogus' among readers"),
        ("list analytics bogus", 2, "analytic: there is none called 'bogus'"),
        ("list readers -f navigator", 2, "--format navigator: a layer is made of a column technique"),
        ("run rpc-calls {flows} -f navigator -q", 2, "--format navigator: a layer is made of a column technique"),
        ("run {folder}/mine.sql {flows}", 2, "analytic: there is no file '{folder}/mine.sql'"),
        ("test bogus", 2, "analytic: there is none called 'bogus'"),
        ("test dcsync --engine abacus", 2, "--engine: 'abacus' is no engine"),
        ("new-analytic", 2, "rpcsight new-analytic: missing argument 'ID'"),
        ("list analytics --settings {folder}/own.toml", 4, "analytics = '{folder}/nowhere': there is no such folder"),
        ("sql bogus", 2, "analytic: there is none called 'bogus'"),
        ("sql rpc-activity --dialect latin", 2, "--dialect: 'latin' is not known"),
        ("hunt {folder}/missing.log", 3, "{folder}/missing.log: there is no such file"),
        ("hunt {folder}/empty", 3, "{folder}/empty: "),
        ("hunt --settings {folder}/unknown.toml {flows}", 4, "{folder}/unknown.toml [rule.windo_s]: "),
        ("hunt --settings {folder}/value.toml {flows}", 4, "{folder}/value.toml [rule.dynamic_ports]: "),
        ("hunt --settings {folder}/no.toml {flows}", 4, "{folder}/no.toml: can't be read as TOML"),
        ("hunt --settings {folder}/missing.toml {flows}", 4, "{folder}/missing.toml: can't be read"),
        ("hunt {folder}/columns.csv", 5, "{folder}/columns.csv: "),
    ],
)  # fmt: skip
def test_errors(cli: Cli, tmp_path: Path, arguments: str, code: int, said: str) -> None:
    for name, text in WRONG_SETTINGS.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "columns.csv").write_text("src_ip,dest_ip,src_port,dest_port,note\n10.0.0.1,10.0.0.2,50000,135,\n")
    (tmp_path / "empty").write_bytes(b"")
    places = {"flows": RECORDING, "folder": str(tmp_path)}
    ran = cli(*(word.format(**places) for word in arguments.split(" ")))
    assert (ran[0], ran[1]) == (code, "")
    assert HINTED.fullmatch(ran[2]), ran[2]
    assert ran[2].startswith(f"error: {said.format(**places)}"), ran[2]


def test_a_bug_says_that_it_is_one(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("rpcsight.pipeline.opened")
    code, out, err = cli("hunt", RECORDING)
    assert (code, out, err.startswith("Traceback")) == (70, "", True)
    assert "error: rpcsight: AttributeError: " in err
    assert "this is a bug in rpcsight" in err


# --- list, sql, demo


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("readers", [each.NAME for each in all_readers()]),
        ("writers", [each.NAME for each in all_writers()]),
        ("analytics", [each.header.id for each in all_analytics()]),
    ],
)
def test_list(cli: Cli, what: str, names: list[str]) -> None:
    code, out, err = cli("list", what)
    first = [line.split()[0] for line in out.splitlines()[1:-1] if not line.startswith(" ")]
    assert (code, first, err) == (0, names, "")
    assert "about" in out.splitlines()[0]


def test_list_analytics_for_programs(cli: Cli) -> None:
    code, out, err = cli("list", "analytics", "-f", "jsonl")
    rows = {row["id"]: row for row in json_rows(out)}
    assert (code, err, list(rows)) == (0, "", [each.header.id for each in all_analytics()])
    for each in all_analytics():
        row, header = rows[each.header.id], each.header.model_dump(mode="json")
        assert {name: row[name] for name in header} == header
        assert row["examples"] == [{"about": one.about, "rows": one.rows} for one in examples(each)]
        assert row["file"] is None


def test_list_analytics_tells_all_about_one(cli: Cli) -> None:
    code, out, err = cli("list", "analytics", "DCSYNC")
    (header,) = (each.header for each in all_analytics() if each.header.id == "dcsync")
    told = " ".join(out.split())
    assert (code, err, out.splitlines()[0]) == (0, "", f"dcsync: {header.title}")
    assert [text for text in (header.about, header.why, header.mistaken, header.blind) if text not in told] == []
    assert [one.about for one in examples("dcsync") if one.about not in told] == []
    assert json_rows(cli("list", "analytics", "dcsync", "-f", "jsonl")[1])[0]["id"] == "dcsync"


def test_list_steps(cli: Cli) -> None:
    code, out, err = cli("list", "steps", "-f", "jsonl")
    rows = {row["name"]: row for row in json_rows(out)}
    assert (code, err, [row for row in rows.values() if not row["about"]]) == (0, "", [])
    assert rows["technique_call"]["uses"] == "telling"
    assert rows["rpc_call"] == {"name": "rpc_call", "about": "a table: docs/tables.md", "uses": ""}


def test_lists_fit_the_terminal() -> None:
    for what in ("readers", "writers", "analytics", "steps", "analytics dcsync"):
        code, shown = on_terminal("list", *what.split(), streams=["stdout"], NO_COLOR="1")
        assert (code, [line for line in shown.splitlines() if len(line) > 100]) == (0, [])
        assert "no room for" not in shown


def test_a_layer_of_what_was_found(cli: Cli, tmp_path: Path) -> None:
    made = tmp_path / "layer.json"
    assert cli("hunt", RECORDING, "-f", "navigator", "-o", made, "-q") == (0, "", "")
    found = json_rows(cli("hunt", RECORDING, "-f", "jsonl", "-q")[1])
    scores: dict[str, float] = {}
    for row in found:
        scores |= {name: max(row["score"], scores.get(name, 0)) for name in row["techniques"]}
    layer = json.loads(made.read_text("utf-8"))
    assert {each["techniqueID"]: each["score"] for each in layer["techniques"]} == {
        name: round(score) for name, score in scores.items()
    }


@pytest.mark.parametrize("dialect", DIALECTS)
def test_sql(cli: Cli, dialect: str) -> None:
    code, out, err = cli("sql", "rpc-activity", "--dialect", dialect, "--mapper-port", 1135, "--window", "3s")
    assert (code, err, re.findall(r"\$[a-z_]+", out)) == (0, "", [])
    assert out.lower().startswith("with")
    assert "1135" in out
    assert "3000000" in out


def test_demo_ends_in_findings_with_workstations_on_top(cli: Cli) -> None:
    code, out, err = cli("demo")
    header, first, *_ = out.splitlines()
    assert (code, header.split()) == (0, ["score", "severity", "client", "server", "pairs", "why"])
    score, *others = first.split()[:5]
    assert (int(score) >= 30, others) == (True, ["medium", "10.77.0.22", "10.77.0.21", "9"])
    assert "3 findings tell 17 of 20 stories" in err
    assert "read 1 file (nfdump 1): 2,374 records" in err
    assert err.splitlines()[-3:] == [
        "Next, in a browser: rpcsight demo --report demo.html, then open that file",
        "or with triage, hosts and a map: rpcsight demo --workspace demo.db, then rpcsight serve --workspace demo.db",
        "With your own records: rpcsight doctor LOGS, rpcsight hunt LOGS --report report.html",
    ]


def test_demo_as_a_report_and_as_a_workspace(cli: Cli, tmp_path: Path) -> None:
    page, kept = tmp_path / "demo.html", tmp_path / "demo.db"
    code, _, err = cli("demo", "--report", page, "--workspace", kept)
    assert (code, err.splitlines()[-2]) == (0, f"the report, for a browser: {page.as_uri()}")
    assert "<title>RPC in network records: 3 findings</title>" in page.read_text("utf-8")
    there = json_rows(cli("findings", "list", "-w", kept, "-f", "jsonl")[1])
    assert [(row["src_ip"], row["dest_ip"], row["status"]) for row in there] == [
        ("10.77.0.22", "10.77.0.21", "open"),
        ("10.77.0.24", "10.77.0.22", "open"),
        ("10.77.0.23", "10.77.0.24", "open"),
    ]
    assert cli("demo", "--workspace", kept)[::2] == (
        2,
        f"error: --workspace: {str(kept)!r} is there, and a demo would mix with it\n"
        f"  hint: name another file, or look at it: rpcsight serve --workspace {kept}\n",
    )


@pytest.mark.parametrize(
    ("called", "on_path", "shown"),
    [
        ("/venv/bin/rpcsight", True, "rpcsight"),
        ("venv/bin/rpcsight", False, "venv/bin/rpcsight"),
        ("a b/bin/rpcsight", False, "'a b/bin/rpcsight'"),
        ("lib/rpcsight/__main__.py", False, "rpcsight"),
    ],
)
def test_program_is_named_so_that_the_shell_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, called: str, on_path: bool, shown: str
) -> None:
    path = tmp_path / called.strip("/")
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(path.parent) if on_path else "/nowhere")
    monkeypatch.setattr(sys, "argv", [str(path) if on_path else called])
    assert program() == shown


# --- formats, files and pipes


@pytest.mark.parametrize("command", [["hunt"], ["run", "rpc-activity"], ["run", "CAR-2014-05-001"]], ids=" ".join)
def test_formats_tell_the_same(cli: Cli, tmp_path: Path, command: list[str]) -> None:
    jsonl = cli(*command, RECORDING, "--format", "jsonl", "--quiet")
    rows = json_rows(jsonl[1])
    files = {name: tmp_path / f"rows.{name}" for name in ("jsonl", "csv", "parquet", "txt")}
    assert [cli(*command, RECORDING, "-o", path, "-q") for path in files.values()] == [(0, "", "")] * len(files)
    assert files["jsonl"].read_text("utf-8") == jsonl[1]
    assert files["csv"].read_text("utf-8").splitlines()[0].split(",") == [f'"{name}"' for name in rows[0]]
    table = pq.read_table(files["parquet"])
    assert (table.num_rows, table.column_names) == (len(rows), list(rows[0]))
    assert files["txt"].read_text("utf-8").splitlines()[-1].startswith(f"{len(rows)} rows")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in files.values())


@pytest.mark.parametrize(
    ("name", "options", "form"),
    [
        *(("x", [], "jsonl"), ("x.json", [], "jsonl"), ("x.NDJSON", [], "jsonl"), ("x.2026-11-22", [], "jsonl")),
        *(("x.CSV", [], "csv"), ("x.table", [], "table"), ("x.Txt", [], "table")),
        *(("x.out", ["-f", "csv"], "csv"), ("x.csv", ["-f", "jsonl"], "jsonl")),
    ],
)
def test_a_files_ending_names_its_format(cli: Cli, tmp_path: Path, name: str, options: list[str], form: str) -> None:
    assert cli("run", "rpc-attempts", RECORDING, "-q", "-o", tmp_path / name, *options) == (0, "", "")
    begins = {"jsonl": '{"', "csv": '"src_ip"', "table": "src_ip "}[form]
    assert (tmp_path / name).read_text("utf-8").startswith(begins)


def test_an_output_of_a_dash_is_standard_output(cli: Cli) -> None:
    assert cli("run", "rpc-activity", RECORDING, "-q", "-o", "-") == cli("run", "rpc-activity", RECORDING, "-q")


def test_an_output_file_is_replaced_as_a_whole_or_not_at_all(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("before")

    def breaks(rows: object, out: Any, look: object) -> None:
        out.write(b"half a row")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rpcsight.writers.jsonl.write", breaks)
    code, out, err = cli("run", "rpc-activity", RECORDING, "-o", path)
    assert (code, out, path.read_text(), list(tmp_path.iterdir())) == (3, "", "before", [path])
    assert err.startswith(f"error: {path}: can't be written (No space left on device)\n  hint: ")


def test_a_device_is_written_to_and_not_replaced(cli: Cli, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with start("run", "rpc-activity", RECORDING, "-q", "-f", "csv", "-o", pipe) as running:
        text = pipe.read_text("utf-8")
    assert (running.returncode, pipe.is_fifo(), text) == (
        0,
        True,
        cli("run", "rpc-activity", RECORDING, "-f", "csv")[1],
    )


def test_a_link_stays_and_its_target_is_replaced(cli: Cli, tmp_path: Path) -> None:
    kept, link, twice = tmp_path / "kept" / "rows.csv", tmp_path / "rows.csv", tmp_path / "twice.csv"
    kept.parent.mkdir()
    link.symlink_to("kept/rows.csv")
    twice.symlink_to(link)
    wanted = cli("run", "rpc-activity", RECORDING, "-q", "-f", "csv")[1]
    for given in (link, twice):  # the target is not there at first, then it is
        assert cli("run", "rpc-activity", RECORDING, "-q", "-o", given) == (0, "", "")
        assert (link.is_symlink(), twice.is_symlink(), kept.read_text("utf-8")) == (True, True, wanted)
        kept.write_text("before")
    assert [path.name for path in kept.parent.iterdir()] == ["rows.csv"]


def test_a_link_in_a_circle_or_into_no_folder_is_refused(cli: Cli, tmp_path: Path) -> None:
    circle, lost = tmp_path / "circle", tmp_path / "lost"
    circle.symlink_to(circle)
    lost.symlink_to("no/where")
    assert cli("hunt", RECORDING, "-o", circle)[0] == 2
    assert cli("hunt", RECORDING, "-o", lost)[2].startswith(f"error: --output: there is no folder '{tmp_path}/no'")
    assert (circle.is_symlink(), lost.is_symlink()) == (True, True)


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_descriptor_is_a_stream(tmp_path: Path, steps: int) -> None:
    """Written where it stands, whatever it was opened on: what is there already stays."""
    path = tmp_path / "log"
    with path.open("wb", buffering=0) as log:
        log.write(b"before\n")
        name = Path(f"/proc/self/fd/{log.fileno()}")
        for step in range(steps):
            (tmp_path / f"link{step}").symlink_to(name)
            name = tmp_path / f"link{step}"
        with start("run", "rpc-activity", RECORDING, "-q", "-f", "csv", "-o", name, pass_fds=[log.fileno()]) as running:
            assert running.wait() == 0
        log.write(b"after\n")
    wanted = process("run", "rpc-activity", RECORDING, "-q", "-f", "csv")[1]
    assert path.read_text("utf-8") == f"before\n{wanted}after\n"
    assert len(list(tmp_path.iterdir())) == 1 + steps


def test_a_descriptor_that_is_a_pipe_or_not_open(cli: Cli, tmp_path: Path) -> None:
    end, into = os.pipe()
    link = tmp_path / "link"
    link.symlink_to(f"/proc/self/fd/{into}")
    with start("run", "CAR-2014-05-001", RECORDING, "-q", "-o", link, pass_fds=[into]) as running:
        os.close(into)
        with os.fdopen(end, encoding="utf-8") as pipe:
            assert len(json_rows(pipe.read())) == 551
    assert (running.returncode, link.is_symlink()) == (0, True)
    assert cli("hunt", RECORDING, "-q", "-o", "/proc/self/fd/987")[0] == 3


def test_a_link_to_a_named_pipe_is_written_to(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    with start("run", "rpc-activity", RECORDING, "-q", "-o", link) as running:
        rows = json_rows(pipe.read_text("utf-8"))
    assert (running.returncode, len(rows), pipe.is_fifo(), link.is_symlink()) == (0, 234, True, True)


def test_a_full_disk_is_an_error() -> None:
    with Path("/dev/full").open("wb") as full:
        running = start("run", "rpc-activity", RECORDING, "-q", stdout=full, stderr=subprocess.PIPE)
        err = running.communicate()[1].decode()
    assert (running.returncode, err.splitlines()[0]) == (
        3,
        "error: standard output: can't be written (No space left on device)",
    )


def test_standard_input_is_read(cli: Cli) -> None:
    given = gzip.compress(zeek_tsv(FLOWS))
    code, out, err = process("run", "rpc-activity", "-", "-q", given=given)
    assert (code, {row["source"] for row in json_rows(out)}, err) == (0, {"-"}, "")


def test_a_reader_that_leaves_early_ends_it_quietly(tmp_path: Path) -> None:
    many = [Flow(f"f{port}", port, None, "10.0.0.1", port, "10.0.0.2", 49664) for port in range(50000, 60000)]
    flows = written([Flow("m", 0, None, "10.0.0.1", 50000, "10.0.0.2", 135), *many], tmp_path / "flows.parquet")
    with start("run", "CAR-2014-05-001", flows, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout
        assert running.stderr
        assert json.loads(running.stdout.readline())["endpoint_id"] == "f50000"
        running.stdout.close()
        assert (running.stderr.read(), running.wait()) == (b"", 141)


def test_the_same_input_gives_the_same_bytes(cli: Cli, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.parquet", "b.parquet", "c.parquet")]
    rows = pq.read_table(PARQUET)
    for place, path in enumerate(paths):
        pq.write_table(rows.take(list(range(place, rows.num_rows, 3))), path)
    for command in (["hunt"], ["run", "rpc-activity"], ["run", "CAR-2014-05-001"], ["run", "rpc-attempts"]):
        first, again, turned = (cli(*command, *some) for some in (paths, paths, paths[::-1]))
        assert first == again == turned
        assert first[1]


# --- options


def test_quiet_is_silent_and_else_the_account_is_told(cli: Cli) -> None:
    assert cli("hunt", RECORDING, "--quiet")[2] == ""
    assert cli("hunt", RECORDING)[2].splitlines()[0] == "read 1 file (parquet 1): 662 records"


@pytest.mark.parametrize(
    ("options", "strict", "robust"),
    [
        ([], 551, 234),
        (["--window", "500ms"], 349, 234),
        (["--window", "0.5"], 349, 234),
        (["--dynamic-ports", "49153-49153"], 0, 70),
        (["--mapper-port", 49153], 51, 114),
        (["--since", "2026-11-21T23:58:00"], 128, 57),
        (["--until", "2026-11-22T00:58:00+01:00"], 423, 177),
    ],
    ids=str,
)
def test_options_of_the_rule(cli: Cli, options: list[object], strict: int, robust: int) -> None:
    counts = [
        len(json_rows(cli("run", analytic, RECORDING, *options, "-q")[1]))
        for analytic in ("CAR-2014-05-001", "rpc-activity")
    ]
    assert counts == [strict, robust]


def test_settings_file_and_options_that_win_over_it(cli: Cli, tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text('[rule]\nwindow_s = "500ms"\nmapper_port = 9\n')
    chosen = cli("run", "rpc-activity", RECORDING, "-q", "--settings", settings, "--mapper-port", 135)
    assert chosen == cli("run", "rpc-activity", RECORDING, "-q", "--window", "500ms")


def test_map_names_the_columns(cli: Cli, tmp_path: Path) -> None:
    foreign = tmp_path / "flows.csv"
    foreign.write_text("Who,Port,Whom,To,When\n10.0.0.1,50000,10.0.0.2,135,1000\n10.0.0.1,50001,10.0.0.2,49664,1500\n")
    names = {"src_ip": "Who", "src_port": "Port", "dest_ip": "Whom", "dest_port": "To", "start_time": "When:epoch_ms"}
    options = [word for name, column in names.items() for word in ("--map", f"{name}={column}")]
    code, out, err = cli("run", "CAR-2014-05-001", foreign, "-q", *options)
    found = [(row["mapper_time"], row["endpoint_time"], row["gap_s"]) for row in json_rows(out)]
    assert (code, found, err) == (0, [("1970-01-01T00:00:01.000000Z", "1970-01-01T00:00:01.500000Z", 0.5)], "")


# --- terminals and Ctrl-C


@pytest.mark.parametrize(
    ("options", "environment", "is_coloured"),
    [([], {}, True), (["--no-color"], {}, False), ([], {"NO_COLOR": "1"}, False)],
    ids=["as it is", "--no-color", "NO_COLOR"],
)
def test_a_terminal_gets_a_table(options: list[str], environment: dict[str, str], is_coloured: bool) -> None:
    code, shown = on_terminal("hunt", PARQUET, *options, streams=["stdout"], **environment)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert (code, plain.split()[:4], "\x1b" in shown) == (0, ["score", "severity", "client", "server"], is_coloured)


def test_a_terminal_gets_no_binary() -> None:
    code, shown = on_terminal("hunt", PARQUET, "-f", "parquet", streams=["stdout", "stderr"])
    assert (code, shown.splitlines()[0]) == (2, "error: --format: parquet does not belong on a terminal")


def test_progress_is_shown_on_a_terminal_only() -> None:
    shown = [on_terminal("run", "rpc-activity", NFDUMP, *quiet, streams=["stderr"])[1] for quiet in ([], ["-q"])]
    assert ("looking at the inputs" in shown[0], shown[1]) == (True, "")
    assert "\x1b" not in process("hunt", RECORDING)[2]


@pytest.mark.usefixtures("with_interrupts")
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_reading_ends_it_cleanly(tmp_path: Path, signal_number: signal.Signals) -> None:
    flows, scratch = tmp_path / "many.parquet", tmp_path / "scratch"
    duckdb.execute(FLOW_SQL.format(flows))
    scratch.mkdir()
    master, terminal = new_terminal()
    environment = os.environ | {"TMPDIR": str(scratch), "TERM": "xterm"}
    options: dict[str, Any] = {"env": environment, "stdout": subprocess.PIPE, "stderr": terminal}
    with start("run", "rpc-activity", flows, "-o", tmp_path / "rows", **options) as running:
        os.close(terminal)
        screen, shown = from_terminal(master), b""
        while b"many.parquet" not in shown:  # the bar names the file that is being read
            shown += next(screen)
        running.send_signal(signal_number)
        shown += b"".join(screen)
    assert (running.returncode, shown.decode().splitlines()[-1].endswith("stopped")) == (130, True)
    assert (list(scratch.iterdir()), sorted(path.name for path in tmp_path.iterdir())) == (
        [],
        ["many.parquet", "scratch"],
    )


def test_a_hunt_of_other_times_says_so_and_nothing_of_the_rule(cli: Cli) -> None:
    code, out, err = cli("hunt", RECORDING, "--since", "2027-01-01")
    assert (code, out) == (0, "")
    assert (
        "no connection to look at: 519 records lie outside --since and --until, and none within is on an RPC port"
        in err
    )
    assert "the rule can't work on this" not in err


def test_records_that_can_not_be_used_are_told_beside_those_of_other_times(cli: Cli, tmp_path: Path) -> None:
    fields = "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tconn_state\n"
    rows = [
        f"{1772442000 + day * 86400}\tC{day}\t10.0.0.1\t{port}\t10.0.0.2\t135\ttcp\tSF\n"
        for day, port in ((0, "50000"), (9, "-"))
    ]
    (tmp_path / "conn.log").write_text(fields + "".join(rows))
    _, _, err = cli("hunt", tmp_path / "conn.log", "--since", "2026-03-05")
    assert "src_port missing" in err
    assert "no connection to look at" not in err


def test_times_that_leave_nothing_are_refused(cli: Cli) -> None:
    code, out, err = cli("hunt", RECORDING, "--since", "2026-11-22", "--until", "2026-11-21")
    assert (code, out) == (2, "")
    assert err.startswith("error: --until: 2026-11-21 is not after --since 2026-11-22")


def test_an_empty_path_is_refused(cli: Cli) -> None:
    assert cli("hunt", "") == (2, "", "error: paths: one is empty\n  hint: is a variable of the shell not set?\n")


@pytest.mark.parametrize("command", [("hunt",), ("run", "rpc-activity")])
def test_results_are_not_written_over_the_input(cli: Cli, tmp_path: Path, command: tuple[str, ...]) -> None:
    log = tmp_path / "conn.log"
    log.write_bytes(zeek_tsv(FLOWS))
    code, out, err = cli(*command, log, "-o", log, "-f", "jsonl")
    assert (code, out, log.read_bytes()) == (2, "", zeek_tsv(FLOWS))
    assert err.startswith(f"error: --output: {log} is one of the inputs")


def test_nothing_usable_is_an_error(cli: Cli, tmp_path: Path) -> None:
    log = tmp_path / "flows.csv"
    log.write_text("start_time,src_ip,src_port,dest_ip,dest_port\n01.02.2026 10:00,10.0.0.1,50000,10.0.0.2,135\n")
    code, out, err = cli("hunt", log)
    assert (code, out) == (3, "")
    assert err.startswith(
        f"error: {log}: 1 of 1 records on RPC ports could not be used: start_time missing or not a time"
    )
    assert "--map start_time=COLUMN:epoch_ms" in err


# --- doctor


def test_doctor_says_the_same_as_text_and_json(cli: Cli) -> None:
    found = rpcsight.doctor(PARQUET)
    code, out, err = cli("doctor", PARQUET, "--format", "json")
    assert (code, json.loads(out), err) == (0, found.to_dict(), "")
    assert cli("doctor", PARQUET) == (0, as_text(found, 100), "")


def test_doctor_ends_well_whatever_the_verdict(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "conn.csv"
    path.write_text("start_time,src_ip,src_port,dest_ip,dest_port\n2026-03-02T10:00:00Z,10.0.0.1,50000,10.0.0.2,443\n")
    code, out, err = cli("doctor", path)
    assert (code, out.startswith("The rule can't work on this: no connection to port 135"), err) == (0, True, "")


def test_doctor_names_what_is_read_where_nothing_is(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("doctor", tmp_path)
    assert (code, out) == (3, "")
    assert err.startswith(f"error: {tmp_path}: is a folder without files\n  hint: rpcsight reads")
    assert "\n    zeek: Zeek conn.log" in err


def test_doctor_knows_two_formats(cli: Cli) -> None:
    code, out, err = cli("doctor", PARQUET, "--format", "csv")
    assert (code, out, err) == (
        2,
        "",
        "error: --format: 'csv' is no format of a diagnosis\n  hint: one of: text, json\n",
    )


def test_doctor_fits_the_terminal(cli: Cli) -> None:
    code, shown = on_terminal("doctor", PARQUET, streams=["stdout"])
    plain = on_terminal("doctor", PARQUET, streams=["stdout"], NO_COLOR="1")
    assert (code, "\x1b[" in shown, plain[0], "\x1b[" in plain[1]) == (0, True, 0, False)


def test_budgets(cli: Cli) -> None:
    one, some, everything = (
        json_rows(cli("hunt", RECORDING, "-f", "jsonl", "-q", "--budget", budget)[1]) for budget in (1, 10, "all")
    )
    assert (one, some) == (everything[:1], [each for each in everything if each["score"] >= 10])
    assert sum(len(each["pairs"]) for each in everything) == 20


def test_hunt_with_a_workspace_keeps_what_it_finds_and_does_not_tell_it_when_it_is_closed(
    cli: Cli, tmp_path: Path
) -> None:
    workspace = tmp_path / "corp"
    assert cli("learn", RECORDING, "--workspace", workspace, "-q")[0] == 0
    hunted = ("hunt", RECORDING, "--workspace", workspace, "-f", "jsonl", "--budget", "all")
    code, out, err = cli(*hunted)
    assert f"kept, with ids: `rpcsight findings list -w {workspace}`\n" in err
    found = json_rows(out)
    assert (code, "no baseline" in err, len(found) > 1, [each["rank"] for each in found]) == (
        *(0, False, True),
        [*range(1, len(found) + 1)],
    )
    again = json_rows(cli(*hunted)[1])
    assert [each["finding_id"] for each in again] == [each["finding_id"] for each in found]
    closed = found[0]["finding_id"]
    assert cli("findings", "close", closed, "--as", "benign", "--reason", "a test", "--workspace", workspace)[0] == 0
    code, out, err = cli(*hunted)
    assert "1 finding is closed already" in err
    assert closed not in {each["finding_id"] for each in json_rows(out)}


def test_hunt_tells_what_limits_it(cli: Cli, tmp_path: Path) -> None:
    _, _, err = cli("hunt", written_case(tmp_path, "security-1s"))
    told = [line for line in err.splitlines() if "rpcsight doctor" in line]
    assert told == [
        "results are limited: unanswered attempts can't be told from RPC; times are whole seconds; "
        "`rpcsight doctor` with the same files says what to change"
    ]


# --- the catalogue


def test_interfaces_lists_all(cli: Cli) -> None:
    code, out, err = cli("interfaces", "--format", "jsonl")
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, err, len(rows)) == (0, "", 750)
    columns = [
        "name",
        "interface",
        "documents",
        "process",
        "pipes",
        "operations",
        "ports",
        "transports",
        "service",
        "binary",
    ]
    assert list(rows[0]) == [*columns, "title", "versions", "names", "techniques", "source"]
    shown = next(row for row in rows if row["name"] == "netdfs")
    assert (shown["pipes"], shown["process"], shown["operations"], shown["techniques"]) == (
        "netdfs",
        "dfssvc.exe",
        26,
        "T1187",
    )


def test_interfaces_shows_one_with_its_operations(cli: Cli) -> None:
    code, out, err = cli("interfaces", "FSSAGENTRPC", "--format", "table")
    lines = out.splitlines()
    assert (code, err, lines[0], lines[-1]) == (0, "", "FileServerVssAgent", "13 rows")
    assert lines[1:6] == [
        "interface    a8e0653c-2744-4389-a61d-7373df8b2292, version 1.0",
        "names        FSRVP (wireshark)",
        "document     MS-FSRVP: File Server Remote VSS Protocol",
        "answered by  svchost.exe",
        "offered on   pipe FssagentRpc",
    ]
    assert any("IsPathSupported" in line and "T1187 (0.6)" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "keys"),
    [
        ((r"\pipe\lsarpc",), [("lsarpc", None), ("dssetup", None), ("lsacap", None), ("efsrpc", None)]),
        (("T1053.002",), [("ATSvc", 0)]),
        (("IObjectExporter", "--operations"), [("IObjectExporter", opnum) for opnum in range(6)]),
    ],
    ids=["a pipe", "a technique", "operations"],
)
def test_interfaces_for_programs(cli: Cli, arguments: tuple[str, ...], keys: list[tuple[str, int | None]]) -> None:
    code, out, err = cli("interfaces", *arguments, "--format", "jsonl")
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, err, [(row["name"], row.get("opnum")) for row in rows]) == (0, "", keys)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("svcctll", "near it: svcctl"),
        ("CreateServiceWX", "near it: CreateServiceW"),
        ("xyzzy-plugh", "a UUID, or part of a name"),
    ],
)
def test_interfaces_names_near_ones(cli: Cli, text: str, hint: str) -> None:
    code, out, err = cli("interfaces", text)
    assert (code, out, err.splitlines()[0]) == (2, "", f"error: interfaces: nothing known is called {text!r}")
    assert hint in err
    assert HINTED.fullmatch(err)


def test_interfaces_fit_the_terminal() -> None:
    code, shown = on_terminal("interfaces", "samr", "--no-color", streams=["stdout"])
    lines = shown.replace("\r", "").splitlines()
    assert (code, lines[0], lines[-1], max(map(len, lines)) <= 100) == (0, "samr", "74 rows", True)
    assert any("SamrEnumerateUsersInDomain" in line and "T1087 (0.3)" in line for line in lines)


@pytest.mark.parametrize(("late", "code"), [(("other",), 0), (("start_time", "end_time"), 3)])
def test_times_in_parquet_that_no_calendar_has_are_no_bug(
    cli: Cli, tmp_path: Path, late: tuple[str, ...], code: int
) -> None:
    path = tmp_path / "late.parquet"
    table = pq.read_table(RECORDING)
    for name in late:
        found = table.schema.get_field_index(name)
        table = table if found < 0 else table.remove_column(found)
        table = table.append_column(name, pa.array([2**62] * len(table), pa.timestamp("us")))
    pq.write_table(table, path)
    ended, _, err = cli("hunt", path)
    assert (ended, "bug in rpcsight" in err) == (code, False)
    if code:
        assert "records on RPC ports could not be used: start_time before 1970 or after 2099" in err

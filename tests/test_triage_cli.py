"""The commands `findings` and `allow` as their users meet them."""

import getpass
import json
import re
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from rpcsight.baseline.workspace import Workspace
from rpcsight.cli import app
from rpcsight.cli.outcome import outcome
from rpcsight.evaluation.reading import read_findings
from rpcsight.triage import keep
from rpcsight.triage.audit import today
from rpcsight.triage.packs import all_packs
from tests.test_triage import known, learn
from tests.triaged import DAY, finding, set_roles, workspace_at

Ran = tuple[int, str, str]
Cli = Callable[..., Ran]
HOSTILE = "a\x1b[2Jb\u202ec\r\nd"
REASONS = [{"name": "new", "points": 10.0 * place, "text": f"{HOSTILE} {place}"} for place in (1, 2, 3, 1)]


def in_90_days() -> date:
    """When an entry ends that says nothing of that."""
    return today() + timedelta(days=90)


@pytest.fixture(scope="module")
def corp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with three findings."""
    folder = tmp_path_factory.mktemp("corp")
    with workspace_at(folder) as workspace:
        learn(workspace, [("10.0.1.1", "10.0.1.2", DAY), ("10.0.1.1", "10.0.2.1", DAY), ("10.0.9.9", "10.0.1.3", DAY)])
        keep(
            workspace,
            [
                finding("aaaa1", score=70.0, severity="high", summary=HOSTILE, reasons=REASONS),
                finding("bbbb2", dest_ip="10.0.2.1", score=50.0, service="svcctl"),
                finding("cccc3", "10.0.9.9", "10.0.1.3", score=20.0, severity="low"),
            ],
            [DAY],
        )
        set_roles(workspace, {"10.0.1.1": "workstation", "10.0.2.1": "server", "10.0.9.9": "workstation"})
    return folder / "corp.db"


@pytest.fixture
def cli(corp: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Cli:
    """`cli(*arguments)` in a folder with a workspace: exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")
    shutil.copy(corp, tmp_path)

    def call(*arguments: object) -> Ran:
        texts = [*map(str, arguments), "--workspace", "corp.db"] if "packs" not in arguments else [*map(str, arguments)]
        code = outcome(lambda: app(texts, prog_name="rpcsight", standalone_mode=False))
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    return call


def shown(ran: Ran) -> list[str]:
    assert ran[0] == 0, ran[2]
    return [json.loads(line)["finding_id"][:5] for line in ran[1].splitlines()]


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ((), ["aaaa1", "bbbb2", "cccc3"]),
        (("--severity", "medium"), ["aaaa1", "bbbb2"]),
        (("--host", "10.0.9.0/24"), ["cccc3"]),
        (("--host", "10.0.2.1"), ["bbbb2"]),
        (("--service", "SvcCtl"), ["bbbb2"]),
        (("--since", "2026-02-16T10:30:00"), ["aaaa1", "bbbb2", "cccc3"]),
        (("--since", "2026-02-16T10:30:01"), []),
        (("--status", "benign"), []),
    ],
)
def test_list(cli: Cli, options: tuple[str, ...], ids: list[str]) -> None:
    assert shown(cli("findings", "list", *options)) == ids


def test_closed_is_whatever_was_closed(cli: Cli) -> None:
    for name, verdict in (("aaaa", "benign"), ("cccc", "duplicate")):
        assert cli("findings", "close", name, "--as", verdict, "--reason", "seen")[0] == 0
    assert shown(cli("findings", "list", "--status", "closed")) == ["aaaa1", "cccc3"]
    assert shown(cli("findings", "list")) == ["bbbb2"]


def test_list_for_people_has_no_control_characters(cli: Cli) -> None:
    code, out, err = cli("findings", "list", "--format", "table", "--limit", 2)
    hostile = "a\\x1b[2Jb\\u202ec\\r\\nd"
    lines = [re.sub(r" +", " ", line).strip() for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [lines[0], " ".join(lines[1:-3]), " ".join(lines[-3:-1]), lines[-1]] == [
        "id score severity status client server service first",
        f"aaaa1000 70 high open 10.0.1.1 10.0.1.2 2026-02-16 10:00 {hostile} 3 (+30); {hostile} 2 (+20); {hostile} 1 (+10); and 1 more",
        "bbbb2000 50 medium open 10.0.1.1 10.0.2.1 svcctl 2026-02-16 10:00 they had not met (+50)",
        "3 rows, 1 more not shown (--limit 3, or --format jsonl)",
    ]


def test_a_workspace_without_findings_says_what_to_do(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "corp.db").unlink()
    workspace_at(tmp_path).close()
    assert cli("findings", "list") == (
        0,
        "",
        "no hunt has kept anything here: rpcsight hunt LOGS -w corp.db\n",
    )


def test_list_as_json(cli: Cli) -> None:
    _, out, _ = cli("findings", "list", "--service", "svcctl")
    row = json.loads(out)
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT[\d:]+\.\d{6}Z", row.pop("kept_time"))
    assert row == {
        "finding_id": "bbbb200000000000",
        "status": "open",
        "has_grown": False,
        "allowed_by": None,
        "rank": 1,
        "score": 50.0,
        "severity": "medium",
        "confidence": 0.9,
        "src_ip": "10.0.1.1",
        "dest_ip": "10.0.2.1",
        "pairs": [
            {
                "src_ip": "10.0.1.1",
                "dest_ip": "10.0.2.1",
                "first_time": "2026-02-16T10:00:00.000000Z",
                "last_time": "2026-02-16T10:30:00.000000Z",
            }
        ],
        "service": "svcctl",
        "techniques": ["T1021"],
        "first_time": "2026-02-16T10:00:00.000000Z",
        "last_time": "2026-02-16T10:30:00.000000Z",
        "summary": "what happened",
    }


def test_show_has_no_control_characters(cli: Cli) -> None:
    code, out, err = cli("findings", "show", "aaaa")
    assert (code, err) == (0, "")
    assert out.splitlines()[:3] == [
        "aaaa100000000000  open; high, score 70, rank 1 of 2026-02-16, confidence 0.90",
        "",
        "  a\\x1b[2Jb\\u202ec  d",
    ]
    assert all(line.isprintable() for line in out.splitlines())


def test_show_as_json(cli: Cli) -> None:
    cli("findings", "close", "aaaa", "--as", "duplicate", "--reason", "of bbbb2")
    _, out, _ = cli("findings", "show", "aaaa", "--format", "json")
    told = json.loads(out)
    assert told["log"][0].pop("at_us") > 0
    assert (told["finding_id"], told["status"], told["allowed_by"], told["log"], told["summary"]) == (
        "aaaa100000000000",
        "duplicate",
        None,
        [{"action": "closed as duplicate", "reason": "of bbbb2", "who": "ann"}],
        HOSTILE,
    )


def test_close_and_reopen(cli: Cli, tmp_path: Path) -> None:
    closed = cli("findings", "close", "aaaa", "bbbb", "--as", "benign", "--reason", "ticket 4711")
    assert closed == (
        0,
        "",
        "aaaa1000 closed as benign (was open): a\\x1b[2Jb\\u202ec\\r\nd\nbbbb2000 closed as benign (was open): what happened\n",
    )
    assert shown(cli("findings", "list")) == ["cccc3"]
    with workspace_at(tmp_path) as workspace:
        assert known(workspace) == [("10.0.1.1", "10.0.1.2", 1), ("10.0.1.1", "10.0.2.1", 1)]
    opened = cli("findings", "reopen", "bbbb", "--reason", "no such ticket", "--who", "bob", "--quiet")
    assert opened == (0, "", "")
    assert shown(cli("findings", "list")) == ["bbbb2", "cccc3"]
    with workspace_at(tmp_path) as workspace:
        assert known(workspace) == [("10.0.1.1", "10.0.1.2", 1)]


def test_log(cli: Cli) -> None:
    cli("findings", "close", "aaaa", "--as", "benign", "--reason", "mine", "--who", "bob")
    cli("allow", "add", "--client", "ws1", "--service", "svcctl", "--reason", "x")
    rows = [json.loads(line) for line in cli("findings", "log", "--since", "2026-01-01")[1].splitlines()]
    assert [list(row.values())[1:] for row in rows] == [
        ["ann", "entry added", json.loads(cli("allow", "list")[1])["id"], "x"],
        ["bob", "closed as benign", "aaaa100000000000", "mine"],
    ]
    assert list(rows[0]) == ["time", "who", "action", "subject", "reason"]
    assert rows[0]["time"] >= rows[1]["time"] >= "2026-01-01"
    assert cli("findings", "log", "--since", "2100-01-01") == (0, "", "")
    shown_log = cli("findings", "log", "--format", "table")[1]
    minutes = rows[1]["time"][:16].replace("T", " ")
    assert [line.split() for line in shown_log.splitlines()][2] == [
        *(*minutes.split(), "aaaa1000", "bob", "closed", "as", "benign", "mine")
    ]


def test_what_list_writes_can_be_evaluated(cli: Cli, tmp_path: Path) -> None:
    for name in ("jsonl", "csv", "parquet"):
        made = tmp_path / f"open.{name}"
        assert cli("findings", "list", "--output", str(made)) == (0, "", "")
        (found,) = [each for each in read_findings([str(made)]) if each.lead.dest_ip == "10.0.2.1"]
        assert (found.score, found.pairs) == (50.0, (found.lead,))


def test_findings_that_have_grown_are_told(cli: Cli, tmp_path: Path) -> None:
    cli("findings", "close", "aaaa", "--as", "benign", "--reason", "mine")
    with workspace_at(tmp_path) as workspace:
        keep(workspace, [finding("aaaa1", others=[("10.0.1.2", "10.0.1.3")])], [DAY])
    _, _, err = cli("findings", "list")
    assert err == "closed findings that have grown since: 1 (--status grown)\n"
    assert shown(cli("findings", "list", "--status", "grown")) == ["aaaa1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("findings", "list", "--status", "shut"),
            "--status: 'shut' is none\n  hint: one of: open, benign, malicious, duplicate, allowed, closed, grown, all",
        ),
        (
            ("findings", "list", "--severity", "huge"),
            "--severity: 'huge' is none\n  hint: one of: info, low, medium, high",
        ),
        (
            ("findings", "show", "ffff"),
            "ID: no finding has an id that begins (with 4 digits or more) with 'ffff'\n"
            "  hint: rpcsight findings list --status all shows the ids",
        ),
        (
            ("findings", "close", "aaaa", "--as", "benign", "--reason", " "),
            '--reason: needs a text of one line, up to 500 characters\n  hint: --reason "…"; it is kept in the log',
        ),
        (
            ("findings", "close", "aaaa", "--as", "benign", "--reason", "a\nb"),
            '--reason: needs a text of one line, up to 500 characters\n  hint: --reason "…"; it is kept in the log',
        ),
        (
            ("findings", "close", "aaaa", "--as", "fine", "--reason", "x"),
            "--as: 'fine' is no verdict\n  hint: one of: benign, malicious, duplicate",
        ),
        (
            ("allow", "add", "--client", "ws1", "--service", "svcctl"),
            "--reason: is missing\n  hint: say why this is fine: --reason TEXT",
        ),
        (
            ("allow", "add", "--client", "ws1", "--service", "x", "--reason", "y", "--hours", "9"),
            "--hours: '9' are no hours\n  hint: write them as 22-6: from 22:00 until 6:00 UTC",
        ),
        (
            ("allow", "add", "--pack", "configmgr"),
            "--pack: configmgr needs its hosts: it covers nobody's by itself\n  hint: rpcsight allow add --pack configmgr --client ADDRESS",
        ),
        (
            ("allow", "add", "--pack", "configmgr", "--client", "ws1", "--service", "samr"),
            "--service: the pack configmgr says that itself\n"
            "  hint: leave them out, or write an entry of your own: rpcsight allow packs configmgr",
        ),
        (
            ("allow", "add", "--client", "ws1", "--service", "x", "--reason", "y", "--expires", "2020-01-01"),
            "--expires: 2020-01-01 is over\n  hint: name a day to come, as 2027-06-30, or never",
        ),
        (
            ("allow", "remove", "ffff", "--reason", "x"),
            "allow: no entry begins (with 4 digits or more) with 'ffff'\n  hint: rpcsight allow list shows the ids",
        ),
    ],
)
def test_wrong_use(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    assert cli(*arguments) == (2, "", f"error: {message}\n")


@pytest.mark.parametrize(
    "command",
    [("findings", "list"), ("findings", "close", "aaaa", "--as", "benign", "--reason", "x"), ("allow", "list")],
)
def test_a_workspace_that_is_not_there(command: tuple[str, ...], cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "corp.db").unlink()
    assert (
        cli(*command)[2]
        == "error: --workspace: there is no 'corp.db'\n  hint: rpcsight learn LOGS --workspace corp.db\n"
    )
    assert not (tmp_path / "corp.db").exists()


def test_allow_add_list_and_remove(cli: Cli) -> None:
    code, out, err = cli("allow", "add", "--client", "10.0.1.1", "--server", "10.0.2.0/24", "--reason", "ticket 4711")
    entry_id = err.split()[1]
    assert (code, out) == (0, "")
    assert re.sub(r"\([a-z]+\)", "(ROLE)", err) == (
        f"entry {entry_id} holds until {in_90_days()}; findings that it takes from the open ones: 1\n"
        "open, of its clients, and not covered: 1 (the server 10.0.1.2 (ROLE) is not covered)\n"
    )
    assert shown(cli("findings", "list", "--status", "allowed")) == ["bbbb2"]
    assert json.loads(cli("allow", "list")[1]) == {
        "id": entry_id,
        "who": "client 10.0.1.1",
        "what": "server 10.0.2.0/24",
        "hits": 1,
        "last_hit": "2026-02-16",
        "expires": str(in_90_days()),
        "note": "",
        "owner": "ann",
        "pack": "",
        "reason": "ticket 4711",
    }
    removed = cli("allow", "remove", entry_id[:4].upper(), "--reason", "gone")
    assert removed == (0, "", f"entry {entry_id} is removed; findings that are open again: 1\n")
    assert shown(cli("findings", "list")) == ["aaaa1", "bbbb2", "cccc3"]


def test_preview(cli: Cli) -> None:
    cli("findings", "close", "aaaa", "--as", "malicious", "--reason", "a real one")
    ran = cli("allow", "preview", "--client", "10.0.1.1", "--server", "10.0.0.0/16")
    assert shown(ran) == ["aaaa1", "bbbb2"]
    assert ran[2] == (
        "would take 1 of the open findings; covers 2 of all\ncareful: 1 of these were closed as malicious\n"
    )
    assert cli("allow", "list")[1] == ""


def test_a_pack_for_a_host_of_another_role_says_so(cli: Cli) -> None:
    _, _, err = cli("allow", "add", "--pack", "configmgr", "--client", "10.0.9.9", "--expires", "never")
    assert err.splitlines()[0].endswith("holds for ever; findings that it takes from the open ones: 0")
    assert err.splitlines()[1:] == [
        "open, of its clients, and not covered: 1 (the client 10.0.9.9 (workstation) is not covered)"
    ]


def test_entries_that_cover_nothing_any_longer_are_told(cli: Cli, tmp_path: Path) -> None:
    cli("allow", "add", "--client", "10.0.1.1", "--server", "10.0.1.2", "--reason", "x")
    with workspace_at(tmp_path) as workspace:
        keep(
            workspace,
            [finding("dddd4", "10.0.7.1", "10.0.7.2", first=finding("x")["first_time"] + timedelta(days=31))],
            [DAY + 31],
        )
    notes = [json.loads(cli("allow", "list", *options)[1])["note"] for options in ((), ("--unused", "32"))]
    assert notes == ["covered nothing for 31 days", ""]


def test_export_and_import(cli: Cli, tmp_path: Path) -> None:
    cli("allow", "add", "--client", "10.0.1.1", "--server-role", "server", "--reason", 'so "they" say')
    cli(
        "allow",
        "add",
        "--client",
        "ws1",
        "--service",
        "svcctl",
        "--reason",
        "x",
        "--hours",
        "22-6",
        "--expires",
        "never",
    )
    assert cli("allow", "export", "allow.toml") == (0, "", "")
    text = (tmp_path / "allow.toml").read_text()
    assert cli("allow", "export")[1] == text
    parts = [part.partition("\n") for part in text.rstrip("\n").split("\n\n")]
    assert [part[0] for part in parts] == sorted(part[0] for part in parts)
    assert sorted(part[2] for part in parts) == [
        f'[[allow]]\nreason = "so \\"they\\" say"\nowner = "ann"\nexpires = {in_90_days()}\n'
        'client = ["10.0.1.1"]\nserver_role = ["server"]',
        '[[allow]]\nreason = "x"\nowner = "ann"\nexpires = "never"\nclient = ["ws1"]\nservice = ["svcctl"]\nhours = [22, 6]',
    ]
    (tmp_path / "one.toml").write_text(text.split("\n\n")[0])
    replaced = cli("allow", "import", "one.toml", "--replace")
    assert replaced[:2] == (0, "")
    assert cli("allow", "export")[1].strip() == text.split("\n\n")[0].strip()
    assert cli("allow", "import", "allow.toml")[0] == 0
    assert cli("allow", "export")[1] == text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            None,
            "allow.toml: can't be read (No such file or directory)\n  hint: name the file that `allow export` wrote",
        ),
        (b"\xff\xfe", "allow.toml: is no text in UTF-8\n  hint: name another file"),
        (b"#" * 4_000_001, "allow.toml: is larger than 4 MB: no allow-list\n  hint: name another file"),
    ],
)
def test_files_that_can_not_be_imported(cli: Cli, tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "allow.toml").write_bytes(content)
    assert cli("allow", "import", "allow.toml") == (3, "", f"error: {message}\n")


def test_packs(cli: Cli) -> None:
    code, out, _ = cli("allow", "packs")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines() if not line.startswith(" ")][1:-1] == [
        [each.id, f"--{each.names}"] for each in all_packs()
    ]
    assert cli("allow", "packs", "outlook")[1] == (
        "outlook: Mail programs that use an Exchange server over RPC\n\n"
        "Outlook with Exchange 2010 and older: mailbox and address book. Name the Exchange server: whoever uses these services of it is "
        "covered.\n\nname its hosts with --server\n\ncovers\n"
        "  client_role      workstation, administration host, server, unknown\n"
        "  server_role      server, management server\n"
        "  service          nspi, rfri, emsmdb, AsyncEMSMDB, epmapper\n"
        "  below_weight     0.5\n\nsources\n"
        "  Microsoft: Exchange Network Port Reference (Exchange 2010): MAPI over RPC by port 135 and dynamic ports\n"
        "  Microsoft: MS-OXNSPI 2.1 (https://learn.microsoft.com/en-us/openspecs/exchange_server_protocols/ms-oxnspi/"
        "0a66f928-ffa7-4b6b-86f1-e2c3661c8be1): dynamic endpoints\n"
    )


@pytest.mark.parametrize("group", ["findings", "allow"])
def test_a_group_alone_shows_its_commands(group: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    code = outcome(lambda: app([group], prog_name="rpcsight", standalone_mode=False))
    out, err = capfdbinary.readouterr()
    assert (code, out, f"Usage: rpcsight {group}" in err.decode()) == (2, b"", True)


def test_what_is_named_in_vain_is_told(cli: Cli, tmp_path: Path) -> None:
    scope = ("--server-role", "server", "--service", "nosuch", "--service", "SVCCTL")
    code, _, err = cli("allow", "preview", "--client", "ws99", "--client", "10.0.1.1", *scope)
    unknown = "'ws99' is no host that is known here: entries go by addresses and by the names of the asset file (rpcsight baseline assets)"
    assert (code, [line for line in err.splitlines() if line.startswith("careful")]) == (
        0,
        [
            f"careful: {unknown}",
            "careful: nothing here was ever called 'nosuch': rpcsight interfaces lists services by name",
        ],
    )
    with Workspace(tmp_path / "corp.db") as workspace:
        workspace.store.run("insert into lease_event select 'mac:1', '10.0.1.1', 'ws99.corp.example', 20500, 0, 1, 1")
    add = ("allow", "add", "--client", "ws99", "--server-role", "server", "--reason", "x")
    assert "careful: 'ws99' is the name that a computer gave itself, and entries go by addresses" in cli(*add)[2]
    for told in (
        "insert into asset values ('10.0.1.250', 'ws99.corp.example', '', '')",
        "update known_host set name = 'WS99.corp.example' where ip = '10.0.1.1'",
    ):
        with Workspace(tmp_path / "corp.db") as workspace:
            workspace.store.run(told)
        assert "careful" not in cli(*add)[2]
        with Workspace(tmp_path / "corp.db") as workspace:
            workspace.store.run("delete from asset")


def test_import_tells_what_it_removes_and_what_is_over(cli: Cli, tmp_path: Path) -> None:
    entry = (
        '[[allow]]\nclient = "10.0.1.1"\nserver_role = "server"\nreason = "x"\nowner = "ann"\nexpires = 2020-02-01\n'
    )
    (tmp_path / "old.toml").write_text(entry)
    code, _, err = cli("allow", "import", "old.toml")
    assert (code, err.splitlines()[0]) == (0, "entries: 1; findings taken from the open ones: 0, open again: 0")
    assert re.fullmatch(r"careful: over, and of no effect: [0-9a-f]{8} on 2020-02-01", err.splitlines()[1])
    (tmp_path / "none.toml").touch()
    err = cli("allow", "import", "none.toml", "--replace")[2]
    assert err == "entries: 0, removed: 1; findings taken from the open ones: 0, open again: 0\n"


@pytest.mark.parametrize("hours", ["22-30", "24-6", "22", "a-b", "-1-5", f"22-{'6' * 40}"])
def test_hours_that_are_none(cli: Cli, hours: str) -> None:
    code, _, err = cli("allow", "preview", "--client", "10.0.1.1", "--server-role", "server", f"--hours={hours}")
    assert (code, f"{hours!r} are no hours" in err) == (2, True)

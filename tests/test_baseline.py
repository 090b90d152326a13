"""`rpcsight learn` and `rpcsight baseline` as their users meet them."""

import json
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rpcsight.baseline.difference import difference
from rpcsight.baseline.summary import host, overview
from rpcsight.baseline.workspace import Workspace
from rpcsight.cli import main
from tests.oracles.flow import Flow
from tests.oracles.learned import DAY_US, HOUR_US
from tests.recording import written

BASE_US = 1_772_442_000_000_000  # 2026-03-02 09:00 UTC
Ran = tuple[int, str, str]
Cli = Callable[..., Ran]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """Return ``cli(*arguments)``: exit code, standard output and standard error, run in an empty folder."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["rpcsight", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capfd.readouterr()
        return int(left.value.code or 0), out, err

    return call


def day(number: int, *clients: str, server: str = "10.1.0.1") -> Path:
    """A file of that day's flows, of each client to a server."""
    start_us = BASE_US + number * DAY_US
    flows = [
        Flow(f"{number}{client}{port}", start_us + port, start_us + port + 9, client, 50000, server, port)
        for client in clients
        for port in (135, 49664)
    ]
    return written(flows, Path(f"day-{number}.parquet"))


def test_learn_tells_what_is_new_and_what_is_known(cli: Cli) -> None:
    first, second = day(0, "10.0.0.1", "10.0.0.2"), day(1, "10.0.0.1")
    code, out, err = cli("learn", first, "--workspace", "w")
    size = f"{Path('w').stat().st_size / 1e6:,.1f}"
    assert (code, out) == (0, "")
    assert err.startswith("read 1 file (parquet 1): 4 records\n")
    lines = err.splitlines()[-5:]
    assert lines[:2] == [
        "learned 1 new file",
        "the baseline now: 1 day, 2026-03-02 to 2026-03-02; 0 of 2 pairs seen on at least 2 days; a baseline of less than 14 days "
        "says less: what happens once a week still looks new",
    ]
    assert re.fullmatch(r"3 hosts: .*", lines[2])
    assert lines[3:] == [f"w: {size} MB", "next: rpcsight hunt NEWER_LOGS -w w"]
    code, out, err = cli("learn", first, second, "-w", "w", "-f", "json")
    known = json.loads(out)
    assert known.pop("learned") == {
        **{"files": 1, "files_known_before": 1, "unusable": ""},
        "rows": {"pair_day": 1, "deed_day": 0, "endpoint_day": 1, "lease_event": 0},
    }
    with Workspace(Path("w"), is_reading=True) as workspace:
        assert known == overview(workspace, 2)
    assert "learned 1 new file; 1 file learned before, passed over\n" in err
    assert "next:" not in err
    assert cli("learn", first, "-w", "w", "-q") == (0, "", "")
    code, out, err = cli("learn", first, second, "-w", "w")
    assert (code, err.splitlines()[0]) == (0, "nothing new; 2 files learned before, passed over")


def test_show(cli: Cli) -> None:
    cli("learn", day(0, "10.0.0.1", "10.0.0.2"), day(1, "10.0.0.1"), "-w", "w", "-q")
    with Workspace(Path("w"), is_reading=True) as workspace:
        known, server = overview(workspace, 2), host(workspace, "10.1.0.1")
    code, out, err = cli("baseline", "show", "-w", "w", "-f", "json")
    assert (code, json.loads(out), err) == (0, known, "")
    code, out, err = cli("baseline", "show", "10.1.0.1", "-w", "w", "-f", "json")
    assert (code, json.loads(out), err) == (0, server, "")
    code, out, err = cli("baseline", "show", "-w", "w", "--limit", 1)
    assert (code, err) == (0, "")
    assert out.splitlines()[1:3] == [
        "2 days, 2026-03-02 to 2026-03-03",
        "1 of 2 pairs seen on at least 2 days; a baseline of less than 14 days says less: what happens once a week still looks new",
    ]
    assert out.splitlines()[-3:] == [
        "busiest pairs",
        "  connections  src ip    dest ip   days  first day   last day",
        "            4  10.0.0.1  10.1.0.1     2  2026-03-02  2026-03-03",
    ]
    code, out, err = cli("baseline", "show", "10.1.0.1", "-w", "w")
    assert (code, err) == (0, "")
    assert "used by\n  ip        role" in out
    assert out.endswith(
        "endpoints\n   port  service  days  first day   last day    records\n"
        "  49664              2  2026-03-02  2026-03-03        3\n"
    )
    code, out, err = cli("baseline", "show", "10.9.9.9", "-w", "w")
    assert (code, out, err.splitlines()[0]) == (2, "", "error: baseline show: nothing is known of '10.9.9.9'")


def test_export_import_forget(cli: Cli) -> None:
    cli("learn", day(0, "10.0.0.1"), "-w", "a", "-q")
    cli("learn", day(1, "10.0.0.1"), "-w", "b", "-q")
    assert cli("baseline", "export", "-w", "b", "-o", "x") == (
        *(0, ""),
        "wrote 1 pair_day, 0 deed_day, 1 endpoint_day, 0 lease_event, 1 learned_input into x\n",
    )
    code, out, err = cli("baseline", "import", "x", "-w", "a")
    assert (code, out) == (0, "")
    assert err.startswith(
        "added 1 pair_day, 0 deed_day, 1 endpoint_day, 0 lease_event of x\n"
        "the baseline now: 2 days, 2026-03-02 to 2026-03-03; 1 of 1 pair seen on at least 2 days"
    )
    code, out, err = cli("baseline", "import", "b", "-w", "a")
    assert (code, err.splitlines()) == (
        3,
        [
            "error: b: also learned here, and would count twice: day-1.parquet",
            "  hint: learn the other files themselves: those that are known are passed over",
        ],
    )
    code, _, err = cli("baseline", "forget", "--days", 1, "-w", "a")
    assert (code, err.startswith("forgot 1 of 2 days\nthe baseline now: 1 day, 2026-03-03 to 2026-03-03; ")) == (
        0,
        True,
    )
    code, _, err = cli("baseline", "forget", "--before", "2026-03-04", "-w", "a")
    assert (code, err.startswith("forgot 1 of 1 days\nthe baseline now: no days; 0 of 0 pairs ")) == (0, True)
    code, _, err = cli("baseline", "forget", "--days", 1, "-w", "nobody")
    assert (code, "there is no 'nobody'" in err, Path("nobody").exists()) == (2, True, False)


def test_show_by_the_name_of_the_asset_file(cli: Cli) -> None:
    Path("hosts.csv").write_text("ip,name\n10.0.0.1,PC1.corp.example\n")
    cli("learn", day(0, "10.0.0.1", "10.0.0.2"), "-w", "w", "-q")
    cli("baseline", "assets", "hosts.csv", "-w", "w", "-q")
    for name in ("pc1", "PC1.Corp.Example"):
        assert cli("baseline", "show", name, "-w", "w")[1].startswith("10.0.0.1 (pc1.corp.example): ")
    assert cli("baseline", "show", "pc", "-w", "w")[0] == 2


def test_lines_fit_a_terminal(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("learn", day(0, "10.0.0.1", "10.0.0.2"), "-w", "w", "-q")
    lines = cli("baseline", "show", "-w", "w")[1].splitlines()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((60, 20)))
    folded = cli("baseline", "show", "-w", "w")[1].splitlines()
    assert max(map(len, lines)) > max(map(len, folded)) > 0
    assert (max(map(len, folded)) <= 60, " ".join(folded).split()) == (True, " ".join(lines).split())
    assert folded[2:4] == [
        "0 of 2 pairs seen on at least 2 days; a baseline of less",
        "  than 14 days says less: what happens once a week still",
    ]


def test_what_is_only_touched_is_no_day(cli: Cli) -> None:
    many = [f"10.0.{number}.1" for number in range(60)]
    times = [(client, BASE_US + hour * HOUR_US) for client in many for hour in (-5, 0, 5)]
    times += [(many[0], BASE_US + DAY_US), (many[0], BASE_US - 3 * DAY_US)]
    flows = [
        Flow(f"{client}{at_us}{port}", at_us + port, at_us + port + 9, client, 50000, "10.1.0.1", port)
        for client, at_us in times
        for port in (135, 49664)
    ]
    assert (
        "the baseline now: 1 day, 2026-03-02 to 2026-03-02; "
        in cli("learn", written(flows, Path("a.parquet")), "-w", "w")[2]
    )
    assert "not later than the last" in cli("hunt", Path("a.parquet"), "-w", "w", "--budget", "all")[2]
    assert "not later than the last" not in cli("hunt", day(1, many[0]), "-w", "w")[2]
    assert cli("baseline", "forget", "--days", 1, "-w", "w")[2].startswith(
        "forgot 0 of 1 days\nthe baseline now: 1 day, 2026-03-02 "
    )
    assert "2 days, 2026-03-02 to 2026-03-03; " in cli("learn", day(1, "10.0.0.1", "10.0.0.2"), "-w", "w")[2]


def test_diff(cli: Cli) -> None:
    days = [day(0, "10.0.0.1", "10.0.0.2"), day(1, "10.0.0.1", "10.0.0.3")]
    for name, path in zip("ab", days, strict=True):
        cli("learn", path, "-w", name, "-q")
    cli("learn", *days, "-w", "both", "-q")
    code, out, err = cli("baseline", "diff", "a", "b", "-f", "json")
    assert (code, json.loads(out), err) == (0, difference(Path("a"), Path("b")), "")
    of_two = json.loads(out)
    assert of_two["new_pairs"] == [{"src_ip": "10.0.0.3", "dest_ip": "10.1.0.1", "connections": 2}]
    assert [row["ip"] for row in of_two["gone_hosts"]] == ["10.0.0.2"]
    code, out, err = cli("baseline", "diff", "both", "--at", "2026-03-03", "-f", "json")
    assert (code, err) == (0, "")
    of_one = json.loads(out)
    assert of_one.pop("before") == "days before 2026-03-03"
    assert of_one.pop("after") == "days from 2026-03-03 on"
    lists = {"new_pairs", "gone_pairs", "new_services", "gone_services"}
    assert {name: of_one[name] for name in lists} == {name: of_two[name] for name in lists}
    assert [[row["ip"] for row in of_one[name]] for name in ("new_hosts", "gone_hosts")] == [["10.0.0.3"], ["10.0.0.2"]]
    code, out, _ = cli("baseline", "diff", "a", "b")
    assert (code, out.splitlines()[0]) == (0, "b, compared with a")
    assert (
        "new pairs: 1\n  src ip    dest ip   connections\n  10.0.0.3  10.1.0.1            2\nnew services: 0\n" in out
    )
    code, out, _ = cli("baseline", "diff", "a", "a")
    assert (code, out.count(": 0\n")) == (0, 6)
    for at in ("2026-03-02", "2026-03-04"):
        code, _, err = cli("baseline", "diff", "both", "--at", at)
        assert (code, f"--at: {at} has not days before and after it: 2026-03-02 to 2026-03-03 were learned" in err) == (
            2,
            True,
        )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("learn", "f.parquet"), 2, "missing option '--workspace'"),
        (("learn", "f.parquet", "-w", "w", "-f", "csv"), 2, "'csv' is no format of this command"),
        (("learn", "nothing", "-w", "new"), 3, "there is no such file or folder"),
        (
            ("baseline", "show", "-w", "nowhere"),
            2,
            "there is no 'nowhere'\n  hint: rpcsight learn LOGS --workspace nowhere",
        ),
        (("baseline", "show", "-w", "."), 2, "'.' is a folder\n  hint: name the file that `rpcsight learn` made"),
        (("learn", "f.parquet", "-w", "."), 2, "'.' is a folder\n  hint: name a file in it: corp.db"),
        (("baseline", "show", "-w", "f.parquet"), 3, "is no workspace of rpcsight"),
        (("baseline", "import", "nowhere", "-w", "w"), 2, "there is no 'nowhere'"),
        (("baseline", "import", ".", "-w", "w"), 3, "is no exported baseline: baseline.json is not there"),
        (("baseline", "export", "-w", "w", "-o", "."), 2, "'.' is there and not empty"),
        (("baseline", "forget", "-w", "w"), 2, "needs either --before or --days"),
        (("baseline", "forget", "-w", "w", "--before", "soon"), 2, "--before: 'soon' is no day"),
        (("baseline", "diff", "w"), 2, "needs either a second workspace or --at"),
        (("baseline", "diff", "w", "f.parquet"), 3, "f.parquet: is no workspace of rpcsight"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_refused(cli: Cli, arguments: tuple[str, ...], code: int, words: str) -> None:
    written([Flow("1", BASE_US, None, "10.0.0.1", 50000, "10.1.0.1", 135)], Path("f.parquet"))
    cli("learn", "f.parquet", "-w", "w", "-q")
    ended, out, err = cli(*arguments)
    assert (ended, out, words in err) == (code, "", True), err


def test_a_new_workspace_is_not_left_behind_by_a_mistake(cli: Cli) -> None:
    assert cli("learn", "nothing", "-w", "new")[0] == 3
    assert not Path("new").exists()

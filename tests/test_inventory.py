"""The asset file in a workspace: what it says wins over what hosts' habits tell, in the baseline, in hunts and in allow-lists."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rpcsight.baseline.assets import Asset
from rpcsight.baseline.inventory import Kept, keep
from rpcsight.baseline.summary import host
from rpcsight.baseline.workspace import Workspace
from rpcsight.triage import allowed
from rpcsight.triage.allowing import add
from rpcsight.triage.entries import entry
from tests.test_baseline import cli as cli  # noqa: PLC0414 - a fixture
from tests.test_baseline import day
from tests.triaged import DAY, finding, learn, workspace_at

PAIRS = [("10.0.1.1", "10.0.1.9", DAY + each) for each in range(4)]
PAIRS += [("10.0.1.2", "10.0.1.9", DAY), ("10.0.1.2", "10.0.2.1", DAY + 3), ("10.0.1.3", "10.0.2.1", DAY + 3)]
ROWS = [
    Asset("10.0.1.0/24", "clients", "workstation", "desk"),
    Asset("10.0.1.9", "files.corp.example", "server"),
    Asset("10.0.1.2", "jump1"),
    Asset("", "jump1", "administration host", "ops"),
    Asset("192.0.2.1", "elsewhere", "scanner", "nobody"),
]
SAID = "said by the asset file"
Said = dict[str, tuple[Any, ...]]


def said(workspace: Workspace) -> Said:
    rows = workspace.rows("select ip, role, role_confidence, role_evidence, name, owner from known_host order by ip")
    return {row.pop("ip"): tuple(row.values()) for row in rows}


def tables(workspace: Workspace) -> dict[str, list[dict[str, Any]]]:
    names = ("known_pair", "known_host", "known_hour", "known_reach", "baseline_span")
    return {name: workspace.rows(f"select * from {name} order by all") for name in names}


HABITS = dict.fromkeys(("10.0.1.1", "10.0.1.2", "10.0.1.3"), "workstation")
BY_FILE: Said = {
    "10.0.1.1": ("workstation", 1.0, SAID, None, "desk"),
    "10.0.1.2": ("administration host", 1.0, SAID, "jump1", "ops"),
    "10.0.1.3": ("workstation", 1.0, SAID, None, "desk"),
    "10.0.1.9": ("server", 1.0, SAID, "files.corp.example", "desk"),
}


def test_what_is_said_wins_whatever_comes_first_until_it_is_removed(tmp_path: Path) -> None:
    with workspace_at(tmp_path) as workspace:
        learn(workspace, PAIRS)
        before = tables(workspace)
        habits = said(workspace)
        assert {ip: role for ip, (role, *_) in habits.items() if role != "unknown"} == HABITS
        assert keep(workspace, ROWS) == Kept(rows=5, unplaced=0, hosts=5, roles=4, names=2, changed=2)
        assert said(workspace) == habits | BY_FILE
        after = tables(workspace)
        assert keep(workspace, ROWS) == Kept(rows=5, unplaced=0, hosts=5, roles=4, names=2, changed=0)
        assert tables(workspace) == after
        assert keep(workspace, []) == Kept(rows=0, unplaced=0, hosts=5, roles=0, names=0, changed=2)
        assert tables(workspace) == before
    with Workspace(tmp_path / "other.db") as workspace:
        assert keep(workspace, ROWS) == Kept(rows=5, unplaced=0, hosts=0, roles=0, names=0, changed=0)
        learn(workspace, PAIRS)
        assert tables(workspace) == after


def test_who_meets_servers_follows_what_is_said(tmp_path: Path) -> None:
    """10.0.1.2 meets 10.0.2.1 after its first days; what that is decides as what the meeting counts."""
    met = "select new_hosts, new_servers from known_host where ip = '10.0.1.2'"
    ties = "select ties from known_host where ip = '10.0.2.1'"
    with workspace_at(tmp_path) as workspace:
        learn(workspace, PAIRS)
        assert workspace.rows(met) == [{"new_hosts": 1, "new_servers": 0}]
        assert workspace.rows(ties) == [{"ties": 1.5}]
        assert workspace.rows("select * from known_reach") == [{"reach": 1, "pairs": 1}]
        keep(workspace, [Asset("10.0.2.1", role="server")])
        assert workspace.rows(met) == [{"new_hosts": 0, "new_servers": 1}]
        assert workspace.rows(ties) == [{"ties": 2.0}]
        assert workspace.rows("select * from known_reach") == []


def test_hosts_of_whom_all_is_held_back_keep_what_is_said(tmp_path: Path) -> None:
    with workspace_at(tmp_path) as workspace:
        keep(workspace, [Asset("10.0.1.9", "files", "server", "ops")])
        with workspace.store.transaction():
            for number, client in enumerate(("10.0.1.1", "10.0.1.2")):
                workspace.store.run(f"insert into finding (finding_id, status) values ('{number}', 'open')")
                workspace.store.run(
                    "insert into finding_pair (finding_id, src_ip, dest_ip, day) "
                    f"values ('{number}', '{client}', '10.0.1.9', {DAY})"
                )
        learn(workspace, PAIRS[:5])
        assert workspace.rows("select * from known_pair") == []
        assert said(workspace) == {
            **dict.fromkeys(("10.0.1.1", "10.0.1.2"), ("unknown", 0.0, None, None, None)),
            "10.0.1.9": ("server", 1.0, SAID, "files", "ops"),
        }
        columns = "days, settled_days, clients, servers, new_hosts, first_day, last_day"
        nothing = {"clients": 0, "servers": 0, "new_hosts": 0, "first_day": None, "last_day": None}
        assert workspace.rows(f"select ip, {columns} from known_host order by ip") == [
            {"ip": "10.0.1.1", "days": 4, "settled_days": 2} | nothing,
            {"ip": "10.0.1.2", "days": 1, "settled_days": 0} | nothing,
            {"ip": "10.0.1.9", "days": 0, "settled_days": 0} | nothing,
        ]


def test_a_workspace_of_earlier_columns_gets_the_new_ones(tmp_path: Path) -> None:
    with workspace_at(tmp_path) as workspace:
        learn(workspace, PAIRS)
        workspace.store.run("alter table known_host drop column name")
        workspace.store.run("alter table known_host drop column owner")
        workspace.store.run("drop table asset")
    with workspace_at(tmp_path) as workspace:
        keep(workspace, ROWS)
        assert said(workspace)["10.0.1.2"] == BY_FILE["10.0.1.2"]


@pytest.mark.parametrize(("client", "is_allowed"), [("jump1", True), ("JUMP1.corp.example", False), ("jump2", False)])
def test_allow_lists_know_the_names(client: str, is_allowed: bool, tmp_path: Path) -> None:
    made = entry({
        **{"client": client, "server": "files.corp.example"},
        **{"reason": "ticket 4711", "owner": "ann", "expires": "never"},
    })  # fmt: skip
    found = [finding("f", "10.0.1.2", "10.0.1.9")]
    with workspace_at(tmp_path) as workspace:
        learn(workspace, PAIRS)
        add(workspace, [made], "ann")
        assert allowed(workspace, found) == [None]
        keep(workspace, ROWS)
        assert allowed(workspace, found) == [made.id if is_allowed else None]


def test_the_command(cli: Callable[..., tuple[int, str, str]]) -> None:
    cli("learn", day(0, "10.0.0.1", "10.0.0.2"), "-w", "w", "-q")
    Path("hosts.csv").write_text("ip,name,role,owner\n10.0.0.1,jump1,jump host,ops\n10.1.0.0/16,,server,\n,x,dc,\n")
    assert cli("baseline", "assets", "hosts.csv", "-w", "w") == (
        *(0, ""),
        "kept 3 rows of hosts.csv\n"
        "names to which no row gives an address, of no use: 1\n"
        "3 hosts: 2 with a role by the file, 1 with a name; 2 with another role than before\n",
    )
    code, out, err = cli("baseline", "show", "10.0.0.1", "-w", "w")
    assert (code, out.splitlines()[:4], err) == (
        0,
        [
            "10.0.0.1 (jump1): administration host (confidence 1.00)",
            SAID,
            "owner: ops",
            "seen 2026-03-02 to 2026-03-02; a client on 1 day; uses 1 server, used by 0 clients",
        ],
        "",
    )
    code, out, _ = cli("baseline", "show", "10.0.0.1", "-w", "w", "-f", "json")
    with Workspace(Path("w"), is_reading=True) as workspace:
        assert json.loads(out) == host(workspace, "10.0.0.1")
    records = [
        {"host": {"ip": ip, "name": "h", "type": kind}} for ip, kind in (("10.0.0.2", "laptop"), ("10.0.0.1", "switch"))
    ]
    records += [{"host": {"ip": "127.0.0.1", "name": "h"}}, {"host": {"ip": "10.0.0.2", "name": "g", "type": "laptop"}}]
    Path("ecs.json").write_text("".join(f"{json.dumps(each)}\n" for each in records))
    assert cli("baseline", "assets", "ecs.json", "-w", "w") == (
        *(0, ""),
        "kept 4 rows of ecs.json\n"
        "left out, loopback and link-local addresses: 1\n"
        "no roles, left empty: switch 2\n"
        "told more than once, the last row holds: 2 rows\n"
        "3 hosts: 1 with a role by the file, 2 with a name; 2 with another role than before\n",
    )
    assert cli("baseline", "assets", "--remove", "-w", "w") == (
        *(0, ""),
        "3 hosts: 0 with a role by the file, 0 with a name; 0 with another role than before\n",
    )
    assert cli("baseline", "assets", "hosts.csv", "-w", "w", "-q") == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("-w", "w"), 2, "baseline assets: needs either a file or --remove"),
        (("hosts.csv", "--remove", "-w", "w"), 2, "baseline assets: needs either a file or --remove"),
        (("--remove", "-w", "w"), 2, "there is no 'w'"),
        (("hosts.csv", "-w", "w"), 3, "role: 'boss' is no role"),
    ],
)
def test_what_is_refused_changes_nothing(
    cli: Callable[..., tuple[int, str, str]], arguments: tuple[str, ...], code: int, words: str
) -> None:
    Path("hosts.csv").write_text("ip,role\n10.0.0.1,boss\n")
    ended, out, err = cli("baseline", "assets", *arguments)
    assert (ended, out, words in err) == (code, "", True), err
    assert not Path("w").exists()

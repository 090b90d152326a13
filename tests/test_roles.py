"""Roles of hosts: what each rule says of small networks, how right they are on simulated ones, and what public captures show."""

import re
import sys
from collections import Counter, defaultdict
from itertools import permutations
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from rpcsight.analytics import compose_steps, step
from rpcsight.baseline.roles import ROLES as ROLES_THERE
from rpcsight.pipeline import Request, opened
from rpcsight.simulation import Plan, simulated
from rpcsight.simulation.network import ROLES
from tests.linked import deed, link, linked, seen

DAYS = 14
HOSTS = ["a", "b", "c", "d", "e"]
SERVERS = ("file server", "print server", "mail server", "certificate server", "application server", "server", "NAS")
PROGRAMS = ("management server", "monitor", "backup server")
STAFF = ("help desk workstation", "administrator workstation")
RIGHT = {
    "domain controller": ("domain controller",),
    "scanner": ("scanner",),
    "administration host": ("administration host",),
    **dict.fromkeys(SERVERS, ("server",)),
    **dict.fromkeys(PROGRAMS, ("management server",)),
    **dict.fromkeys(("Linux client", "workstation", "developer workstation"), ("workstation",)),
    **dict.fromkeys(STAFF, ("workstation", "administration host")),
}
"""For each true role of the simulation, which roles are right; a gateway has none of its own."""
TEXTS = ("src_ip", "dest_ip", "interface", "interface_name")
CALL = pa.schema([*((name, pa.string()) for name in TEXTS), ("time_us", pa.int64()), ("is_callback", pa.bool_())])
SIGHTING = """
select src_ip, dest_ip, epoch_us(start_time) as start_us, dest_port = 135 as is_mapper, false as is_exchanged,
  case when not is_established then 'failed' end as left_out
from flow
where dest_port = 135 or (dest_port >= 49152 and src_port >= 1024)
"""


def said(links: list[dict[str, Any]], deeds: list[dict[str, Any]] | None = None) -> dict[str, tuple[str, float, str]]:
    """Role, confidence and evidence of each host."""
    rows = linked(links, deeds or [])
    return {row["ip"]: (row["role"], row["role_confidence"], row["role_evidence"]) for row in rows}


def test_of_two_hosts_nothing_is_said() -> None:
    assert said([link("a", "b")]) == {
        "a": ("unknown", 0.0, "used by 0 of 1 clients, and uses 1 of 2 hosts itself: too little to tell"),
        "b": ("unknown", 0.0, "used by 1 of 1 clients, and uses 0 of 2 hosts itself: too little to tell"),
    }


def test_a_controller_and_its_clients_of_which_one_attacks_another() -> None:
    links = [link(host, "dc", range(3)) for host in HOSTS] + [link("a", "b", [2])]
    controller = "used by 5 of 5 clients, the main server of 5; depends on no other server, and works with 0 like it"
    client = ("workstation", 0.48, "depends on a server with 5 clients, and has 0 of its own")
    assert said(links) == {
        **dict.fromkeys(HOSTS, client),
        "b": ("workstation", 0.48, "depends on a server with 5 clients, and has 1 of its own"),
        "dc": ("domain controller", 0.64, controller),
    }


def test_controllers_that_are_not_seen_to_replicate() -> None:
    office = [f"ws{number:03}" for number in range(100)]
    links = [link(host, f"dc{number % 5}", range(4)) for number, host in enumerate(office)]
    links += [link(host, f"dc{(number + 1) % 5}", [2]) for number, host in enumerate(office)]
    controller = (
        "used by 40 of 100 clients, the main server of 20; depends on no other server, and works with 0 like it"
    )
    assert {host: each for host, each in said(links).items() if host not in office} == dict.fromkeys(
        [f"dc{number}" for number in range(5)], ("domain controller", 0.85, controller)
    )


def test_a_shared_printer_makes_no_server() -> None:
    links = [link(host, "dc", range(3)) for host in HOSTS] + [link("a", "e"), link("b", "e")]
    assert said(links)["e"] == ("workstation", 0.48, "depends on a server with 5 clients, and has 2 of its own")


def test_calls_of_directory_services_show_a_controller_to_one_client_but_not_on_a_workstation() -> None:
    assert said([], [deed("a", "b", "DRSUAPI")])["b"] == (
        "domain controller", 0.65, "1 of 1 clients logged on or looked up names with it (netlogon, drsuapi)",
    )  # fmt: skip
    links = [link(host, "dc", range(3)) for host in HOSTS]
    assert said(links, [deed("a", "b", "drsuapi")])["b"][0] == "workstation"


def test_a_mail_server_that_everybody_uses_is_no_controller() -> None:
    links = [link(host, server, range(5)) for host in HOSTS for server in ("dc", "mail")] + [
        link("mail", "dc", range(5))
    ]
    found = said(links, [deed(host, "mail", "nspi", 5) for host in HOSTS])
    assert found["mail"] == ("server", 0.37, "used by 5 of 6 clients, by 5 for nspi")
    assert found["dc"][0] == "domain controller"


def test_what_is_tried_once_is_no_habit() -> None:
    office = [f"ws{number}" for number in range(60)]
    links = [link(host, "dc", range(5)) for host in [*office, "x"]]
    sweep = [link("x", host, [3], endpoints=0) for host in office]
    assert said(links + sweep)["x"] == (
        "workstation", 0.36, "depends on a server with 60 clients, and has 0 of its own; reached 60 hosts on one day only",
    )  # fmt: skip
    again = [link("x", host, [1, 3], endpoints=0) for host in office]
    assert said(links + again)["x"] == (
        "scanner", 0.77, "tried 60 of 62 hosts, and went on to endpoints of 0",
    )  # fmt: skip
    assert said(links + again)["ws1"][2] == "depends on a server with 60 clients, and has 0 of its own"


def test_programs_and_people_that_reach_many() -> None:
    office = [f"ws{number:02}" for number in range(60)]
    servers = [f"srv{number}" for number in range(6)]
    links = [link(host, "dc", range(10)) for host in [*office, *servers, "jump", "push", "watch"]]
    links += [link("push", host, [1, 4, 8]) for host in office]
    links += [link("watch", host, range(10), hours=2**24 - 1) for host in servers]
    links += [link("jump", host, [number % 10]) for number, host in enumerate(office[:20])]
    found = said(links)
    assert {host: found[host] for host in ("jump", "push", "watch", "srv0", "ws00")} == {
        "jump": ("administration host", 0.6, "reaches 20 of 70 hosts that few others use, 0 of them again and again"),
        "push": ("management server", 0.77, "reaches 60 of 70 hosts that few others use, 60 of them again and again"),
        "watch": (
            "management server",
            0.33,
            "reaches 6 of 70 hosts that few others use, 6 of them on at least half of the days",
        ),
        "srv0": ("server", 0.6, "reached nearly every day by a host that reaches 6 of 70 hosts that few others use"),
        "ws00": ("workstation", 0.79, "depends on a server with 66 clients, and has 0 of its own"),
    }


def test_who_neither_asks_nor_answers_has_no_role() -> None:
    quiet = [link("a", "b", mappers=0), link("a", "c", mappers=0, endpoints=0, failed=3), link("d", "d")]
    assert said(quiet) == {}


def simulation(hosts: int, seed: int) -> list[Counter[tuple[str, str]]]:
    """How often each true role got each role, from flows alone and with calls; printed, too."""
    held: dict[str, Counter[str]] = defaultdict(Counter)
    flows: list[pa.Table] = []
    calls: list[pa.Table] = []
    for net, day, table, _ in simulated(Plan(hosts=hosts, days=DAYS, seed=seed, calls="some")):
        flows.append(table.flow.select(["src_ip", "src_port", "dest_ip", "dest_port", "start_time", "is_established"]))
        named = table.call.append_column("interface_name", pa.nulls(table.call.num_rows, pa.string()))
        calls.append(named.select(CALL.names))
        for host, address in enumerate(day.address.tolist()):
            held[".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))][ROLES[net.role[host]]] += 1
    truth = {ip: roles.most_common(1)[0][0] for ip, roles in held.items()}
    with duckdb.connect() as database:
        database.register("flow", pa.concat_tables(flows))
        sighting = database.sql(SIGHTING).to_arrow_table()
    counts = [
        Counter((truth[row["ip"]], row["role"]) for row in seen(sighting, given))
        for given in (CALL.empty_table(), pa.concat_tables(calls).cast(CALL))
    ]
    names = sorted({role for each in RIGHT.values() for role in each} | {"unknown"})
    sys.stdout.write(f"\n{hosts} hosts, seed {seed}: flows alone / with calls\n")
    for true in ROLES:
        cells = {name: " / ".join(str(each[true, name]) for each in counts) for name in names}
        told = ", ".join(f"{name} {cell}" for name, cell in cells.items() if cell != "0 / 0")
        sys.stdout.write(f"{true:26} {told}\n")
    return counts


@pytest.mark.parametrize(("hosts", "seed"), [(100, 1), (100, 2), (100, 3), (1000, 1)])
def test_simulated_hosts_have_their_roles(hosts: int, seed: int) -> None:
    for counts in simulation(hosts, seed):
        assert {role for true, role in counts if true == "domain controller"} == {"domain controller"}
        assert {true for true, role in counts if role == "domain controller"} == {"domain controller"}
        assert {true for true, role in counts if role == "scanner"} == {"scanner"}
        assert right(counts, "workstation") >= 0.95
        assert right(counts, *SERVERS) >= 0.9
        assert right(counts, *RIGHT) >= 0.95


def office(dice: Random, workstations: int, kept: float, *, is_apart: bool) -> Counter[tuple[str, str]]:
    """How often each true role got each role, in an office that the simulation knows nothing of: without monitoring, some flows missing.

    Args:
        dice: the chance.
        workstations: how many.
        kept: which share of a pair's days is seen.
        is_apart: controllers are not seen to replicate, and each client keeps to one.
    """
    clients = [f"ws{number}" for number in range(workstations)]
    servers = [f"srv{number}" for number in range(max(3, workstations // 25))]
    controllers = [f"dc{number}" for number in range(3)]
    links: dict[tuple[str, str], dict[str, Any]] = {}

    def use(src: str, dest: str, chance: float, times: int = 1, endpoints: float = 1) -> None:
        days = [day for day in range(DAYS) if dice.random() < chance * kept and (day % 7 < 5 or src not in clients)]
        if src != dest and days:
            hours = 511 << 8 if src in clients else 2**24 - 1
            count = times * len(days)
            links[src, dest] = link(src, dest, days, mappers=count, endpoints=round(count * endpoints), hours=hours)

    for host in [*clients, *servers]:
        own = dice.choice(controllers)
        for controller in controllers:
            use(host, controller, 0.8 if controller == own else 0.0 if is_apart else 0.1, 6)
    for one, other in permutations(controllers, 2):
        use(one, other, 0 if is_apart else 1, 20)
    for server in servers:
        for host in [*dice.sample(clients, dice.randint(8, max(9, workstations // 8))), *dice.sample(servers, 3)]:
            use(host, server, 0.4, 3)
        use("jump", server, 0.3)
        use(controllers[0], server, 0.05)
    for client in clients:
        use("push", client, 0.35)
        use("scan", client, 0.15, endpoints=0.2)
        use(client, dice.choice(clients), 0.2)
    for host in ("jump", "push", "scan"):
        use(host, controllers[0], 0.9, 5)
    for client in dice.sample(clients, 25):
        use("jump", client, 0.1)
    kinds = {"ws": "workstation", "srv": "server", "dc": "domain controller"}
    rows = linked(links.values(), [])
    return Counter((kinds.get(row["ip"].rstrip("0123456789"), row["ip"]), row["role"]) for row in rows)


@pytest.mark.parametrize("is_apart", [False, True])
@pytest.mark.parametrize(("workstations", "kept"), [(500, 1.0), (500, 0.2), (60, 1.0)])
def test_offices_of_another_shape(workstations: int, kept: float, is_apart: bool) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for seed in range(5):
        counts += office(Random(seed), workstations, kept, is_apart=is_apart)
    assert counts["domain controller", "domain controller"] >= 14  # of 15
    assert {role for true, role in counts if true == "workstation"} <= {"workstation", "unknown"}
    assert {true for true, role in counts if role == "scanner"} == {"scan"}
    assert right(counts, "workstation") >= (1 if kept == 1 else 0.9)
    taken = counts["server", "domain controller"] / sum(counts["server", role] for role in ROLES_THERE)
    assert taken <= (0 if kept == 1 else 0.05)


def right(counts: Counter[tuple[str, str]], *roles: str) -> float:
    """Which share of the hosts of true roles has one that is right."""
    some = {pair: count for pair, count in counts.items() if pair[0] in roles}
    return sum(count for (true, role), count in some.items() if role in RIGHT[true]) / sum(some.values())


def captured(path: Path, *, has_calls: bool) -> dict[str, tuple[str, float]]:
    """Role and confidence of the hosts in records."""
    with opened(Request(paths=[str(path)])) as session:
        sql = compose_steps(("candidate",), step("sighting"))
        session.make("sighting", re.sub(r"\$(\w+)", lambda match: str(session.parameters[match[1]]), sql))
        sighting = pa.Table.from_pylist(session.held("sighting"))
        call = pa.Table.from_pylist(session.held("rpc_call") if has_calls else [], CALL)
    return {row["ip"]: (row["role"], row["role_confidence"]) for row in seen(sighting, call)}


def test_captured_domain_with_a_controller_and_four_clients(shared_data: Path) -> None:
    path = next(shared_data.rglob("apt29_day2_NEWYORK.cap"))
    clients = dict.fromkeys(("10.0.0.5", "10.0.1.4", "10.0.1.5", "10.0.1.6"), ("workstation", 0.3))
    assert captured(path, has_calls=False) == {"10.0.0.4": ("domain controller", 0.6), **clients}
    assert captured(path, has_calls=True) == {"10.0.0.4": ("domain controller", 0.65), **clients}


def test_captured_attack_between_two_workstations_tells_no_roles(shared_data: Path) -> None:
    path = next(shared_data.rglob("empire_msbuild_dcerpc_wmi_smb_WORKSTATION6_2020-09-20173857.cap"))
    nothing = dict.fromkeys(("172.18.39.5", "172.18.39.6"), ("unknown", 0.0))
    assert captured(path, has_calls=False) == nothing
    assert captured(path, has_calls=True) == nothing


def test_captured_dcsync_names_the_controller_by_its_calls_only(shared_data: Path) -> None:
    path = next(shared_data.rglob("covenant_dcsync_dcerpc_drsuapi_DsGetNCChanges_2020-08-05020926.cap"))
    assert captured(path, has_calls=False) == dict.fromkeys(("172.18.38.5", "172.18.39.5"), ("unknown", 0.0))
    assert captured(path, has_calls=True) == {
        "172.18.38.5": ("domain controller", 0.65),
        "172.18.39.5": ("unknown", 0.0),
    }

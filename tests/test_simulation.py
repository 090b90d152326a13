"""What `rpcsight simulate` makes: repeatable, as it says, and readable in every form."""

import csv
from collections import Counter
from datetime import date, timedelta
from fnmatch import fnmatch
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from rpcsight import analytics, catalog, pipeline
from rpcsight.cli import app
from rpcsight.cli.simulate import patterns
from rpcsight.errors import UsageError
from rpcsight.simulation import FORMS, Plan, simulate, simulated
from rpcsight.simulation.activities import ACTIVITIES, INTERFACES, SLOTS
from rpcsight.simulation.days import days
from rpcsight.simulation.network import ROLES, network

SMALL = Plan(hosts=300, days=3, seed=5, calls="all", attacks=6, attack_from=0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated") / "corp"
    simulate(SMALL, folder, "parquet")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def found(folder: Path, analytic: str) -> list[tuple[object, ...]]:
    keys = ["src_ip", "src_port", "dest_ip", "dest_port"]
    with pipeline.opened(pipeline.Request(paths=[str(folder)])) as session:
        table = session.stream(analytics.analytic(analytic)).read_all()
    return sorted(zip(*(table[key].to_pylist() for key in keys), strict=True))


def test_calls_are_operations_of_the_catalogue() -> None:
    used = {
        (INTERFACES[call.interface][0], call.opnum)
        for each in ACTIVITIES.values()
        for leg in each.legs
        for call in leg.calls
    }
    assert {key for key in used if catalog.operation(*key) is None} == set()


def test_legs_lead_to_known_processes() -> None:
    slots = {leg.slot for each in ACTIVITIES.values() for leg in each.legs}
    assert slots - {"smb", "mapper"} <= set(SLOTS)


def test_same_seed_gives_the_same_and_days_do_not_depend_on_their_number() -> None:
    longer = [(table.flow, table.call, table.mapping, steps) for _, _, table, steps in simulated(SMALL)]
    shorter = [
        (table.flow, table.call, table.mapping, steps)
        for _, _, table, steps in simulated(Plan(300, 2, 5, "all", attacks=6, attack_from=0))
    ]
    assert longer[:2] == shorter


def test_other_seeds_give_another() -> None:
    one, other = (next(simulated(Plan(hosts=60, days=1, seed=seed)))[2].flow for seed in (1, 2))
    assert not one.equals(other)


def test_every_step_of_an_attack_is_labelled_with_flows_that_are_there(made: Path) -> None:
    flow = pq.read_table(made / "flow")
    ends = dict(
        zip(
            flow["flow_id"].to_pylist(),
            zip(flow["src_ip"].to_pylist(), flow["dest_ip"].to_pylist(), strict=True),
            strict=True,
        )
    )
    labels = rows(made / "_truth" / "labels.csv")
    assert len(labels) > 10
    for label in labels:
        ids = label["flow_ids"].split()
        assert (len(ids), {ends[each] for each in ids}) == (
            int(label["flows"]),
            {(label["src_ip"], label["dest_ip"])},
        ), label


def test_activity_is_found_where_an_endpoint_answered(made: Path) -> None:
    flow = pq.read_table(made / "flow")
    calls = set(pq.read_table(made / "rpc_call")["flow_id"].to_pylist())
    keys = {
        (row["src_ip"], row["src_port"], row["dest_ip"], row["dest_port"])
        for row in flow.to_pylist()
        if row["dest_port"] >= 49152 and row["is_established"] and row["flow_id"] in calls
    }
    assert len(keys & set(found(made, "rpc-activity"))) >= 0.95 * len(keys)


def test_mappers_lead_to_the_ports_that_clients_then_use(made: Path) -> None:
    con = duckdb.connect()
    con.sql(f"create view flow as from read_parquet('{made}/flow/*/*.parquet')")
    con.sql(f"create view answer as from read_parquet('{made}/rpc_mapping/*/*.parquet')")
    answers = con.sql(
        """select answer, interface is null, avg((used.src_ip is not null)::int) > 0.97, count(*) > 1000
        from answer left join (
          select distinct asked.flow_id, asked.src_ip, asked.src_port, asked.dest_ip, reached.dest_port, asked.start_time
          from flow as asked join flow as reached using (src_ip, dest_ip)
          where asked.dest_port = 135 and reached.start_time between asked.start_time and asked.start_time + interval 5 seconds
        ) as used on used.src_ip = answer.src_ip and used.src_port = answer.src_port and used.dest_ip = answer.dest_ip
          and epoch_us(used.start_time) = answer.flow_us and used.dest_port = mapped_port
        group by all order by all"""
    ).fetchall()
    assert answers == [("activation", True, True, True), ("ept_map", False, True, True)]


def test_every_form_holds_the_same_connections(tmp_path: Path) -> None:
    plan = Plan(hosts=60, days=1, seed=3, calls="none")
    seen = {}
    for form in FORMS:
        simulate(plan, tmp_path / form, form)
        seen[form] = found(tmp_path / form, "rpc-activity")
    # times in whole milliseconds change little
    assert seen["zeek"] == seen["parquet"] == seen["ecs"]
    assert len(set(seen["nfdump"]) ^ set(seen["parquet"])) <= 0.01 * len(seen["parquet"])


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("month") / "corp"
    simulate(Plan(hosts=1000, days=28, seed=1, calls="none", attacks=6), folder, "parquet")
    return folder


def new_pairs(folder: Path) -> list[int]:
    """Workstations that meet for the first time without harm, each working day of the third and the fourth week."""
    counts = Counter(row["day"] for row in rows(folder / "_truth" / "pairs.csv"))
    return [counts[f"2026-03-{day}"] for day in (16, 17, 18, 19, 20, 23, 24, 25, 26, 27)]


def test_workstations_that_meet_for_the_first_time(month: Path) -> None:
    assert 15 <= np.mean(new_pairs(month)) <= 30


@pytest.mark.parametrize(("noise", "low", "high"), [(0.3, 3, 12), (3.0, 40, 100)])
def test_noise_scales_how_many_meet(noise: float, low: int, high: int, tmp_path: Path) -> None:
    simulate(Plan(hosts=1000, days=19, seed=1, calls="none", noise=noise, attacks=0), tmp_path / "corp", "parquet")
    assert low <= np.mean(new_pairs(tmp_path / "corp")[:3]) <= high


def test_connections_fail_as_often_as_in_real_networks_and_in_clusters(month: Path) -> None:
    con = duckdb.connect()
    con.sql(f"create view flow as from read_parquet('{month}/flow/*/*.parquet')")
    ((failed, refused),) = con.sql(
        "select avg((not is_established)::int), avg((in_packets > 0)::int) filter (not is_established) from flow"
    ).fetchall()
    assert 0.01 <= failed <= 0.03
    assert 0.01 <= refused <= 0.2
    ((clustered,),) = con.sql(
        """select sum(n) filter (n >= 5) / sum(n) from (
          select count(*) as n from flow where not is_established group by src_ip, dest_ip, start_time::date)"""
    ).fetchall()
    assert clustered > 0.5


FIRST_SEEN = """
create or replace table found as
with pair as (select src_ip, dest_ip, min(start_time)::date as day from flow where {which} group by all),
client as (select src_ip, count(*) as servers from pair where day < '2026-03-16' group by all),
server as (select dest_ip, count(*) as clients from pair where day < '2026-03-16' group by all)
select src_ip, dest_ip, day, row_number() over (partition by day order by {order}, src_ip, dest_ip) as place
from (
  select pair.*, coalesce(servers, 0) as servers, coalesce(clients, 0) as clients
  from pair left join client using (src_ip) left join server using (dest_ip) where day >= '2026-03-16'
)"""
PORT_ALONE = """
create or replace table found as
select src_ip, dest_ip, day, row_number() over (partition by day order by {order}, src_ip, dest_ip) as place
from (select *, start_time::date as day from flow) where dest_port = 135 and day >= '2026-03-16' group by src_ip, dest_ip, day"""
STRICT = """
create or replace table found as
with reached as (
  select *, max(case when dest_port = 135 then start_time end) over (
    partition by src_ip, dest_ip order by start_time range between interval 1 second preceding and current row) as asked
  from flow where is_established and start_time >= '2026-03-16'
)
select src_ip, dest_ip, day, row_number() over (partition by day order by {order}, src_ip, dest_ip) as place
from (select *, start_time::date as day from reached) where dest_port >= 49152 and asked is not null group by src_ip, dest_ip, day"""


@pytest.mark.parametrize(
    ("detector", "bound"),
    [
        *((PORT_ALONE.format(order=order), 0.1) for order in ("count(*) desc", "count(*)", "min(start_time)")),
        *((STRICT.format(order=order), 0.1) for order in ("count(*) desc", "count(*)", "min(start_time)")),
        *(
            (FIRST_SEEN.format(which=which, order=order), 0.45)
            for which in ("true", "is_established", "is_established and dest_port >= 49152")
            for order in ("servers + clients", "servers", "clients", "(1 + servers) * (1 + clients)")
        ),
    ],
)
def test_simple_detectors_find_few_attacks(detector: str, bound: float, month: Path) -> None:
    """At ten findings a day, over the attacks of the third and the fourth week, whatever records can show of them."""
    con = duckdb.connect()
    con.sql(
        f"create view flow as from read_parquet('{month}/flow/*/*.parquet') where dest_port = 135 or dest_port >= 49152"
    )
    con.sql(f"create view label as select *, start_time::date as day from read_csv('{month}/_truth/labels.csv')")
    con.sql(detector)
    ((attacks, found),) = con.sql(
        """select count(distinct attack), count(distinct attack) filter (place <= 10)
        from label left join found using (src_ip, dest_ip, day)"""
    ).fetchall()
    assert attacks > 50
    assert found / attacks < bound


def test_what_labels_say_agrees_with_the_flows(month: Path) -> None:
    """`is_usual`: the two used RPC over TCP without harm on an earlier day; `visibility`: `flow` where RPC's ports are in it."""
    con = duckdb.connect()
    con.sql(f"create view flow as from read_parquet('{month}/flow/*/*.parquet')")
    con.sql(f"create view label as select *, start_time::date as day from read_csv('{month}/_truth/labels.csv')")
    con.sql(
        """create table bad as
        select unnest(string_split(flow_ids, ' ')) as flow_id, attack, start_time, visibility, src_ip, dest_ip from label"""
    )
    con.sql(
        """create table used as select src_ip, dest_ip, min(start_time)::date as first_day from flow
        anti join bad using (flow_id, src_ip, dest_ip) where is_established and dest_port <> 445 group by all"""
    )
    # a high port that nobody was led to may be something else
    ((wrong, usual),) = con.sql(
        """select count(*) filter (is_usual and not coalesce(first_day < day, false)), count(*) filter (is_usual)
        from label left join used using (src_ip, dest_ip)"""
    ).fetchall()
    assert (wrong, usual > 5) == (0, True)
    shown = con.sql(
        """select distinct visibility, is_tcp from (
          select visibility, bool_or(dest_port <> 445) as is_tcp from bad join flow using (flow_id)
          group by attack, bad.start_time, bad.src_ip, bad.dest_ip, visibility)"""
    ).fetchall()
    assert set(shown) == {("flow", True), ("pipe", False), ("none", False)}


def test_addresses_move_and_are_one_hosts_at_a_time() -> None:
    net = network(400, 1, 0.8)
    seen = [day.address for day in days(net, 20, 0)]
    assert all(len(set(address.tolist())) == len(net) for address in seen)
    has_moved = (seen[0] != seen[-1]).mean()
    assert 0.05 < has_moved < 0.3


def test_ports_of_servers_move_with_restarts_only() -> None:
    net = network(400, 1, 0.8)
    servers = np.flatnonzero(net.subnet < 0)
    noon = np.full(len(servers), 12 * 3_600_000_000)
    zeros = np.zeros(len(servers), dtype=np.int64)
    ports = [day.ports(servers, zeros, noon) for day in days(net, 20, 0)]
    moved = [(ports[0] != each).mean() for each in ports]
    assert (moved[1] <= 0.1, moved[10] <= 0.2, moved[19] >= 0.7) == (
        True,
        True,
        True,
    )  # patched in the night of day 15 or 16
    assert all(49152 <= port <= 65535 for each in ports for port in each.tolist())


def test_hosts_have_their_addresses_without_gaps(made: Path) -> None:
    lease: dict[str, list[tuple[str, str, str]]] = {}
    for row in rows(made / "_truth" / "hosts.csv"):
        lease.setdefault(row["host"], []).append((row["since"], row["until"], row["role"]))
    net = network(SMALL.hosts, SMALL.seed, SMALL.dhcp)
    ever = np.logical_or.reduce([net.exists(day) for day in range(SMALL.days)])
    roles = {name: ROLES[role] for name, role in zip(net.names(), net.role.tolist(), strict=True)}
    assert set(lease) == {name for name, is_there in zip(net.names(), ever.tolist(), strict=True) if is_there}
    for host, spans in lease.items():
        assert [since for since, _, _ in spans[1:]] == [until for _, until, _ in spans[:-1]], host
        assert {role for _, _, role in spans} == {roles[host]}


def test_whoever_answers_is_there_and_whoever_is_gone_does_not(tmp_path: Path) -> None:
    simulate(Plan(hosts=1000, days=2, seed=1, calls="none", attacks=0), tmp_path / "corp", "parquet")
    held = {
        (row["ip"], day)
        for row in rows(tmp_path / "corp" / "_truth" / "hosts.csv")
        for day in ("2026-03-02", "2026-03-03")
        if row["since"] <= day < row["until"]
    }
    answers = Counter(
        ((row["dest_ip"], f"{row['start_time']:%Y-%m-%d}") in held, row["is_established"])
        for row in pq.read_table(tmp_path / "corp" / "flow").to_pylist()
    )
    assert answers[False, True] == 0
    assert answers[False, False] > 100


@pytest.mark.parametrize(
    ("plan", "what"),
    [
        (Plan(hosts=10), "--hosts"),
        (Plan(days=0), "--days"),
        (Plan(noise=-1), "--noise"),
        (Plan(dhcp=2), "--dhcp"),
        (Plan(calls="few"), "--calls"),
    ],
)
def test_what_can_not_be_made_is_refused(plan: Plan, what: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        simulate(plan, tmp_path / "corp", "parquet")
    assert refused.value.where == what


def test_what_simulate_did_not_make_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    for is_replacing in (False, True):
        with pytest.raises(UsageError):
            simulate(Plan(hosts=50, days=1), tmp_path, "parquet", is_replacing=is_replacing)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_what_simulate_made_is_replaced_when_asked(tmp_path: Path) -> None:
    folder = tmp_path / "corp"
    simulate(Plan(hosts=50, days=1), folder, "ecs")
    simulate(Plan(hosts=50, days=1), folder, "zeek", is_replacing=True)
    assert sorted(path.name for path in folder.iterdir()) == [
        "_rpcsight.json",
        "_truth",
        "conn.2026-03-02.log",
        "dce_rpc.2026-03-02.log",
    ]


def test_command_says_what_it_made_and_refuses_what_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "simulate",
        "--hosts",
        "50",
        "--days",
        "1",
        "--calls",
        "none",
        "--attacks",
        "0",
        "-o",
        str(tmp_path / "corp"),
    ]
    app(command, standalone_mode=False)
    said = capsys.readouterr().err
    assert "50 hosts, 1 days, seed 1:" in said
    assert "attacks from" not in said
    with pytest.raises(UsageError) as refused:
        app(command, standalone_mode=False)
    assert refused.value.where == "--output"
    attacked = [*command, "--replace", "--days", "2", "--attack-from", "1", "--attacks", "20"]
    app(attacked, standalone_mode=False)
    corp = tmp_path / "corp"
    assert capsys.readouterr().err.splitlines()[1:] == [
        "attacks from 2026-03-03 on: learn the days before, hunt the others, and see how many are found",
        f"  rpcsight learn '{corp}/*/day=2026-03-02' -w {corp}.db",
        f"  rpcsight hunt {corp} --since 2026-03-03 -w {corp}.db -o findings.jsonl",
        f"  rpcsight evaluate findings.jsonl {corp}",
    ]


def test_dates_aspatterns() -> None:
    days = [date(2026, 2, 26) + timedelta(days=number) for number in range(40)]
    for end in range(len(days)):
        made = patterns(days[0], days[end])
        assert [each for each in days if any(fnmatch(str(each), pattern) for pattern in made)] == days[:end]
    assert patterns(days[0], days[4]) == ["2026-02-2[6-8]", "2026-03-01"]

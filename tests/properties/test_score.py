"""Each story's parts are what the plain-Python oracle says, on small worlds, with a baseline or without."""

import random
from dataclasses import replace
from math import log10
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from rpcsight.findings.score import PARTS
from rpcsight.schema import BASELINE
from tests.oracles import score as oracle
from tests.properties import worlds
from tests.properties.worlds import DAY_US, FIRST_DAY, HOUR_US, Row, Tables, World

LEAN = settings(
    max_examples=20,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""Without shrinking: an example takes a second."""
TENTH = 0.1001
Points = dict[tuple[str, str, int], dict[str, float]]


def points_of(made: Tables) -> Points:
    return {
        (row["src_ip"], row["dest_ip"], row["first_us"]): {
            **{part: row[f"{part}_points"] for part in PARTS},
            "score": row["score"],
        }
        for row in made["scored"]
    }


def expected(world: World, baseline: Tables, made: Tables) -> Points:
    """The oracle's; roles as the steps have them: those have an oracle of their own."""
    roles = {row["ip"]: row["role"] for row in (*baseline["known_host"], *made["host"])}
    stories = oracle.stories(world.rpc_activity, world.rpc_attempt, world.smb_connection, world.detection)
    return {
        (story.src, story.dest, story.first_us): {**story.parts, "score": sum(story.parts.values())}
        for story in oracle.World(baseline, roles, stories, world.technique_call).scored()
    }


def differences(one: Points, other: Points, tolerance: float) -> list[tuple[Any, ...]]:
    return [
        (story, part, points, other[story][part])
        for story, parts in one.items()
        for part, points in parts.items()
        if part != "score" and abs(points - other[story][part]) > tolerance
    ]


@LEAN
@given(worlds.worlds())
def test_parts_are_the_oracles_and_sum_to_the_score(world: World) -> None:
    baseline = worlds.settled(world)
    made = worlds.scored(world, baseline)
    found, right = points_of(made), expected(world, baseline, made)
    assert len(made["scored"]) == len(found)
    assert found.keys() == right.keys()
    assert differences(found, right, TENTH) == []
    for parts in found.values():
        assert parts["score"] == pytest.approx(sum(parts[part] for part in PARTS), abs=0.001)


@settings(LEAN, max_examples=5)
@given(worlds.worlds(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(world: World, dice: random.Random) -> None:
    def shuffled(rows: list[Row]) -> list[Row]:
        return dice.sample(rows, len(rows))

    baseline = worlds.settled(world)
    mixed = replace(
        world,
        rpc_activity=shuffled(world.rpc_activity),
        rpc_attempt=shuffled(world.rpc_attempt),
        smb_connection=shuffled(world.smb_connection),
        detection=shuffled(world.detection),
    )
    other = {name: shuffled(rows) for name, rows in baseline.items()}
    assert points_of(worlds.scored(mixed, other)) == points_of(worlds.scored(world, baseline))


@settings(LEAN, max_examples=6)
@given(st.data())
def test_what_a_known_pair_does_changes_nothing_for_others(data: st.DataObject) -> None:
    world = data.draw(worlds.worlds((10, 16)))
    baseline = worlds.settled(world)
    known = [(row["src_ip"], row["dest_ip"]) for row in baseline["known_pair"] if row["days"] >= 2]
    src_ip, dest_ip = data.draw(st.sampled_from(sorted(known)))
    day = data.draw(st.integers(0, 4))
    us = (FIRST_DAY + day) * DAY_US + data.draw(st.sampled_from(worlds.MOMENTS_US))
    more = replace(world, rpc_activity=[*world.rpc_activity, worlds.activity(src_ip, dest_ip, us)])
    before, after = worlds.scored(world, baseline), worlds.scored(more, baseline)
    assume(roles(before).items() <= roles(after).items())
    told, found = points_of(before), points_of(after)
    others = {story: parts for story, parts in told.items() if story[0] != src_ip and story[1] not in {src_ip, dest_ip}}
    assert {story: found[story] for story in others} == others
    its = [parts for (src, dest, _), parts in found.items() if (src, dest) == (src_ip, dest_ip)]
    assert its
    assert {points for parts in its for points in (parts["reach"], parts["hour"], parts["fan_out"])} == {0.0}


def test_a_host_that_is_a_server_only_in_the_input_counts_as_one() -> None:
    clients = [f"10.0.0.{number}" for number in range(1, 9)]
    met = [worlds.pair_day(clients[0], "10.0.0.99", FIRST_DAY - number, 9) for number in (1, 2, 3)]
    now = [worlds.activity(client, "10.0.0.99", FIRST_DAY * DAY_US + 9 * HOUR_US) for client in clients]
    world = World(
        {"pair_day": met, "deed_day": [], "endpoint_day": [], "lease_event": []},
        [],
        now,
        [],
        [],
        {"10.0.0.99": "unknown"},
    )
    baseline = worlds.settled(world)
    made = worlds.scored(world, baseline)
    assert roles(made)["10.0.0.99"] == "domain controller"
    told = sorted((row["src_ip"], row["server_points"]) for row in made["scored"])
    assert told == [(clients[0], 0.0), *((client, 0.5) for client in clients[1:])]
    assert differences(points_of(made), expected(world, baseline, made), TENTH) == []


def test_a_sweep_is_as_large_as_it_says_where_nothing_answered() -> None:
    met = [worlds.pair_day("10.0.0.1", "10.0.0.99", FIRST_DAY - number, 9) for number in (1, 2, 3)]
    found: dict[int, float] = {}
    for size in (1, 10, 100):
        sweep = worlds.detection("10.0.0.1", None, FIRST_DAY * DAY_US, (None, None), worlds.TECHNIQUES[0])
        told = [{**sweep, "analytic": "mapper-sweep", "target": f"{size} servers"}]
        days = {"pair_day": met, "deed_day": [], "endpoint_day": [], "lease_event": []}
        world = World(days, [], [], [], told, {})
        baseline = worlds.settled(world)
        made = worlds.scored(world, baseline)
        assert differences(points_of(made), expected(world, baseline, made), TENTH) == []
        (found[size],) = (row["technique_points"] for row in made["scored"])
    # one server a day on three days, and nobody else: (3 / size^2 + 0.25) / 4
    right = {size: 10 * log10(3.25 / (3 / size**2 + 0.25)) for size in found}
    assert {size: points - found[1] for size, points in found.items()} == pytest.approx(right, abs=0.11)


def test_what_ones_peers_do_is_usual_and_what_others_do_is_not() -> None:
    """Servers replicate every day: another server that begins to is less unusual than a workstation that does."""
    people = [f"10.0.1.{number}" for number in range(1, 21)]
    servers = [f"10.0.0.{number}" for number in range(1, 7)]
    done = worlds.OPERATIONS[0]
    now = [worlds.activity(client, server, FIRST_DAY * DAY_US + HOUR_US) for client in people for server in servers]
    asked = [*servers[2:], people[0]]
    told = [
        worlds.detection(each, servers[0], FIRST_DAY * DAY_US + number, done, worlds.TECHNIQUES[0])
        for number, each in enumerate(asked)
    ]
    roles_of = dict.fromkeys(servers, "server") | dict.fromkeys(people, "workstation")
    world = World({"pair_day": [], "deed_day": [], "endpoint_day": [], "lease_event": []}, [], now, [], told, roles_of)
    baseline = worlds.settled(world)
    made = worlds.scored(world, baseline)
    assert differences(points_of(made), expected(world, baseline, made), TENTH) == []
    points = {row["src_ip"]: row["technique_points"] for row in made["scored"] if row["technique_points"]}
    assert max(points[each] for each in servers[2:]) + 5 < points[people[0]]


NETWORKS = (
    *("10.0.0.1", "10.0.0.2", "10.0.1.1", "10.1.0.1", "2001:db8::1", "2001:db8::2", "2001:db8:0:1::2", "2001:db8:1::1"),
    *("2001:db8::5:6:7:8:9", "2001:db8:0:5:1::1", "2001::1", "fe80::1", "fe80::2", "fe80:0:0:1::", "::1", "::2"),
)


def test_how_far_apart_two_are_is_told_of_addresses_in_any_spelling() -> None:
    day_us = FIRST_DAY * DAY_US
    apart = [
        (src, dest, day_us + (number % 20) * HOUR_US)
        for src in NETWORKS
        for number, dest in enumerate(NETWORKS)
        if src != dest
    ]
    world = World({}, [], [worlds.activity(*each) for each in apart], [], [])
    baseline: Tables = {name: [] for name in BASELINE}
    baseline["known_reach"] = [{"reach": reach, "pairs": pairs} for reach, pairs in ((0, 90), (1, 30), (2, 5))]
    none = dict.fromkeys(
        ("clients", "servers", "ties", "days", "servers_a_day", "settled_days", "new_hosts", "new_servers"), 0
    )
    baseline["known_host"] = [{**none, "ip": ip, "role": "workstation"} for ip in NETWORKS]
    found = {story: parts["reach"] for story, parts in points_of(worlds.scored(world, baseline)).items()}
    known = {0: 1.5, 1: 6.2, 2: 13.3}
    assert found == {story: known[oracle.distance(*story[:2])] for story in apart}


def roles(made: Tables) -> dict[str, str]:
    return {row["ip"]: row["role"] for row in made["host"]}

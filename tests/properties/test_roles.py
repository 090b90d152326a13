"""Roles: the SQL gives what the rules in plain Python give, in whatever order rows come."""

from random import Random
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.linked import deed, link, linked, shared
from tests.oracles.roles import roles
from tests.oracles.sharing import with_sharing

SERVICES = ("drsuapi", "logon", "IRemoteWinspool", "srvsvc", "IWbemServices", "Netlogon", "")
NAMES = [f"10.0.0.{number}" for number in range(1, 8)]
COUNTS = st.integers(0, 9)

any_link = st.builds(
    lambda pair, first, more, days, counts, hours: {
        "src_ip": pair[0], "dest_ip": pair[1], "days": min(days, more + 1), "first_day": first, "last_day": first + more,
        "mappers": counts[0], "endpoints": counts[1], "failed": counts[2], "hours": hours,
    },
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), st.integers(20000, 20010), st.integers(0, 9), st.integers(1, 10),
    st.tuples(COUNTS, COUNTS, COUNTS), st.sampled_from([1, 3 << 8, 2**24 - 1]),
)  # fmt: skip
any_deed = st.builds(deed, *[st.sampled_from([*NAMES, ""])] * 2, st.sampled_from(SERVICES), st.integers(1, 9))


def enterprise(seed: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A network with controllers, servers, watchers, scanners and administrators, each as likely not there."""
    dice = Random(seed)
    span = dice.choice([1, 2, 5, 14])
    people = [f"10.1.0.{number}" for number in range(dice.choice([4, 12, 40, 120]))]
    controllers = [f"10.2.0.{number}" for number in range(dice.randrange(5))]
    servers = [f"10.3.0.{number}" for number in range(dice.randrange(15))]
    links: dict[tuple[str, str], dict[str, Any]] = {}
    deeds: list[dict[str, Any]] = []

    def use(src: str, dest: str, chance: float, **told: int) -> None:
        days = [day for day in range(span) if dice.random() < chance]
        if days and src != dest:
            told.setdefault("hours", dice.choice([1 << 9, 2**24 - 1]))
            links[src, dest] = link(src, dest, days, **told)

    for host in [*people, *servers, *controllers]:
        for controller in dice.sample(controllers, min(2, len(controllers))):
            use(host, controller, dice.choice([0.2, 0.9]))
            if dice.random() < 0.1:
                deeds.append(deed(host, controller, dice.choice(SERVICES), 2))
        for server in dice.sample(servers, min(3, len(servers))):
            use(host, server, 0.3)
    for _ in range(dice.randrange(4)):
        reaching = dice.choice([*people, "10.4.0.1", "10.4.0.2", "10.4.0.3"])
        targets = dice.choice([servers, people, [*servers, *people, *controllers]])
        chance, endpoints = dice.choice([0.05, 0.3, 0.95]), dice.choice([0, 1, 9])
        whole = dice.random() < 0.3
        for target in targets:
            if whole:
                links[reaching, target] = link(reaching, target, [span - 1], endpoints=endpoints)
            elif reaching != target:
                use(reaching, target, chance, endpoints=endpoints, failed=dice.randrange(3))
    for _ in range(dice.randrange(20)):
        use(dice.choice(people), dice.choice(people), 0.1, mappers=dice.randrange(2))
    return list(links.values()), deeds


@given(
    st.lists(any_link, max_size=25, unique_by=lambda each: (each["src_ip"], each["dest_ip"])),
    st.lists(any_deed, max_size=6),
)
def test_few_hosts_as_the_rules_say(links: list[dict[str, Any]], deeds: list[dict[str, Any]]) -> None:
    assert linked(links, deeds) == roles(links, deeds)


@example(3)
@settings(max_examples=12)
@given(st.integers(0, 2**32))
def test_enterprises_as_the_rules_say(seed: int) -> None:
    links, deeds = enterprise(seed)
    assert linked(links, deeds) == roles(links, deeds)


@settings(max_examples=12)
@given(st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(seed: int, dice: Random) -> None:
    links, deeds = enterprise(seed)
    expected = linked(links, deeds)
    dice.shuffle(links)
    dice.shuffle(deeds)
    assert linked(links, deeds) == expected


def test_every_rule_is_met_by_some_enterprise() -> None:
    """Else the tests above would say little."""
    met = {
        (row["role"], row["role_evidence"].lstrip("0123456789 ").split()[0])
        for seed in range(150)
        for row in roles(*enterprise(seed))
    }
    assert met == {
        ("domain controller", "of"), ("domain controller", "used"), ("scanner", "tried"), ("management server", "reaches"),
        ("administration host", "reaches"), ("server", "used"), ("server", "reached"), ("workstation", "depends"), ("unknown", "used"),
    }  # fmt: skip


@settings(max_examples=12)
@given(st.integers(0, 2**32), st.sampled_from([4, 12, 60, 700]), st.integers(0, 2))
def test_servers_of_files_as_the_rules_say(seed: int, people: int, noise: int) -> None:
    dice = Random(seed)
    hosts = [f"10.1.0.{number}" for number in range(people)]
    servers = [*(f"10.3.0.{number}" for number in range(3)), *hosts[:1]]
    pairs = {
        (host, server)
        for host in hosts
        for server in servers
        if host != server and dice.random() < dice.choice([0.02, 0.3, 0.9])
    }
    pairs |= {(one, two) for _ in range(noise * people) for one, two in [dice.sample(hosts, 2)]}
    links = [{"src_ip": src, "dest_ip": dest, "days": dice.randrange(1, 15)} for src, dest in sorted(pairs)]
    by_rpc = linked(*enterprise(seed))
    assert shared(by_rpc, links) == with_sharing(by_rpc, links)

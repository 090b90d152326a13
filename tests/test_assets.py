"""Assets: which words mean roles, and what holds for which address."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcsight.baseline.assets import Asset, resolve
from rpcsight.baseline.roles import ROLES, role_of


def test_words_mean_roles() -> None:
    words = (
        "DC",
        " Domain-Controller ",
        "file_server",
        "NAS",
        "SCCM",
        "jump-host",
        "Help.Desk",
        "vulnerability scanner",
        "notebook",
        "unknown",
    )
    assert [role_of(word) for word in words] == [
        "domain controller", "domain controller", "server", "server", "management server", "administration host", "administration host",
        "scanner", "workstation", "unknown",
    ]  # fmt: skip
    assert [role_of(word) for word in ("", "printer", "dcc")] == [None, None, None]


ROWS = [
    Asset("10.0.0.0/8", role="server", owner="network"),
    Asset("10.1.0.0/16", "clients", role="workstation"),
    Asset("10.1.0.5", "dc1.corp.example"),
    Asset("", "dc1.corp.example", "domain controller", "AD team"),
    Asset("", "jump1", "administration host"),
    Asset("", "twin.a.example", "scanner"),
    Asset("", "twin.b.example", "scanner"),
    Asset("2001:db8::/32", owner="six"),
]


@pytest.mark.parametrize(
    ("ip", "name", "expected"),
    [
        ("10.9.9.9", "", Asset("10.0.0.0/8", "", "server", "network")),
        ("10.1.9.9", "", Asset("10.1.0.0/16", "", "workstation", "network")),
        ("10.1.0.5", "", Asset("10.1.0.5", "dc1.corp.example", "domain controller", "AD team")),
        ("10.1.9.9", "JUMP1.corp.example.", Asset("", "jump1", "administration host", "network")),
        ("10.1.9.9", "DC1", Asset("", "dc1.corp.example", "domain controller", "AD team")),
        ("10.1.9.9", "dc1.other.example", Asset("10.1.0.0/16", "", "workstation", "network")),
        ("10.1.9.9", "twin", Asset("10.1.0.0/16", "", "workstation", "network")),
        ("::ffff:10.9.9.9", "", Asset("10.0.0.0/8", "", "server", "network")),
        ("2001:db8:1::1", "", Asset("2001:db8::/32", "", "", "six")),
        ("192.0.2.1", "", None),
        ("no address", "jump1", Asset("", "jump1", "administration host", "")),
    ],
)
def test_the_most_specific_row_holds_field_by_field(ip: str, name: str, expected: Asset | None) -> None:
    assert resolve(ROWS, [ip], {ip: name} if name else None) == ({ip: expected} if expected else {})


networks = st.builds(
    lambda start, length: ipaddress.ip_network((start << 24 >> (32 - length) << (32 - length) if length else 0, length)),
    st.integers(0, 255), st.integers(0, 32),
)  # fmt: skip
hosts = st.builds(
    lambda start, rest: str(ipaddress.ip_address((start << 24) + rest)), st.integers(0, 255), st.integers(0, 3)
)


@given(st.lists(st.tuples(networks, st.sampled_from(["", *ROLES[:3]])), max_size=20), st.lists(hosts, max_size=10))
def test_networks_as_looking_at_each_of_them_tells(
    said: list[tuple[ipaddress.IPv4Network, str]], ips: list[str]
) -> None:
    latest = dict(said)
    rows = [
        Asset(str(each.network_address if each.prefixlen == 32 else each), role=role) for each, role in latest.items()
    ]
    expected = {}
    for ip in ips:
        around = sorted((each for each in latest if ipaddress.ip_address(ip) in each), key=lambda each: -each.prefixlen)
        if around:
            first = around[0]
            place = str(first.network_address if first.prefixlen == 32 else first)
            expected[ip] = Asset(place, role=next((latest[each] for each in around if latest[each]), ""))
    assert resolve(rows, ips) == expected


def test_ten_thousand_hosts_and_a_thousand_networks() -> None:
    rows = [
        Asset(f"10.{number // 250}.{number % 250}.0/24", role="server", owner=f"{number}") for number in range(1000)
    ]
    ips = [f"10.{number // 2500 % 4}.{number // 10 % 250}.{number % 250}" for number in range(10_000)]
    found = resolve(rows, ips)
    assert {ip: each.owner for ip, each in found.items()} == {
        ip: str(int(ip.split(".")[1]) * 250 + int(ip.split(".")[2])) for ip in ips
    }

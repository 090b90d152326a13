"""Who is there: hosts with their true roles, sites, names, addresses, and the people who work at them. The same for every day."""

from dataclasses import dataclass

import numpy as np

from rpcsight.simulation.dice import Dice, Floats, Ints, Marks, Quantiles, mixed

__all__ = ["FEWEST", "MOST", "PEOPLE", "POOL", "ROLES", "SERVERS", "Network", "network"]

FEWEST, MOST = 50, 50_000
LONG = 100_000
"""More days than there are."""
POOL = 236
"""Addresses of a workstations' /24 that hosts may have: .10 to .245."""
SEATS = 180
"""Hosts in such a /24."""
HOSTS_OF_SITE = 700

ROLES = (
    "domain controller",
    "file server",
    "print server",
    "mail server",
    "management server",
    "monitor",
    "backup server",
    "scanner",
    "certificate server",
    "directory sync server",
    "application server",
    "server",
    "administration host",
    "NAS",
    "NAT gateway",
    "Linux client",
    "help desk workstation",
    "administrator workstation",
    "developer workstation",
    "workstation",
)
"""Of a host; those with a person at the keyboard are `PEOPLE`."""
SERVERS = ROLES[: ROLES.index("Linux client")]
PEOPLE = ROLES[ROLES.index("help desk workstation") :]
ONE_PER = {
    "domain controller": (500, 2),
    "file server": (200, 1),
    "print server": (400, 1),
    "mail server": (1000, 0),
    "management server": (5000, 1),
    "monitor": (2500, 1),
    "backup server": (3000, 1),
    "scanner": (10000, 1),
    "certificate server": (5000, 1),
    "directory sync server": (10000, 1),
    "application server": (70, 1),
    "server": (35, 2),
    "administration host": (400, 1),
    "NAS": (300, 1),
    "NAT gateway": (400, 1),
    "Linux client": (50, 1),
    "help desk workstation": (120, 1),
    "administrator workstation": (160, 1),
    "developer workstation": (25, 1),
}
"""Of how many hosts one has the role, and how many there are at least. Assumed."""
PREFIX = (
    "DC",
    "FS",
    "PRN",
    "MX",
    "CM",
    "MON",
    "BKP",
    "SCAN",
    "CA",
    "SYNC",
    "APP",
    "SRV",
    "JUMP",
    "NAS",
    "NAT",
    "LX",
    "HD",
    "ADM",
    "DEV",
    "WS",
)
COMES_AND_GOES = (
    "file server",
    "print server",
    "application server",
    "server",
    "NAS",
    "developer workstation",
    "workstation",
)
"""Roles of which hosts are retired and new ones set up; the first two of each stay."""
CHURN = {True: 0.05, False: 0.12}
"""Share of those that are retired, and as many that are new, within `CHURN_DAYS`: of people's computers, and of servers. Assumed."""
CHURN_DAYS = (-60, 60)
MOVERS, MOVED_DAYS = 0.2, 200
"""Share of people who change their team once in so many days. Assumed."""
CLOSED = 0.35
"""Share of people's computers whose firewall drops what comes from offices: Windows' own does unless it is told. Assumed."""
START_HOURS: Quantiles = ((0, 6.5), (0.1, 7.2), (0.5, 8.3), (0.9, 9.3), (1, 10.5))
WORK_HOURS: Quantiles = ((0, 4.0), (0.1, 6.5), (0.5, 8.6), (0.9, 9.8), (1, 12.0))


@dataclass(frozen=True, slots=True)
class Network:
    """Hosts, an entry each in every array.

    Args:
        seed: of all chance.
        role: place in `ROLES`.
        site: number of the site.
        team: number of the group of people who work together, before `move_day`, and
        next_team: after it.
        subnet: number of the /24 whose pool the address comes from; -1 for fixed addresses.
        address: on the first day, IPv4 as a number.
        is_dynamic: whether DHCP may give it another.
        since, until: days from and before which there is such a host.
        is_closed: whether it drops what comes from offices.
        is_laptop: whether it leaves the building.
        is_always_on: whether it stays on at night.
        start_hour, work_hours: of its person's day.
        days: which of Monday to Sunday its person works, a bit each.
        is_laptop_day: chance that the laptop is in the building on such a day.
        gateway: the NAT gateway that stands before it; -1 for none.
    """

    seed: int
    role: Ints
    site: Ints
    team: Ints
    next_team: Ints
    move_day: Ints
    since: Ints
    until: Ints
    is_closed: Marks
    subnet: Ints
    address: Ints
    is_dynamic: Marks
    is_laptop: Marks
    is_always_on: Marks
    start_hour: Floats
    work_hours: Floats
    days: Ints
    presence: Floats
    gateway: Ints

    def __len__(self) -> int:
        return len(self.role)

    def of(self, *roles: str) -> Ints:
        """The hosts that have one of the roles."""
        return np.flatnonzero(np.isin(self.role, [ROLES.index(role) for role in roles]))

    def exists(self, day: int) -> Marks:
        """Which hosts there are on a day."""
        return (self.since <= day) & (day < self.until)

    def teams(self, day: int) -> Ints:
        """Each host's team on a day."""
        return np.where(day < self.move_day, self.team, self.next_team)

    def of_people(self) -> Ints:
        """The hosts with a person at the keyboard."""
        return self.of(*PEOPLE)

    def names(self) -> list[str]:
        """As DNS has them."""
        first: dict[int, int] = {}
        result: list[str] = []
        for role in self.role.tolist():
            first[role] = first.get(role, 0) + 1
            result.append(f"{PREFIX[role]}{first[role]:05d}.corp.example")
        return result

    def macs(self) -> list[str]:
        """Locally administered ones."""
        values = mixed(self.seed, np.arange(len(self))).tolist()
        return [":".join(f"{byte:02x}" for byte in (2, *(value & 0xFFFFFFFFFF).to_bytes(5, "big"))) for value in values]


def network(hosts: int, seed: int, dhcp: float) -> Network:
    """Draw the network.

    Args:
        hosts: how many.
        seed: of all chance.
        dhcp: share of workstations whose address is not fixed.
    """
    dice = Dice(seed, "network")
    counts = {role: max(least, round(hosts / per)) for role, (per, least) in ONE_PER.items()}
    if hosts < 200:  # noqa: PLR2004 - a small office has few of all
        counts = {role: min(count, 2 if role == "domain controller" else 1) for role, count in counts.items()}
    numbers = [number for number, role in enumerate(ROLES[:-1]) for _ in range(counts[role])]
    role = np.array([*numbers, *([len(ROLES) - 1] * (hosts - len(numbers)))], dtype=np.int64)
    sites = 1 + hosts // HOSTS_OF_SITE
    # the first site is the largest; each role goes round the sites, so that each has its controller and file server where there are enough
    site = np.where(dice.chance(0.25, hosts), 0, np.arange(hosts) % sites)
    is_person = role >= ROLES.index(PEOPLE[0])
    is_office = is_person | (role == ROLES.index("Linux client"))
    subnet, address = _addresses(site, is_office)
    teams = np.maximum(1, np.bincount(site)[site] // 22)
    team, next_team = (site * 1000 + dice.below(teams, hosts) for _ in range(2))
    since, until = _churn(dice, role, is_person)
    is_night = dice.chance(0.03, hosts)
    is_part_time = dice.chance(0.18, hosts)
    days = np.where(is_part_time, dice.pick(np.array([0b00111, 0b11100, 0b10101, 0b01111]), hosts), 0b11111)
    days = np.where(dice.chance(0.04, hosts), 0b1111111, days)
    start = dice.quantile(START_HOURS, hosts) + np.array([0.0, 0.0, 1.0, -1.0])[site % 4]
    gateways = np.flatnonzero(role == ROLES.index("NAT gateway"))
    is_behind = is_office & (role != ROLES.index("help desk workstation")) & dice.chance(0.02, hosts)
    is_laptop = is_person & dice.chance(0.55, hosts)
    return Network(
        seed=seed,
        role=role,
        site=site,
        team=team,
        next_team=next_team,
        move_day=np.where(dice.chance(MOVERS, hosts), dice.below(MOVED_DAYS, hosts), LONG),
        since=since,
        until=until,
        is_closed=is_person & dice.chance(CLOSED, hosts),
        subnet=subnet,
        address=address,
        is_dynamic=(subnet >= 0) & dice.chance(dhcp, hosts),
        is_laptop=is_laptop,
        is_always_on=~is_person | (~is_laptop & dice.chance(0.45, hosts)),
        start_hour=np.where(is_night & is_person, 21.0, start),
        work_hours=np.where(is_night, 2.9, dice.quantile(WORK_HOURS, hosts)),
        days=days,
        presence=np.where(is_laptop, 0.72, 0.93),
        gateway=np.where(is_behind & (len(gateways) > 0), gateways[np.arange(hosts) % max(1, len(gateways))], -1),
    )


def _churn(dice: Dice, role: Ints, is_person: Marks) -> tuple[Ints, Ints]:
    """From which and before which day there is each host."""
    hosts = len(role)
    first = np.searchsorted(role, role)  # roles ascend
    is_open = np.isin(role, [ROLES.index(name) for name in COMES_AND_GOES]) & (np.arange(hosts) - first > 1)
    chance = np.where(is_person, CHURN[True], CHURN[False])
    draw = dice.uniform(hosts)
    day = CHURN_DAYS[0] + dice.below(CHURN_DAYS[1] - CHURN_DAYS[0], hosts)
    since = np.where(is_open & (draw < chance), day, -LONG)
    return since, np.where(is_open & (draw >= 1 - chance), day, LONG)


def _addresses(site: Ints, is_office: Marks) -> tuple[Ints, Ints]:
    """Each host's /24 (-1 in the data centre), and its address on the first day."""
    subnet = np.full(len(site), -1, dtype=np.int64)
    address = np.zeros(len(site), dtype=np.int64)
    servers = np.flatnonzero(~is_office)
    places = np.arange(len(servers))
    address[servers] = (10 << 24) + (10 << 16) + ((places // 240) << 8) + 10 + places % 240
    first = 0
    for number in range(int(site.max()) + 1):
        members = np.flatnonzero(is_office & (site == number))
        places = np.arange(len(members))
        subnet[members] = first + places // SEATS
        address[members] = (10 << 24) + ((20 + number) << 16) + ((places // SEATS) << 8) + 10 + places % SEATS
        first += -(-len(members) // SEATS)
    return subnet, address

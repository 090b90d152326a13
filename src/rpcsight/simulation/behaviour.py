"""What everybody does with servers on a day: logons, policy, mail, printing, shares; and servers with servers and with everyone.

Rates a day and person are stated in docs/simulate.md, with what they rest on.
"""

import numpy as np

from rpcsight.simulation.activities import number
from rpcsight.simulation.days import DAY_US, HOUR_US, Day
from rpcsight.simulation.dice import Dice, Ints, mixed
from rpcsight.simulation.network import Network
from rpcsight.simulation.sessions import Sessions, done, repeated

__all__ = ["benign", "nearest"]

MINUTE_US = 60_000_000
APPLICATIONS = {
    "dcom application": 50,
    "wmi query": 14,
    "service query": 10,
    "registry": 8,
    "event query": 6,
    "task query": 4,
    "service start": 3,
    "wmi execution": 3,
    "task": 2,
}
"""How programs use their servers, in hundredths. Assumed."""
NOTIFIED, ANSWER_US = 0.06, 1_500_000
"""Share of printing that asks to be told of changes, and within what time the server connects back. Assumed."""
A_DAY = {"unlock": 9.0, "names": 34.0, "sids": 16.0, "accounts": 6.0, "share": 4.0, "print": 1.6, "mail": 3.0}
"""How often a person's computer does it in a working day of 8.6 hours (51 activities an hour of a controller with four clients)."""
ADMINISTERED = (
    "wmi query",
    "service query",
    "service start",
    "event query",
    "task query",
    "task",
    "registry",
    "wmi execution",
    "dcom application",
    "enumeration",
    "account enumeration",
    "service pipe",
)
ADMINISTERED_WEIGHTS = (30, 18, 8, 14, 8, 5, 8, 5, 4, 3, 2, 2)


def benign(net: Network, day: Day) -> list[Sessions]:
    """The sessions between people's computers and servers, and among servers."""
    dice = Dice(net.seed, "behaviour", day.number)
    return [
        *_people(net, day, dice),
        *_machines(net, day, dice),
        *_controllers(net, day, dice),
        *_managed(net, day, dice),
        *_administered(net, day, dice),
    ]


def nearest(net: Network, dice: Dice, clients: Ints, *roles: str, far: float = 0.06) -> Ints:
    """For each client a server of these roles: one of two that are its own, now and then any."""
    servers = net.of(*roles)
    if len(servers) == 0:
        return clients
    own = (mixed(net.site[clients], 1) + mixed(clients, 2) % np.uint64(2)) % np.uint64(len(servers))
    second = (own + np.uint64(1)) % np.uint64(len(servers))
    chosen = np.where(dice.chance(0.85, len(clients)), own, second).astype(np.int64)
    return servers[np.where(dice.chance(far, len(clients)), dice.below(len(servers), len(clients)), chosen)]


def _people(net: Network, day: Day, dice: Dice) -> list[Sessions]:
    there = net.of_people()
    there = there[day.gone_us[there] > day.person_us[there]]
    share = (day.gone_us - day.person_us) / (8.6 * HOUR_US)
    parts: list[Sessions] = []
    start = day.person_us[there] + (dice.uniform(len(there)) * 2 * MINUTE_US).astype(np.int64)
    parts.append(done("logon", start, there, nearest(net, dice, there, "domain controller")))
    servers = {"share": ("file server", "NAS"), "print": ("print server",), "mail": ("mail server",)}
    for name, mean in A_DAY.items():
        who, time = repeated(dice, there, mean * share[there], day.person_us, day.gone_us)
        far = 0.02 if name == "print" else 0.05
        parts.append(
            done(name, time, who, nearest(net, dice, who, *servers.get(name, ("domain controller",)), far=far))
        )
    parts += _notified(net, dice, parts[-2])
    who, time = repeated(dice, there, 0.002, day.person_us, day.gone_us)
    parts.append(done("encrypted file", time, who, nearest(net, dice, who, "file server")))
    # a personal set of application servers, that changes once in a while
    applications = net.of("application server")
    who, time = repeated(dice, there[dice.chance(0.3, len(there))], 2.5, day.person_us, day.gone_us)
    which = mixed(net.teams(day.number)[who], dice.below(3, len(who)), (day.number + who % 40) // 40) % np.uint64(
        len(applications)
    )
    parts.append(_applied(dice, time, who, applications[which.astype(np.int64)]))
    who, time = repeated(dice, there, 0.5, day.person_us, day.gone_us)
    whom = np.where(
        dice.chance(0.93, len(who)),
        dice.pick(net.of("application server", "server"), len(who)),
        dice.pick(there, len(who)),
    )
    parts.append(done("other", time, who, whom))
    return parts


def _applied(dice: Dice, time: Ints, client: Ints, server: Ints) -> Sessions:
    """Programs that use a server of theirs, most often in the one way that its program knows."""
    kinds = np.array([number(name) for name, share in APPLICATIONS.items() for _ in range(share)])
    own = kinds[(mixed(server, 15) % np.uint64(len(kinds))).astype(np.int64)]
    other = dice.pick(kinds, len(time))
    return done(np.where(dice.chance(0.8, len(time)), own, other), time, client, server)


def _notified(net: Network, dice: Dice, prints: Sessions) -> list[Sessions]:
    """Some who print ask to be told of changes: the print server then connects back to them."""
    some = prints.where(dice.chance(NOTIFIED, len(prints)))
    time = some.time_us + 500_000 + dice.below(2_000_000, len(some))
    later = time + 20_000 + dice.below(ANSWER_US, len(some))
    told = net.gateway[some.client] < 0
    return [
        done("print notification", time, some.client, some.server),
        done("answer", later[told], some.server[told], some.client[told]),
    ]


def _machines(net: Network, day: Day, dice: Dice) -> list[Sessions]:
    """Group policy every 90 to 120 minutes, passwords every 30 days, certificates, Linux clients and NAS that ask controllers."""
    there = np.flatnonzero(day.is_there)
    windows = there[~np.isin(there, net.of("Linux client", "NAS", "NAT gateway"))]
    parts: list[Sessions] = []
    for turn in range(16):
        time = day.on_us[windows] + ((turn + dice.uniform(len(windows)) / 3) * 95 * MINUTE_US).astype(np.int64)
        is_on = time < day.off_us[windows]
        who = windows[is_on]
        parts.append(done("policy", time[is_on], who, nearest(net, dice, who, "domain controller", far=0.02)))
    due = windows[(windows + day.number) % 30 == 0]
    parts.append(done("password", day.on_us[due] + 5 * MINUTE_US, due, nearest(net, dice, due, "domain controller")))
    enrolling = windows[dice.chance(0.004, len(windows))]
    parts.append(
        done(
            "certificate",
            day.on_us[enrolling] + 7 * MINUTE_US,
            enrolling,
            nearest(net, dice, enrolling, "certificate server"),
        )
    )
    others = there[np.isin(there, net.of("Linux client", "NAS"))]
    who, time = repeated(dice, others, 14.0, day.on_us, day.off_us)
    parts.append(done("accounts", time, who, nearest(net, dice, who, "domain controller")))
    who, time = repeated(dice, others, 3.0, day.on_us, day.off_us)
    parts.append(done("names", time, who, nearest(net, dice, who, "domain controller")))
    servers = np.flatnonzero(net.subnet < 0)
    who, time = repeated(dice, servers, 30.0, day.on_us, day.off_us)
    parts.append(done("names", time, who, nearest(net, dice, who, "domain controller")))
    who, time = repeated(dice, net.of("application server", "server", "mail server"), 5.0, day.on_us, day.off_us)
    backs = net.of("application server", "server")
    back = backs[(mixed(who, dice.below(3, len(who))) % np.uint64(len(backs))).astype(np.int64)]
    parts.append(_applied(dice, time, who, back))
    return parts


def _controllers(net: Network, day: Day, dice: Dice) -> list[Sessions]:
    """Replication among controllers every 5 to 15 minutes with two partners, at once after changes; DFSR; directory synchronisation."""
    controllers = net.of("domain controller")
    parts: list[Sessions] = []
    for name, mean in (("replication", 140.0), ("sync", 60.0), ("dfsr", 90.0)):
        who, time = repeated(dice, controllers, mean, day.on_us, day.off_us)
        place = np.searchsorted(controllers, who)
        step = 1 + dice.below(2, len(who))
        parts.append(done(name, time, who, controllers[(place + step) % len(controllers)]))
    # it keeps its connection: only some of its rounds, one in two minutes, open another
    who, time = repeated(dice, net.of("directory sync server"), 120.0, day.on_us, day.off_us)
    parts.append(done("dcsync", time, who, nearest(net, dice, who, "domain controller", far=0.0)))
    # identity sensors on controllers ask who is behind an address
    people = np.flatnonzero(day.gone_us > day.person_us)
    whom, time = repeated(dice, people, 0.7, day.person_us, day.gone_us)
    parts.append(done("name resolution", time, nearest(net, dice, whom, "domain controller"), whom))
    whom, time = repeated(dice, people, 0.03, day.person_us, day.gone_us)
    parts.append(done("accounts", time, nearest(net, dice, whom, "domain controller"), whom))
    files = net.of("file server")
    who, time = repeated(dice, files, 40.0, day.on_us, day.off_us)
    parts.append(done("dfsr", time, who, files[(np.searchsorted(files, who) + 1) % len(files)]))
    return parts


def _managed(net: Network, day: Day, dice: Dice) -> list[Sessions]:
    """Management pushes over hours, monitoring every five minutes, backup at night, the scanner's week, inventory."""
    everyone = np.flatnonzero(day.is_there)
    servers = np.flatnonzero((net.subnet < 0) & (net.role != net.role[net.of("NAT gateway")[0]]))
    windows = everyone[~np.isin(everyone, net.of("Linux client", "NAS", "NAT gateway"))]
    parts: list[Sessions] = []

    def spread(targets: Ints, role: str, kind: str, first: float, last: float) -> None:
        hosts = net.of(role)
        time = (first + dice.uniform(len(targets)) * (last - first)) * HOUR_US
        own = hosts[(mixed(targets, 9) % np.uint64(len(hosts))).astype(np.int64)]
        parts.append(done(kind, time.astype(np.int64), own, targets))

    if day.is_workday:
        wanted = np.flatnonzero(~np.isin(np.arange(len(net)), net.of("Linux client", "NAS", "NAT gateway")))
        spread(wanted[dice.chance(0.3, len(wanted))], "management server", "push", 9, 17)  # whether they are on or not
    spread(windows[dice.chance(0.15, len(windows))], "management server", "wmi query", 8, 20)
    spread(servers, "backup server", "backup", 21, 24)
    monitors = net.of("monitor")
    watched = servers[~np.isin(servers, net.of("NAS"))]
    turns = DAY_US // (5 * MINUTE_US)
    target = np.repeat(watched, turns)
    time = np.tile(np.arange(turns) * 5 * MINUTE_US, len(watched)) + (
        mixed(target, 4) % np.uint64(5 * MINUTE_US)
    ).astype(np.int64)
    kept = dice.chance(0.25, len(target))  # it keeps connections; only every fourth poll opens one
    own = monitors[(mixed(target, 8) % np.uint64(len(monitors))).astype(np.int64)]
    parts.append(done("wmi watch", time[kept], own[kept], target[kept]))
    if day.number % 7 == 5:  # noqa: PLR2004 - on Saturdays, whoever is there, and those that are not
        all_hosts = np.arange(len(net))
        spread(all_hosts, "scanner", "scan", 1, 9)
    elif day.number % 7 == 2:  # noqa: PLR2004
        spread(net.of_people()[dice.chance(0.4, len(net.of_people()))], "scanner", "scan", 11, 14)
    return parts


def _administered(net: Network, day: Day, dice: Dice) -> list[Sessions]:
    """Administrators from administration hosts to servers and, less, to workstations; from their own computers to servers."""
    parts: list[Sessions] = []
    kinds = np.array([number(name) for name in ADMINISTERED])
    servers = np.flatnonzero(net.subnet < 0)
    people = net.of_people()
    scale = 1.0 if day.is_workday else 0.12
    for roles, mean, to_people in ((("administration host",), 45.0, 0.25), (("administrator workstation",), 7.0, 0.0)):
        hosts = net.of(*roles)
        is_own = roles[0] != "administration host"
        begin = day.person_us if is_own else np.full(len(net), 8 * HOUR_US)
        end = day.gone_us if is_own else np.full(len(net), 18 * HOUR_US)
        who, time = repeated(dice, hosts, mean * scale, begin, end)
        # each has what it looks after, and now and then something else
        near = servers[(mixed(who, dice.below(12, len(who))) % np.uint64(len(servers))).astype(np.int64)]
        target = np.where(dice.chance(0.15, len(who)), dice.pick(servers, len(who)), near)
        target = np.where(dice.chance(to_people, len(who)), dice.pick(people, len(who)), target)
        parts.append(done(kinds[dice.weighted(ADMINISTERED_WEIGHTS, len(who))], time, who, target))
    return parts

"""docs/score.md, slowly and plainly: each story's parts, each worked out anew from all rows of the input and the baseline.

Parts are not rounded here, but where links are ranked. A detection belongs to the story in whose time it begins. Roles, and what a
baseline says of a host, are taken as given: they have oracles of their own.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import log10
from typing import Any

Row = dict[str, Any]
Tables = Mapping[str, Sequence[Row]]
EPOCH = datetime(1970, 1, 1)
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
STORY_US = 6 * HOUR_US
FAN_OUT_US = HOUR_US
LINKED_US = 3 * DAY_US
KNOWN_DAYS = 2
SERVERS = {"domain controller", "server", "management server"}
PLAIN = {"workstation", "unknown"}


@dataclass
class Story:
    """What a client did with a server on a day without a break of six hours."""

    src: str
    dest: str
    activities: list[Row] = field(default_factory=list[Row])
    attempts: list[Row] = field(default_factory=list[Row])
    smb: list[Row] = field(default_factory=list[Row])
    deeds: list[Row] = field(default_factory=list[Row])
    first_us: int = 0
    parts: dict[str, float] = field(default_factory=dict[str, float])

    @property
    def day(self) -> int:
        return self.first_us // DAY_US

    def days(self) -> set[int]:
        """On which something of it began."""
        return {
            us_of(row["start_time"]) // DAY_US for row in (*self.activities, *self.attempts, *self.smb, *self.deeds)
        }


def us_of(time: datetime) -> int:
    return (time - EPOCH) // timedelta(microseconds=1)


def stories(
    activities: Iterable[Row], attempts: Iterable[Row], smb: Iterable[Row], deeds: Iterable[Row]
) -> list[Story]:
    """All of them, by client, server and time."""
    kinds = {"activities": activities, "attempts": attempts, "smb": smb, "deeds": deeds}
    told = [(us_of(row["start_time"]), kind, row) for kind, rows in kinds.items() for row in rows]
    made: list[Story] = []
    for src, dest in sorted({(row["src_ip"] or "", row["dest_ip"] or "") for _, _, row in told}):
        own = [each for each in told if (each[2]["src_ip"] or "", each[2]["dest_ip"] or "") == (src, dest)]
        before: int | None = None
        for at_us, kind, row in sorted(own, key=lambda each: each[0]):
            if before is None or at_us - before > STORY_US or at_us // DAY_US != before // DAY_US:
                made.append(Story(src, dest, first_us=at_us))
            getattr(made[-1], kind).append(row)
            before = at_us
    return made


class World:
    """The baseline, the roles and all stories, and what they say of one of these.

    Args:
        baseline: the tables of `schema.baseline.BASELINE`.
        roles: of every host, as the relation `host` has them.
        told: the stories.
        calls: telling ones, as the relation `technique_call` has them.
    """

    def __init__(
        self, baseline: Tables, roles: Mapping[str, str], told: list[Story], calls: Sequence[Row] = ()
    ) -> None:
        self.baseline = baseline
        self.roles = roles
        self.stories = told
        self.calls = calls
        self.hosts = {row["ip"]: row for row in baseline["known_host"]}
        self.pairs = {(row["src_ip"], row["dest_ip"]): row["days"] for row in baseline["known_pair"]}
        self.held = {(row["src_ip"], row["dest_ip"]) for row in baseline["held_pair"]}

    def scored(self) -> list[Story]:
        """The stories with all of their parts, and the score."""
        for story in self.stories:
            story.parts = self.parts(story)
            story.parts |= {"reached": 0.0, "went_on": 0.0}
        self.chains()
        return self.stories

    def parts(self, story: Story) -> dict[str, float]:
        """All but those of chains."""
        found: dict[str, float] = dict.fromkeys(
            ("client", "server", "seen", "endpoint", "reach", "hour", "fan_out"), 0.0
        )
        if story.src and story.dest:
            rate, share = self.rate(story), self.share(story)
            found |= {
                "client": -10 * log10(rate),
                "server": -10 * log10(share) - self.usual(story),
                "seen": self.seen(story, rate, share),
            }
            found["endpoint"] = self.endpoint(story)
            if self.is_new(story):
                found |= {"reach": self.reach(story), "hour": self.hour(story), "fan_out": self.fan_out(story)}
        found["technique"] = self.technique(story)
        found["confidence"] = 10 * log10(confidence(story))
        return found

    def is_server(self, ip: str) -> bool:
        return self.roles.get(ip) in SERVERS

    def is_plain(self, ip: str) -> bool:
        return self.roles.get(ip) in PLAIN

    def met_days(self, story: Story) -> int:
        """Days on which the two met before the story's day."""
        earlier = {
            each.day
            for each in self.stories
            if (each.src, each.dest) == (story.src, story.dest) and each.day < story.day
        }
        return self.pairs.get((story.src, story.dest), 0) + len(earlier)

    def client_days(self, story: Story) -> int:
        """Days on which the client was one before the story's day."""
        earlier = {each.day for each in self.stories if each.src == story.src and each.day < story.day}
        return self.known(story.src, "days") + len(earlier)

    def known(self, ip: str, name: str) -> Any:
        return self.hosts.get(ip, {}).get(name) or 0

    def is_new(self, story: Story) -> bool:
        return bool(story.src and story.dest) and self.met_days(story) < KNOWN_DAYS

    def rate(self, story: Story) -> float:
        """How many new servers or hosts a day the client begins to use, as far as the server's share bears."""
        return min(self.meets(story.src, is_server=self.is_server(story.dest)), 1 / self.share(story))

    def meets(self, client: str, *, is_server: bool) -> float:
        """How many new servers or hosts a day a client begins to use."""
        column, few, usual = ("new_servers", 1.5, 0.5) if is_server else ("new_hosts", 0.1, 0.03)
        alike = [row for row in self.hosts.values() if row["role"] == self.roles.get(client)]
        if alike:
            met = sum(min(row[column], row["settled_days"] * (1 if is_server else 0.5)) for row in alike)
            usual = (met + few) / (sum(row["settled_days"] for row in alike) + 3)
        return max((self.known(client, column) + 3 * usual) / (self.known(client, "settled_days") + 3), 0.01)

    def share(self, story: Story) -> float:
        """Which share of beginnings leads to the server; more where others begin to use it that day, too."""
        is_server = self.is_server(story.dest)
        begun = {pair: day for pair, day in self.begun().items() if self.is_server(pair[1]) == is_server}
        alike = {ip for ip in self.hosts if self.is_server(ip) == is_server} | {dest for _, dest in begun}
        every = sum(float(self.known(ip, "ties")) for ip in alike)
        ties = float(self.known(story.dest, "ties"))
        for (src, dest), day in begun.items():
            tie = 1 / (self.known(src, "servers") + sum(pair[0] == src for pair in begun))
            every += tie
            if dest == story.dest and src != story.src and day <= story.day:
                ties += tie
        long_share = (ties + 0.5) / (every + 0.5 * len(alike))
        today = [pair for pair, day in begun.items() if day == story.day]
        others = sum(dest == story.dest and src != story.src for src, dest in today)
        return long_share * max(1.0, (others + 1) / (len(today) * long_share + 1))

    def usual(self, story: Story) -> float:
        """How many points beginnings have on the average for where they lead."""
        is_server = self.is_server(story.dest)
        ties = {ip: float(self.known(ip, "ties")) + 0.5 for ip in self.hosts if self.is_server(ip) == is_server}
        begun = self.begun()
        for src, dest in begun:
            if self.is_server(dest) == is_server:
                alike = sum(each == src and self.is_server(other) == is_server for each, other in begun)
                ties[dest] = ties.get(dest, 0.5) + 1 / (self.known(src, "servers") + alike)
        every = sum(ties.values())
        return sum(each / every * -10 * log10(each / every) for each in ties.values())

    def begun(self) -> dict[tuple[str, str], int]:
        """Clients and servers that the baseline does not know, with the day of their first story."""
        days: dict[tuple[str, str], int] = {}
        for each in self.stories:
            pair = each.src, each.dest
            if each.src and each.dest and pair not in self.pairs:
                days[pair] = min(each.day, days.get(pair, each.day))
        return days

    def seen(self, story: Story, rate: float, share: float) -> float:
        """What having met before takes away."""
        met = self.met_days(story)
        if met >= KNOWN_DAYS:
            likely = min(1.0, rate * share + met / (self.client_days(story) + 1))
            return -10 * log10(likely) + 10 * log10(rate) + 10 * log10(share) + self.usual(story)
        return -10.0 if met or (story.src, story.dest) in self.held else 0.0

    def endpoint(self, story: Story) -> float:
        """How few of the server's plain clients that day use an endpoint that so few of them use; or whether only managing hosts do."""
        if not self.is_plain(story.src):
            return 0.0
        that_day = {
            (each.src, row["dest_port"])
            for each in self.stories
            for row in (*each.activities, *each.smb)
            if each.dest == story.dest and us_of(row["start_time"]) // DAY_US == story.day
        }
        if not any(src == story.src for src, _ in that_day):
            return 0.0
        plain = {src for src, _ in that_day if self.is_plain(src)}

        def sharers(client: str) -> int:
            ports = {port for src, port in that_day if src == client}
            return min(len({src for src, other in that_day if other == port and src in plain}) for port in ports)

        others = plain - {story.src}
        as_rare = sum(sharers(each) <= sharers(story.src) for each in others)
        managing = [
            len({src for src, other in that_day if other == port and src not in plain})
            for port in {port for src, port in that_day if src == story.src}
            if not any(src in others and other == port for src, other in that_day)
        ]
        found = [0.0]
        if others or any(managing):
            found.append(10 * log10((len(others) + 1) / (as_rare + 0.5)))
        if any(managing):
            found.append(10 * log10((max(managing) + 1) / 0.5))
        return max(found)

    def reach(self, story: Story) -> float:
        """How rarely workstations meet hosts so far away."""
        known = {row["reach"]: row["pairs"] for row in self.baseline["known_reach"]}
        if not self.is_plain(story.src) or self.is_server(story.dest) or not known:
            return 0.0
        return 10 * log10((sum(known.values()) + 3) / (known.get(distance(story.src, story.dest), 0) + 1))

    def hour(self, story: Story) -> float:
        """How rarely hosts meet new ones at that hour."""
        known = {row["slot"]: row["pairs"] for row in self.baseline["known_hour"]}
        if not known:
            return 0.0
        rates = [(known.get(slot, 0) + 1) / (5 if slot < 24 else 2) for slot in range(48)]
        is_weekend = (EPOCH + timedelta(days=story.day)).weekday() >= 5
        own = rates[story.first_us % DAY_US // HOUR_US + 24 * is_weekend]
        return min(10.0, 10 * log10(max(rates) / own))

    def fan_out(self, story: Story) -> float:
        """How many new ones at once, servers and hosts."""
        near = {
            each.dest
            for each in self.stories
            if each.src == story.src and self.is_new(each) and abs(each.first_us - story.first_us) <= FAN_OUT_US
        }
        a_day = self.meets(story.src, is_server=True) + self.meets(story.src, is_server=False)
        return 10 * log10(len(near) / max(1.0, a_day)) if len(near) >= 3 and len(near) > a_day else 0.0

    def technique(self, story: Story) -> float:
        """What was done, and how unusual that is for the client; chains have parts of their own."""
        weights = [
            2 * row["weight"] * row["confidence"] - log10(self.likely(story.src, story.dest, row))
            for row in story.deeds
            if row["analytic"] != "rpc-chain"
        ]
        return 10 * max(weights, default=0.0)

    def likely(self, client: str, server: str, deed: Row) -> float:
        """That the client calls the operation on a day; or that whoever uses the server does."""
        done = what(deed)
        often = {
            row["src_ip"]
            for row in self.baseline["known_deed"]
            if (row["service"], row["operation"]) == done and done[1] and row["days"] >= KNOWN_DAYS
        }
        now = {each.src for each in self.stories for row in each.deeds if what(row) == done}
        clients = {ip for ip, row in self.hosts.items() if row["days"]} | {each.src for each in self.stories}
        usual = 0.25
        if client:
            among_all = (len((now | often) - {client, ""}) + 0.5) / (len(clients - {""}) + 1)
            peers = {each for each in clients - {client, ""} if self.kind(each) == self.kind(client)}
            usual = (len((now | often) & peers) + 3 * among_all) / (len(peers) + 3)
        on_a_day = (self.days_of(client, deed) + usual) / (self.known(client, "days") + 1)
        if not server or not self.is_plain(client) or done[1] != (deed["operation"] or ""):
            return min(1.0, on_a_day)
        users, callers = self.users(server), self.users(server, done)
        return min(1.0, max(on_a_day, (callers + 3 * usual) / (users + 3)))

    def kind(self, ip: str) -> str:
        """Its role; workstations and hosts of unknown role are alike."""
        role = self.roles.get(ip) or self.known(ip, "role") or "unknown"
        return "plain" if role in PLAIN else role

    def days_of(self, client: str, deed: Row) -> float:
        """On how many days the client is known to do it; of a sweep, as much of a day as it goes to servers then."""
        is_sweep = deed["analytic"] in MADE_OF_MANY and not deed["dest_ip"]
        at_us = us_of(deed["start_time"])
        if is_sweep and not deed["operation"]:
            near = {
                each.dest
                for each in self.stories
                if each.src == client and each.dest and at_us // DAY_US in each.days()
            }
            size = max(len(near), targets(deed), 1)
            return self.known(client, "days") * min(1, self.known(client, "servers_a_day") / size) ** 2
        service, operation = what(deed)
        name = (service, deed["operation"]) if is_sweep else (service, operation)
        known = [
            row
            for row in self.baseline["known_deed"]
            if row["src_ip"] == client and (row["service"], row["operation"]) == name
        ]
        if not known or known[0]["days"] < KNOWN_DAYS or not name[1]:
            return 0.0
        if not is_sweep:
            return known[0]["days"]
        asked = {
            row["dest_ip"]
            for row in self.calls
            if row["src_ip"] == client
            and (row["service"], row["operation"]) == name
            and row["first_us"] // DAY_US == at_us // DAY_US
        }
        return known[0]["days"] * min(1, known[0]["servers_a_day"] / len(asked)) ** 2 if asked else 0.0

    def users(self, server: str, done: tuple[str, str] = ("", "")) -> int:
        """How many plain clients use the server, or do something there: known ones, new ones, without one."""
        known = [
            row["clients"]
            for row in self.baseline["known_use"]
            if row["dest_ip"] == server and (row["service"], row["operation"]) == done
        ]
        new = {
            each.src
            for each in self.stories
            if each.dest == server and self.is_plain(each.src) and (each.src, server) not in self.pairs
            if done == ("", "") or any(what(row) == done for row in each.deeds)
        }
        return max(0, sum(known) + len(new - {""}) - 1)

    def is_mutual(self, story: Story) -> bool:
        """Whether the server uses the client, too, in the input."""
        return any((each.src, each.dest) == (story.dest, story.src) for each in self.stories)

    def places(self) -> dict[int, int]:
        """Places of the links among those of their day that are new and not mutual, from 1; by the story's id()."""
        able = [each for each in self.stories if self.is_new(each) and not self.is_mutual(each)]
        hosts = len(self.hosts.keys() | {ip for each in self.stories for ip in (each.src, each.dest) if ip})
        found: dict[int, int] = {}
        for day in {each.day for each in able}:
            ranked = sorted((each for each in able if each.day == day), key=lambda each: (-rest(each), *begin(each)))
            found |= {id(each): place for place, each in enumerate(ranked, 1) if place <= max(10.0, hosts / 10)}
        return found

    def chains(self) -> None:
        """How little chance that the client was reached before, and that the server went on."""
        hosts = len(self.hosts.keys() | {ip for each in self.stories for ip in (each.src, each.dest) if ip})
        places = self.places()
        links = [each for each in self.stories if id(each) in places]
        for one in links:
            for other in links:
                gap = other.first_us - one.first_us
                is_link = one.dest == other.src and one.src != other.dest and not self.is_server(one.dest)
                if is_link and 0 <= gap <= LINKED_US:
                    times = max(gap, 8 * HOUR_US) / (8 * HOUR_US)
                    for story, by, name in ((other, one, "reached"), (one, other, "went_on")):
                        points = -5 * log10(min(1.0, places[id(by)] / hosts * times))
                        story.parts[name] = max(points, story.parts[name])


def rest(story: Story) -> float:
    """The parts by which links are told, to a tenth."""
    told = {name: points for name, points in story.parts.items() if name != "confidence"}
    return round(sum(round(points, 1) for name, points in told.items() if name not in {"reached", "went_on"}), 1)


def begin(story: Story) -> tuple[int, str, str]:
    return story.first_us, story.src, story.dest


def confidence(story: Story) -> float:
    """How sure it is that this is RPC at all."""
    if not story.activities:
        return 1.0 if story.deeds else 0.3 if story.smb else 0.4
    if any(row["basis"] == "decoded" for row in story.activities):
        return 1.0
    if all(row["named_by"] == "unnamed" for row in story.activities):
        return 0.3
    gaps = [row["gap_s"] for row in story.activities if row["gap_s"] is not None]
    if not gaps:
        return 0.5
    if min(gaps) > 0.5:
        return 0.7
    return 0.9 if any(row["is_strict"] for row in story.activities) else 0.8


def distance(one: str, other: str) -> int:
    """0 the same /24 (IPv6: /64), 1 the same /16 (/48), 2 farther."""
    first, second = ipaddress.ip_address(one), ipaddress.ip_address(other)
    if first.version != second.version:
        return 2
    near, far = (24, 16) if first.version == 4 else (64, 48)
    if second in ipaddress.ip_network(f"{one}/{near}", strict=False):
        return 0
    return 1 if second in ipaddress.ip_network(f"{one}/{far}", strict=False) else 2


MADE_OF_MANY = ("zerologon", "enumeration-sweep", "mapper-sweep", "discovery-burst", "share-attempts")


def targets(deed: Row) -> int:
    """How many servers a sweep says it went to; 0 where it does not."""
    number = (deed.get("target") or "").split(" ")[0]
    return int(number) if number.isdecimal() else 0


def what(deed: Row) -> tuple[str, str]:
    """By what it is the same as another: service and operation; or the analytic, where it is made of many or names no operation."""
    operation = deed["operation"] or ""
    if not operation or deed["analytic"] in MADE_OF_MANY:
        operation = "*" + deed["analytic"]
    return deed["service"] or "", operation

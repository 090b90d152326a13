"""The roles of docs/roles.md in plain Python, slow and obvious. A link is a dict with the columns of `link`, a deed of `linked_deed`."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from math import floor
from typing import Any

Row = Mapping[str, Any]
LOGON = {"drsuapi", "logon", "netlogon"}
ALL_HOURS = 2**24 - 1


def roles(links: Iterable[Row], deeds: Iterable[Row]) -> list[dict[str, Any]]:
    return Roles([each for each in links if each["src_ip"] != each["dest_ip"]], list(deeds)).rows()


class Roles:
    def __init__(self, links: list[Row], deeds: list[Row]) -> None:
        self.links = {(each["src_ip"], each["dest_ip"]): each for each in links}
        self.services: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.days: dict[tuple[str, str], int] = {}
        for each in deeds:
            pair = each["src_ip"], each["dest_ip"]
            if "" not in pair and pair[0] != pair[1]:
                self.services[pair].add(each["service"])
                self.days[pair] = max(self.days.get(pair, 0), each["days"])
        for pair, each in self.links.items():
            if each["mappers"] > 0 or pair in self.services:
                self.days[pair] = max(self.days.get(pair, 0), each["days"])
        self.servers: dict[str, set[str]] = defaultdict(set)
        self.users: dict[str, set[str]] = defaultdict(set)
        for src, dest in self.days:
            self.servers[src].add(dest)
            self.users[dest].add(src)
        self.hosts = sorted({*self.servers, *self.users})
        self.clients = len(self.servers)
        self.many = max(20, self.clients // 500)
        self.several = min(max(5, self.clients // 100), 20)
        seen = [self.links[pair] for pair in self.days if pair in self.links]
        span = max(each["last_day"] for each in seen) - min(each["first_day"] for each in seen) + 1 if seen else 1
        self.span = max(span, 1, *self.days.values(), 1)
        self.host_days = {host: max(days for pair, days in self.days.items() if host in pair) for host in self.hosts}
        self.find_far()
        self.own = {host: {each for each in self.users[host] if each not in self.far} for host in self.hosts}
        self.usual_own = self.usual({each: len(self.own[each]) for each in self.servers})
        self.main_of = Counter(self.main(each) for each in self.servers)
        self.find_controllers()

    def usual(self, numbers: Mapping[str, int]) -> int:
        """What nine in ten don't exceed."""
        ordered = sorted(numbers.values())
        return max(ordered[: len(ordered) * 9 // 10], default=0)

    def find_far(self) -> None:
        self.lonely = {
            client: {each for each in servers if len(self.users[each]) <= self.many}
            for client, servers in self.servers.items()
        }
        usual = self.usual({client: len(servers) for client, servers in self.lonely.items()})
        self.steady, self.returned, self.far = {}, {}, set()
        for client, servers in self.lonely.items():
            days = [self.days[client, each] for each in servers]
            self.steady[client] = sum(2 * each >= self.span for each in days)
            self.returned[client] = sum(each > 1 and 10 * each >= self.span for each in days)
            if (len(servers) >= 10 and len(servers) > 3 * usual) or (
                self.steady[client] >= 5 and self.steady[client] > 3 * usual
            ):
                self.far.add(client)

    def once(self, client: str) -> int:
        """The most little-used hosts reached on one day and never else."""
        days = Counter(
            self.links[client, each]["first_day"] if (client, each) in self.links else None
            for each in self.lonely[client]
            if self.days[client, each] == 1
        )
        return max(days.values(), default=0)

    def main(self, client: str) -> str:
        def order(server: str) -> tuple[int, int, str]:
            link = self.links.get((client, server))
            return -self.days[client, server], -(link["mappers"] + link["endpoints"] if link else 0), server

        return min(self.servers[client], key=order)

    def depends(self, client: str) -> set[str]:
        servers = self.servers.get(client, set())
        most = max((self.days[client, each] for each in servers), default=0)
        return {each for each in servers if 2 * self.days[client, each] >= most}

    def above(self, client: str) -> set[str]:
        """What it depends on one-way."""
        return {
            each
            for each in self.depends(client)
            if 2 * self.days.get((each, client), 0) < self.days[client, each]
            and 4 * self.days[client, each] >= self.host_days[client]
        }

    def is_top(self, host: str) -> bool:
        return all(4 * len(self.own[each]) < len(self.own[host]) for each in self.above(host))

    def logons(self, host: str) -> int:
        return sum(
            any(name.lower() in LOGON for name in self.services.get((each, host), ())) for each in self.own[host]
        )

    def find_controllers(self) -> None:
        server_like = {each for each in self.servers if len(self.own[each]) >= self.several and each not in self.far}
        candidates = set()
        for host in self.hosts:
            own, mains = self.own[host], self.main_of[host]
            like = len(own & server_like)
            is_main = mains >= 4 and 100 * mains >= self.clients
            is_usual = bool(server_like) and like > 0 and 2 * like * self.clients >= len(own) * len(server_like)
            is_common = len(server_like) >= 4 and like and 2 * like >= len(server_like) and 4 * len(own) >= self.clients
            called = sum((each, host) in self.services for each in own)
            if (called < 3 or self.logons(host)) and ((is_main and (self.is_top(host) or is_usual)) or is_common):
                candidates.add(host)
        self.summit = {
            host
            for host in candidates
            if all(
                4 * len(self.own[each]) < len(self.own[host])
                or (each in candidates and 2 * len(self.own[each]) <= 3 * len(self.own[host]))
                for each in self.above(host)
            )
        }

    def partners(self, host: str) -> int:
        return (
            len(self.summit & (self.servers.get(host, set()) | self.users.get(host, set())))
            if host in self.summit
            else 0
        )

    def tried(self, client: str) -> tuple[int, int]:
        """How many hosts, and on how many of them it went on to endpoints."""
        found = [
            link
            for (src, dest), link in self.links.items()
            if src == client
            and dest in self.hosts
            and (link["mappers"] or link["failed"])
            and len(self.users[dest]) <= self.many
        ]
        return len(found), sum(each["endpoints"] > 0 for each in found)

    def service(self, host: str) -> str:
        counts = Counter(name for each in self.own[host] for name in self.services.get((each, host), ()) if name)
        if not counts:
            return ""
        most = max(counts.values())
        return f", by {most} for {min(name for name, count in counts.items() if count == most)}"

    def rows(self) -> list[dict[str, Any]]:
        return [self.row(host) for host in self.hosts]

    def row(self, host: str) -> dict[str, Any]:
        role, confidence, evidence = self.judge(host)
        hours = 0
        for (src, _), link in self.links.items():
            if src == host and (src, link["dest_ip"]) in self.days:
                hours |= link["hours"]
        return {
            "ip": host,
            "role": role,
            "role_confidence": floor(confidence) / 100,
            "role_evidence": evidence,
            "clients": len(self.users.get(host, ())),
            "servers": len(self.servers.get(host, ())),
            "own_clients": len(self.own[host]),
            "lonely_servers": len(self.lonely.get(host, ())),
            "main_of": self.main_of[host],
            "logon_clients": self.logons(host),
            "targets": self.tried(host)[0] if host in self.far else 0,
            "days": self.host_days[host],
            "hours": hours,
        }

    def judge(self, host: str) -> tuple[str, float, str]:
        own, logons, lonely = len(self.own[host]), self.logons(host), len(self.lonely.get(host, ()))
        hosts, days, everyone = len(self.hosts), self.host_days[host], f"of {self.clients} clients"
        if logons >= 3 or (logons and self.is_top(host)):
            said = f"{logons} {everyone} logged on or looked up names with it (netlogon, drsuapi)"
            return "domain controller", 98 * logons / (logons + 0.5), said
        is_common = 3 * sum(self.main_of[each] for each in self.summit) >= self.clients and 10 * own >= self.clients
        if host in self.summit and (is_common or self.partners(host)):
            said = (
                f"used by {own} {everyone}, the main server of {self.main_of[host]}; depends on no other server, "
                f"and works with {self.partners(host)} like it"
            )
            return "domain controller", 90 * own / (own + 2), said
        once = self.once(host) if host in self.far else 0
        is_burst = 4 * once > 3 * lonely
        if host in self.far and not is_burst:
            targets, reached = self.tried(host)
            if 4 * targets >= hosts and 2 * reached < targets:
                said = f"tried {targets} of {hosts} hosts, and went on to endpoints of {reached}"
                return "scanner", 90 * targets / (targets + 10), said
            said, sure = f"reaches {lonely} of {hosts} hosts that few others use", 90 * lonely / (lonely + 10)
            steady, returned = self.steady[host], self.returned[host]
            if 3 * steady >= 2 * lonely:
                return "management server", sure, f"{said}, {steady} of them on at least half of the days"
            is_wide = 3 * returned >= 2 * lonely and 4 * lonely >= hosts
            role = "management server" if is_wide else "administration host"
            return role, sure, f"{said}, {returned} of them again and again"
        used = f"used by {own} {everyone}"
        is_unusual = own > 3 * self.usual_own or 4 * own >= self.clients
        if own >= self.many or (own >= self.several and is_unusual):
            return "server", 90 * (own * days) / ((own + 5) * (days + 1)), used + self.service(host)
        watchers = [
            len(self.lonely[each])
            for each in self.users.get(host, set()) & self.far
            if 2 * len(self.lonely[each]) <= hosts and 5 * self.days[each, host] >= 4 * self.span and self.span >= 5
        ]
        if watchers:
            said = (
                f"reached nearly every day by a host that reaches {max(watchers)} of {hosts} hosts that few others use"
            )
            return "server", 60, said
        busiest = max((len(self.own[each]) for each in self.depends(host)), default=0)
        if busiest >= 2 and busiest > 2 * own:
            hours = 0
            for each in self.servers[host]:
                hours |= self.links[host, each]["hours"] if (host, each) in self.links else 0
            said = f"depends on a server with {busiest} clients, and has {own} of its own"
            said += "; active at all hours" if hours == ALL_HOURS else ""
            said += f"; reached {once} hosts on one day only" if is_burst else ""
            most = 45 if is_burst else 60 if hours == ALL_HOURS else 90
            return "workstation", most * (busiest * days) / ((busiest + 2) * (days + 1)), said
        if own >= 3 and 20 * own >= self.clients:
            return "server", 40 * days / (days + 1), used + self.service(host)
        servers = len(self.servers.get(host, ()))
        return "unknown", 0, f"{used}, and uses {servers} of {hosts} hosts itself: too little to tell"

"""What is remembered of each exporter and observation domain: templates, clock, sequence, sets that wait for their template.

Everything a stranger can make grow has an upper bound here; what is dropped at a bound is counted.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from typing import NamedTuple

from rpcsight.wire.netflow.sequence import Sequence
from rpcsight.wire.netflow.templates import Layout, Template, compiled

__all__ = ["INIT", "Anchor", "Domain", "Exporters", "Key", "Waiting", "address_text"]

MAX_DOMAINS = 1024
"""Exporters times observation domains; a large site has hundreds."""
MAX_DOMAIN_TEMPLATES = 1024
MAX_TEMPLATES = 8192
"""Of all domains: at most 4 kB of definition and as much of layout each."""
MAX_DOMAIN_WAITING_BYTES = 1 << 20
MAX_WAITING_BYTES = 64 << 20
WAITING_OVERHEAD_BYTES = 200
"""What a waiting set takes beside its bytes."""
FIRST_IPV6 = 1 << 32
UPTIME_MASK = 0xFFFFFFFF
INIT = 0
"""What sets wait for that need the exporter's start; no template has this number."""
SECOND_MS = 1000

NO_TEMPLATE = "data sets without a template"
NO_INIT = "data sets with uptimes only, and no start of the exporter (systemInitTimeMilliseconds)"
FORGOTTEN = "exporters no longer followed"


class Key(NamedTuple):
    """Whose templates: two exporters, or two domains of one, may use the same number for different layouts.

    Args:
        src_no: the exporter's address.
        src_port: the port it sends from, for IPFIX, where templates belong to a transport session (RFC 7011 section 8); else 0.
        version: 5, 9 or 10.
        domain: source id, observation domain, or engine type and id (v5: type times 256 plus id).
    """

    src_no: int
    src_port: int
    version: int
    domain: int


class Anchor(NamedTuple):
    """What a datagram's relative times refer to.

    Args:
        export_us: when it was exported, in µs since 1970.
        uptime_ms: the exporter's uptime then, modulo 2^32.
    """

    export_us: int
    uptime_ms: int


class Waiting(NamedTuple):
    """A data set whose template, or whose exporter's start, is not known yet.

    Args:
        template: its template's number.
        body: the set without its header.
        anchor: of its datagram.
    """

    template: int
    body: bytes | memoryview
    anchor: Anchor


class Domain:
    """One exporter's observation domain.

    Attributes:
        name: the exporter's address and the domain, as records name their observer.
        templates: by number, the least recently announced first.
        sequence: of its datagrams.
        init_ms: when the exporter started, in ms since 1970, where it said so.
        sampling: N where one in N packets is looked at; 0 where the exporter does not say.
        notes: what limits its records, in words.
        losses: what could not be read, by reason in words.
        waiting: sets by the number of the template they wait for; 0 for those that wait for the exporter's start.
    """

    __slots__ = (
        "_boot_ms",
        "init_ms",
        "key",
        "losses",
        "name",
        "notes",
        "sampling",
        "sequence",
        "templates",
        "waiting",
        "waiting_bytes",
    )

    def __init__(self, key: Key, name: str) -> None:
        self.key = key
        self.name = name
        self.templates: dict[int, tuple[Template, Layout]] = {}
        self.sequence = Sequence()
        self.init_ms: int | None = None
        self.sampling = 0
        self.waiting: dict[int, list[Waiting]] = {}
        self.waiting_bytes = 0
        self.notes: Counter[str] = Counter()
        self.losses: Counter[str] = Counter()
        self._boot_ms: int | None = None

    def coarse_anchor(self, export_s: int, uptime_ms: int) -> Anchor:
        """The anchor of a v9 datagram, whose header has whole seconds of time but milliseconds of uptime.

        The exporter started between (time - uptime) and a second later; each datagram narrows that down, so that times of different
        datagrams agree with each other. A start outside these bounds is a new one.
        """
        earliest = export_s * SECOND_MS - uptime_ms
        boot = earliest if self._boot_ms is None else self._boot_ms
        if not earliest <= boot < earliest + 2 * SECOND_MS:
            boot = earliest
        self._boot_ms = boot = min(boot, earliest + SECOND_MS - 1)
        return Anchor((boot + uptime_ms) * 1000, uptime_ms)

    def init_anchor(self, anchor: Anchor) -> Anchor:
        """The anchor with the uptime that follows from the exporter's start (IPFIX has none in its header)."""
        return anchor._replace(uptime_ms=(anchor.export_us // 1000 - (self.init_ms or 0)) & UPTIME_MASK)

    def lost(self) -> Counter[str]:
        """What could not be read, with what is missing between datagrams."""
        unit = "export datagrams" if self.key.version == 9 else "records"  # noqa: PLR2004
        found = self.losses.copy()
        found[f"{unit} missing by their sequence numbers"] += self.sequence.missing
        return +found

    def noted(self) -> Counter[str]:
        """What limits its records, with what the sequence numbers say."""
        found = self.notes.copy()
        found["export datagrams out of order"] += self.sequence.late
        found["export datagrams repeated or very late"] += self.sequence.repeated
        found["sequence numbers began anew"] += self.sequence.restarts
        found[f"sampled, one in {self.sampling} packets: short connections may be missing"] += self.sampling > 1
        return +found


class Exporters:
    """All domains, the least recently heard first.

    Args:
        name: the text of an exporter's address, from its number.
    """

    def __init__(self, name: Callable[[int], str]) -> None:
        self._name = name
        self._domains: OrderedDict[Key, Domain] = OrderedDict()
        self._templates = 0
        self._waiting_bytes = 0
        self._forgotten_notes: Counter[str] = Counter()
        self._forgotten_losses: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Domain]:
        return iter(self._domains.values())

    def known(self, key: Key) -> bool:
        """Whether this domain was heard before."""
        return key in self._domains

    def domain(self, key: Key) -> Domain:
        """The domain, made if it is new."""
        found = self._domains.get(key)
        if found is None:
            if len(self._domains) >= MAX_DOMAINS:
                self._forget(next(iter(self._domains)))
            unit = f"engine {key.domain >> 8}/{key.domain & 255}" if key.version == 5 else f"domain {key.domain}"  # noqa: PLR2004
            found = self._domains[key] = Domain(key, f"{self._name(key.src_no)} {unit}")
        self._domains.move_to_end(key)
        return found

    def learn(self, domain: Domain, template: Template) -> None:
        """Take a template, or its withdrawal.

        Raises:
            BrokenTemplate: no record can follow it.
        """
        old = domain.templates.pop(template.number, None)
        if not template.definition:
            self._withdraw(domain, template, old)
            return
        if old and old[0] == template:
            domain.templates[template.number] = old
            return
        self._templates -= old is not None
        layout = compiled(template.definition, domain.key.version, template.scopes, template.is_options)
        if len(domain.templates) >= MAX_DOMAIN_TEMPLATES:
            del domain.templates[next(iter(domain.templates))]
            self._templates -= 1
            domain.losses["templates dropped: too many"] += 1
        domain.templates[template.number] = template, layout
        self._templates += 1
        while self._templates > MAX_TEMPLATES:
            self._forget(next(iter(self._domains)))

    def wait(self, domain: Domain, waiting: Waiting, awaited: int) -> None:
        """Keep a set; where there is no room, it is lost.

        Args:
            domain: whose it is.
            waiting: the set.
            awaited: the number of the template that it waits for, or `INIT`.
        """
        size = len(waiting.body) + WAITING_OVERHEAD_BYTES
        if domain.waiting_bytes + size > MAX_DOMAIN_WAITING_BYTES or self._waiting_bytes + size > MAX_WAITING_BYTES:
            domain.losses[NO_INIT if awaited == INIT else NO_TEMPLATE] += 1
            return
        domain.waiting.setdefault(awaited, []).append(waiting)
        domain.waiting_bytes += size
        self._waiting_bytes += size

    def ready(self, domain: Domain, awaited: int) -> list[Waiting]:
        """Take the sets of the domain that wait for this template, or for `INIT`."""
        taken = domain.waiting.pop(awaited, [])
        size = sum(len(each.body) + WAITING_OVERHEAD_BYTES for each in taken)
        domain.waiting_bytes -= size
        self._waiting_bytes -= size
        return taken

    def close(self) -> None:
        """Count what waits as lost."""
        for domain in self:
            self._give_up(domain)

    def summary(self, what: Callable[[Domain], Counter[str]], forgotten: Counter[str]) -> dict[str, Counter[str]]:
        """One counter per observer that has something to count."""
        found: dict[str, Counter[str]] = {}
        for domain in self:
            if counts := what(domain):
                found.setdefault(domain.name, Counter()).update(counts)
        if forgotten:
            found[FORGOTTEN] = forgotten.copy()
        return found

    def notes(self) -> dict[str, Counter[str]]:
        """What limits the records, by observer."""
        return self.summary(Domain.noted, self._forgotten_notes)

    def losses(self) -> dict[str, Counter[str]]:
        """What could not be read, by observer."""
        return self.summary(Domain.lost, self._forgotten_losses)

    def _withdraw(self, domain: Domain, template: Template, old: tuple[Template, Layout] | None) -> None:
        """Forget one template, or all of a kind (RFC 7011 section 8.1: the set's own number)."""
        gone = int(old is not None)
        if template.number == (3 if template.is_options else 2):
            kind = [number for number, (each, _) in domain.templates.items() if each.is_options == template.is_options]
            for number in kind:
                del domain.templates[number]
            gone += len(kind)
        self._templates -= gone
        domain.notes["templates withdrawn"] += gone

    def _give_up(self, domain: Domain) -> None:
        for awaited in list(domain.waiting):
            domain.losses[NO_INIT if awaited == INIT else NO_TEMPLATE] += len(self.ready(domain, awaited))

    def _forget(self, key: Key) -> None:
        domain = self._domains.pop(key)
        self._give_up(domain)
        self._templates -= len(domain.templates)
        domain.templates.clear()
        self._forgotten_losses.update(domain.lost())
        self._forgotten_notes.update(domain.noted())
        self._forgotten_notes["exporters or domains dropped: too many"] += 1


def address_text(number: int) -> str:
    """The text of an IPv4 address; IPv6 addresses stand in the caller's table, so only their place is known here."""
    return str(IPv4Address(number)) if number < FIRST_IPV6 else f"ipv6#{number - FIRST_IPV6}"

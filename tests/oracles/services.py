"""Which service an activity reached (docs/rule.md, "Which service"), one plain loop an activity."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.oracles.facts import Answer, Ends, Met, Said, belongs, spoken
from tests.oracles.flow import SECOND_US

MINUTE_US = 60 * SECOND_US
SOLE = {"services.exe": "svcctl", "dns.exe": "DnsServer", "dfsrs.exe": "FrsTransport", "wininit.exe": "WindowsShutdown"}


@dataclass(frozen=True)
class Catalog:
    """What is known beforehand: names and programs of interfaces, names and weights of operations, what names in logs mean."""

    names: Mapping[str, str] = field(default_factory=dict[str, str])
    programs: Mapping[str, str] = field(default_factory=dict[str, str])
    operations: Mapping[tuple[str, int], str] = field(default_factory=dict[tuple[str, int], str])
    weights: Mapping[tuple[str, int], float] = field(default_factory=dict[tuple[str, int], float])
    logged: Mapping[tuple[str, str], tuple[str, int]] = field(default_factory=dict[tuple[str, str], tuple[str, int]])


@dataclass(frozen=True)
class Uttered(Said):
    """A call or a bind with all that attribution looks at."""

    opnum: int | None = None
    interface_name: str | None = None
    operation: str | None = None
    image_path: str | None = None
    result: str | None = None


@dataclass(frozen=True)
class Pointed(Answer):
    """An answer with the interface it is about."""

    interface: str | None = None


@dataclass(frozen=True)
class Heard:
    """A connection in a host's own log."""

    ends: Ends
    time_us: int
    image_path: str | None
    is_outbound: bool = False
    transport_protocol: str = "tcp"


class Served(NamedTuple):
    """The verdict."""

    service: str | None
    operation: str | None
    tier: str | None
    confidence: float | None


class Seen(NamedTuple):
    """A piece of evidence of what listens on a server's port."""

    server: str
    port: int
    time_us: int
    service: str
    program: str | None
    is_housed: bool
    is_interface: bool
    confidence: float
    client: str | None


UNKNOWN = Served(None, None, None, None)


def services(
    activities: Sequence[Met],
    uttered: Sequence[Uttered],
    answers: Sequence[Pointed],
    heard: Sequence[Heard],
    catalog: Catalog,
) -> list[Served]:
    """One verdict an activity, in the given order."""
    running = _running(uttered, heard)
    evidence = _evidence(uttered, answers, running, catalog)
    return [
        _decoded(met, activities, uttered, catalog) or _process(met, running) or _learned(met, evidence) or UNKNOWN
        for met in activities
    ]


def _program(image_path: str | None) -> str | None:
    return (image_path or "").lower().replace("\\", "/").rpartition("/")[2] or None


def _numbered(each: Uttered, catalog: Catalog) -> tuple[str | None, int | None]:
    """UUID and opnum, where records or names of one meaning tell them."""
    meant = catalog.logged.get(((each.interface_name or "").lower(), (each.operation or "").lower()))
    uuid = each.interface if each.interface is not None or meant is None else meant[0]
    return uuid, each.opnum if each.opnum is not None or meant is None else meant[1]


def _service(uuid: str | None, each: Uttered | None, catalog: Catalog) -> str | None:
    names = (
        catalog.names.get(uuid or ""),
        each.interface_name if each else None,
        catalog.programs.get(uuid or ""),
        _program(each.image_path) if each else None,
        uuid,
    )
    return next((name for name in names if name is not None), None)


def _decoded(met: Met, activities: Sequence[Met], uttered: Sequence[Uttered], catalog: Catalog) -> Served | None:
    own = [each for each in uttered if belongs(each, met, activities)]
    main = spoken(met, activities, uttered)["interface"]
    calls: Counter[tuple[str, str | None]] = Counter()
    weights: dict[tuple[str, str | None], float] = {}
    mains: set[str] = set()
    for file in {(each.source, each.flow_id if each.calls else None) for each in own}:
        here: Counter[tuple[str, str | None]] = Counter()
        for each in own:
            uuid, opnum = _numbered(each, catalog)
            service = _service(uuid, each, catalog)
            if service is None or (each.source, each.flow_id if each.calls else None) != file:
                continue
            key = service, catalog.operations.get((uuid or "", -1 if opnum is None else opnum), each.operation)
            here[key] += each.calls
            if (weight := catalog.weights.get((uuid or "", -1 if opnum is None else opnum))) is not None:
                weights[key] = max(weight, weights.get(key, 0))
            if each.interface is not None and each.interface == main:
                mains.add(service)
        for key, count in here.items():
            calls[key] = max(calls[key], count)
    if not calls:
        return None
    total = {service: sum(count for key, count in calls.items() if key[0] == service) for service, _ in calls}
    if weights:
        best = min(weights, key=lambda key: (-weights[key], key[1] is None, key[1] or "", key[0]))
    else:
        service = min(total, key=lambda name: (name not in mains, -total[name], name))
        operations = [key for key in calls if key[0] == service]
        best = min(operations, key=lambda key: (key[1] is None, -calls[key], key[1] or ""))
    return Served(*best, "decoded", 1.0 if total[best[0]] else 0.9)


def _running(uttered: Sequence[Uttered], heard: Sequence[Heard]) -> list[tuple[Ends, int, str]]:
    """Programs at servers' ends."""
    told = [
        *((each.ends, each.time_us, each.image_path) for each in heard if not each.is_outbound and _is_tcp(each)),
        *((each.ends, each.time_us, each.image_path) for each in uttered if not each.is_callback and _is_tcp(each)),
    ]
    return [(ends, time_us, program) for ends, time_us, image in told if (program := _program(image))]


def _is_tcp(each: Heard | Uttered) -> bool:
    return each.transport_protocol == "tcp"


def _of_program(program: str) -> tuple[str, float]:
    if program in SOLE:
        return SOLE[program], 0.9
    return program, 0.3 if program == "svchost.exe" else 0.6


def _process(met: Met, running: Sequence[tuple[Ends, int, str]]) -> Served | None:
    near = [
        (abs(time_us - met.start_us), time_us, program)
        for ends, time_us, program in running
        if ends == met.ends and abs(time_us - met.start_us) <= MINUTE_US
    ]
    if not near:
        return None
    service, confidence = _of_program(min(near)[2])
    return Served(service, None, "process", confidence)


def _evidence(
    uttered: Sequence[Uttered],
    answers: Sequence[Pointed],
    running: Sequence[tuple[Ends, int, str]],
    catalog: Catalog,
) -> list[Seen]:
    found: list[Seen] = []
    for each in answers:
        if each.port is None or each.interface is None:
            continue
        service, program = _service(each.interface, None, catalog), catalog.programs.get(each.interface)
        client = each.client if each.answer == "ept_map" else None
        for server in {each.server, each.address or each.server}:
            is_housed = program is not None
            found.append(Seen(server, each.port, each.time_us, service or "", program, is_housed, True, 1.0, client))
    for each in uttered:
        uuid, _ = _numbered(each, catalog)
        service, program = _service(uuid, each, catalog), catalog.programs.get(uuid or "")
        is_named = each.interface is not None or each.interface_name is not None
        if not _is_tcp(each) or each.is_callback or not is_named or service is None:
            continue
        if not each.calls and each.result not in {None, "accepted", "negotiated"}:
            continue
        _, _, server, port = each.ends
        house = _program(each.image_path) or program
        found.append(Seen(server, port, each.time_us, service, house, program is not None, True, 1.0, None))
    for ends, time_us, program in running:
        service, confidence = _of_program(program)
        found.append(Seen(ends[2], ends[3], time_us, service, program, False, False, confidence, None))
    return found


def _moves(server: str, evidence: Sequence[Seen]) -> set[int]:
    """When its ports moved: an interface is first seen on a port, and another port of it was seen before only."""
    own = [each for each in evidence if each.server == server and each.is_housed]
    moves: set[int] = set()
    for service, port in {(each.service, each.port) for each in own}:
        first_us = min(each.time_us for each in own if (each.service, each.port) == (service, port))
        others = {each.port for each in own if each.service == service and each.port != port}
        for other in others:
            if all(each.time_us < first_us for each in own if (each.service, each.port) == (service, other)):
                moves.add(first_us)
    return moves


def _learned(met: Met, evidence: Sequence[Seen]) -> Served | None:
    client, _, server, port = met.ends
    moves = _moves(server, evidence)

    def epoch(time_us: int) -> int:
        return sum(move <= time_us for move in moves)

    there = [each for each in evidence if (each.server, each.port) == (server, port)]
    told = [
        each for each in there if each.client == client and met.start_us - MINUTE_US <= each.time_us <= met.start_us
    ]
    if told:
        last_us = max(each.time_us for each in told)
        return Served(min(each.service for each in told if each.time_us == last_us), None, "learned", 0.9)
    there = [each for each in there if epoch(each.time_us) == epoch(met.start_us)]
    there = [each for each in there if each.program] or there
    if not there:
        return None
    before = [each for each in there if each.time_us <= met.start_us]
    confidence = 0.8 if before else 0.6
    programs = {each.program for each in there}
    interfaces = {each.service for each in there if each.is_interface}
    if (programs == {None} and len(interfaces) > 1) or len(programs) > 1:
        shown_us = max(each.time_us for each in before) if before else min(each.time_us for each in there)
        shown = [each for each in there if each.time_us == shown_us]
        return Served(
            min(each.service for each in shown), None, "learned", min(0.5, *(each.confidence for each in shown))
        )
    if len(interfaces) == 1:
        return Served(*interfaces, None, "learned", confidence)
    if interfaces:
        return Served(there[0].program, None, "learned", confidence)
    return Served(there[0].service, None, "learned", min(confidence, there[0].confidence))

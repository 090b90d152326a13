"""Calls of the lab's clients: named, attributed and told as techniques as tshark's dissection and the clients' own logs say."""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rpcsight import catalog
from rpcsight.analytics import all_analytics
from rpcsight.pipeline import Request, opened
from tests.test_recorded_packets import Ends
from tests.wire.test_captures import IN_PIPES, STRAIGHT, dissected

pytestmark = [pytest.mark.lab, pytest.mark.system, pytest.mark.xdist_group("lab")]

Rows = list[dict[str, Any]]
DC, C1, C2, C3, C4 = (f"10.77.0.{number}" for number in (10, 21, 22, 23, 24))
CLIENTS = {"c1": C1, "c2": C2, "c3": C3, "c4": C4, "lx": "10.77.0.30"}
MAPPER_PORT, FIRST_DYNAMIC_PORT = 135, 49152
REQUEST, BIND, ALTER_CONTEXT = "0", "11", "14"
WITH_CONTEXT = {REQUEST, "2", "3"}
"""Kinds of PDU that name the context that they belong to: request, response, fault."""
SAMBA_SAYS = re.compile(r"^ +(\w+): struct \1\n +in: struct \1$", re.MULTILINE)
IMPACKET_SAYS = re.compile(r"^call ([0-9a-f-]{36}) (\d+)$", re.MULTILINE)
NO_RPC_OF_ITS_OWN = {"background-web", "background-winbind", "attempt-closed-port", "attempt-no-answer"}
"""Actions whose client logs no calls: of wbinfo, winbindd makes them."""

DCSYNC = "c3", "lateral-dcsync"
SAMR = "12345778-1234-abcd-ef00-0123456789ac"
LISTS_USERS_IN_SAMR = 0, 5, 7, 13
"""What secretsdump.py asks over a pipe of SMB that it encrypts; no other client does."""


class Call(NamedTuple):
    """A request as tshark dissects it."""

    ends: Ends
    interface: str
    opnum: int

    @property
    def operation(self) -> str:
        found = catalog.operation(self.interface, self.opnum)
        assert found, self
        return found.name

    @property
    def service(self) -> str:
        found = catalog.interface(self.interface)
        assert found, self
        return found.name


@cache
def told(capture: Path) -> dict[str, Rows]:
    """The rows of all analytics."""
    with opened(Request([str(capture)])) as session:
        return {each.header.id: session.run(each.header.id).to_pylist() for each in all_analytics()}


@cache
def tshark(capture: Path, carrier: str) -> tuple[list[Call], dict[Ends, str]]:
    """The requests, each with the interface that its context was bound to; and what each connection bound first."""
    calls: list[Call] = []
    first: dict[Ends, str] = {}
    bound: dict[tuple[str, str, str], str] = {}
    columns = "tcp.stream", "smb2.fid", "ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "dcerpc.pkt_type"
    columns += "dcerpc.cn_num_ctx_items", "dcerpc.cn_ctx_id", "dcerpc.cn_bind_to_uuid"
    for line in dissected(capture, *columns, "dcerpc.cn_flags.first_frag", "dcerpc.opnum", carrier=carrier):
        stream, file, src, src_port, dest, dest_port = line[:6]
        ends = src, int(src_port), dest, int(dest_port)
        kinds, counts, contexts, uuids, firsts, opnums = (part.split(",") if part else [] for part in line[6:])
        carrying = WITH_CONTEXT if len(opnums) > kinds.count(REQUEST) else {REQUEST}
        count, context, uuid, opnum = map(iter, (counts, contexts, uuids, opnums))
        for kind, is_first in zip(kinds, firsts, strict=True):
            if kind in {BIND, ALTER_CONTEXT}:
                for _ in range(int(next(count))):
                    interface = next(uuid).lower()
                    bound[stream, file, next(context)] = interface
                    first.setdefault(ends, interface)
            elif kind in WITH_CONTEXT:
                own = stream, file, next(context)
                number = next(opnum) if kind in carrying else ""
                if kind == REQUEST and is_first in {"1", "True"}:
                    calls.append(Call(ends, bound[own], int(number)))
    return calls, first


def ends_of(row: dict[str, Any]) -> Ends:
    return row["src_ip"], row["src_port"], row["dest_ip"], row["dest_port"]


# --- tshark


@pytest.mark.parametrize(("protocol", "carrier", "least"), [("tcp", STRAIGHT, 250), ("smb", IN_PIPES, 20)])
def test_every_call_is_named(protocol: str, carrier: str, least: int, lab: Path) -> None:
    rows = [row for row in told(lab / "lab.pcap")["rpc-calls"] if row["transport_protocol"] == protocol]
    theirs = tshark(lab / "lab.pcap", carrier)[0]
    assert len(theirs) > least
    names = Counter(
        (ends_of(row), row["interface"], row["opnum"], row["interface_name"], row["operation"]) for row in rows
    )
    assert names == Counter((*call, call.service, call.operation) for call in theirs)


def test_every_activity_has_the_service_of_its_calls(lab: Path) -> None:
    calls, first = tshark(lab / "lab.pcap", STRAIGHT)
    called: dict[Ends, set[Call]] = defaultdict(set)
    for call in calls:
        called[call.ends].add(call)
    there = {ends for ends in {*first, *called} if ends[3] >= FIRST_DYNAMIC_PORT}
    rows = {ends_of(row): row for row in told(lab / "lab.pcap")["rpc-activity"]}
    expected: dict[Ends, tuple[object, ...]] = {}
    for ends in there:
        services = {call.service for call in called[ends]} or {Call(ends, first[ends], 0).service}
        assert len(services) == 1, ends
        expected[ends] = (*services, *(("decoded", 1) if called[ends] else ("decoded", 0.9)))
    found = {ends: row for ends, row in rows.items() if row["tier"] == "decoded"}
    assert {ends: (row["service"], row["tier"], row["tier_confidence"]) for ends, row in found.items()} == expected
    for ends, row in found.items():
        assert row["operation"] in most_telling(called[ends]), row
    assert Counter(bool(called[ends]) for ends in there)[True] > 50


def most_telling(calls: set[Call]) -> set[str | None]:
    """The operations of the greatest weight among the catalogue's; any, where none stands there."""
    weights = {
        call: max((each.weight for each in catalog.techniques(call.interface, call.opnum)), default=0) for call in calls
    }
    return {call.operation for call in calls if weights[call] == max(weights.values())} or {None}


# --- the clients' own logs


def actions(lab: Path) -> dict[tuple[str, str], list[tuple[datetime, datetime]]]:
    """When each machine did what, by machine and label."""
    found: dict[tuple[str, str], list[tuple[datetime, datetime]]] = defaultdict(list)
    for row in csv.DictReader((lab / "actions.csv").read_text("utf-8").splitlines()):
        times = [datetime.fromtimestamp(float(row[name]), UTC).replace(tzinfo=None) for name in ("start", "end")]
        found[row["machine"], row["label"]].append((times[0], times[1]))
    return found


def logged(lab: Path, machine: str, label: str) -> Counter[tuple[str, int]]:
    """The calls that a client says that it made: interface and number of the operation."""
    text = (lab / f"action.{label}.{machine}.out").read_text("utf-8", "replace")
    numbers = samba_names()
    return Counter(numbers[name] for name in SAMBA_SAYS.findall(text)) + Counter(
        (uuid, int(opnum)) for uuid, opnum in IMPACKET_SAYS.findall(text)
    )


@cache
def samba_names() -> dict[str, tuple[str, int]]:
    """Interface and number of each operation by Samba's name for it."""
    return {
        each.names["samba"]: (uuid, each.opnum)
        for uuid in catalog.interfaces()
        for each in catalog.operations(uuid)
        if "samba" in each.names
    }


def test_clients_say_that_they_made_these_calls(lab: Path) -> None:
    found: dict[tuple[str, str], Counter[tuple[str, int]]] = {}
    is_encrypted: set[tuple[str, str]] = set()
    shown = told(lab / "lab.pcap")
    for (machine, label), times in actions(lab).items():
        found[machine, label] = Counter(
            (row["interface"], row["opnum"]) for row in within(times, CLIENTS[machine], shown["rpc-calls"], "call_time")
        )
        events = within(times, CLIENTS[machine], shown["smb-events"], "event_time")
        if any(row["action"] == "encrypted" for row in events):
            is_encrypted.add((machine, label))
    wanted = {doing: logged(lab, *doing) for doing in found if doing[1] not in NO_RPC_OF_ITS_OWN}
    assert is_encrypted == {DCSYNC}
    assert wanted[DCSYNC] - found[DCSYNC] == Counter({(SAMR, opnum): 1 for opnum in LISTS_USERS_IN_SAMR})
    assert {doing: found[doing] for doing in wanted} == wanted | {DCSYNC: found[DCSYNC]}
    assert found[DCSYNC] - wanted[DCSYNC] == Counter()
    assert sum(sum(calls.values()) for calls in wanted.values()) > 200


def within(times: list[tuple[datetime, datetime]], client: str, rows: Rows, time: str) -> Iterator[dict[str, Any]]:
    """The rows of connections that a client opened then, up to the end."""
    for row in rows:
        if row["src_ip"] == client and any(start <= row["flow_time"] and row[time] <= end for start, end in times):
            yield row


# --- techniques


def test_calls_are_told_as_the_techniques_that_they_can_serve(lab: Path) -> None:
    expected = techniques_of(tshark(lab / "lab.pcap", STRAIGHT)[0] + tshark(lab / "lab.pcap", IN_PIPES)[0])
    found: Counter[tuple[str, ...]] = Counter()
    for row in told(lab / "lab.pcap")["rpc-techniques"]:
        found[row["src_ip"], row["dest_ip"], row["technique"], row["service"], row["operation"]] += row["events"]
    assert found == expected
    asked = {(row["src_ip"], row["technique"]) for row in told(lab / "lab.pcap")["discovery-burst"]}
    assert asked <= {(client, technique) for client, _, technique, *_ in expected}
    assert {client for client, _ in asked} <= set(CLIENTS.values())


def techniques_of(calls: list[Call]) -> Counter[tuple[str, ...]]:
    """Client, server, technique, service and operation of the calls that the catalogue lists, and how often."""
    return Counter(
        (call.ends[0], call.ends[2], each.technique, call.service, call.operation)
        for call in calls
        for each in catalog.techniques(call.interface, call.opnum)
    )


def test_attacks_are_what_the_clients_did_and_nothing_else(lab: Path) -> None:
    """The chains: c4 asked c2 what it is, c2 went on to every workstation; c1 called c3, and c2 and c3 hopped on."""
    shown = told(lab / "lab.pcap")
    attacks = [each.header.id for each in all_analytics() if each.header.kind == "attack"]
    found = {
        (name, row["src_ip"], row["dest_ip"], row["technique"], row["operation"])
        for name in attacks
        for row in shown[name]
        if name != "rpc-chain"
    }
    assert found == {
        ("dcsync", C3, DC, "T1003.006", "DRSGetNCChanges"),
        ("remote-registry", C1, DC, "T1112", "BaseRegCreateKey"),
        ("service-pipe", C1, DC, "T1543.003", "CreateServiceW"),
        ("service-pipe", C1, DC, "T1569.002", "CreateServiceW"),
        ("service-pipe", C1, DC, "T1569.002", "StartServiceW"),
    }
    assert sorted(tuple(row["target"].split(" > ")) for row in shown["rpc-chain"]) == [
        (C2, C3, C4),
        (C4, C2, C1),
        (C4, C2, C1, C3),
        (C4, C2, C3),
    ]
    assert {name for name in shown if name.startswith("CAR-") and shown[name]} == {"CAR-2014-05-001"}

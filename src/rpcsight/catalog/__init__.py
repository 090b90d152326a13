"""The catalogue: what RPC interfaces and operations are called, who answers them where, and which ATT&CK techniques they can serve.

Facts, in three lists, each with where it comes from: `interfaces.csv`, `operations.csv` (UUID and opnum are the key: names differ from
tool to tool) and `techniques.csv`, whose weight (0 to 1) says how strongly the operation alone speaks for the technique against
everyday administration. A column `names` is `tool=NAME; tool=NAME`; a tool alone uses the row's own name (`zeek-old`: what Zeek
wrote before; `mingw`: the headers of mingw-w64; MS-SCMR and the like: the protocol document). Nothing is read before it is asked for.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = [
    "Interface",
    "Operation",
    "Technique",
    "by_name",
    "interface",
    "interfaces",
    "operation",
    "operations",
    "operations_by_name",
    "search",
    "techniques",
]

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
UNNAMED = re.compile(r"unknown-(?P<uuid>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$|unknown-(?P<opnum>\d{1,5})$")
"""What Zeek writes for what it has no name for."""
PIPE = re.compile(r"^[/\\]*(pipe[/\\]+)?", re.IGNORECASE)
"""What may stand before a pipe's name."""


@dataclass(frozen=True, slots=True)
class Technique:
    """What an operation can serve: an ATT&CK technique, how strongly it alone speaks for that (0 to 1), and why.

    `interface` is the UUID, `source` who says so.
    """

    technique: str
    interface: str
    opnum: int
    weight: float
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: UUID of its interface, number, name, and what each tool calls it."""

    interface: str
    opnum: int
    name: str
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface.

    Args:
        uuid: lower case.
        versions: major.minor.
        name: its protocol document's name; empty where none is known.
        names: what each tool calls it.
        documents: the protocol documents' short names.
        title: their titles.
        binary: the file that holds its code.
        process: the program that answers.
        service: the Windows service it belongs to.
        transports: of tcp, np (named pipes over SMB) and http, those it is offered on; empty where not known.
        pipes: its named pipes.
        ports: its well-known ports; other TCP ports are dynamic.
        source: who says so.
    """

    uuid: str
    versions: tuple[str, ...]
    name: str
    names: Mapping[str, str]
    documents: tuple[str, ...]
    title: str
    binary: str
    process: str
    service: str
    transports: tuple[str, ...]
    pipes: tuple[str, ...]
    ports: tuple[int, ...]
    source: str


def interfaces() -> Mapping[str, Interface]:
    """Every interface, by UUID."""
    return _interfaces()


def interface(uuid: str) -> Interface | None:
    """The interface of that UUID (upper or lower case), if it is known."""
    return _interfaces().get(uuid.lower())


def operations(uuid: str) -> tuple[Operation, ...]:
    """The known operations of an interface, by number."""
    return tuple(_operation(uuid.lower(), opnum, *told) for opnum, told in _listed().get(uuid.lower(), {}).items())


def operation(uuid: str, opnum: int) -> Operation | None:
    """The operation of that number, if it is known."""
    told = _listed().get(uuid.lower(), {}).get(opnum)
    return _operation(uuid.lower(), opnum, *told) if told else None


def by_name(text: str) -> tuple[Interface, ...]:
    """Every interface that a tool or its document calls so; upper or lower case."""
    unnamed = UNNAMED.match(text.lower())
    if unnamed and unnamed["uuid"]:
        found = interface(unnamed["uuid"])
        return (found,) if found else ()
    return tuple(_interfaces()[uuid] for uuid in _named().get(text.lower(), ()))


def operations_by_name(interface_name: str, name: str) -> tuple[Operation, ...]:
    """Every operation that a log can mean that has names only, as Zeek's: names of the interface and of the operation in it."""
    unnamed = UNNAMED.match(name.lower())
    if unnamed and unnamed["opnum"]:
        numbered = (operation(each.uuid, int(unnamed["opnum"])) for each in by_name(interface_name))
        return tuple(each for each in numbered if each)
    return tuple(
        each for found in by_name(interface_name) for each in operations(found.uuid) if name.lower() in _called(each)
    )


def techniques(uuid: str | None = None, opnum: int | None = None) -> tuple[Technique, ...]:
    """What an operation can serve, strongest first; without opnum, all operations of the interface; without any, all there are."""
    return tuple(each for each in _techniques() if uuid in {None, each.interface} and opnum in {None, each.opnum})


def search(text: str) -> tuple[tuple[Interface, ...], tuple[Operation, ...]]:
    """What somebody may mean: a UUID, name, pipe, port, document, program or service, operation or technique.

    Returns:
        Interfaces and operations that are exactly so; where there are none, those in whose names the text occurs.
    """
    wanted = PIPE.sub("", text.strip()).lower()
    if not wanted:
        return (), ()
    if UUID.fullmatch(wanted):
        found = interface(wanted)
        return (found,) if found else (), ()
    served = {(each.interface, each.opnum) for each in _techniques() if each.technique.lower() == wanted}
    exact = tuple(each for each in _interfaces().values() if wanted in _words(each))
    same = tuple(
        each for each in _all_operations() if wanted in _called(each) or (each.interface, each.opnum) in served
    )
    if exact or same:
        return exact, same
    near = tuple(
        each for each in _interfaces().values() if any(wanted in word for word in (*_words(each), each.title.lower()))
    )
    return near, tuple(each for each in _all_operations() if any(wanted in word for word in _called(each)))


def _words(each: Interface) -> set[str]:
    """What it is found by, lower case."""
    texts = (each.name, *each.names.values(), *each.documents, *each.pipes, each.binary, each.process, each.service)
    return {text.lower() for text in (*texts, *map(str, each.ports)) if text}


def _called(each: Operation) -> set[str]:
    return {name.lower() for name in (each.name, *each.names.values())}


def _all_operations() -> Iterator[Operation]:
    for uuid in _listed():
        yield from operations(uuid)


@cache
def _interfaces() -> dict[str, Interface]:
    found = {}
    for row in _rows("interfaces"):
        uuid, versions, name, names, documents, title, binary, process, service, transports, pipes, ports, source = row
        found[uuid] = Interface(
            uuid,
            tuple(versions.split()),
            name,
            _names(names, name),
            tuple(documents.split()),
            title,
            binary,
            process,
            service,
            tuple(transports.split()),
            tuple(pipes.split()),
            tuple(map(int, ports.split())),
            source,
        )
    return found


@cache
def _listed() -> dict[str, dict[int, tuple[str, str]]]:
    """Of each interface, each operation's name and names, by number: as listed, since most are never asked for."""
    found: dict[str, dict[int, tuple[str, str]]] = {}
    for uuid, opnum, name, names in _rows("operations"):
        found.setdefault(uuid, {})[int(opnum)] = name, names
    return found


@cache
def _techniques() -> tuple[Technique, ...]:
    found = [
        Technique(technique, uuid, int(opnum), float(weight), reason, source)
        for technique, uuid, opnum, weight, reason, source in _rows("techniques")
    ]
    return tuple(sorted(found, key=lambda each: (-each.weight, each.technique, each.interface, each.opnum)))


@cache
def _named() -> dict[str, tuple[str, ...]]:
    """UUIDs by the names of their interfaces, lower case."""
    found: dict[str, tuple[str, ...]] = {}
    for each in _interfaces().values():
        for name in {text.lower() for text in (each.name, *each.names.values()) if text}:
            found[name] = (*found.get(name, ()), each.uuid)
    return found


def _operation(uuid: str, opnum: int, name: str, names: str) -> Operation:
    return Operation(uuid, opnum, name, _names(names, name))


def _names(text: str, own: str) -> dict[str, str]:
    """`zeek; wireshark=SVCCTL` as a name for each tool."""
    parts = (part.partition("=") for part in text.split("; ") if part)
    return {tool: name or own for tool, _, name in parts}


def _rows(name: str) -> Iterator[list[str]]:
    """The rows of a list, without its header."""
    rows = csv.reader((files(__name__) / f"{name}.csv").read_text("utf-8").splitlines())
    next(rows)
    yield from rows

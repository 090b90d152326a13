"""PDUs, towers and bindings built byte by byte, to the layouts of C706 12.6 and [MS-RPCE] 2.2.2."""

import struct
from uuid import UUID

MAPPER = "e1af8308-5d1f-11c9-91a4-08002b14a0fa"
SVCCTL = "367abb81-9844-35f1-ad32-98f038001003"
SAMR = "12345778-1234-abcd-ef00-0123456789ac"
ACTIVATOR = "000001a0-0000-0000-c000-000000000046"
NDR = ("8a885d04-1ceb-11c9-9fe8-08002b104860", 2)
NDR64 = ("71710533-beba-4937-8319-b5dbef9ccc36", 1)
FEATURES = ("6cb71c2c-9812-4540-0300-000000000000", 1)
FIRST, LAST, OBJECT = 1, 2, 0x80


def uuid_bytes(text: str, order: str = "<") -> bytes:
    return UUID(text).bytes_le if order == "<" else UUID(text).bytes


def pdu(
    kind: int,
    body: bytes,
    call_id: int = 1,
    flags: int = FIRST | LAST,
    order: str = "<",
    auth: tuple[int, int, bytes] | None = None,
) -> bytes:
    """A PDU; ``auth``: type, level and value of its verifier, before which the body is padded to 16 bytes."""
    trailer = b""
    if auth is not None:
        pad = -len(body) % 16
        body += bytes(pad)
        trailer = bytes([auth[0], auth[1], pad, 0]) + bytes(4) + auth[2]
    drep = bytes([0x10 if order == "<" else 0, 0, 0, 0])
    size = 16 + len(body) + len(trailer)
    head = bytes([5, 0, kind, flags]) + drep
    return head + struct.pack(order + "HHI", size, len(auth[2]) if auth else 0, call_id) + body + trailer


def bind(contexts: list[tuple[int, str, str, list[tuple[str, int]]]], kind: int = 11, **more: object) -> bytes:
    """A bind: (number, interface, version, transfer syntaxes) of each context."""
    order = str(more.get("order", "<"))
    body = struct.pack(order + "HHIBxxx", 5840, 5840, 0, len(contexts))
    for number, interface, version, transfers in contexts:
        major, minor = map(int, version.split("."))
        body += struct.pack(order + "HBx", number, len(transfers))
        body += uuid_bytes(interface, order) + struct.pack(order + "I", minor << 16 | major)
        for syntax, number_of in transfers:
            body += uuid_bytes(syntax, order) + struct.pack(order + "I", number_of)
    return pdu(kind, body, **more)  # type: ignore[arg-type]


def bind_ack(
    results: list[tuple[int, tuple[str, int]]], kind: int = 12, port: bytes = b"135\0", **more: object
) -> bytes:
    """A bind_ack: (result, transfer syntax) of each context."""
    order = str(more.get("order", "<"))
    body = struct.pack(order + "HHIH", 5840, 5840, 1, len(port)) + port
    body += bytes(-len(body) % 4) + struct.pack(order + "Bxxx", len(results))
    for result, (syntax, version) in results:
        body += struct.pack(order + "HH", result, 0) + uuid_bytes(syntax, order) + struct.pack(order + "I", version)
    return pdu(kind, body, **more)  # type: ignore[arg-type]


def request(opnum: int, stub: bytes = b"", context: int = 0, target: bytes = b"", **more: object) -> bytes:
    """A request; ``target``: its object's UUID."""
    order = str(more.get("order", "<"))
    if target:
        more["flags"] = int(more.get("flags", FIRST | LAST)) | OBJECT  # type: ignore[call-overload]
    body = struct.pack(order + "IHH", len(stub), context, opnum) + target + stub
    return pdu(0, body, **more)  # type: ignore[arg-type]


def response(stub: bytes = b"", context: int = 0, **more: object) -> bytes:
    order = str(more.get("order", "<"))
    return pdu(2, struct.pack(order + "IHBx", len(stub), context, 0) + stub, **more)  # type: ignore[arg-type]


def fault(status: int, context: int = 0, **more: object) -> bytes:
    order = str(more.get("order", "<"))
    return pdu(3, struct.pack(order + "IHBxII", 0, context, 0, status, 0), **more)  # type: ignore[arg-type]


def floor(left: bytes, right: bytes) -> bytes:
    return struct.pack("<H", len(left)) + left + struct.pack("<H", len(right)) + right


def tower(interface: str, version: str, *last: bytes) -> bytes:
    """A tower of an interface over NDR and connection-oriented RPC, with the floors given below."""
    major, minor = map(int, version.split("."))
    floors = [
        floor(b"\x0d" + uuid_bytes(interface) + struct.pack("<H", major), struct.pack("<H", minor)),
        floor(b"\x0d" + uuid_bytes(NDR[0]) + struct.pack("<H", 2), bytes(2)),
        floor(b"\x0b", bytes(2)),
        *last,
    ]
    return struct.pack("<H", len(floors)) + b"".join(floors)


def tcp_tower(interface: str, version: str, port: int, address: str = "0.0.0.0") -> bytes:  # noqa: S104
    packed = bytes(map(int, address.split(".")))
    return tower(interface, version, floor(b"\x07", struct.pack(">H", port)), floor(b"\x09", packed))


def pipe_tower(interface: str, version: str, pipe: str, host: str) -> bytes:
    names = pipe.encode() + b"\0", host.encode() + b"\0"
    return tower(interface, version, floor(b"\x0f", names[0]), floor(b"\x11", names[1]))


class Ndr:
    """Writes NDR or NDR64 values, each at its alignment."""

    def __init__(self, order: str = "<", wide: int = 4) -> None:
        self.data, self.order, self.wide = b"", order, wide

    def put(self, raw: bytes, alignment: int = 1) -> None:
        self.data += bytes(-len(self.data) % alignment) + raw

    def long(self, value: int) -> None:
        self.put(struct.pack(self.order + "I", value), 4)

    def size(self, value: int) -> None:
        self.put(struct.pack(self.order + ("Q" if self.wide == 8 else "I"), value), self.wide)


def mapper_answer(towers: list[bytes], order: str = "<", wide: int = 4, annotation: bytes | None = None) -> bytes:
    """The stub of an answer to ept_map, or with an annotation for its entries to ept_lookup."""
    ndr = Ndr(order, wide)
    ndr.put(bytes(20))
    ndr.long(len(towers))
    for count in (500, 0, len(towers)):
        ndr.size(count)
    for number in range(len(towers)):
        if annotation is not None:
            ndr.put(bytes(16), wide)
        ndr.size(number + 3)
        if annotation is not None:
            ndr.size(0)
            ndr.size(len(annotation))
            ndr.put(annotation)
    for octets in towers:
        ndr.size(len(octets))
        ndr.long(len(octets))
        ndr.put(octets)
    ndr.long(0)
    return ndr.data


def dual_string_array(bindings: list[tuple[int, str]], order: str = "<") -> bytes:
    """A DUALSTRINGARRAY as NDR lays it out: (protocol, address) of each string binding, and one security binding."""
    units = [unit for protocol, text in bindings for unit in (protocol, *map(ord, text), 0)] + [0]
    security = len(units)
    units += [10, 0xFFFF, 0, 0]
    head = struct.pack(order + "IHH", len(units), len(units), security)
    return head + struct.pack(f"{order}{len(units)}H", *units)

"""Answers of DCOM's activation and OXID resolution: where an object's server listens. [MS-DCOM] 2.2.19, 2.2.22, 3.1.2.5."""

import re
import struct

from rpcsight.wire import Mapping

__all__ = ["ANSWERS", "read_answer"]

ANSWERS: dict[str, dict[int, str]] = {
    "000001a0-0000-0000-c000-000000000046": {3: "activation", 4: "activation"},
    "4d9f4ab8-7d1c-11cf-861e-0020af6e7c57": {0: "activation"},
    "99fcfec4-5260-101b-bbcb-00aa0021347a": {0: "resolve_oxid", 4: "resolve_oxid"},
}
"""By interface and opnum, the calls whose answers name bindings: ISystemActivator RemoteGetClassObject and RemoteCreateInstance,
IActivation RemoteActivation, IObjectExporter ResolveOxid and ResolveOxid2."""

MAX_ARRAYS = 64
"""Places of a stub that are tried as a binding array: a genuine answer has one, plus one per interface in its OBJREFs."""
MAX_ENTRIES = 4096
"""16-bit units of an array that are read: bindings of a host with dozens of addresses take about a thousand."""

_ARRAY_HEAD_BYTES = 8
_ARRAY = {
    True: re.compile(rb"(?=(?P<n>..)\0\0((?P=n)..)\x07\0)", re.DOTALL),
    False: re.compile(rb"(?=\0\0(?P<n>..)((?P=n)..)\0\x07)", re.DOTALL),
}
"""The head of an array and the protocol of its first binding, by whether integers are little-endian; they may overlap."""
_ADDRESS = re.compile(r"(.{1,255})\[(\d{1,5})\]", re.DOTALL)
_TCP = "\x07"
_LAST_PORT = 65535


def read_answer(stub: bytes, answer: str, time_us: int, is_little: bool = True) -> list[Mapping]:
    """The TCP bindings with a port in the stub of an activation's or an OXID resolution's answer.

    The stub is searched for a DUALSTRINGARRAY as NDR lays it out (maximum count, the same number again as wNumEntries,
    wSecurityOffset within it, then a string binding of ncacn_ip_tcp), instead of following the activation's nested properties:
    the resolver's own bindings, which stand there too, name no port and are passed over.

    Args:
        stub: the answer's stub data, all fragments, without padding.
        answer: the name for the mappings, see ANSWERS.
        time_us: for the mappings.
        is_little: byte order of the stub.
    """
    head = struct.Struct("<HH" if is_little else ">HH")
    mappings: dict[Mapping, None] = {}
    tries = 0
    for found in _ARRAY[is_little].finditer(stub):
        entries, security = head.unpack(found[2])
        at = found.start() + _ARRAY_HEAD_BYTES
        if 0 < security <= entries and at + 2 * entries <= len(stub):
            tries += 1
            raw = stub[at : at + 2 * min(security, MAX_ENTRIES)]
            text = raw.decode("utf-16-le" if is_little else "utf-16-be", "replace")
            mappings.update(dict.fromkeys(_bindings(text, answer, time_us)))
            if tries == MAX_ARRAYS:
                break
    return list(mappings)


def _bindings(text: str, answer: str, time_us: int) -> list[Mapping]:
    """The mappings of string bindings: each a protocol's number and `host[port]`, ended by zero; an empty one ends them."""
    mappings: list[Mapping] = []
    for entry in text.split("\0"):
        if not entry:
            break
        found = _ADDRESS.fullmatch(entry, 1)
        if entry[0] == _TCP and found and 0 < int(found[2]) <= _LAST_PORT:
            mappings.append(Mapping(time_us, None, None, found[1], int(found[2]), "", answer))
    return mappings

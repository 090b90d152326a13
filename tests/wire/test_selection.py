"""Packets of interest, told from whole columns."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rpcsight.wire.rpc import pdu
from rpcsight.wire.selection import RPC, SMB, EndTable, beginnings, ends
from tests.wire import pdus, slow_capture
from tests.wire.slow_capture import Packet


def packet(payload: bytes, src_port: int = 50_000, dest_port: int = 50_001, flags: int = 16) -> Packet:
    return Packet(0, b"\n\0\0\1", b"\n\0\0\2", src_port, dest_port, 0, 0, flags, payload, len(payload))


def seen(packets: list[Packet]) -> list[tuple[int, str, bool]]:
    capture = slow_capture.columns(packets)
    found = beginnings(np.frombuffer(capture.block, np.uint8), capture.packets)
    columns = (found.row.tolist(), found.is_smb.tolist(), found.is_from_client.tolist())
    return [(row, SMB if is_smb else RPC, asks) for row, is_smb, asks in zip(*columns, strict=True)]


def smb(mark: bytes, place: int, flag: int) -> bytes:
    message = bytearray(b"\0\0\0\x40" + mark + b"SMB" + bytes(56))
    message[place] = flag
    return bytes(message)


def test_beginnings() -> None:
    packets = [
        packet(b""),
        packet(pdus.request(1)),
        packet(pdus.response()),
        packet(b"GET / HTTP/1.1\r\n\r\n"),
        packet(b"x", dest_port=135),
        packet(b"x", src_port=135),
        packet(smb(b"\xff", 13, 0)),
        packet(smb(b"\xff", 13, 0x80)),
        packet(smb(b"\xfe", 20, 0)),
        packet(smb(b"\xfe", 20, 1)),
        packet(smb(b"\xfd", 20, 1), dest_port=445),
        packet(smb(b"\xfd", 20, 1), src_port=445),
        packet(smb(b"\xfb", 20, 1)),
        packet(pdus.request(1)[:7]),
    ]
    client, server = True, False
    assert seen(packets) == [
        (1, RPC, client),
        (2, RPC, server),
        (4, RPC, client),
        (5, RPC, server),
        (6, SMB, client),
        (7, SMB, server),
        (8, SMB, client),
        (9, SMB, server),
        (10, SMB, client),
        (11, SMB, server),
    ]


def test_an_empty_block() -> None:
    assert seen([]) == []


@given(st.binary(min_size=11, max_size=11))
def test_like_the_reader_of_headers(noise: bytes) -> None:
    for data in (b"\5" + noise[:10] + bytes(5), b"\5\0" + noise[:1] + b"\3\x10" + noise[1:] + b"\0"):
        if pdu.looks_like_pdu(data.ljust(16, b"\0")):
            assert [row for row, _, _ in seen([packet(data.ljust(16, b"\0"))])] == [0]


def test_the_table_lets_both_directions_of_marked_connections_through() -> None:
    packets = [packet(b"x", port, 445) for port in range(1000)]
    back = [packet(data, 445, 7)._replace(src=packets[0].dest, dest=packets[0].src) for data in (b"", b"x")]
    packets += back
    packets[7] = packet(b"", 7, 445, 2)
    capture = slow_capture.columns(packets)
    src, dest = ends(capture.packets)
    table = EndTable()
    table.mark(list(zip(src[7:9].tolist(), dest[7:9].tolist(), strict=True)))
    assert table.choose(capture.packets, src, dest).tolist() == [7, 8, 1001]
    assert table.marked == 2
    table.clear()
    assert table.choose(capture.packets, src, dest).tolist() == []

"""Connections followed over blocks: chosen, told apart, bounded; block size, order and repetition change nothing."""

import random
from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcsight.readers._shown import Conversations
from rpcsight.wire import Facts, Outlook, follow
from rpcsight.wire.follow import Follower
from rpcsight.wire.reassembly import ACK, FIN, RST, SYN
from tests.wire import pdus, slow_capture
from tests.wire.rpc.test_association import Piece, conversation
from tests.wire.slow_capture import Packet

CLIENT, SERVER = b"\n\0\0\1", b"\n\0\0\2"
Rows = dict[str, list[dict[str, object]]]


def follow_blocks(blocks: list[list[Packet]], follower: Follower | None = None) -> Rows:
    """The rows of all blocks together, each a dictionary."""
    names: dict[int, str] = {}
    follower = Follower(lambda number: names[number]) if follower is None else follower
    found: Rows = {}
    for packets in blocks:
        capture = slow_capture.columns(packets, names)
        follower._name = names.__getitem__
        follower.take(capture.block, capture.packets)
        collect(follower, found)
    follower.finish()
    collect(follower, found)
    return found


def collect(follower: Follower, found: Rows) -> None:
    for table, rows in follower.drain().items():
        columns = list(Conversations.tables[table])
        found.setdefault(table, []).extend(dict(zip(columns, row, strict=True)) for row in rows)


def connection(
    pieces: list[Piece],
    port: int = 50_000,
    dest_port: int = 49_700,
    start: int = 0,
    cut: int = 200,
    with_ends: bool = True,
) -> list[Packet]:
    """A whole connection that carries the pieces, a microsecond a packet."""
    sequence = [7, 2**32 - 50 + port % 40]
    packets: list[Packet] = []

    def send(up: bool, flags: int, payload: bytes = b"") -> None:
        ends = (CLIENT, SERVER, port, dest_port) if up else (SERVER, CLIENT, dest_port, port)
        seq, ack = sequence[up] % 2**32, sequence[not up] % 2**32 if flags & ACK else 0
        packets.append(Packet(start + len(packets), *ends, seq, ack, flags, payload, len(payload)))
        sequence[up] += len(payload) + bool(flags & (SYN | FIN))

    if with_ends:
        send(True, SYN)
        send(False, SYN | ACK)
    for up, data in pieces:
        for at in range(0, len(data), cut):
            send(up, ACK, data[at : at + cut])
    if with_ends:
        send(True, FIN | ACK)
        send(False, FIN | ACK)
    return packets


def untimed(rows: Rows) -> object:
    return {table: [{**row, "time_us": 0, "flow_us": 0} for row in found] for table, found in rows.items()}


def test_a_connection() -> None:
    rows = follow_blocks([connection(conversation(), start=1000)])
    assert [len(rows[table]) for table in ("rpc_bind", "rpc_call", "rpc_mapping", "smb_event")] == [3, 3, 2, 0]
    assert rows["rpc_call"][0] == {
        "time_us": 1006,
        "flow_us": 1000,
        "src_ip": "10.0.0.1",
        "src_port": 50_000,
        "dest_ip": "10.0.0.2",
        "dest_port": 49_700,
        "transport_protocol": "tcp",
        "pipe": "",
        "user_name": "",
        "is_callback": False,
        "context_id": 0,
        "interface": pdus.SVCCTL,
        "version": "2.0",
        "auth_type": 10,
        "auth_level": 6,
        "call_id": 2,
        "opnum": 24,
        "is_answered": True,
        "fault": 0x1C010002,
        "request_bytes": 37,
        "response_bytes": 0,
    }


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_block_size_changes_nothing(size: int) -> None:
    packets = connection(conversation()) + connection(conversation(), 50_001, start=100)
    whole = follow_blocks([packets])
    if size > 2:  # with fewer the SYN is further away than a block from what tells that it is of interest
        assert follow_blocks([packets[at : at + size] for at in range(0, len(packets), size)]) == whole
    blocks = [packets[at : at + size] for at in range(0, len(packets), size)]
    assert untimed(follow_blocks(blocks)) == untimed(whole)


@given(st.data())
def test_cutting_reordering_and_repeating_changes_nothing(data: st.DataObject) -> None:
    # In pieces of 8 bytes or more, by which it is recognised; in the wrong order only until the other side
    # speaks, as acknowledged bytes are not waited for.
    whole = untimed(follow_blocks([connection(conversation())]))
    packets = connection(conversation(), cut=data.draw(st.integers(8, 80)))
    shuffled: list[Packet] = packets[:2]
    run: list[Packet] = []
    for packet in [*packets[2:-2], packets[0]]:
        if run and (packet.src != run[0].src or not packet.payload):
            run += data.draw(st.lists(st.sampled_from(run), max_size=3))
            shuffled += data.draw(st.permutations(run))
            run = []
        run.append(packet)
    assert untimed(follow_blocks([shuffled + packets[-2:]])) == whole


def test_unrelated_packets_change_nothing() -> None:
    noise = random.Random(1)
    mixed = connection(conversation())
    for _ in range(2000):
        port, flags, payload = noise.randrange(65_536), noise.randrange(32), noise.randbytes(40)
        mixed.insert(noise.randrange(len(mixed)), Packet(5, CLIENT, SERVER, port, 443, 9, 9, flags, payload, 40))
    assert follow_blocks([mixed]) == follow_blocks([connection(conversation())])


def test_ports_used_again_are_another_connection() -> None:
    first, second = connection(conversation()), connection(conversation(), start=500)
    second = [
        packet._replace(seq=(packet.seq + 99_999) % 2**32, ack=(packet.ack + 99_999) % 2**32) for packet in second
    ]
    for cut in (0, 20, len(first), len(first) + 2):
        rows = follow_blocks([(first + second)[:cut], (first + second)[cut:]])
        assert [row["flow_us"] for row in rows["rpc_bind"]] == [0] * 3 + [500] * 3


def test_a_reset_that_its_receiver_ignores_ends_nothing() -> None:
    """RFC 9293 3.5.3: a RST counts where its number is due; others are how a connection is hidden from who watches it."""
    packets = connection(conversation())
    middle = len(packets) // 2
    reset = packets[middle]._replace(flags=RST, payload=b"", payload_bytes=0)
    whole = follow_blocks([packets])
    for distance, flags in product((-(2**30), -1000, 2, 100_000, 2**30), (RST, RST | ACK, RST | FIN)):
        forged = reset._replace(seq=(reset.seq + distance) % 2**32, flags=flags)
        assert follow_blocks([[*packets[:middle], forged, *packets[middle:]]]) == whole
    assert follow_blocks([[*packets[:middle], reset, *packets[middle:]]]) != whole


def test_the_end_of_an_earlier_connection_is_not_the_start() -> None:
    packets = connection(conversation(), start=500)
    earlier = packets[-1]._replace(time_us=100, seq=12345)
    rows = follow_blocks([[earlier, *packets]])
    assert {row["flow_us"] for row in rows["rpc_call"]} == {500}


def test_the_middle_of_a_connection() -> None:
    packets = connection(conversation(), with_ends=False)
    rows = follow_blocks([packets])
    assert {row["src_port"] for row in rows["rpc_call"]} == {50_000}
    rows = follow_blocks([packets[2:]])  # begins with what the server says
    assert {row["src_port"] for row in rows["rpc_call"]} == {50_000}
    assert [row["interface"] for row in rows["rpc_call"]] == [None] * 3


def test_port_135_is_followed_from_its_first_byte() -> None:
    follower = Follower(str)
    follow_blocks([connection([(True, b"GET / HTTP/1.1\r\n\r\n")], dest_port=135)], follower)
    assert follower.losses == {"RPC streams out of step: bytes that begin no PDU": 1}


def test_rpc_over_http_begins_behind_the_request() -> None:
    follower = Follower(str)
    preface = [(True, b"RPC_IN_DATA /rpc/rpcproxy.dll HTTP/1.1\r\n\r\n"), (True, pdus.pdu(20, bytes(8)))]
    rows = follow_blocks([connection(preface + conversation())], follower)
    assert len(rows["rpc_call"]) == 3
    assert follower.losses == {"RPC streams out of step: bytes that begin no PDU": 1}


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_ipv6_and_any_kind_of_block(kind: type) -> None:
    long = {CLIENT: bytes.fromhex("fe80" + "0" * 27 + "1"), SERVER: bytes.fromhex("20010db8" + "0" * 23 + "2")}
    packets = [packet._replace(src=long[packet.src], dest=long[packet.dest]) for packet in connection(conversation())]
    capture = slow_capture.columns(packets)
    follower = Follower(capture.names.__getitem__)
    follower.take(kind(capture.block), capture.packets)
    calls = follower.drain()["rpc_call"]
    assert {row[2:6] for row in calls} == {("fe80::1", 50_000, "2001:db8::2", 49_700)}


def test_too_many_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "MAX_CONNECTIONS", 20)
    packets = [packet for port in range(100) for packet in connection(conversation()[:4], 50_000 + port)[:-2]]
    follower = Follower(str)
    rows = follow_blocks([packets], follower)
    assert len(rows["rpc_call"]) == 100
    assert len(follower._live) == 0
    assert follower.losses["connections given up because there are too many"] >= 60


def test_too_much_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "MAX_HELD_BYTES", 10_000)
    packets: list[Packet] = []
    for port in range(100):
        whole = connection([(True, pdus.request(1, bytes(1000)))], 50_000 + port)
        packets += [*whole[:3], *whole[4:-2]]  # a hole
    follower = Follower(str)
    rows = follow_blocks([packets], follower)
    assert len(rows["rpc_call"]) == 100
    assert follower.losses["connections given up because they hold too much"] > 80


def test_an_end_that_speaks_to_itself_is_not_followed() -> None:
    ends = (SERVER, SERVER, 135, 135)
    asked = pdus.request(3)
    packets = [
        Packet(time_us, *ends, seq, 0, flags, data, len(data))
        for time_us, seq, flags, data in ((1, 1, SYN, b""), (2, 2, ACK, asked), (3, 5_000_000, SYN, b""))
    ]
    follower = Follower(str)
    rows = follow_blocks([packets], follower)
    assert not any(rows.values())
    assert set(follower.losses) == {"packets of RPC or SMB from an end to itself"}


class Spoken:
    """Stands for SMB's stream."""

    held_bytes = 0

    def __init__(self, facts: Facts, associate: Callable[[str, str], object]) -> None:
        self.facts, self.associate = facts, associate
        self.sides = (Outlook(), Outlook())

    def feed(self, _: int, is_to_server: bool, data: bytes) -> None:
        self.facts.losses[f"{is_to_server} {len(data)}"] += 1

    def gap(self, is_to_server: bool) -> None: ...

    def close(self) -> None: ...


def test_smb_is_given_to_its_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "_smb_connection", lambda facts: Spoken(facts, lambda *_: None))
    message = b"\0\0\0\x40\xfeSMB" + bytes(60)
    for is_smb_read, losses in ((True, {"True 68": 1}), (False, {})):
        follower = Follower(str, is_smb_read)
        follow_blocks([connection([(True, message)], dest_port=445)], follower)
        assert follower.losses == losses


def test_both_ends_the_same() -> None:
    packets = connection(conversation())
    looped = [each._replace(src=CLIENT, dest=CLIENT, src_port=7, dest_port=7) for each in packets]
    again = [each._replace(seq=(each.seq + 99) % 2**32) for each in looped]
    follower = Follower(str)
    follow_blocks([looped, again], follower)
    assert not follower._live

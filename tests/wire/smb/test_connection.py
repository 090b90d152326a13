"""SMB's framing: any cut, any noise, any gap."""

import itertools
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcsight.wire.smb.opens import REQUEST_BYTES
from tests.wire.smb.test_smb1 import exchange, opened, transact, transacted
from tests.wire.smb_messages import (
    CLOSED,
    SESSION_SET_UP,
    Part,
    Told,
    Wire,
    answer,
    chain,
    close,
    create,
    created,
    encrypted,
    frame,
    ioctl,
    ioctl_done,
    ntlm,
    read,
    rpc,
    session_setup,
    smb1,
    smb2,
    tree_connect,
    tree_connected,
    was_read,
    write,
    written,
)

BETWEEN = {"bytes between SMB messages that are none": 1}
OTHER = b"\x99" * 16
SESSION_REQUEST = frame(b"\x20" + b"CK" * 16 + b"\0" + b"\x20" + b"EL" * 16 + b"\0", 0x81)
SCRIPT = [
    (True, smb2(1, session_setup(ntlm("anna", "CORP")))),
    (False, answer(1, SESSION_SET_UP)),
    (True, smb2(3, tree_connect(r"\\dc\IPC$"), number=2, tree=0)),
    (False, answer(3, tree_connected(2), number=2)),
    (True, smb2(3, tree_connect(r"\\dc\C$"), number=3, tree=0)),
    (False, answer(3, tree_connected(1), number=3, tree=6)),
    (True, chain(smb2(5, create("svcctl"), number=4), smb2(5, create("a.dll"), number=5, tree=6))),
    (False, chain(answer(5, created(), number=4), answer(5, created(OTHER), number=5, tree=6))),
    (True, smb2(9, write(rpc(11)), number=6)),
    (True, smb2(9, write(bytes(3000), OTHER), number=7, tree=6)),
    (False, answer(9, written(3000), number=7, tree=6)),
    (True, smb2(8, read(), number=8)),
    (False, answer(8, was_read(rpc(12, b"x" * 700)), number=8)),
    (True, smb2(8, read(OTHER), number=9, tree=6)),
    (False, answer(8, was_read(rpc(12, b"\0\0\0\x44\xfeSMB" * 50)), number=9)),
    (True, smb2(11, ioctl(rpc(0, b"q" * 40)), number=10)),
    (False, answer(11, ioctl_done(rpc(2)), number=10)),
    (True, encrypted()),
    (True, smb2(6, close(), number=11)),
    (False, answer(6, CLOSED, number=11)),
]
ASKED = SESSION_REQUEST + b"".join(frame(message) for is_to_server, message in SCRIPT if is_to_server)


def play(script: list[tuple[bool, bytes]]) -> Told:
    """Feed a script at one moment, so that a cut changes no time."""
    wire = Wire()
    for is_to_server, data in script:
        wire.stream.feed(1, is_to_server, data)
    return wire.end()


WHOLE = play([(True, SESSION_REQUEST), *((is_to_server, frame(message)) for is_to_server, message in SCRIPT)])


def test_the_script_itself() -> None:
    assert [(event.action, event.share, event.name, event.size) for event in WHOLE.events] == [
        ("logon", "", "", 0),
        ("share", r"\\dc\IPC$", "", 0),
        ("share", r"\\dc\C$", "", 0),
        ("pipe", r"\\dc\IPC$", "svcctl", 0),
        ("encrypted", "", "", 0),
        ("write", r"\\dc\C$", "a.dll", 3000),
    ]
    assert [(pipe.pipe, pipe.sent) for pipe in WHOLE.pipes] == [
        ("svcctl", {True: rpc(11) + rpc(0, b"q" * 40), False: rpc(12, b"x" * 700) + rpc(2)})
    ]
    assert WHOLE.losses == {"encrypted SMB": 1}


@given(st.lists(st.one_of(st.integers(1, 9), st.integers(1, 5000)), min_size=1, max_size=20))
def test_a_cut_anywhere_changes_nothing(sizes: list[int]) -> None:
    pieces, size = [], itertools.cycle(sizes)
    for is_to_server, data in [(True, SESSION_REQUEST), *((side, frame(message)) for side, message in SCRIPT)]:
        at = 0
        while at < len(data):
            end = at + next(size)
            pieces.append((is_to_server, data[at:end]))
            at = end
    assert play(pieces) == WHOLE


def test_one_byte_at_a_time_and_all_at_once() -> None:
    assert play([(True, ASKED[at : at + 1]) for at in range(len(ASKED))]) == play([(True, ASKED)])


@given(st.binary(max_size=40), st.integers(1, 20))
def test_noise_between_messages_cut_anywhere(noise: bytes, size: int) -> None:
    stream = frame(SCRIPT[0][1]) + noise + frame(SCRIPT[2][1]) + noise[::-1] + frame(SCRIPT[4][1])
    cut = [(True, stream[at : at + size]) for at in range(0, len(stream), size)]
    assert play(cut) == play([(True, stream)])


def test_noise_is_skipped_and_counted() -> None:
    wire = Wire().raw(True, frame(SCRIPT[0][1]) + b"GET / HTTP/1.1\r\n\r\n" + frame(SCRIPT[2][1]))
    told = wire.answer(SCRIPT[1][1]).answer(SCRIPT[3][1]).end()
    assert ([event.action for event in told.events], told.losses) == (["logon", "share"], BETWEEN)


@pytest.mark.parametrize("probe", [b"\0", b"\0\0", b"\0\0\0\0", b"\0\0\0\3abc"])
def test_bytes_before_the_first_message(probe: bytes) -> None:
    """A TCP keep-alive may be the first byte that a capture has of a connection."""
    wire = Wire().raw(True, probe + frame(SCRIPT[0][1])).answer(SCRIPT[1][1])
    told = wire.end()
    assert ([event.action for event in told.events], told.losses) == (["logon"], BETWEEN)


def test_keep_alives_and_session_answers_are_passed_over() -> None:
    wire = Wire().raw(True, SESSION_REQUEST).raw(False, frame(b"", 0x82)).raw(True, frame(b"", 0x85))
    told = wire.ask(SCRIPT[0][1]).answer(SCRIPT[1][1]).end()
    assert ([event.action for event in told.events], told.losses) == (["logon"], {})


@pytest.mark.parametrize("cut", [0, 3, 20, 200])
def test_gap(cut: int) -> None:
    wire = Wire()
    for is_to_server, message in SCRIPT[:10]:
        wire.stream.feed(1, is_to_server, frame(message))
    lost = frame(smb2(9, write(rpc(0, b"y" * 300)), number=20))
    wire.stream.feed(1, True, lost[:cut])
    wire.stream.gap(True)
    wire.stream.feed(1, True, b"the end of something" + frame(SCRIPT[15][1]))
    told = wire.end()
    (pipe,) = told.pipes
    partial = lost[4 + 64 + 48 : cut]
    assert (pipe.sent[True], pipe.gaps) == (rpc(11) + partial + rpc(0, b"q" * 40), [True])
    assert told.losses == ({"SMB message cut short": 1} if cut else {})


def test_a_gap_is_told_to_a_pipe_with_what_follows() -> None:
    wire = Wire()
    for is_to_server, message in SCRIPT[:10]:
        wire.stream.feed(1, is_to_server, frame(message))
    for _ in range(1000):
        wire.stream.gap(True)
    assert wire.pipes[0].gaps == []
    wire.ask(smb2(9, write(rpc(3)), number=21)).ask(smb2(9, write(rpc(3)), number=22))
    assert wire.pipes[0].gaps == [True]


def test_what_is_held_is_known() -> None:
    """So that many connections together stay within bounds."""
    wire = (
        Wire()
        .ask(smb2(3, tree_connect(r"\\dc\IPC$"), number=2, tree=0))
        .answer(smb2(3, tree_connected(2), number=2, flags=1))
    )
    before = wire.stream.held_bytes
    for number in range(500):
        wire.ask(smb2(9, write(rpc(11), number.to_bytes(16, "little")), number=number + 3))
    for pipe in wire.pipes:
        pipe.held_bytes = 10_000
    assert wire.stream.held_bytes - before >= 500 * 10_000 + 500 * REQUEST_BYTES
    asked = wire.stream.held_bytes
    wire.raw(True, frame(b"\xfeSMB" + bytes(30_000))[:20_000])
    assert wire.stream.held_bytes == asked + 20_000
    old = Wire().ask(smb1(Part(0x75, bytes(8), b"\\\\dc\\IPC$\0")))
    assert old.stream.held_bytes >= REQUEST_BYTES


def test_messages_behind_long_data_in_a_chain_are_counted() -> None:
    wire = Wire()
    for is_to_server, message in SCRIPT[:8]:
        wire.stream.feed(1, is_to_server, frame(message))
    long = rpc(0, bytes(40_000)) + rpc(0, bytes(30_000))
    wire.ask(chain(smb2(9, write(long), number=6), smb2(6, close(), number=7)))
    told = wire.end()
    assert told.pipes[0].sent[True] == long
    assert told.losses == {"end of a long chain of SMB messages": 1}


def test_gap_between_frame_halves_finds_the_next() -> None:
    whole = frame(SCRIPT[0][1])
    for cut in range(1, 9):
        wire = Wire()
        wire.stream.gap(True)
        wire.raw(True, b"tail" + whole[:cut]).raw(True, whole[cut:]).answer(SCRIPT[1][1])
        assert [event.action for event in wire.end().events] == ["logon"]


def test_end_within_a_message_is_counted() -> None:
    assert Wire().raw(True, frame(SCRIPT[0][1])[:-30]).end().losses == {"SMB message cut short": 1}


def test_close_twice_writes_once() -> None:
    wire = Wire()
    for is_to_server, message in SCRIPT:
        wire.stream.feed(1, is_to_server, frame(message))
    wire.end()
    assert wire.end() == WHOLE


def test_smb1_and_smb2_on_one_connection() -> None:
    wire = exchange(opened(), transact(rpc()), transacted(rpc(2)), 9)
    wire.ask(SCRIPT[0][1]).answer(SCRIPT[1][1])
    assert [event.action for event in wire.end().events] == ["logon", "share", "pipe", "logon"]


def test_long_data_of_a_file_takes_no_memory() -> None:
    wire = Wire()
    for is_to_server, message in SCRIPT[:8]:
        wire.stream.feed(1, is_to_server, frame(message))
    size, block = 16_000_000, bytes(64_000)
    body = write(b"", OTHER)
    message = smb2(9, body[:4] + size.to_bytes(4, "little") + body[8:], number=30, tree=6)
    tracemalloc.start()
    wire.stream.feed(1, True, b"\0" + (len(message) + size).to_bytes(3) + message)
    for _ in range(size // len(block)):
        wire.stream.feed(1, True, block)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000
    assert wire.end().events[-1].size == size

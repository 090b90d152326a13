"""SMB 1, message by message."""

import struct

import pytest

from rpcsight.wire import FileEvent
from rpcsight.wire.smb.smb1 import MOST_REQUESTS
from tests.wire.smb_messages import DENIED, LOGON_GOES_ON, MORE_DATA, Part, Told, Wire, ntlm, padded, rpc, smb1, wide

SETUP, TREE, CREATE, OPEN, READ, WRITE, CLOSE, TRANSACT, SECONDARY = (
    0x73,
    0x75,
    0xA2,
    0x2D,
    0x2E,
    0x2F,
    0x04,
    0x25,
    0x26,
)
PIPE_SHARE, DISK_SHARE = r"\\DC\IPC$", r"\\DC\C$"
TID, UID, FID = 5, 100, 0xC00F
HEADER = 32


def setup_extended(blob: bytes) -> Part:
    return Part(SETUP, struct.pack("<HHHIHII", 0xFFFF, 50, 1, 0, len(blob), 0, 0x80000000), blob)


def setup_plain(domain: str, user: str, *, is_wide: bool) -> Part:
    words = struct.pack("<HHHIHHII", 0xFFFF, 50, 1, 0, 24, 24, 0, 0)
    if not is_wide:
        return Part(SETUP, words, bytes(48) + f"{user}\0{domain}\0Unix\0Samba\0".encode())
    start = HEADER + 1 + 4 + len(words) + 2 + 48
    return Part(SETUP, words, bytes(48) + padded(f"{user}\0{domain}\0Unix\0Samba", start))


def setup_old(domain: str, user: str) -> Part:
    words = struct.pack("<HHHIHI", 0xFFFF, 50, 1, 0, 4, 0)
    return Part(SETUP, words, b"pass" + f"{user}\0{domain}\0".encode())


SET_UP = Part(SETUP, struct.pack("<H", 0), b"Windows\0")


def tree_connect(path: str, start: int = HEADER) -> Part:
    words = struct.pack("<HH", 8, 1)
    return Part(TREE, words, b"\0" + padded(path, start + 1 + 4 + len(words) + 2 + 1) + b"?????\0")


def tree_connected(service: bytes) -> Part:
    return Part(TREE, struct.pack("<H", 1), service + b"\0" + b"NTFS\0")


def create(name: str) -> Part:
    words = struct.pack("<BHIIIQIIIIIB", 0, len(wide(name)), 0, 0, 3, 0, 0, 7, 1, 0, 2, 0)
    return Part(CREATE, words, padded(name, HEADER + 1 + 4 + len(words) + 2))


def created(fid: int = FID) -> Part:
    return Part(CREATE, struct.pack("<BHI", 0, fid, 1) + bytes(57), b"")


def open_x(name: str) -> Part:
    words = bytes(26)
    return Part(OPEN, words, padded(name, HEADER + 1 + 4 + len(words) + 2))


def write(data: bytes, fid: int = FID, mode: int = 0) -> Part:
    at = HEADER + 1 + 28 + 2
    return Part(WRITE, struct.pack("<HIIHHHHHI", fid, 0, 0, mode, 0, len(data) >> 16, len(data) & 0xFFFF, at, 0), data)


def read(fid: int = FID) -> Part:
    return Part(READ, struct.pack("<HIHHIH", fid, 0, 4096, 0, 0, 0))


def was_read(data: bytes, start: int = HEADER) -> Part:
    at = start + 1 + 24 + 2
    return Part(READ, struct.pack("<HHHHHH8x", 0, 0, 0, len(data) & 0xFFFF, at, len(data) >> 16), data)


def transact(data: bytes, fid: int = FID, total: int | None = None) -> Part:
    at = HEADER + 1 + 32 + 2
    words = struct.pack(
        "<HHHHBBHIHHHHHBBHH", 0, total or len(data), 0, 1024, 0, 0, 0, 0, 0, 0, at, len(data), at, 2, 0, 0x26, fid
    )
    return Part(TRANSACT, words, data, and_x=False)


def transact_more(data: bytes, done: int, total: int) -> Part:
    at = HEADER + 1 + 16 + 2
    return Part(SECONDARY, struct.pack("<HHHHHHHH", 0, total, 0, 0, 0, len(data), at, done), data, and_x=False)


def transacted(data: bytes, done: int = 0, total: int | None = None) -> Part:
    at = HEADER + 1 + 20 + 2
    words = struct.pack("<HHHHHHHHHBB", 0, total or len(data), 0, 0, 0, 0, len(data), at, done, 0, 0)
    return Part(TRANSACT, words, data, and_x=False)


def close(fid: int = FID) -> Part:
    return Part(CLOSE, struct.pack("<HI", fid, 0), and_x=False)


CLOSED = Part(CLOSE, b"", and_x=False)
NOTHING = b""


def exchange(wire: Wire, request: Part, reply: Part | None, number: int, status: int = 0) -> Wire:
    wire.ask(smb1(request, tree=TID, number=number))
    return wire.answer(smb1(reply, is_reply=True, status=status, tree=TID, number=number)) if reply else wire


def connected(path: str = PIPE_SHARE, service: bytes = b"IPC") -> Wire:
    """Clock 1 to 4."""
    wire = exchange(Wire(), setup_extended(ntlm("anna", "CORP")), SET_UP, 1)
    return exchange(wire, tree_connect(path), tree_connected(service), 2)


def opened(name: str = r"\svcctl", path: str = PIPE_SHARE, service: bytes = b"IPC") -> Wire:
    """Clock 5 to 6."""
    return exchange(connected(path, service), create(name), created(), 3)


def chains() -> list[list[tuple[bool, bytes]]]:
    """One exchange of each kind, for the fuzzer."""
    whole = [
        (True, smb1(setup_extended(ntlm("anna", "CORP")), tree_connect(PIPE_SHARE, HEADER + 31 + 88 + 12))),
        (False, smb1(SET_UP, tree_connected(b"IPC"), is_reply=True, tree=TID)),
        (True, smb1(setup_plain("CORP", "anna", is_wide=True), number=2)),
        (False, smb1(SET_UP, is_reply=True, number=2)),
    ]
    pairs = [
        (create(r"\svcctl"), created()),
        (write(rpc(11)), Part(WRITE, bytes(8))),
        (read(), was_read(rpc(12))),
        (transact(rpc()[:20], total=24), Part(TRANSACT, NOTHING)),
        (transact_more(rpc()[20:], 20, 24), transacted(rpc(2))),
        (close(), CLOSED),
        (open_x(r"\a.dll"), Part(OPEN, bytes(26))),
        (write(rpc()[:9], 0), None),
    ]
    for number, (request, reply) in enumerate(pairs, 3):
        whole.append((True, smb1(request, tree=TID, number=number)))
        if reply is not None:
            whole.append((False, smb1(reply, is_reply=True, tree=TID, number=number)))
    return [whole]


def only_pipe(told: Told) -> tuple[str, str, bytes, bytes, int]:
    (pipe,) = told.pipes
    return pipe.pipe, pipe.user, pipe.sent[True], pipe.sent[False], pipe.closed


@pytest.mark.parametrize("name", [r"\svcctl", r"\PIPE\svcctl", "svcctl"])
def test_a_pipe_from_logon_to_close(name: str) -> None:
    bind, bound, asked, answered = rpc(11), rpc(12), rpc(0, b"question"), rpc(2, b"reply")
    wire = opened(name)
    exchange(wire, write(bind), Part(WRITE, bytes(8)), 4)
    exchange(wire, read(), was_read(bound), 5)
    exchange(wire, transact(asked), transacted(answered), 6)
    exchange(wire, close(), CLOSED, 7)
    assert [pipe.closed for pipe in wire.pipes] == [1]
    told = wire.end()
    assert told.events == [
        FileEvent(1, "logon", "CORP\\anna", "", "", 0),
        FileEvent(3, "share", "CORP\\anna", PIPE_SHARE, "", 0),
        FileEvent(5, "pipe", "CORP\\anna", PIPE_SHARE, "svcctl", 0),
    ]
    assert only_pipe(told) == ("svcctl", "CORP\\anna", bind + asked, bound + answered, 1)
    assert told.losses == {}


@pytest.mark.parametrize(
    ("setup", "is_wide", "user"),
    [
        (setup_plain("CORP", "anna", is_wide=True), True, "CORP\\anna"),
        (setup_plain("CORP", "anna", is_wide=False), False, "CORP\\anna"),
        (setup_old("CORP", "anna"), False, "CORP\\anna"),
        (setup_plain("", "", is_wide=False), False, "ANONYMOUS LOGON"),
        (setup_extended(b"Kerberos"), True, ""),
    ],
    ids=["unicode", "ascii", "lanman", "anonymous", "kerberos"],
)
def test_logon(setup: Part, is_wide: bool, user: str) -> None:
    wire = Wire().ask(smb1(setup, is_wide=is_wide, session=0)).answer(smb1(SET_UP, is_reply=True, is_wide=is_wide))
    assert wire.end().events == [FileEvent(1, "logon", user, "", "", 0)]


def test_logon_of_two_steps_and_one_refused() -> None:
    wire = exchange(Wire(), setup_extended(ntlm("", "", kind=1)), SET_UP, 1, LOGON_GOES_ON)
    exchange(wire, setup_extended(ntlm("anna", "CORP")), SET_UP, 2)
    exchange(wire, setup_extended(ntlm("eve", "CORP")), Part(SETUP, NOTHING), 3, DENIED)
    assert [event.user for event in wire.end().events] == ["CORP\\anna"]


def test_chain_of_logon_and_tree_connect() -> None:
    setup = setup_extended(ntlm("anna", "CORP"))
    start = HEADER + 1 + 4 + len(setup.words) + 2 + len(setup.data)
    wire = Wire().ask(smb1(setup, tree_connect(PIPE_SHARE, start)))
    told = wire.answer(smb1(SET_UP, tree_connected(b"IPC"), is_reply=True, tree=TID)).end()
    assert told.events == [
        FileEvent(1, "logon", "CORP\\anna", "", "", 0),
        FileEvent(1, "share", "CORP\\anna", PIPE_SHARE, "", 0),
    ]


def test_chain_whose_second_half_fails() -> None:
    setup = setup_extended(ntlm("anna", "CORP"))
    wire = Wire().ask(smb1(setup, tree_connect(PIPE_SHARE, HEADER + 31 + len(setup.data))))
    told = wire.answer(smb1(SET_UP, Part(TREE, NOTHING), is_reply=True, status=DENIED)).end()
    assert [event.action for event in told.events] == ["logon"]


def test_chain_of_open_and_read() -> None:
    wire = connected()
    wire.ask(smb1(open_x(r"\svcctl"), read(0), tree=TID, number=3))
    opened_x = Part(OPEN, struct.pack("<H", FID) + bytes(24))
    told = wire.answer(smb1(opened_x, was_read(rpc(12), HEADER + 33), is_reply=True, tree=TID, number=3)).end()
    assert only_pipe(told)[3] == rpc(12)


def test_transaction_in_pieces() -> None:
    asked, answered = rpc(0, b"a" * 100), rpc(2, b"b" * 100)
    wire = opened()
    wire.ask(smb1(transact(asked[:50], total=len(asked)), tree=TID, number=4))
    wire.answer(smb1(Part(TRANSACT, NOTHING), is_reply=True, tree=TID, number=4))
    wire.ask(smb1(transact_more(asked[50:], 50, len(asked)), tree=TID, number=4))
    wire.answer(smb1(transacted(answered[:70], 0, len(answered)), is_reply=True, tree=TID, number=4))
    wire.answer(smb1(transacted(answered[70:], 70, len(answered)), is_reply=True, tree=TID, number=4))
    told = wire.end()
    assert (only_pipe(told)[2:4], told.losses) == ((asked, answered), {})


def test_transaction_answered_in_part_then_read() -> None:
    answered = rpc(2, b"b" * 100)
    wire = opened()
    exchange(wire, transact(rpc()), transacted(answered[:70]), 4, MORE_DATA)
    exchange(wire, read(), was_read(answered[70:]), 5)
    assert only_pipe(wire.end())[3] == answered


def test_transaction_of_another_kind() -> None:
    lanman = Part(
        TRANSACT, struct.pack("<HHHHBBHIHHHHHBB", 0, 4, 0, 9, 0, 0, 0, 0, 0, 0, 63, 4, 63, 0, 0), b"data", and_x=False
    )
    told = exchange(opened(), lanman, transacted(b"more"), 4).end()
    assert (told.pipes, told.losses) == ([], {})


def test_raw_write_begins_with_its_length() -> None:
    told = exchange(opened(), write(b"\x20\0" + rpc(), mode=0x0C), None, 4).end()
    assert only_pipe(told)[2] == rpc()


def test_writes_to_a_file_are_one_event() -> None:
    wire = opened(r"\a.dll", DISK_SHARE, b"A:")
    exchange(wire, write(bytes(70_000)), Part(WRITE, bytes(8)), 4)
    exchange(wire, write(bytes(5)), Part(WRITE, bytes(8)), 5)
    exchange(wire, close(), CLOSED, 6)
    assert wire.end().events[2:] == [FileEvent(7, "write", "CORP\\anna", DISK_SHARE, "a.dll", 70_005)]


def test_long_write_to_a_pipe_comes_whole() -> None:
    data = rpc() * 4000
    assert only_pipe(exchange(opened(), write(data), None, 4).end())[2] == data


def test_capture_that_begins_midway() -> None:
    wire = exchange(Wire(), transact(rpc(0, b"x")), transacted(rpc(2)), 9)
    told = wire.answer(smb1(was_read(rpc(2)), is_reply=True, number=8)).end()
    assert only_pipe(told) == ("", "", rpc(0, b"x"), rpc(2), 1)
    assert (told.events, told.losses) == ([], {"SMB answer to an unseen request": 1})


def test_what_was_refused_is_left_out() -> None:
    wire = exchange(connected(), create(r"\winreg"), Part(CREATE, NOTHING), 3, DENIED)
    exchange(wire, tree_connect(DISK_SHARE), Part(TREE, NOTHING), 4, DENIED)
    assert [event.action for event in wire.end().events] == ["logon", "share"]


def test_requests_without_answers_are_bounded() -> None:
    wire = connected()
    for number in range(MOST_REQUESTS + 2):
        exchange(wire, create(r"\svcctl"), None, 1000 + number)
    assert wire.end().losses == {"SMB request forgotten: too many unanswered": 2}


@pytest.mark.parametrize(
    "message",
    [
        smb1(create(r"\svcctl"), tree=TID)[:30],
        smb1(create(r"\svcctl"), tree=TID)[:32],
        smb1(create(r"\svcctl"), tree=TID)[:60],
        smb1(Part(CREATE, bytes(8)), tree=TID),
        smb1(write(rpc()), tree=TID)[:-1],
        smb1(transact_more(rpc(), 50, 100), tree=TID, number=77),
    ],
    ids=["header", "no words", "words", "few words", "data", "second half"],
)
def test_broken(message: bytes) -> None:
    told = connected().ask(message).end()
    assert (told.losses, told.pipes) == ({"broken SMB message": 1}, [])


def test_chain_into_itself_ends() -> None:
    message = bytearray(smb1(read(), tree=TID))
    message[HEADER + 1 : HEADER + 5] = struct.pack("<BBH", READ, 0, HEADER)
    assert opened().ask(bytes(message)).end().losses == {}


def test_commands_of_an_old_kind_are_counted() -> None:
    told = opened().ask(smb1(Part(0x0B, bytes(10), rpc(), and_x=False), tree=TID)).end()
    assert told.losses == {"read or write of an old kind (SMB 1)": 1}

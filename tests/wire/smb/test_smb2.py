"""SMB 2 and 3, message by message."""

import pytest

from rpcsight.wire import FileEvent
from rpcsight.wire.smb.smb2 import MOST_REQUESTS
from tests.wire.smb_messages import (
    CLOSED,
    DENIED,
    ERROR,
    FILE,
    LOGON_GOES_ON,
    MORE_DATA,
    PENDING,
    SAME,
    SESSION,
    SESSION_SET_UP,
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
    smb2,
    tree_connect,
    tree_connected,
    was_read,
    wide,
    write,
    written,
)

PIPE_SHARE, DISK_SHARE = r"\\dc\IPC$", r"\\dc\ADMIN$"
SHARE = FileEvent(3, "share", "CORP\\anna", PIPE_SHARE, "", 0)


def logged_on(wire: Wire) -> Wire:
    """Clock 1 to 2: a session of CORP\\anna."""
    return wire.ask(smb2(1, session_setup(ntlm("anna", "CORP")))).answer(answer(1, SESSION_SET_UP))


def connected(wire: Wire, path: str = PIPE_SHARE, kind: int = 2) -> Wire:
    """Clock 3 to 4."""
    return (
        logged_on(wire)
        .ask(smb2(3, tree_connect(path), number=2, tree=0))
        .answer(answer(3, tree_connected(kind), number=2))
    )


def opened(wire: Wire, name: str = "svcctl", path: str = PIPE_SHARE, kind: int = 2) -> Wire:
    """Clock 5 to 6."""
    return connected(wire, path, kind).ask(smb2(5, create(name), number=3)).answer(answer(5, created(), number=3))


def only_pipe(told: Told) -> tuple[str, str, bytes, bytes, int]:
    (pipe,) = told.pipes
    return pipe.pipe, pipe.user, pipe.sent[True], pipe.sent[False], pipe.closed


def test_a_pipe_from_logon_to_close() -> None:
    bind, bound, asked, answered = rpc(11), rpc(12), rpc(0, b"question"), rpc(2, b"reply")
    wire = opened(Wire())
    wire.ask(smb2(9, write(bind), number=4)).answer(answer(9, written(len(bind)), number=4))
    wire.ask(smb2(8, read(), number=5)).answer(answer(8, ERROR, number=5, status=PENDING, flags=3))
    wire.answer(answer(8, was_read(bound), number=5, flags=3))
    wire.ask(smb2(11, ioctl(asked), number=6)).answer(answer(11, ioctl_done(answered), number=6))
    wire.ask(smb2(6, close(), number=7)).answer(answer(6, CLOSED, number=7))
    assert [pipe.closed for pipe in wire.pipes] == [1]
    told = wire.end()
    assert told.events == [
        FileEvent(1, "logon", "CORP\\anna", "", "", 0),
        SHARE,
        FileEvent(5, "pipe", "CORP\\anna", PIPE_SHARE, "svcctl", 0),
    ]
    assert only_pipe(told) == ("svcctl", "CORP\\anna", bind + asked, bound + answered, 1)
    assert told.losses == {}


def test_answers_in_any_order_and_in_part() -> None:
    wire = opened(Wire())
    wire.ask(smb2(11, ioctl(rpc(0, b"a" * 99)), number=4)).ask(smb2(8, read(), number=5))
    whole = rpc(2, b"b" * 300)
    wire.answer(answer(11, ioctl_done(whole[:100]), number=4, status=MORE_DATA))
    wire.answer(answer(8, was_read(whole[100:200]), number=5, status=MORE_DATA))
    wire.ask(smb2(8, read(), number=6)).answer(answer(8, was_read(whole[200:]), number=6))
    assert only_pipe(wire.end())[3] == whole


def test_what_is_not_a_transceive_is_not_read() -> None:
    wire = opened(Wire())
    wire.ask(smb2(11, ioctl(rpc(), SAME, 0x00110018), number=4)).answer(
        answer(11, ioctl_done(rpc(), SAME, 0x00110018), number=4)
    )
    told = wire.end()
    assert (told.pipes, told.losses) == ([], {})


def test_chain_that_opens_writes_and_closes() -> None:
    wire = connected(Wire(), DISK_SHARE, 1)
    wire.ask(
        chain(
            smb2(5, create(r"tools\a.exe"), number=3),
            smb2(9, write(b"MZ" * 50, SAME), number=4, flags=4, session=2**64 - 1, tree=2**32 - 1),
            smb2(6, close(SAME), number=5, flags=4, session=2**64 - 1, tree=2**32 - 1),
        )
    )
    wire.answer(
        chain(
            answer(5, created(), number=3),
            answer(9, written(100), number=4, flags=5),
            answer(6, CLOSED, number=5, flags=5),
        )
    )
    expected = [FileEvent(5, "write", "CORP\\anna", DISK_SHARE, r"tools\a.exe", 100)]
    assert wire.facts.events[2:] == expected
    assert wire.end().losses == {}


def test_chain_with_other_commands_between() -> None:
    wire = connected(Wire())
    query = smb2(16, bytes(40), number=4, flags=4)
    other = smb2(11, ioctl(b"", SAME, 0x00090200), number=5, flags=4)
    wire.ask(chain(smb2(5, create("svcctl"), number=3), query, other, smb2(11, ioctl(rpc(), SAME), number=6, flags=4)))
    replies = [answer(5, created(), number=3), answer(11, ioctl_done(b"", SAME, 0x00090200), number=5, flags=5)]
    wire.answer(chain(*replies, answer(11, ioctl_done(rpc(2)), number=6, flags=5)))
    wire.ask(chain(smb2(6, close(), number=7), smb2(8, read(SAME), number=8)))
    told = wire.end()
    assert (only_pipe(told)[2:4], told.losses) == ((rpc(), rpc(2)), {})


@pytest.mark.parametrize(
    "reply", [answer(5, created()[:30], number=3), answer(6, CLOSED, number=3)], ids=["short", "other"]
)
def test_pipe_of_a_chain_ends_once_whatever_the_answer(reply: bytes) -> None:
    wire = connected(Wire())
    wire.ask(chain(smb2(5, create("svcctl"), number=3), smb2(9, write(rpc(), SAME), number=4, flags=4)))
    assert only_pipe(wire.answer(reply).end())[4] == 1


def test_chain_on_a_pipe_whose_opening_fails() -> None:
    wire = connected(Wire())
    wire.ask(chain(smb2(5, create("svcctl"), number=3), smb2(11, ioctl(rpc(), SAME), number=4, flags=4)))
    wire.answer(chain(answer(5, ERROR, number=3, status=DENIED), answer(11, ERROR, number=4, status=DENIED)))
    told = wire.end()
    assert [event.action for event in told.events] == ["logon", "share"]
    assert only_pipe(told) == ("svcctl", "CORP\\anna", rpc(), b"", 1)


def test_chain_never_answered() -> None:
    wire = connected(Wire())
    told = wire.ask(chain(smb2(5, create("svcctl"), number=3), smb2(9, write(rpc(), SAME), number=4, flags=4))).end()
    assert only_pipe(told) == ("svcctl", "CORP\\anna", rpc(), b"", 1)


def test_writes_to_a_file_are_one_event() -> None:
    wire = opened(Wire(), "a.dll", DISK_SHARE, 1)
    for number in (4, 5, 6):
        wire.ask(smb2(9, write(bytes(100_000)), number=number)).answer(answer(9, written(100_000), number=number))
    assert wire.facts.events[2:] == []
    assert wire.end().events[2:] == [FileEvent(7, "write", "CORP\\anna", DISK_SHARE, "a.dll", 300_000)]


def test_reads_of_a_file_are_nothing() -> None:
    wire = opened(Wire(), "a.dll", DISK_SHARE, 1)
    wire.ask(smb2(8, read(), number=4)).answer(answer(8, was_read(rpc() * 5000), number=4))
    told = wire.end()
    assert (told.events[2:], told.pipes, told.losses) == ([], [], {})


@pytest.mark.parametrize(
    ("legs", "users"),
    [
        ([(ntlm("", "", kind=1), LOGON_GOES_ON), (ntlm("anna", "CORP"), 0)], ["CORP\\anna"]),
        ([(ntlm("", "", kind=1), LOGON_GOES_ON), (ntlm("anna", "CORP"), 0xC000006D)], []),
        ([(ntlm("anna", "CORP"), LOGON_GOES_ON), (b"mechListMIC", 0)], ["CORP\\anna"]),
        ([(b"Kerberos", 0)], [""]),
        ([(ntlm("", ""), 0)], ["ANONYMOUS LOGON"]),
    ],
    ids=["ntlm", "denied", "one more leg", "kerberos", "anonymous"],
)
def test_logon(legs: list[tuple[bytes, int]], users: list[str]) -> None:
    wire = Wire()
    for number, (blob, status) in enumerate(legs):
        wire.ask(smb2(1, session_setup(blob), number=number))
        wire.answer(answer(1, SESSION_SET_UP if status in {0, LOGON_GOES_ON} else ERROR, number=number, status=status))
    assert [event.user for event in wire.end().events] == users


def test_what_was_refused_is_left_out() -> None:
    wire = connected(Wire())
    wire.ask(smb2(3, tree_connect(DISK_SHARE), number=3)).answer(answer(3, ERROR, number=3, status=DENIED))
    wire.ask(smb2(5, create("winreg"), number=4)).answer(answer(5, ERROR, number=4, status=DENIED))
    assert [event.action for event in wire.end().events] == ["logon", "share"]


def test_capture_that_begins_midway() -> None:
    wire = Wire().ask(smb2(11, ioctl(rpc(0, b"x")), number=9)).answer(answer(11, ioctl_done(rpc(2)), number=9))
    wire.answer(answer(8, was_read(rpc(2)), number=8))
    told = wire.end()
    assert only_pipe(told) == ("", "", rpc(0, b"x"), rpc(2), 1)
    assert (told.events, told.losses) == ([], {"SMB answer to an unseen request": 1})


def test_capture_that_begins_after_the_tree_connect() -> None:
    wire = Wire().ask(smb2(5, create("svcctl"))).answer(answer(5, created()))
    told = wire.ask(smb2(9, write(rpc(11)), number=2)).end()
    assert told.events == [FileEvent(1, "pipe", "", "", "svcctl", 0)]
    assert only_pipe(told) == ("svcctl", "", rpc(11), b"", 1)


def test_file_of_an_unseen_share() -> None:
    wire = Wire().ask(smb2(5, create("a.txt"))).answer(answer(5, created()))
    told = wire.ask(smb2(9, write(b"no rpc"), number=2)).end()
    assert (told.events, told.losses) == ([], {"data of an SMB file whose share was not captured": 1})


def test_same_file_id_in_two_sessions() -> None:
    wire = opened(Wire())
    wire.ask(smb2(9, write(rpc(11)), number=4)).ask(smb2(9, write(rpc(14)), number=5, session=7))
    assert [(pipe.pipe, pipe.sent[True]) for pipe in wire.end().pipes] == [("svcctl", rpc(11)), ("", rpc(14))]


def test_encrypted_is_told_once_a_session_and_counted() -> None:
    wire = logged_on(Wire())
    for session in (SESSION, SESSION, 9, 0):
        wire.ask(encrypted(session=session)).answer(encrypted(session=session))
    told = wire.end()
    assert told.events[1:] == [
        FileEvent(3, "encrypted", "CORP\\anna", "", "", 0),
        FileEvent(7, "encrypted", "", "", "", 0),
    ]
    assert told.losses == {"encrypted SMB": 8}


def test_compressed_is_counted() -> None:
    assert Wire().ask(b"\xfcSMB" + bytes(60)).end().losses == {"compressed SMB": 1}


def test_requests_without_answers_are_bounded() -> None:
    wire = connected(Wire())
    for number in range(MOST_REQUESTS + 3):
        wire.ask(smb2(5, create("svcctl"), number=1000 + number))
    assert wire.end().losses == {"SMB request forgotten: too many unanswered": 3}


def test_message_id_used_again() -> None:
    wire = connected(Wire())
    wire.ask(chain(smb2(5, create("svcctl"), number=3), smb2(9, write(rpc(), SAME), number=4, flags=4)))
    wire.ask(smb2(5, create("samr"), number=3))
    assert [pipe.closed for pipe in wire.pipes] == [1]


def test_data_of_a_closed_pipe_is_lost() -> None:
    wire = opened(Wire()).ask(smb2(9, write(rpc(11)), number=4)).ask(smb2(8, read(), number=5))
    wire.ask(smb2(6, close(), number=6)).answer(answer(6, CLOSED, number=6))
    told = wire.answer(answer(8, was_read(rpc(12)), number=5)).end()
    assert (only_pipe(told)[3], told.losses) == (b"", {"data of a closed SMB file": 1})


@pytest.mark.parametrize(
    "message",
    [
        smb2(5, create("svcctl"))[:60],
        smb2(5, create("svcctl"))[:100],
        smb2(5, b""),
        smb2(9, write(rpc()))[:-1],
        smb2(9, write(rpc(), SAME)),
        smb2(5, create("svcctl"), chained=8),
        smb2(5, create("svcctl"), chained=4096),
        b"\xfeSMB\x41\0" + smb2(5, create("svcctl"))[6:],
        encrypted()[:40],
    ],
    ids=[
        "header",
        "body",
        "no body",
        "data",
        "no file",
        "chain into itself",
        "chain out",
        "structure size",
        "transform",
    ],
)
def test_broken(message: bytes) -> None:
    told = connected(Wire()).ask(message).end()
    assert (told.losses, told.pipes) == ({"broken SMB message": 1}, [])


def test_long_chain_is_read_in_part() -> None:
    wire = opened(Wire(), "a.dll", DISK_SHARE, 1)
    wire.ask(chain(smb2(9, write(bytes(70_000)), number=4), smb2(9, write(bytes(10)), number=5)))
    told = wire.end()
    assert told.events[2].size == 70_000
    assert told.losses == {"end of a long chain of SMB messages": 1}


def test_long_write_to_a_pipe_comes_whole() -> None:
    data = rpc(0, bytes(range(256)) * 20) * 30
    told = opened(Wire()).ask(smb2(9, write(data), number=4)).end()
    assert only_pipe(told)[2] == data


def test_long_name_is_cut() -> None:
    wire = connected(Wire())
    wire.ask(smb2(5, create("n" * 4000), number=3)).answer(answer(5, created(FILE), number=3))
    assert wire.end().events[2].name == "n" * 1024


def test_odd_text_is_replaced() -> None:
    wire = connected(Wire())
    body = create("ab")[:-4] + b"\x00\xd8" + wide("b")
    wire.ask(smb2(5, body, number=3)).answer(answer(5, created(), number=3))
    assert wire.end().events[2].name == "\ufffdb"


def test_late_answer_to_a_close_spares_what_has_the_number_now() -> None:
    """Found by fuzzing: the newer pipe was forgotten without being closed."""
    wire = opened(Wire()).ask(smb2(6, close(), number=4))
    wire.ask(smb2(5, create("samr"), number=5)).answer(answer(5, created(), number=5))
    wire.ask(smb2(9, write(rpc(11)), number=6)).answer(answer(6, CLOSED, number=4))
    wire.ask(smb2(9, write(rpc(14)), number=7))
    assert only_pipe(wire.end()) == ("samr", "CORP\\anna", rpc(11) + rpc(14), b"", 1)


def test_pipe_closed_within_a_long_write() -> None:
    data = rpc() * 100
    wire = opened(Wire()).ask(smb2(9, write(rpc(11)), number=4)).ask(smb2(6, close(), number=5))
    long_write = frame(smb2(9, write(data), number=6))
    wire.raw(True, long_write[:300]).answer(answer(6, CLOSED, number=5)).raw(True, long_write[300:])
    told = wire.end()
    assert only_pipe(told)[2] == rpc(11) + data[: 300 - 4 - 64 - 48]
    assert told.losses == {"data of a closed SMB file": 1}

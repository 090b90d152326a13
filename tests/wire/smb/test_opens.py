"""The tables of a connection: what is dropped where they are full."""

from rpcsight.wire import Facts, FileEvent
from rpcsight.wire.smb.opens import MOST_FILES, MOST_SESSIONS, MOST_TREES, Opens, Tree, keep
from tests.wire.smb_messages import Recorder, rpc


def test_keep_drops_the_oldest() -> None:
    table: dict[int, str] = {}
    assert [keep(table, key, value, 2) for key, value in [(1, "a"), (2, "b"), (1, "c"), (3, "d")]] == [
        None,
        None,
        None,
        "b",
    ]
    assert table == {1: "c", 3: "d"}


def test_tables_are_bounded() -> None:
    facts, pipes = Facts(), list[Recorder]()

    def associate(pipe: str, user: str) -> Recorder:
        pipes.append(Recorder(pipe, user))
        return pipes[-1]

    opens = Opens(facts, associate)
    for number in range(MOST_SESSIONS + 1):
        opens.log_on(number, number, f"user{number}")
        opens.encrypt(number, number + 1)
    for number in range(MOST_TREES + 2):
        opens.connect(number, 0, (number,), Tree("share", True))
    for number in range(MOST_FILES + 3):
        opens.carry(0, True, opens.find(0, (MOST_TREES,), (number,)), rpc(), 24, is_write=True)
    assert sum(pipe.closed for pipe in pipes) == 3
    opens.close()
    assert {pipe.closed for pipe in pipes} == {1}
    assert facts.losses == {
        "SMB session forgotten: too many on one connection": 1,
        "encrypted SMB": MOST_SESSIONS + 1,
        "SMB tree forgotten: too many on one connection": 2,
        "SMB file forgotten: too many open on one connection": 3,
    }


def test_same_number_opened_again_closes_the_former() -> None:
    facts = Facts()
    opens = Opens(facts, Recorder)
    opens.connect(1, 0, (5,), Tree("share", False))
    for name in ("a", "b"):
        file = opens.ask(2, 0, (5,), name)
        opens.open((9,), file)
        opens.carry(3, True, file, b"data", 4, is_write=True)
    opens.close()
    assert facts.events[1:] == [FileEvent(3, "write", "", "share", name, 4) for name in ("a", "b")]

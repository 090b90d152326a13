"""Calls and their answers, matched by number."""

from rpcsight.wire import Facts
from rpcsight.wire.rpc.calls import MAX_ANSWER_BYTES, MAX_CALLS, Asked, Calls


def asked(call_id: int, wanted: str = "") -> Asked:
    return Asked(call_id, True, call_id, 0, 3, None, wanted)


def test_the_oldest_makes_room() -> None:
    facts = Facts()
    calls = Calls(facts, "", "")
    for number in range(MAX_CALLS + 2):
        calls.ask(asked(number))
    assert [call.call_id for _, _, call in facts.calls] == [0, 1]
    assert facts.losses == {"RPC calls whose answer was not waited for": 2}
    calls.close()
    assert [call.call_id for _, _, call in facts.calls] == [*range(MAX_CALLS + 2)]
    assert calls.held_bytes == 0


def test_directions_are_apart() -> None:
    facts = Facts()
    calls = Calls(facts, "", "")
    calls.ask(asked(1))
    assert calls.answered(1, True, 0) is None
    assert calls.asked(1, False) is None
    call = calls.answered(1, False, 0)
    assert call is not None
    calls.finish(call, 5, True, 0)
    calls.finish(call, 5, True, 0)
    assert [(fact.call_id, fact.is_answered) for _, _, fact in facts.calls] == [(1, True)]


def test_a_long_answer_is_given_up() -> None:
    facts = Facts()
    calls = Calls(facts, "", "")
    call = asked(1, "ept_map")
    calls.ask(call)
    calls.keep(call, bytes(MAX_ANSWER_BYTES), None)
    assert calls.held_bytes > MAX_ANSWER_BYTES
    calls.keep(call, b"x", 5)
    assert calls.held_bytes < 1000
    assert sum(facts.losses.values()) == 1

"""An association, from its bytes to its facts: every cut, both byte orders, losses, bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcsight.wire import Bind, Call, Facts, Mapping
from rpcsight.wire.rpc.association import Association
from tests.wire import pdus

NTLM = (10, 6, bytes(16))
Piece = tuple[bool, bytes]


def run(pieces: list[Piece], **more: str) -> Facts:
    facts = Facts()
    association = Association(facts, **more)
    for time_us, (is_to_server, data) in enumerate(pieces):
        association.feed(time_us, is_to_server, data)
    association.close()
    return facts


def untimed(facts: Facts) -> tuple[list[object], ...]:
    """Facts without their times, which depend on how the bytes were cut."""
    lists = (facts.binds, facts.calls, facts.mappings)
    return (*([(pipe, user, fact[1:]) for pipe, user, fact in one] for one in lists), [*facts.losses.items()])


def conversation(order: str = "<") -> list[Piece]:
    """Two contexts and bind-time features, a call of two fragments, a fault, an answer of the mapper in two fragments."""
    towers = [pdus.tcp_tower(pdus.SVCCTL, "2.0", 49726), pdus.tcp_tower(pdus.SAMR, "1.0", 49727)]
    stub = pdus.mapper_answer(towers, order, 8)
    contexts = [
        (0, pdus.SVCCTL, "2.0", [pdus.NDR]),
        (1, pdus.MAPPER, "3.0", [pdus.NDR64]),
        (2, pdus.SVCCTL, "2.0", [pdus.FEATURES]),
    ]
    results = [(0, pdus.NDR), (0, pdus.NDR64), (3, ("0" * 8 + "-0000-0000-0000-" + "0" * 12, 0))]
    first, last = {"flags": pdus.FIRST}, {"flags": pdus.LAST}
    return [
        (True, pdus.bind(contexts, order=order, auth=(9, 6, bytes(40)))),
        (False, pdus.bind_ack(results, order=order, auth=(9, 6, bytes(20)))),
        (True, pdus.pdu(16, bytes(4), order=order, auth=(9, 6, bytes(30)))),
        (True, pdus.request(24, bytes(30), call_id=2, order=order, auth=NTLM, **first)),
        (True, pdus.request(24, bytes(7), call_id=2, order=order, auth=NTLM, **last)),
        (True, pdus.request(3, bytes(11), 1, bytes(16), call_id=3, order=order)),
        (False, pdus.response(stub[:100], 1, call_id=3, order=order, auth=(10, 5, bytes(16)), **first)),
        (False, pdus.fault(0x1C010002, call_id=2, order=order)),
        (False, pdus.response(stub[100:], 1, call_id=3, order=order, auth=(10, 5, bytes(16)), **last)),
        (True, pdus.pdu(18, b"", call_id=4, order=order) + pdus.pdu(17, b"", order=order)),
        (True, pdus.request(15, bytes(3), call_id=5, order=order)),
    ]


def expected() -> Facts:
    facts = Facts()
    facts.binds = [
        ("", "", Bind(0, True, 0, pdus.SVCCTL, "2.0", "accepted", 9, 6)),
        ("", "", Bind(0, True, 1, pdus.MAPPER, "3.0", "accepted", 9, 6)),
        ("", "", Bind(0, True, 2, pdus.SVCCTL, "2.0", "negotiated", 9, 6)),
    ]
    answer = len(
        pdus.mapper_answer([pdus.tcp_tower(pdus.SVCCTL, "2.0", 1), pdus.tcp_tower(pdus.SAMR, "1.0", 2)], "<", 8)
    )
    facts.calls = [
        # Padding counts from the head of the call, which pdus pads with the stub: 8 + 30 to 48, 8 + 7 to 16.
        ("", "", Call(3, True, 2, 0, pdus.SVCCTL, "2.0", 24, True, 0x1C010002, 10, 6, 37, 0)),
        ("", "", Call(5, True, 3, 1, pdus.MAPPER, "3.0", 3, True, None, None, None, 11, answer)),
        ("", "", Call(10, True, 5, 0, pdus.SVCCTL, "2.0", 15, False, None, None, None, 3, 0)),
    ]
    facts.mappings = [
        ("", "", Mapping(8, pdus.SVCCTL, "2.0", "", 49726, "", "ept_map")),
        ("", "", Mapping(8, pdus.SAMR, "1.0", "", 49727, "", "ept_map")),
    ]
    return facts


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_conversation(order: str) -> None:
    assert run(conversation(order)) == expected()


def test_in_a_pipe() -> None:
    facts = run(conversation(), pipe="svcctl", user="LAB\\u")
    assert {row[:2] for row in (*facts.binds, *facts.calls, *facts.mappings)} == {("svcctl", "LAB\\u")}


@pytest.mark.parametrize("cut", range(1, 300))
def test_pieces_of_one_size(cut: int) -> None:
    pieces = [(up, data[at : at + cut]) for up, data in conversation() for at in range(0, len(data), cut)]
    assert untimed(run(pieces)) == untimed(expected())


@given(st.data())
def test_cutting_and_joining_changes_nothing(data: st.DataObject) -> None:
    pieces: list[Piece] = []
    for up, raw in conversation(data.draw(st.sampled_from("<>"))):
        cuts = sorted(data.draw(st.sets(st.integers(1, len(raw) - 1), max_size=6)))
        parts = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
        if pieces and pieces[-1][0] == up and data.draw(st.booleans()):
            parts[0] = pieces.pop()[1] + parts[0]
        pieces += [(up, part) for part in parts]
    assert untimed(run(pieces)) == untimed(expected())


def test_a_context_that_is_refused_stands_for_nothing() -> None:
    contexts = [(0, pdus.SVCCTL, "2.0", [pdus.NDR])]
    for answer, result in ((pdus.bind_ack([(2, pdus.NDR)]), "rejected"), (pdus.pdu(13, bytes(4)), "refused")):
        facts = run([(True, pdus.bind(contexts)), (False, answer), (True, pdus.request(1))])
        assert [bind.result for _, _, bind in facts.binds] == [result]
        assert [call.interface for _, _, call in facts.calls] == [None]


def test_a_refused_offer_leaves_the_context_of_that_number() -> None:
    first, second = [(0, pdus.SVCCTL, "2.0", [pdus.NDR])], [(0, pdus.SAMR, "1.0", [pdus.NDR])]
    pieces = [(True, pdus.bind(first)), (False, pdus.bind_ack([(0, pdus.NDR)]))]
    pieces += [(True, pdus.bind(second, kind=14)), (False, pdus.bind_ack([(2, pdus.NDR)], kind=15))]
    facts = run([*pieces, (True, pdus.request(1))])
    assert [call.interface for _, _, call in facts.calls] == [pdus.SVCCTL]
    pieces[3] = (False, pdus.bind_ack([(0, pdus.NDR)], kind=15))
    facts = run([*pieces, (True, pdus.request(1))])
    assert [call.interface for _, _, call in facts.calls] == [pdus.SAMR]


def test_a_bind_without_its_answer_is_believed() -> None:
    facts = run([(True, pdus.bind([(0, pdus.SVCCTL, "2.0", [pdus.NDR])])), (True, pdus.request(1))])
    assert [(bind.result, bind.interface) for _, _, bind in facts.binds] == [("", pdus.SVCCTL)]
    assert [call.interface for _, _, call in facts.calls] == [pdus.SVCCTL]


def test_a_call_without_its_bind() -> None:
    facts = run([(True, pdus.request(7, bytes(4), 3, call_id=9)), (False, pdus.response(bytes(8), 3, call_id=9))])
    assert facts.calls == [("", "", Call(0, True, 9, 3, None, None, 7, True, None, None, None, 4, 8))]


def test_multiplexed_calls_and_a_callback() -> None:
    pieces = [(True, pdus.request(opnum, call_id=opnum)) for opnum in range(5)]
    pieces += [(False, pdus.request(9, call_id=3)), (True, pdus.response(b"xx", call_id=3))]
    pieces += [(False, pdus.response(bytes(opnum), call_id=opnum)) for opnum in (4, 0, 3, 1, 2)]
    calls = [call for _, _, call in run(pieces).calls]
    seen = [(call.is_to_server, call.opnum, call.response_bytes) for call in calls]
    assert seen == [(False, 9, 2), *((True, opnum, opnum) for opnum in (4, 0, 3, 1, 2))]


def test_a_number_used_again() -> None:
    calls = [
        call for _, _, call in run([(True, pdus.request(opnum)) for opnum in (1, 2)] + [(False, pdus.response())]).calls
    ]
    assert [(call.opnum, call.is_answered) for call in calls] == [(1, False), (2, True)]


def test_a_gap_goes_on_at_the_next_pdu() -> None:
    facts, data = Facts(), pdus.request(1, bytes(100), call_id=1, auth=NTLM)
    association = Association(facts)
    association.feed(0, True, data[:60])
    association.gap(True)
    association.feed(1, True, data[80:])
    association.feed(2, True, pdus.request(2, call_id=2))
    association.feed(3, False, pdus.response(call_id=1))
    association.close()
    # Of the cut request its verifier is unknown; its stub is as long as its head says.
    assert [(call.opnum, call.is_answered, call.auth_level) for _, _, call in facts.calls] == [
        (1, True, None),
        (2, False, None),
    ]
    assert facts.losses == {"RPC streams interrupted by missing bytes": 1}


def test_a_gap_in_an_answer_that_is_read() -> None:
    pieces = conversation()
    facts = Facts()
    association = Association(facts)
    for time_us, (up, data) in enumerate(pieces):
        association.feed(time_us, up, data)
        if time_us == 6:
            association.gap(False)
    association.close()
    assert facts.mappings == []
    assert facts.losses == {
        "RPC streams interrupted by missing bytes": 1,
        "RPC answers that name endpoints, cut by missing bytes": 1,
    }


@pytest.mark.parametrize(("captured", "auth"), [(80, (None, None)), (100, (9, 6))])
def test_a_bind_cut_by_the_snapshot_length_is_read_as_far_as_it_goes(
    captured: int, auth: tuple[int | None, int | None]
) -> None:
    facts, data = Facts(), pdus.bind([(0, pdus.SVCCTL, "2.0", [pdus.NDR])], auth=(9, 6, bytes(600)))
    association = Association(facts)
    association.feed(0, True, data[:captured])
    association.gap(True)
    association.feed(1, False, pdus.bind_ack([(0, pdus.NDR)]))
    assert facts.binds == [("", "", Bind(0, True, 0, pdus.SVCCTL, "2.0", "accepted", *auth))]
    assert facts.losses == {"RPC streams interrupted by missing bytes": 1}


def test_out_of_step() -> None:
    pieces = [
        (True, b"no PDU" * 9),
        (True, b"neither" * 9),
        (True, b"\5"),
        (True, pdus.request(1)[1:]),
        (True, b"\5\0no"),
    ]
    facts = run([*pieces, (True, pdus.request(2)), (True, pdus.request(3, call_id=2))])
    assert [call.opnum for _, _, call in facts.calls] == [1, 3]
    assert facts.losses["RPC streams out of step: bytes that begin no PDU"] == 2


def test_a_pipe_may_carry_something_else() -> None:
    """As PsExec's do. One that began as RPC is out of step."""
    facts = run([(True, b"no PDU" * 9), (True, b"neither" * 9), (False, b"nor this" * 9)], pipe="PSEXESVC")
    assert facts.losses == {"directions of named pipes that begin with something else than RPC": 2}
    facts = run([(True, pdus.request(1)), (True, b"no PDU" * 9)], pipe="svcctl")
    assert facts.losses == {"RPC streams out of step: bytes that begin no PDU": 1}


def test_encrypted_answers_are_counted() -> None:
    pieces = conversation()
    pieces[6] = (False, pdus.response(bytes(64), 1, call_id=3, auth=NTLM))
    facts = run(pieces[:7])
    assert facts.mappings == []
    assert facts.losses == {"encrypted RPC answers that name endpoints": 1}


def test_what_answers_nothing_is_counted() -> None:
    pieces = [(False, pdus.response()), (False, pdus.fault(5)), (False, pdus.bind_ack([(0, pdus.NDR)]))]
    facts = run([*pieces, (True, pdus.request(1, flags=pdus.LAST)), (True, pdus.pdu(11, bytes(12)))])
    assert facts.losses == {
        "RPC answers whose request is unknown": 2,
        "RPC bind answers whose bind is unknown": 1,
        "RPC request fragments whose call is unknown": 1,
    }


def test_oxid_bindings() -> None:
    stub = bytes(30) + pdus.dual_string_array([(7, "DC1[49724]")])
    pieces = [(True, pdus.bind([(1, pdus.ACTIVATOR, "0.0", [pdus.NDR])])), (False, pdus.bind_ack([(0, pdus.NDR)]))]
    facts = run([*pieces, (True, pdus.request(4, context=1)), (False, pdus.response(stub, 1))])
    assert facts.mappings == [("", "", Mapping(3, None, None, "DC1", 49724, "", "activation"))]


def test_memory_is_bounded() -> None:
    facts = Facts()
    association = Association(facts)
    for number in range(65_535):
        association.feed(0, True, pdus.bind([(number, pdus.SVCCTL, "2.0", [pdus.NDR])], call_id=number))
        association.feed(0, True, pdus.request(1, call_id=number, context=number))
        facts.binds.clear()
        facts.calls.clear()
    assert association.held_bytes < 400_000
    association.feed(0, True, pdus.bind([(0, pdus.MAPPER, "3.0", [pdus.NDR])], call_id=7))
    association.feed(0, False, pdus.bind_ack([(0, pdus.NDR)], call_id=7))
    association.feed(0, True, pdus.request(3, call_id=8))
    for _ in range(1000):  # endless fragments of an answer that is kept
        association.feed(0, False, pdus.response(bytes(5000), call_id=8, flags=0))
    assert association.held_bytes < 700_000
    association.feed(0, False, pdus.response(bytes(5000), call_id=9, flags=0)[:4000])
    association.close()
    assert facts.losses["RPC answers that name endpoints in more than 262144 bytes"] == 1
    assert facts.losses["RPC presentation contexts forgotten"] == 65_535 + 1 - 256


def test_a_pdu_that_is_passed_over_is_not_held() -> None:
    facts = Facts()
    association = Association(facts)
    association.feed(0, True, pdus.request(1, bytes(60_000))[:50_000])
    association.feed(0, False, pdus.response(bytes(60_000))[:50_000])
    assert association.held_bytes < 1000


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=80)), max_size=20), st.data())
def test_noise_is_no_error(pieces: list[Piece], data: st.DataObject) -> None:
    known = conversation()
    for _ in range(5):
        up, raw = data.draw(st.sampled_from(known))
        broken = bytearray(raw)
        broken[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
        pieces.insert(data.draw(st.integers(0, len(pieces))), (up, bytes(broken)))
    run(pieces)

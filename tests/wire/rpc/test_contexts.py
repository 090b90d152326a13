"""Presentation contexts: offered, answered, forgotten."""

import tracemalloc

from rpcsight.wire import Facts
from rpcsight.wire.rpc import pdu
from rpcsight.wire.rpc.contexts import MAX_BINDS, MAX_CONTEXTS, Contexts
from rpcsight.wire.rpc.pdu import uuid_text
from tests.wire import pdus


def read(contexts: Contexts, data: bytes, is_to_server: bool) -> None:
    header = pdu.read_header(data)
    assert header is not None
    contexts.read(header, data[16:], 0, is_to_server)


def test_the_accepted_transfer_syntax_and_what_is_read() -> None:
    contexts = Contexts(Facts(), "", "")
    offers = [(0, pdus.MAPPER, "3.0", [pdus.NDR]), (1, pdus.MAPPER, "3.0", [pdus.NDR64])]
    read(contexts, pdus.bind(offers), True)
    read(contexts, pdus.bind_ack([(2, pdus.NDR), (0, pdus.NDR64)]), False)
    known = contexts.get(1)
    assert contexts.get(0) is None
    assert known is not None
    assert (known.interface, known.version, known.is_ndr64) == (pdus.MAPPER, "3.0", True)
    assert known.answers == {2: "ept_lookup", 3: "ept_map"}


def test_bounds() -> None:
    facts = Facts()
    contexts = Contexts(facts, "", "")
    for number in range(MAX_CONTEXTS + 1):
        read(contexts, pdus.bind([(number, pdus.SAMR, "1.0", [pdus.NDR])], call_id=number), True)
    assert contexts.get(0) is None
    assert contexts.get(1) is not None
    assert facts.losses == {
        "RPC presentation contexts forgotten": 1,
        "RPC binds whose answer was not waited for": MAX_CONTEXTS + 1 - MAX_BINDS,
    }
    assert len(facts.binds) == MAX_CONTEXTS + 1 - MAX_BINDS
    contexts.close()
    assert len(facts.binds) == MAX_CONTEXTS + 1


def test_transfer_syntaxes_are_not_kept() -> None:
    contexts = Contexts(Facts(), "", "")
    syntaxes = [(f"{number:08x}-0000-0000-0000-000000000000", 1) for number in range(255)]
    tracemalloc.start()
    for call_id in range(MAX_BINDS):
        read(contexts, pdus.bind([(number, pdus.SAMR, "1.0", syntaxes) for number in range(12)], call_id=call_id), True)
        uuid_text.cache_clear()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 2 * contexts.held_bytes


def test_more_results_than_offers_and_fewer() -> None:
    facts = Facts()
    contexts = Contexts(facts, "", "")
    read(contexts, pdus.bind([(0, pdus.SAMR, "1.0", [pdus.NDR])]), True)
    read(contexts, pdus.bind_ack([(0, pdus.NDR)] * 3), False)
    read(contexts, pdus.bind([(number, pdus.SAMR, "1.0", [pdus.NDR]) for number in (1, 2)], call_id=2), True)
    read(contexts, pdus.bind_ack([(9, pdus.NDR)], call_id=2), False)
    assert [bind.result for _, _, bind in facts.binds] == ["accepted", "rejected", ""]

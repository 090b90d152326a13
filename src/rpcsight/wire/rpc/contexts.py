"""The presentation contexts of an association: what binds offer, and what their answers make of it. C706 12.6.3, [MS-RPCE] 3.3.1.5."""

from dataclasses import dataclass, field

from rpcsight.wire import Bind, Facts
from rpcsight.wire.rpc import dcom, pdu, towers
from rpcsight.wire.rpc.pdu import Header, Offer

__all__ = ["MAX_BINDS", "MAX_CONTEXTS", "Context", "Contexts"]

MAX_CONTEXTS = 256
"""Presentation contexts remembered: one for each interface in use; a DCOM client's association has a few dozen."""
MAX_BINDS = 8
"""Binds of one direction that wait for their answer: a client waits before it goes on."""

_RESULTS = {0: "accepted", 1: "rejected", 2: "rejected", 3: "negotiated"}  # C706 12.6.3.1, [MS-RPCE] 2.2.2.4
_SHORTEST_BIND, _SHORTEST_ANSWER = 12, 10
_ANSWERS = towers.ANSWERS | dcom.ANSWERS
_NO_ANSWERS: dict[int, str] = {}


@dataclass(slots=True, eq=False)
class Context:
    """What an association agreed on under one number.

    Args:
        interface, version: the abstract syntax.
        is_ndr64: whether NDR64 is its transfer syntax.
        answers: which operations' answers are read, by opnum.
    """

    interface: str
    version: str
    is_ndr64: bool
    answers: dict[int, str]


@dataclass(slots=True, eq=False)
class _Offered:
    """A bind, while its answer is awaited."""

    time_us: int
    is_to_server: bool
    offers: list[tuple[int, Context]]
    auth_type: int | None
    auth_level: int | None


@dataclass(slots=True)
class Contexts:
    """The contexts of one association, by number.

    Args:
        facts: where binds are written to.
        pipe, user: of the association.
    """

    facts: Facts
    pipe: str
    user: str
    _known: dict[int, Context] = field(default_factory=dict[int, Context])
    _waiting: dict[tuple[bool, int], _Offered] = field(default_factory=dict[tuple[bool, int], _Offered])

    @property
    def held_bytes(self) -> int:
        """About how much memory they take."""
        return 300 * len(self._known) + sum(500 * len(bind.offers) for bind in self._waiting.values())

    def get(self, context_id: int) -> Context | None:
        """The context of that number, if its bind was seen."""
        return self._known.get(context_id)

    def read(self, header: Header, body: bytes, time_us: int, is_to_server: bool) -> None:
        """Take a bind, an alter_context or an answer to one; ``body`` may be cut."""
        end = header.pdu_bytes - pdu.HEADER_BYTES
        auth_type = auth_level = None
        if header.auth_bytes:
            end -= header.auth_bytes + pdu.TRAILER_BYTES
            if len(body) >= end + pdu.TRAILER_BYTES:
                auth_type, auth_level, _ = pdu.read_verifier(body, end)
        if header.kind in {pdu.BIND, pdu.ALTER_CONTEXT}:
            is_whole = self._ask(header, body[:end], time_us, is_to_server, auth_type, auth_level)
        else:
            is_whole = self._answer(header, body[:end], is_to_server)
        if not is_whole:
            self.facts.losses["RPC binds that end early"] += 1

    def close(self) -> None:
        """Write the binds that wait for an answer."""
        for bind in self._waiting.values():
            self._write(bind, [])
        self._waiting.clear()

    def _offer(self, offer: Offer) -> Context:
        """The context that an offer would give: valid until the answer says otherwise, unless its number is in use."""
        answers = _ANSWERS.get(offer.interface, _NO_ANSWERS)
        context = Context(offer.interface, offer.version, offer.transfer == (pdu.NDR64,), answers)
        if offer.context_id not in self._known:
            self._remember(offer.context_id, context)
        return context

    def _remember(self, context_id: int, context: Context) -> None:
        if len(self._known) >= MAX_CONTEXTS and context_id not in self._known:
            del self._known[next(iter(self._known))]
            self.facts.losses["RPC presentation contexts forgotten"] += 1
        self._known[context_id] = context

    def _ask(
        self,
        header: Header,
        body: bytes,
        time_us: int,
        is_to_server: bool,
        auth_type: int | None,
        auth_level: int | None,
    ) -> bool:
        """Let a bind wait for its answer; whether it is whole."""
        offers, is_whole = pdu.read_bind(body, header.is_little) if len(body) >= _SHORTEST_BIND else ([], False)
        earlier = self._waiting.pop((is_to_server, header.call_id), None)
        if earlier is None and len(self._waiting) >= MAX_BINDS:
            self.facts.losses["RPC binds whose answer was not waited for"] += 1
            earlier = self._waiting.pop(next(iter(self._waiting)))
        if earlier is not None:
            self._write(earlier, [])
        contexts = [(offer.context_id, self._offer(offer)) for offer in offers]
        self._waiting[is_to_server, header.call_id] = _Offered(time_us, is_to_server, contexts, auth_type, auth_level)
        return is_whole

    def _answer(self, header: Header, body: bytes, is_to_server: bool) -> bool:
        """Write the bind that this answers; whether the answer is whole."""
        bind = self._waiting.pop((not is_to_server, header.call_id), None)
        if bind is None:
            self.facts.losses["RPC bind answers whose bind is unknown"] += 1
            return True
        if header.kind == pdu.BIND_NAK:
            self._write(bind, [("refused", "")] * len(bind.offers))
            return True
        results: list[tuple[int, str]] = []
        is_whole = len(body) >= _SHORTEST_ANSWER
        if is_whole:
            results, is_whole = pdu.read_bind_answer(body, header.is_little)
        self._write(bind, [(_RESULTS.get(code, "rejected"), transfer) for code, transfer in results])
        return is_whole

    def _write(self, bind: _Offered, results: list[tuple[str, str]]) -> None:
        """Write a bind's contexts, each with its result and transfer syntax; without one where there are fewer results."""
        padded = results + [("", "")] * (len(bind.offers) - len(results))
        for (context_id, context), (result, transfer) in zip(bind.offers, padded, strict=False):
            if result == "accepted":
                context.is_ndr64 = transfer == pdu.NDR64
                self._remember(context_id, context)
            elif result and self._known.get(context_id) is context:
                del self._known[context_id]
            fact = Bind(
                time_us=bind.time_us,
                is_to_server=bind.is_to_server,
                context_id=context_id,
                interface=context.interface,
                version=context.version,
                result=result,
                auth_type=bind.auth_type,
                auth_level=bind.auth_level,
            )
            self.facts.binds.append((self.pipe, self.user, fact))

"""The calls of an association: requests and their answers, matched by number. C706 12.6.4."""

from dataclasses import dataclass, field

from rpcsight.wire import Call, Facts
from rpcsight.wire.rpc import dcom, towers
from rpcsight.wire.rpc.contexts import Context

__all__ = ["MAX_ANSWER_BYTES", "MAX_CALLS", "Asked", "Calls"]

MAX_CALLS = 256
"""Calls of an association that wait for their answer: one after the other is usual, some dozens are multiplexed."""
MAX_ANSWER_BYTES = 256 * 1024
"""Stub of one answer that is kept to be read: 500 towers, the most a client asks for, take about 100 KiB."""

_ENCRYPTED = 6  # authentication level "packet privacy", [MS-RPCE] 2.2.1.1.8


@dataclass(slots=True, eq=False)
class Asked:
    """A request, while its answer is awaited.

    Args:
        time_us, is_to_server, call_id, context_id, opnum: as in `Call`.
        context: what its context stands for; None where the bind was not seen.
        wanted: what its answer is read for, a name out of `towers` or `dcom`; "" for nothing.
        gaps: gaps of the answering direction before the answer began.
        answer: the answer's stub so far, where it is wanted.
    """

    time_us: int
    is_to_server: bool
    call_id: int
    context_id: int
    opnum: int
    context: Context | None
    wanted: str
    gaps: int = 0
    answer: bytearray | None = None
    is_answered: bool = False
    fault: int | None = None
    auth_type: int | None = None
    auth_level: int | None = None
    request_bytes: int = 0
    response_bytes: int = 0


@dataclass(slots=True)
class Calls:
    """The calls of one association that wait for their answer.

    Args:
        facts: where calls and mappings are written to.
        pipe, user: of the association.
    """

    facts: Facts
    pipe: str
    user: str
    _waiting: dict[tuple[bool, int], Asked] = field(default_factory=dict[tuple[bool, int], Asked])

    @property
    def held_bytes(self) -> int:
        """About how much memory they take."""
        return sum(400 + len(call.answer or b"") for call in self._waiting.values())

    def ask(self, call: Asked) -> None:
        """Take a call by its first fragment."""
        earlier = self._waiting.pop((call.is_to_server, call.call_id), None)
        if earlier is None and len(self._waiting) >= MAX_CALLS:
            self.facts.losses["RPC calls whose answer was not waited for"] += 1
            earlier = self._waiting.pop(next(iter(self._waiting)))
        if earlier is not None:
            self._write(earlier)
        self._waiting[call.is_to_server, call.call_id] = call

    def asked(self, call_id: int, is_to_server: bool) -> Asked | None:
        """The call that a later fragment of a request belongs to."""
        call = self._waiting.get((is_to_server, call_id))
        if call is None:
            self.facts.losses["RPC request fragments whose call is unknown"] += 1
        return call

    def answered(self, call_id: int, is_to_server: bool, gaps: int) -> Asked | None:
        """The call that a fragment of an answer belongs to; ``is_to_server``: the answer's direction, ``gaps``: in it so far."""
        call = self._waiting.get((not is_to_server, call_id))
        if call is None:
            self.facts.losses["RPC answers whose request is unknown"] += 1
        elif not call.is_answered:
            call.is_answered = True
            call.gaps = gaps
        return call

    def keep(self, call: Asked, stub: bytes, auth_level: int | None) -> None:
        """A fragment's part of an answer that is wanted."""
        if auth_level is not None and auth_level >= _ENCRYPTED:
            self._give_up(call, "encrypted RPC answers that name endpoints")
            return
        if call.answer is None:
            call.answer = bytearray()
        call.answer += stub
        if len(call.answer) > MAX_ANSWER_BYTES:
            self._give_up(call, f"RPC answers that name endpoints in more than {MAX_ANSWER_BYTES} bytes")

    def finish(self, call: Asked, time_us: int, is_little: bool, gaps: int) -> None:
        """The last fragment of the answer has come."""
        if self._waiting.get((call.is_to_server, call.call_id)) is call:
            del self._waiting[call.is_to_server, call.call_id]
            if call.answer is not None and call.fault is None:
                self._read_answer(call, bytes(call.answer), time_us, is_little, gaps)
            self._write(call)

    def close(self) -> None:
        """Write the calls that wait for their answer."""
        for call in self._waiting.values():
            self._write(call)
        self._waiting.clear()

    def _give_up(self, call: Asked, reason: str) -> None:
        call.wanted, call.answer = "", None
        self.facts.losses[reason] += 1

    def _read_answer(self, call: Asked, stub: bytes, time_us: int, is_little: bool, gaps: int) -> None:
        if gaps != call.gaps:
            self._give_up(call, "RPC answers that name endpoints, cut by missing bytes")
            return
        if call.wanted in {"ept_map", "ept_lookup"}:
            is_ndr64 = call.context is not None and call.context.is_ndr64
            mappings, is_whole = towers.read_answer(stub, call.wanted, time_us, is_little, is_ndr64)
            if not is_whole:
                self.facts.losses["endpoint mapper's answers that end early"] += 1
        else:
            mappings = dcom.read_answer(stub, call.wanted, time_us, is_little)
        self.facts.mappings.extend((self.pipe, self.user, mapping) for mapping in mappings)

    def _write(self, call: Asked) -> None:
        context = call.context
        fact = Call(
            call.time_us,
            call.is_to_server,
            call.call_id,
            call.context_id,
            context.interface if context is not None else None,
            context.version if context is not None else None,
            call.opnum,
            call.is_answered,
            call.fault,
            call.auth_type,
            call.auth_level,
            call.request_bytes,
            call.response_bytes,
        )
        self.facts.calls.append((self.pipe, self.user, fact))

"""One association of connection-oriented DCE/RPC, on a TCP connection or in a named pipe: its binds, calls and answers.

C706 chapter 12; [MS-RPCE] 3.3. PDUs are recognised as their bytes come: a call's head and its trailer are looked at, its stub is
passed over, except for answers that name endpoints.
"""

import struct
from dataclasses import dataclass, field

from rpcsight.wire import Facts, Outlook
from rpcsight.wire.rpc import pdu
from rpcsight.wire.rpc.calls import Asked, Calls
from rpcsight.wire.rpc.contexts import Contexts
from rpcsight.wire.rpc.pdu import Header

__all__ = ["Association"]

_WHOLE_CALL = struct.Struct("<HBBIHHI4xHH")
"""Both heads of a little-endian request or response: versions, type, flags, drep, length, trailer's length, call, context, opnum."""
_WHOLE_KINDS = frozenset({pdu.REQUEST, pdu.RESPONSE})
_VERSIONS, _LITTLE_ENDIAN = frozenset({0x0005, 0x0105}), frozenset({0x10, 0x11})
_CALL_HEADS = {True: struct.Struct("<IHH"), False: struct.Struct(">IHH")}
_STATUS = {True: struct.Struct("<I"), False: struct.Struct(">I")}
_FAULT_HEAD_BYTES = 12
_OBJECT_BYTES = 16
_HEADER, _CALL, _TRAILER, _BODY = range(4)
_BINDS = frozenset({pdu.BIND, pdu.ALTER_CONTEXT, pdu.BIND_ACK, pdu.ALTER_CONTEXT_RESP, pdu.BIND_NAK})
_CALLS = frozenset({pdu.REQUEST, pdu.RESPONSE, pdu.FAULT})


_NO_HEADER = Header(0, 0, True, 0, 0, 0)
_OUT_OF_STEP = "RPC streams out of step: bytes that begin no PDU"
_NO_RPC = "directions of named pipes that begin with something else than RPC"


@dataclass(slots=True, eq=False)
class _Lane(Outlook):
    """One direction, as far as it was read; ``is_seeking`` while lost and nothing is held.

    Args:
        is_to_server: which direction.
        stage: what the next bytes are, after those that are passed over.
        need: how many of them have to be there; a PDU has 65,535 bytes at most.
        held: those of them that have come.
        is_lost: whether the beginning of a PDU is looked for.
        has_begun: whether any PDU was read.
        gaps: how often bytes were missing.
        time_us: when the current PDU began.
        header: of the current PDU.
        call: that the current PDU is a fragment of.
    """

    is_to_server: bool = False
    stage: int = _HEADER
    need: int = pdu.HEADER_BYTES
    held: bytearray = field(default_factory=bytearray)
    is_lost: bool = False
    has_begun: bool = False
    gaps: int = 0
    time_us: int = 0
    header: Header = _NO_HEADER
    call: Asked | None = None

    def expect(self, stage: int, need: int, skip: int = 0) -> None:
        """Pass ``skip`` bytes over, then gather ``need`` for ``stage``."""
        self.stage, self.need, self.skip = stage, need, skip

    def next_pdu(self, skip: int = 0) -> None:
        """Pass ``skip`` bytes over, then a PDU begins."""
        self.stage, self.need, self.skip, self.call = _HEADER, pdu.HEADER_BYTES, skip, None


class Association:
    """A `Stream`: writes binds, calls and mappings to ``facts``.

    Args:
        facts: where to.
        pipe: the named pipe that carries it; "" on TCP.
        user: who opened the pipe; "" unknown.
    """

    __slots__ = ("_calls", "_contexts", "_facts", "_is_pipe", "sides")

    def __init__(self, facts: Facts, pipe: str = "", user: str = "") -> None:
        self._facts = facts
        self._is_pipe = pipe != ""
        self._contexts = Contexts(facts, pipe, user)
        self._calls = Calls(facts, pipe, user)
        self.sides = (_Lane(is_to_server=False), _Lane(is_to_server=True))

    @property
    def held_bytes(self) -> int:
        """About how much memory is in use for what has not come to its end."""
        return self._contexts.held_bytes + self._calls.held_bytes + sum(len(lane.held) for lane in self.sides)

    def feed(self, time_us: int, is_to_server: bool, data: bytes) -> None:
        """The next bytes of one direction."""
        lane = self.sides[is_to_server]
        if lane.is_seeking and not _can_begin(data):
            return
        at, end, held = 0, len(data), lane.held
        while at < end:
            skip = lane.skip
            if skip:
                lane.skip = max(skip - (end - at), 0)
                at += skip
                continue
            stage, need = lane.stage, lane.need
            if held:
                need -= len(held)
            elif stage == _HEADER:
                lane.time_us = time_us
                if end - at >= _WHOLE_CALL.size and (size := self._read_whole(lane, data, at, end)):
                    at += size
                    lane.skip = max(at - end, 0)
                    continue
            piece = data[at : at + need]
            at += need
            if held or at > end:
                held += piece
                if at > end:
                    lane.is_seeking = False
                    return
                piece = bytes(held)
                held.clear()
            if stage == _HEADER:
                if not self._read_header(lane, piece):
                    return
            elif stage == _CALL:
                self._read_call(lane, piece)
            else:
                (self._read_trailer if stage == _TRAILER else self._read_body)(lane, piece, time_us)

    def gap(self, is_to_server: bool) -> None:
        """Bytes of this direction are missing: look for the next PDU that begins a piece."""
        lane = self.sides[is_to_server]
        if lane.is_seeking:
            lane.gaps += 1
        else:
            self._break_off(lane)

    def close(self) -> None:
        """Write down what waits for an answer."""
        for lane in self.sides:
            if lane.stage != _HEADER or lane.held or lane.skip:
                self._break_off(lane)
        self._calls.close()
        self._contexts.close()

    def _break_off(self, lane: _Lane) -> None:
        """Give up the current PDU, and look for the next."""
        self._facts.losses["RPC streams interrupted by missing bytes"] += 1
        if lane.stage == _BODY and lane.header.kind in _BINDS:
            self._contexts.read(lane.header, bytes(lane.held), lane.time_us, lane.is_to_server)
        lane.gaps += 1
        self._end_fragment(lane, lane.time_us)
        lane.held.clear()
        lane.next_pdu()
        lane.is_lost = lane.is_seeking = True

    def _read_whole(self, lane: _Lane, data: bytes, at: int, end: int) -> int:
        """Read a request or response of which all that matters is there, the usual case; its length, 0 for any other."""
        versions, kind, flags, drep, size, auth, call_id, context_id, opnum = _WHOLE_CALL.unpack_from(data, at)
        if kind not in _WHOLE_KINDS or versions not in _VERSIONS or drep not in _LITTLE_ENDIAN:
            return 0
        stub, pad, trailer = size - _WHOLE_CALL.size, 0, at
        if auth:
            stub -= auth + pdu.TRAILER_BYTES
            trailer = at + _WHOLE_CALL.size + stub
        if stub < 0 or trailer + pdu.TRAILER_BYTES > end:
            return 0
        if auth:
            pad = data[trailer + 2]
        if kind == pdu.REQUEST:
            call = self._asked(lane, call_id, flags, context_id, opnum)
            if call is not None:
                stub -= _OBJECT_BYTES if flags & pdu.OBJECT_UUID else 0
                call.request_bytes = max(call.request_bytes + max(stub, 0) - pad, 0)
                if auth and flags & pdu.FIRST_FRAGMENT:
                    call.auth_type, call.auth_level, _ = pdu.read_verifier(data, trailer)
        else:
            call = self._calls.answered(call_id, lane.is_to_server, lane.gaps)
            if call is not None:
                if call.wanted:
                    return 0
                call.response_bytes = max(call.response_bytes + stub - pad, 0)
                if flags & pdu.LAST_FRAGMENT:
                    self._calls.finish(call, lane.time_us, True, lane.gaps)
        lane.has_begun, lane.is_lost, lane.is_seeking = True, False, False
        return size

    def _read_header(self, lane: _Lane, piece: bytes) -> bool:
        """Where a PDU begins; False where none does, and the rest of the data is of no use."""
        header = pdu.read_header(piece)
        if header is None:
            if not lane.is_lost:
                is_other = self._is_pipe and not lane.has_begun and not lane.gaps
                self._facts.losses[_NO_RPC if is_other else _OUT_OF_STEP] += 1
                lane.gaps += 1
            lane.is_lost = lane.is_seeking = True
            return False
        lane.is_lost = lane.is_seeking = False
        lane.has_begun = True
        lane.header = header
        if header.kind in _CALLS:
            lane.expect(_CALL, _FAULT_HEAD_BYTES if header.kind == pdu.FAULT else pdu.CALL_HEAD_BYTES)
        elif header.kind in _BINDS:
            lane.expect(_BODY, header.pdu_bytes - pdu.HEADER_BYTES)
        else:
            lane.next_pdu(header.pdu_bytes - pdu.HEADER_BYTES)
        return True

    def _read_call(self, lane: _Lane, piece: bytes) -> None:
        """The head of a request, response or fault; its trailer tells how much of the stub is padding."""
        header = lane.header
        rest = header.pdu_bytes - pdu.HEADER_BYTES - len(piece)
        stub = rest - (header.auth_bytes + pdu.TRAILER_BYTES if header.auth_bytes else 0)
        if header.kind == pdu.REQUEST:
            _, context_id, opnum = _CALL_HEADS[header.is_little].unpack(piece)
            call = lane.call = self._asked(lane, header.call_id, header.flags, context_id, opnum)
            if call is not None:
                call.request_bytes += max(stub - (_OBJECT_BYTES if header.flags & pdu.OBJECT_UUID else 0), 0)
        else:
            call = lane.call = self._calls.answered(header.call_id, lane.is_to_server, lane.gaps)
            if call is not None and header.kind == pdu.FAULT:
                (call.fault,) = _STATUS[header.is_little].unpack_from(piece, 8)
            elif call is not None:
                call.response_bytes += stub
                if call.wanted and rest:
                    lane.expect(_BODY, rest)
                    return
        if call is not None and header.auth_bytes:
            lane.expect(_TRAILER, pdu.TRAILER_BYTES, stub)
            return
        self._end_fragment(lane, lane.time_us)
        lane.next_pdu(rest)

    def _asked(self, lane: _Lane, call_id: int, flags: int, context_id: int, opnum: int) -> Asked | None:
        """The call that a request is a fragment of."""
        if not flags & pdu.FIRST_FRAGMENT:
            return self._calls.asked(call_id, lane.is_to_server)
        context = self._contexts.get(context_id)
        wanted = context.answers.get(opnum, "") if context is not None else ""
        call = Asked(lane.time_us, lane.is_to_server, call_id, context_id, opnum, context, wanted)
        self._calls.ask(call)
        return call

    def _read_trailer(self, lane: _Lane, piece: bytes, time_us: int) -> None:
        verifier = pdu.read_verifier(piece)
        call, header = lane.call, lane.header
        if call is not None and header.kind == pdu.REQUEST:
            call.request_bytes = max(call.request_bytes - verifier.pad_bytes, 0)
            if header.flags & pdu.FIRST_FRAGMENT:
                call.auth_type, call.auth_level = verifier.auth_type, verifier.auth_level
        elif call is not None and header.kind == pdu.RESPONSE:
            call.response_bytes = max(call.response_bytes - verifier.pad_bytes, 0)
        self._end_fragment(lane, time_us)
        lane.next_pdu(header.auth_bytes)

    def _read_body(self, lane: _Lane, piece: bytes, time_us: int) -> None:
        """The whole of a bind or its answer, or of a wanted answer's fragment: stub, padding, trailer."""
        call, header, end, level = lane.call, lane.header, len(piece), None
        if call is None:
            self._contexts.read(header, piece, lane.time_us, lane.is_to_server)
        else:
            if header.auth_bytes:
                start = end - header.auth_bytes - pdu.TRAILER_BYTES
                verifier = pdu.read_verifier(piece, start)
                end = max(start - verifier.pad_bytes, 0)
                call.response_bytes = max(call.response_bytes - (start - end), 0)
                level = verifier.auth_level
            self._calls.keep(call, piece[:end], level)
        self._end_fragment(lane, time_us)
        lane.next_pdu()

    def _end_fragment(self, lane: _Lane, time_us: int) -> None:
        """A fragment is over, and with the last one of an answer its call."""
        call, header = lane.call, lane.header
        lane.call = None
        if call is None or header.kind == pdu.REQUEST:
            return
        if header.kind == pdu.FAULT or header.flags & pdu.LAST_FRAGMENT:
            self._calls.finish(call, time_us, header.is_little, lane.gaps)


def _can_begin(data: bytes) -> bool:
    """Whether a PDU can begin here, as far as ``data`` shows."""
    if data[:1] != b"\5":
        return False
    if len(data) < pdu.HEADER_BYTES:
        return data[1:2] in {b"", b"\0", b"\1"}
    return pdu.read_header(data) is not None

"""Captures: pcap and pcapng files as columns of frames, block by block, whatever their size."""

from collections import Counter
from collections.abc import Iterable, Iterator

from rpcsight.wire.capture import pcap, pcapng
from rpcsight.wire.capture.frames import BLOCK_BYTES, Frames, Tape
from rpcsight.wire.capture.magic import PCAP, is_capture

__all__ = ["frames"]


def frames(chunks: Iterable[bytes], losses: Counter[str], block_bytes: int = BLOCK_BYTES) -> Iterator[Frames]:
    """The frames of a capture, in the order of the file.

    Args:
        chunks: the (unpacked) file, in pieces of any size.
        losses: what could not be read is counted here, by reason; complete when the frames are at their end.
        block_bytes: about how many bytes to take at once.

    Yields:
        Frames of one block each, none without any.
    """
    tape = Tape(chunks, block_bytes)
    if not tape.ready(4) or not is_capture(head := bytes(tape.data[:4])):
        losses["neither a pcap nor a pcapng capture"] += 1
        return
    yield from (pcap if head in PCAP else pcapng).frames(tape, losses)

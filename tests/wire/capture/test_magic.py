"""Which files are captures."""

import subprocess
import sys

from rpcsight.wire.capture.magic import is_capture
from tests.wire.build import pcap, pcapng


def test_captures_are_known_by_their_first_bytes() -> None:
    for order in "<>":
        for magic in (0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34):
            assert is_capture(pcap([], order=order, magic=magic))
        assert is_capture(pcapng([], order=order))
    assert not any(map(is_capture, (b"", b"\n\r\r", b"PAR1" + bytes(40), b"\x0a\x0d\x0d\x0b")))


def test_readers_are_found_without_numpy() -> None:
    code = "import sys; from rpcsight.readers import all_readers; all_readers(); print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"False\n"

"""Turns nfcapd files into csv through the installed nfdump, and nfdump's JSON array into JSON lines."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from rpcsight.errors import InputError
from rpcsight.readers import NoFlows
from rpcsight.readers._inputs import Input, blocks

__all__ = ["OWN_COLUMNS", "dumped", "json_lines"]

BLOCK_BYTES = 1 << 20
LONGEST_MEMBER_BYTES = 1 << 20
SAID_BYTES = 400
NO_FLOWS = b"No matching flows"
BETWEEN = re.compile(rb"\}[ ,\[\]]*\{")
LINE_ENDS_TO_BLANKS = bytes.maketrans(b"\r\n\t", b"   ")
OWN_COLUMNS = ("ts", "te", "sa", "sp", "da", "dp", "pr", "flg", "ra")
OWN_FORMAT = "fmt:%ts,%te,%sa,%sp,%da,%dp,%pr,%flg,%ra"
OWN_HEADER = "#rpcsight " + ",".join(OWN_COLUMNS)


def dumped(item: Input) -> Iterator[bytes]:
    program = shutil.which("nfdump")
    if program is None:
        raise InputError(
            item.source, "is an nfcapd file, and there is no nfdump to read it", "install it: apt-get install nfdump"
        )
    is_given = False
    with _as_file(item) as file, tempfile.TemporaryFile() as words:
        command = [program, "-r", f"/dev/fd/{file.fileno()}", "-6", "-q", "-N", "-o", OWN_FORMAT]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=words, env={**os.environ, "TZ": "UTC"}, pass_fds=[file.fileno()]
        ) as process:
            if process.stdout is None:  # pragma: no cover - PIPE gives it
                return
            while block := process.stdout.read(BLOCK_BYTES):
                if not is_given and block.startswith(NO_FLOWS):
                    break
                if not is_given:
                    yield (OWN_HEADER + "\n").encode()
                    is_given = True
                yield block
        words.seek(0)
        said = words.read(SAID_BYTES).decode(errors="replace").strip().replace(f"/dev/fd/{file.fileno()}", "it")
    # nfdump ends with 0 even where it could not read the file; it says so on stderr.
    if process.returncode or said:
        reason = said.splitlines()[0] if said else f"exit code {process.returncode}"
        raise InputError(
            item.source, f"nfdump could not read it ({reason})", "is it whole, and of a version that your nfdump knows?"
        )
    if not is_given:
        raise NoFlows("nfcapd file without records")


@contextmanager
def _as_file(item: Input) -> Iterator[BinaryIO]:
    """The file, or an unpacked copy without a name: nfdump seeks."""
    if not item.compression:
        with item.path.open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as copy:
        for block in blocks(item):
            copy.write(block)
        copy.flush()
        yield cast("BinaryIO", copy)


def json_lines(item: Input) -> Iterator[bytes]:
    """Nfdump's array (or several of them), one member a line. Members hold no objects and no lists, so each ends with its first
    `}`; only what stands between them and line ends are replaced: a file cut in the middle loses its last member and nothing else.
    """
    rest = b""
    is_cut = False  # inside something too long to be a member, whose beginning has been given
    for block in blocks(item):
        text = rest + block
        if is_cut:
            begin = text.find(b"\n{") + 1
            is_cut = not begin
            text = text[begin:] if begin else text[-1:]
        cut = 0 if is_cut else text.rfind(b"}") + 1
        if cut:
            yield _joined(text[:cut])
        rest = text[cut:]
        if len(rest) > LONGEST_MEMBER_BYTES:
            yield _joined(rest[:SAID_BYTES])
            rest = b""
            is_cut = True
    if not is_cut and rest.strip(b" \t\r\n,]"):
        yield _joined(rest)


def _joined(text: bytes) -> bytes:
    return BETWEEN.sub(b"}\n{", text.translate(LINE_ENDS_TO_BLANKS)).lstrip(b" ,[]") + b"\n"

"""Run a client built on impacket, and log each call that it makes: a line `call UUID OPNUM` among what it prints.

    logged.py PROGRAM ARGUMENT...

Clients of Samba do so themselves, with `-d 11`.
"""

# impacket has no type information.
# pyright: reportMissingImports=false, reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from weakref import WeakKeyDictionary

from impacket.dcerpc.v5.rpcrt import DCERPC_v5
from impacket.uuid import bin_to_string

UUID_BYTES = 16

plain_bind, plain_call = DCERPC_v5.bind, DCERPC_v5.call
bound: WeakKeyDictionary[object, str] = WeakKeyDictionary()


def bind(self: object, iface_uuid: bytes, *arguments: object, **options: object) -> object:
    """Bind, and remember to what."""
    bound[self] = bin_to_string(iface_uuid[:UUID_BYTES]).lower()
    return plain_bind(self, iface_uuid, *arguments, **options)


def call(self: object, function: int, *arguments: object, **options: object) -> object:
    """Log the call, and make it."""
    print("call", bound[self], function, flush=True)
    return plain_call(self, function, *arguments, **options)


def main() -> None:
    """Run the program with its own arguments, its folder the first place to look for modules."""
    DCERPC_v5.bind, DCERPC_v5.call = bind, call
    del sys.argv[0]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()

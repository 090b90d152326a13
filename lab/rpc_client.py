"""An RPC client whose connections take a chosen shape, built on impacket.

Ordinary clients open one mapper connection for each look-up and call at once. This one can wait, share a mapper
connection between look-ups, go to a known port without asking, or ask and not call.

    rpc_client.py SERVER INTERFACE... [--one-mapper] [--wait SECONDS] [--port PORT]
                  [--no-call] [--unsigned]

The password is taken from the environment variable LAB_PASSWORD.
"""

# impacket has no type information, and only this file of the project uses it.
# pyright: reportMissingImports=false, reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportAttributeAccessIssue=false
# pyright: reportAssignmentType=false

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from impacket.dcerpc.v5 import drsuapi, epm, lsad, nrpc, rrp, samr, srvs, transport, wkst
from impacket.dcerpc.v5.rpcrt import RPC_C_AUTHN_LEVEL_CONNECT, RPC_C_AUTHN_LEVEL_PKT_PRIVACY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Rpc(Protocol):
    """The part of impacket's DCERPC_v5 that is used here."""

    bind: Callable[..., Any]

    def connect(self) -> object:
        """Open the connection."""
        ...

    def disconnect(self) -> object:
        """Close the connection."""
        ...

    def set_auth_level(self, auth_level: int) -> object:
        """Choose how much of each call is protected."""
        ...


INTERFACES: Final[dict[str, bytes]] = {
    "drsuapi": drsuapi.MSRPC_UUID_DRSUAPI,
    "lsarpc": lsad.MSRPC_UUID_LSAD,
    "netlogon": nrpc.MSRPC_UUID_NRPC,
    "samr": samr.MSRPC_UUID_SAMR,
    "srvsvc": srvs.MSRPC_UUID_SRVS,
    "winreg": rrp.MSRPC_UUID_RRP,
    "wkssvc": wkst.MSRPC_UUID_WKST,
}


def use_samr(rpc: Rpc) -> None:
    """List the account domains."""
    server = samr.hSamrConnect(rpc)["ServerHandle"]
    samr.hSamrEnumerateDomainsInSamServer(rpc, server)


def use_srvsvc(rpc: Rpc) -> None:
    """List the shares."""
    srvs.hNetrShareEnum(rpc, 1)


def use_winreg(rpc: Rpc) -> None:
    """Open HKEY_LOCAL_MACHINE and ask for its version."""
    key = rrp.hOpenLocalMachine(rpc)["phKey"]
    rrp.hBaseRegGetVersion(rpc, key)


def use_wkssvc(rpc: Rpc) -> None:
    """Ask for the computer's name and version."""
    wkst.hNetrWkstaGetInfo(rpc, 100)


# An interface that is not here is bound and left.
USES: Final[dict[str, Callable[[Rpc], None]]] = {
    "samr": use_samr,
    "srvsvc": use_srvsvc,
    "winreg": use_winreg,
    "wkssvc": use_wkssvc,
}


def open_mapper(server: str) -> Rpc:
    """Connect and bind to the endpoint mapper on 135/tcp."""
    mapper = cast("Rpc", transport.DCERPCTransportFactory(f"ncacn_ip_tcp:{server}[135]").get_dce_rpc())
    mapper.connect()
    mapper.bind(epm.MSRPC_UUID_PORTMAP)
    # hept_map() binds again for each look-up, which Samba refuses.
    mapper.bind = lambda *_args, **_options: None
    return mapper


def look_up(server: str, names: Sequence[str], *, share: bool) -> list[str]:
    """Ask the mapper of *server* where the interfaces *names* are; with *share*, over one connection."""
    found: list[str] = []
    mapper: Rpc | None = None
    for name in names:
        if mapper is None or not share:
            mapper = open_mapper(server)
        found.append(cast("str", epm.hept_map(server, INTERFACES[name], protocol="ncacn_ip_tcp", dce=mapper)))
        if not share:
            mapper.disconnect()
    return found


def call(binding: str, name: str, password: str, level: int) -> None:
    """Connect to an endpoint, authenticate, bind the interface and use it."""
    endpoint = transport.DCERPCTransportFactory(binding)
    endpoint.set_credentials("Administrator", password, "LAB")
    rpc = cast("Rpc", endpoint.get_dce_rpc())
    rpc.set_auth_level(level)
    rpc.connect()
    rpc.bind(INTERFACES[name])
    if name in USES:
        USES[name](rpc)
    rpc.disconnect()


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description="RPC client with connections of a chosen shape")
    parser.add_argument("server")
    parser.add_argument("interfaces", nargs="+", choices=sorted(INTERFACES), metavar="INTERFACE")
    parser.add_argument("--one-mapper", action="store_true", help="all look-ups over one mapper connection")
    parser.add_argument("--wait", type=float, default=0.0, metavar="SECONDS", help="between look-up and call")
    parser.add_argument("--port", type=int, help="call this port without a look-up")
    parser.add_argument("--no-call", action="store_true", help="look up only")
    parser.add_argument("--unsigned", action="store_true", help="log on, but neither sign nor encrypt the calls")
    return parser.parse_args(argv)


def main(argv: Sequence[str]) -> None:
    """Look up, wait, call."""
    options = arguments(argv)
    names: list[str] = options.interfaces
    if options.port is not None:
        bindings = [f"ncacn_ip_tcp:{options.server}[{options.port}]"] * len(names)
    else:
        bindings = look_up(options.server, names, share=options.one_mapper)
    print(*bindings, sep="\n")
    time.sleep(options.wait)
    if not options.no_call:
        level = RPC_C_AUTHN_LEVEL_CONNECT if options.unsigned else RPC_C_AUTHN_LEVEL_PKT_PRIVACY
        for binding, name in zip(bindings, names, strict=True):
            call(binding, name, os.environ["LAB_PASSWORD"], level)


if __name__ == "__main__":
    main(sys.argv[1:])

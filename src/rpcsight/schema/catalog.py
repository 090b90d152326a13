"""The catalogue of RPC interfaces and operations, as tables that analytics may join."""

from rpcsight.schema.column import Column

__all__ = ["CATALOG"]

_CALLED: tuple[Column, ...] = (
    Column("interface", "VARCHAR", "UUID of the interface, lower case"),
    Column("opnum", "INTEGER", "the operation's number there"),
)

CATALOG: dict[str, tuple[Column, ...]] = {
    "rpc_interface": (
        _CALLED[0],
        Column("name", "VARCHAR", "its protocol document's name; empty where none is known"),
        Column("documents", "VARCHAR", "its protocol documents, such as MS-SCMR"),
        Column("process", "VARCHAR", "the program that answers, such as services.exe"),
        Column("service", "VARCHAR", "the Windows service it belongs to"),
    ),
    "rpc_operation": (*_CALLED, Column("name", "VARCHAR", "its name")),
    "rpc_name": (
        Column("interface_name", "VARCHAR", "the interface as logs of calls name it that give no UUID, lower case"),
        Column("operation", "VARCHAR", "the operation as they name it, lower case"),
        *_CALLED,
        Column("meanings", "INTEGER", "how many operations are called so"),
    ),
    "rpc_technique": (
        *_CALLED,
        Column("technique", "VARCHAR", "an ATT&CK technique that it can serve"),
        Column("weight", "DOUBLE", "0 to 1: how strongly it alone speaks for that, against everyday administration"),
        Column("reason", "VARCHAR", "why, in a sentence"),
    ),
}
"""What is known of interfaces and operations beforehand: relations that come with rpcsight."""

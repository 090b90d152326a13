"""What analytics that name a technique find: one shape for all of them."""

from rpcsight.schema.column import Column

__all__ = ["DETECTION"]

DETECTION: tuple[Column, ...] = (
    Column("analytic", "VARCHAR", "id of the analytic"),
    Column("technique", "VARCHAR", "ATT&CK technique id"),
    Column("tier", "VARCHAR", "how the service is known: decoded, process or learned; empty where it is not"),
    Column("confidence", "DOUBLE", "0 to 1: how sure it is that this was done"),
    Column(
        "weight", "DOUBLE", "0 to 1: how strongly it alone speaks for the technique, against everyday administration"
    ),
    Column("start_time", "TIMESTAMP", "first of what it is made of, UTC"),
    Column("end_time", "TIMESTAMP", "last of it"),
    Column("src_ip", "VARCHAR", "the client; empty where only the server's own log tells, and not who called"),
    Column("dest_ip", "VARCHAR", "the server; empty where many, or where only its name is known"),
    Column("host", "VARCHAR", "the server's name, where its own log is part of the evidence"),
    Column("user_name", "VARCHAR", "who did it, as DOMAIN\\user; empty where unknown"),
    Column("service", "VARCHAR", "the RPC interface by name, such as svcctl; else the program that answers"),
    Column("operation", "VARCHAR", "the operation by name; empty where only connections show"),
    Column("events", "BIGINT", "how many calls, connections or records it is made of"),
    Column(
        "target", "VARCHAR", "what was made or touched: a service, a task, a file, how many servers, a path of hosts"
    ),
    Column("image_path", "VARCHAR", "the program that started on the server in consequence"),
    Column("command_line", "VARCHAR", "how that was called"),
    Column("flow_id", "VARCHAR", "flow_id of the first connection, where its record is named"),
    Column("observer", "VARCHAR", "what recorded the first of it"),
    Column("source", "VARCHAR", "the file that stands in"),
)
"""Each thing done that an ATT&CK technique has a name for: by client, server, technique and operation, and hour where it is repeated."""

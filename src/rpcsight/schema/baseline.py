"""What is learned of a network, and what is made of that for a hunt: the tables of a workspace."""

from rpcsight.schema.column import Column

__all__ = ["ASSET", "BASELINE", "LEARNED", "LEARNED_INPUT", "LEARNED_KEYS"]

PAIR_DAY: tuple[Column, ...] = (
    Column("src_ip", "VARCHAR", "the client"),
    Column("dest_ip", "VARCHAR", "the server"),
    Column("day", "INTEGER", "days since 1970, UTC"),
    Column("mappers", "BIGINT", "records of answered connections to the endpoint mapper"),
    Column("endpoints", "BIGINT", "records of answered connections to dynamic ports"),
    Column("smb", "BIGINT", "records of answered connections to SMB (port 445)"),
    Column("failed", "BIGINT", "records of connections to the mapper or to dynamic ports that were not answered"),
    Column("hours", "INTEGER", "bit mask of the hours, UTC, in which answered connections began"),
    Column("first_us", "BIGINT", "first of all, in microseconds since 1970 UTC"),
    Column("last_us", "BIGINT", "start of the last"),
    Column("busy_us", "BIGINT", "how long answered connections lasted, together"),
)
"""A client and server, a day. Only sums, minima, maxima and unions: any split of the records,
in any order, gives the same."""

DEED_DAY: tuple[Column, ...] = (
    Column("src_ip", "VARCHAR", "the client"),
    Column("dest_ip", "VARCHAR", "the server"),
    Column("service", "VARCHAR", "the interface called, by name, else its UUID"),
    Column("operation", "VARCHAR", "the operation, where it can serve a technique; else ''"),
    Column("user_name", "VARCHAR", "who called; '' where unknown"),
    Column("day", "INTEGER", "days since 1970, UTC"),
    Column("calls", "BIGINT", "how many"),
    Column("bytes", "BIGINT", "stub data asked and answered"),
    Column("hours", "INTEGER", "bit mask of the hours, UTC"),
    Column("first_us", "BIGINT", "the first, in microseconds since 1970 UTC"),
    Column("last_us", "BIGINT", "the last"),
)
"""What a client called on a server, a day."""

ENDPOINT_DAY: tuple[Column, ...] = (
    Column("dest_ip", "VARCHAR", "the server"),
    Column("dest_port", "INTEGER", "its dynamic port"),
    Column("service", "VARCHAR", "what was called on it; '' where nothing tells"),
    Column("day", "INTEGER", "days since 1970, UTC"),
    Column("records", "BIGINT", "records of answered connections, or calls where a service is named"),
)
"""A server's endpoint, a day."""

LEASE_EVENT: tuple[Column, ...] = (
    Column("host", "VARCHAR", "the host: mac: and its hardware address, else host: and its name"),
    Column("ip", "VARCHAR", "the address"),
    Column("hostname", "VARCHAR", "the name that the host gave; '' where it gave none"),
    Column("day", "INTEGER", "days since 1970, UTC"),
    Column(
        "at_us",
        "BIGINT",
        "when it was granted, renewed or given back, or the hour in which the host used it, in microseconds since 1970 UTC",
    ),
    Column(
        "until_us",
        "BIGINT",
        "when that ends; at once where it was given back; 24 hours later where the host's own log tells it",
    ),
    Column("records", "BIGINT", "how many records of leases tell it; 0: the host's own log does"),
)
"""Which host has which address."""

LEARNED: dict[str, tuple[Column, ...]] = {
    "pair_day": PAIR_DAY,
    "deed_day": DEED_DAY,
    "endpoint_day": ENDPOINT_DAY,
    "lease_event": LEASE_EVENT,
}
"""What is learned; the steps of these names make it of records."""
LEARNED_KEYS = {"src_ip", "dest_ip", "day", "service", "operation", "user_name", "dest_port"} | {
    "host",
    "ip",
    "hostname",
    "at_us",
}

LEARNED_INPUT: tuple[Column, ...] = (
    Column("content", "VARCHAR", "BLAKE2 of what the file holds, unpacked: the same content is learned once"),
    Column("path", "VARCHAR", "its name when it was learned"),
    Column("bytes", "BIGINT", "its size, unpacked"),
    Column("learned_us", "BIGINT", "when, in microseconds since 1970 UTC"),
)

ASSET: tuple[Column, ...] = (
    Column("ip_or_cidr", "VARCHAR", "an address, a network, or '' where the name says who it is"),
    Column("name", "VARCHAR", "name of the host; '' where nothing is said"),
    Column("role", "VARCHAR", "its role, or that of the network's hosts; likewise"),
    Column("owner", "VARCHAR", "who answers for it; likewise"),
)
"""What people say of hosts: the rows of the asset file."""

KNOWN_PAIR: tuple[Column, ...] = (
    Column("src_ip", "VARCHAR", "the client"),
    Column("dest_ip", "VARCHAR", "the server"),
    Column("days", "INTEGER", "on how many days, without those that are held back"),
    Column("first_day", "INTEGER", "the first of them"),
    Column("last_day", "INTEGER", "the last"),
    Column("connections", "BIGINT", "records of answered connections"),
    Column("is_new", "BOOLEAN", "the client had been seen for a while when it met the server"),
)
"""Who is known to use RPC or SMB on whom."""

HELD_PAIR: tuple[Column, ...] = (
    Column("src_ip", "VARCHAR", "the client"),
    Column("dest_ip", "VARCHAR", "the server"),
    Column("days", "INTEGER", "on how many days that are held back"),
)
"""Pairs seen on days that are held back: a finding that nobody dismissed is about them."""

KNOWN_DEED: tuple[Column, ...] = (
    Column("src_ip", "VARCHAR", "the client"),
    Column("service", "VARCHAR", "as in deed_day"),
    Column("operation", "VARCHAR", "as in deed_day"),
    Column("days", "INTEGER", "on how many days"),
    Column("servers", "BIGINT", "on how many servers"),
    Column("servers_a_day", "DOUBLE", "on how many of these on the average, a day"),
)
"""What a client is known to call."""

KNOWN_USE: tuple[Column, ...] = (
    Column("dest_ip", "VARCHAR", "the server"),
    Column("service", "VARCHAR", "as in deed_day; empty: any use of RPC"),
    Column("operation", "VARCHAR", "likewise"),
    Column("clients", "BIGINT", "how many workstations, and hosts of unknown role, are known to do so"),
)
"""What a server is known to be used for."""

KNOWN_HOST: tuple[Column, ...] = (
    Column("ip", "VARCHAR", "the host"),
    Column(
        "role",
        "VARCHAR",
        "domain controller, server, management server, administration host, scanner, workstation, unknown",
    ),
    Column("role_confidence", "DOUBLE", "0 to 1"),
    Column("role_evidence", "VARCHAR", "why, in a sentence"),
    Column("name", "VARCHAR", "its name, where the asset file says it"),
    Column("owner", "VARCHAR", "who answers for it, likewise"),
    Column("clients", "BIGINT", "how many hosts are its clients"),
    Column("servers", "BIGINT", "of how many it is a client"),
    Column(
        "ties", "DOUBLE", "its clients, each shared among the hosts that are no servers (or the servers) that it uses"
    ),
    Column("days", "INTEGER", "on how many days it was a client"),
    Column("servers_a_day", "DOUBLE", "of how many on the average, a day"),
    Column("settled_days", "INTEGER", "of these, those after its first days"),
    Column("new_hosts", "BIGINT", "how many hosts that are no servers it met as a client on those"),
    Column("new_servers", "BIGINT", "how many servers"),
    Column("new_clients", "BIGINT", "how many clients that had been seen for a while it met as a server"),
    Column("site", "VARCHAR", "network of its address: /16, of IPv6 /48"),
    Column("subnet", "VARCHAR", "and the part of it: /24, of IPv6 /64"),
    Column("first_day", "INTEGER", "first seen, as client or server; empty where all is held back"),
    Column("last_day", "INTEGER", "last seen; likewise"),
)
"""What is known of a host."""

BASELINE_SPAN: tuple[Column, ...] = (
    Column("first_day", "INTEGER", "first day of the baseline, days since 1970 UTC"),
    Column("last_day", "INTEGER", "its last"),
    Column("days", "INTEGER", "how many of them were recorded"),
)

KNOWN_HOUR: tuple[Column, ...] = (
    Column("slot", "INTEGER", "hour, UTC; 24 more from Saturday to Sunday"),
    Column("pairs", "BIGINT", "how many clients met a server for the first time then, after their first days"),
)

KNOWN_REACH: tuple[Column, ...] = (
    Column("reach", "INTEGER", "0 the same /24 (IPv6: /64), 1 the same /16 (/48), 2 farther"),
    Column("pairs", "BIGINT", "how many clients met a host that is no server so far away, after their first days"),
)

BASELINE: dict[str, tuple[Column, ...]] = {
    "known_pair": KNOWN_PAIR,
    "held_pair": HELD_PAIR,
    "known_deed": KNOWN_DEED,
    "known_use": KNOWN_USE,
    "known_host": KNOWN_HOST,
    "known_hour": KNOWN_HOUR,
    "known_reach": KNOWN_REACH,
    "baseline_span": BASELINE_SPAN,
}
"""What hunts read; made anew of what is learned whenever that changes."""

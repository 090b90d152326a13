"""What is known, in words and small tables for people."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rpcsight.cli.output import printable

if TYPE_CHECKING:
    from pathlib import Path

    from rpcsight.baseline.assets import Inventory
    from rpcsight.baseline.inventory import Kept
    from rpcsight.baseline.summary import Summary

__all__ = [
    "asset_lines",
    "counted",
    "difference_lines",
    "host_lines",
    "maturity",
    "megabytes",
    "overview_lines",
    "roles",
    "settled_lines",
    "span",
]

MEGABYTE = 1_000_000
WORDS = 10
LETTERS = 40


def megabytes(size: int) -> str:
    """A size in words."""
    return f"{size / MEGABYTE:,.1f} MB"


def counted(number: int, what: str, many: str = "") -> str:
    """A number and what it counts, in the singular where it is one."""
    return f"{number:,} {what if number == 1 else many or what + 's'}"


def span(known: "Summary") -> str:
    """The days of a baseline in words."""
    if not known["days"]:
        return "no days"
    return f"{counted(known['days'], 'day')}, {known['first_day']} to {known['last_day']}"


def maturity(known: "Summary") -> str:
    """What a baseline of that age is good for, in words."""
    from rpcsight.baseline.summary import MATURE

    seen = f"{known['known_pairs']:,} of {counted(known['pairs'], 'pair')} seen on at least {counted(known['known_days'], 'day')}"
    if known["is_mature"]:
        return seen
    return f"{seen}; a baseline of less than {MATURE} days says less: what happens once a week still looks new"


def roles(known: "Summary") -> str:
    """How many hosts of each role, in words."""
    each = ", ".join(
        counted(hosts, role) if role != "unknown" else f"{hosts:,} unknown" for role, hosts in known["roles"].items()
    )
    return f"{counted(known['hosts'], 'host')}{f': {each}' if each else ''}"


def overview_lines(known: "Summary") -> Iterable[str]:
    """What is known of the network."""
    inputs = known["inputs"]
    yield f"{known['workspace']}: {megabytes(known['bytes'])}, of {counted(inputs['files'], 'file')} with {megabytes(inputs['bytes'])}"
    yield span(known)
    yield maturity(known)
    yield roles(known)
    yield from _listed("newest servers", known["newest_servers"], ("first_day", "ip", "role", "clients"))
    busiest = ("connections", "src_ip", "dest_ip", "days", "first_day", "last_day")
    yield from _listed("busiest pairs", known["busiest_pairs"], busiest)
    held = known["held_back_pairs"]
    title = f"held back, {counted(held, 'pair')}: open findings are about them (rpcsight findings list)"
    yield from _listed(title, known["held_back"], ("from_day", "src_ip", "dest_ip"))


def host_lines(known: "Summary") -> Iterable[str]:
    """What is known of a host."""
    name = f" ({known['name']})" if known.get("name") else ""
    yield f"{known['ip']}{name}: {known['role']} (confidence {known['role_confidence']:.2f})"
    if known["role_evidence"]:
        yield known["role_evidence"]
    if known.get("owner"):
        yield f"owner: {known['owner']}"
    seen = (
        f"seen {known['first_day']} to {known['last_day']}"
        if known["first_day"]
        else "all that was seen of it is held back"
    )
    yield (
        f"{seen}; a client on {counted(known['days'], 'day')}; "
        f"uses {counted(known['servers'], 'server')}, used by {counted(known['clients'], 'client')}"
    )
    peers = ("ip", "role", "days", "first_day", "last_day", "connections")
    yield from _listed("uses", known["uses"], peers)
    yield from _listed("used by", known["used_by"], peers)
    yield from _listed("calls", known["calls"], ("service", "operation", "days", "servers"))
    yield from _listed("endpoints", known["endpoints"], ("port", "service", "days", "first_day", "last_day", "records"))


def asset_lines(source: "Path", found: "Inventory", kept: "Kept") -> Iterable[str]:
    """What an asset file says, what of it was not taken, and what came of it."""
    yield f"kept {counted(kept.rows, 'row')} of {source}"
    for reason, count in sorted(found.left_out.items()):
        yield f"left out, {reason}: {count:,}"
    if found.unknown_roles:
        words = sorted(found.unknown_roles.items(), key=lambda item: (-item[1], item[0]))
        more = f", and {counted(len(words) - WORDS, 'other')}" if len(words) > WORDS else ""
        yield f"no roles, left empty: {', '.join(f'{word[:LETTERS]} {count:,}' for word, count in words[:WORDS])}{more}"
    if found.changed:
        yield f"told more than once, the last row holds: {counted(found.changed, 'row')}"
    if kept.unplaced:
        yield f"names to which no row gives an address, of no use: {kept.unplaced:,}"
    yield from settled_lines(kept)


def settled_lines(kept: "Kept") -> Iterable[str]:
    """What a changed asset file changes."""
    yield (
        f"{counted(kept.hosts, 'host')}: {kept.roles:,} with a role by the file, {kept.names:,} with a name; "
        f"{kept.changed:,} with another role than before"
    )


def difference_lines(found: "Summary", limit: int) -> Iterable[str]:
    """What two baselines have not in common; most rows of each list."""
    yield f"{found['after']}, compared with {found['before']}"
    columns = {
        "hosts": ("ip", "role"),
        "pairs": ("src_ip", "dest_ip", "connections"),
        "services": ("src_ip", "service"),
    }
    for what in ("new", "gone"):
        for kind, shown in columns.items():
            rows = found[f"{what}_{kind}"]
            yield from _listed(f"{what} {kind}: {len(rows):,}", rows[:limit], shown, is_titled=True)
    rows = found["changed_roles"]
    if rows:
        yield from _listed(f"changed roles: {len(rows):,}", rows[:limit], ("ip", "role_before", "role_after"))


def _listed(
    title: str, rows: list[dict[str, Any]], columns: tuple[str, ...], *, is_titled: bool = False
) -> Iterable[str]:
    """A small table under a title; nothing where there are no rows."""
    if not rows:
        if is_titled:
            yield title
        return
    heads = [column.replace("_", " ") for column in columns]
    cells = [[_cell(column, row[column]) for column in columns] for row in rows]
    widths = [max(len(line[place]) for line in [heads, *cells]) for place in range(len(columns))]
    are_numbers = [all(isinstance(row[column], int) for row in rows) for column in columns]
    yield ""
    yield title
    for line in [heads, *cells]:
        each = zip(line, widths, are_numbers, strict=True)
        yield (
            "  "
            + "  ".join(
                cell.rjust(width) if is_number else cell.ljust(width) for cell, width, is_number in each
            ).rstrip()
        )


def _cell(column: str, value: object) -> str:
    if isinstance(value, int) and column != "port":
        return f"{value:,}"
    return "" if value is None else printable(str(value)).replace("\n", "\\n")

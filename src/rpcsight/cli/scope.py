"""The options that say what an entry of the allow-list covers, and the entry that they ask for."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from rpcsight.errors import UsageError

if TYPE_CHECKING:
    from rpcsight.triage.entries import Entry

__all__ = [
    "BelowWeight",
    "ClientRoles",
    "Clients",
    "EvenAttacks",
    "Expires",
    "Hours",
    "Operations",
    "Owner",
    "PackName",
    "ServerRoles",
    "Servers",
    "Services",
    "Unknown",
    "Why",
    "asked_entry",
    "given",
]

DAYS_HELD = 90
HOURS_A_DAY = 24

Clients = Annotated[
    list[str] | None,
    typer.Option("--client", help="Address, network (10.0.0.0/24) or name of clients. Repeat it.", show_default=False),
]
ClientRoles = Annotated[
    list[str] | None,
    typer.Option("--client-role", help="Role of clients, as 'scanner'. Repeat it.", show_default=False),
]
Servers = Annotated[list[str] | None, typer.Option("--server", help="The same for servers.", show_default=False)]
ServerRoles = Annotated[
    list[str] | None, typer.Option("--server-role", help="Role of servers, as 'workstation'.", show_default=False)
]
Services = Annotated[
    list[str] | None,
    typer.Option("--service", help="RPC service, as svcctl; all of a finding have to be named.", show_default=False),
]
Operations = Annotated[
    list[str] | None, typer.Option("--operation", help="Operation of the services; likewise.", show_default=False)
]
Hours = Annotated[str | None, typer.Option("--hours", help="Only at these hours, UTC: 22-6.", show_default=False)]
BelowWeight = Annotated[
    float | None,
    typer.Option("--below-weight", help="Only if all that was done weighs less (0 to 1).", show_default=False),
]
Unknown = Annotated[
    bool, typer.Option("--unknown-service", help="With --service: also where no record tells the service.")
]
EvenAttacks = Annotated[
    bool, typer.Option("--even-attacks", help="Without --client: also what attackers do (weight 0.8 or more).")
]
PackName = Annotated[
    str | None,
    typer.Option(
        "--pack", help="What a product does; name its hosts beside: `rpcsight allow packs`.", show_default=False
    ),
]
Why = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why this is fine.", show_default=False)]
Owner = Annotated[
    str | None, typer.Option("--owner", help="Whom to ask about it. [default: who adds it]", show_default=False)
]
Expires = Annotated[
    str | None,
    typer.Option("--expires", metavar="DAY", help="Its last day, or never. [default: in 90 days]", show_default=False),
]


def given(
    client: list[str] | None,
    client_role: list[str] | None,
    server: list[str] | None,
    server_role: list[str] | None,
    service: list[str] | None,
    operation: list[str] | None,
    hours: str | None,
    below_weight: float | None,
    unknown_service: bool,
    even_attacks: bool,
) -> dict[str, object]:
    """The options that say what is covered, as fields of an entry; those that are given."""
    fields = {
        "client": client,
        "client_role": client_role,
        "server": server,
        "server_role": server_role,
        "service": service,
        "operation": operation,
        "hours": None if hours is None else _hours(hours),
        "below_weight": below_weight,
        "unknown_service": unknown_service,
        "even_attacks": even_attacks,
    }
    return {name: value for name, value in fields.items() if value not in (None, [], False)}


def asked_entry(pack: str | None, fields: dict[str, object], said: dict[str, object]) -> "Entry":
    """The entry that the options ask for; a pack's fields are not to be widened.

    Raises:
        UsageError: it is none, or wider than entries may be.
    """
    from rpcsight.triage.audit import today
    from rpcsight.triage.entries import entry

    said["expires"] = said.get("expires") or today() + timedelta(days=DAYS_HELD)
    made = entry(_fields(pack, fields, said), "allow")
    if not made.is_live(today()):
        raise UsageError("--expires", f"{made.expires} is over", "name a day to come, as 2027-06-30, or never")
    return made


def _fields(pack: str | None, fields: dict[str, object], said: dict[str, object]) -> dict[str, object]:
    """The fields of the entry: a pack's, and those that people gave.

    Raises:
        UsageError: a reason is missing, or the pack's hosts, or a field is the pack's.
    """
    from rpcsight.triage.packs import pack as named

    if pack is None:
        if not said.get("reason"):
            raise UsageError("--reason", "is missing", "say why this is fine: --reason TEXT")
        return fields | said
    found = named(pack)
    if found.names not in fields:
        hint = f"rpcsight allow add --pack {pack} --{found.names} ADDRESS"
        raise UsageError("--pack", f"{pack} needs its hosts: it covers nobody's by itself", hint)
    if clash := sorted(set(fields) & set(found.entry)):
        options = ", ".join(f"--{name.replace('_', '-')}" for name in clash)
        hint = f"leave them out, or write an entry of your own: rpcsight allow packs {pack}"
        raise UsageError(options, f"the pack {pack} says that itself", hint)
    said["reason"] = said.get("reason") or f"{pack}: {found.title}"
    return found.entry | fields | said | {"pack": pack}


def _hours(text: str) -> tuple[int, int]:
    begin, dash, end = text.partition("-")
    if not (
        dash
        and begin.isdecimal()
        and end.isdecimal()
        and len(begin) < len("000") > len(end)
        and int(begin) < HOURS_A_DAY >= int(end)
    ):
        raise UsageError("--hours", f"{text!r} are no hours", "write them as 22-6: from 22:00 until 6:00 UTC")
    return int(begin), int(end) % HOURS_A_DAY

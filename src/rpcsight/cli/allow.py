"""The commands `allow add`, `preview`, `list`, `remove`, `import`, `export` and `packs`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rpcsight.cli.allow_list import list_, packs
from rpcsight.cli.deciding import Reason, Who, checked_reason, need_command, opened, person
from rpcsight.cli.kept_tables import as_table, overview
from rpcsight.cli.options import Format, Limit, NoColor, Output, Quiet, WorkspaceFile
from rpcsight.cli.output import destination, printable, say, write
from rpcsight.cli.scope import (
    BelowWeight,
    ClientRoles,
    Clients,
    EvenAttacks,
    Expires,
    Hours,
    Operations,
    Owner,
    PackName,
    ServerRoles,
    Servers,
    Services,
    Unknown,
    Why,
    asked_entry,
    given,
)
from rpcsight.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["allow"]

MOST_BYTES = 4_000_000
MOST_REASONS = 5
STREAM = "-"

allow = typer.Typer(help="The allow-list: who may do what on whom, why, on whose word and until when.")
allow.command("list")(list_)
allow.command()(packs)


@allow.callback(invoke_without_command=True)
def root(context: typer.Context) -> None:
    """The allow-list: who may do what on whom, why, on whose word and until when."""
    need_command(context)


@allow.command()
def add(
    workspace: WorkspaceFile,
    reason: Why = None,
    owner: Owner = None,
    expires: Expires = None,
    client: Clients = None,
    client_role: ClientRoles = None,
    server: Servers = None,
    server_role: ServerRoles = None,
    service: Services = None,
    operation: Operations = None,
    hours: Hours = None,
    below_weight: BelowWeight = None,
    unknown_service: Unknown = False,
    even_attacks: EvenAttacks = False,
    pack: PackName = None,
    who: Who = None,
    quiet: Quiet = False,
) -> None:
    """Allow something: findings that are wholly covered are no longer open, past ones as well; they open again when the entry ends.

    \b
    rpcsight allow add --client 10.0.0.7 --service svcctl --server-role server --reason "deployment, ticket 4711" --workspace corp.db
    rpcsight allow add --pack configmgr --client 10.0.0.5 --expires 2027-06-30 --workspace corp.db
    rpcsight allow preview …                      the same options: what it would hide
    """
    from rpcsight.triage import allowing
    from rpcsight.triage.unheard import unheard

    made = asked_entry(
        pack,
        given(
            client,
            client_role,
            server,
            server_role,
            service,
            operation,
            hours,
            below_weight,
            unknown_service,
            even_attacks,
        ),
        {"reason": reason, "owner": owner or person(who), "expires": expires},
    )
    with opened(workspace) as there:
        hidden, _ = allowing.add(there, [made], person(who))
        others = allowing.preview(there, made).others
        vain = list(unheard(there, [made]))
    until = f"until {made.expires}" if made.expires else "for ever"
    _tell(f"entry {made.id} holds {until}; findings that it takes from the open ones: {hidden}", is_quiet=quiet)
    _tell_vain(vain, is_quiet=quiet)
    _tell_others(others, is_quiet=quiet)


@allow.command()
def preview(
    workspace: WorkspaceFile,
    client: Clients = None,
    client_role: ClientRoles = None,
    server: Servers = None,
    server_role: ServerRoles = None,
    service: Services = None,
    operation: Operations = None,
    hours: Hours = None,
    below_weight: BelowWeight = None,
    unknown_service: Unknown = False,
    even_attacks: EvenAttacks = False,
    pack: PackName = None,
    limit: Limit = 20,
    output_format: Format = None,
    output: Output = None,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Show which of the findings that are kept an entry would cover, and why not others of its clients. Changes nothing.

    \b
    rpcsight allow preview --client 10.0.0.7 --server-role server --workspace corp.db
    """
    from rpcsight.baseline.workspace import Workspace
    from rpcsight.triage import allowing, kept
    from rpcsight.triage.matching import facts_of
    from rpcsight.triage.unheard import unheard

    made = asked_entry(
        pack,
        given(
            client,
            client_role,
            server,
            server_role,
            service,
            operation,
            hours,
            below_weight,
            unknown_service,
            even_attacks,
        ),
        {"reason": "preview", "owner": "preview"},
    )
    to = destination(output_format, output, limit, no_color)
    with Workspace(workspace, is_reading=True) as there:
        seen = allowing.preview(there, made)
        found = kept.findings(there, seen.ids)
        facts = allowing.known_facts(there, [facts_of(each.finding()) for each in found[:limit]])
        vain = list(unheard(there, [made]))
    write(overview(found, facts) if to.writer.NAME == "table" else as_table(found), to)
    is_open = sum(1 for each in found if each.status == "open")
    malicious = sum(1 for each in found if each.status == "malicious")
    _tell(f"would take {is_open} of the open findings; covers {len(found)} of all", is_quiet=quiet)
    if malicious:
        _tell(f"careful: {malicious} of these were closed as malicious", is_quiet=quiet)
    _tell_vain(vain, is_quiet=quiet)
    _tell_others(seen.others, is_quiet=quiet)


@allow.command()
def remove(
    entry_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the first digits.", show_default=False)],
    workspace: WorkspaceFile,
    reason: Reason,
    who: Who = None,
    quiet: Quiet = False,
) -> None:
    """Remove an entry: findings that only it covered are open again.

    \b
    rpcsight allow remove 239c --reason "the server is gone" --workspace corp.db
    """
    from rpcsight.triage import allowing

    with opened(workspace) as there:
        gone, count = allowing.remove(there, entry_id.lower(), checked_reason(reason), person(who))
    _tell(f"entry {gone.id} is removed; findings that are open again: {count}", is_quiet=quiet)


@allow.command("import")
def import_(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A TOML file, or - for standard input.", show_default=False)
    ],
    workspace: WorkspaceFile,
    replace: Annotated[bool, typer.Option("--replace", help="Remove all entries that are not in it.")] = False,
    who: Who = None,
    quiet: Quiet = False,
) -> None:
    """Add the entries of a file, as `allow export` writes it, and apply them. The same file again changes nothing.

    \b
    rpcsight allow import allow.toml --replace --workspace corp.db      the list is what the file says
    """
    from rpcsight.triage import allowing
    from rpcsight.triage.audit import today
    from rpcsight.triage.entries import read_toml
    from rpcsight.triage.unheard import unheard

    entries = read_toml(_read(file), file)
    with opened(workspace) as there:
        gone = (
            {each.entry.id for each in allowing.stored(there)} - {each.id for each in entries}
            if replace
            else set[str]()
        )
        hidden, shown = allowing.add(there, entries, person(who), is_replacing=replace)
        vain = list(unheard(there, entries))
    removed = f", removed: {len(gone)}" if replace else ""
    _tell(
        f"entries: {len(entries)}{removed}; findings taken from the open ones: {hidden}, open again: {shown}",
        is_quiet=quiet,
    )
    if over := [f"{each.id} on {each.expires}" for each in entries if not each.is_live(today())]:
        _tell(f"careful: over, and of no effect: {', '.join(over)}", is_quiet=quiet)
    _tell_vain(vain, is_quiet=quiet)


@allow.command()
def export(
    workspace: WorkspaceFile,
    file: Annotated[str, typer.Argument(metavar="[FILE]", help="The file to write; else standard output.")] = STREAM,
) -> None:
    """Write the list as TOML, to keep under version control.

    \b
    rpcsight allow export allow.toml --workspace corp.db
    """
    from rpcsight.baseline.workspace import Workspace
    from rpcsight.triage.allowing import stored
    from rpcsight.triage.entries import toml

    with Workspace(workspace, is_reading=True) as there:
        text = toml(each.entry for each in stored(there))
    if file == STREAM:
        say(text)
        return
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as cause:
        raise InputError(file, f"can't be written ({cause.strerror})", "name another file") from cause


def _read(file: str) -> str:
    try:
        with sys.stdin.buffer if file == STREAM else Path(file).open("rb") as opened_file:
            content = opened_file.read(MOST_BYTES + 1)
    except OSError as cause:
        raise InputError(
            file, f"can't be read ({cause.strerror})", "name the file that `allow export` wrote"
        ) from cause
    if len(content) > MOST_BYTES:
        raise InputError(file, f"is larger than {MOST_BYTES // 1_000_000} MB: no allow-list", "name another file")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as cause:
        raise InputError(file, "is no text in UTF-8", "name another file") from cause


def _tell_vain(sentences: "Iterable[str]", *, is_quiet: bool) -> None:
    for each in sentences:
        _tell(f"careful: {each}", is_quiet=is_quiet)


def _tell_others(others: "Mapping[str, int]", *, is_quiet: bool) -> None:
    """Why open findings of an entry's clients are not covered, the most frequent reasons first."""
    for reason, count in list(others.items())[:MOST_REASONS]:
        _tell(f"open, of its clients, and not covered: {count} ({reason})", is_quiet=is_quiet)
    if rest := sum(list(others.values())[MOST_REASONS:]):
        _tell(f"and not covered for other reasons: {rest}", is_quiet=is_quiet)


def _tell(text: str, *, is_quiet: bool) -> None:
    if not is_quiet:
        sys.stderr.write(printable(text) + "\n")

"""What the pages of the allow-list show, and the entries that their form asks for."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import UsageError
from rpcsight.triage import allowing
from rpcsight.triage.audit import today
from rpcsight.triage.entries import ROLES, Entry, entry
from rpcsight.triage.packs import all_packs, pack
from rpcsight.triage.search import hits_of
from rpcsight.web.pages.findings import short

__all__ = ["SCOPE_FIELDS", "asked", "entries", "form", "previewed"]

Values = dict[str, Any]

DAYS_HELD = 90
HOURS_A_DAY = 24
LISTS = ("client", "client_role", "server", "server_role", "service", "operation")
SCOPE_FIELDS = (*LISTS, "hours", "below_weight", "unknown_service", "even_attacks", "pack")
MOST_SHOWN = 20
MOST_REASONS = 5


def entries(workspace: Workspace) -> list[Values]:
    """All entries with what they do; those that hold first."""
    made = [
        {
            "id": each.entry.id,
            "scope": _told(each.entry),
            "reason": each.entry.reason,
            "owner": each.entry.owner,
            "pack": each.entry.pack,
            "expires": each.entry.expires,
            "is_live": each.entry.is_live(today()),
            "hits": each.hits,
            "last_us": each.last_us,
            "added_us": each.added_us,
        }
        for each in allowing.listed(workspace)
    ]
    return sorted(made, key=lambda each: (not each["is_live"], -each["hits"], each["id"]))


def form(given: Mapping[str, str]) -> Values:
    """The form of an entry, filled with what was given."""
    return {
        "given": {name: given.get(name, "") for name in (*SCOPE_FIELDS, "reason", "owner", "expires")},
        "roles": ROLES,
        "packs": all_packs(),
        "expires": (today() + timedelta(days=DAYS_HELD)).isoformat(),
    }


def asked(given: Mapping[str, str], *, is_preview: bool) -> Entry:
    """The entry that a form asks for.

    Args:
        given: its fields; several values of one are separated by commas.
        is_preview: reason and owner need not be said.

    Raises:
        UsageError: it is none, or wider than entries may be.
    """
    fields: dict[str, object] = {name: _values(given[name]) for name in LISTS if given.get(name, "").strip()}
    fields |= {name: True for name in ("unknown_service", "even_attacks") if given.get(name)}
    if given.get("hours", "").strip():
        fields["hours"] = _hours(given["hours"].strip())
    if given.get("below_weight", "").strip():
        fields["below_weight"] = given["below_weight"].strip()
    said: dict[str, object] = {name: given.get(name, "").strip() for name in ("reason", "owner")}
    if is_preview:
        said = {"reason": "preview", "owner": "preview"}
    said["expires"] = given.get("expires", "").strip() or today() + timedelta(days=DAYS_HELD)
    if name := given.get("pack", "").strip():
        found = pack(name)
        if found.names not in fields:
            raise UsageError("pack", f"{name} needs its hosts: it covers nobody's by itself", f"fill in {found.names}")
        if clash := sorted(set(fields) & set(found.entry)):
            raise UsageError("pack", f"the pack {name} says {', '.join(clash)} itself", "leave that empty")
        said["reason"] = said["reason"] or f"{name}: {found.title}"
        fields = found.entry | fields | {"pack": name}
    made = entry(fields | said, "allow-list")
    if not made.is_live(today()):
        raise UsageError("expires", f"{made.expires} is over", "name a day to come, or never")
    return made


def previewed(workspace: Workspace, made: Entry) -> Values:
    """What an entry would do to the findings that are kept."""
    found = allowing.preview(workspace, made)
    reasons = list(found.others.items())
    return {
        "id": made.id,
        "scope": _told(made),
        "covers": len(found.ids),
        "takes": found.statuses.get("open", 0),
        "malicious": found.statuses.get("malicious", 0),
        "rows": [short(each) for each in hits_of(workspace, found.ids[:MOST_SHOWN])],
        "others": reasons[:MOST_REASONS],
        "others_left": sum(count for _, count in reasons[MOST_REASONS:]),
    }


def _values(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _hours(text: str) -> tuple[int, int]:
    begin, dash, end = text.partition("-")
    if not (dash and begin.isdecimal() and end.isdecimal() and len(begin) < len("000") > len(end)):
        raise UsageError("hours", f"{text!r} are no hours", "write them as 22-6: from 22:00 until 6:00 UTC")
    return int(begin), int(end) % HOURS_A_DAY


def _told(made: Entry) -> list[tuple[str, str]]:
    return [
        (name.replace("_", " "), ", ".join(map(str, value)) if isinstance(value, list) else str(value))
        for name, value in made.scope().items()
    ]

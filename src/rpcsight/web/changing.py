"""The API: what changes the workspace."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request
from starlette.convertors import StringConvertor, register_url_convertor

from rpcsight.baseline.workspace import Workspace
from rpcsight.errors import UsageError
from rpcsight.triage import allowing, kept
from rpcsight.triage.entries import Entry
from rpcsight.triage.entries import entry as made_entry
from rpcsight.triage.kept import Kept
from rpcsight.triage.packs import pack as named_pack
from rpcsight.web import models
from rpcsight.web.desk import Desk
from rpcsight.web.repeats import Repeats
from rpcsight.web.security import Refused, Security

__all__ = ["FindingId", "add", "kept_one"]

MOST_IDS = 200
ID = "[0-9a-f]{16}"
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=128,
        pattern=r"^[!-~]+$",
        description="Names this change: sent again with the same key, it is not done again, and the answer is the same.",
    ),
]
FindingId = Annotated[str, Path(pattern=f"^{ID}$", description="Its whole id.")]
EntryId = Annotated[str, Path(max_length=64, description="Its whole id.")]


class _Finding(StringConvertor):
    """In a path only what can be an id is one: `/findings/close` is a place of its own."""

    regex = ID


register_url_convertor("finding", _Finding())


def kept_one(workspace: Workspace, finding_id: str) -> Kept:
    """The finding of an id.

    Raises:
        Refused: there is none.
    """
    found = kept.findings(workspace, [finding_id])
    if not found:
        raise Refused(404, "there is no such finding")
    return found[0]


def add(made: APIRouter, desk: Desk, security: Security) -> None:
    """Add what changes the workspace."""
    repeats = Repeats()

    def who(request: Request) -> str:
        visitor = security.caller(request)
        if visitor is None:
            raise Refused(401, "who are you?")
        return visitor.name

    def what(request: Request) -> str:
        return f"{request.method} {request.url.path}"

    @made.post("/findings/{finding_id:finding}/close")
    def close(request: Request, finding_id: FindingId, asked: models.Close, key: Key = None) -> models.Change:
        """Close a finding. What is benign counts for the baseline from now on; all else is held back from it."""
        person = who(request)

        def do() -> models.Change:
            with desk.writing() as workspace:
                kept_one(workspace, finding_id)
                (before,) = kept.close(workspace, [finding_id], asked.verdict, asked.reason, person)
            return models.Change(finding_id=before.finding_id, before=before.status, status=asked.verdict)

        return repeats.once(person, what(request), key, asked, do)

    @made.post("/findings/close")
    def close_several(request: Request, asked: models.CloseSeveral, key: Key = None) -> models.ClosedSeveral:
        """Close up to 200 findings; those that are closed so already stay as they are, and an unknown id stops no other."""
        person = who(request)

        def do() -> models.ClosedSeveral:
            with desk.writing() as workspace:
                done = kept.close_each(workspace, asked.finding_ids, asked.verdict, asked.reason, person)
            results = [
                models.Closed(
                    finding_id=each.finding_id,
                    before=each.before,
                    status=None if each.before is None else asked.verdict,
                    is_changed=each.is_changed,
                )
                for each in done
            ]
            return models.ClosedSeveral(results=results, changed=sum(each.is_changed for each in done))

        return repeats.once(person, what(request), key, asked, do)

    @made.post("/findings/{finding_id:finding}/reopen")
    def reopen(request: Request, finding_id: FindingId, asked: models.Reopen, key: Key = None) -> models.Change:
        """Open a closed finding again."""
        person = who(request)

        def do() -> models.Change:
            with desk.writing() as workspace:
                found = kept_one(workspace, finding_id)
                if found.status == "allowed":
                    raise Refused(409, f"entry {found.allowed_by} of the allow-list covers it", "remove the entry")
                (before,) = kept.reopen(workspace, [finding_id], asked.reason, person)
                now = kept_one(workspace, finding_id)
            return models.Change(finding_id=before.finding_id, before=before.status, status=now.status)

        return repeats.once(person, what(request), key, asked, do)

    @made.post("/allow/preview")
    def preview(asked: models.NewEntry) -> models.Preview:
        """What an entry would do: which findings it covers, how many open ones it would hide, and why not others of its clients."""
        made_one = _entry(asked)
        with desk.reading() as workspace:
            found = allowing.preview(workspace, made_one)
        return models.Preview(
            entry_id=made_one.id,
            covers=len(found.ids),
            would_hide=found.statuses.get("open", 0),
            malicious=found.statuses.get("malicious", 0),
            finding_ids=found.ids[:MOST_IDS],
            others=dict(list(found.others.items())[:MOST_IDS]),
        )

    @made.post("/allow")
    def allow(request: Request, asked: models.NewEntry, key: Key = None) -> models.Allowed:
        """Add an entry to the allow-list, or renew the one that covers the same."""
        person, made_one = who(request), _entry(asked)

        def do() -> models.Allowed:
            with desk.writing() as workspace:
                hidden, opened = allowing.add(workspace, [made_one], person)
            return models.Allowed(entry_id=made_one.id, hidden=hidden, opened=opened)

        return repeats.once(person, what(request), key, asked, do)

    @made.post("/allow/{entry_id}/remove")
    def remove(request: Request, entry_id: EntryId, asked: models.Why, key: Key = None) -> models.Allowed:
        """Remove an entry: what only it covered is open again."""
        person = who(request)

        def do() -> models.Allowed:
            with desk.writing() as workspace:
                if not any(each.entry.id == entry_id for each in allowing.stored(workspace)):
                    raise Refused(404, "there is no such entry")
                gone, opened = allowing.remove(workspace, entry_id, asked.reason, person)
            return models.Allowed(entry_id=gone.id, hidden=0, opened=opened)

        return repeats.once(person, what(request), key, asked, do)


def _entry(asked: models.NewEntry) -> Entry:
    """An entry of what was sent.

    Raises:
        UsageError: it is none, or too wide.
    """
    plain = asked.model_dump()
    given: dict[str, Any] = {name: value for name, value in plain.items() if value is not None and value != []}
    if asked.pack is not None:
        found = named_pack(asked.pack)
        if found.names not in given:
            raise UsageError(
                "pack", f"{found.id} needs its hosts: it covers nobody's by itself", f"fill in {found.names}"
            )
        if clash := sorted({name for name in given if plain[name] is not False} & set(found.entry)):
            raise UsageError("pack", f"{found.id} says {', '.join(clash)} itself", "leave that empty")
        given |= found.entry
    return made_entry(given, "entry")

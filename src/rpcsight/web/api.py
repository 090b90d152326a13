"""The API: JSON over HTTP, to be read."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Path, Query
from fastapi.openapi.utils import get_openapi
from fastapi.responses import StreamingResponse

from rpcsight import __version__
from rpcsight.baseline import summary
from rpcsight.baseline.difference import split
from rpcsight.triage import allowing, telling
from rpcsight.triage.matching import day_of
from rpcsight.triage.query import parsed
from rpcsight.triage.runs import runs
from rpcsight.triage.search import GROUPS, MOST, ORDERS, SORTS, groups, hits_of, search
from rpcsight.web import asking, changing, models, network_models, shown
from rpcsight.web.changing import FindingId
from rpcsight.web.desk import Desk
from rpcsight.web.events import Watch
from rpcsight.web.problems import KIND, Problem
from rpcsight.web.security import Refused, Security

__all__ = ["PREFIX", "describe", "router"]

PREFIX = "/api/v1"
LIMIT = 50
MOST_EDGES = 2_000
MOST_LISTED = 200
MOST_LEARNED = 200
FAR = 2**62
REFUSALS = {
    400: "the request contradicts itself, or names what there is not",
    401: "nobody said who they are",
    403: "they may not do that",
    404: "there is no such thing",
    408: "the body came too slowly",
    409: "what is there stands against it",
    413: "the body is too large",
    414: "the address is too long",
    422: "a value is none of its kind",
    429: "too many wrong tokens",
    503: "another process holds the workspace: try again after Retry-After",
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": about, "content": {KIND: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for status, about in REFUSALS.items()
}

Q = Annotated[str, Query(max_length=1000, description="What the search box takes: docs/serve.md.")]
Cursor = Annotated[str | None, Query(max_length=2000, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=MOST)]


def router(desk: Desk, security: Security) -> APIRouter:
    """All of the API."""
    made = APIRouter(prefix=PREFIX, responses=RESPONSES)
    _add_findings(made, desk)
    _add_network(made, desk)
    _add_server(made, desk)
    changing.add(made, desk, security)
    return made


def describe(app: FastAPI) -> None:
    """Let the application's OpenAPI document name all that it answers."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            parts = found.setdefault("components", {})
            parts.setdefault("schemas", {})["Problem"] = Problem.model_json_schema()
            parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            found["security"] = [{"token": []}, {}]
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = document


def _add_findings(made: APIRouter, desk: Desk) -> None:
    @made.get("/findings")
    def findings(
        q: Q = "",
        sort: Annotated[str, Query(json_schema_extra={"enum": list(SORTS)})] = "score",
        order: Annotated[str | None, Query(json_schema_extra={"enum": list(ORDERS)})] = None,
        cursor: Cursor = None,
        limit: Limit = LIMIT,
    ) -> models.FindingPage:
        """Findings that a query finds: open ones, the highest scores first, if it does not say else."""
        parsed(q)
        with desk.reading() as workspace:
            page = search(workspace, q, sort, order, cursor, limit)
        return models.FindingPage(
            findings=[shown.finding(each) for each in page.hits],
            next=page.next,
            total=page.total,
            statuses=dict(page.statuses),
            severities=dict(page.severities),
        )

    @made.get("/groups")
    def grouped(
        by: Annotated[str, Query(json_schema_extra={"enum": list(GROUPS)})] = "client",
        q: Q = "",
        cursor: Cursor = None,
        limit: Limit = LIMIT,
    ) -> models.GroupPage:
        """The same findings by what they have in common."""
        parsed(q)
        with desk.reading() as workspace:
            found = groups(workspace, q, by, cursor, limit)
        return models.GroupPage(groups=[shown.group(each) for each in found.groups], next=found.next, total=found.total)

    @made.get("/findings/{finding_id:finding}")
    def one(finding_id: FindingId) -> models.FindingWhole:
        """A finding with its reasons, pairs, evidence and detections."""
        with desk.reading() as workspace:
            return shown.whole(changing.kept_one(workspace, finding_id))

    @made.get("/findings/{finding_id:finding}/history")
    def history(finding_id: FindingId) -> models.History:
        """What is known of its hosts and pairs, earlier findings of its pair, and the log about it."""
        with desk.reading() as workspace:
            found = changing.kept_one(workspace, finding_id)
            known = telling.history(workspace, found)
            log = asking.log(workspace, FAR, finding_id, MOST_LISTED)
        met = [
            models.Met(
                client=client,
                server=server,
                days=row["days"],
                first_day=summary.as_day(row["first_day"]),
                last_day=summary.as_day(row["last_day"]),
                connections=row["connections"],
            )
            for (client, server), row in sorted(known.known.items())
        ]
        return models.History(
            roles={name: role or "unknown" for name, role in known.facts.roles.items()},
            names=dict(known.facts.names),
            baseline=met,
            earlier=[shown.earlier(each) for each in known.earlier[:MOST_LISTED]],
            log=[shown.logged(row) for row in log],
        )

    @made.get("/findings/{finding_id:finding}/similar")
    def similar(finding_id: FindingId) -> models.Similar:
        """Findings of other pairs that resemble it, the most alike first."""
        with desk.reading() as workspace:
            changing.kept_one(workspace, finding_id)
            found = hits_of(workspace, asking.similar(workspace, finding_id))
        return models.Similar(findings=[shown.finding(each) for each in found])

    @made.get("/allow")
    def allow() -> models.AllowPage:
        """The allow-list, and what each entry covers."""
        with desk.reading() as workspace:
            return models.AllowPage(entries=[shown.entry(each) for each in allowing.listed(workspace)])


def _add_network(made: APIRouter, desk: Desk) -> None:
    @made.get("/hosts")
    def hosts(
        q: Annotated[str, Query(max_length=200, description="Part of an address or name.")] = "",
        role: Annotated[str, Query(max_length=50)] = "",
        cursor: Annotated[str, Query(max_length=200)] = "",
        limit: Limit = LIMIT,
    ) -> network_models.HostPage:
        """Hosts that are known or have findings, by address."""
        with desk.reading() as workspace:
            return asking.hosts(workspace, q, role, cursor, limit)

    @made.get("/hosts/{ip}")
    def host(ip: Annotated[str, Path(max_length=100)]) -> network_models.Host:
        """A host: role and why, whom it uses, who uses it, what it offers, its findings."""
        with desk.reading() as workspace:
            known = summary.host(workspace, ip, MOST_LISTED)
            mine = [
                row["finding_id"]
                for row in workspace.rows(
                    "select distinct finding_id, score from finding_pair join finding using (finding_id) "
                    "where finding_pair.src_ip = $ip or finding_pair.dest_ip = $ip order by score desc, finding_id",
                    {"ip": ip},
                )
            ]
            found = hits_of(workspace, mine[:LIMIT])
        if known is None and not mine:
            raise Refused(404, "nothing is known of this host")
        return network_models.Host(
            ip=ip, known=known, findings=[shown.finding(each) for each in found], total=len(mine)
        )

    @made.get("/map")
    def map_(limit: Annotated[int, Query(ge=1, le=MOST_EDGES)] = 300) -> network_models.Map:
        """Hosts of findings that are open or malicious, and who used whom."""
        with desk.reading() as workspace:
            return asking.map_of(workspace, limit)

    @made.get("/baseline")
    def baseline() -> network_models.Baseline:
        """What was learned: days, hosts by role, pairs."""
        with desk.reading() as workspace:
            known = summary.overview(workspace, desk.settings.baseline.known_days, MOST_LISTED)
        return network_models.Baseline(baseline=known | {"workspace": desk.path.name})

    @made.get("/baseline/difference")
    def difference(
        at: Annotated[str, Query(max_length=10, description="The first of the later days, as 2026-11-22.")],
        limit: Limit = LIMIT,
    ) -> network_models.Difference:
        """What days from one on know and those before do not, and the reverse."""
        try:
            day = day_of(at)
        except ValueError:
            raise Refused(400, f"at: {at!r} is no day", "write it as 2026-11-22") from None
        with desk.reading() as workspace:
            found = split(workspace, day)
        lists = {name: value for name, value in found.items() if isinstance(value, list)}
        cut = {name: value[:limit] for name, value in lists.items()}
        return network_models.Difference(
            difference=found | cut, totals={name: len(value) for name, value in lists.items()}
        )

    @made.get("/inputs")
    def inputs(limit: Limit = LIMIT) -> network_models.Inputs:
        """What hunts read, with losses, and what was learned; the newest first."""
        with desk.reading() as workspace:
            hunted = runs(workspace, limit)
            learned = workspace.rows(
                "select path, bytes, learned_us, count(*) over () as files from learned_input "
                "order by learned_us desc, path limit $limit",
                {"limit": min(limit, MOST_LEARNED)},
            )
        files = learned[0]["files"] if learned else 0
        return network_models.Inputs(
            hunts=[shown.timed(row) for row in hunted],
            learned=[shown.timed({name: row[name] for name in ("path", "bytes", "learned_us")}) for row in learned],
            learned_files=files,
        )


def _add_server(made: APIRouter, desk: Desk) -> None:
    watch = Watch(desk)

    @made.get("/health")
    def health() -> models.Health:
        """That the server answers; anybody may ask."""
        return models.Health(version=__version__)

    @made.get("/settings")
    def settings() -> network_models.SettingsShown:
        """The settings that the server was started with."""
        return network_models.SettingsShown(settings=desk.settings.model_dump(mode="json"))

    @made.get("/log")
    def log(
        subject: Annotated[str, Query(max_length=64, description="Of a finding or entry alone: its id.")] = "",
        cursor: Annotated[int | None, Query(ge=0, lt=FAR)] = None,
        limit: Limit = LIMIT,
    ) -> models.LogPage:
        """What was done: when, by whom, why; the newest first."""
        with desk.reading() as workspace:
            rows = asking.log(workspace, FAR if cursor is None else cursor, subject, limit + 1)
        following = str(rows[limit - 1]["number"]) if len(rows) > limit else None
        return models.LogPage(log=[shown.logged(row) for row in rows[:limit]], next=following)

    @made.get(
        "/events",
        response_class=StreamingResponse,
        responses={
            200: {
                "description": "`state` whenever it changes",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            }
        },
    )
    async def events() -> StreamingResponse:
        """Server-sent events: `state`, with counts, at once and whenever findings or decisions have changed."""
        watch.refuse_more()
        return StreamingResponse(_unhurried(watch.listen()), media_type="text/event-stream")


async def _unhurried(events: AsyncIterator[str]) -> AsyncIterator[str]:
    try:
        async for each in events:
            yield each
    except asyncio.CancelledError:  # the client left, or the server ends
        return

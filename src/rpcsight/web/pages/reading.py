"""Pages that are only read: hosts, the map, the baseline, what was read, the log, settings."""

from fastapi import APIRouter, HTTPException, Request, Response

from rpcsight.web.pages import log, network
from rpcsight.web.pages.frame import Desk, Frames, Once

__all__ = ["add"]


def add(made: APIRouter, desk: Desk, frames: Frames) -> None:
    """Add them to a router."""

    @made.get("/hosts")
    def hosts(request: Request, q: str = "", role: str = "") -> Response:
        with desk.reading() as workspace:
            values = network.hosts(workspace, q, role)
        return frames.show(request, "hosts", values)

    @made.get("/hosts/{ip:path}")
    def host(request: Request, ip: str) -> Response:
        with desk.reading() as workspace:
            values = network.host(workspace, ip)
        if values is None:
            raise HTTPException(404, "nothing is known of this host")
        return frames.show(request, "host", values)

    @made.get("/map")
    def map_(request: Request, q: str = "") -> Response:
        with desk.reading() as workspace:
            values = network.map_of(workspace, q)
        return frames.show(request, "map", values, status=400 if values["problem"] else 200)

    of_baseline = Once(desk, lambda workspace: network.baseline(workspace, desk.settings.baseline.known_days))

    @made.get("/baseline")
    def baseline(request: Request) -> Response:
        return frames.show(request, "baseline", of_baseline())

    @made.get("/inputs")
    def inputs(request: Request) -> Response:
        with desk.reading() as workspace:
            values = network.inputs(workspace)
        return frames.show(request, "inputs", values)

    @made.get("/log")
    def audit(request: Request, before: int | None = None) -> Response:
        with desk.reading() as workspace:
            values = log.listed(workspace, before)
        return frames.show(request, "log", values)

    @made.get("/settings")
    def settings(request: Request) -> Response:
        return frames.show(request, "settings", {"sections": log.sections(desk.settings)})

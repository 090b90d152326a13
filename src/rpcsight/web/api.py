"""The API: JSON over HTTP."""

from fastapi import APIRouter

from rpcsight.web.desk import Desk
from rpcsight.web.security import Security

__all__ = ["router"]


def router(desk: Desk, security: Security) -> APIRouter:
    """All of the API."""
    made = APIRouter(prefix="/api/v1")

    @made.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    return made

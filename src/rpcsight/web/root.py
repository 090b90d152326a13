"""Under which path browsers see the server: a reverse proxy may show it below a prefix, which it takes away (root_path of ASGI)."""

from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

__all__ = ["ROOT", "placed", "route", "under"]

ROOT: ContextVar[str] = ContextVar("root_path", default="")
"""The prefix, during a request."""


def placed(scope: Mapping[str, Any], root: str) -> dict[str, Any]:
    """A request as it came to the proxy: the framework takes the prefix away again, and describes itself with it."""
    return {**scope, "root_path": root, "path": root + scope["path"], "raw_path": root.encode() + scope["raw_path"]}


def route(scope: Mapping[str, Any]) -> str:
    """What a request asks for, without the prefix."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def under(path: str) -> str:
    """An address of ours as browsers have to ask for it."""
    return ROOT.get() + path

"""Asset files for tests: what is read of a content, and what is said against it."""

import json
from pathlib import Path
from typing import Any

import pytest

from rpcsight.baseline.assets import Inventory, read_assets
from rpcsight.errors import InputError


def read(folder: Path, content: str | bytes | list[Any] | dict[str, Any]) -> Inventory:
    path = folder / "assets"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return read_assets(path)


def refusal(folder: Path, content: str | bytes | list[Any] | dict[str, Any]) -> tuple[str, str, str]:
    """Where, what and hint of the error; the file is FILE."""
    with pytest.raises(InputError) as caught:
        read(folder, content)
    return caught.value.where.replace(str(folder / "assets"), "FILE"), caught.value.what, caught.value.hint

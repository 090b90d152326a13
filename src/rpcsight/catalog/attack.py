"""What ATT&CK calls the techniques that the catalogue and our analytics name: facts of Enterprise ATT&CK 18, https://attack.mitre.org."""

import csv
from functools import cache
from importlib.resources import files

__all__ = ["technique_name"]


def technique_name(technique: str) -> str | None:
    """The name of a technique, of a sub-technique after its technique's; None where the catalogue has none of that id."""
    return _names().get(technique)


@cache
def _names() -> dict[str, str]:
    rows = csv.reader((files(__package__ or "") / "attack.csv").read_text("utf-8").splitlines())
    next(rows)
    return dict(rows)

"""ATT&CK techniques that the catalogue and the analytics name: what they are called, and their ids in ATT&CK's STIX data.

Facts of `attack.csv`: MITRE ATT&CK 18.1, enterprise-attack, © The MITRE Corporation, reproduced with its permission (terms of use).
"""

import csv
from functools import cache
from importlib.resources import files

__all__ = ["name_of", "stix_id_of", "technique_name"]


def name_of(technique: str) -> str:
    """What a technique is called, with the one it belongs to before it; its id where it is not in the list."""
    return technique_name(technique) or technique


def technique_name(technique: str) -> str | None:
    """What a technique is called; None where it is not in the list."""
    return _listed().get(technique, (None, ""))[0]


def stix_id_of(technique: str) -> str | None:
    """Its id in ATT&CK's STIX data; None where it is not in the list."""
    return _listed().get(technique, (technique, ""))[1] or None


@cache
def _listed() -> dict[str, tuple[str, str]]:
    text = (files("rpcsight") / "catalog" / "attack.csv").read_text("utf-8")
    return {row["technique"]: (row["name"], row["stix_id"]) for row in csv.DictReader(text.splitlines())}

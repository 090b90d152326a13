"""Vendor packs: what products do whose work looks like an attacker's, by the role of who does it, the services and the roles of servers.

A pack is a TOML file in this folder: `title`, `about`, `names` (the side whose hosts people have to name), `source` (who says so), and
`entry`, fields of `triage.entries.Entry`. Never by program or command line: attackers choose these.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from rpcsight.errors import UsageError

__all__ = ["Pack", "all_packs", "pack"]


@dataclass(frozen=True, slots=True)
class Pack:
    """A vendor pack.

    Args:
        id: the file's name.
        title: what it is for.
        about: what these products do, and what is left out.
        names: client or server: the hosts that people have to name.
        source: who says so.
        entry: fields of an entry.
    """

    id: str
    title: str
    about: str
    names: str
    source: tuple[str, ...]
    entry: dict[str, Any]


@cache
def all_packs() -> tuple[Pack, ...]:
    """All packs, by id."""
    made: list[Pack] = []
    for path in files(__name__).iterdir():
        if path.name.endswith(".toml"):
            read = tomllib.loads(path.read_text(encoding="utf-8"))
            name, about = path.name.removesuffix(".toml"), " ".join(read["about"].split())
            made.append(Pack(name, read["title"], about, read["names"], tuple(read["source"]), read["entry"]))
    return tuple(sorted(made, key=lambda each: each.id))


def pack(name: str) -> Pack:
    """The pack of that id.

    Raises:
        UsageError: there is none.
    """
    by_id = {each.id: each for each in all_packs()}
    if name not in by_id:
        raise UsageError("--pack", f"there is no pack {name!r}", f"one of: {', '.join(by_id)}")
    return by_id[name]

"""What every public record shows, against what was done there: the tables of docs/captures.md are made and checked here."""

import re
from pathlib import Path

import pytest

from tests import system
from tests.labelled import LISTS, MISSES, PAIRS, RIGHT, Seen, is_right, of_name, records, seen, why_not

PAGE = system.ROOT / "docs" / "captures.md"
FOLDERS = ("pcap", "host-json", "evtx", "zeek", "netflow-derived")
HEAD = "| file | what was done | found (analytic, tier) | listed | why not |\n|---|---|---|---|---|\n"
COUNTS = "\n| file | " + " | ".join(f"{old} | {new}" for old, new in PAIRS.items()) + " |\n" + "|---" * 11 + "|\n"
MANY = 4


def rows(folder: str) -> dict[Path, Seen]:
    """The files of a folder that hold something for rpcsight."""
    paths = [path for path in records() if path.relative_to(system.shared_data()).parts[0] == folder]
    return {path: found for path in paths if (found := seen(path))}


def row(path: Path, found: Seen) -> str:
    """A file's line of the first table."""
    right: tuple[str, ...] = of_name(RIGHT, path.name) or ()
    fired = sorted(found.fired)
    shown = "; ".join(f"{technique}: {name}" + (f" ({tier})" if tier else "") for name, technique, tier in fired)
    listed = sorted(found.listed.items(), key=lambda each: (not is_right(each[0], right), -each[1], each[0]))
    told = ", ".join(f"{technique} ({weight:g})" for technique, weight in listed[:MANY])
    more = f", {len(listed) - MANY} more" if len(listed) > MANY else ""
    return f"| {path.name} | {', '.join(right)} | {shown} | {told}{more} | {'' if is_found(found, right) else why_not(path) or ''} |\n"


def is_found(found: Seen, right: tuple[str, ...]) -> bool:
    """Whether one of the right techniques is told."""
    return any(is_right(each, right) for each in [*(technique for _, technique, _ in found.fired), *found.listed])


def counts(path: Path, found: Seen) -> str:
    """A file's line of the second table."""
    cells = (str(found.counts[name] or "") for pair in PAIRS.items() for name in pair)
    return f"| {path.name} | {' | '.join(cells)} |\n"


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_right_technique_is_told_and_nothing_else_fires(folder: str, request: pytest.FixtureRequest) -> None:
    found = rows(folder)
    for path, each in found.items():
        right = of_name(RIGHT, path.name) or ()
        labelled = of_name(RIGHT, path.name) is not None
        if labelled and (right or each.fired):
            assert is_found(each, right) or why_not(path), f"{path.name}: {each}"
        wrong = {
            technique for _, technique, _ in each.fired if not is_right(technique, ALSO.get(path.name[:12], right))
        }
        assert not wrong, f"{path.name}: {wrong}"
    text = HEAD + "".join(row(path, each) for path, each in found.items())
    text += COUNTS + "".join(counts(path, each) for path, each in found.items() if each.counts)
    page = PAGE.read_text("utf-8")
    section = re.compile(rf"(?<=\n## {folder}\n\n).*?(?=\n## |\Z)", re.S)
    if request.config.getoption("--update-golden"):
        PAGE.write_text(section.sub(lambda _: text, page), "utf-8")
        return
    assert section.findall(page) == [text], (
        f"docs/captures.md, {folder}: pytest tests/test_labelled.py --update-golden -n 0"
    )


def test_reasons_are_for_files_that_are_there() -> None:
    names = [(path.relative_to(system.shared_data()).parts[0], path.name) for path in records()]
    stale = [
        key
        for key in MISSES
        if not any(folder.startswith(key[0]) and name.startswith(key[1]) for folder, name in names)
    ]
    assert stale == []
    assert set(LISTS) == {"rpc-techniques", "share-access"}


ALSO: dict[str, tuple[str, ...]] = {
    "dcerpc__dcer": ("T1021.003", "T1543.003", "T1569.002"),
    "wrccdc2018_t": ("T1543.003", "T1569.002", "T1053.005"),
}
"""Files without a label, by beginning of the name, with the techniques that are meant: DCOM automation, PsExec, an exercise."""

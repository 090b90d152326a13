"""Folders take their place whole or not at all, and only in place of what the same command made."""

from pathlib import Path

import pytest

from rpcsight.errors import InputError, UsageError
from rpcsight.placing import MARK, absolute, check, in_place


def is_ours(path: Path, parts: tuple[str, ...]) -> bool:
    return path.is_file() and parts in {(MARK,), ("rows",)}


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def made(folder: Path, rows: str) -> None:
    with in_place(folder) as partial:
        (partial / MARK).write_text("{}")
        (partial / "rows").write_text(rows)


def test_what_is_whole_replaces_what_was_there(tmp_path: Path) -> None:
    for rows in ("old", "new"):
        check(tmp_path / "out", "make", is_ours, is_replacing=True)
        made(tmp_path / "out", rows)
    assert contents(tmp_path) == {f"out/{MARK}": "{}", "out/rows": "new"}


@pytest.mark.parametrize(("failure", "seen"), [(ZeroDivisionError(), ZeroDivisionError), (OSError(28, ""), InputError)])
def test_what_fails_leaves_what_was_there(failure: Exception, seen: type[Exception], tmp_path: Path) -> None:
    made(tmp_path / "out", "old")

    def fail() -> None:
        with in_place(tmp_path / "out") as partial:
            (partial / "rows").write_text("half")
            raise failure

    with pytest.raises(seen):
        fail()
    assert contents(tmp_path) == {f"out/{MARK}": "{}", "out/rows": "old"}


@pytest.mark.parametrize("strange", ["other", "deep/rows"])
def test_what_another_made_is_refused(strange: str, tmp_path: Path) -> None:
    made(tmp_path / "out", "old")
    place = tmp_path / "out" / strange
    place.parent.mkdir(exist_ok=True)
    place.write_text("kept")
    with pytest.raises(UsageError) as refused:
        check(tmp_path / "out", "make", is_ours, is_replacing=True)
    assert refused.value.where == "--replace"
    assert "was not made by make" in str(refused.value)


def test_links_files_and_nowhere_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link", "no/where", "a\0b"):
        with pytest.raises(UsageError) as refused:
            check(tmp_path / name, "make", is_ours, is_replacing=True)
        assert refused.value.where == "--output"
    assert absolute(tmp_path / "link" / ".." / "x") == tmp_path / "x"


def test_a_full_folder_is_kept_unless_asked(tmp_path: Path) -> None:
    made(tmp_path / "out", "old")
    with pytest.raises(UsageError) as refused:
        check(tmp_path / "out", "make", is_ours, is_replacing=False)
    assert "--replace" in str(refused.value)

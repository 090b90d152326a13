"""Intake: files of one layout are read together; what a file holds beside flows; what is not asked for."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from rpcsight.errors import UsageError
from rpcsight.intake.plan import plan
from rpcsight.intake.read import spare
from rpcsight.pipeline import Request, opened
from tests.contracts.samples import FLOWS, zeek_tsv


def names(paths: list[list[str]]) -> list[list[str]]:
    return [[Path(path).name for path in group] for group in paths]


def test_files_of_one_layout_are_one_scan(tmp_path: Path) -> None:
    lines = zeek_tsv(FLOWS)
    for name, content in {
        "conn.1.log": lines,
        "conn.2.log": lines,
        "conn.3.log": lines.replace(b"\tuid", b"\tother"),
    }.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "dns.log").write_bytes(lines.replace(b"#path\tconn", b"#path\tdns"))
    (tmp_path / "empty.log").write_bytes(b"")
    made = plan([str(tmp_path)], {}, tmp_path, None)
    assert names([list(planned.scan.paths) for planned in made.scans]) == [["conn.1.log", "conn.2.log"], ["conn.3.log"]]
    assert [(Path(source).name, what) for source, what in made.flowless] == [("dns.log", "Zeek dns log")]
    assert [(Path(error.where).name, error.what) for error in made.unusable] == [("empty.log", "is empty")]


def test_results_never_replace_an_input(tmp_path: Path) -> None:
    log = tmp_path / "conn.log"
    log.write_bytes(zeek_tsv(FLOWS))
    mapping: Mapping[str, str] = {}
    made = plan([str(log)], mapping, tmp_path, None)
    spare(tmp_path / "out.csv", made)
    with pytest.raises(UsageError, match="is one of the inputs"):
        spare(tmp_path / "x" / ".." / "conn.log", made)


def test_a_mapping_that_no_file_uses_is_told(tmp_path: Path) -> None:
    log = tmp_path / "conn.log"
    log.write_bytes(zeek_tsv(FLOWS))
    with opened(Request([str(log)], mapping=("src_ip=zzz",))) as session:
        assert [
            each
            for each in session.account.warnings
            if each.startswith("--map was not used: the columns of zeek are known")
        ]
    with opened(Request([str(log)])) as session:
        assert [each for each in session.account.warnings if "--map" in each] == []

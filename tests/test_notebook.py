"""Notebooks: findings and tables as escaped tables, and the example notebook from beginning to end."""

import re
from typing import Any

import nbformat
import pyarrow as pa
import pytest

import rpcsight
from rpcsight.hunting import Hunt
from rpcsight.report.markup import visible
from rpcsight.report.notebook import arrow_html, finding_html, findings_html
from tests.recording import NFDUMP
from tests.system import ROOT
from tests.test_report import HOSTILE, parsed
from tests.test_report_page import finding

NOTEBOOK = ROOT / "docs" / "examples" / "hunt.ipynb"


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_markup_in_values_stays_text(text: str) -> None:
    rows = [finding_html(finding(text)), findings_html([finding(text)])]
    if text.isascii():
        rows.append(arrow_html(pa.table({text: [text], "list": [[text]], "record": [{text: text}]})))
    for each in rows:
        elements = list(parsed(each).iter())
        assert {element.tag for element in elements} & {"script", "img"} == set()
        assert not [name for element in elements for name in element.attrib if re.match("on|style", name)]
        assert visible(text) in "".join(parsed(each).itertext())


def test_what_a_hunt_gives_shows_as_tables() -> None:
    found = rpcsight.hunt(NFDUMP)
    shown = Hunt._repr_html_(found)
    assert f"<caption>{len(found)} findings, the most unusual first</caption>" in shown
    assert [each.src_ip for each in found if f"<td>{each.src_ip}</td>" not in shown] == []
    assert found[0].summary in "".join(parsed(found[0]._repr_html_()).itertext())


def test_long_tables_are_cut_and_counted() -> None:
    assert "and 50 more" in arrow_html(pa.table({"number": list(range(100))}))
    assert "and 10 more" in findings_html([finding("x")] * 60)


def test_the_notebook_is_kept_without_outputs() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert [(cell.outputs, cell.execution_count) for cell in cells if cell.cell_type == "code"] == [([], None)] * 6


@pytest.mark.filterwarnings("ignore")
def test_the_notebook_runs() -> None:
    client = pytest.importorskip("nbclient")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    shown: list[Any] = [
        "".join(output.data.get("text/html", "") for output in cell.outputs if "data" in output)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    assert "findings, the most unusual first" in shown[1]
    assert "Why: the parts of the score" in shown[2]
    assert "rows of 6 columns" in shown[4]
    assert shown[5].count("<tr>") == 8

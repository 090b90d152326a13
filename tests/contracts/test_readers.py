"""Every form that a reader knows gives the same activities: those that the oracles find in the flows as the form tells them."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests import system
from tests.contracts.reading import expected, read
from tests.contracts.samples import FLOWS, FORMS, PACKED, Form

CASES = [
    pytest.param(form, packing, id=f"{form.name}{packing}")
    for form in FORMS
    for packing in PACKED
    if form.reader != "parquet" or not packing
]


@pytest.mark.parametrize(("form", "packing"), CASES)
def test_form(form: Form, packing: str, tmp_path: Path) -> None:
    if form.needs:
        system.require(form.needs)
    path = tmp_path / f"{form.file}{packing}"
    path.write_bytes(PACKED[packing](form.write(FLOWS)))
    results, account = read(path, mapping=form.mapping)
    seen = [form.seen(replace(flow, source=str(path))) for flow in FLOWS]
    named = [flow if flow.observer != "sensor" else replace(flow, observer=account.clocks[0].observer) for flow in seen]
    wanted, left_out = expected(named)
    assert results == wanted
    assert (account.records, account.skips, account.left_out) == (form.records, [], left_out)
    assert dict(account.readers) == {form.reader: 1}

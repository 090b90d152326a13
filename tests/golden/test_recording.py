"""What rpcsight says about its own recording, byte for byte: reviewed like code, written by `make golden`."""

import io
from collections.abc import Callable

import pyarrow as pa
import pytest

import rpcsight
from rpcsight.account import lines
from rpcsight.findings import as_table, overview
from rpcsight.writers import Look, writer
from tests.recording import NFDUMP

Golden = Callable[[str, str], None]


def text(rows: pa.Table, name: str) -> str:
    out = io.BytesIO()
    writer(name).write(rows, out, Look(width=100))
    return out.getvalue().decode().replace(str(NFDUMP), "recording.nfdump.json.gz")


@pytest.mark.parametrize("name", ["CAR-2014-05-001", "rpc-activity", "rpc-attempts"])
def test_analytics(golden: Golden, name: str) -> None:
    golden(f"{name}.csv", text(rpcsight.run(name, NFDUMP), "csv"))


def test_findings(golden: Golden) -> None:
    found = rpcsight.hunt(NFDUMP)
    golden("hunt.jsonl", text(as_table(found.findings), "jsonl"))
    golden("hunt.txt", text(overview(found.findings), "table"))
    account = "".join(f"{line}\n" for line in lines(found.account))
    golden("account.txt", account.replace(str(NFDUMP), "recording.nfdump.json.gz"))

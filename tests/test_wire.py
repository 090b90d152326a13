"""The wire is pure: bytes in, facts out. No file, no clock, no chance, no engine; and facts are nobody else's."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from rpcsight.wire import Facts
from tests.system import ROOT

MODULES = sorted((ROOT / "src" / "rpcsight" / "wire").glob("*.py"))
IMPURE = {
    "asyncio",
    "datetime",
    "duckdb",
    "gzip",
    "io",
    "os",
    "pathlib",
    "random",
    "secrets",
    "socket",
    "subprocess",
    "time",
}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_pure(module: Path) -> None:
    imported: set[str] = set()
    called: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called.add(node.func.id)
    assert imported & IMPURE == set()
    assert called & {"open", "print", "input", "eval", "exec"} == set()


def test_facts_are_apart() -> None:
    one, other = Facts(), Facts()
    one.losses["reason"] += 1
    one.events.append(None)  # type: ignore[arg-type]
    assert (other.losses, other.events) == ({}, [])


def test_the_agreement_loads_nothing_heavy() -> None:
    code = "import sys, rpcsight.wire; print(sorted({'numpy', 'pyarrow', 'duckdb'} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"

"""Pages that are made from the code are as the code is."""

import importlib.util
from types import ModuleType

import pytest

from tests.system import ROOT


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "docs")
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_made_pages_are_current(generator: ModuleType) -> None:
    made = generator.pages()
    for name, text in made.items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == text, f"docs/{name} is old: make docs"
    there = {f"analytics/{path.name}" for path in (ROOT / "docs" / "analytics").iterdir()}
    assert there == {name for name in made if name.startswith("analytics/")}

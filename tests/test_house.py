"""The rules of the house that no linter knows (DESIGN.md sections 3 and 7)."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import rpcsight
from tests import system

ROOT = system.ROOT
PACKAGE = ROOT / "src" / "rpcsight"
MODULES = [path.relative_to(PACKAGE) for path in sorted(PACKAGE.rglob("*.py"))]
PLUGINS = {"readers", "writers", "analytics"}  # a file here is a plug-in: the folder's contract test covers it
TARGETS = ["setup", "check", "test", "fix", "golden", "bench", "docs", "demo"]
HEAVY = {"duckdb", "pyarrow", "pyspark", "sqlglot", "pandas", "numpy", "fastapi", "jinja2", "uvicorn", "plotly"}


def project_files() -> list[Path]:
    """Every file git tracks, or would track once added."""
    if not (ROOT / ".git").exists():
        system.lacking("not a git checkout: no list of tracked files")
    git = [system.require("git"), "-c", "safe.directory=*", "-C", str(ROOT)]  # CI's clone may be another user's
    listed = subprocess.run(
        [*git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"], capture_output=True, check=True
    )
    paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    return sorted(path for path in paths if path.is_file())


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_module_is_small(module: Path) -> None:
    lines = len((PACKAGE / module).read_text("utf-8").splitlines())
    assert lines <= 300, f"{module}: {lines} lines; split it by subject"


def test_no_path_of_a_machine_and_no_download_address() -> None:
    # In pieces, so that this file passes its own test.
    machine = rb"(?<![\w.])/(?:work|root)/" + rb"|" + re.escape(os.fsencode(ROOT)) + rb"/"
    download = rb"https?://[^\s\"'<>]+\.(?:wh" + rb"l|tgz|tar\.gz)\b"
    pattern = re.compile(machine + rb"|" + download)
    found = {relative(path): hit[0] for path in project_files() if (hit := pattern.search(path.read_bytes()))}
    assert found == {}


def test_links_between_our_pages_resolve() -> None:
    links = (
        (page, target)
        for page in project_files()
        if page.suffix == ".md"
        for target in re.findall(r"\]\((?![a-z]+:|#)([^)#\s]+)", page.read_text("utf-8"))
    )
    assert [f"{relative(page)}: {target}" for page, target in links if not (page.parent / target).exists()] == []


def is_code(module: Path) -> bool:
    """Whether a module defines anything: an ``__init__.py`` that only holds a docstring needs no test."""
    body = ast.parse((PACKAGE / module).read_text("utf-8")).body
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for node in body)


def accepted_tests(module: Path) -> set[str]:
    """The names, relative to tests/, of which one must exist for ``module``."""
    room, name = module.parts[:-1], module.stem.strip("_")
    if room and (room[0] in PLUGINS or name == "init"):
        return {f"contracts/test_{room[0]}.py", f"test_{room[-1]}.py"}
    if not room:
        return {f"test_{'api' if name == 'init' else name}.py"}
    return {f"test_{name}.py", f"test_{room[-1]}_{name}.py", f"{'/'.join(room)}/test_{name}.py", f"test_{room[-1]}.py"}


@pytest.mark.parametrize("module", [m for m in MODULES if m.name != "__main__.py" and is_code(m)], ids=str)
def test_module_has_its_test(module: Path) -> None:
    assert any((ROOT / "tests" / name).exists() for name in accepted_tests(module)), (
        f"none of {sorted(accepted_tests(module))}"
    )


def make(*arguments: str) -> str:
    """Run make as from a shell: `make test` itself leaves its options in the environment."""
    environment = {
        name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    }
    command = [system.require("make"), "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("target", TARGETS)
def test_make_knows(target: str) -> None:
    assert make("--dry-run", "--always-make", target)


def test_make_alone_lists_the_targets() -> None:
    assert [line.split()[1] for line in make().splitlines()] == ["help", *TARGETS]


def test_version_is_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert rpcsight.__version__ == project["version"]


@pytest.mark.parametrize(
    ("module", "line", "complaint"),
    [
        ("settings.py", "", ""),
        ("stray.py", "", "stray"),
        ("schema.py", "import rpcsight.pipeline", "rpcsight.schema is not allowed to import rpcsight.pipeline"),
        ("pipeline.py", "import duckdb", "rpcsight.pipeline is not allowed to import duckdb"),
    ],
    ids=["as it is", "a stray module", "an import upwards", "an engine outside its room"],
)
def test_import_contracts(module: str, line: str, complaint: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "src" / "rpcsight" / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    lint = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (lint.returncode != 0) == bool(complaint), lint.stdout + lint.stderr
    assert complaint in lint.stdout


HELP = """
import json, sys
from rpcsight.cli import main
sys.argv = ["rpcsight", "--help"]
try:
    main()
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def test_help_loads_no_engine() -> None:
    shown = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=False)
    loaded = {name.partition(".")[0] for name in json.loads(shown.stderr.splitlines()[-1])}
    assert (shown.returncode, "Usage" in shown.stdout, loaded & HEAVY) == (0, True, set())


def test_what_is_lacking_skips_here_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(system.PACKAGES, "no-such-program", "no-such-package")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install no-such-package"):
        system.require("no-such-program")
    with pytest.raises(pytest.skip.Exception, match="no-such-folder is absent"):
        system.shared_data("no-such-folder")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-package"):
        system.require("no-such-program")
    with pytest.raises(pytest.fail.Exception, match="no-such-folder"):
        system.shared_data("no-such-folder")
    assert "no-such-package" in system.missing_packages()

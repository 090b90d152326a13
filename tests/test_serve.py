"""The commands `serve` and `token`."""

import subprocess
import sys
from pathlib import Path

from tests.served import refusal, token


def rpcsight(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "rpcsight", *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode, done.stdout, done.stderr


def test_tokens_are_added_listed_and_removed(tmp_path: Path) -> None:
    file = str(tmp_path / "tokens.json")
    assert token(tmp_path, "anna", "--scope", "triage").startswith("rps_")
    code, _, said = rpcsight("token", "add", "anna", "--token-file", file)
    assert (code, "there is one of 'anna' already" in said) == (2, True)
    code, told, _ = rpcsight("token", "list", "--token-file", file)
    assert (code, told.split("\t")[:2]) == (0, ["anna", "triage"])
    assert rpcsight("token", "remove", "anna", "--token-file", file)[0] == 0
    assert rpcsight("token", "list", "--token-file", file)[:2] == (0, "")
    assert rpcsight("token", "remove", "anna", "--token-file", file)[0] == 2
    (tmp_path / "tokens.json").write_text("{")
    assert rpcsight("token", "list", "--token-file", file)[0] == 4


def test_a_workspace_has_to_be_there(tmp_path: Path) -> None:
    assert "there is no" in refusal(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()

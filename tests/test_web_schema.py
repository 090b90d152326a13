"""What the running server answers is what its own OpenAPI document says, whatever is asked."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.served import corp, running, token

pytest.importorskip("schemathesis")

EXAMPLES = 8 if os.environ.get("CI") == "true" else 4
"""Of each operation."""
REFUSED = """
[checks]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 414, 415, 422, 428, 429]
"""
"""How what fits no schema may be refused: too large a body, too, before it is read."""


@pytest.mark.xdist_group("server")
def test_no_answer_breaks_the_servers_own_description(tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(REFUSED, encoding="utf-8")
    secret = token(tmp_path, "schema", "--scope", "admin")
    with running(corp(tmp_path), "--token-file", str(tmp_path / "tokens.json")) as address:
        command = [
            *(str(Path(sys.executable).parent / "schemathesis"), "run", f"{address}api/v1/openapi.json"),
            *("--header", f"Authorization: Bearer {secret}", "--checks", "all", "--workers", "1"),
            *("--max-examples", str(EXAMPLES), "--max-time", os.environ.get("RPCSIGHT_SCHEMA_SECONDS", "20")),
            *(
                "--exclude-path",
                "/api/v1/events",
                "--generation-deterministic",
                "--no-color",
                "--suppress-health-check",
                "all",
            ),
            # no schema says that a cursor is of this query, or that an entry is not too wide
            *("--exclude-checks", "positive_data_acceptance"),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=3000, cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
        assert httpx.get(f"{address}api/v1/health", trust_env=False).json()["status"] == "ok"

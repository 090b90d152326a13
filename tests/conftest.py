"""What every test may use: the hypothesis profiles, the golden files, the public captures."""

from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from tests import system

# Derandomised: the same commit gives the same result, so a failure in CI is one at the desk. `--hypothesis-profile=deep` looks further.
hypothesis.settings.register_profile("usual", max_examples=15, derandomize=True, database=None, deadline=None)
hypothesis.settings.register_profile("deep", max_examples=500, database=None, deadline=None)
hypothesis.settings.load_profile("usual")

GOLDEN = system.ROOT / "tests" / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --update-golden, which `make golden` passes."""
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files instead of comparing")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Return ``golden(name, actual)``: text must equal the file tests/golden/NAME, or becomes it (`make golden`)."""
    update = bool(request.config.getoption("--update-golden"))

    def compare(name: str, actual: str) -> None:
        path = GOLDEN / name
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(actual.encode())
        assert path.exists(), f"no golden file {name}: write it with `make golden`, then review it"
        assert actual == path.read_bytes().decode(), f"not as in {name}: if that is meant, `make golden`, then review"

    return compare


@pytest.fixture
def shared_data() -> Path:
    """Return the folder of the public captures; without it the test is skipped, in CI it fails."""
    return system.shared_data()

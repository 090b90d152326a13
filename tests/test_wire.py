"""What wire's modules agree on."""

import subprocess
import sys

from rpcsight.wire import Facts


def test_facts_of_connections_are_their_own() -> None:
    one, other = Facts(), Facts()
    one.losses["broken"] += 1
    one.events.append(None)  # type: ignore[arg-type]
    assert not other.losses
    assert not other.events


def test_the_agreement_loads_nothing_heavy() -> None:
    code = "import sys, rpcsight.wire; print(sorted({'numpy', 'pyarrow', 'duckdb'} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"

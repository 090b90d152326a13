"""Reads inputs the public way, and gives whole results to compare."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rpcsight.pipeline import Account, Request, opened
from tests.oracles.flow import Flow, Parameters, Row
from tests.oracles.robust import robust
from tests.oracles.strict import strict
from tests.properties.strategies import EPOCH

Results = tuple[list[Row], list[Row]]
UNTOLD = dict.fromkeys(("service", "operation", "tier", "tier_confidence"))
"""What hosts' logs say of the service is not what flows of the same connections say: tests/test_services.py is about it."""


def read(*paths: Path | str, **options: Any) -> tuple[Results, Account]:
    """The rows of both analytics, times in microseconds, and the account."""
    with opened(Request(paths=[str(path) for path in paths], **options)) as session:
        strict_rows = session.run("CAR-2014-05-001").to_pylist()
        robust_rows = [row | UNTOLD for row in session.run("rpc-activity").to_pylist()]
        return (_in_microseconds(strict_rows), _in_microseconds(robust_rows)), session.account


def expected(flows: Sequence[Flow]) -> tuple[Results, dict[str, int]]:
    """What the oracles say of the flows, and how many they leave out, by reason."""
    rows, left_out = robust(flows, Parameters())
    return (strict(flows, Parameters()), rows), {reason: count for reason, count in left_out.items() if count}


def skips(account: Account) -> list[tuple[str, str, int]]:
    """What was skipped: the file's name, why, how many."""
    return [(Path(skip.source).name, skip.what, skip.count) for skip in account.skips]


def _in_microseconds(rows: list[Row]) -> list[Row]:
    return [
        {name: _microseconds(value) if isinstance(value, datetime) else value for name, value in row.items()}
        for row in rows
    ]


def _microseconds(time: datetime) -> int:
    since = time - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def by_lines(records: Sequence[object]) -> bytes:
    return "".join(f"{json.dumps(record)}\n" for record in records).encode()

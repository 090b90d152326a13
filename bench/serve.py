"""How long the server takes for the list of findings and the page of one, of 100,000 in a workspace: server time, median of several.

python bench/serve.py [FINDINGS]
"""

import asyncio
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from rpcsight.baseline.workspace import Workspace
from rpcsight.schema import DETECTION, RPC_ACTIVITY, names
from rpcsight.triage.kept import keep
from rpcsight.web.app import make
from rpcsight.web.desk import Desk
from rpcsight.web.options import WebSettings

FINDINGS = 100_000
TIMES = 7
DAY = 20_500
SERVICES = ("svcctl", "drsuapi", "samr", "winreg", None)
SEVERITIES = ("info", "low", "medium", "high")


def finding(number: int, chance: random.Random) -> dict[str, Any]:
    """A finding as hunts make them: some three kilobytes."""
    client, server = (f"10.{chance.randrange(4)}.{chance.randrange(200)}.{chance.randrange(1, 254)}" for _ in range(2))
    day = f"2026-{chance.randrange(1, 12):02d}-{chance.randrange(1, 28):02d}"
    at, service, score = f"{day}T10:00:00Z", chance.choice(SERVICES), round(chance.random() * 100, 2)
    pair = {"src_ip": client, "dest_ip": server, "first_time": at, "last_time": at, "score": score}
    rows = [dict.fromkeys(names(table)) for table in (RPC_ACTIVITY, DETECTION)]
    deed = {
        "analytic": "remote-service",
        "technique": "T1021",
        "service": service,
        "operation": "op",
        "weight": 0.5,
        "confidence": 0.9,
        "start_time": at,
    }
    return pair | {
        "finding_id": f"{number:016x}",
        "day": day,
        "rank": 1,
        "service": service,
        "techniques": ["T1021"],
        "severity": chance.choice(SEVERITIES),
        "confidence": 0.9,
        "summary": f"{client} used {service or 'RPC'} on {server}, which it had not met before",
        "reasons": [
            {"name": f"part {place}", "points": score / 5, "text": f"why, {chance.random()}"} for place in range(5)
        ],
        "pairs": [pair],
        "evidence": [
            {
                **rows[0],
                **pair,
                "service": service,
                "start_time": at,
                "source": f"conn.{chance.random()}.log",
                "flow_id": str(chance.random()),
            }
            for _ in range(5)
        ],
        "detections": [{**rows[1], **deed, **pair} for _ in range(3)],
        "next": ["who was logged on to the client then"] * 4,
        "benign_if": ["somebody of support used the client"] * 3,
    }


async def measured(desk: Desk, one: str) -> None:
    """Print each request's times."""
    app = httpx.ASGITransport(make(desk, WebSettings()))
    paths = (
        *("/api/v1/findings", "/api/v1/findings?q=svcctl", "/api/v1/findings?q=host:10.1.0.0/16&sort=client"),
        *(
            "/api/v1/groups?by=host",
            f"/api/v1/findings/{one}",
            f"/api/v1/findings/{one}/history",
            f"/api/v1/findings/{one}/similar",
        ),
        *("/findings", f"/findings/{one}"),
    )
    print("| request | wall ms | CPU ms |\n|---|---|---|")
    async with httpx.AsyncClient(transport=app, base_url="http://127.0.0.1:8135", timeout=60) as client:
        for path in paths:
            walls, busy = [], []
            for _ in range(TIMES):
                wall, cpu = time.perf_counter(), time.process_time()
                answer = await client.get(path)
                walls.append((time.perf_counter() - wall) * 1000)
                busy.append((time.process_time() - cpu) * 1000)
            if answer.status_code == 200:
                print(f"| `{path}` | {statistics.median(walls):.0f} | {statistics.median(busy):.0f} |")


def main() -> None:
    """Make the workspace, and measure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else FINDINGS
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corp.db"
        with Workspace(path) as workspace:
            keep(workspace, [finding(number, chance) for number in range(count)], [])
        print(f"{count:,} findings, {path.stat().st_size / 1e6:.0f} MB")
        asyncio.run(measured(Desk(path), f"{count // 2:016x}"))


if __name__ == "__main__":
    main()

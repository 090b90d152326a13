"""How long the server takes for pages and decisions, of 100,000 findings, beside what 5,000 hosts did: server time, median of several.

python bench/serve.py [FINDINGS]
"""

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
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
LEARNED = """
    insert into pair_day
    select '10.0.' || (host // 250) || '.' || (host % 250 + 1), '10.3.0.' || (1 + hash(host * 31 + peer) % if(peer < 3, 20, 200)),
      20440 + day, 3, 4, 0, 1023, (20440 + day) * 86400000000::bigint + 36000000000, (20440 + day) * 86400000000::bigint + 37000000000, 1000
    from range(5000) as hosts(host), range(6) as peers(peer), range(30) as days(day)
    where peer < 2 or (peer + day + host) % 3 = 0
    group by all
"""
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


READ = (
    *("/api/v1/findings", "/api/v1/findings?q=svcctl", "/api/v1/findings?q=host:10.1.0.0/16&sort=client"),
    *(
        "/api/v1/groups?by=host",
        "/api/v1/findings/{one}",
        "/api/v1/findings/{one}/history",
        "/api/v1/findings/{one}/similar",
    ),
    *(
        "/findings",
        "/findings/{one}",
        "/findings/close?id={one}",
        "/allow",
        "/allow/new?client_role=unknown&service=svcctl",
    ),
    *("/allow/new?client=10.1.0.0/16&service=svcctl,samr", "/map", "/hosts", "/baseline", "/log"),
)


async def measured(desk: Desk, one: str) -> None:
    """Print each request's times."""
    app = httpx.ASGITransport(make(desk, WebSettings()))
    numbers = iter(range(50_000))
    print("| request | wall ms | CPU ms |\n|---|---|---|")
    async with httpx.AsyncClient(transport=app, base_url="http://127.0.0.1:8135", timeout=60) as client:

        async def told(name: str, ask: Callable[[], Awaitable[httpx.Response]]) -> None:
            walls, busy = [], []
            for _ in range(TIMES):
                wall, cpu = time.perf_counter(), time.process_time()
                answer = await ask()
                walls.append((time.perf_counter() - wall) * 1000)
                busy.append((time.process_time() - cpu) * 1000)
                answer.raise_for_status()
            first = f" (first {walls[0]:.0f})" if walls[0] > 2 * statistics.median(walls) else ""
            print(f"| {name}{first} | {statistics.median(walls):.0f} | {statistics.median(busy):.0f} |", flush=True)

        def ids(count: int) -> list[str]:
            return [f"{next(numbers):016x}" for _ in range(count)]

        def post(path: str, body: dict[str, Any]) -> Awaitable[httpx.Response]:
            return client.post(f"/api/v1/{path}", json=body | {"reason": "measured"})

        for path in READ:
            await told(f"`{path}`", lambda path=path: client.get(path.format(one=one)))
        await told("close one as benign", lambda: post(f"findings/{ids(1)[0]}/close", {"verdict": "benign"}))
        await told("close 50 as benign", lambda: post("findings/close", {"verdict": "benign", "finding_ids": ids(50)}))
        await told(
            "close 200 as benign", lambda: post("findings/close", {"verdict": "benign", "finding_ids": ids(200)})
        )
        await told("reopen", lambda: post(f"findings/{0:016x}/reopen", {}))
        entry = {"owner": "me", "expires": "never", "client": ["10.0.7.0/24"], "service": ["svcctl"]}
        await told("preview of an entry", lambda: post("allow/preview", entry))
        await told("add an entry", lambda: post("allow", entry))


def learned(workspace: Workspace) -> None:
    """Let the workspace know 5,000 hosts of a month: half a million clients and servers, a day."""
    workspace.store.run(LEARNED)
    workspace.store.run("update workspace set rule = 'bench'")
    with workspace.store.transaction():
        workspace.settle()


def main() -> None:
    """Make the workspace, and measure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else FINDINGS
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corp.db"
        with Workspace(path) as workspace:
            learned(workspace)
            keep(workspace, [finding(number, chance) for number in range(count)], [])
        print(f"{count:,} findings, {path.stat().st_size / 1e6:.0f} MB")
        asyncio.run(measured(Desk(path), f"{count // 2:016x}"))


if __name__ == "__main__":
    main()

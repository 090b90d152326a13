"""Server-sent events: browsers hear when the workspace has changed."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator

from rpcsight.errors import RpcsightError
from rpcsight.web.desk import Desk
from rpcsight.web.security import Refused

__all__ = ["MOST_LISTENERS", "Watch"]

MOST_LISTENERS = 50
LOOK_S = 1.0
ALIVE_TICKS = 15
"""After so many looks without news, a line that keeps proxies from closing the connection."""
LONGEST_S = 600
"""Then the browser connects anew: a token that was removed no longer hears anything."""
STATE = """
    select (select count(*) from finding where status = 'open') as open, (select count(*) from finding) as findings,
      (select coalesce(max(kept_us), 0) from finding) as newest_us, (select coalesce(max(number), 0) from audit) as log
"""


class Watch:
    """Looks at the file each second, for all who listen.

    Args:
        desk: opens the workspace.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._turn = threading.Lock()
        self._seen: tuple[tuple[int, int], str] | None = None
        self._listeners = 0

    def state(self) -> str | None:
        """What there is, as JSON; the last that was seen where the file is in use."""
        with self._turn:
            stamp = self._desk.stamp()
            if self._seen is None or self._seen[0] != stamp:
                try:
                    with self._desk.reading() as workspace:
                        (row,) = workspace.rows(STATE)
                except RpcsightError:
                    return self._seen[1] if self._seen else None
                self._seen = stamp, json.dumps(row)
            return self._seen[1]

    async def listen(self) -> AsyncIterator[str]:
        """Events, as text: `state` first and whenever it is another."""
        self._listeners += 1
        try:
            yield "retry: 3000\n\n"
            told: str | None = None
            for tick in range(int(LONGEST_S / LOOK_S)):
                now = await asyncio.to_thread(self.state)
                if now is not None and now != told:
                    told = now
                    yield f"event: state\ndata: {now}\n\n"
                elif tick % ALIVE_TICKS == 0:
                    yield ": still here\n\n"
                await asyncio.sleep(LOOK_S)
        finally:
            self._listeners -= 1

    def refuse_more(self) -> None:
        """See to it that there is room for one more.

        Raises:
            Refused: there is none.
        """
        if self._listeners >= MOST_LISTENERS:
            raise Refused(503, "too many listen already", "try again later", 30)

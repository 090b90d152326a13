"""Idempotency-Key: who sends a change again, because the answer got lost, gets the first one's answer."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar, cast

from pydantic import BaseModel

from rpcsight.web.security import Refused

__all__ = ["MOST_KEYS", "Repeats"]

MOST_KEYS = 10_000
Answer = TypeVar("Answer", bound=BaseModel)


class Repeats:
    """The answers to the last changes, in memory: a server that starts anew has forgotten them."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._done: OrderedDict[tuple[str, str, str], tuple[str, BaseModel]] = OrderedDict()

    def once(self, who: str, what: str, key: str | None, asked: BaseModel, do: Callable[[], Answer]) -> Answer:
        """Do something, unless it was done with this key.

        Args:
            who: asks: keys are theirs alone.
            what: method and path.
            key: what they called it; None: they don't mind that it is done twice.
            asked: the body.
            do: does it.

        Raises:
            Refused: the key was used for something else.
        """
        if key is None:
            return do()
        digest = hashlib.sha256(asked.model_dump_json().encode()).hexdigest()
        with self._turn:
            done = self._done.get((who, what, key))
            if done is not None:
                if done[0] != digest:
                    raise Refused(422, "this Idempotency-Key was used for something else")
                return cast("Answer", done[1])
            made = do()
            self._done[who, what, key] = digest, made
            while len(self._done) > MOST_KEYS:
                self._done.popitem(last=False)
            return made

"""The file with the tokens of clients: hashed, with what each may do and until when."""

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from rpcsight.errors import SettingsError, UsageError

__all__ = ["NOBODYS", "SCOPES", "Token", "TokenFile", "allows"]

SCOPES = ("read", "triage", "admin")
"""What a token allows; each includes those before it."""
BEGIN = "rps_"
"""Of every token, so that one is known where it does not belong."""
RANDOM_BYTES = 32
LONGEST = 200
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@-]{0,63}")
DIGEST = re.compile(r"[0-9a-f]{64}")
NOBODYS = ("hunt", "this machine")
"""Stand in the log for who is no person."""
MOST = 1000
LARGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class Token:
    """A token, without itself.

    Args:
        name: whose it is: stands in the audit log.
        scope: of `SCOPES`.
        digest: SHA-256 of it, in hexadecimal digits; it is random and long, so no salt is needed.
        added: the day.
        expires: the last day; None: never.
    """

    name: str
    scope: str
    digest: str
    added: str
    expires: str | None

    def is_live(self, today: date) -> bool:
        """Whether it holds on a day."""
        return self.expires is None or today.isoformat() <= self.expires


def allows(scope: str, needed: str) -> bool:
    """Whether a scope includes another."""
    return SCOPES.index(scope) >= SCOPES.index(needed)


class TokenFile:
    """The tokens of a file; who removes one there, ends it at once.

    Args:
        path: the file; need not be there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, int] | None = None
        self._read: tuple[Token, ...] = ()

    def all(self) -> tuple[Token, ...]:
        """All tokens, by name.

        Raises:
            SettingsError: the file is none.
        """
        try:
            status = self.path.stat()
        except OSError:
            self._stamp, self._read = None, ()
            return ()
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp != self._stamp:
            self._read = self._load(status.st_size)
            self._stamp = stamp
        return self._read

    def find(self, text: str) -> Token | None:
        """The token that this is, if it holds today."""
        return self.of_digest(_digest(text)) if text.startswith(BEGIN) and len(text) <= LONGEST else None

    def of_digest(self, digest: str) -> Token | None:
        """The token of a digest, if it holds today."""
        today = datetime.now(UTC).date()
        found = [each for each in self.all() if hmac.compare_digest(each.digest, digest)]
        return found[0] if found and found[0].is_live(today) else None

    def add(self, name: str, scope: str, days: int | None) -> str:
        """Add a token.

        Args:
            name: whose it is.
            scope: of `SCOPES`.
            days: how long it holds; None: until it is removed.

        Returns:
            the token: it is shown this once, and kept nowhere.

        Raises:
            UsageError: the name is taken or none, or there is no such scope.
        """
        if not NAME.fullmatch(name) or name.lower() in NOBODYS:
            raise UsageError("token", f"{name!r} is no name", "letters, digits, spaces and . _ @ -, up to 64")
        if scope not in SCOPES:
            raise UsageError("--scope", f"there is no {scope!r}", f"one of: {', '.join(SCOPES)}")
        there = self.all()
        if any(each.name == name for each in there) or len(there) >= MOST:
            raise UsageError("token", f"there is one of {name!r} already", f"rpcsight token remove {name!r}")
        today = datetime.now(UTC).date()
        text = BEGIN + secrets.token_urlsafe(RANDOM_BYTES)
        until = None if days is None else (today + timedelta(days=days)).isoformat()
        self._save((*there, Token(name, scope, _digest(text), today.isoformat(), until)))
        return text

    def remove(self, name: str) -> None:
        """End a token.

        Raises:
            UsageError: there is none of that name.
        """
        there = self.all()
        if not any(each.name == name for each in there):
            raise UsageError("token", f"there is none of {name!r}", "rpcsight token list shows the names")
        self._save(each for each in there if each.name != name)

    def _load(self, size: int) -> tuple[Token, ...]:
        try:
            content = json.loads(self.path.read_text("utf-8") if size <= LARGEST else "")
            made = [
                Token(**{name: str(value) if name != "expires" else value for name, value in each.items()})
                for each in content["tokens"]
            ]
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as cause:
            raise SettingsError(str(self.path), "is no file of tokens", "rpcsight token add NAME makes one") from cause
        if any(each.scope not in SCOPES or not DIGEST.fullmatch(each.digest) for each in made):
            raise SettingsError(str(self.path), "holds a token that is none", "rpcsight token list shows them")
        return tuple(sorted(made, key=lambda each: each.name))

    def _save(self, tokens: Iterable[Token]) -> None:
        text = json.dumps({"tokens": [asdict(each) for each in tokens]}, indent=1) + "\n"
        partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        partial.unlink(missing_ok=True)
        try:
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
                out.write(text)
            partial.replace(self.path)
        except OSError as cause:
            partial.unlink(missing_ok=True)
            what = f"can't be written ({cause.strerror})"
            raise SettingsError(str(self.path), what, "name another with --token-file") from cause


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()

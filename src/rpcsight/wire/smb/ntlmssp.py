"""NTLMSSP: whom an AUTHENTICATE message names ([MS-NLMP] section 2.2.1.3)."""

import struct

__all__ = ["ANONYMOUS", "LONGEST_NAME", "user_in"]

SIGNATURE = b"NTLMSSP\0"
AUTHENTICATE = b"\3\0\0\0"
LONGEST_NAME = 2048
"""Bytes of a user's, share's or file's name that are kept: Windows allows 256 characters a user, 1,024 a path on most calls."""
ANONYMOUS = "ANONYMOUS LOGON"
"""What Windows calls a log-on that names nobody."""

_FIELDS = struct.Struct("<H2xIH2xI16xI")  # DomainName, UserName, then NegotiateFlags
_FIELDS_START = 28
_UNICODE = 1


def user_in(blob: bytes) -> str | None:
    r"""The user as `DOMAIN\user` of the first AUTHENTICATE message in a security blob, bare or inside SPNEGO; None without one.

    A user without a domain is named alone, nobody at all is `ANONYMOUS LOGON`.
    """
    start = blob.find(SIGNATURE)
    while start >= 0:
        message = memoryview(blob)[start:]
        if len(message) >= _FIELDS_START + _FIELDS.size and blob.startswith(AUTHENTICATE, start + len(SIGNATURE)):
            domain_bytes, domain_at, user_bytes, user_at, flags = _FIELDS.unpack_from(message, _FIELDS_START)
            encoding = "utf-16-le" if flags & _UNICODE else "ascii"
            domain, user = (
                bytes(message[at : at + min(size, LONGEST_NAME)]).decode(encoding, "replace")
                for at, size in ((domain_at, domain_bytes), (user_at, user_bytes))
            )
            return "\\".join(part for part in (domain, user) if part) or ANONYMOUS
        start = blob.find(SIGNATURE, start + len(SIGNATURE))
    return None

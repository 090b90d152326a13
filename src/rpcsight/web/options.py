"""How the server is reached, and whom it trusts."""

import ipaddress
import re
import ssl
from dataclasses import dataclass
from pathlib import Path

from rpcsight.errors import UsageError
from rpcsight.web.tokens import SCOPES, TokenFile

__all__ = ["LOOPBACK", "LOOPBACK_NAMES", "WebSettings", "address_of", "is_loopback"]

LOOPBACK = ("127.0.0.1", "::1")
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
HIGHEST_PORT = 65535
LARGEST_PEM = 1_000_000
HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
HOST_NAME = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9a-fA-F:.]{2,45}\])(?::\d{1,5})?")
ROOT_PATH = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9._~-]{0,63}){0,8}")
RESERVED = (
    "host",
    "cookie",
    "authorization",
    "origin",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
)


@dataclass(frozen=True, slots=True)
class WebSettings:
    """How the server is reached, and whom it trusts.

    Args:
        host: the address to listen on.
        port: the port; 0: a free one.
        token_file: tokens of clients; None: none are asked for.
        trust_header: the header in which a reverse proxy says who it is; None: none is believed.
        trust_from: addresses of proxies that are believed.
        trust_scope: what those whom it names may do.
        names: under which names browsers reach the server, beside its own address.
        certificate, key: files, for TLS.
        is_secure: cookies only travel over TLS; so it is where there is a certificate.
        root_path: below which path of its own name the proxy shows the server, as /rpcsight; it takes that away before it asks.
    """

    host: str = "127.0.0.1"
    port: int = 8135
    token_file: Path | None = None
    trust_header: str | None = None
    trust_from: tuple[str, ...] = LOOPBACK
    trust_scope: str = "triage"
    names: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    is_secure: bool = False
    root_path: str = ""

    @property
    def is_open(self) -> bool:
        """Whether everybody on this machine may come in."""
        return self.token_file is None and self.trust_header is None

    def checked(self) -> "WebSettings":
        """Itself.

        Raises:
            UsageError: it would let anybody in, or an option is wrong.
        """
        hint = "rpcsight token add NAME --token-file FILE, then serve --token-file FILE; or --trust-header NAME"
        if self.is_open and not is_loopback(self.host):
            raise UsageError(
                "--host", f"{self.host} can be reached from elsewhere, and nobody would be asked who they are", hint
            )
        if self.token_file is not None and self.trust_header is None and not TokenFile(self.token_file).all():
            raise UsageError("--token-file", f"{str(self.token_file)!r} holds no token: nobody could come in", hint)
        if self.trust_header is not None and (
            not HEADER.fullmatch(self.trust_header) or self.trust_header.lower() in RESERVED
        ):
            raise UsageError("--trust-header", f"{self.trust_header!r} is no name of such a header", "as X-Remote-User")
        for each in self.trust_from:
            if address_of(each) is None:
                raise UsageError("--trust-from", f"{each!r} is no address", "the proxy's, as 10.0.0.5")
        for each in self.names:
            if not HOST_NAME.fullmatch(each):
                raise UsageError("--name", f"{each!r} is no name of a host", "as hunt.corp.example, or with :PORT")
        if not ROOT_PATH.fullmatch(self.root_path):
            raise UsageError(
                "--root-path", f"{self.root_path!r} is no such path", "as /rpcsight, without a slash at its end"
            )
        if self.trust_scope not in SCOPES:
            raise UsageError("--trust-scope", f"there is no {self.trust_scope!r}", f"one of: {', '.join(SCOPES)}")
        if (self.certificate is None) != (self.key is None):
            raise UsageError("--tls-cert", "needs --tls-key beside it, and the reverse", "name both files")
        if self.certificate is not None and self.key is not None:
            _check_tls(self.certificate, self.key)
        if not 0 <= self.port <= HIGHEST_PORT:
            raise UsageError("--port", f"{self.port} is no port", "from 1 to 65535")
        return self


def is_loopback(host: str) -> bool:
    """Whether an address, or `localhost`, is this machine's own."""
    found = address_of(host)
    return host == "localhost" if found is None else found.is_loopback


def _check_tls(certificate: Path, key: Path) -> None:
    """Refuse files that no server could use, before one tries."""
    for option, path, what in (("--tls-cert", certificate, b"CERTIFICATE"), ("--tls-key", key, b"PRIVATE KEY")):
        if not path.is_file():
            raise UsageError(option, f"there is no file {str(path)!r}", "a PEM file")
        try:
            with path.open("rb") as file:
                text = file.read(LARGEST_PEM)
        except OSError as cause:
            raise UsageError(option, f"{str(path)!r} can't be read ({cause.strerror})", "a PEM file") from cause
        if not re.search(rb"-----BEGIN [A-Z ]*" + what, text):
            raise UsageError(option, f"{str(path)!r} holds no {what.decode().lower()}", "a PEM file")
        if what == b"PRIVATE KEY" and b"ENCRYPTED" in text:
            hint = "openssl pkey -in KEY -out PLAIN, for its owner alone to read"
            raise UsageError(option, f"{str(path)!r} has a password, which nobody could type later", hint)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as cause:
        is_other = getattr(cause, "reason", "") == "KEY_VALUES_MISMATCH"
        what = (
            f"is not the key of {str(certificate)!r}" if is_other else "can't be used for TLS, or the certificate can't"
        )
        raise UsageError("--tls-key", f"{str(key)!r} {what}", "the two that belong together, in PEM") from cause


def address_of(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address, however it is written (::ffff:127.0.0.1 is 127.0.0.1); None: it is none."""
    try:
        found = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found

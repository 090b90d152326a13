"""The roles of hosts, and what else people call them."""

import re
from collections.abc import Mapping

__all__ = ["ROLES", "role_of"]

ROLES = (
    "domain controller",
    "server",
    "management server",
    "administration host",
    "scanner",
    "workstation",
    "unknown",
)
"""As docs/roles.md explains them."""
_OTHER_WORDS: Mapping[str, tuple[str, ...]] = {
    "domain controller": ("dc", "rodc", "ad dc", "addc", "active directory", "domaincontroller"),
    "server": (
        "srv", "member server", "windows server", "linux server", "file server", "fileserver", "print server", "printserver", "mail server",
        "mailserver", "exchange", "exchange server", "database", "database server", "db server", "sql server", "web server", "webserver",
        "application server", "app server", "certificate server", "certificate authority", "ca", "nas", "storage", "terminal server",
        "rds", "hypervisor",
    ),
    "management server": (
        "management", "mgmt", "sccm", "mecm", "configmgr", "configuration manager", "software distribution", "deployment server", "wsus",
        "monitor", "monitoring", "monitoring server", "backup", "backup server", "inventory",
    ),
    "administration host": (
        "admin", "admin host", "administration", "administrator", "administrator workstation", "admin workstation", "paw",
        "privileged access workstation", "jump host", "jumphost", "jump server", "jump box", "bastion", "bastion host", "help desk",
        "helpdesk", "help desk workstation",
    ),
    "scanner": ("vulnerability scanner", "vuln scanner", "security scanner", "network scanner"),
    "workstation": (
        "client", "desktop", "laptop", "notebook", "pc", "personal computer", "workstations", "clients", "thin client", "vdi", "kiosk",
        "end user device", "user device",
    ),
}  # fmt: skip
_ROLE_OF = {role: role for role in ROLES} | {word: role for role, words in _OTHER_WORDS.items() for word in words}


def role_of(word: str) -> str | None:
    """The role that a word means (`Jump-Host` as `jump host`); None where it means none."""
    return _ROLE_OF.get(re.sub(r"[\s_./-]+", " ", word).strip().lower())

"""What tests need from the machine: programs out of its packages, and the public captures beside the checkout.

A test that lacks one of them is skipped with the reason; with ``CI=true`` it fails instead. Run as a program, this
module prints the Debian packages that are missing here: ``make test`` installs them where it may.
"""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"

# Program, or pattern of a file: the Debian package that brings it. The only list: a test that needs one more adds its line here.
PACKAGES = {
    "chromium": "chromium",
    "ethtool": "ethtool",
    "git": "git",
    "ip": "iproute2",
    "java": "default-jre-headless",
    "make": "make",
    "nfcapd": "nfdump",
    "nfdump": "nfdump",
    "samba": "samba",
    "smbclient": "smbclient",
    "softflowd": "softflowd",
    "tcpdump": "tcpdump",
    "tshark": "tshark",
    "winbindd": "winbind",
    "/usr/lib/*/samba/ldb/samba_dsdb.so": "samba-dsdb-modules",
    "/usr/lib/*/samba/vfs/acl_xattr.so": "samba-vfs-modules",
    "/usr/share/samba/setup/provision.ldif": "samba-ad-provision",
}


def lacking(reason: str) -> NoReturn:
    """Skip the calling test (or the calling module) for ``reason``; with ``CI=true`` fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (skipped elsewhere, a failure with CI=true)", pytrace=False)
    pytest.skip(reason, allow_module_level=True)


def find(program: str) -> str | None:
    """Return the path of ``program``, or None. Servers live in sbin, which a user's PATH leaves out on Debian."""
    if program.startswith("/"):
        return next(map(str, Path("/").glob(program[1:])), None)
    return shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


def require(program: str) -> str:
    """Return the path of ``program``, one of ``PACKAGES``; without it the calling test is skipped."""
    package = PACKAGES[program]
    return find(program) or lacking(f"{program} is not installed: apt-get install {package}")


def shared_data(*parts: str) -> Path:
    """Return the path of a public capture, or of their folder; without it the calling test is skipped."""
    path = SHARED_DATA.joinpath(*parts)
    return path if path.exists() else lacking(f"{os.path.relpath(path, ROOT)} is absent: no public captures here")


def missing_packages() -> list[str]:
    """Return the Debian packages of the programs that are not here, sorted."""
    return sorted({package for program, package in PACKAGES.items() if find(program) is None})


if __name__ == "__main__":
    print(*missing_packages())  # noqa: T201

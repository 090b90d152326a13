"""Users in NTLMSSP messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcsight.wire.smb.ntlmssp import LONGEST_NAME, user_in
from tests.wire.smb_messages import ntlm

SPNEGO = b"\xa1\x82\x01\x00\x30\x82\x00\xfc\xa2\x82\x00\xf8\x04\x82\x00\xf4"


@pytest.mark.parametrize(
    ("blob", "user"),
    [
        (ntlm("anna", "CORP"), "CORP\\anna"),
        (ntlm("anna", "CORP", is_wide=False), "CORP\\anna"),
        (SPNEGO + ntlm("Zoë", "MÜLL") + b"\xa3\x12", "MÜLL\\Zoë"),
        (ntlm("anna", ""), "anna"),
        (ntlm("", ""), "ANONYMOUS LOGON"),
        (ntlm("", "", kind=1) + ntlm("anna", "CORP"), "CORP\\anna"),
        (ntlm("", "", kind=1), None),
        (b"NTLMSSP\0", None),
        (b"\x60\x82\x05\x00 a Kerberos ticket", None),
        (b"", None),
    ],
)
def test_user(blob: bytes, user: str | None) -> None:
    assert user_in(blob) == user


def test_a_long_name_is_cut() -> None:
    assert user_in(ntlm("a" * 5000, "")) == "a" * (LONGEST_NAME // 2)


def test_fields_that_point_outside() -> None:
    message = bytearray(ntlm("anna", "CORP"))
    message[32:36] = b"\xff\xff\xff\xff"
    assert user_in(bytes(message)) == "anna"


@given(st.binary(max_size=200))
def test_noise(noise: bytes) -> None:
    user_in(noise)
    user_in(ntlm("anna", "CORP")[:12] + noise)

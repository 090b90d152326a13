"""Errors: one exit code a class, and the message in the form of the house."""

import pytest

from rpcsight import errors
from rpcsight.errors import RpcsightError

CODES = {
    "UsageError": 2,
    "InputError": 3,
    "BusyError": 3,
    "SettingsError": 4,
    "SchemaError": 5,
    "EngineError": 6,
    "RpcsightError": 70,
}


def test_every_kind_has_an_exit_code_of_its_own() -> None:
    assert {name: getattr(errors, name).exit_code for name in errors.__all__} == CODES
    assert all(issubclass(getattr(errors, name), RpcsightError) for name in errors.__all__)


@pytest.mark.parametrize(("hint", "said"), [("", "here: what"), ("do this", "here: what\n  hint: do this")])
def test_the_message(hint: str, said: str) -> None:
    error = RpcsightError("here", "what", hint)
    assert (str(error), error.where, error.what, error.hint) == (said, "here", "what", hint)

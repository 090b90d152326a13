"""One parametrised test for each kind of plug-in."""

import pytest

pytest.register_assert_rewrite("tests.contracts.standards")

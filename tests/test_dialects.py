"""The text of every analytic in every dialect: parsed again by that dialect, without a parameter left."""

import pytest
import sqlglot

from rpcsight.analytics import all_analytics, compose
from rpcsight.engines.dialects import DIALECTS, translated
from rpcsight.errors import UsageError
from rpcsight.pipeline import Request

PARAMETERS = Request([]).parameters()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", [each.header.id for each in all_analytics()])
def test_text_is_of_the_dialect(name: str, dialect: str) -> None:
    text = translated(compose(name, from_flow=True), dialect, PARAMETERS)
    (statement,) = [each for each in sqlglot.parse(text, read=dialect) if each is not None]
    assert not list(statement.find_all(sqlglot.exp.Placeholder, sqlglot.exp.Parameter))


def test_postgres_compares_texts_of_public_tables_by_their_bytes() -> None:
    """And those of named parts inherit that."""
    calls = translated("select src_ip, src_port, version as v from rpc_call order by src_ip", "postgres", {})
    assert (calls.count('COLLATE "C"'), 'version COLLATE "C" AS v' in calls) == (2, True)
    flows = translated("with rpc_call as (select src_ip from flow) select src_ip from rpc_call", "postgres", {})
    assert flows.count('COLLATE "C"') == 1


def test_unknown_dialect() -> None:
    with pytest.raises(UsageError, match=r"klingon.* is not known"):
        translated("select 1", "klingon", {})

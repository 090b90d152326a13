"""A session answers the same whatever was asked before, and as a stream."""

from rpcsight.hunting import hunt
from rpcsight.pipeline import Request, opened
from tests.recording import PARQUET


def test_streamed_rows_are_the_rows() -> None:
    with opened(Request([str(PARQUET)])) as session:
        assert session.stream("rpc-activity").read_all().equals(session.run("rpc-activity"))


def test_one_session_answers_in_any_order() -> None:
    with opened(Request([str(PARQUET)])) as one, opened(Request([str(PARQUET)])) as other:
        assert hunt(one).findings == hunt(other).findings
        orders = [("rpc-attempts", "rpc-activity"), ("rpc-activity", "rpc-attempts")]
        first, second = (
            {name: each.run(name) for name in order} for each, order in zip((one, other), orders, strict=True)
        )
        assert first == second
        assert one.account == other.account

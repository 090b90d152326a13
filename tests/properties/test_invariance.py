"""What must not change the rows: the order of the input, how it is cut into files, flows of others, the clock's offset."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rpcsight.pipeline import Request, opened
from tests.oracles.flow import Flow
from tests.properties.strategies import flow_lists, to_time
from tests.recording import written

ANALYTICS = ("CAR-2014-05-001", "rpc-activity", "rpc-attempts")
EXAMPLES = 10
Rows = list[dict[str, Any]]


def rows(*inputs: Sequence[Flow], **bounds: datetime) -> list[Rows]:
    """The rows of every analytic without their source, the flows written into a file an input."""
    with TemporaryDirectory() as folder:
        paths = [str(written(flows, Path(folder, f"{place}.parquet"))) for place, flows in enumerate(inputs) if flows]
        with opened(Request(paths, **bounds)) as session:
            return [session.run(name).drop_columns("source").to_pylist() for name in ANALYTICS]


def some_flows() -> st.SearchStrategy[list[Flow]]:
    return flow_lists().filter(bool)


def moved(found: list[Rows], by: timedelta) -> list[Rows]:
    """The rows with all times moved."""

    def move(value: Any) -> Any:
        return value + by if isinstance(value, datetime) else value

    return [[{name: move(value) for name, value in row.items()} for row in some] for some in found]


def at(flow: Flow, by_us: int) -> Flow:
    return replace(flow, start_us=flow.start_us + by_us, end_us=None if flow.end_us is None else flow.end_us + by_us)


def of_others(flows: list[Flow]) -> Iterator[Flow]:
    """The same flows between hosts that have nothing to do with the first ones."""
    for flow in flows:
        if flow.src_ip.startswith(("10.", "192.168.")):
            strangers = {"src_ip": f"172.16.{flow.src_ip}", "dest_ip": f"172.16.{flow.dest_ip}"}
            yield replace(flow, **strangers, flow_id=f"other-{flow.flow_id}")


@settings(max_examples=EXAMPLES)
@given(st.data())
def test_order_and_files_change_nothing(data: st.DataObject) -> None:
    flows = data.draw(some_flows())
    mixed = data.draw(st.permutations(flows))
    cut = data.draw(st.integers(0, len(flows)))
    assert rows(flows) == rows(mixed[:cut], mixed[cut:])


@settings(max_examples=EXAMPLES)
@given(some_flows())
def test_flows_of_others_change_nothing(flows: list[Flow]) -> None:
    others = list(of_others(flows))
    together = rows([*flows, *others])
    alone = [[row for row in found if not row["src_ip"].startswith("172.16.")] for found in together]
    assert alone == rows(flows)


@settings(max_examples=EXAMPLES)
@given(some_flows(), st.sampled_from((1, 999_999, 1_000_000, 3_600_000_001, 1_900_000_000_000_000)))
def test_a_clock_that_is_off_moves_the_rows(flows: list[Flow], by_us: int) -> None:
    assert rows([at(flow, by_us) for flow in flows]) == moved(rows(flows), timedelta(microseconds=by_us))


@settings(max_examples=EXAMPLES)
@given(st.data())
def test_bounds_are_a_filter_of_the_input(data: st.DataObject) -> None:
    flows = data.draw(some_flows())
    starts = sorted(flow.start_us for flow in flows)
    low = data.draw(st.sampled_from(starts))
    high = data.draw(st.sampled_from(starts)) + data.draw(st.sampled_from((0, 1)))
    within = [flow for flow in flows if low <= flow.start_us < high]
    bounds = {"since": to_time(low).replace(tzinfo=UTC), "until": to_time(high)}
    bounded = rows(flows, **bounds)
    assert bounded == (rows(within) if within else [[], [], []])

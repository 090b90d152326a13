"""The straight line: bounds, progress, the account, and nothing left behind."""

import io
import tempfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from rpcsight.account import SourceClock
from rpcsight.errors import InputError, UsageError
from rpcsight.hunting import hunt
from rpcsight.pipeline import Request, opened
from rpcsight.settings import AttackSettings, RuleSettings, ScoreSettings, Settings
from tests.contracts.samples import BASE_US, FLOWS, zeek_json, zeek_tsv
from tests.oracles.flow import Flow
from tests.recording import NFDUMP, PARQUET, written

TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that temporary files go to."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize(
    ("time", "us"),
    [
        (TEN, BASE_US),
        (TEN.replace(tzinfo=None), BASE_US),
        (TEN.astimezone(timezone(timedelta(hours=5, minutes=30))), BASE_US),
        (TEN + timedelta(microseconds=1), BASE_US + 1),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC), -1),
    ],
)
def test_bounds_are_whole_microseconds_utc(time: datetime, us: int) -> None:
    assert Request([], since=time).parameters()["since_us"] == us
    assert Request([], until=time).parameters()["until_us"] == us


def test_parameters_are_those_of_the_settings_and_bounds_without_end() -> None:
    parameters = Request([], Settings(rule=RuleSettings(mapper_port=9))).parameters()
    assert parameters == {
        "mapper_port": 9,
        "dynamic_low": 49152,
        "dynamic_high": 65535,
        "window_us": 2_000_000,
        "same_connection_us": 60_000_000,
        **AttackSettings().parameters(),
        **ScoreSettings().parameters(),
        "smb_port": 445,
        "known_days": 2,
        "since_us": -(2**62),
        "until_us": 2**62,
    }


def test_progress_tells_each_input_and_the_end(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(zeek_tsv(FLOWS))
    flows = written(FLOWS, tmp_path / "b.parquet")
    told: list[tuple[str, int, int]] = []
    with opened(Request([str(tmp_path / "a.log"), str(flows)]), lambda *each: told.append(each)):
        assert told[0][1:] == (0, 2)
        assert told[1][1:] == (1, 2)
        assert {Path(told[0][0]).name, Path(told[1][0]).name} == {"a.log", "b.parquet"}
        assert told[2:] == [("", 2, 2)]


def test_the_account_of_our_recording() -> None:
    with opened(Request([str(PARQUET), str(NFDUMP)])) as session:
        hunt(session)
        account = session.account
    assert (account.files, account.records, account.candidates) == (2, 662 + 2374, 483 + 483)
    assert dict(account.readers) == {"parquet": 1, "nfdump": 1}
    assert account.left_out == {"failed": 10}
    assert [(skip.what, skip.count) for skip in account.skips] == [
        ("continuation of a connection that started before", 8)
    ]
    assert sorted((clock.resolution, clock.flows) for clock in account.clocks) == [("1 ms", 519), ("1 µs", 519)]
    assert (str(account.first_time)[:19], str(account.last_time)[:19]) == ("2026-11-21 23:56:18", "2026-11-21 23:58:33")


@pytest.mark.parametrize(
    ("step_us", "resolution"), [(1_000_000, "1 s"), (1_000, "1 ms"), (1, "1 µs")]
)  # fmt: skip
def test_clock_resolution_is_found_from_the_data(tmp_path: Path, step_us: int, resolution: str) -> None:
    flows = [Flow(f"f{number}", number * step_us, None, "10.0.0.1", 50000, "10.0.0.2", 135) for number in range(1, 9)]
    with opened(Request([str(written(flows, tmp_path / "flows.parquet"))])) as session:
        account = session.account
    assert account.clocks == [SourceClock("sensor", resolution, 8)]
    assert [warning.partition(":")[0] for warning in account.warnings] == (["sensor"] if resolution == "1 s" else [])
    assert all("nfdump -o json" in warning and "EVE" not in warning for warning in account.warnings)  # no reader for it


def test_one_unusable_input_does_not_cost_the_others(tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.log", tmp_path / "conn.log"
    bad.write_bytes(b"\x00\x01\x02 binary noise \xff" * 99)
    good.write_bytes(zeek_tsv(FLOWS))
    with opened(Request([str(bad), str(good)])) as session, opened(Request([str(good)])) as alone:
        assert session.run("rpc-activity").equals(alone.run("rpc-activity"))
        assert [(skip.source, skip.count) for skip in session.account.skips] == [(str(bad), 1)]


def test_inputs_of_which_none_can_be_used_are_all_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"\x00noise")
    with pytest.raises(InputError, match=r"(?s)none of 2 could be used\n  .*/a: .*\n  .*/b: "):
        opened(Request([str(tmp_path / "a"), str(tmp_path / "b")])).__enter__()


@pytest.mark.parametrize("compress", [False, True])
def test_standard_input(compress: bool, scratch: Path) -> None:
    with opened(Request(["-"], stdin=io.BytesIO(zeek_json(FLOWS)))) as session:
        assert session.account.records == len(FLOWS)
        assert len(list(scratch.iterdir())) == 1
    assert list(scratch.iterdir()) == []
    with pytest.raises(InputError, match="there is no standard input here"):
        opened(Request(["-"])).__enter__()


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (Request([str(PARQUET)], engine="abacus"), UsageError),
        (Request(["/no/such/file"]), InputError),
        (Request([]), UsageError),
    ],
    ids=["engine", "file", "nothing"],
)
def test_nothing_is_left_behind_by_what_fails(request_: Request, error: type[Exception], scratch: Path) -> None:
    with pytest.raises(error), opened(request_):
        pass
    assert list(scratch.iterdir()) == []


def test_nothing_is_left_behind_by_what_is_stopped(scratch: Path) -> None:
    def stop(name: str, done: int, everything: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), opened(Request([str(PARQUET)]), stop):
        pass
    assert list(scratch.iterdir()) == []

"""Settings: defaults, a file, and values that win over it; wrong ones name the file and the key."""

import tomllib
from pathlib import Path

import pytest

from rpcsight.errors import SettingsError, UsageError
from rpcsight.settings import RuleSettings, Settings, load, parse_ports, parse_seconds
from tests.system import ROOT

DEFAULTS = {
    "mapper_port": 135,
    "dynamic_low": 49152,
    "dynamic_high": 65535,
    "window_us": 2_000_000,
    "same_connection_us": 60_000_000,
}


def test_defaults_are_the_published_values() -> None:
    assert load() == Settings()
    assert load().rule.parameters() == DEFAULTS


def test_a_file_and_values_that_win_over_it(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(
        '[rule]\nmapper_port = 1135\ndynamic_ports = "1025-5000"\nwindow_s = "500ms"\nsame_connection_s = 0\n'
    )
    of_file = {
        "mapper_port": 1135,
        "dynamic_low": 1025,
        "dynamic_high": 5000,
        "window_us": 500_000,
        "same_connection_us": 0,
    }
    assert load(path).rule.parameters() == of_file
    given = load(path, mapper_port=9, dynamic_ports=(7, 7), window_s=None).rule.parameters()
    assert given == of_file | {"mapper_port": 9, "dynamic_low": 7, "dynamic_high": 7}


@pytest.mark.parametrize("ports", ['"1025-5000"', "[1025, 5000]"])
def test_ports_are_a_text_or_a_pair(tmp_path: Path, ports: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(f"rule.dynamic_ports = {ports}\n")
    assert load(path).rule == RuleSettings(dynamic_ports=(1025, 5000))


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("[rule]\nwindow = 2", "[rule.window]", "Extra inputs are not permitted, seen 2"),
        ("[rules]\nwindow_s = 2", "[rules]", "Extra inputs are not permitted, seen {'window_s': 2}"),
        ("rule = 3", "[rule]", "Input should be a valid dictionary"),
        ("[rule]\nmapper_port = 0", "[rule.mapper_port]", "greater than or equal to 1, seen 0"),
        ("[rule]\nmapper_port = 65536", "[rule.mapper_port]", "less than or equal to 65535, seen 65536"),
        ('[rule]\ndynamic_ports = "high"', "[rule.dynamic_ports]", "'high' is no port range; write it as 49152-65535"),
        ("[rule]\ndynamic_ports = [5, 4]", "[rule.dynamic_ports]", "5-4 is no port range, seen [5, 4]"),
        ("[rule]\ndynamic_ports = [5]", "[rule.dynamic_ports.1]", "Field required"),
        ('[rule]\nwindow_s = "soon"', "[rule.window_s]", "'soon' is no length of time; write it as 2s, 500ms or 1.5"),
        ("[rule]\nwindow_s = 0", "[rule.window_s]", "greater than or equal to 0.000001, seen 0"),
        ("[rule]\nwindow_s = 1e-7", "[rule.window_s]", "greater than or equal to 0.000001, seen 1e-07"),
        ("[rule]\nwindow_s = nan", "[rule.window_s]", "less than or equal to 3600, seen nan"),
        ("[rule]\nwindow_s = 3601", "[rule.window_s]", "less than or equal to 3600, seen 3601"),
        ("[rule]\nsame_connection_s = -1", "[rule.same_connection_s]", "greater than or equal to 0, seen -1"),
        ("[rule", "", "can't be read as TOML (Expected ']'"),
        ("[baseline]\nkeep_days = 1", "[baseline.keep_days]", "greater than or equal to 2, seen 1"),
        ("[baseline]\nknown_days = 0", "[baseline.known_days]", "greater than or equal to 1, seen 0"),
        ("[score]\nstory_s = 0", "[score.story_s]", "greater than or equal to 0.000001, seen 0"),
        ("[score]\nchain_days = 31", "[score.chain_days]", "less than or equal to 30, seen 31"),
        ("[score]\nleast = -1", "[score.least]", "greater than or equal to 0, seen -1"),
        ('[score]\nwithout = ["client", "peer"]', "[score.without.1]", "seen 'peer'"),
    ],
)
def test_a_wrong_file(tmp_path: Path, text: str, where: str, what: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as wrong:
        load(path)
    assert wrong.value.where == f"{path} {where}".strip()
    assert what in wrong.value.what


@pytest.mark.parametrize("name", ["readers", "analytics"])
def test_folders_are_beside_the_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(f'{name} = "mine"\n')
    assert load(path) == Settings(**{name: tmp_path / "mine"})


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        load(tmp_path / "none.toml")


def test_a_wrong_value_beside_no_file() -> None:
    with pytest.raises(
        SettingsError, match=r"settings \[rule.mapper\]: Extra inputs(?s:.)*keys of \[rule\]: mapper_port"
    ):
        load(mapper=3)


@pytest.mark.parametrize(("text", "ports"), [("1-65535", (1, 65535)), ("5000", (5000, 5000)), (" 7 - 9 ", (7, 9))])
def test_port_ranges(text: str, ports: tuple[int, int]) -> None:
    assert parse_ports(text) == ports


@pytest.mark.parametrize("text", ["", "-", "a-b", "0-5", "5-4", "1-65536", "1-2-3", "1.5"])
def test_what_is_no_port_range(text: str) -> None:
    with pytest.raises(UsageError, match="is no port range"):
        parse_ports(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("2", 2), ("2s", 2), ("500ms", 0.5), ("1.5", 1.5), (" 2 s ", 2), ("2m", 120), ("1h", 3600)]
)
def test_lengths_of_time(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "two", "2 days", "1:30"])
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(UsageError, match="is no length of time"):
        parse_seconds(text)


def test_windows_and_numbers_of_attack_analytics(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('[attack]\nwmi_s = "500ms"\nstorm_calls = 7\n')
    found = load(path).attack.parameters()
    assert (found["wmi_us"], found["storm_calls"], found["service_us"], found["chain_us"]) == (
        500_000,
        7,
        2_000_000,
        3_600_000_000,
    )
    path.write_text("[attack]\nstorm_calls = 0\n")
    with pytest.raises(
        SettingsError, match=r"(?s)attack.storm_calls.*greater than or equal to 1.*\[attack\]: service_s, task_s"
    ):
        load(path)


def test_parameters_of_the_score(tmp_path: Path) -> None:
    assert load().score.parameters() == {
        "story_us": 21_600_000_000,
        "fan_out_us": 3_600_000_000,
        "linked_us": 259_200_000_000,
    }
    path = tmp_path / "settings.toml"
    path.write_text(
        '[score]\nstory_s = "1h"\nfan_out_s = 60\nchain_days = 1\nleast = 0\nwithout = ["hour", "went_on"]\n'
    )
    found = load(path).score
    assert found.parameters() == {"story_us": 3_600_000_000, "fan_out_us": 60_000_000, "linked_us": 86_400_000_000}
    assert (found.least, found.without) == (0, ("hour", "went_on"))


def test_the_page_has_every_key_and_its_default() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    page = tomllib.loads("\n".join(line for line in text.splitlines() if line.startswith("    ")))
    folders = {name: page.pop(name) for name in ("readers", "analytics")}
    assert Settings.model_validate(page) == Settings()
    assert (set(folders), set(page)) == ({"readers", "analytics"}, set(Settings.model_fields) - set(folders))
    assert {name: set(keys) for name, keys in page.items()} == {
        name: set(getattr(Settings(), name).model_dump()) for name in page
    }

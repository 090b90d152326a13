"""Settings: one TOML file, one frozen model; unknown keys are errors."""

import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rpcsight.errors import SettingsError, UsageError

__all__ = [
    "AttackSettings",
    "BaselineSettings",
    "PortRange",
    "RuleSettings",
    "ScoreSettings",
    "Settings",
    "load",
    "parse_ports",
    "parse_seconds",
    "parse_span",
]

MICROSECONDS = 1_000_000
HIGHEST_PORT = 65535
UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

PortRange = tuple[int, int]
Port = Annotated[int, Field(ge=1, le=HIGHEST_PORT)]


class RuleSettings(BaseModel):
    """Parameters of the rule (docs/rule.md), with the published values as defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mapper_port: Port = 135
    dynamic_ports: PortRange = (49152, HIGHEST_PORT)
    window_s: Annotated[float, Field(ge=1 / MICROSECONDS, le=3600)] = 2.0
    same_connection_s: Annotated[float, Field(ge=0, le=86400)] = 60.0

    @field_validator("dynamic_ports", mode="before")
    @classmethod
    def _ports(cls, value: object) -> object:
        return _parsed(parse_ports, value) if isinstance(value, str) else value

    @field_validator("dynamic_ports")
    @classmethod
    def _ordered(cls, value: PortRange) -> PortRange:
        low, high = value
        if not 1 <= low <= high <= HIGHEST_PORT:
            raise ValueError(f"{low}-{high} is no port range")
        return value

    @field_validator("window_s", "same_connection_s", mode="before")
    @classmethod
    def _seconds(cls, value: object) -> object:
        return _parsed(parse_seconds, value) if isinstance(value, str) else value

    def parameters(self) -> dict[str, int]:
        """The values as the SQL's parameters: ports, and times in whole microseconds."""
        return {
            "mapper_port": self.mapper_port,
            "dynamic_low": self.dynamic_ports[0],
            "dynamic_high": self.dynamic_ports[1],
            "window_us": round(self.window_s * MICROSECONDS),
            "same_connection_us": round(self.same_connection_s * MICROSECONDS),
        }


Seconds = Annotated[float, Field(ge=1 / MICROSECONDS, le=86400)]
Number = Annotated[int, Field(ge=1, le=1_000_000)]


class AttackSettings(BaseModel):
    """Parameters of the analytics that name a technique (docs/settings.md): windows in seconds, and how many is too many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service_s: Seconds = 2.0
    task_s: Seconds = 60.0
    wmi_s: Seconds = 20.0
    dcom_s: Seconds = 60.0
    copy_s: Seconds = 600.0
    chain_s: Seconds = 3600.0
    storm_calls: Number = 20
    sweep_servers: Number = 5
    mapper_servers: Number = 20
    discovery_calls: Number = 5
    copies: Number = 5

    @field_validator("service_s", "task_s", "wmi_s", "dcom_s", "copy_s", "chain_s", mode="before")
    @classmethod
    def _seconds(cls, value: object) -> object:
        return _parsed(parse_seconds, value) if isinstance(value, str) else value

    def parameters(self) -> dict[str, int]:
        """The values as the SQL's parameters: numbers, and times in whole microseconds (`_us` for `_s`)."""
        given: dict[str, float] = self.model_dump()
        return {
            f"{name.removesuffix('_s')}_us" if name.endswith("_s") else name: round(
                value * (MICROSECONDS if name.endswith("_s") else 1)
            )
            for name, value in given.items()
        }


# fmt: off
Part = Literal[
    "client", "server", "seen", "endpoint", "reach", "hour", "fan_out", "reached", "went_on", "technique", "confidence",
]
# fmt: on
"""Names of the parts of a score (docs/score.md)."""


class BaselineSettings(BaseModel):
    """How long is remembered, and when a pair counts as known (docs/baseline.md)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep_days: Annotated[int, Field(ge=2, le=3660)] = 90
    known_days: Annotated[int, Field(ge=1, le=30)] = 2


class ScoreSettings(BaseModel):
    """Parameters of the score and of stories (docs/score.md)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    story_s: Seconds = 21600.0
    fan_out_s: Seconds = 3600.0
    chain_days: Annotated[int, Field(ge=1, le=30)] = 3
    least: Annotated[float, Field(ge=0, le=1000)] = 10.0
    without: tuple[Part, ...] = ()

    @field_validator("story_s", "fan_out_s", mode="before")
    @classmethod
    def _seconds(cls, value: object) -> object:
        return _parsed(parse_seconds, value) if isinstance(value, str) else value

    def parameters(self) -> dict[str, int]:
        """The values as the SQL's parameters."""
        return {
            "story_us": round(self.story_s * MICROSECONDS),
            "fan_out_us": round(self.fan_out_s * MICROSECONDS),
            "linked_us": self.chain_days * 86400 * MICROSECONDS,
        }


class Settings(BaseModel):
    """All settings; in TOML, sections `[rule]`, `[attack]`, `[baseline]` and `[score]` with the names of the models above.

    `readers` is a folder of files that describe formats of one's own (docs/own-format.md), `analytics` one of analytics of one's own
    (docs/own-analytic.md), both relative to the settings file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: RuleSettings = RuleSettings()
    attack: AttackSettings = AttackSettings()
    baseline: BaselineSettings = BaselineSettings()
    score: ScoreSettings = ScoreSettings()
    readers: Path | None = None
    analytics: Path | None = None


def load(path: Path | None = None, **rule: object) -> Settings:
    """Read a settings file, and lay values from the command line over its `[rule]` section.

    Args:
        path: a TOML file; None for the defaults.
        rule: values of `RuleSettings` that win over the file's; None means not given.

    Raises:
        SettingsError: the file is missing, no TOML, or has an unknown key or a bad value.
    """
    content: dict[str, object] = {}
    if path is not None:
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as cause:
            raise SettingsError(str(path), f"can't be read as TOML ({cause})") from cause
    given = {name: value for name, value in rule.items() if value is not None}
    section = content.get("rule", {})
    if given and isinstance(section, dict):
        content = {**content, "rule": {**section, **given}}
    for name in ("readers", "analytics"):
        folder = content.get(name)
        if path is not None and isinstance(folder, str):
            content = {**content, name: path.parent / folder}
    try:
        return Settings.model_validate(content)
    except ValidationError as cause:
        first = cause.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        seen = f", seen {first['input']!r}" if first["type"] != "missing" else ""
        sections = {
            "rule": RuleSettings,
            "attack": AttackSettings,
            "baseline": BaselineSettings,
            "score": ScoreSettings,
        }
        keys = "; ".join(f"[{name}]: {', '.join(model.model_fields)}" for name, model in sections.items())
        raise SettingsError(
            f"{path or 'settings'} [{place}]",
            f"{first['msg']}{seen}",
            f"keys of {keys}; beside: readers, analytics",
        ) from cause


def parse_ports(text: str, where: str = "port range") -> PortRange:
    """Read `LOW-HIGH` (or one port) as a port range; `where` is the option or setting that it came from.

    Raises:
        UsageError: it is neither.
    """
    low, _, high = text.partition("-")
    try:
        ports = int(low), int(high or low)
    except ValueError:
        ports = (0, 0)
    if not 1 <= ports[0] <= ports[1] <= HIGHEST_PORT:
        raise UsageError(where, f"{text!r} is no port range", "write it as 49152-65535")
    return ports


def parse_seconds(text: str, where: str = "length of time") -> float:
    """Read a length of time (`2s`, `500ms`, `1.5`, `2m`) as seconds; `where` is the option or setting that it came from.

    Raises:
        UsageError: it is none.
    """
    number = text.strip()
    scale = 1.0
    for unit in sorted(UNITS, key=len, reverse=True):
        if number.endswith(unit):
            number, scale = number.removesuffix(unit), UNITS[unit]
            break
    try:
        return float(number) * scale
    except ValueError:
        raise UsageError(where, f"{text!r} is no length of time", "write it as 2s, 500ms or 1.5") from None


def parse_span(since: str | datetime | None, until: str | datetime | None) -> tuple[datetime | None, datetime | None]:
    """Read two ISO-8601 days or times (or times already), UTC where they have no zone; None is no bound.

    Raises:
        UsageError: one is no time, or the second is not after the first.
    """
    first, end = _time("--since", since), _time("--until", until)
    if first and end and first >= end:
        raise UsageError("--until", f"{until} is not after --since {since}: no flow lies between", "exchange the two")
    return first, end


def _time(name: str, given: str | datetime | None) -> datetime | None:
    if given is None:
        return None
    try:
        time = given if isinstance(given, datetime) else datetime.fromisoformat(given)
    except (TypeError, ValueError):
        raise UsageError(name, f"{given!r} is no time", "write it as 2026-11-01 or 2026-11-01T08:00:00Z") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _parsed(parse: Callable[[str], object], text: str) -> object:
    """The value of a text, with pydantic's kind of error: it adds the key."""
    try:
        return parse(text)
    except UsageError as cause:
        raise ValueError(f"{cause.what}; {cause.hint}") from cause

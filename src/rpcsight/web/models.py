"""What the API takes and gives, as JSON."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

__all__ = [
    "AllowEntry",
    "AllowPage",
    "Allowed",
    "Change",
    "Close",
    "CloseSeveral",
    "Closed",
    "ClosedSeveral",
    "FindingPage",
    "FindingRow",
    "FindingWhole",
    "GroupPage",
    "Health",
    "History",
    "LogPage",
    "NewEntry",
    "Preview",
    "Reopen",
    "Similar",
    "Why",
]

LONGEST_REASON = 500


def _line(text: str) -> str:
    made = text.strip()
    if not made or not made.isprintable():
        raise ValueError("needs a text of one line")
    return made


Reason = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_REASON, description="Why: one line, kept in the log."),
    AfterValidator(_line),
]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Close(_Asked):
    """A verdict."""

    verdict: Literal["benign", "malicious", "duplicate"]
    reason: Reason


class CloseSeveral(Close):
    """A verdict about several findings."""

    finding_ids: Annotated[
        list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=200, description="Their whole ids.")
    ]


class Reopen(_Asked):
    """To open again."""

    reason: Reason


class Why(_Asked):
    """A reason."""

    reason: Reason


Values = Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=200)]


class NewEntry(_Asked):
    """An entry of the allow-list; docs/triage.md says what its fields mean."""

    reason: Reason
    owner: Annotated[str, Field(min_length=1, max_length=500), AfterValidator(_line)]
    expires: Annotated[
        str, Field(description="The last day on which it holds, as 2027-01-31; or never.", max_length=10)
    ]
    client: Values = []
    client_role: Values = []
    server: Values = []
    server_role: Values = []
    service: Values = []
    operation: Values = []
    hours: tuple[int, int] | None = None
    unknown_service: bool = False
    below_weight: float | None = None
    even_attacks: bool = False
    pack: str | None = None


class Health(BaseModel):
    """That the server answers."""

    status: Literal["ok"] = "ok"
    version: str


class Part(BaseModel):
    """A part of a score."""

    name: str
    points: float
    text: str


class FindingRow(BaseModel):
    """A finding in a list."""

    finding_id: str
    day: str
    rank: int | None
    score: float
    severity: str
    confidence: float
    client: str | None
    client_name: str | None
    client_role: str | None
    server: str | None
    server_name: str | None
    server_role: str | None
    pairs: int
    service: str | None
    techniques: list[str]
    first_time: str
    last_time: str
    summary: str
    reasons: list[Part]
    status: str
    allowed_by: str | None
    has_grown: bool
    kept_time: str


class FindingPage(BaseModel):
    """Some of the findings that a query finds."""

    findings: list[FindingRow]
    next: str | None
    total: int
    statuses: dict[str, int]
    severities: dict[str, int]


class GroupRow(BaseModel):
    """Findings that have something in common."""

    value: str
    query: str
    findings: int
    score: float
    severity: str
    first_time: str
    last_time: str


class GroupPage(BaseModel):
    """Some of the groups."""

    groups: list[GroupRow]
    next: str | None
    total: int


class FindingWhole(BaseModel):
    """A finding, and what people decided."""

    finding_id: str
    status: str
    allowed_by: str | None
    has_grown: bool
    kept_time: str
    finding: Annotated[dict[str, Any], Field(description="As `hunt --format jsonl` writes it (docs/tables.md).")]


class LogRow(BaseModel):
    """Something that was done."""

    number: int
    time: str
    who: str
    action: str
    subject: str
    reason: str


class LogPage(BaseModel):
    """Some of what was done, the newest first."""

    log: list[LogRow]
    next: str | None


class Met(BaseModel):
    """What the baseline knows of a pair."""

    client: str
    server: str
    days: int
    first_day: str | None
    last_day: str | None
    connections: int


class History(BaseModel):
    """What is known beside a finding."""

    roles: dict[str, str]
    names: dict[str, str]
    baseline: list[Met]
    earlier: list["Earlier"]
    log: list[LogRow]


class Earlier(BaseModel):
    """Another finding of the same pair."""

    finding_id: str
    status: str
    score: float
    severity: str
    first_time: str
    last_time: str
    summary: str


class Similar(BaseModel):
    """Findings of other pairs that resemble one."""

    findings: list[FindingRow]


class Change(BaseModel):
    """What was changed."""

    finding_id: str
    before: str
    status: str


class Closed(BaseModel):
    """What became of one of several findings."""

    finding_id: str
    before: Annotated[str | None, Field(description="Its status before; null where there is no such finding.")]
    status: Annotated[str | None, Field(description="Its status now; likewise.")]
    is_changed: Annotated[bool, Field(description="false, too, where it had this verdict already.")]


class ClosedSeveral(BaseModel):
    """What became of several findings."""

    results: list[Closed]
    changed: int


class AllowEntry(BaseModel):
    """An entry of the allow-list, and what it covers."""

    entry_id: str
    entry: dict[str, Any]
    added_time: str
    is_live: bool
    findings: int
    last_time: str | None


class AllowPage(BaseModel):
    """The allow-list."""

    entries: list[AllowEntry]


class Preview(BaseModel):
    """What an entry would do."""

    entry_id: str
    covers: int
    would_hide: int
    malicious: int
    finding_ids: list[str]
    others: dict[str, int]


class Allowed(BaseModel):
    """What came of a change of the allow-list."""

    entry_id: str
    hidden: int
    opened: int

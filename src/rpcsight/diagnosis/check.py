"""A check of a diagnosis: what was asked, what the records answer, and what to change."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rpcsight.diagnosis.measures import Measures
from rpcsight.intake.read import MAPPED

__all__ = ["FEW", "Answer", "Check", "Diagnosis", "Question", "Verdict", "joined", "number", "of", "share"]

Verdict = Literal["good", "limited", "bad", "unknown"]
FEW = 0.1
"""Share up to which something is no limit."""


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check.

    Args:
        check_id: which check: its section in docs/doctor.md.
        about: "rule" if the rule needs it, "sight" if it is about what else could be seen.
        title: its subject.
        verdict: good; limited: results are incomplete or less sure; bad: the rule can't work; unknown: these records can't tell.
        text: one sentence, with its numbers.
        limit: the same in a few words, where the verdict is limited or bad.
        change: what to change in the sensor or export, one step each.
    """

    check_id: str
    about: str
    title: str
    verdict: Verdict
    text: str
    limit: str = ""
    change: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found in the input, and what can be done with it.

    Args:
        verdict: of all checks about the rule together: good, limited or bad.
        summary: the same in one sentence.
        found: what was read, as docs/doctor.md lists it.
        checks: each check that these records give an answer to.
    """

    verdict: Verdict
    summary: str
    found: Mapping[str, Any]
    checks: tuple[Check, ...]

    def to_dict(self) -> dict[str, Any]:
        """The diagnosis as plain values, times as ISO texts: what `--format json` prints."""
        return {
            "verdict": self.verdict,
            "summary": self.summary,
            "found": dict(self.found),
            "checks": [asdict(each) | {"change": list(each.change)} for each in self.checks],
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """What the records answer to a question; `limit` says it in a few words if it is limited or bad."""

    verdict: Verdict
    text: str
    limit: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A check before it is made.

    Args:
        check_id: its name.
        about: "rule" or "sight".
        title: its subject.
        meaning: why it matters, for docs/doctor.md.
        look: gives the answer; None where the question does not arise.
        change: what to do about it: by reader, cloud or kind of record; "" for what holds everywhere.
        advised: verdicts with which that is told.
    """

    check_id: str
    about: str
    title: str
    meaning: str
    look: Callable[[Measures], Answer | None]
    change: Mapping[str, str]
    advised: tuple[Verdict, ...] = ("limited", "bad", "unknown")

    def asked(self, measures: Measures) -> Check | None:
        """The check, if the question arises."""
        answer = self.look(measures)
        if answer is None:
            return None
        steps = self._steps(measures) if answer.verdict in self.advised else ()
        return Check(self.check_id, self.about, self.title, answer.verdict, answer.text, answer.limit, steps)

    def _steps(self, measures: Measures) -> tuple[str, ...]:
        facts = measures.facts
        kinds = [*measures.clouds, *(name for name in measures.readers if name not in MAPPED or not measures.clouds)]
        if measures.has_windows_logs and facts["sysmon_flows"]:
            kinds.append("sysmon")
        if measures.has_windows_logs and facts["host_flows"] > facts["sysmon_flows"]:
            kinds.append("security")
        found = [self.change[kind] for kind in (*kinds, "") if kind in self.change]
        return tuple(dict.fromkeys(found))


def number(count: int, what: str, several: str = "") -> str:
    """A count with its unit: 1 record, 1,234 records."""
    return f"{count:,} {what if count == 1 else several or what + 's'}"


def of(part: int, whole: int, what: str) -> str:
    """A part of a whole in words: 3 of 10 records; all 10 records; none of 10 records."""
    if part == whole:
        return number(whole, what) if whole == 1 else f"all {number(whole, what)}"
    return f"{f'{part:,}' if part else 'none'} of {number(whole, what)}"


def share(part: int, whole: int) -> float:
    """A part as a share, 0 to 1."""
    return part / whole if whole else 0.0


def joined(texts: Sequence[str]) -> str:
    """Texts as a list in a sentence."""
    return ", ".join(texts[:-1]) + f" and {texts[-1]}" if len(texts) > 1 else "".join(texts)

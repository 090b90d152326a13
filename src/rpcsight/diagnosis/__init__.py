"""What records can show, and what not: `rpcsight doctor`.

Each check is a `Question` in one of the modules here: what it means and what to change stand beside it, and docs/doctor.md is made of
them.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rpcsight.diagnosis import coverage, hosts, records, sight
from rpcsight.diagnosis.check import Check, Diagnosis, Question, Verdict
from rpcsight.diagnosis.measures import Measures, measured
from rpcsight.errors import InputError
from rpcsight.intake.read import OUTSIDE, UNUSABLE
from rpcsight.pipeline import Progress, Request, Session, opened
from rpcsight.readers import all_readers
from rpcsight.schema import FACTS

__all__ = ["QUESTIONS", "Check", "Diagnosis", "Question", "Verdict", "diagnose", "limits"]

QUESTIONS: tuple[Question, ...] = (
    *coverage.QUESTIONS,
    *records.QUESTIONS,
    *hosts.QUESTIONS,
    *sight.QUESTIONS,
)
LIMITS_TOLD = 2
WHOLE_SECONDS = "times are whole seconds"
"""A warning that the check of the clock says better."""
DIFFERENCES_KEPT = 100
BESIDE = ("calls", "smb_events", "processes", "host_events", "host_flows")
"""What is told of the facts that were read beside flow records."""


def diagnose(request: Request, progress: Progress | None = None) -> Diagnosis:
    """Look at records, and say whether the rule can work on them, what stays out of sight, and what to change.

    Args:
        request: what to read; the engine is always DuckDB.
        progress: is told what is being read.

    Raises:
        RpcsightError: nothing could be read; with what was found instead, and what is read.
    """
    try:
        with opened(request, progress, tuple(FACTS), is_survey=True) as session:
            return _diagnosis(measured(session))
    except InputError as error:
        known = "\n".join(f"    {each.NAME}: {each.ABOUT}" for each in all_readers())
        hint = f"{error.hint}\n  " if error.hint else ""
        raise InputError(error.where, error.what, f"{hint}rpcsight reads, in files of any name:\n{known}") from error


def limits(session: Session) -> list[str]:
    """The diagnosis in two lines at most, for the account of a hunt: none where nothing limits its results."""
    outside = sum(each.count for each in session.account.skips if each.what.startswith(OUTSIDE))
    unusable = any(each.what.startswith(UNUSABLE) for each in session.account.skips)
    if outside and not unusable and not session.account.candidates:
        return [
            f"no connection to look at: {outside:,} records lie outside --since and --until, and none within is on an RPC port"
        ]
    diagnosis = _diagnosis(measured(session, is_short=True))
    if diagnosis.verdict == "good":
        return []
    worst = [each for each in diagnosis.checks if each.about == "rule" and each.verdict == diagnosis.verdict]
    more = f" (and {len(worst) - LIMITS_TOLD} more)" if len(worst) > LIMITS_TOLD else ""
    told = "; ".join(each.limit for each in worst[:LIMITS_TOLD])
    verdict = "the rule can't work on this" if diagnosis.verdict == "bad" else "results are limited"
    return [f"{verdict}: {told}{more}; `rpcsight doctor` with the same files says what to change"]


def _diagnosis(measures: Measures) -> Diagnosis:
    checks = tuple(check for each in QUESTIONS if (check := each.asked(measures)) is not None)
    verdict, summary = _overall(checks)
    return Diagnosis(verdict, summary, _found(measures), checks)


def _overall(checks: tuple[Check, ...]) -> tuple[Verdict, str]:
    bad, limited = (
        [each for each in checks if each.about == "rule" and each.verdict == kind] for kind in ("bad", "limited")
    )
    if bad:
        return "bad", f"The rule can't work on this: {'; '.join(each.limit for each in bad)}."
    if limited:
        return "limited", f"The rule can work on this, with limits: {'; '.join(each.limit for each in limited)}."
    return "good", "The rule can work on this."


def _found(measures: Measures) -> Mapping[str, Any]:
    account = measures.account
    return {
        "files": account.files,
        "formats": dict(sorted(account.readers.items())),
        "unused_files": [{"source": source, "reason": reason} for source, reason in measures.unused_files],
        "records": account.records,
        "candidates": account.candidates,
        "skips": [{"reason": what, "records": count, "example": example} for what, count, example in measures.skips],
        "other_ports": {str(port): count for port, count in sorted(measures.other_ports.items())},
        "first_time": account.first_time.isoformat() if account.first_time else None,
        "last_time": account.last_time.isoformat() if account.last_time else None,
        "addresses": measures.hosts.get("addresses", 0),
        "observers": [
            {"observer": clock.observer, "resolution": clock.resolution, "candidates": clock.flows}
            for clock in account.clocks
        ],
        "beside": {name: measures.facts[name] for name in BESIDE},
        "clock_differences": [asdict(each) for each in measures.differences[:DIFFERENCES_KEPT]],
        "host_clocks": [asdict(each) for each in measures.host_clocks[:DIFFERENCES_KEPT]],
        "warnings": [each for each in account.warnings if WHOLE_SECONDS not in each],
    }

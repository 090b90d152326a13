"""docs/evaluate.md, slowly and plainly: every finding against every step, anew for each figure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rpcsight.evaluation import Alert, Pair, Step

MINUTE = timedelta(seconds=60)


def when(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


def is_about(alert: Alert, step: Step) -> bool:
    return any(
        pair.src_ip in (step.src_ip, None)
        and pair.dest_ip in (step.dest_ip, None)
        and (pair.src_ip or pair.dest_ip)
        and when(pair.first_us) - MINUTE <= when(step.end_us)
        and when(step.start_us) <= when(pair.last_us) + MINUTE
        for pair in list(alert.pairs) or [alert.lead]
    )


def texts(pair: Pair) -> tuple[int, str, str, int]:
    return pair.first_us, pair.src_ip or "", pair.dest_ip or "", pair.last_us


def ranked(alerts: Sequence[Alert]) -> list[Alert]:
    """By score; ties by time, client, server, then whatever is left."""
    return sorted(alerts, key=lambda each: (-each.score, texts(each.lead), sorted(texts(pair) for pair in each.pairs)))


def evaluated(alerts: Sequence[Alert], steps: Sequence[Step], budget: int, visible: set[str]) -> dict[str, Any]:
    """The figures that count, of all days from the first finding or step to the last."""
    starts = [when(each.lead.first_us).date() for each in alerts] + [when(each.start_us).date() for each in steps]
    span = (
        [min(starts) + timedelta(days=number) for number in range((max(starts) - min(starts)).days + 1)]
        if starts
        else []
    )
    shown = {day: ranked([each for each in alerts if when(each.lead.first_us).date() == day]) for day in span}
    first = [alert for own in shown.values() for alert in own[:budget]]
    order = {word: place for place, word in enumerate(["flow", "pipe", "none"])}
    attacks = {}
    for name in {step.attack for step in steps}:
        own = [step for step in steps if step.attack == name]
        if min((step.visibility for step in own), key=order.__getitem__) in visible:
            attacks[name] = own
    benign = [
        day for day in span if not any(when(each.start_us).date() <= day <= when(each.end_us).date() for each in steps)
    ]
    techniques = sorted({technique for own in attacks.values() for step in own for technique in step.techniques})
    return {
        "found": {name for name, own in attacks.items() if any(is_about(alert, step) for alert in first for step in own)},
        "attacks": len(attacks),
        "rank": {
            name: min(
                (
                    place + 1
                    for alerts_of_day in shown.values()
                    for place, alert in enumerate(alerts_of_day)
                    if any(is_about(alert, step) for step in own)
                ),
                default=None,
            )
            for name, own in attacks.items()
        },
        "seconds": {
            name: max(0.0, (min(when(each.lead.first_us) for each in about) - min(when(step.start_us) for step in own)).total_seconds())
            for name, own in attacks.items()
            if (about := [each for each in first if any(is_about(each, step) for step in own)])
        },
        "technique": {
            technique: (
                sum(any(technique in step.techniques for step in own) for own in attacks.values()),
                sum(
                    any(is_about(alert, step) for alert in first for step in own if technique in step.techniques)
                    for own in attacks.values()
                ),
            )
            for technique in techniques
        },
        "precision": {
            at: (
                sum(len(own[:at]) for own in shown.values()),
                sum(any(is_about(alert, step) for step in steps) for own in shown.values() for alert in own[:at]),
            )
            for at in {1, 5, 10, budget}
        },
        "benign": [len(shown[day]) for day in benign],
        "all": [len(own) for own in shown.values()],
        "overall": next(
            (place + 1 for place, each in enumerate(ranked(alerts)) if any(is_about(each, step) for step in steps)), None
        ),
    }  # fmt: skip

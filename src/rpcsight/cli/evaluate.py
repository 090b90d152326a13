"""The command `evaluate`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rpcsight.cli.output import say
from rpcsight.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from rpcsight.evaluation import Step

__all__ = ["evaluate"]

FORMATS = ("text", "json")
HIGHEST_BUDGET = 1_000_000


def evaluate(
    findings: Annotated[
        list[str],
        typer.Argument(
            metavar="FINDINGS",
            default_factory=list,  # where there is one file only, the parser takes it for the labels: said below
            help="Files as hunt writes them (JSON lines, CSV, Parquet), or another detector's; - for standard input.",
            show_default=False,
        ),
    ],
    labels: Annotated[
        str,
        typer.Argument(
            metavar="LABELS",
            help="The truth: a file, or the folder that simulate wrote.",
            show_default=False,
        ),
    ],
    budget: Annotated[
        int,
        typer.Option(
            "--budget",
            "--k",
            "-k",
            metavar="N",
            help="How many findings a person looks at a day.",
            min=1,
            max=HIGHEST_BUDGET,
        ),
    ] = 10,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DAY", help="First day that counts: 2026-03-16 (UTC).", show_default=False),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DAY", help="Last day that counts.", show_default=False)
    ] = None,
    visibility: Annotated[
        str | None,
        typer.Option(
            "--visibility",
            metavar="WORDS",
            help="Leave out attacks that records can't show: flow for flows alone, flow,pipe with packets.",
            show_default=False,
        ),
    ] = None,
    least: Annotated[
        float | None,
        typer.Option("--least", metavar="SCORE", help="Leave out findings of a lower score.", show_default=False),
    ] = None,
    output_format: Annotated[str, typer.Option("--format", "-f", help="text, or json for programs.")] = "text",
    pictures: Annotated[
        Path | None,
        typer.Option("--pictures", metavar="DIR", help="Write evaluation.html there, too.", show_default=False),
    ] = None,
) -> None:
    """Say how many of the attacks findings tell, how many of them are right, and how many a person has to look at.

    \b
    rpcsight simulate -o corp                                      an enterprise with attacks, and the truth
    rpcsight hunt corp --since 2026-03-16 -o findings.jsonl
    rpcsight evaluate findings.jsonl corp --since 2026-03-16
    rpcsight evaluate findings.jsonl corp --visibility flow        but for attacks that flows can't show
    rpcsight evaluate theirs.csv corp/_truth/labels.csv -k 20 --format json
    rpcsight evaluate monday.jsonl tuesday.jsonl corp --pictures pictures

    Another detector's findings need src_ip, dest_ip, first_time and score; labels attack, src_ip, dest_ip and start_time.
    """
    if output_format not in FORMATS:
        raise UsageError(
            "--format", f"{output_format!r} is no format of an evaluation", f"one of: {', '.join(FORMATS)}"
        )
    if not findings:
        raise UsageError(
            "rpcsight evaluate", f"only {labels!r} is given", "findings first, then labels: findings.jsonl corp"
        )
    if [*findings, labels].count("-") > 1:
        raise UsageError("-", "standard input can be read once only", "write one of the two to a file")
    from rpcsight.evaluation import judge
    from rpcsight.evaluation.pictures import draw, require
    from rpcsight.evaluation.reading import read_findings, read_labels
    from rpcsight.evaluation.text import as_text

    span = _day("--since", since), _day("--until", until)
    if span[0] and span[1] and span[1] < span[0]:
        raise UsageError("--until", f"{until} is before --since {since}", "exchange the two")
    if pictures:
        require(pictures)
    steps = read_labels(labels)
    visible = _visible(visibility, steps)
    judged = judge(read_findings(findings), steps, budget, span, visible=visible, least=least)
    if pictures:
        draw(judged, pictures)
    say(f"{json.dumps(judged.to_dict(), indent=2)}\n" if output_format == "json" else as_text(judged))


def _day(option: str, text: str | None) -> "date | None":
    from datetime import date

    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise UsageError(option, f"{text!r} is no day", "write it as 2026-03-16") from None


def _visible(words: str | None, steps: "Sequence[Step]") -> "frozenset[str] | None":
    """The visibilities asked for; a word that is neither usual nor in the labels is a slip."""
    from rpcsight.evaluation.judging import VISIBILITIES

    if words is None:
        return None
    told = {step.visibility for step in steps} - {""}
    if steps and not told:
        raise UsageError(
            "--visibility", "the labels do not tell any", "leave the option out, or add a column visibility"
        )
    asked = frozenset(word.strip() for word in words.split(","))
    if strange := sorted(asked - told - set(VISIBILITIES)):
        raise UsageError(
            "--visibility", f"{strange[0]!r} is none", f"some of: {', '.join(sorted(told.union(VISIBILITIES)))}"
        )
    return asked

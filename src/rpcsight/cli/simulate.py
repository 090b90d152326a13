"""The command `simulate`."""

import shlex
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from rpcsight.cli.options import NoColor, Quiet
from rpcsight.cli.output import printable, progress_bar

__all__ = ["patterns", "simulate"]

MEGABYTE = 1_000_000


def simulate(
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="DIR", help="The folder to write: a new or empty one.", show_default=False
        ),
    ],
    hosts: Annotated[int, typer.Option("--hosts", metavar="N", help="How many computers: 50 to 50000.")] = 1000,
    days: Annotated[int, typer.Option("--days", metavar="D", help="How many days, from a Monday on.")] = 28,
    seed: Annotated[int, typer.Option("--seed", help="Another seed gives another enterprise; the same the same.")] = 1,
    form: Annotated[str, typer.Option("--format", "-f", help="parquet, zeek, nfdump or ecs.")] = "parquet",
    calls: Annotated[
        str, typer.Option("--calls", help="Which calls a sensor decodes: none, some (from and to servers) or all.")
    ] = "some",
    noise: Annotated[
        float, typer.Option("--noise", help="Factor on the harmless RPC between workstations; try 0.3, 1 and 3.")
    ] = 1.0,
    dhcp: Annotated[float, typer.Option("--dhcp", help="Share of workstations whose address may change.")] = 0.8,
    attacks: Annotated[float, typer.Option("--attacks", help="How many attacks begin a day.")] = 3.0,
    attack_from: Annotated[int, typer.Option("--attack-from", metavar="DAY", help="Day of the first, from 0.")] = 14,
    leases: Annotated[bool, typer.Option("--leases", help="The sensor sees DHCP, too (parquet, zeek).")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace what an earlier simulate wrote there.")] = False,
    quiet: Quiet = False,
    no_color: NoColor = False,
) -> None:
    """Make up an enterprise's RPC, with attacks in it and the truth about them, to try detections on.

    \b
    rpcsight simulate -o corp                                  1,000 hosts, 4 weeks, attacks in the last two
    rpcsight hunt corp                                         what is found in it
    rpcsight simulate --hosts 200 --days 3 --attack-from 1 -o small --format zeek
    duckdb -c "from 'corp/_truth/labels.csv'"                  the attacks, step by step, with their flows
    duckdb -c "from 'corp/_truth/pairs.csv'"                   workstations that meet for the first time, without harm

    The day is part of each file's name or folder: learn those before the attacks, hunt the others, evaluate.
    """
    from rpcsight.simulation import Plan
    from rpcsight.simulation import simulate as simulated

    plan = Plan(hosts, days, seed, calls, noise, dhcp, attacks, attack_from, leases)
    with progress_bar("making the hosts", is_quiet=quiet, no_color=no_color) as progress:
        made = simulated(plan, output, form, is_replacing=replace, progress=progress)
    if not quiet:
        rows = ", ".join(f"{count:,} {name}" for name, count in made.rows.items())
        typer.echo(
            f"{hosts:,} hosts, {days} days, seed {seed}: {rows}; {made.attacks} attacks in {made.steps} steps; "
            f"{made.size / MEGABYTE:,.1f} MB in {output}",
            err=True,
        )
        if not made.attacks:
            typer.echo(
                f"no attack: they begin after {attack_from} days; --attack-from 1 lets them begin on the second",
                err=True,
            )
        if made.first_attack:
            typer.echo(printable(_next(output, form, made.first_attack)), err=True)


def _next(output: Path, form: str, first: str) -> str:
    """The commands that learn the days before the first attack, hunt the others and judge what was found."""
    from rpcsight.simulation.truth import START

    folder, kept = shlex.quote(str(output)), shlex.quote(f"{output}.db")
    place = "*/day={}" if form == "parquet" else "*.{}.*"
    days = [shlex.quote(str(output / place.format(each))) for each in patterns(START.date(), date.fromisoformat(first))]
    learn = f"  rpcsight learn {' '.join(days)} -w {kept}\n" if days else ""
    known = f" -w {kept}" if days else ""
    return (
        f"attacks from {first} on: learn the days before, hunt the others, and see how many are found\n{learn}"
        f"  rpcsight hunt {folder} --since {first}{known} -o findings.jsonl\n"
        f"  rpcsight evaluate findings.jsonl {folder}"
    )


def patterns(first: date, end: date) -> list[str]:
    """Patterns of the dates from one day up to another, which is exclusive: `2026-03-0[2-9]`."""
    dates = [str(first + timedelta(days=number)) for number in range((end - first).days)]
    tens = {each[:-1]: [other[-1] for other in dates if other[:-1] == each[:-1]] for each in dates}
    return [f"{begin}{last[0]}" if len(last) == 1 else f"{begin}[{last[0]}-{last[-1]}]" for begin, last in tens.items()]

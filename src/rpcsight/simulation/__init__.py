"""An enterprise's RPC, made up from a seed: flows, calls and labels, to try detections on.

Whose sessions there are is settled first (behaviour, neighbours, attacks), a day at a time; then all of a day's sessions become
connections and calls at once (expansion, rows). Nothing here knows of any detection.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import rpcsight
from rpcsight.errors import UsageError
from rpcsight.placing import MARK, absolute, check, in_place
from rpcsight.simulation.attacks import Attacks
from rpcsight.simulation.behaviour import benign
from rpcsight.simulation.changes import redirected
from rpcsight.simulation.days import Day, days
from rpcsight.simulation.expansion import expanded
from rpcsight.simulation.failures import failing
from rpcsight.simulation.forms import FORMS, LEASED
from rpcsight.simulation.leases import leases
from rpcsight.simulation.neighbours import Neighbours
from rpcsight.simulation.network import FEWEST, MOST, Network, network
from rpcsight.simulation.rows import OBSERVER, Seen, seen
from rpcsight.simulation.scenes import Step
from rpcsight.simulation.sessions import joined
from rpcsight.simulation.truth import START, Truth, date_of

__all__ = ["CALLS", "FORMS", "Made", "Plan", "simulate", "simulated"]

TABLES = ("_truth", "flow", "rpc_call", "rpc_mapping", "lease")
LOG = re.compile(r"(conn|dce_rpc|dhcp)\.[0-9-]{10}\.log|(nfdump|ecs)\.[0-9-]{10}\.json")
CALLS = ("none", "some", "all")
MOST_DAYS = 366


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make.

    Args:
        hosts: how many computers.
        days: how many days, from Monday on.
        seed: of all chance: the same gives the same.
        calls: what sensors decode: "none", "some" (whatever goes to or from servers), "all".
        noise: factor on what workstations do with one another without harm.
        dhcp: share of workstations whose address may change.
        attacks: how many begin a day.
        attack_from: the first day (from 0) with attacks.
        leases: whether the sensor sees DHCP, too.
    """

    hosts: int = 1000
    days: int = 28
    seed: int = 1
    calls: str = "some"
    noise: float = 1.0
    dhcp: float = 0.8
    attacks: float = 3.0
    attack_from: int = 14
    leases: bool = False

    def check(self) -> None:
        """See to it that this can be made.

        Raises:
            UsageError: it can't.
        """
        limits: dict[str, tuple[float, float, float]] = {
            "--hosts": (self.hosts, FEWEST, MOST),
            "--days": (self.days, 1, MOST_DAYS),
            "--noise": (self.noise, 0, 20),
            "--dhcp": (self.dhcp, 0, 1),
            "--attacks": (self.attacks, 0, 500),
            "--attack-from": (self.attack_from, 0, MOST_DAYS),
        }
        for name, (value, low, high) in limits.items():
            if not low <= value <= high:
                raise UsageError(name, f"{value} is out of bounds", f"from {low} to {high}")
        if self.calls not in CALLS:
            raise UsageError("--calls", f"there is no {self.calls!r}", f"one of {', '.join(CALLS)}")


@dataclass(slots=True)
class Made:
    """What was made: rows by table, attacks and their steps, the day of the first step, bytes on disk."""

    rows: dict[str, int] = field(default_factory=dict)
    attacks: int = 0
    steps: int = 0
    first_attack: str = ""
    size: int = 0


Progress = Callable[[str, int, int], None]


def simulated(plan: Plan) -> Iterator[tuple[Network, Day, Seen, list[Step]]]:
    """The days in order, each as a sensor sees it, with the steps of attacks: `Seen.step` counts in that list.

    Raises:
        UsageError: the plan can't be made.
    """
    plan.check()
    net = network(plan.hosts, plan.seed, plan.dhcp)
    neighbours, attacks = Neighbours(net, plan.noise), Attacks(net, plan.attacks, plan.attack_from)
    for day in days(net, plan.days, round(START.timestamp()) * 1_000_000):
        peers = neighbours.sessions(day)
        steps = attacks.steps(day.number, neighbours.pairs(day.number))
        harmless = redirected(net, day, joined([*benign(net, day), *peers, *failing(net, day, plan.noise)]))
        whole = joined([harmless, attacks.sessions(steps)])
        flows, calls, answers = expanded(net, day, whole, has_calls=plan.calls != "none")
        table = seen(net, day, flows, calls, answers, whole, plan.calls)
        yield net, day, replace(table, lease=leases(net, day, OBSERVER)) if plan.leases else table, steps


def simulate(
    plan: Plan, folder: Path, form: str, *, is_replacing: bool = False, progress: Progress | None = None
) -> Made:
    """Write the simulation, with `labels.csv`, `hosts.csv` and `pairs.csv` in a folder `_truth`.

    Args:
        plan: what to make.
        folder: where to; new, or empty.
        form: of `FORMS`.
        is_replacing: whether what an earlier simulation wrote there may be replaced.
        progress: is told.

    Raises:
        UsageError: the plan can't be made, or the folder holds something.
        InputError: it can't be written.
    """
    plan.check()
    if form not in FORMS:
        raise UsageError("--format", f"there is no {form!r}", f"one of {', '.join(FORMS)}")
    if plan.leases and form not in LEASED:
        raise UsageError("--leases", f"{form} has no leases", f"--format {' or '.join(LEASED)}")
    folder = absolute(folder)
    check(folder, "simulate", _is_ours, is_replacing=is_replacing)
    made = Made()
    with in_place(folder) as partial:
        _write(plan, partial, form, made, progress)
        made.size = sum(path.stat().st_size for path in partial.rglob("*") if path.is_file())
        told = {
            "rpcsight": rpcsight.__version__,
            "simulation": {name: getattr(plan, name) for name in Plan.__slots__},
            "tables": made.rows,
        }
        (partial / MARK).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return made


def _write(plan: Plan, folder: Path, form: str, made: Made, progress: Progress | None) -> None:
    found: set[int] = set()
    with ExitStack() as held:
        truth = None
        for net, day, table, steps in simulated(plan):
            truth = truth or held.enter_context(Truth(folder, net))
            for name, count in FORMS[form](folder, date_of(day.number), table).items():
                made.rows[name] = made.rows.get(name, 0) + count
            truth.add(day, table, steps)
            found |= {step.attack for step in steps}
            made.steps += len(steps)
            if steps and not made.first_attack:
                made.first_attack = date_of(day.number)
            if progress:
                progress("simulating", day.number + 1, plan.days)
        if truth is not None:
            truth.end(plan.days)
    made.attacks = len(found)


def _is_ours(path: Path, parts: tuple[str, ...]) -> bool:
    """Whether `simulate` makes such a thing."""
    match parts:
        case (name,) if name == MARK:
            return path.is_file() and '"simulation"' in path.read_text(encoding="utf-8", errors="replace")
        case (name,):
            return (name in TABLES and path.is_dir()) or (LOG.fullmatch(name) is not None and path.is_file())
        case ("_truth", file):
            return file.endswith(".csv") and path.is_file()
        case (_, day):
            return day.startswith("day=") and path.is_dir()
        case (_, _, file):
            return file == "part-0.parquet" and path.is_file()
        case _:
            return False

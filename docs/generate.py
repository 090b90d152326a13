"""Write the pages of docs/ that are made from the code. Run by `make docs`; a test keeps them current."""

from pathlib import Path

import analytic_pages
import output_pages

from rpcsight.catalog import interface, operation, techniques
from rpcsight.cli.output import ENDINGS
from rpcsight.diagnosis import QUESTIONS
from rpcsight.readers import all_readers
from rpcsight.readers._names import KNOWN
from rpcsight.schema import CATALOG, DETECTION, FACTS, FINDING, FLOW, RPC_ACTIVITY, Column
from rpcsight.writers import all_writers

DOCS = Path(__file__).parent
NAMES = """
## Columns of delimited text and Parquet

Found by these names, in upper or lower case; others are named with `--map src_ip=COLUMN`, repeated. A time is ISO-8601 (UTC where it has no
zone) or a number, whose unit is seen from its size; `--map start_time=COLUMN:epoch_s` (`epoch_ms`, `epoch_us`, `epoch_ns`) says it.

| column of flow | names |
|---|---|
"""
CHOSEN = """
Without `--format`, the ending of `-o FILE` says which: {endings}. A name without ending, or with a
date or number there, gets jsonl; other endings are refused unless `--format` is given, those of packed files always: pack afterwards.
"""
ABOUT_TECHNIQUES = """Which operations can serve which ATT&CK technique: everything in BZAR's lists, and more. The number, 0 to 1, says how
strongly the operation alone speaks for the technique against everyday administration. `rpcsight interfaces T1187` says why,
`rpcsight interfaces svcctl` shows an interface with all its operations; UUIDs, opnums and sources are in `src/rpcsight/catalog/`.
"""
MADE = "<!-- Made by `make docs`; change the code instead. -->\n\n"


DOCTOR = """
`rpcsight doctor PATH…` reads flow records, and whatever is named beside them, and says whether the rule can work on them, what stays out of
their sight, and what to change in the sensor or export. The first line is the verdict: the rule can work on this; it can, with limits; it
can't. `rpcsight hunt` prints the limits in a line of its account. In Python: `rpcsight.doctor(paths)`.

    rpcsight doctor conn.log
    rpcsight doctor /logs/zeek /exports/nfcapd* --since 2026-11-20 --format json

The exit code is 0 whatever the verdict; 3 if nothing could be read, with what there was and what is read. The engine is DuckDB.

| verdict | of a check |
|---|---|
| good | nothing to do |
| limited | results are incomplete, or less sure |
| bad | the rule can't work |
| unknown | these records can't tell |

Checks of what else could be seen never change the verdict as a whole.

## JSON

`--format json` prints one object; keys are added in later versions, not changed.

| key | what |
|---|---|
| `verdict` | good, limited or bad: the worst of the checks about the rule |
| `summary` | the first line of the text |
| `found.files`, `found.formats`, `found.unused_files` | files read, by reader; files that were not, each with `source` and `reason` |
| `found.records`, `found.candidates` | records read; those to port 135 or to a dynamic port |
| `found.skips` | records left out: `reason`, `records`, `example` |
| `found.other_ports` | records of connections to 445, 593, 5985, 5986, by port |
| `found.first_time`, `found.last_time` | of the candidates, ISO-8601 in UTC; null without any |
| `found.addresses` | how many addresses the candidates have |
| `found.observers` | each sensor or host: `observer`, `resolution` of its times (1 s, 1 ms, 1 µs), `candidates` |
| `found.beside` | what was read beside flow records: `calls`, `smb_events`, `processes`, `host_events`, `host_flows` |
| `found.clock_differences` | for two observers of the same TCP connections, how far the second's times are after the first's |
| `found.host_clocks` | for each computer in Windows events, by file: what its events tell of its clocks |
| `found.warnings` | what else limits results |
| `checks` | each: `check_id` (as below), `about` (rule or sight), `title`, `verdict`, `text`, `limit` (in few words), `change` (steps) |

A clock difference has median, quartiles and extremes in seconds; `whole_seconds` of its `connections` have a time of whole seconds, which
is taken for the middle of that second. A computer's clocks: events `without_zone` (local times that are taken for UTC), Sysmon's
connections that were `moved` and by how much, and how far the Security log's times are after Sysmon's on `in_both_logs` connections
(`apart_us`).
"""
WHERE = {"csv": "Delimited text: ", "parquet": "Parquet: "}
"""What steps are about that don't say it."""


def pages() -> dict[str, str]:
    """Each page's file name and text."""
    return {
        "analytics.md": analytic_pages.overview(MADE),
        **analytic_pages.pages(MADE),
        "doctor.md": _doctor(),
        "formats.md": _formats(),
        "outputs.md": output_pages.page(MADE),
        "tables.md": _tables(),
        "techniques.md": _techniques(),
    }


def _doctor() -> str:
    parts = [f"# What records can show: rpcsight doctor\n\n{MADE.rstrip()}\n{DOCTOR}"]
    groups = {"rule": "Checks of what the rule needs", "sight": "Checks of what else could be seen"}
    for about, title in groups.items():
        parts.append(f"\n## {title}\n")
        for each in (question for question in QUESTIONS if question.about == about):
            told = dict.fromkeys(f"{WHERE.get(name, '')}{step}" for name, step in each.change.items())
            steps = "".join(f"- {step}\n" for step in told)
            parts.append(f"\n### {each.check_id}: {each.title}\n\n{each.meaning}\n\nWhat to change:\n\n{steps}")
    return "".join(parts)


def _formats() -> str:
    rows = [f"# Formats\n\n{MADE}## Read\n\n| reader | what |\n|---|---|\n"]
    rows += [f"| `{each.NAME}` | {each.ABOUT} |\n" for each in all_readers()]
    rows.append(NAMES)
    rows += [f"| `{name}` | {', '.join(f'`{each}`' for each in found)} |\n" for name, found in KNOWN.items()]
    rows.append("\n## Written\n\n| writer | what |\n|---|---|\n")
    rows += [f"| `{each.NAME}` | {each.ABOUT} |\n" for each in all_writers()]
    rows.append(CHOSEN.format(endings=", ".join(f"`{ending}` {name}" for ending, name in ENDINGS.items())))
    return "".join(rows)


def _tables() -> str:
    tables = {
        "flow": FLOW,
        **FACTS,
        **CATALOG,
        "rpc_activity": RPC_ACTIVITY,
        "detection": DETECTION,
        "finding": FINDING,
    }
    return f"# Tables\n\n{MADE}Times are UTC.\n" + "".join(
        f"\n## {name}\n\n{_columns(table)}" for name, table in tables.items()
    )


def _techniques() -> str:
    served: dict[str, dict[str, list[str]]] = {}
    for each in techniques():
        owner, called = interface(each.interface), operation(each.interface, each.opnum)
        if owner and called:
            of_owner = served.setdefault(each.technique, {}).setdefault(owner.name, [])
            of_owner += (
                [f"{called.name} ({each.weight:g})"] if f"{called.name} ({each.weight:g})" not in of_owner else []
            )
    rows = [
        f"| {technique} | {'; '.join(f'`{name}`: ' + ', '.join(calls) for name, calls in sorted(served[technique].items()))} |\n"
        for technique in sorted(served)
    ]
    return f"# Techniques\n\n{MADE}{ABOUT_TECHNIQUES}\n| technique | operations |\n|---|---|\n{''.join(rows)}"


def _columns(table: tuple[Column, ...]) -> str:
    lines = [f"| `{column.name}` | {column.kind} | {column.about} |\n" for column in table]
    return "| column | type | what |\n|---|---|---|\n" + "".join(lines)


if __name__ == "__main__":
    made = pages()
    for old in (DOCS / "analytics").glob("*.md"):
        if f"analytics/{old.name}" not in made:
            old.unlink()
    (DOCS / "analytics").mkdir(exist_ok=True)
    for name, text in made.items():
        (DOCS / name).write_text(text, encoding="utf-8")

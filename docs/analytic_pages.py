"""The pages about analytics: a table of all, and one page for each, with its rule, its parameters and its examples."""

import re
from pathlib import Path

from rpcsight.analytics import Analytic, all_analytics, compose, step
from rpcsight.examples import Example, _lines, examples, outcome, shown
from rpcsight.schema import CATALOG, FACTS
from rpcsight.settings import AttackSettings, RuleSettings

SETTINGS = Path(__file__).parent / "settings.md"
KINDS = {
    "list": "list: what there is, good or bad",
    "published": "published: a published rule to the letter",
    "attack": "attack: worth a person's time by itself",
}
OVERVIEW = """`rpcsight run ID PATH…` runs one, `rpcsight list analytics ID` tells about it, `rpcsight test ID` runs its examples,
`rpcsight sql ID` prints its SQL for a warehouse. `rpcsight list analytics -f navigator -o layer.json` writes the techniques covered as
a layer for ATT&CK Navigator. How to write your own: [own-analytic.md](own-analytic.md).

| kind | what it finds |
|---|---|
| list | what there is, good or bad |
| published | a published rule to the letter |
| attack | something that is worth a person's time by itself |

| id | kind | ATT&CK | needs | what |
|---|---|---|---|---|
"""
UNTOLD = ("analytic", "observer", "source", "confidence")
MOST_ROWS = 10


def overview(made: str) -> str:
    """The table of all analytics."""
    rows = [_row(each) for each in all_analytics()]
    return f"# Analytics\n\n{made}{OVERVIEW}{''.join(rows)}"


def _row(each: Analytic) -> str:
    header = each.header
    cells = header.kind, ", ".join(header.attack), ", ".join(header.needs), _cell(header.about)
    return f"| [{header.id}](analytics/{header.id}.md) | {' | '.join(cells)} |\n"


def pages(made: str) -> dict[str, str]:
    """Each analytic's page, by the file's name."""
    return {f"analytics/{each.header.id}.md": _page(each, made) for each in all_analytics()}


def _page(each: Analytic, made: str) -> str:
    header = each.header
    told = {
        "kind": KINDS[header.kind],
        "why": header.why,
        "ATT&CK": ", ".join(header.attack) or "none of its own",
        "D3FEND": ", ".join(header.d3fend),
        "source": header.source,
        "needs": ", ".join(f"[{name}](../tables.md#{name})" for name in header.needs),
        "mistaken for": header.mistaken,
        "blind to": header.blind,
    }
    parts = [
        f"# {header.id}: {header.title}\n\n{made}{header.about}\n\n| | |\n|---|---|\n",
        *(f"| {name} | {_cell(text)} |\n" for name, text in told.items() if text),
        _parameters(each),
        f"\n## The rule\n\n```sql\n{each.sql}\n```\n",
        _steps(each),
        *_examples(each),
    ]
    return "".join(parts)


def _parameters(each: Analytic) -> str:
    """The parameters that its SQL or a step of it names, with the settings that they come from."""
    used = set(re.findall(r"\$([a-z_]+)", compose(each)))
    rows = [
        f"| `{names}` | `{key}` | {value} | {about} |\n"
        for names, key, value, about in _settings()
        if used & {name.removeprefix("$") for name in names.split(", ")}
    ]
    if not rows:
        return ""
    return f"\n## Parameters\n\n| in the SQL | [setting](../settings.md) | usual value | what |\n|---|---|---|---|\n{''.join(rows)}"


ANALYTICS = ("rule", "attack")
"""The sections that analytics have parameters of."""


def _settings() -> list[tuple[str, str, str, str]]:
    """Parameters, the key of the settings file that they come from, its value there and what it is."""
    found: list[tuple[str, str, str, str]] = []
    section = ""
    for line in SETTINGS.read_text(encoding="utf-8").splitlines():
        if match := re.match(r" {4}\[(\w+)\]", line):
            section = match[1]
        elif (match := re.match(r" {4}(\w+) = (.+?) +# (.+)", line)) and section in ANALYTICS:
            names = ["dynamic_low", "dynamic_high"] if match[1] == "dynamic_ports" else [re.sub("_s$", "_us", match[1])]
            if not {*names} <= {*RuleSettings().parameters(), *AttackSettings().parameters()}:
                raise ValueError(f"settings.md: there is no setting {match[1]}")
            found.append((", ".join(f"${name}" for name in names), f"{section}.{match[1]}", match[2], match[3]))
    return found


def _steps(each: Analytic) -> str:
    steps = [name for name in each.header.uses if name not in FACTS and name not in CATALOG and step(name)]
    if not steps:
        return ""
    links = ", ".join(f"[{name}](../../src/rpcsight/steps/{name}.sql)" for name in steps)
    return f"\nIt builds on the steps {links}; `rpcsight list steps` says what a row of each is.\n"


def _examples(each: Analytic) -> list[str]:
    asked = examples(each)
    return ["\n## Examples\n"] * bool(asked) + [_example(each, number, one) for number, one in enumerate(asked, 1)]


def _example(each: Analytic, number: int, example: Example) -> str:
    parts = [f"\n### {number}. {example.about}\n"]
    for table, text in example.texts().items():
        parts.append(f"\n{table}:\n\n{_table([list(line.items()) for line in _lines(text)])}")
    if not example.rows:
        return "".join((*parts, "\nNothing comes of it.\n"))
    found = outcome(each, example)
    if found.problem:
        raise ValueError(f"{each.header.id}: {example.about}: {found.problem}")
    rows = found.rows.slice(0, MOST_ROWS).to_pylist()
    columns = [name for name in rows[0] if name not in UNTOLD and any(row[name] is not None for row in rows)]
    more = f"\nand {found.rows.num_rows - MOST_ROWS} more\n" if found.rows.num_rows > MOST_ROWS else ""
    gives = f"\ngives {found.rows.num_rows} row{'s' if found.rows.num_rows != 1 else ''}:\n\n"
    return "".join((*parts, gives, _table([[(name, shown(row[name])) for name in columns] for row in rows]), more))


def _table(rows: list[list[tuple[str, str | None]]]) -> str:
    names = [name for name, _ in rows[0]]
    lines = [f"| {' | '.join(_cell(value or '') for _, value in row)} |\n" for row in rows]
    return f"| {' | '.join(names)} |\n|{'---|' * len(names)}\n{''.join(lines)}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")

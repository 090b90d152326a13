"""Write the pages of docs/ that are made from the code: analytics, formats, tables. Run by `make docs`; a test keeps them current."""

from pathlib import Path

from rpcsight.analytics import all_analytics
from rpcsight.cli.output import ENDINGS
from rpcsight.readers import all_readers
from rpcsight.readers._names import KNOWN
from rpcsight.schema import FACTS, FINDING, FLOW, RPC_ACTIVITY, Column
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
MADE = "<!-- Made by `make docs`; change the code instead. -->\n\n"


def pages() -> dict[str, str]:
    """Each page's file name and text."""
    return {"analytics.md": _analytics(), "formats.md": _formats(), "tables.md": _tables()}


def _analytics() -> str:
    parts = [f"# Analytics\n\n{MADE}`rpcsight run ID PATH…` runs one, `rpcsight sql ID` prints it.\n"]
    for each in all_analytics():
        header = each.header
        attack = ", ".join(header.attack) or "none of its own"
        parts.append(
            f"\n## {header.id}: {header.title}\n\n{header.about}\n\n"
            f"- **Why**: {header.why}\n- **Source**: {header.source}\n- **ATT&CK**: {attack}; **D3FEND**: {', '.join(header.d3fend)}\n"
            f"- **Needs**: {', '.join(header.needs)}\n- **Mistaken for**: {header.mistaken}\n- **Blind to**: {header.blind}\n"
        )
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
    tables = {"flow": FLOW, **FACTS, "rpc_activity": RPC_ACTIVITY, "finding": FINDING}
    return f"# Tables\n\n{MADE}Times are UTC.\n" + "".join(
        f"\n## {name}\n\n{_columns(table)}" for name, table in tables.items()
    )


def _columns(table: tuple[Column, ...]) -> str:
    lines = [f"| `{column.name}` | {column.kind} | {column.about} |\n" for column in table]
    return "| column | type | what |\n|---|---|---|\n" + "".join(lines)


if __name__ == "__main__":
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")

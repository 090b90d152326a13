"""What was read, what was skipped, and what cannot be seen: an account as tables and sentences."""

from markupsafe import Markup

from rpcsight.account import Account, lines
from rpcsight.report.markup import Cell, clock, microseconds, table, tag, visible

__all__ = ["tables", "unseen"]

MOST = 50
LONGEST = 300
READ = ("warning: ", "skipped ", "read ", "of these, ", "clock resolution", "left out of")
"""Beginnings of lines of the account that the tables tell, too."""

Rows = list[tuple[Cell, ...]]


def tables(account: Account) -> list[Markup]:
    """What was read, left out and skipped."""
    read: Rows = [
        ("files", account.files),
        *((f"files read as {name}", count) for name, count in sorted(account.readers.items())),
        ("files with flow records", account.flow_files),
        ("records", account.records),
        ("flows that may be part of RPC", account.candidates),
        ("flows to SMB, in whose pipes RPC may run", account.smb),
        *((f"RPC calls decoded, carried by {name}", count) for name, count in sorted(account.calls.items())),
        ("first of these flows (UTC)", clock(microseconds(account.first_time))),
        ("last (UTC)", clock(microseconds(account.last_time))),
    ]
    made = [_scrolled("What was read", ("what", "how many or when"), read)]
    if account.clocks:
        clocks: Rows = [(each.observer, each.resolution, each.flows) for each in account.clocks]
        made.append(_scrolled("Clocks of the observers", ("observer", "resolution", "flows"), clocks))
    if account.left_out:
        left_out: Rows = sorted(account.left_out.items())
        made.append(_scrolled("Flows that the rule leaves out", ("reason", "flows"), left_out))
    if account.skips:
        skips: Rows = [
            (
                visible(each.what, LONGEST),
                each.count,
                visible(each.source, LONGEST),
                visible("; ".join(each.examples[:2]), LONGEST),
            )
            for each in sorted(account.skips, key=lambda each: -each.count)
        ]
        made.append(_scrolled("Skipped", ("reason", "how many", "where", "examples"), skips))
    return made


def unseen(account: Account) -> list[str]:
    """What limits the result, and what the records cannot show, a sentence each."""
    warned = [f"warning: {each}" for each in account.warnings]
    return [*warned[:MOST], *[each for each in lines(account) if not each.startswith(READ)][:MOST]]


def _scrolled(caption: str, columns: tuple[str, ...], rows: Rows) -> Markup:
    more = [tag("p", f"and {len(rows) - MOST:,} more", class_="rs-nothing")] if len(rows) > MOST else []
    inner = table(caption, columns, rows[:MOST])
    return tag("div", inner, more, class_="rs-scroll", tabindex="0", role="group", aria_label=caption)

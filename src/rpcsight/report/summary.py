"""A report in a few sentences."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rpcsight.account import Account
from rpcsight.catalog.attack import technique_name
from rpcsight.report.markup import clock, microseconds, shortened, visible
from rpcsight.report.pictures import chains_of

__all__ = ["number", "paragraphs"]

SEVERITIES = ("high", "medium", "low", "info")
TOLD = 3
LETTERS = 60


def paragraphs(findings: Sequence[Mapping[str, Any]], account: Account) -> list[str]:
    """What was found in what was read, and what to look at first."""
    files = number(account.files, "file")
    read = (
        f"{number(account.records, 'record')} of {files} were read; {account.candidates:,} of them may be part of RPC"
    )
    first, last = microseconds(account.first_time), microseconds(account.last_time)
    if first is not None and last is not None:
        read += f", from {clock(first)} to {clock(last)} UTC"
    if not findings:
        return [f"{read}. There is no finding."]
    days = len({each["day"] for each in findings})
    counts = Counter(each["severity"] for each in findings)
    kinds = [f"{counts[each]:,} {each}" for each in SEVERITIES if counts[each]]
    told = [f"{read}. {number(len(findings), 'finding')} on {number(days, 'day')}: {_listed(kinds)}."]
    best = findings[0]
    told.append(f"The most unusual, with {best['score']:.1f} points: {visible(best['summary'])}.")
    told += _actors(findings)
    return told


def number(count: int, word: str) -> str:
    """So many of something."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _actors(findings: Sequence[Mapping[str, Any]]) -> list[str]:
    pairs = {(pair["src_ip"], pair["dest_ip"]) for each in findings for pair in each["pairs"] or ()}
    clients = Counter(client for client, _ in sorted(pairs, key=str) if client)
    sentences: list[str] = []
    if clients:
        most = [f"{shortened(name, LETTERS)} ({number(count, 'server')})" for name, count in clients.most_common(TOLD)]
        sentences.append(
            f"{number(len(clients), 'client')} in {number(len(pairs), 'pair')}; the busiest: {_listed(most)}."
        )
    chains = sum(bool(chains_of(each)[1]) for each in findings)
    if chains:
        sentences.append(f"In {number(chains, 'finding')}, a host that was reached went on to another: a chain.")
    named = Counter(name for each in findings for name in dict.fromkeys(each["techniques"] or ()))
    if named:
        some = [" ".join(part for part in (name, technique_name(name)) if part) for name, _ in named.most_common(TOLD)]
        sentences.append(
            f"Techniques that most of this can be part of: {_listed([shortened(each, LETTERS * 2) for each in some])}."
        )
    return [" ".join(sentences)] if sentences else []


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + f" and {words[-1]}" if len(words) > 1 else "".join(words)

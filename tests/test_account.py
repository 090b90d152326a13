"""The account in words."""

from collections import Counter
from datetime import UTC, datetime

from rpcsight.account import UNSEEN, Account, Skip, SourceClock, lines


def test_an_account_of_nothing() -> None:
    assert list(lines(Account(files=1, readers=Counter(zeek=1)))) == ["read 1 file (zeek 1): 0 records", UNSEEN]


def test_an_account_says_what_was_read_left_out_and_skipped() -> None:
    account = Account(
        files=1200,
        records=3_000_000,
        candidates=4321,
        readers=Counter(zeek=1199, csv=1),
        skips=[
            Skip("a.log", "wrong", 2, ("a.log:3: first", "a.log:4: second", "a.log:5: third")),
            Skip("b.log", "no format\n  more", 1),
            Skip("c.log", "wrong", 5),
            *(Skip("d.log", f"reason {number}", 1) for number in range(5)),
            Skip("e.log", "holds no flows: Zeek dns log", 1),
            Skip("f.log", "holds no flows: Zeek dns log", 1),
            *(Skip("g.log", f"record of another log: log {number}", 1000 + number) for number in range(6)),
        ],
        left_out={"self": 1, "failed": 2000},
        clocks=[SourceClock("x", "1 s", 1), SourceClock("y", "1 µs", 1), SourceClock("z", "1 s", 1)],
        warnings=["mind the clock"],
        first_time=datetime(2026, 11, 1, tzinfo=UTC),
        last_time=datetime(2026, 11, 2, 3, 4, 5, 678, tzinfo=UTC),
    )
    assert list(lines(account)) == [
        "read 1,200 files (csv 1, zeek 1199): 3,000,000 records",
        "of these, 4,321 may be part of RPC (to the endpoint mapper or a dynamic port), 2026-11-01 00:00:00 to 2026-11-02 03:04:05 UTC",
        "clock resolution of the observers: 1 s (2), 1 µs (1)",
        "left out of rpc-activity: failed 2,000, self 1",
        "skipped 7: wrong (a.log:3: first; a.log:4: second)",
        "skipped 1: no format (b.log)",
        "skipped 1: reason 0 (d.log)",
        "skipped 1: reason 1 (d.log)",
        "skipped 1: reason 2 (d.log)",
        "skipped 2 for 2 further reasons",
        "files that hold no flows: Zeek dns log 2",
        "records of other logs: log 5 1,005, log 4 1,004, log 3 1,003, log 2 1,002, log 1 1,001, and 1 more",
        "warning: mind the clock",
        UNSEEN,
    ]


def test_calls_are_told_and_pipes_are_not_out_of_sight_where_they_were_seen() -> None:
    told = list(lines(Account(files=1, readers=Counter(pcap=1), calls=Counter(smb=2, tcp=1001))))
    assert told[1:] == [
        "RPC calls decoded: 1,003, 2 of them in SMB pipes; `rpcsight run rpc-calls` lists them",
        UNSEEN.replace("RPC inside SMB pipes (445), ", ""),
    ]
    assert list(lines(Account(calls=Counter(tcp=1))))[-1] == UNSEEN

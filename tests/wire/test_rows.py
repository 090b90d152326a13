"""Facts become rows with the columns of their tables."""

from rpcsight.readers._shown import Conversations
from rpcsight.wire import Bind, Call, Facts, FileEvent, Mapping
from rpcsight.wire.rows import TABLES, Ends, Row, write_rows

ENDS = Ends(5, "10.0.0.1", 50_000, "10.0.0.2", 445)


def test_rows() -> None:
    facts = Facts()
    facts.binds.append(("p", "u", Bind(10, True, 1, "i", "1.0", "accepted", 9, 6)))
    facts.calls.append(("p", "u", Call(11, False, 2, 1, None, None, 3, True, 4, 10, 5, 6, 7)))
    facts.mappings.append(("", "", Mapping(12, "i", "1.0", "a", 135, "", "ept_map")))
    facts.events.append(FileEvent(13, "write", "u", "s", "n", 14))
    rows: dict[str, list[Row]] = {table: [] for table in TABLES}
    write_rows(facts, ENDS, True, rows)
    assert facts == Facts()
    up, down = ("10.0.0.1", 50_000, "10.0.0.2", 445), ("10.0.0.2", 445, "10.0.0.1", 50_000)
    assert rows == {
        "rpc_bind": [(10, 5, *up, "smb", "p", "u", False, 1, "i", "1.0", 9, 6, "accepted")],
        "rpc_call": [(11, 5, *down, "smb", "p", "u", True, 1, None, None, 10, 5, 2, 3, True, 4, 6, 7)],
        "rpc_mapping": [(12, 5, *up, "smb", "", "", "ept_map", "i", "1.0", "a", 135, "")],
        "smb_event": [(13, 5, *up, "u", "write", "s", "n", 14)],
    }
    for table, (row,) in rows.items():
        assert len(row) == len(Conversations.tables[table])

"""What people decide about findings: tables of a workspace beside what is learned."""

from rpcsight.schema.column import Column

__all__ = ["TRIAGE"]

KEPT_FINDING: tuple[Column, ...] = (
    Column("finding_id", "VARCHAR", "its id"),
    Column("day", "INTEGER", "its day, days since 1970 UTC"),
    Column("place", "INTEGER", "its rank that day, from 1"),
    Column("score", "DOUBLE", "its score"),
    Column("severity", "VARCHAR", "info, low, medium, high"),
    Column("confidence", "DOUBLE", "0 to 1"),
    Column("src_ip", "VARCHAR", "the client"),
    Column("dest_ip", "VARCHAR", "the server"),
    Column("service", "VARCHAR", "the service, where records tell it"),
    Column("first_us", "BIGINT", "first activity"),
    Column("last_us", "BIGINT", "last activity"),
    Column("summary", "VARCHAR", "what happened, in one sentence"),
    Column("document", "VARCHAR", "the whole finding as JSON"),
    Column("status", "VARCHAR", "open, benign, malicious, duplicate or allowed"),
    Column("allowed_by", "VARCHAR", "entry_id of the entry that covers it, where it is allowed"),
    Column("kept_us", "BIGINT", "when a hunt first found it"),
)
FINDING_PAIR: tuple[Column, ...] = (
    Column("finding_id", "VARCHAR", "the finding"),
    Column("src_ip", "VARCHAR", "client of one of its pairs"),
    Column("dest_ip", "VARCHAR", "its server"),
    Column("day", "INTEGER", "day, days since 1970 UTC"),
    Column("is_later", "BOOLEAN", "it was added after people closed the finding: they have not seen it"),
)
"""Each pair of a finding on each day."""
AUDIT: tuple[Column, ...] = (
    Column("number", "BIGINT", "from 1, in order"),
    Column("at_us", "BIGINT", "when"),
    Column("subject", "VARCHAR", "finding_id, or entry_id of an entry of the allow-list"),
    Column("action", "VARCHAR", "what was done"),
    Column("reason", "VARCHAR", "why"),
    Column("who", "VARCHAR", "by whom"),
)
ALLOW: tuple[Column, ...] = (
    Column("entry_id", "VARCHAR", "of what it covers: the same scope has the same id"),
    Column("document", "VARCHAR", "the whole entry as JSON, keys as in docs/triage.md"),
    Column("added_us", "BIGINT", "when"),
)
"""What people said is fine."""
DAY_SCORE: tuple[Column, ...] = (
    Column("day", "INTEGER", "days since 1970 UTC"),
    Column("place", "INTEGER", "rank that day, from 1"),
    Column("score", "DOUBLE", "the score at that rank"),
)
FINDING_WORD: tuple[Column, ...] = (
    Column("finding_id", "VARCHAR", "the finding"),
    Column("client_order", "VARCHAR", "its client, as a text that sorts as the address does"),
    Column("server_order", "VARCHAR", "its server, likewise"),
    Column("pairs", "INTEGER", "how many clients and servers it is about"),
    Column("services", "VARCHAR", "all that its records tell, lower case, a line break before and after each"),
    Column("operations", "VARCHAR", "likewise"),
    Column("knows_services", "BOOLEAN", "each detection tells its service, and anything at all does"),
    Column("knows_operations", "BOOLEAN", "there are detections, and each tells its operation"),
    Column("weight", "DOUBLE", "of its weightiest detection"),
    Column("techniques", "VARCHAR", "as services"),
    Column("words", "VARCHAR", "all that a search looks into, lower case"),
    Column("shown", "VARCHAR", "what a list shows of the document, as JSON: roles, techniques, largest reasons"),
)
"""What is searched of a finding, and what the allow-list looks at; made of its document."""
FINDING_MEETING: tuple[Column, ...] = (
    Column("finding_id", "VARCHAR", "the finding"),
    Column("place", "INTEGER", "of the pair in the finding, from 0: the lead pair"),
    Column("client", "VARCHAR", "by which name the baseline knows the client"),
    Column("server", "VARCHAR", "and the server"),
    Column("src_ip", "VARCHAR", "the client's address; '' where records don't tell it"),
    Column("dest_ip", "VARCHAR", "the server's"),
    Column("src_order", "VARCHAR", "the address as a text that sorts as addresses do"),
    Column("dest_order", "VARCHAR", "likewise"),
    Column("first_us", "BIGINT", "first activity of the pair"),
    Column("last_us", "BIGINT", "last"),
)
"""Each pair of a finding, for the allow-list."""
UNSETTLED: tuple[Column, ...] = (
    Column("src_ip", "VARCHAR", "a client"),
    Column("dest_ip", "VARCHAR", "and its server: held back from the baseline, or no longer, since it was settled"),
)
"""What the next hunt settles first: roles and all that follows from who uses whom."""
HUNT_RUN: tuple[Column, ...] = (
    Column("number", "BIGINT", "from 1, in order"),
    Column("at_us", "BIGINT", "when it ended"),
    Column("files", "BIGINT", "inputs read"),
    Column("records", "BIGINT", "records in them"),
    Column("candidates", "BIGINT", "flows to the mapper or a dynamic port"),
    Column("first_us", "BIGINT", "first of the candidates; empty where there are none"),
    Column("last_us", "BIGINT", "last; likewise"),
    Column("findings", "BIGINT", "how many it told"),
    Column(
        "document",
        "VARCHAR",
        "readers, what was skipped and left out and why, warnings, and the account in lines: as JSON",
    ),
)
"""What a hunt read."""

TRIAGE: dict[str, tuple[Column, ...]] = {
    "finding": KEPT_FINDING,
    "finding_pair": FINDING_PAIR,
    "finding_word": FINDING_WORD,
    "finding_meeting": FINDING_MEETING,
    "audit": AUDIT,
    "allow": ALLOW,
    "day_score": DAY_SCORE,
    "hunt_run": HUNT_RUN,
    "unsettled": UNSETTLED,
}
"""What hunts keep, and what people say to it."""

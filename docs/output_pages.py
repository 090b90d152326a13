"""The page outputs.md: for whom each format is, with an example that the writers make."""

import io
from datetime import datetime

from rpcsight.analytics import analytic
from rpcsight.analytics.sigma import sigma_rules
from rpcsight.findings._arrow import table
from rpcsight.settings import RuleSettings
from rpcsight.writers import Look, all_writers, writer

SHOWN = 400
START = datetime(2026, 11, 21, 23, 57, 49, 313000)
EXAMPLE = {
    "finding_id": "7f8dd7a1437c9c63",
    "day": "2026-11-21",
    "rank": 1,
    "src_ip": "10.77.0.22",
    "dest_ip": "10.77.0.21",
    "client_role": "workstation",
    "server_role": "workstation",
    "techniques": ["T1569.002"],
    "d3fend": ["D3-RTA"],
    "score": 36.9,
    "severity": "medium",
    "confidence": 0.9,
    "first_time": START,
    "last_time": datetime(2026, 11, 21, 23, 57, 50, 40000),
    "activities": 3,
    "attempts": 0,
    "summary": "10.77.0.22 used RPC on 10.77.0.21 3 times (port 49154) after asking its endpoint mapper",
    "reasons": [
        {"name": "client", "points": 29.5, "text": "the client, a workstation, begins to use a new host every 33 days"},
        {"name": "server", "points": 7.4, "text": "one in 6 such beginnings would lead to this workstation"},
    ],
    "pairs": [
        {"src_ip": "10.77.0.22", "dest_ip": "10.77.0.21", "first_time": START, "last_time": START, "score": 36.9}
    ],
    "evidence": [
        {
            "src_ip": "10.77.0.22",
            "dest_ip": "10.77.0.21",
            "start_time": START,
            "src_port": 58166,
            "dest_port": 49154,
            "mapper_time": datetime(2026, 11, 21, 23, 57, 49, 246000),
            "gap_s": 0.067,
            "basis": "mapper",
            "mapper_id": "CHhAvVGS1DHFjwGM9",
            "flow_id": "C4J4Th3PJpwUYZZ6gc",
            "observer": "zeek-1",
            "source": "conn.log",
        }
    ],
    "next": ["the log-on on the server: event 4624 of type 3 from the client"],
    "benign_if": ["somebody of support used the client for work on the server, and says so"],
}
FOR_WHOM = {
    "table": "people at a terminal",
    "markdown": "tickets, wikis, pull requests",
    "csv": "spreadsheets",
    "jsonl": "scripts, and whatever is not named here: every field, nothing renamed",
    "parquet": "notebooks, warehouses, Spark",
    "ecs": "Elastic Security, OpenSearch, Logstash",
    "ocsf": "Amazon Security Lake and data lakes in OCSF",
    "stix": "threat intelligence: OpenCTI, MISP, TAXII servers",
    "navigator": "ATT&CK Navigator",
    "syslog": "collectors that take syslog only",
}
ABOUT = {
    "csv": """A cell that a spreadsheet takes for a formula gets an apostrophe before it: one that begins with `=`, `+`, `-`, `@`
(or the wide forms of these), also after blanks, and any that begins with a tab or a line end. So does what follows a
semicolon, a tab or a line end within a text: where the region's separator is the semicolon, such a text becomes
several cells, in quotes or not. Numbers are numbers, and stay as they are. Programs that need the texts untouched
read `jsonl` or `parquet`.
""",
    "ecs": """Two kinds of documents (ECS 8.17), told apart by `event.dataset`: `rpcsight.finding`, an alert (`event.kind: alert`)
with techniques, score (`event.risk_score`) and reasons; and `rpcsight.connection`, each mapper and endpoint
connection of its evidence, once, with the finding's id in `rpcsight.finding_id`. Send them to a data stream, in the
order of the file; what ECS has no field for is under `rpcsight`.

`rpcsight run rpc-activity FILE` on such a file finds the same activities; unanswered connections are told as such
(`event.outcome: failure`). Where a flow had an id of its own, the mapper connection's client port is not part of a
finding: `source.port` is missing, and `rpcsight.stand_in_port` tells such connections apart. Times have microseconds;
Elasticsearch's `date` keeps milliseconds.
""",
    "ocsf": """A Detection Finding (class 2004, activity Create) a line, of version 1.5.0, without profiles. `status_id` is New for
open findings, Suppressed for those that the allow-list covers, Resolved for closed ones, with the verdict in
`status_detail`. Connections and what was done are `evidences`; score parts, pairs and advice are under
`unmapped.rpcsight`.
""",
    "stix": """One bundle: addresses and connections (`network-traffic`) in an `observed-data` a finding, a `sighting` of each
technique that it can be part of (what was seen can be part of it: that is no proof), and a `note` with score, reasons
and advice. Addresses and connections have the identifiers that STIX 2.1 makes of their values, techniques those of
ATT&CK's own STIX data (18.1), all else UUIDs made of the finding's id: a finding that is written again
is the same object in a later version. `created` is the beginning of the finding's day, `modified` when the bundle was
written. stix2-validator notes that ids are not random (version 4): the standard asks for that, it does not demand it.
""",
    "syslog": """RFC 5424, a message a line of at most 2,048 octets, facility local0; severity critical, warning, notice or
informational for high, medium, low and info. Host and process are nil: the relay that sends the lines says where they
come from. Texts that are cut end in `…`.

The structured data's id is `rpcsight@32473`. 32473 is no number of ours: it is the enterprise number that RFC 5612
reserves for examples in documents, and rpcsight has none of its own yet. Match `rpcsight@`, and where your collector
keeps elements by number, let the relay replace it by your organisation's; the number changes once rpcsight has one.
""",
    "markdown": """Findings are sections, any other rows a table. Texts of records can't become markup, links, HTML or another cell: what
could has a backslash before it, control characters are shown as escapes.
""",
    "navigator": """Techniques with the highest score of a finding, layer format 4.5; also of analytics:
`rpcsight list analytics -f navigator`.
""",
}
HEAD = """# Results for other programs

{made}`hunt` writes findings, `findings export` those that a workspace keeps; the last column says which formats take
any rows, those of `run` and `list`, too.

    rpcsight hunt conn.log --format ecs -o findings.ndjson
    rpcsight findings export --workspace corp.db --status malicious --format stix -o bundle.json
    rpcsight findings export --workspace corp.db --severity high -o ticket.md

Machine formats never change shape: no field depends on what was found; those that say nothing are null, or left out
where the standard wants that. Texts of records are bounded to 960 characters in the formats of other programs, with a
mark that says how many are left out; JSON of these is ASCII. OCSF, STIX, syslog, Markdown and Sigma are tested with
published schemas and parsers, ECS and Navigator's layers with the fields of their references; all with hostile and
very long values.

| format | for | rows |
|---|---|---|
"""
SIGMA = """
## Sigma

`rpcsight export-sigma` prints the published rule (CAR-2014-05-001) as Sigma correlation rules: `--logsource zeek`,
`firewall` or `sysmon`; ports and window as settings have them. Other analytics take more than an order of two kinds
of connections: `rpcsight sql` has them.

    rpcsight export-sigma --any-order > rpc.yml
    sigma convert -t splunk --without-pipeline rpc.yml

Its order (`temporal_ordered`) is known to few converters: pySigma's for Splunk and Elasticsearch refuse it, and take
`--any-order`, which fires, too, where the mapper's connection comes second. They cut time into pieces of the window's
length, and miss pairs that lie across two pieces: with pieces of 2 s, one in ten of those that are 0.2 s apart.
Failed connections and those recorded twice count. `rpcsight hunt` on the same records has none of these limits.

    {example}
"""


def page(made: str) -> str:
    """The page."""
    parts = [HEAD.format(made=made)]
    every = {each.NAME: each for each in all_writers()}
    for name, whom in FOR_WHOM.items():
        rows = "findings" if every[name].OF_FINDINGS else "those with techniques" if name == "navigator" else "any"
        parts.append(f"| [{name}](#{name}) | {whom} | {rows} |\n")
    parts += [f"| {each.NAME} | {each.ABOUT} | |\n" for each in every.values() if each.NAME not in FOR_WHOM]
    for name in FOR_WHOM:
        parts.append(f"\n## {name}\n\n{ABOUT.get(name, '')}" + ("" if every[name].IS_BINARY else _example(name)))
    rules = sigma_rules(analytic("CAR-2014-05-001").header, RuleSettings(), "zeek")
    both = rules[rules.index("correlation:") : rules.index("falsepositives:")]
    parts.append(SIGMA.format(example=both.rstrip().replace("\n", "\n    ")))
    return "".join(parts).replace("\n\n\n", "\n\n")


def _example(name: str) -> str:
    """What the format makes of a finding: the beginning of it."""
    out = io.BytesIO()
    rows = table([EXAMPLE])
    shown = rows.select(["finding_id", "score", "severity", "src_ip", "dest_ip"]) if name in {"table", "csv"} else rows
    writer(name).write(shown, out, Look())
    text = " ".join(out.getvalue().decode().split()) if name in {"stix", "navigator"} else out.getvalue().decode()
    lines = text.rstrip().split("\n")
    some = [line if len(line) <= SHOWN else f"{line[:SHOWN]}…" for line in lines[:14]]
    more = ["…"] if len(lines) > len(some) else []
    return "\n```text\n" + "".join(f"{line.rstrip()}\n" for line in [*some, *more]) + "```\n"

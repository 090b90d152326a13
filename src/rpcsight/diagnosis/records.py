"""What the records say of a connection: both directions, who called, whether it came about, when."""

import re
from pathlib import Path

from rpcsight.diagnosis import advice
from rpcsight.diagnosis.check import FEW, Answer, Question, joined, number, of, share
from rpcsight.diagnosis.measures import Measures

__all__ = ["QUESTIONS"]

MINUTES_FROM = 20
"""As many records are needed to tell that times are cut to minutes."""
MOST = 0.9
FEWEST_TOLD = 10
"""As many connections are needed to tell of one file alone that the sensor sees one side."""
ATTEMPTS_FROM = 50
"""As many connections are needed to wonder that none failed."""
AMBIGUOUS = {"ts", "timestamp", "@timestamp", "time"}
"""Columns that hold the start in some exports, and the time of writing in others."""
SUMMED = re.compile(r"(?<![\w/.+-])(?:aggregat|sampl)(?:ed|ion|ing)\b(?![/.])", re.IGNORECASE)
"""In warnings of sums and samples, rather than in names of files."""
SHOWN = 3
ALONE = "who called, and whether anybody answered, is told from that alone."


def _direction(measures: Measures) -> Answer | None:
    """The first of what limits it, else what is good about it."""
    limited = _exported_one_way(measures) or _answers(measures) or _half_seen(measures)
    if limited:
        return limited
    connections, told = measures.halves.get("connections", 0), sum(each.told for each in measures.sides)
    if connections:
        both = of(connections - measures.halves["one_sided"], connections, "connection")
        return Answer("good", f"One-way records were joined: both directions of {both}.")
    if told:
        both = of(told - sum(each.one_sided for each in measures.sides), told, "TCP connection")
        return Answer("good", f"The sensor saw both sides of {both} looked at.")
    port = measures.rule["mapper_port"]
    return (
        Answer("good", f"No record goes out from port {port}: no answer is taken for a connection of its own.")
        if measures.flows["to_mapper"]
        else None
    )


def _exported_one_way(measures: Measures) -> Answer | None:
    connections, single = measures.halves.get("connections", 0), measures.halves.get("one_sided", 0)
    if share(single, connections) <= FEW:
        return None
    answers, port = measures.halves["answers_only"], measures.rule["mapper_port"]
    which = f" ({answers:,} of them only the answers of port {port})" if answers else ""
    text = f"Only one direction was recorded of {of(single, connections, 'connection')}{which}: {ALONE}"
    return Answer("limited", text, "only one direction was recorded")


def _answers(measures: Measures) -> Answer | None:
    answers = measures.flows["from_mapper"]
    if not answers:
        return None
    text = (
        f"{number(answers, 'record')} {'goes' if answers == 1 else 'go'} out from port {measures.rule['mapper_port']}: these are answers. "
        "The export writes a record for each direction, and each is taken for a connection of its own: some results are answers."
    )
    return Answer("limited", text, "each direction is a record of its own")


def _half_seen(measures: Measures) -> Answer | None:
    one_sided, told = sum(each.one_sided for each in measures.sides), sum(each.told for each in measures.sides)
    files = [each for each in measures.sides if each.told >= FEWEST_TOLD and share(each.one_sided, each.told) > FEW]
    if not files and share(one_sided, told) <= FEW:
        return None
    names = [Path(each.source).name for each in files[:SHOWN]] if len(measures.sides) > 1 else []
    more = " and others" if len(files) > SHOWN else ""
    places = f" ({joined(names)}{more})" if names else ""
    seen = f"The sensor saw packets of one side only in {of(one_sided, told, 'TCP connection')}"
    return Answer(
        "limited",
        f"{seen} at the beginning of the logs{places}: {ALONE}",
        f"the sensor saw one side only of {one_sided:,} in {told:,} TCP connections looked at",
    )


def _caller(measures: Measures) -> Answer | None:
    flows, missing = measures.flows["flows"], measures.flows["not_oriented"]
    if not flows or measures.flows["from_mapper"]:  # answers among the records: `direction` tells
        return None
    if not missing:
        return Answer("good", f"Known for {of(flows, flows, 'record')}.")
    text = f"Not known for {of(missing, flows, 'record')}; both ways round are tried."
    return (
        Answer("good", text)
        if share(missing, flows) <= FEW
        else Answer("limited", text, "who called whom is not always known")
    )


def _established(measures: Measures) -> Answer | None:
    tcp, missing = measures.flows["flows"], measures.flows["not_told"]
    if not tcp:
        return None
    if not missing:
        return Answer("good", f"Whether anybody answered is known for {of(tcp, tcp, 'record')}.")
    text = f"Whether anybody answered is not known for {of(missing, tcp, 'record')}"
    if share(missing, tcp) <= FEW:
        return Answer("good", f"{text}.")
    text += ": unanswered attempts (scans, blocked attacks) can't be told from RPC."
    return Answer("limited", text, "unanswered attempts can't be told from RPC")


def _attempts(measures: Measures) -> Answer | None:
    told, failed = measures.flows["flows"] - measures.flows["not_told"], measures.flows["failed"]
    if failed:
        text = (
            f"{number(failed, 'unanswered or refused attempt')} recorded: blocked attacks are seen (`rpcsight run "
            f"rpc-attempts`)."
        )
        return Answer("good", text)
    if told < ATTEMPTS_FROM:
        return None
    return Answer(
        "unknown", f"No attempt that failed among {number(told, 'record')}: none happened, or they are not logged."
    )


def _times(measures: Measures) -> Answer | None:
    flows, lasting = measures.flows["flows"], measures.flows["lasting"]
    if not flows:
        return None
    unclear = [name for name in measures.time_columns if name.lower() in AMBIGUOUS]
    if unclear:
        text = (
            f"The column {joined([repr(name) for name in unclear[:SHOWN]])} is taken for the start of connections. "
            f"If it is when the record "
            "was written (their end), the order of connections is wrong."
        )
        return Answer("limited", text, "it is not sure that times are starts of connections")
    length = f"how long they lasted is known for {of(lasting, flows, 'record')}"
    if not lasting:
        late = f"more than {measures.rule['window_us'] / 1_000_000:g} s after the connection to port {measures.rule['mapper_port']} began"
        length = f"how long connections lasted is not, so that a call that comes {late} is missed"
    return Answer("good", f"Known; {length}.")


def _clock(measures: Measures) -> Answer | None:
    clocks = measures.account.clocks
    if not clocks:
        return None
    coarse = [clock for clock in clocks if clock.resolution == "1 s"]
    if not coarse:
        finest = sorted({clock.resolution for clock in clocks})
        return Answer("good", f"Times are exact to {joined(finest)}.")
    flows = sum(clock.flows for clock in coarse)
    records = of(flows, sum(clock.flows for clock in clocks), "record")
    text = (
        f"Times are whole seconds in {records} of interest: what happened first within a second is not known. "
        f"rpc-activity takes equal "
        "seconds for a match; CAR-2014-05-001 as published does not, and misses most."
    )
    return Answer("limited", text, "times are whole seconds")


def _aggregation(measures: Measures) -> Answer | None:
    flows, minutes = measures.flows["flows"], measures.flows["whole_minutes"]
    if measures.clouds:
        names = joined([each.upper() if each != "azure" else "Azure" for each in measures.clouds])
        text = (
            f"These are {names} flow logs: a record covers 1 to 10 minutes, not one connection, so that what "
            f"follows what within "
            "seconds is often not known. A match says that both happened in the same minutes."
        )
        return Answer("limited", text, "records cover minutes, not connections")
    if flows >= MINUTES_FROM and share(minutes, flows) >= MOST:
        text = (
            f"{of(minutes, flows, 'record').capitalize()} begin at whole minutes: these are sums over time, not "
            f"connections."
        )
        return Answer("limited", text, "records cover minutes, not connections")
    noted = [each for each in measures.account.warnings if SUMMED.search(each)]
    return Answer("limited", noted[0], "records are aggregated or sampled") if noted else None


QUESTIONS = (
    Question(
        "direction",
        "rule",
        "Both directions",
        "NetFlow and cloud flow logs write a record for each direction; nfdump's are joined to connections. A "
        "sensor that gets packets of one side only (one-way export, a mirror port of one direction, packets dropped "
        "for their checksums) guesses who called and whether anybody answered.",
        _direction,
        advice.DIRECTION,
    ),
    Question(
        "caller",
        "rule",
        "Who called whom",
        "Known from the first packet (SYN). Records of connections that were already open when the sensor began, or "
        "whose beginning it missed, do not tell; they are tried both ways round.",
        _caller,
        advice.CALLER,
    ),
    Question(
        "established",
        "rule",
        "Connections that came about",
        "A scan, or an attack that a firewall stopped, looks like RPC until one knows that nobody answered. Such "
        "attempts are left out of rpc-activity, and shown by rpc-attempts, where records tell.",
        _established,
        advice.ESTABLISHED,
    ),
    Question(
        "attempts",
        "rule",
        "Unanswered attempts",
        "Whether attempts that nobody answered are recorded at all. Host logs and some firewalls log connections "
        "only once they are accepted.",
        _attempts,
        {"": "If the sensor can leave out connections without an answer, let it keep them."},
    ),
    Question(
        "times",
        "rule",
        "Starts of connections",
        "The rule asks what began first. Some exports give only the time at which a record was written, which is "
        "the connection's end or later.",
        _times,
        {"": "Name the column of the start: --map start_time=COLUMN; export it if there is none."},
    ),
    Question(
        "clock",
        "rule",
        "Precision of times",
        "Most RPC connections follow the mapper's within 0.5 s. With whole seconds, both often have the same time.",
        _clock,
        advice.FINE_TIMES,
    ),
    Question(
        "aggregation",
        "rule",
        "One record a connection",
        "Cloud flow logs and some collectors sum up what the same ends sent in 1 to 10 minutes.",
        _aggregation,
        advice.AGGREGATION,
    ),
)

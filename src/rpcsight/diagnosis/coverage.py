"""Whether the records show the connections that the rule is about: to the endpoint mapper, to dynamic ports, over "
"enough time.
"""

from rpcsight.diagnosis import advice
from rpcsight.diagnosis.check import Answer, Question, number, of, share
from rpcsight.diagnosis.measures import Measures

__all__ = ["QUESTIONS"]

FEWEST_SECONDS = 60
HOUR_S = 3600
HALF = 0.5
SKIPPED_FEW = 0.01
LONG_GAP_MINUTES = 60


def _flows(measures: Measures) -> Answer:
    account, rule = measures.account, measures.rule
    facts = measures.facts
    if not account.records and not account.candidates:
        beside = [number(facts[key], what) for key, what in BESIDE.items() if facts[key]]
        there = (
            f"; there are {', '.join(beside)}, for which `rpcsight list analytics` shows what to run" if beside else ""
        )
        return Answer("bad", f"No flow record was read{there}.", "no flow records")
    tcp = measures.flows["flows"]
    over = f"; the rule looks at those over TCP: {tcp:,}" if tcp != account.candidates else ""
    ports = f"port {rule['mapper_port']} or to a dynamic port ({rule['dynamic_low']}-{rule['dynamic_high']})"
    return Answer(
        "good",
        f"{number(account.records, 'record')} read, {account.candidates:,} of them of connections to {ports}{over}.",
    )


BESIDE = {
    "calls": "decoded RPC call",
    "smb_events": "SMB event",
    "processes": "process start",
    "host_events": "host event",
}


def _skipped(measures: Measures) -> Answer | None:
    part = share(measures.unusable, measures.lines)
    if not measures.lines:
        return None
    if not measures.unusable:
        return Answer("good", f"All {number(measures.lines, 'record')} could be understood.")
    text = f"{of(measures.unusable, measures.lines, 'record').capitalize()} ({part:.1%}) could not be used; see what was left out."
    if part < SKIPPED_FEW:
        return Answer("good", text)
    return Answer("bad" if part > HALF else "limited", text, f"{part:.0%} of the records could not be used")


def _mapper(measures: Measures) -> Answer | None:
    flows, rule = measures.flows, measures.rule
    port = rule["mapper_port"]
    if not measures.account.records and not flows["flows"]:
        return None
    if flows["to_mapper"]:
        hosts = measures.hosts
        who = f", from {number(hosts['clients'], 'client')} to {number(hosts['servers'], 'server')}" if hosts else ""
        return Answer("good", f"{number(flows['to_mapper'], 'record')} of connections to port {port}{who}.")
    if flows["from_mapper"]:
        text = (
            f"No record of a connection to port {port}, only {number(flows['from_mapper'], 'record')} of its answers."
        )
        return Answer("bad", text, f"only answers of port {port}")
    seen = f"None of {number(measures.account.records, 'record')} is of a connection to port {port}"
    text = (
        f"{seen}, with which RPC begins: either nobody used RPC meanwhile, or the sensor does not see or does not "
        f"log it."
    )
    if measures.facts["calls"]:
        calls = number(measures.facts["calls"], "decoded RPC call")
        text = f"{seen}; {calls} show RPC all the same, but not which port was asked for."
        return Answer("limited", text, f"no connection to port {port}")
    return Answer("bad", text, f"no connection to port {port}")


def _endpoints(measures: Measures) -> Answer | None:
    flows, rule = measures.flows, measures.rule
    low, high = rule["dynamic_low"], rule["dynamic_high"]
    if not measures.account.records and not flows["flows"]:
        return None
    if flows["to_dynamic"]:
        return Answer("good", f"{number(flows['to_dynamic'], 'record')} of connections to ports {low}-{high}.")
    text = (
        f"None of {number(measures.account.records, 'record')} is of a connection to a port from {low} to {high}, "
        f"where RPC services listen."
    )
    return Answer("bad", text, "no connection to a dynamic port")


def _activities(measures: Measures) -> Answer | None:
    if measures.activities is None or not measures.flows["to_mapper"] or not measures.flows["to_dynamic"]:
        return None
    if measures.activities:
        return Answer(
            "good", f"{number(measures.activities, 'RPC connection')} found by the rule (`rpcsight run rpc-activity`)."
        )
    text = (
        f"There are connections to port {measures.rule['mapper_port']} and to dynamic ports, but between no two "
        f"hosts does one to a dynamic port follow within {measures.rule['window_us'] / 1_000_000:g} s."
    )
    return Answer("unknown", text)


def _span(measures: Measures) -> Answer | None:
    account = measures.account
    if not account.first_time or not account.last_time:
        return None
    lasted = duration(measures.span_s)
    text = f"From {account.first_time:%Y-%m-%d %H:%M:%S} to {account.last_time:%Y-%m-%d %H:%M:%S} UTC: {lasted}"
    if measures.span_s < FEWEST_SECONDS:
        return Answer("limited", f"{text}; whatever lies before or after is not seen.", f"it covers {lasted} only")
    if measures.span_s < HOUR_S:
        return Answer("good", f"{text}: enough to find RPC, too short to know what is usual here.")
    return Answer("good", f"{text}.")


def _gaps(measures: Measures) -> Answer | None:
    gap = measures.gap
    if gap is None or gap.minutes < LONG_GAP_MINUTES:
        return None
    times = f"{gap.from_time:%Y-%m-%d %H:%M} to {gap.until_time:%Y-%m-%d %H:%M} UTC"
    text = (
        f"No connection to these ports began from {times} ({duration(gap.minutes * 60)}): nothing happened, or "
        f"nothing was recorded."
    )
    return Answer("unknown", text)


def duration(seconds: float) -> str:
    """A length of time in words: its two largest units."""
    units = (("day", 86400), ("h", 3600), ("min", 60))
    rest = round(seconds)
    parts: list[str] = []
    for name, size in units:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{number(count, name)}" if name == "day" else f"{count} {name}")
    parts.append(f"{rest} s")
    return " ".join(part for part in parts[:2] if not part.startswith("0 ") or len(parts) == 1)


QUESTIONS = (
    Question(
        "flows",
        "rule",
        "Flow records",
        "Whether there are any, and how many are of interest: connections to the endpoint mapper (port 135) and to "
        "the dynamic ports.",
        _flows,
        advice.FLOWS,
    ),
    Question(
        "skipped",
        "rule",
        "Usable records",
        "Records without a time, an address or a port, and lines that are cut or broken, are counted and left out. "
        "Up to 1 % is good, more than half is bad.",
        _skipped,
        {
            "csv": "If columns or times are read wrongly, name them: --map start_time=COLUMN:epoch_ms",
            "parquet": "If columns or times are read wrongly, name them: --map start_time=COLUMN:epoch_ms",
            "": "Look at the lines that are named as left out; export the file anew if it is cut.",
        },
    ),
    Question(
        "mapper",
        "rule",
        "Connections to port 135",
        "A client that wants an RPC service first asks the endpoint mapper on port 135 for its port. Without "
        "records of these connections the rule has nothing to begin with.",
        _mapper,
        advice.SENSOR,
    ),
    Question(
        "endpoints",
        "rule",
        "Connections to dynamic ports",
        "The mapper answers with the port of the service, one of the server's dynamic range. The connection to it "
        "is what the rule finds.",
        _endpoints,
        {
            **{name: text for name, text in advice.SENSOR.items() if name},
            "": "If the servers use another range (`netsh int ipv4 show dynamicport tcp` on a server shows it): "
            "--dynamic-ports 1025-5000",
        },
    ),
    Question(
        "activities",
        "rule",
        "What the rule finds",
        "How many connections to RPC services the robust rule finds. None, although both kinds of connections are "
        "there, can mean that times are wrong, or that the two are recorded by different sensors.",
        _activities,
        {"": "Try a longer window (--window 10s), and name all sensors' logs of the same time together."},
    ),
    Question(
        "span",
        "rule",
        "Time covered",
        "From the first to the last connection of interest. Less than a minute is limited: the connection to the "
        "mapper and the one after it may be in different files. Who usually talks to whom shows over days.",
        _span,
        {"": "Name more of the log: a folder with a day or more of it."},
    ),
    Question(
        "gaps",
        "rule",
        "Gaps in time",
        "Told where for an hour or longer no connection of interest began: at night in a small network that is "
        "usual, else a sensor was off or a file is missing.",
        _gaps,
        {"": "Look whether a file of that time is missing, and whether the sensor was up."},
    ),
)

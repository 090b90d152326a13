"""SiLK's rwcut: bar-delimited text with its titles line, any fields in any order, any of its time formats.

A record is one direction of a connection. Times are UTC unless SiLK was built, or rwcut told, to print local time. Source:
rwcut(1) of SiLK 3 (titles, `--timestamp-format`, `--epoch-time`, `--integer-tcp-flags`, `--delimited`, `--ip-format`); titles cut to
their column's width (`initialF`, `sen`, `dur`) and `+msec` are what its versions print.
"""

import re
from collections.abc import Mapping, Sequence

from rpcsight.engines import Scan
from rpcsight.engines.text import identifier
from rpcsight.errors import SchemaError
from rpcsight.readers import NoFlows
from rpcsight.readers._delimited import column_names, first_record, flag_letters, need
from rpcsight.readers._inputs import HEAD_BYTES, Input
from rpcsight.readers._names import address, end_after, port, protocol

NAME = "silk"
ABOUT = "SiLK's rwcut with its titles line: any fields and order, any time format"
IS_GENERIC = False

DELIMITERS = "|,;\t"
TITLES: Mapping[str, tuple[str, ...]] = {
    "sIP": ("sIP",),
    "dIP": ("dIP",),
    "sPort": ("sPort",),
    "dPort": ("dPort",),
    "sTime": ("sTime", "sTime+msec"),
    "eTime": ("eTime", "eTime+msec"),
    "duration": ("duration", "dur", "dur+msec"),
    "protocol": ("pro", "protocol"),
    "flags": ("flags",),
    "initialFlags": ("initialF", "initialFlags"),
    "sessionFlags": ("sessionF", "sessionFlags"),
    "sensor": ("sensor", "sen"),
}
REQUIRED = ("sIP", "dIP", "sPort", "dPort", "sTime")
EPOCH = re.compile(r"\d{1,11}(\.\d{1,9})?")
YEAR_FIRST = re.compile(r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?")
MONTH_FIRST = re.compile(r"\d\d/\d\d/\d{4}[T ]\d\d:\d\d:\d\d(\.\d{1,9})?")
TIME_HINT = "--timestamp-format=default, iso, m/d/y or epoch"


def why_not(item: Input) -> str | None:
    """None for text whose first line has the titles of both addresses."""
    return None if _delimiter(item.lines()) else "no titles line with sIP and dIP"


def scan(item: Input, mapping: Mapping[str, str]) -> Scan:
    """A csv scan of one-way halves.

    Args:
        item: rwcut's output.
        mapping: not used; rwcut's titles are known.

    Raises:
        NoFlows: there are titles only.
        SchemaError: a field that the analytics need was not printed, or in a form that can't be read.
        InputError: two columns have the same title.
    """
    del mapping
    lines = item.lines()
    delimiter = _delimiter(lines)
    columns = column_names(item.source, lines[0].split(delimiter))
    title = {name: found for name, titles in TITLES.items() if (found := next((t for t in titles if t in columns), ""))}
    need(item.source, "rwcut's output", {name: TITLES[name] for name in REQUIRED}, columns)
    sample = first_record(lines[1:], columns, delimiter)
    if not sample and len(item.head) < HEAD_BYTES:
        raise NoFlows("rwcut's titles without records")
    kinds = dict.fromkeys(columns, "VARCHAR") | {title["sPort"]: "USMALLINT", title["dPort"]: "USMALLINT"}
    return Scan(
        reader=NAME,
        form="csv",
        paths=(str(item.path),),
        observer=item.observer,
        columns=kinds,
        fields=_values(item, title, kinds, sample),
        source=item.source if item.is_spooled else "",
        gives="half",
        compression=item.compression,
        delimiter=delimiter,
        null_texts=("",),
        header_mark=lines[0],
    )


def _delimiter(lines: Sequence[str]) -> str:
    """What stands between the titles; empty where the first line has none of SiLK's."""
    for delimiter in DELIMITERS:
        if lines and {"sIP", "dIP"} <= {title.strip() for title in lines[0].split(delimiter)}:
            return delimiter
    return ""


def _values(
    item: Input, title: Mapping[str, str], kinds: Mapping[str, str], sample: Mapping[str, str]
) -> dict[str, str]:
    """SQL for each column of `half`."""
    for name in ("sIP", "dIP"):
        if (seen := sample.get(title[name], "")) and not re.search(r"[.:]", seen):
            raise SchemaError(item.source, f"{name} is {seen!r}, no address", "print it with --ip-format=canonical")
    start = _time(item, title["sTime"], sample)
    fields = {
        "start_us": start,
        "src_ip": _address(title["sIP"], sample),
        "dest_ip": _address(title["dIP"], sample),
        "src_port": port(title["sPort"], kinds),
        "dest_port": port(title["dPort"], kinds),
    }
    if "eTime" in title:
        fields["end_us"] = _time(item, title["eTime"], sample)
    elif "duration" in title:
        fields["end_us"] = end_after(start, f"try_cast(trim({identifier(title['duration'])}) as double)")
    if "protocol" in title:
        fields["transport_protocol"] = protocol(identifier(title["protocol"]))
    if "sensor" in title:
        fields["observer"] = f"nullif(trim({identifier(title['sensor'])}), '')"
    if "flags" in title:
        fields["tcp_flags"] = _flags(title["flags"])
    elif {"initialFlags", "sessionFlags"} <= title.keys():
        fields["tcp_flags"] = f"concat({_flags(title['initialFlags'])}, {_flags(title['sessionFlags'])})"
    return fields


def _time(item: Input, column: str, sample: Mapping[str, str]) -> str:
    text = f"trim({identifier(column)})"
    seen = sample.get(column, "")
    if not seen or YEAR_FIRST.fullmatch(seen):
        return f"epoch_us(try_cast(replace({text}, '/', '-') as timestamptz))"
    if EPOCH.fullmatch(seen):
        return f"try_cast(round(try_cast({text} as double) * 1000000) as bigint)"
    if MONTH_FIRST.fullmatch(seen):
        day = f"concat(substr({text}, 7, 4), '-', substr({text}, 1, 2), '-', substr({text}, 4, 2), substr({text}, 11))"
        return f"epoch_us(try_cast({day} as timestamptz))"
    raise SchemaError(item.source, f"{column} is {seen[:40]!r}, in none of rwcut's time formats", TIME_HINT)


def _address(column: str, sample: Mapping[str, str]) -> str:
    """The address; IPv4 without the zeros of --zero-pad-ips where the first one has them."""
    if re.search(r"(^|\.)0\d", sample.get(column, "")):
        text = f"trim({identifier(column)})"
        dots = ", '.', "
        parts = [f"cast(try_cast(split_part({text}, '.', {place}) as integer) as varchar)" for place in (1, 2, 3, 4)]
        return f"case when {text} like '%.%.%.%' then concat({dots.join(parts)}) else lower({text}) end"
    return address(identifier(column))


def _flags(column: str) -> str:
    """`FS PA   `, or a number; neither is there for other protocols."""
    text = f"nullif(replace({identifier(column)}, ' ', ''), '')"
    number = f"try_cast({text} as integer)"
    return f"case when {number} is not null then concat({', '.join(flag_letters(number))}) else {text} end"

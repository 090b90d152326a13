"""Argus: what `ra -c ,` prints with its titles, such as the `.binetflow` files of the CTU-13 data set.

A record is a connection in both directions, or a part of one where argus reports long ones at intervals. Source: ra(1) of argus-client
3.0 (fields, their titles, the marks of Dir, what State can be). Times are local to ra unless it runs with TZ=UTC or -u.
"""

import re
from collections.abc import Mapping, Sequence

from rpcsight.engines import Scan
from rpcsight.engines.text import identifier
from rpcsight.errors import SchemaError
from rpcsight.readers import NoFlows
from rpcsight.readers._delimited import column_names, first_record, need
from rpcsight.readers._inputs import HEAD_BYTES, Input
from rpcsight.readers._names import address, end_after, protocol

NAME = "argus"
ABOUT = "Argus: ra -c , with titles (binetflow), any fields and order that tell time, addresses, ports"
IS_GENERIC = False

DELIMITERS = ",;\t|"
MARKS = {"SrcAddr", "DstAddr"}
OTHERS = {"Dir", "Sport", "Dport"}
REQUIRED = ("StartTime", "SrcAddr", "Sport", "DstAddr", "Dport")
EPOCH = re.compile(r"\d{1,11}(\.\d{1,9})?")
DATED = re.compile(r"\d{4}[-/]\d\d[-/]\d\d[T. ]\d\d:\d\d:\d\d.*")
SERVICES = {"epmap": 135, "loc-srv": 135}
"""Names of the mapper's port in lists of services, which ra prints without -n."""
DIGITS = "'0123456789abcdef'"
TALKED = ("CON", "EST", "FIN", "CLO")
LOCAL = (
    "Argus: times without a zone are taken as UTC; ra prints local time unless it runs with TZ=UTC, or -u for numbers"
)


def why_not(item: Input) -> str | None:
    """None for text whose first line has the titles of both addresses and of something else that Argus names so."""
    return None if _delimiter(item.lines()) else "no titles line with Argus's SrcAddr, DstAddr and Sport, Dport or Dir"


def scan(item: Input, mapping: Mapping[str, str]) -> Scan:
    """A csv scan.

    Args:
        item: ra's output.
        mapping: not used; Argus's titles are known.

    Raises:
        NoFlows: there are titles only.
        SchemaError: a field that the analytics need was not printed, or times have no date.
        InputError: two columns have the same title.
    """
    del mapping
    lines = item.lines()
    first = lines[0].removeprefix("\ufeff")
    delimiter = _delimiter(lines)
    columns = column_names(item.source, first.split(delimiter))
    need(item.source, "Argus flows", {name: (name,) for name in REQUIRED}, columns)
    sample = first_record(lines[1:], columns, delimiter)
    if not sample and len(item.head) < HEAD_BYTES:
        raise NoFlows("Argus titles without records")
    kinds = dict.fromkeys(columns, "VARCHAR")
    if "Dur" in kinds:
        kinds["Dur"] = "DOUBLE"
    start = _time(item, sample.get("StartTime", ""))
    return Scan(
        reader=NAME,
        form="csv",
        paths=(str(item.path),),
        observer=item.observer,
        columns=kinds,
        fields=_values(columns, start),
        source=item.source if item.is_spooled else "",
        compression=item.compression,
        delimiter=delimiter,
        skip_lines=0 if "Dur" in kinds else 1,  # the titles are no number, and so no record, wherever they stand
        null_texts=("",),
        header_mark=first if "Dur" in kinds else "",
        notes=() if "* 1000000)" in start else (LOCAL,),
    )


def _delimiter(lines: Sequence[str]) -> str:
    for delimiter in DELIMITERS:
        titles = {title.strip() for title in lines[0].removeprefix("\ufeff").split(delimiter)} if lines else set[str]()
        if titles >= MARKS and titles & OTHERS:
            return delimiter
    return ""


def _time(item: Input, seen: str) -> str:
    """SQL for the time, by what one of its values looks like."""
    text = 'trim("StartTime")'
    if EPOCH.fullmatch(seen):
        return f"try_cast(round(try_cast({text} as double) * 1000000) as bigint)"
    if seen and not DATED.fullmatch(seen):
        raise SchemaError(item.source, f"StartTime is {seen[:40]!r}, without a date", "print it with ra -u")
    day = f"replace(substr({text}, 1, 10), '/', '-')"
    return f"epoch_us(try_cast(concat({day}, ' ', substr({text}, 12)) as timestamptz))"


def _values(columns: Sequence[str], start: str) -> dict[str, str]:
    """SQL for each column of `record`."""
    fields = {
        "start_us": start,
        "src_ip": address(identifier("SrcAddr")),
        "src_port": _port("Sport", columns),
        "dest_ip": address(identifier("DstAddr")),
        "dest_port": _port("Dport", columns),
    }
    if "Dur" in columns:
        fields["end_us"] = end_after(start, '"Dur"')
    if "Proto" in columns:
        fields["transport_protocol"] = protocol(identifier("Proto"))
    if "State" in columns:
        fields |= _state(columns)
    if "Dir" in columns:
        fields |= _turned(fields)
    return fields


def _port(column: str, columns: Sequence[str]) -> str:
    """Decimal, hexadecimal (0x0087), or the name of the mapper's service; of tcp and udp only: others have types and codes there."""
    text = f"lower(trim({identifier(column)}))"
    digits = f"lpad(substr({text}, 3), 4, '0')"
    places = [f"(strpos({DIGITS}, substr({digits}, {place}, 1)) - 1) * {16 ** (4 - place)}" for place in (1, 2, 3, 4)]
    names = " ".join(f"when {text} = '{name}' then {number}" for name, number in SERVICES.items())
    value = f"case when {text} like '0x_%' and length({text}) <= 6 then {' + '.join(places)} {names} else try_cast({text} as integer) end"
    if "Proto" not in columns:
        return value
    return f"case when lower(trim(\"Proto\")) in ('tcp', 'udp') then {value} end"


def _state(columns: Sequence[str]) -> dict[str, str]:
    """What State says: flags of both sides (`FSPA_FSA`), or a word."""
    state = 'upper(trim("State"))'
    near, far = (f"split_part({state}, '_', {place})" for place in (1, 2))
    is_tcp = "lower(trim(\"Proto\")) = 'tcp'" if "Proto" in columns else "true"
    is_flags = f"strpos({state}, '_') > 0"
    talked = f"({near} like '%A%' and ({far} like '%A%' or {far} like '%S%'))"
    heard = f"({far} like '%A%' and ({far} like '%P%' or {far} like '%F%'))"
    words = ", ".join(f"'{word}'" for word in TALKED)
    return {
        "is_established": f"case when not {is_tcp} then null when {is_flags} then {talked} or {heard} "
        f"when {state} in ({words}) then true when {state} = 'REQ' then false end",
        "set_aside": f"case when {is_tcp} and {is_flags} and strpos({state}, 'S') = 0 and {state} <> '_' "
        "then 'continuation of a connection that started before' end",
    }


def _turned(fields: Mapping[str, str]) -> dict[str, str]:
    """`->` is as written, `<-` the other way round; a question mark says that argus did not see who began."""
    mark = 'trim("Dir")'
    is_back = f"coalesce({mark} like '<%' and {mark} not like '%>' and strpos({mark}, '?') = 0, false)"
    turned = {"is_oriented": f"coalesce(strpos({mark}, '?') = 0, true)"}
    for one, other in (("src_ip", "dest_ip"), ("src_port", "dest_port")):
        turned[one] = f"case when {is_back} then {fields[other]} else {fields[one]} end"
        turned[other] = f"case when {is_back} then {fields[one]} else {fields[other]} end"
    return turned

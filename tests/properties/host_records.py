"""Random connections with what observers and the computers' own logs have of them: calls, host connections, processes, services, tasks."""

from hypothesis import strategies as st

from tests.properties.records import COLUMNS, HOSTS, START_US, Row, record

NAMES = {"10.0.0.1": "WS1", "10.0.0.2": "ws2", "10.0.0.3": "WS3.lab", "10.0.0.4": "WS4"}
SECOND_US = 1_000_000
REM_UNKNOWN = "00000143-0000-0000-c000-000000000046"
STEPS_US = (0, 0, 1, 500_000, 999_999, 1_000_000, 1_000_001, 1_999_999, 2_000_000, 2_000_001, -1, -500_000, -1_000_000)
LATE_US = (19_999_999, 20_000_000, 20_000_001, 59_000_000, 60_000_000, 60_000_001, 3_599_000_000, 30_000_000)
PATHS = ("C:\\Windows\\System32\\{}", "\\device\\harddiskvolume2\\windows\\system32\\{}")
CHILDREN = ("C:\\Windows\\System32\\cmd.exe", "C:\\Windows\\System32\\net.exe")
PARENTS = {
    "services.exe": 704,
    "svchost.exe": 900,
    "WmiPrvSE.exe": 3460,
    "explorer.exe": 5000,
    "mmc.exe": 6000,
    "mshta.exe": 4400,
}
DETAILS = ("cmd.exe /c x", "<Exec><Command>a &amp; b</Command><Arguments>/c &lt;x&gt;</Arguments></Exec>", "x" * 201)
GUIDED = (None, None, "g")
"""Where Sysmon's ids are known: not, or with this letter."""


def steps() -> st.SearchStrategy[int]:
    """Distances in time, at and around the edges of the windows."""
    return st.sampled_from((*STEPS_US, *STEPS_US, *LATE_US))


def _clock(time_us: int, *, is_coarse: bool) -> int:
    return time_us // SECOND_US * SECOND_US if is_coarse else time_us


def _path(draw: st.DrawFn, name: str) -> str:
    return draw(st.sampled_from(PATHS)).format(draw(st.sampled_from((name, name.lower()))))


@st.composite
def scenes(
    draw: st.DrawFn, programs: tuple[str, ...], starters: tuple[str, ...], operations: tuple[tuple[str, int], ...]
) -> dict[str, list[Row]]:
    """A few connections to servers, with calls on them, as the server's log and an observer have them, and what was started there."""
    made: dict[str, list[Row]] = {
        name: [] for name in ("rpc_call", "rpc_bind", "host_flow", "process", "host_event", "flow")
    }
    skew_us = draw(st.sampled_from((0, 0, 0, 30_000_000, -2_000_001)))
    is_coarse = draw(st.sampled_from((False, False, False, True)))
    is_called = draw(st.sampled_from((True, True, False)))
    for number in range(draw(st.integers(1, 4))):
        contact(draw, made, number, programs, operations if is_called else (), skew_us, is_coarse=is_coarse)
    apart = draw(st.sampled_from((STEPS_US, STEPS_US, (*STEPS_US, *STEPS_US, *LATE_US))))
    flows = made["host_flow"] or [_flow(START_US, "ws2", ("10.0.0.2", 50998, "10.0.0.9", 389))]
    for _ in range(draw(st.integers(1, 4))):
        flow = draw(st.sampled_from(flows))
        process(draw, made, flow, _clock(flow["time_us"] + draw(st.sampled_from(apart)), is_coarse=is_coarse), starters)
    for _ in range(draw(st.integers(0, 3))):
        flow = draw(st.sampled_from(flows))
        event(draw, made, flow, _clock(flow["time_us"] + draw(st.sampled_from(apart)), is_coarse=is_coarse))
    if draw(st.booleans()):
        address = draw(st.sampled_from(HOSTS))
        made["host_flow"].append(_flow(START_US - 60_000_000, NAMES[address], (address, 50999, "10.0.0.9", 389)))
    return made


def contact(
    draw: st.DrawFn,
    made: dict[str, list[Row]],
    number: int,
    programs: tuple[str, ...],
    operations: tuple[tuple[str, int], ...],
    skew_us: int,
    *,
    is_coarse: bool,
) -> None:
    """One connection."""
    client, server = draw(
        st.sampled_from((("10.0.0.1", "10.0.0.2"),) * 3 + (("10.0.0.3", "10.0.0.2"), ("10.0.0.2", "10.0.0.3")))
    )
    if draw(st.integers(0, 9)) == 9:
        client = draw(st.sampled_from((server, "127.0.0.1", "::1")))
        server = client if client.startswith(("127", "::")) else server
    port = draw(st.sampled_from((49672, 49672, 49672, 49152, 49151, 135)))
    ends = (client, draw(st.sampled_from((50000, 50000, 49151))) + number, server, port)
    start_us = START_US + draw(steps()) + draw(steps())
    host = NAMES.get(server, "ws2")
    if draw(st.integers(0, 4)):
        name = draw(st.sampled_from(programs))
        row = _flow(_clock(start_us + skew_us, is_coarse=is_coarse), host, ends)
        row |= {"is_outbound": False, "image_path": _path(draw, name)}
        guid = draw(st.sampled_from(GUIDED))
        row |= {
            "pid": draw(st.sampled_from((PARENTS[name], PARENTS[name], None))),
            "process_guid": guid and guid + name,
        }
        row |= draw(st.sampled_from(({}, {}, {}, {"is_outbound": True}, {"transport_protocol": "udp"})))
        made["host_flow"].append(row)
        if row["pid"] is not None and not draw(st.integers(0, 4)):  # the Security log has it, too
            whole_us = row["time_us"] // SECOND_US * SECOND_US
            made["host_flow"].append(row | {"time_us": whole_us, "process_guid": None})
    for _ in range(draw(st.integers(0, 3)) if operations else 0):
        interface, opnum = draw(st.sampled_from(operations))
        observer = draw(st.sampled_from(("sensor", "sensor", "other")))
        cells: Row = dict(zip(("src_ip", "src_port", "dest_ip", "dest_port"), ends, strict=True))
        time_us = start_us + draw(st.sampled_from((0, 1, 100_000, 1_000_000)))
        call = record(
            "rpc_call",
            **cells,
            time_us=time_us,
            flow_us=draw(st.sampled_from((start_us, start_us, None))),
            transport_protocol=draw(st.sampled_from(("tcp", "tcp", "tcp", "smb", None))),
            is_callback=draw(st.sampled_from((False, False, False, False, True))),
            interface=interface,
            opnum=opnum,
            user_name=draw(st.sampled_from((None, "LAB\\amy"))),
            flow_id=draw(st.sampled_from((None, "C1"))),
            observer=observer,
            source=f"{observer}.pcap",
        )
        if interface != REM_UNKNOWN or draw(st.integers(0, 2)):
            named = {"interface": None, "opnum": None, "interface_name": "iRemUnknown2", "operation": "RemAddRef"}
            made["rpc_call"].append(call | (named if interface == REM_UNKNOWN and draw(st.booleans()) else {}))
        else:
            shared = {column.name: call[column.name] for column in COLUMNS["rpc_bind"] if column.name in call}
            made["rpc_bind"].append(record("rpc_bind", **shared))


def _flow(time_us: int, host: str, ends: tuple[str, int, str, int]) -> Row:
    """A connection that a computer opened, as its log has it."""
    cells: Row = dict(zip(("src_ip", "src_port", "dest_ip", "dest_port"), ends, strict=True))
    return record(
        "host_flow",
        **cells,
        time_us=time_us,
        host=host,
        is_outbound=True,
        transport_protocol="tcp",
        observer=host,
        source="events.evtx",
    )


def process(draw: st.DrawFn, made: dict[str, list[Row]], flow: Row, time_us: int, starters: tuple[str, ...]) -> None:
    """One process, mostly started by what accepted a connection; perhaps in Sysmon's log and in the Security log."""
    starter = draw(st.sampled_from(starters))
    own = [name for name in starters if name.lower() in (flow["image_path"] or "").lower()]
    if own and draw(st.integers(0, 3)):
        starter = own[0]
    guid = draw(st.sampled_from((*GUIDED, (flow["process_guid"] or "")[:1] or None)))
    is_named = guid is not None or bool(draw(st.integers(0, 7)))
    is_embedded = starter == "mmc.exe" and draw(st.booleans())
    number = draw(st.sampled_from((PARENTS["mmc.exe"], 9001) if is_embedded else (9001, 9002, flow["pid"] or 704)))
    row = record(
        "process",
        time_us=time_us,
        host=draw(st.sampled_from((flow["host"], flow["host"], flow["host"].upper(), "WS2"))),
        pid=number,
        process_guid=guid and (f"{guid}{starter}" if is_embedded else f"{guid}{number}"),
        image_path=draw(st.sampled_from(CHILDREN)) if not is_embedded else _path(draw, starter),
        command_line="C:\\a.exe -EMBEDDING"
        if is_embedded
        else draw(st.sampled_from((None, "cmd.exe /c x", "net use"))),
        parent_pid=draw(st.sampled_from((PARENTS[starter], PARENTS[starter], PARENTS[starter], 1, None))),
        parent_guid=guid and guid + starter,
        parent_image_path=_path(draw, starter) if is_named else None,
        user_name=draw(st.sampled_from((None, "LAB\\bob"))),
        observer="ws2",
        source="events.evtx",
    )
    made["process"].append(row)
    if draw(st.integers(0, 4)) == 4:
        again_us = time_us // SECOND_US * SECOND_US + draw(st.sampled_from((0, 10_000_000, 11_000_000)))
        again = {"process_guid": None, "parent_guid": None, "time_us": again_us, "source": "security.evtx"}
        made["process"].append(row | again | draw(st.sampled_from(({}, {"pid": None}, {"pid": 9009}))))


def event(draw: st.DrawFn, made: dict[str, list[Row]], flow: Row, time_us: int) -> None:
    """A service installed, or a task registered."""
    action = draw(st.sampled_from(("service", "service", "task", "task", "logon")))
    guid = draw(st.sampled_from(GUIDED))
    made["host_event"].append(
        record(
            "host_event",
            time_us=time_us,
            host=draw(st.sampled_from((flow["host"], flow["host"], flow["host"].upper(), "WS2"))),
            action=action,
            name=draw(st.sampled_from(("\\Updater", "\\Cleaner", None, ""))),
            detail=draw(st.sampled_from((None, *DETAILS))),
            user_name=draw(st.sampled_from((None, "LAB\\bob"))),
            pid=draw(st.sampled_from((900, None, 901))),
            process_guid=guid and f"{guid}svchost.exe",
            image_path=draw(st.sampled_from((None, "C:\\Windows\\System32\\svchost.exe"))),
            observer="ws2",
            source="events.evtx",
        )
    )


VISIT_US = (0, 0, 1, 100_000, 1_999_999, 2_000_000, 2_000_001, 60_000_000, 60_000_001)
COPIES_US = (0, 0, 1_000, -1_000, 10_000_000, 10_000_001)
PIPES = {
    "service": ("\\\\*\\IPC$\\svcctl", "//*/ipc$/SvcCtl"),
    "task": ("\\\\*\\IPC$\\atsvc", "\\\\*\\ipc$\\ATSVC"),
    "": ("\\\\*\\IPC$\\srvsvc", None),
}
CLIENTS = ("10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.3", "10.0.0.2", "fd00::9", "127.0.0.1", "::1", "fe80::9", None)
LOGONS = ("0x51", "0x51", "0x51", "0x52", "0x3e7", None)


@st.composite
def visits(draw: st.DrawFn, action: str, operations: tuple[tuple[str, int], ...]) -> dict[str, list[Row]]:
    """Logons, pipes opened, services and tasks made on a server, as its log has them; perhaps calls that did it."""
    made: dict[str, list[Row]] = {name: [] for name in ("rpc_call", "host_flow", "host_event")}
    is_coarse = draw(st.sampled_from((False, False, False, True)))
    start_us = START_US + draw(st.sampled_from((0, 1_800_000_000, 3_599_000_000)))
    for _ in range(draw(st.integers(1, 3))):
        client, logon_id = draw(st.sampled_from(CLIENTS)), draw(st.sampled_from(LOGONS))
        names = {"observer": "ws2", "source": draw(st.sampled_from(("events.evtx", "more.evtx")))}
        at_us = start_us + draw(st.sampled_from(VISIT_US))
        if draw(st.integers(0, 3)):
            made["host_event"].append(
                record("host_event", **_visitor(draw, action), **names, time_us=at_us, src_ip=client, logon_id=logon_id)
            )
        at_us += draw(st.sampled_from(VISIT_US)) - draw(st.sampled_from((0, 0, 0, 1_000)))
        row = record(
            "host_event",
            **names,
            **_made(draw),
            time_us=at_us,
            host=draw(st.sampled_from(("ws2", "ws2", "WS2", "WS3.lab"))),
            action=draw(st.sampled_from((action, action, action, action, "service", "task"))),
            logon_id=draw(st.sampled_from((logon_id, "0X51", None, None))),
        )
        made["host_event"].append(row)
        for _ in range(draw(st.integers(0, 2))):
            again = {"logon_id": None, "time_us": at_us + draw(st.sampled_from(COPIES_US))}
            made["host_event"].append(row | again | draw(st.sampled_from(({}, _made(draw)))))
    for row in made["host_event"]:
        row["time_us"] = _clock(row["time_us"], is_coarse=is_coarse)
    for address in draw(st.lists(st.sampled_from((*HOSTS[:3], "10.0.0.2", "fd00::2")), max_size=2)):
        made["host_flow"].append(_flow(START_US, NAMES.get(address, "ws2"), (address, 50999, "10.0.0.9", 389)))
    for _ in range(draw(st.integers(0, 2))):
        cells = {"src_ip": draw(st.sampled_from(CLIENTS)), "dest_ip": "10.0.0.2", "is_callback": False}
        interface, opnum = draw(st.sampled_from(operations))
        cells |= {"interface": interface, "opnum": opnum, "transport_protocol": draw(st.sampled_from(("smb", "tcp")))}
        cells |= {"pipe": draw(st.sampled_from(("svcctl", None))), "observer": "sensor", "source": "one.pcap"}
        made["rpc_call"].append(record("rpc_call", **cells, time_us=start_us + draw(st.sampled_from(VISIT_US))))
    return made


def _visitor(draw: st.DrawFn, made: str) -> Row:
    """What else an event of a logon, or of a share opened, says."""
    action = draw(st.sampled_from(("logon", "share", "share")))
    return {
        "host": draw(st.sampled_from(("ws2", "ws2", "ws2", "WS2", "WS3.lab"))),
        "action": action,
        "name": draw(st.sampled_from(PIPES[draw(st.sampled_from((made, made, made, *PIPES)))]))
        if action == "share"
        else None,
        "detail": draw(st.sampled_from(("3", "3", "10", None))) if action == "logon" else "0x12019f",
        "user_name": draw(st.sampled_from((None, "LAB\\amy", "LAB\\zoe"))),
    }


def _made(draw: st.DrawFn) -> Row:
    """What of a service or task an event says."""
    return {
        "name": draw(st.sampled_from(("\\Updater", "\\Updater", "\\Cleaner", None, ""))),
        "detail": draw(st.sampled_from((None, *DETAILS))),
        "user_name": draw(st.sampled_from((None, "LAB\\bob"))),
        "image_path": draw(st.sampled_from((None, None, "C:\\Windows\\System32\\svchost.exe"))),
    }

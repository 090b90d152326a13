"""SMB in public captures: what `SmbConnection` reads must be what tshark reads."""

import csv
import functools
import subprocess
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

from rpcsight.wire import Facts, FileEvent
from rpcsight.wire.smb.connection import SmbConnection
from tests import system
from tests.wire.slow_tcp import connections

PORTS = frozenset({445, 139})
OTRF, OISF, ZEEK = "OTRF+Security-Datasets", "OISF+suricata-verify", "zeek+zeek"
LAB = "../../lab/recording/lab.pcap"  # Samba, with clients of Samba and impacket
CAPTURES = [
    f"{OISF}/dcerpc-smb-test-01__input.pcap",
    f"{OISF}/dcerpc__dcerpc-ctxids__input.pcap",
    f"{OISF}/smb2-06__20171220_smb_net_user.pcap",
    f"{OTRF}/apt29_day2_NEWYORK.cap",
    f"{OTRF}/apt29_day2_SCRANTON.cap",
    f"{OTRF}/apt29_day2_UTICA-A.cap",
    f"{OTRF}/apt29_day2_UTICA-C.cap",
    f"{OTRF}/covenant_copy_smb_CreateRequest_2020-09-22145302.cap",
    f"{OTRF}/covenant_dcsync_dcerpc_drsuapi_DsGetNCChanges_2020-08-05020926.cap",
    f"{OTRF}/covenant_getdomaingroup_ldap_searchrequest_domain_admins_2020-09-22141005.cap",
    f"{OTRF}/covenant_psremoting_command_2020-08-06115603.cap",
    f"{OTRF}/covenant_sc_query_dcerpc_smb_svcctl_2020-08-05034820.cap",
    f"{OTRF}/covenant_sharpsc_create_dcerpc_smb_svcctl_2020-08-06022635.cap",
    f"{OTRF}/covenant_sharpsc_query_dcerpc_smb_svcctl_2020-08-06012009.cap",
    f"{OTRF}/covenant_sharpwmi_create_dcerpc_wmi_2020-08-06035621.cap",
    f"{OTRF}/empire_find_localadmin_smb_svcctl_OpenSCManager_2020-09-22021559.cap",
    f"{OTRF}/empire_getsession_dcerpc_smb_srvsvc_NetSessEnum_2020-09-22034513.cap",
    f"{OTRF}/empire_msbuild_dcerpc_wmi_smb_WORKSTATION5_2020-09-20173857.cap",
    f"{OTRF}/empire_msbuild_dcerpc_wmi_smb_WORKSTATION6_2020-09-20173857.cap",
    f"{OTRF}/empire_powerview_ldap_ntsecuritydescriptor_2020-09-21130944.cap",
    f"{OTRF}/empire_psexec_dcerpc_tcp_svcctl_WORKSTATION5_2020-09-20121608.cap",
    f"{OTRF}/empire_shell_dcerpc_smb_service_dll_hijack_2020-09-21232839.cap",
    f"{OTRF}/empire_shell_rpc_samr_smb_group_domain_admins_standard_user_2020-09-21040850.cap",
    f"{OTRF}/empire_shell_samr_EnumDomainUsers_2020-09-21193527.cap",
    f"{ZEEK}/20-fids.pcap",
    f"{ZEEK}/20171220_smb_at_schedule.pcap",
    f"{ZEEK}/mapi.pcap",
    f"{ZEEK}/smb3.pcap",
    LAB,
]
MIDWAY = "at_schedule.pcap"
"""Begins after its tree connect; it opens nothing but a pipe."""


class Pdu(NamedTuple):
    """The header of a DCE/RPC PDU: which frame completed it, its direction, its type, its operation if it is a request."""

    frame: int
    is_to_server: bool
    kind: int
    opnum: int | None


@dataclass
class Pipe:
    """A stream that cuts a pipe's bytes into PDUs."""

    clock: list[int]
    name: str
    user: str
    pdus: list[Pdu] = field(default_factory=list)
    left: dict[bool, bytes] = field(default_factory=lambda: {True: b"", False: b""})

    def feed(self, _time_us: int, is_to_server: bool, data: bytes) -> None:
        held = self.left[is_to_server] + data
        while len(held) >= 16 and held[0] == 5 and len(held) >= (size := int.from_bytes(held[8:10], "little")) >= 16:
            opnum = int.from_bytes(held[22:24], "little") if held[2] == 0 else None
            self.pdus.append(Pdu(self.clock[0], is_to_server, held[2], opnum))
            held = held[size:]
        self.left[is_to_server] = held if held[:1] == b"\5" else b""

    def gap(self, is_to_server: bool) -> None:
        self.left[is_to_server] = b""

    def close(self) -> None:
        pass


class Read(NamedTuple):
    """What one connection gave."""

    events: list[FileEvent]
    pipes: list[Pipe]
    losses: Counter[str]


@functools.cache
def ours(capture: str) -> dict[int, Read]:
    """By the client's port; what two clients show from the same port is put together.

    Args:
        capture: its path, from the folder of the public ones.
    """
    found: dict[int, Read] = {}
    for connection in connections(system.shared_data("pcap", capture), PORTS):
        facts, pipes, clock = Facts(), [], [0]

        def associate(name: str, user: str, pipes: list[Pipe] = pipes, clock: list[int] = clock) -> Pipe:
            pipes.append(Pipe(clock, name, user))
            return pipes[-1]

        stream = SmbConnection(facts, associate)
        for piece in connection.pieces:
            clock[0] = piece.frame
            if piece.data is None:
                stream.gap(piece.is_to_server)
            else:
                stream.feed(piece.frame, piece.is_to_server, piece.data)
        stream.close()
        before = found.get(connection.client[1], Read([], [], Counter()))
        found[connection.client[1]] = Read(
            before.events + facts.events, before.pipes + pipes, before.losses + facts.losses
        )
    return found


def tshark(capture: str, keep: str, *fields: str) -> list[list[str]]:
    path: Path = system.shared_data("pcap", capture)
    columns = [part for name in fields for part in ("-e", name)]
    command = [system.require("tshark"), "-r", str(path), "-Y", keep, "-T", "fields", *columns]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return [line.split("\t") for line in shown.splitlines()]


def numbers(cell: str) -> list[int]:
    return [int(part, 0) for part in cell.split(",") if part]


@pytest.mark.parametrize("capture", CAPTURES)
def test_pipes_hold_the_pdus_tshark_finds(capture: str) -> None:
    expected: dict[int, list[tuple[int, bool, list[int], list[int]]]] = defaultdict(list)
    for frame, src, dest, kinds, opnums in tshark(
        capture,
        "dcerpc and (smb or smb2)",
        "frame.number",
        "tcp.srcport",
        "tcp.dstport",
        "dcerpc.pkt_type",
        "dcerpc.opnum",
    ):
        is_to_server = int(dest) in PORTS
        client = int(src) if is_to_server else int(dest)
        expected[client].append((int(frame), is_to_server, numbers(kinds), numbers(opnums) if is_to_server else []))
    seen: dict[int, list[tuple[int, bool, list[int], list[int]]]] = defaultdict(list)
    for client, read in ours(capture).items():
        pdus = sorted((pdu for pipe in read.pipes for pdu in pipe.pdus), key=lambda pdu: pdu.frame)
        for frame in dict.fromkeys(pdu.frame for pdu in pdus):
            here = [pdu for pdu in pdus if pdu.frame == frame]
            kinds, opnums = [pdu.kind for pdu in here], [pdu.opnum for pdu in here if pdu.opnum is not None]
            seen[client].append((frame, here[0].is_to_server, kinds, opnums))
    assert seen == expected


@pytest.mark.parametrize("capture", CAPTURES)
def test_each_pipe_is_one_file_id(capture: str) -> None:
    """Pipes are not mixed up: all a client sends into one of ours goes, by tshark, to one file id, and the reverse."""
    if capture.endswith("mapi.pcap"):
        keep, file_id = "dcerpc and smb", "smb.fid"
    else:
        keep, file_id = "dcerpc and smb2", "smb2.fid"
    shown = tshark(capture, keep, "frame.number", "tcp.dstport", file_id)
    by_frame = {int(frame): number for frame, dest, number in shown if int(dest) in PORTS}
    for read in ours(capture).values():
        numbers_of = [{by_frame[pdu.frame] for pdu in pipe.pdus if pdu.is_to_server} for pipe in read.pipes]
        numbers_of = [found for found in numbers_of if found]
        assert {len(found) for found in numbers_of} <= {1}
        assert len(set.union(set(), *numbers_of)) == len(numbers_of)


class Message(NamedTuple):
    """One SMB2 request that the server granted, as tshark shows it."""

    frame: int
    client: int
    command: int
    tree: str
    name: str
    file_id: str


@functools.cache
def granted(capture: str) -> list[Message]:
    """Tree connects and creates; a chained message's creates and names are matched in order."""
    asked, answered = {}, {}
    for frame, stream, src, dest, commands, ids, names, tree, file_ids, statuses in tshark(
        capture,
        "smb2.cmd == 3 or smb2.cmd == 5",
        "frame.number",
        "tcp.stream",
        "tcp.srcport",
        "tcp.dstport",
        "smb2.cmd",
        "smb2.msg_id",
        "smb2.filename",
        "smb2.tree",
        "smb2.fid",
        "smb2.nt_status",
    ):
        creates = iter(zip(names.split(","), names.split(","), strict=True)) if int(dest) in PORTS else iter(())
        opened = iter(file_ids.split(","))
        for index, (command, number) in enumerate(zip(numbers(commands), numbers(ids), strict=True)):
            if int(dest) in PORTS:
                name = next(creates, ("",))[0] if command == 5 else ""
                asked[stream, number] = (int(frame), int(src), command, tree.partition(",")[0], name)
            elif command in {3, 5} and numbers(statuses)[index] == 0:
                answered[stream, number] = next(opened, "") if command == 5 else ""
    return [Message(*asked[key], answered[key]) for key in asked if key in answered]


@pytest.mark.parametrize("capture", [name for name in CAPTURES if not name.endswith("mapi.pcap")])
def test_shares_and_pipes_opened(capture: str) -> None:
    expected = {
        (message.client, message.frame, "share", message.tree, "")
        if message.command == 3
        else (message.client, message.frame, "pipe", message.tree, message.name)
        for message in granted(capture)
        if message.command == 3 or message.tree.endswith("IPC$") or (not message.tree and capture.endswith(MIDWAY))
    }
    seen = {
        (client, event.time_us, event.action, event.share, event.name)
        for client, read in ours(capture).items()
        for event in read.events
        if event.action in {"share", "pipe"}
    }
    assert seen == expected


@pytest.mark.parametrize("capture", [name for name in CAPTURES if not name.endswith("mapi.pcap")])
def test_files_written(capture: str) -> None:
    names = {message.file_id: message for message in granted(capture) if message.command == 5}
    sizes: Counter[str] = Counter()
    for file_id, size, tree in tshark(
        capture, "smb2.cmd == 9 and smb2.flags.response == 0", "smb2.fid", "smb2.write_length", "smb2.tree"
    ):
        if not tree.endswith("IPC$") and file_id in names:
            sizes[file_id] += sum(numbers(size))
    expected = {(names[key].client, names[key].tree, names[key].name, size) for key, size in sizes.items()}
    seen = {
        (client, event.share, event.name, event.size)
        for client, read in ours(capture).items()
        for event in read.events
        if event.action == "write"
    }
    assert seen == (set() if capture.endswith(MIDWAY) else expected)


@pytest.mark.parametrize("capture", CAPTURES)
def test_users(capture: str) -> None:
    shown = tshark(capture, "smb2.cmd == 1 or smb.cmd == 0x73", "ntlmssp.auth.domain", "ntlmssp.auth.username")
    expected = {f"{domain}\\{user}" for domain, user in shown if user}
    logons = [event for read in ours(capture).values() for event in read.events if event.action == "logon"]
    assert {event.user for event in logons if event.user} == expected
    successes = tshark(
        capture, "smb2.cmd == 1 and smb2.flags.response == 1 and smb2.nt_status == 0", "frame.number", "smb2.msg_id"
    )
    assert len(logons) == len(successes)


@pytest.mark.parametrize(
    ("capture", "users"), [(f"{ZEEK}/smb3.pcap", ["SUSE\\administrator"]), (LAB, ["LAB\\Administrator"] * 4)]
)
def test_encrypted_sessions(capture: str, users: list[str]) -> None:
    assert encrypted_users(capture) == users


def encrypted_users(capture: str) -> list[str]:
    """Whose sessions are encrypted, in as many messages as tshark finds."""
    expected: Counter[int] = Counter()
    for src, dest, sizes in tshark(
        capture, "smb2.header.transform.msg_size", "tcp.srcport", "tcp.dstport", "smb2.header.transform.msg_size"
    ):
        expected[int(src) if int(dest) in PORTS else int(dest)] += len(numbers(sizes))
    seen = {client: read.losses["encrypted SMB"] for client, read in ours(capture).items()}
    assert +Counter(seen) == expected
    return [event.user for read in ours(capture).values() for event in read.events if event.action == "encrypted"]


def test_smb1() -> None:
    capture = f"{ZEEK}/mapi.pcap"
    shown = tshark(capture, "smb.cmd == 0xa2 and tcp.srcport == 139 and smb.fid", "tcp.dstport", "smb.file")
    expected = Counter((int(client), name.lstrip("\\")) for client, name in shown)
    # A file on a share whose tree connect came before the capture: nothing in it looks like DCE/RPC.
    del expected[1032, r"Exchange\mailbox.PAB"]
    seen = Counter(
        (client, event.name)
        for client, read in ours(capture).items()
        for event in read.events
        if event.action == "pipe"
    )
    assert seen == expected


@pytest.mark.parametrize("capture", [name for name in CAPTURES if name != LAB])
def test_catalogue(capture: str) -> None:
    row = next(row for row in catalogue() if row["pack_path"] == f"pcap/{capture}")
    seen = sum(any(pipe.pdus for pipe in read.pipes) for read in ours(capture).values())
    assert seen == int(row["rpc_over_smb_conns"] or 0)


@functools.cache
def catalogue() -> list[dict[str, str]]:
    with system.shared_data("catalogue.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))

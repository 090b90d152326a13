"""What is done over RPC: which interfaces, operations and connections each activity has.

Facts: UUIDs, operation numbers and transports of the catalogue (Microsoft's Open Specifications); connections' shapes as in public captures
(lab/rates.py). How often each is done is the business of those who do it.
"""

from dataclasses import dataclass

__all__ = ["ACTIVITIES", "INTERFACES", "SLOTS", "Activity", "Call", "Leg", "number"]

SLOTS = ("lsass", "eventlog", "schedule", "spooler", "svcctl", "winmgmt", "dcom", "dfsr", "cert", "mail", "other")
"""Processes with a port of their own. -1 stands for the endpoint mapper, -2 for SMB."""

INTERFACES = {
    "epmapper": ("e1af8308-5d1f-11c9-91a4-08002b14a0fa", "3.0"),
    "activator": ("000001a0-0000-0000-c000-000000000046", "0.0"),
    "remunknown2": ("00000143-0000-0000-c000-000000000046", "0.0"),
    "netlogon": ("12345678-1234-abcd-ef00-01234567cffb", "1.0"),
    "lsarpc": ("12345778-1234-abcd-ef00-0123456789ab", "0.0"),
    "samr": ("12345778-1234-abcd-ef00-0123456789ac", "1.0"),
    "drsuapi": ("e3514235-4b06-11d1-ab04-00c04fc2dcd2", "4.0"),
    "svcctl": ("367abb81-9844-35f1-ad32-98f038001003", "2.0"),
    "winreg": ("338cd001-2244-31f1-aaaa-900038001003", "1.0"),
    "srvsvc": ("4b324fc8-1670-01d3-1278-5a47bf6ee188", "3.0"),
    "wkssvc": ("6bffd098-a112-3610-9833-46c3f87e345a", "1.0"),
    "spoolss": ("12345678-1234-abcd-ef00-0123456789ab", "1.0"),
    "winspool": ("76f03f96-cdfd-44fc-a22c-64950a001209", "1.0"),
    "tasks": ("86d35949-83c9-4044-b424-db363231fd0c", "1.0"),
    "wbemlogin": ("f309ad18-d86a-11d0-a075-00c04fb68820", "0.0"),
    "wbem": ("9556dc99-828c-11cf-a37e-00aa003240c7", "0.0"),
    "wbemenum": ("027947e1-d731-11ce-a357-000000000001", "0.0"),
    "dispatch": ("00020400-0000-0000-c000-000000000046", "0.0"),
    "events": ("f6beaff7-1e19-4fbb-9f8f-b89e2018337c", "1.0"),
    "frs": ("897e2e5f-93f3-4376-9c9c-fd2277495c27", "1.0"),
    "cert": ("91ae6020-9e3c-11cf-8d7c-00aa00c091be", "0.0"),
    "nspi": ("f5cc5a18-4264-101a-8c59-08002b2f8426", "56.0"),
    "efsrpc": ("c681d488-d850-11d0-8c52-00c04fd90f7e", "1.0"),
}
"""By a short name: UUID and version."""


@dataclass(frozen=True, slots=True)
class Call:
    """An operation that is called some times.

    Args:
        interface: of `INTERFACES`.
        opnum: the operation.
        least, most: how often.
        fault: status that the server answers with; 0 for none.
    """

    interface: str
    opnum: int
    least: int = 1
    most: int = 1
    fault: int = 0


@dataclass(frozen=True, slots=True)
class Leg:
    """Connections to one process of the server.

    Args:
        slot: of `SLOTS`, or "smb" for port 445, or "mapper" for the endpoint mapper alone.
        calls: on its (first) connection, in this order.
        chance: that it is made at all.
        mapped: chance that the endpoint mapper is asked; else the client remembers the port.
        more: how many further connections there may be.
        is_dcom: whether the port comes from an activation instead of ept_map.
        pipe: the named pipe on SMB.
    """

    slot: str
    calls: tuple[Call, ...]
    chance: float = 1.0
    mapped: float = 0.93
    more: int = 0
    is_dcom: bool = False
    pipe: str = ""


@dataclass(frozen=True, slots=True)
class Activity:
    """What is done, of one or several legs.

    Args:
        legs: in order.
        is_brief: connections end at once, as scans' do.
        out_kb, in_kb: what the client sends and gets beside talk on a connection of the first leg: so much in the middle. Assumed.
    """

    legs: tuple[Leg, ...]
    is_brief: bool = False
    out_kb: float = 0.0
    in_kb: float = 0.0


def _wmi(*calls: Call, mapped: float = 0.97, more: int = 1) -> Leg:
    login = Call("wbemlogin", 6)
    return Leg("winmgmt", (login, *calls, Call("remunknown2", 5)), mapped=mapped, more=more, is_dcom=True)


CRACK = Leg("lsass", (Call("drsuapi", 0), Call("drsuapi", 12), Call("drsuapi", 1)))
LOOKUP = Leg("lsass", (Call("lsarpc", 76, 1, 3),), mapped=0.8)
SAMR = Leg(
    "smb", (Call("samr", 64), Call("samr", 5), Call("samr", 7), Call("samr", 17), Call("samr", 1, 2, 3)), pipe="samr"
)
LSA_PIPE = Leg("smb", (Call("lsarpc", 44), Call("lsarpc", 68), Call("lsarpc", 0)), pipe="lsarpc")
NETLOGON = Leg(
    "lsass", (Call("netlogon", 4), Call("netlogon", 26), Call("netlogon", 29), Call("netlogon", 45, 0, 1)), more=2
)
OPEN = (Call("svcctl", 15), Call("svcctl", 16))
CLOSE = Call("svcctl", 0, 1, 2)
QUERY = (Call("wbem", 20, 1, 4), Call("wbemenum", 4, 1, 8))
EXECUTE = (Call("wbem", 6), Call("wbem", 24))
SERVICE_START = Leg("svcctl", (*OPEN, Call("svcctl", 19), Call("svcctl", 6, 0, 2), CLOSE))
SERVICE_MADE = Leg(
    "svcctl", (Call("svcctl", 15), Call("svcctl", 12), Call("svcctl", 19), Call("svcctl", 2, 0, 1), CLOSE)
)
TASK = Leg("schedule", (Call("tasks", 1), Call("tasks", 12), Call("tasks", 13, 0, 1)))
REGISTRY = Leg(
    "smb", (Call("winreg", 2), Call("winreg", 15, 1, 3), Call("winreg", 17, 1, 6), Call("winreg", 5)), pipe="winreg"
)
REGISTRY_SET = Leg(
    "smb", (Call("winreg", 2), Call("winreg", 15, 1, 2), Call("winreg", 22), Call("winreg", 5)), pipe="winreg"
)
COPY = Leg("smb", (Call("srvsvc", 16),), pipe="srvsvc")

ACTIVITIES: dict[str, Activity] = {
    "logon": Activity((NETLOGON, CRACK, LOOKUP, Leg("smb", SAMR.calls, 0.5, pipe="samr"))),
    "unlock": Activity((Leg("lsass", (Call("netlogon", 39), Call("lsarpc", 77)), mapped=0.85),)),
    "policy": Activity((CRACK, Leg("lsass", LOOKUP.calls, 0.35, 0.8))),
    "names": Activity((CRACK,)),
    "sids": Activity((LOOKUP,)),
    "accounts": Activity((SAMR, Leg("smb", LSA_PIPE.calls, 0.6, pipe="lsarpc")), in_kb=3),
    "password": Activity((Leg("lsass", (Call("netlogon", 4), Call("netlogon", 26), Call("netlogon", 30))),)),
    "replication": Activity((Leg("lsass", (Call("drsuapi", 0), Call("drsuapi", 3, 1, 4)), mapped=0.4),), in_kb=40),
    "sync": Activity((Leg("lsass", (Call("drsuapi", 2),), mapped=0.4),)),
    "dfsr": Activity(
        (Leg("dfsr", (Call("frs", 0), Call("frs", 1), Call("frs", 4, 1, 3)), mapped=0.5),), out_kb=200, in_kb=20
    ),
    "print": Activity(
        (
            Leg(
                "spooler",
                (Call("winspool", 0), Call("winspool", 10), Call("winspool", 12), Call("winspool", 20)),
                mapped=0.9,
            ),
        ),
        out_kb=300,
    ),
    "other": Activity((Leg("other", (), mapped=0.0, more=2),)),
    "share": Activity((Leg("smb", (Call("srvsvc", 16), Call("wkssvc", 0, 0, 1)), pipe="srvsvc"),)),
    "mail": Activity((Leg("mail", (Call("nspi", 0), Call("nspi", 12), Call("nspi", 1)), mapped=0.8),), in_kb=60),
    "certificate": Activity((Leg("cert", (Call("cert", 0),)),)),
    "wmi query": Activity((_wmi(*QUERY, more=2),), in_kb=8),
    "wmi watch": Activity((_wmi(Call("wbem", 20, 2, 9), Call("wbemenum", 4, 2, 20), mapped=0.9),), in_kb=4),
    "wmi execution": Activity((_wmi(*EXECUTE),), in_kb=6),
    "service query": Activity((Leg("svcctl", (*OPEN, Call("svcctl", 6, 1, 4), CLOSE)),), in_kb=8),
    "service start": Activity((SERVICE_START,), in_kb=4),
    "service creation": Activity((COPY, SERVICE_MADE), out_kb=250),
    "service pipe": Activity((COPY, Leg("smb", SERVICE_MADE.calls, pipe="svcctl")), out_kb=250),
    "task": Activity((TASK,), out_kb=4, in_kb=4),
    "task query": Activity((Leg("schedule", (Call("tasks", 7), Call("tasks", 2, 1, 3))),), in_kb=12),
    "registry": Activity((REGISTRY,), in_kb=6),
    "registry change": Activity(
        (REGISTRY_SET, Leg("svcctl", (*OPEN, Call("svcctl", 19), CLOSE), 0.6)), out_kb=2, in_kb=4
    ),
    "event query": Activity((Leg("eventlog", (Call("events", 5), Call("events", 11, 1, 9))),), in_kb=60),
    "dcom application": Activity(
        (
            Leg(
                "dcom",
                (Call("dispatch", 5, 1, 2), Call("dispatch", 6, 1, 9), Call("remunknown2", 5)),
                more=2,
                is_dcom=True,
            ),
        ),
        out_kb=6,
        in_kb=6,
    ),
    "push": Activity(
        (
            COPY,
            Leg("svcctl", (*OPEN, Call("svcctl", 6, 1, 2), CLOSE)),
            _wmi(*QUERY),
            Leg("svcctl", SERVICE_MADE.calls, 0.04),
        ),
        out_kb=900,
    ),
    "backup": Activity((Leg("svcctl", (*OPEN, Call("svcctl", 19, 0, 1), CLOSE)), _wmi(*QUERY, more=3), COPY), in_kb=20),
    "scan": Activity(
        (
            Leg("mapper", (Call("epmapper", 2, 1, 6),)),
            Leg("smb", (Call("samr", 64, fault=5), Call("srvsvc", 15)), 0.6, pipe="srvsvc"),
            Leg("svcctl", (Call("svcctl", 15, fault=5),), 0.3),
        ),
        is_brief=True,
    ),
    "dcsync": Activity(
        (Leg("lsass", (Call("drsuapi", 0), Call("drsuapi", 12), Call("drsuapi", 3, 1, 3), Call("drsuapi", 1))),),
        in_kb=900,
    ),
    "zerologon": Activity((Leg("lsass", (Call("netlogon", 4), Call("netlogon", 26, 30, 400)), more=1),), is_brief=True),
    "encrypted file": Activity((Leg("smb", (Call("efsrpc", 0, 1, 2),), pipe="lsarpc"),)),
    "print notification": Activity((Leg("spooler", (Call("spoolss", 1), Call("spoolss", 65))),)),
    "answer": Activity((Leg("smb", ()),)),
    "name resolution": Activity((Leg("mapper", ()),), is_brief=True),
    "discovery": Activity((Leg("mapper", (Call("epmapper", 2, 0, 2),)),), is_brief=True),
    "enumeration": Activity(
        (
            Leg("smb", (Call("srvsvc", 15), Call("srvsvc", 12), Call("wkssvc", 2)), pipe="srvsvc"),
            Leg("svcctl", (Call("svcctl", 15),), 0.3),
        )
    ),
    "account enumeration": Activity(
        (
            Leg(
                "lsass",
                (
                    Call("samr", 64),
                    Call("samr", 6),
                    Call("samr", 5),
                    Call("samr", 7),
                    Call("samr", 13, 1, 9),
                    Call("samr", 25, 1, 4),
                ),
            ),
        ),
        in_kb=30,
    ),
}
"""By name."""


def number(name: str) -> int:
    """The place of an activity: what sessions hold."""
    return _NUMBERS[name]


_NUMBERS = {name: place for place, name in enumerate(ACTIVITIES)}

"""Vendor packs: each is an entry once its hosts are named, of services there are, with its sources; none covers hosts that nobody named."""

from typing import Any

import pytest

from rpcsight.catalog import interfaces
from rpcsight.errors import UsageError
from rpcsight.triage.entries import SCOPE, entry
from rpcsight.triage.matching import Facts, facts_of, why_not
from rpcsight.triage.packs import Pack, all_packs, pack
from tests.triaged import finding

SAID: dict[str, Any] = {"reason": "its work", "owner": "ann", "expires": "never"}
PRODUCT = "10.0.9.9"
ROLES = {PRODUCT: "management server", "10.0.1.1": "workstation", "10.0.2.1": "server", "10.0.3.1": "domain controller"}


def test_there_are() -> None:
    assert [(each.id, each.names) for each in all_packs()] == [
        ("backup", "client"),
        ("configmgr", "client"),
        ("exchange", "client"),
        ("monitoring", "client"),
        ("outlook", "server"),
        ("user-to-ip", "client"),
        ("vulnerability-scanner", "client"),
    ]


@pytest.mark.parametrize("each", all_packs(), ids=lambda each: each.id)
def test_a_pack_is_whole(each: Pack) -> None:
    assert set(each.entry) <= set(SCOPE)
    assert not {"client", "server", "even_attacks"} & set(each.entry)
    assert each.entry["client_role"]
    assert each.entry["server_role"]
    names = {found.name.lower() for found in interfaces().values()}
    assert [service for service in each.entry["service"] if service.lower() not in names] == []
    assert each.source
    assert each.title
    assert each.about
    assert entry(each.entry | {each.names: PRODUCT} | SAID | {"pack": each.id}).pack == each.id


def test_no_such_pack() -> None:
    with pytest.raises(UsageError, match="there is no pack 'sccm'"):
        pack("sccm")


PUSH = ("svcctl", "CreateServiceW", 0.8)
POLL = ("IWbemServices", "ExecQuery", 0.1)
SYNC = ("drsuapi", "DRSGetNCChanges", 0.6)
CLEAR = ("IEventService", "EvtRpcClearLog", 0.8)
TASK = ("ITaskSchedulerService", "SchRpcRegisterTask", 0.6)
FLOWS: list[tuple[str, str, float]] = []


@pytest.mark.parametrize(
    ("name", "deeds", "server", "is_covered"),
    [
        ("configmgr", [PUSH], "10.0.1.1", True),
        ("configmgr", [PUSH], "10.0.3.1", False),
        ("configmgr", [TASK], "10.0.1.1", False),
        ("configmgr", FLOWS, "10.0.1.1", True),
        ("monitoring", [POLL], "10.0.3.1", True),
        ("monitoring", [POLL], "10.0.1.1", False),
        ("monitoring", [CLEAR], "10.0.2.1", False),
        ("vulnerability-scanner", [POLL], "10.0.1.1", True),
        ("vulnerability-scanner", [PUSH], "10.0.1.1", False),
        ("backup", [PUSH], "10.0.2.1", True),
        ("backup", [PUSH], "10.0.1.1", False),
        ("user-to-ip", [POLL], "10.0.3.1", True),
        ("user-to-ip", [POLL], "10.0.1.1", False),
        ("exchange", [SYNC], "10.0.3.1", False),
        ("exchange", FLOWS, "10.0.3.1", True),
    ],
)
def test_what_packs_cover(name: str, deeds: list[tuple[str, str, float]], server: str, is_covered: bool) -> None:
    made = entry(pack(name).entry | {"client": PRODUCT} | SAID)
    assert why(made, finding("aaaa1", PRODUCT, server, deeds=deeds)) is is_covered
    assert not why(made, finding("aaaa1", "10.0.1.2", server, deeds=deeds))


@pytest.mark.parametrize("role", ["workstation", "unknown", "domain controller"])
def test_an_address_that_became_a_workstation_is_not_covered(role: str) -> None:
    made = entry(pack("configmgr").entry | {"client": PRODUCT} | SAID)
    facts = Facts(ROLES | {PRODUCT: role})
    assert (
        why_not(made, facts_of(finding("aaaa1", PRODUCT, "10.0.1.1")), facts)
        == f"the client {PRODUCT} ({role}) is not covered"
    )


def why(made: Any, document: dict[str, Any]) -> bool:
    return why_not(made, facts_of(document), Facts(ROLES)) is None

"""Exports as asset files: ECS documents of hosts, NetBox's devices, addresses and prefixes."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rpcsight.baseline.assets import Asset, Inventory
from rpcsight.errors import InputError
from tests.inventories import read

ECS = {
    "host": {"name": "FS1", "hostname": "fs1", "type": "file-server", "ip": ["10.0.0.7", "fe80::1", "127.0.0.1", "2001:db8::7"]},
    "labels": {"owner": "storage"},
    "event": {"kind": "asset"},
}  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        [ECS],
        {"hits": {"hits": [{"_index": "hosts", "_source": ECS}]}},
        json.dumps(ECS) + "\n",
        [{"host.name": "FS1", "host.type": "file-server", "host.ip": ECS["host"]["ip"], "labels.owner": "storage"}],
        'host.name,host.ip,host.type,labels.owner\nFS1,"10.0.0.7,fe80::1,127.0.0.1,2001:db8::7",file-server,storage\n',
    ],
    ids=["nested", "what Elasticsearch answers", "lines", "dotted", "CSV of a table"],
)
def test_ecs_hosts(content: str | list[Any] | dict[str, Any], tmp_path: Path) -> None:
    said = [Asset(place, "fs1", "server", "storage") for place in ("10.0.0.7", "2001:db8::7", "")]
    assert read(tmp_path, content) == Inventory(said, Counter({"loopback and link-local addresses": 2}))


def test_exports_change_their_mind_and_know_other_words(tmp_path: Path) -> None:
    documents = [
        {"host": {"name": "ws1", "ip": "10.1.0.9", "type": "t2.medium"}},
        {"host": {"name": "ws2", "ip": ["10.1.0.9"]}},
        {"host": {"id": "x"}},
    ]
    assert read(tmp_path, documents) == Inventory(
        [Asset("10.1.0.9", "ws2"), Asset("", "ws1"), Asset("", "ws2")],
        Counter({"neither address nor name": 1}), Counter({"t2.medium": 2}), 1,
    )  # fmt: skip


def test_netbox_devices_from_its_api_and_its_table(tmp_path: Path) -> None:
    device = {
        "id": 3, "name": "PRN1", "display": "PRN1", "tenant": {"name": "Facilities"},
        "role": {"id": 1, "name": "Print Server", "slug": "print-server"},
        "primary_ip": {"id": 4, "family": 4, "address": "10.0.0.8/24"}, "primary_ip4": {"id": 4, "family": 4, "address": "10.0.0.8/24"},
        "primary_ip6": None, "status": {"value": "active", "label": "Active"},
    }  # fmt: skip
    old = {
        "name": "core-sw-1",
        "device_role": {"name": "Core Switch"},
        "primary_ip4": {"address": "10.0.0.1/24"},
        "tenant": None,
    }
    bare = {"name": "spare", "role": {"name": "Laptop"}, "primary_ip": None, "tenant": None}
    expected = Inventory(
        [Asset("10.0.0.8", "prn1", "server", "Facilities"), Asset("10.0.0.1", "core-sw-1"), Asset("", "spare", "workstation")],
        unknown_roles=Counter({"Core Switch": 1}),
    )  # fmt: skip
    assert read(tmp_path, {"count": 3, "next": None, "results": [device, old, bare]}) == expected
    table = (
        "Name,Status,Tenant,Site,Rack,Role,Manufacturer,Type,IP Address\nPRN1,Active,Facilities,S1,,Print Server,X,Y,10.0.0.8/24\n"
        "core-sw-1,Active,\u2014,S1,R1,Core Switch,X,Y,10.0.0.1/24\nspare,Active,,S1,,Laptop,X,Y,\n"
    )
    assert read(tmp_path, table) == expected


def test_a_role_beside_netbox_s_address_is_refused_in_a_file_of_one_s_own(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'address' is NetBox's name, whose role is no host's"):
        read(tmp_path, "address,role,name\n10.0.0.9,server,web\n")


def test_netbox_addresses_and_prefixes(tmp_path: Path) -> None:
    addresses = (
        "IP Address,VRF,Status,Role,Tenant,Assigned,DNS Name,Description\n"
        "10.0.0.9/24,,Active,VIP,Web,True,www.corp.example,\n10.0.0.10/24,,Active,,,False,,\n"
    )
    assert read(tmp_path, addresses) == Inventory(
        [Asset("10.0.0.9", "www.corp.example", "", "Web"), Asset("10.0.0.10")]
    )
    address = {
        "address": "10.0.0.9/24",
        "dns_name": "",
        "role": {"value": "vip"},
        "assigned_object": {"device": {"name": "LB1"}},
        "tenant": None,
    }
    assert read(tmp_path, [address]) == Inventory([Asset("10.0.0.9", "lb1")])
    prefix = {
        "prefix": "10.2.0.0/16",
        "role": {"name": "Clients", "slug": "clients"},
        "tenant": {"name": "Desk"},
        "vlan": None,
    }
    assert read(tmp_path, [prefix]) == Inventory([Asset("10.2.0.0/16", "", "workstation", "Desk")])

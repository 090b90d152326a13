"""What `rpcsight doctor` says of inputs that lack something, word for word: read as somebody would who never saw it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import rpcsight
from rpcsight.diagnosis.text import as_text
from rpcsight.errors import InputError
from rpcsight.readers import all_readers
from tests import system
from tests.diagnosed import INPUTS, written

Golden = Callable[[str, str], None]
WIDTH = 100
ZEEK = ("zeek", "OTRF+Security-Datasets")
PUBLIC = {
    "zeek-half-seen": (*ZEEK, "lsass05_conn.log"),
    "zeek-good": (*ZEEK, "apt29_day2_NEWYORK_conn.log"),
    "windows-hosts": (
        "host-json",
        "OTRF+Security-Datasets",
        "empire_psexec_dcerpc_tcp_svcctl_2020-09-20121608.json.gz",
    ),
    "sysmon-clock": ("host-json", "OTRF+Security-Datasets", "empire_enable_rdp_2019-05-18203650.json.gz"),
    "evtx": ("evtx", "sbousseaden+EVTX-ATTACK-SAMPLES", "DE_RDP_Tunnel_5156.evtx"),
    "nothing-in-evtx": ("evtx", "sbousseaden+EVTX-ATTACK-SAMPLES", "CA_DCSync_4662.evtx"),
    "nfdump-csv-1s": ("netflow-derived", "nfpcapd", "NEWYORK.nfdump.csv"),
}


@pytest.mark.parametrize("case", INPUTS)
def test_inputs_that_lack_something(case: str, golden: Golden, tmp_path: Path) -> None:
    diagnosis = rpcsight.doctor(written(tmp_path, case))
    golden(f"doctor-{case}.txt", as_text(diagnosis, WIDTH).replace(str(tmp_path) + os.sep, ""))


@pytest.mark.parametrize("case", PUBLIC)
def test_public_records(case: str, golden: Golden, monkeypatch: pytest.MonkeyPatch) -> None:
    path = system.shared_data(*PUBLIC[case])
    monkeypatch.chdir(path.parent)
    golden(f"doctor-{case}.txt", as_text(rpcsight.doctor(path.name), WIDTH))


def test_a_folder_without_anything_to_read(golden: Golden, tmp_path: Path) -> None:
    with pytest.raises(InputError) as empty:
        rpcsight.doctor(tmp_path)
    (tmp_path / "notes.txt").write_text("nothing to see\n")
    (tmp_path / "empty.log").write_text("")
    with pytest.raises(InputError) as unusable:
        rpcsight.doctor(tmp_path)
    said = f"error: {empty.value}\n\nerror: {unusable.value}\n"
    beginning = said.replace(str(tmp_path), "logs")
    readers = "".join(f"    {each.NAME}: {each.ABOUT}\n" for each in all_readers())
    assert beginning.count(readers.rstrip("\n")) == 2
    golden(
        "doctor-empty-folder.txt", beginning.replace(readers.rstrip("\n"), "    (what `rpcsight list readers` shows)")
    )

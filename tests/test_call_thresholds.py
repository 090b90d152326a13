"""How many calls are too many is a setting: with one less or as many as there are an analytic fires, with one more not."""

import pytest

from rpcsight.examples import Example, outcome
from rpcsight.settings import AttackSettings, Settings

HEAD = "time_s  times  every_s  src_ip  dest_ip  interface  opnum"
AT = {
    # analytic, setting, its default: as many calls as that
    ("zerologon", "storm_calls", 20): "1  20  1  10.0.20.15  10.0.0.4  logon  NetrServerAuthenticate3",
    ("enumeration-sweep", "sweep_servers", 5): "1  5  1  10.0.20.15  10.0.0.{n}  srvsvc  NetrSessionEnum",
    ("discovery-burst", "discovery_calls", 5): "1  5  1  10.0.20.15  10.0.0.4  samr  SamrEnumerateUsersInDomain",
}


@pytest.mark.parametrize(("case", "line"), AT.items(), ids=[case[0] for case in AT])
def test_the_number_is_a_setting(case: tuple[str, str, int], line: str) -> None:
    name, setting, number = case
    example = Example(about="", rows=1, rpc_call=f"{HEAD}\n{line}")
    found: list[int] = []
    for value in (number - 1, number, number + 1):
        settings = Settings(attack=AttackSettings.model_validate({setting: value}))
        found.append(outcome(name, example, settings=settings).rows.num_rows)
    assert found == [1, 1, 0]
    assert outcome(name, example).problem == ""

"""The file that keeps what was learned, what is made of it for hunts, and what people decided about findings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from rpcsight.analytics import step
from rpcsight.engines.store import Store
from rpcsight.errors import InputError, SettingsError, UsageError
from rpcsight.schema.baseline import BASELINE, LEARNED, LEARNED_INPUT, LEARNED_KEYS
from rpcsight.schema.triage import TRIAGE
from rpcsight.settings import BaselineSettings, Settings

__all__ = ["SHAPE", "Workspace"]

SHAPE = 1
"""Of the tables; files of another are refused."""
TABLES = {**LEARNED, "learned_input": LEARNED_INPUT, **BASELINE, **TRIAGE}
UNITED = {"first_us": "min", "last_us": "max", "hours": "bit_or"}
"""How columns of `schema.baseline.LEARNED` are put together that are no keys and no sums."""


class Workspace:
    """A workspace, open.

    Args:
        path: its file; made with empty tables if it is not there, unless it is only read.
        is_reading: nothing will be written.

    Raises:
        InputError: it can't be opened, or is none.
        UsageError: it was made by another version, or it is to be read and not there.
    """

    def __init__(self, path: Path, *, is_reading: bool = False) -> None:
        self.path = path
        if is_reading and not path.is_file():
            raise UsageError("--workspace", f"there is no {str(path)!r}", f"rpcsight learn LOGS --workspace {path}")
        if not path.absolute().parent.is_dir():
            raise UsageError("--workspace", f"there is no folder {str(path.parent)!r}", "make it, or name another")
        self.store = Store(path, is_reading=is_reading)
        try:
            if not is_reading:
                self._make()
            self._check()
        except BaseException:
            self.store.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self.store.close()

    def rows(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """All rows of a query over its tables."""
        return self.store.rows(sql, parameters).to_pylist()

    def contents(self) -> set[str]:
        """The contents that were learned."""
        return {row["content"] for row in self.rows("select content from learned_input")}

    def add(self, learned: Mapping[str, pa.RecordBatchReader | pa.Table], inputs: pa.Table, settings: Settings) -> None:
        """Unite what is learned of inputs with what was learned before, and settle; as a whole or not at all.

        Args:
            learned: rows of each of `schema.baseline.LEARNED`.
            inputs: rows of `LEARNED_INPUT`: what they come from.
            settings: say how long is remembered and what counts as known.

        Raises:
            SettingsError: what was learned before was learned by another rule.
        """
        with self.store.transaction():
            self._same_rule(settings)
            self.store.insert("learned_input", inputs)
            for name, rows in learned.items():
                self.store.insert(name, rows)
                self.store.run(united(name))
                self.store.run(f"delete from {name}")
                self.store.run(f"insert into {name} by name select * from united")
                self.store.run("drop table united")
            self.settle(settings.baseline)

    def forget(self, before: int, settings: BaselineSettings) -> None:
        """Drop what was learned of days before one (since 1970), and settle."""
        with self.store.transaction():
            for name in LEARNED:
                self.store.run(f"delete from {name} where day < $before", {"before": before})
            self.settle(settings)

    def settle(self, settings: BaselineSettings) -> None:
        """Make the tables of the baseline anew; within a transaction."""
        oldest = "(select max(day) from pair_day) - $kept"
        for name in LEARNED:
            self.store.run(f"delete from {name} where day <= {oldest}", {"kept": settings.keep_days})
        self.store.view("held_back", HELD_BACK)
        self.store.view("met_day", step("met_day"))
        self.store.view("link", step("link"))
        self.store.view("linked_deed", step("linked_deed"))
        self.store.view("role", step("role"))
        days = self.store.rows("select count(distinct day) as days from met_day").to_pylist()[0]["days"]
        parameters = {"settle_days": max(1, min(7, days // 2))}
        for name in BASELINE:
            self.store.view("settled", step(name), parameters)
            self.store.run(f"delete from {name}")
            self.store.run(f"insert into {name} by name select * from settled")
        for name in ("settled", "role", "linked_deed", "link", "met_day", "held_back"):
            self.store.run(f"drop table {name}")

    def _make(self) -> None:
        with self.store.transaction():
            self.store.run("create table if not exists workspace (shape INTEGER, rule VARCHAR)")
            if not self.rows("select * from workspace"):
                self.store.run("insert into workspace values ($shape, null)", {"shape": SHAPE})
            for name, columns in TABLES.items():
                self.store.create(name, columns)

    def _check(self) -> None:
        there = {row["table_name"] for row in self.rows("select table_name from information_schema.tables")}
        if "workspace" not in there:
            raise InputError(str(self.path), "is no workspace of rpcsight", "name another file")
        (row,) = self.rows("select shape from workspace")
        if row["shape"] != SHAPE:
            what = f"was made by another version of rpcsight (shape {row['shape']}, this one has {SHAPE})"
            raise UsageError(str(self.path), what, "learn anew into another file")

    def _same_rule(self, settings: Settings) -> None:
        rule = settings.rule.model_dump_json()
        (row,) = self.rows("select rule from workspace")
        if row["rule"] not in {None, rule}:
            what = f"was learned by another rule ({row['rule']}) than now ({rule})"
            raise SettingsError(str(self.path), what, "use the same settings, or another workspace")
        self.store.run("update workspace set rule = $rule", {"rule": rule})


HELD_BACK = """
select distinct finding_pair.src_ip, finding_pair.dest_ip, finding_pair.day
from finding_pair
join finding on finding.finding_id = finding_pair.finding_id
where finding.status in ('open', 'malicious')
"""


def united(name: str) -> str:
    """The statement that unites the rows of a table of what is learned, by their keys."""
    columns = [column.name for column in LEARNED[name]]
    keys = [each for each in columns if each in LEARNED_KEYS]
    kinds = {column.name: column.kind for column in LEARNED[name]}
    values = [
        f"cast({UNITED.get(each, 'sum')}({each}) as {kinds[each]}) as {each}" for each in columns if each not in keys
    ]
    return f"create temp table united as select {', '.join(keys + values)} from {name} group by {', '.join(keys)}"

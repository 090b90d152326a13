"""An engine that has read the inputs, and what can be asked of it."""

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

import pyarrow as pa

from rpcsight.account import Account
from rpcsight.analytics import GIVEN, Analytic, analytic, compose, compose_steps, facts, step, whole
from rpcsight.analytics._own import blamed, told
from rpcsight.catalog import relations
from rpcsight.engines import Engine
from rpcsight.intake.plan import Plan
from rpcsight.schema import CATALOG, FACTS

__all__ = ["Session"]

SHARED = ("pair", "connection")
CALLS = """
    select coalesce(transport_protocol, 'tcp') as carrier, count(*) as calls
    from rpc_call
    group by coalesce(transport_protocol, 'tcp')
"""
NOTHING_SHOWN = "{name} needs {needs}, and nothing in the input shows any: captures do, and logs of calls and hosts"

NO_FLOWS = (
    "{name} needs flow records, and no input holds any (Zeek: conn.log); what logs of calls hold: "
    "`rpcsight run rpc-calls`, `rpcsight run smb-events`"
)


class Session:
    """An engine that has read the inputs, and the account of it; of the tables of `schema.FACTS`, those in `asked`."""

    def __init__(
        self, engine: Engine, parameters: Mapping[str, int], account: Account, asked: Collection[str], made: Plan
    ) -> None:
        self.account = account
        self.made = made
        self._asked = asked
        self._engine = engine
        self.parameters = parameters
        self._held: list[str] = []

    def run(self, name: str | Analytic) -> pa.Table:
        """All rows of an analytic, in its own order."""
        self._hold(name)
        with blamed(name):
            return self._engine.rows(self._sql(name), self.parameters)

    def stream(self, name: str | Analytic) -> pa.RecordBatchReader:
        """The rows of an analytic as they come, for results larger than memory; to be used up while the session is open."""
        self._hold(name)
        with blamed(name):
            return told(name, self._engine.batches(self._sql(name), self.parameters))

    def table(self, name: str) -> pa.RecordBatchReader:
        """All rows of `flow` or of a table of `schema.FACTS` by time, as they come; to be used up while the session is open.

        Flows are all of the input's only where it was opened so (`is_whole`).
        """
        return self._engine.batches(step("flow") if name == "flow" else whole(name), self.parameters)

    def candidates(self) -> pa.Table:
        """The flows that can be part of RPC, one row a record, as the readers understood them."""
        return self._engine.rows(f"{step('candidate')}\norder by start_us, flow_id", self.parameters)

    def ask(self, name: str, uses: Sequence[str] = ()) -> list[dict[str, Any]]:
        """All rows of a step, over the steps that it builds on."""
        sql = compose_steps(uses, step(name), (*GIVEN, *self._held))
        return self._engine.rows(sql, self.parameters).to_pylist()

    def held(self, name: str) -> list[dict[str, Any]]:
        """All rows of a relation that was kept while reading."""
        return self._engine.rows(f"select * from {name}", {}).to_pylist()

    def columns(self, name: str) -> list[str]:
        """The columns of a relation that was kept."""
        return self._engine.rows(f"select * from {name} limit 0", {}).column_names

    def count(self, name: str | Analytic) -> int:
        """How many rows an analytic has."""
        self._hold(name)
        sql = f"select count(*) as number from ({self._sql(name)}) as found"
        return self._engine.rows(sql, self.parameters).to_pylist()[0]["number"]

    def keep(self, relation: str, name: str, steps: Sequence[str] = (), *, is_warning: bool = True) -> None:
        """Keep all rows of an analytic as a relation, for steps that build on it.

        Args:
            relation: what to call it.
            name: the analytic's id.
            steps: what the engine holds from now on besides what it always does, where the analytic uses it.
            is_warning: whether the account says that the input holds nothing that the analytic needs.
        """
        self._hold(name, (*SHARED, *steps), is_warning=is_warning)
        self._engine.keep(relation, self._sql(name), self.parameters)

    def make(self, relation: str, sql: str, parameters: Mapping[str, int] | None = None) -> None:
        """Keep the rows of a query as a relation, for steps that build on it."""
        self._engine.keep(relation, sql, {**self.parameters, **(parameters or {})})

    def lend(self, relation: str, rows: pa.Table) -> None:
        """Let rows that are at hand be a relation, for steps that build on it."""
        self._engine.give(relation, rows)

    def attach(self, path: str, relations: Sequence[str]) -> None:
        """Let tables of a workspace's file be relations, for steps that build on them."""
        self._engine.attach(path, relations)

    def gathered(self, name: str, uses: Sequence[str]) -> pa.RecordBatchReader:
        """The rows of a step over what was read, as they come; to be used up while the session is open.

        Args:
            name: the step.
            uses: what it builds on beside the catalogue.
        """
        for listed in (each for each in CATALOG if each not in self._held):
            self._engine.give(listed, relations.rows(listed))
            self._held.append(listed)
        return self._engine.batches(compose_steps(uses, step(name), (*GIVEN, *self._held)), self.parameters)

    def told(self, name: str, **parameters: int) -> list[dict[str, Any]]:
        """All rows of a step over relations that are kept."""
        return self._engine.rows(step(name), {**self.parameters, **parameters}).to_pylist()

    def shown(self) -> set[str]:
        """Which tables of `schema.FACTS` have rows."""
        return set(self._shown)

    @cached_property
    def _shown(self) -> set[str]:
        return {name for name in FACTS if self._engine.rows(f"select 1 from {name} limit 1", {}).num_rows}

    def count_calls(self) -> None:
        """Let the account say how many calls there are, where they were asked for."""
        if "rpc_call" in self._asked:
            calls = self._engine.rows(CALLS, {}).to_pylist()
            self.account.calls.update({row["carrier"]: row["calls"] for row in calls})

    def _hold(self, name: str | Analytic, steps: Sequence[str] = SHARED, *, is_warning: bool = True) -> None:
        """Let the engine hold the steps that several analytics build on; account for what they leave out, and for what is not there."""
        found = analytic(name)
        header, uses = found.header, found.header.uses
        if missing := set(facts(found)).difference(self._asked):
            raise ValueError(f"{header.id} needs {', '.join(sorted(missing))}: the session was opened without")
        has_flows = "flow" in header.needs and bool(self.account.flow_files)
        shown = set(header.needs) & set(FACTS)
        if is_warning and "flow" in header.needs and not has_flows and not shown:
            self._warn(NO_FLOWS.format(name=header.id))
        if is_warning and shown and not has_flows and not shown & self._shown:
            self._warn(NOTHING_SHOWN.format(name=header.id, needs=" or ".join(sorted(header.needs))))
        for listed in (each for each in uses if each in CATALOG and each not in self._held and not self._is_bare):
            self._engine.give(listed, relations.rows(listed))
            self._held.append(listed)
        for shared in (each for each in steps if each in uses and each not in self._held):
            before = uses[: uses.index(shared)]
            sql = compose_steps(before, step(shared), (*GIVEN, *self._held), found.steps, is_bare=self._is_bare)
            self._engine.keep(shared, sql, self.parameters)
            self._held.append(shared)
            if shared == "connection":
                repeated = self._engine.rows(step("repeated"), self.parameters).to_pylist()[0]["flows"]
                self.account.left_out |= {"repeated": repeated} if repeated else {}

    @property
    def _is_bare(self) -> bool:
        """Whether nothing but flows was read: then there is nothing that the catalogue could say anything of."""
        return not self._shown.difference(("lease",)) & set(self._asked)

    def _sql(self, name: str | Analytic) -> str:
        return compose(name, held=self._held, is_bare=self._is_bare)

    def _warn(self, what: str) -> None:
        """Say in the account what limits the results, once."""
        if what not in self.account.warnings:
            self.account.warnings.append(what)

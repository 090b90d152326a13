"""scikit-learn's isolation forest over features of pairs and days, as zat's example (examples/anomaly_detection.py) has it over log rows.

The example fits the forest to the rows that it judges; the other variant fits it to the learned days.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rivals.records import Records, Rival, Variant, of_pairs

__all__ = ["FEATURES", "RIVAL"]

FEATURES = """
select
  day, src_ip, dest_ip,
  ln(1 + mappers) as mappers, ln(1 + endpoints) as endpoints, ln(1 + smb) as smb, ln(1 + failed) as failed, ln(1 + ports) as ports,
  ln(1 + busy_us / flows) as duration, ln(1 + out_bytes / flows) as out_bytes, ln(1 + in_bytes / flows) as in_bytes,
  hour(make_timestamp(first_us)) as first_hour, ln(1 + (last_us - first_us)) as span, at_night / flows as at_night,
  ln(count(*) over (partition by day, src_ip)) as source_degree,
  ln(count(*) over (partition by day, dest_ip)) as destination_degree
from pair_day
"""
KEYS = 3
FITTED_ROWS = 200_000
TREES = 200


def isolated(*, is_fitted_to_learned: bool) -> Variant:
    """Alerts of pairs by how soon a forest isolates them."""

    def variant(records: Records) -> str:
        from sklearn.ensemble import IsolationForest

        database = records.database
        learned = (
            columns(database.sql(f"select * from ({FEATURES}) where day < {records.learned}").to_arrow_table())
            if is_fitted_to_learned
            else None
        )
        database.execute(
            "create or replace table isolated (day integer, src_ip varchar, dest_ip varchar, score double)"
        )
        for day in records.tested:
            rows = database.sql(f"select * from ({FEATURES}) where day = {day}").to_arrow_table()
            if rows.num_rows == 0:
                continue
            values = columns(rows)
            forest = IsolationForest(n_estimators=TREES, random_state=1)
            forest.fit(sample(values if learned is None else learned))
            scored = rows.select(["day", "src_ip", "dest_ip"]).append_column(
                "score", pa.array(-forest.score_samples(values))
            )
            database.register("scored", scored)
            database.execute("insert into isolated select * from scored")
            database.unregister("scored")
        return of_pairs("select * from isolated")

    return variant


def columns(rows: pa.Table) -> npt.NDArray[np.float64]:
    """The features as a matrix."""
    return np.column_stack(
        [rows.column(place).to_numpy().astype(np.float64) for place in range(KEYS, rows.num_columns)]
    )


def sample(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """As many rows as are worth fitting to: a tree takes 256 of them."""
    chosen = np.random.default_rng(1).permutation(len(values))[:FITTED_ROWS]
    return values[np.sort(chosen)]


RIVAL = Rival(
    "isolation forest",
    "scikit-learn's, over counts, ports, lengths, bytes, hours and degrees of pairs and days (as in zat's example)",
    {
        "fitted to the day itself": isolated(is_fitted_to_learned=False),
        "fitted to the learned days": isolated(is_fitted_to_learned=True),
    },
)

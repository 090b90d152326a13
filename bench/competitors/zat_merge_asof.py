"""The rule with zat and pandas: read a Zeek conn.log into a DataFrame, then `merge_asof` endpoints with mappers.

Writes the matches (one row per endpoint flow, its nearest mapper flow) to a file and their number to stdout. Only the
columns the rule needs are read.
"""

import argparse
from pathlib import Path

import pandas as pd
from zat.log_to_dataframe import LogToDataFrame

COLUMNS = ("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "conn_state")
PAIR = ["id.orig_h", "id.resp_h"]


def matches(path: Path) -> pd.DataFrame:
    """Return the endpoint flows that a mapper flow of the same pair precedes by less than 2 s."""
    flows = LogToDataFrame().create_dataframe(str(path), ts_index=False, usecols=list(COLUMNS))
    mappers = flows[flows["id.resp_p"] == 135].sort_values("ts")
    endpoints = flows[(flows["id.resp_p"] >= 49152) & (flows["id.orig_p"] >= 49152)].sort_values("ts")
    mappers = mappers[["ts", "uid", "id.orig_p", *PAIR]]
    mappers = mappers.rename(columns={"uid": "mapper_uid", "id.orig_p": "mapper_port"}).assign(mapper_ts=mappers["ts"])
    joined = pd.merge_asof(
        endpoints, mappers, on="ts", by=PAIR, tolerance=pd.Timedelta(seconds=2), allow_exact_matches=False
    )
    return joined[joined["mapper_uid"].notna()]


def main() -> None:
    """Parse, run, print the count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    args = parser.parse_args()
    found = matches(args.path)
    found.to_json(args.out, orient="records", lines=True, date_format="iso", date_unit="us")
    print(len(found))


if __name__ == "__main__":
    main()

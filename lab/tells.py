"""By what attacks between workstations can be told from harmless first-seen pairs of workstations in a simulation.

rpcsight simulate --hosts 1000 --attacks 40 -o corp && python lab/tells.py corp [server]

With `server`: first-seen pairs of a workstation and a server.
A row a feature of a client, a server and a day: medians of both, and the area under the curve (0.5: it says nothing; 0 or 1: it tells all).
What is true of attackers (night, first contact, many servers) may tell; what is only true of how connections are made up must not.
"""

import sys
from pathlib import Path

import duckdb

PAIRS = """
create table pair as
with life as (
  select src_ip, dest_ip, cast(start_time as date) as day, epoch_us(start_time) as start_us, epoch_us(end_time) as end_us,
    src_port, dest_port, is_established, out_bytes, in_bytes, out_packets,
    cast(split_part(replace(flow_id, 'x', ''), 'C', 2) as hugeint) as id
  from read_parquet('{folder}/flow/*/*.parquet')
),
peer as (
  select life.*, dest_port >= 49152 and is_established as is_endpoint, dest_port = 135 as is_mapper
  from life join wanted using (src_ip, dest_ip, day)
),
gapped as (
  select *,
    start_us - max(case when is_mapper then start_us end) over (
      partition by src_ip, dest_ip, day order by start_us range between 2000000 preceding and current row) as gap_us
  from peer
)
select src_ip, dest_ip, day,
  count(*) as flows,
  sum(is_mapper::int) as mappers,
  sum(is_endpoint::int) as endpoints,
  sum((dest_port = 445)::int) as smb,
  count(distinct dest_port) as ports,
  avg(is_established::int) as established,
  min(case when is_endpoint then gap_us end) as gap,
  median(case when is_established then end_us - start_us end) as length,
  max(end_us - start_us) as longest,
  median(case when not is_established then end_us - start_us end) as refused_length,
  max(start_us) - min(start_us) as span,
  min(start_us) // 3600000000 % 24 as hour,
  min(start_us) // 1000000 % 60 as second,
  min(start_us) % 1000 as last_digits,
  avg(src_port) as src_port,
  min(case when is_endpoint then dest_port end) as dest_port,
  min(case when is_endpoint then dest_port % 32 end) as port_digits,
  avg(case when is_established then out_bytes / out_packets end) as out_size,
  avg(case when is_established then in_bytes / out_packets end) as in_size,
  sum(out_packets) as packets,
  (split_part(src_ip, '.', 2) = split_part(dest_ip, '.', 2))::int as same_site,
  (split_part(src_ip, '.', 3) = split_part(dest_ip, '.', 3))::int as same_subnet,
  min(id) % 97 as id_digits
from gapped group by all
"""
WANTED = """
create table wanted as
with attack as (
  select src_ip, dest_ip, cast(start_time as date) as day, attack from read_csv('{folder}/_truth/labels.csv')
  where src_role like '%workstation%' and dest_role like '%workstation%' = {is_peer} and visibility = 'flow'
),
quiet as (select attack from attack group by attack having count(*) <= 3),
host as (select ip, max((role like '%workstation%')::int) = 1 as is_person from read_csv('{folder}/_truth/hosts.csv') group by ip),
met as (
  select src_ip, dest_ip, min(cast(start_time as date)) as day from read_parquet('{folder}/flow/*/*.parquet')
  join host as client on client.ip = src_ip and client.is_person
  join host as server on server.ip = dest_ip and server.is_person = {is_peer}
  where dest_port = 135 and is_established group by all
)
select distinct src_ip, dest_ip, day, true as is_attack from attack semi join quiet using (attack)
union all
select src_ip, dest_ip, day, false from met anti join attack using (src_ip, dest_ip, day) where day >= (select min(day) from attack)
"""


def tells(folder: Path, *, is_peer: bool) -> list[tuple[str, float, float, float]]:
    """Features with the medians of attacks and of others, and the area under the curve."""
    con = duckdb.connect()
    con.sql(WANTED.format(folder=folder, is_peer=is_peer))
    con.sql(PAIRS.format(folder=folder))
    features = [name for name in con.table("pair").columns if name not in {"src_ip", "dest_ip", "day"}]
    print(con.sql("select is_attack, count(*) from wanted group by 1 order by 1").fetchall())
    found: list[tuple[str, float, float, float]] = []
    for name in features:
        rows = con.sql(
            f"""with ranked as (
              select is_attack, {name} as value, rank() over (order by {name})
                + (count(*) over (partition by {name}) - 1) / 2.0 as place
              from pair join wanted using (src_ip, dest_ip, day) where {name} is not null
            )
            select median(value) filter (is_attack), median(value) filter (not is_attack),
              (sum(place) filter (is_attack) - count(*) filter (is_attack) * (count(*) filter (is_attack) + 1) / 2.0)
                / (count(*) filter (is_attack) * count(*) filter (not is_attack))
            from ranked"""
        ).fetchall()
        row = rows[0]
        if None not in row:
            found.append((name, float(row[0]), float(row[1]), float(row[2])))
    return sorted(found, key=lambda each: -abs(each[3] - 0.5))


if __name__ == "__main__":
    for name, attack, other, area in tells(Path(sys.argv[1]), is_peer="server" not in sys.argv[2:]):
        print(f"{name:16} {attack:16,.3f} {other:16,.3f} {area:6.3f}")

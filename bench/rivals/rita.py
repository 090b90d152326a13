"""RITA's modifiers for prevalence and first seen, with its own figures, over the connections of each day.

From activecm/rita v5: the figures are those of `defaultConfig` in config/config.go; prevalence is the share of the network's hosts that had
to do with the destination within the last 24 hours, first seen the destination's own (analysis/spagooper.go); how they add up is in
analysis/analysis.go. RITA applies them to connections that leave the network and already look like beacons, long connections or known
threats; here they stand alone, between hosts of one network, so the scores are few and ties many: left as they are, or broken by the lower
prevalence, then the later first seen.
"""

from rivals.records import Records, Rival, Variant, of_pairs

__all__ = ["RIVAL"]

INCREASE, DECREASE = 0.15, 0.15
PREVALENT, RARE = 0.5, 0.02
OLD_DAYS, NEW_DAYS = 30, 7
KNOWN = {"destination": "dest_ip", "pair": "src_ip, dest_ip"}
TIES = {"ties left": "0", "ties by prevalence": "- prevalence / 1000 + cast(since as double) / 1000000000"}


def modified(known: str, ties: str) -> Variant:
    """Alerts of pairs by the sum of both modifiers.

    Args:
        known: whose first day counts: that of these columns.
        ties: a small summand.
    """

    def variant(records: Records) -> str:
        return of_pairs(
            f"""
            with host as (
              select day, count(distinct ip) as hosts
              from (select day, src_ip as ip from pair_day union all select day, dest_ip from pair_day)
              group by day
            ),
            prevalent as (select day, dest_ip, count(distinct src_ip) as clients from pair_day group by all),
            known as (select {known}, min(day) as since from pair_day group by {known}),
            weighed as (
              select day, src_ip, dest_ip, since, clients / hosts as prevalence
              from pair_day join host using (day) join prevalent using (day, dest_ip) join known using ({known})
              where day >= {records.learned}
            )
            select
              day, src_ip, dest_ip,
              case when prevalence <= {RARE} then {INCREASE} when prevalence >= {PREVALENT} then -{DECREASE} else 0 end
              + case when day - since <= {NEW_DAYS} then {INCREASE} when day - since >= {OLD_DAYS} then -{DECREASE} else 0 end
              + {ties} as score
            from weighed
            """
        )

    return variant


RIVAL = Rival(
    "RITA's modifiers",
    "prevalence and first seen, with the figures of activecm/rita v5",
    {
        f"first seen of the {whose}, {how}": modified(known, ties)
        for whose, known in KNOWN.items()
        for how, ties in TIES.items()
    },
)

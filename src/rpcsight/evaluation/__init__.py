"""How well findings tell attacks, given labels: of any detector, on any records."""

from rpcsight.evaluation.alerts import Alert, Pair, Step
from rpcsight.evaluation.figures import Evaluation
from rpcsight.evaluation.judging import judge

__all__ = ["Alert", "Evaluation", "Pair", "Step", "judge"]

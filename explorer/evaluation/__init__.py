"""Evaluation: what a network is worth on a split, for every sample and on average."""

from explorer.evaluation.plan_value import Evaluation, evaluate, measure

__all__ = ["Evaluation", "evaluate", "measure"]

"""Evaluation: what a network is worth on a split, for every sample and on average."""

from explorer.evaluation.per_sample import PerSample, measure_batches, measure_samples
from explorer.evaluation.split_value import Evaluation, evaluate, measure

__all__ = ["Evaluation", "PerSample", "evaluate", "measure", "measure_batches", "measure_samples"]

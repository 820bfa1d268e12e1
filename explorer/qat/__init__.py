"""Quantization-aware training: from a plan to a trained quantized network, and what either is worth."""

from explorer.qat.evaluation import Evaluation, calibration_batches, evaluate, measure
from explorer.qat.finetuning import METHODS, FinetuneResult, Observer, TrainingPoint, finetune

__all__ = [
    "METHODS",
    "Evaluation",
    "FinetuneResult",
    "Observer",
    "TrainingPoint",
    "calibration_batches",
    "evaluate",
    "finetune",
    "measure",
]

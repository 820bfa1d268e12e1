"""Quantization-aware training: from a plan to a trained quantized network."""

from explorer.qat.curves import TrainingPoint
from explorer.qat.finetuning import FinetuneResult, finetune
from explorer.qat.methods import METHODS, Method
from explorer.qat.optimizers import OPTIMIZERS

__all__ = [
    "METHODS",
    "OPTIMIZERS",
    "FinetuneResult",
    "Method",
    "TrainingPoint",
    "finetune",
]

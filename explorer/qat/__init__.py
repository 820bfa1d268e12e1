"""Quantization-aware training: from a plan to a trained quantized network."""

from explorer.qat.finetuning import METHODS, FinetuneResult, Observer, TrainingPoint, finetune

__all__ = ["METHODS", "FinetuneResult", "Observer", "TrainingPoint", "finetune"]

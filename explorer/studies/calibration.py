"""The images that choose the steps of a network's activations."""

import torch
from torch import Tensor

from explorer.studies.study import Study

CALIBRATION_IMAGES = 256


def calibration_batches(study: Study) -> list[Tensor]:
    """Evenly spread over the training split, always the same."""
    total = study.data.size("train")
    count = min(CALIBRATION_IMAGES, total)
    rows = torch.arange(count) * total // count
    return [inputs for inputs, _ in study.data.batches("train", 64, rows)]

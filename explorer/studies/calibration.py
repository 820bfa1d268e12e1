"""The images that choose the steps of a network's activations."""

from torch import Tensor

from explorer.randomness import spread_rows
from explorer.studies.study import Study

CALIBRATION_IMAGES = 256


def calibration_batches(study: Study) -> list[Tensor]:
    """Evenly spread over the training split, always the same."""
    total = study.data.size("train")
    rows = spread_rows(total, CALIBRATION_IMAGES)
    return [inputs for inputs, _ in study.data.batches("train", 64, rows)]

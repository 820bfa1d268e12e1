"""What plans are worth without training: the loss of every test image, for one plan after another.

All plans are measured on the same images, so that differences between two of them, or from FP32, are paired: the
standard error is that of the mean of the differences. A weight is quantized once for each width and kept; a plan
then costs one forward pass over the images.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor

from explorer.blocks import Block
from explorer.plans.damage.network_errors import channel_axis
from explorer.quantizers import ACTIVATIONS, FLOAT_BITS, WEIGHTS, QuantizerSettings, quantize_weight, simulate
from explorer.randomness import spread_rows
from explorer.studies import Study
from explorer.studies.calibration import calibration_batches

BATCH_SIZE = 250


@dataclass(frozen=True)
class Losses:
    """Of every image.

    Attributes:
        loss: (N,) float32.
        right: (N,) bool, whether it was classified rightly; None where the targets are no classes.
    """

    loss: Tensor
    right: Tensor | None

    @property
    def accuracy(self) -> float | None:
        """Share of images right."""
        return None if self.right is None else self.right.double().mean().item()


def difference(of: Tensor, than: Tensor) -> tuple[float, float]:
    """Mean of of − than over the images, and its standard error; both (N,)."""
    off = of.double() - than.double()
    return off.mean().item(), (off.std() / sqrt(len(off))).item()


class Measurer:
    """A study's network that takes the widths of one plan after another.

    Args:
        samples: images, evenly spread over the split.
        quantizer: of the weights.
        a_bits: of every layer's input; 32 leaves the activations as they are.
        should_stop: called before every batch; it may raise.
    """

    def __init__(
        self,
        study: Study,
        blocks: Sequence[Block],
        *,
        samples: int,
        split: str = "test",
        quantizer: QuantizerSettings = WEIGHTS,
        a_bits: int = FLOAT_BITS,
        should_stop: Callable[[], object] | None = None,
    ) -> None:
        self._blocks, self._quantizer, self._should_stop = blocks, quantizer, should_stop
        layers = {layer.name: (FLOAT_BITS, a_bits) for block in blocks for layer in block.layers}
        calibration = [] if a_bits == FLOAT_BITS else calibration_batches(study)
        self._network = simulate(study.model(), layers, calibration, activations=ACTIVATIONS)
        self._pristine = {
            layer.parameter: self._network.get_parameter(layer.parameter).detach().clone()
            for block in blocks
            for layer in block.layers
        }
        self._quantized: dict[tuple[str, int], Tensor] = {}
        rows = spread_rows(study.data.size(split), samples)
        size = 1 if study.data.ragged else BATCH_SIZE
        self._batches = list(study.data.batches(split, size, rows))
        self._loss = study.loss

    def losses(self, w_bits: Mapping[str, int]) -> Losses:
        """With the weights of every block at these widths."""
        with torch.no_grad():
            for block in self._blocks:
                for layer in block.layers:
                    weight = self._weight(layer.parameter, w_bits[block.name], channel_axis(layer))
                    self._network.get_parameter(layer.parameter).copy_(weight)
        losses, rights = [], []
        with torch.inference_mode():
            for inputs, targets in self._batches:
                if self._should_stop is not None:
                    self._should_stop()
                outputs = self._network(inputs)
                losses.append(self._loss.per_sample(outputs, targets).float())
                right = self._loss.correct(outputs, targets)
                if right is not None:
                    rights.append(right)
        return Losses(torch.cat(losses).clone(), torch.cat(rights).clone() if rights else None)

    def _weight(self, parameter: str, bits: int, axis: int) -> Tensor:
        key = (parameter, bits)
        if key not in self._quantized:
            self._quantized[key] = quantize_weight(
                self._pristine[parameter], bits, self._quantizer, axis=axis
            )
        return self._quantized[key]

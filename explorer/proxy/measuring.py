"""Loss and metric of every test sample without training, for one plan after another.

All plans are measured on the same samples, so that differences between two of them, or from FP32, are paired: the
standard error is that of the mean of the differences. A weight is quantized once for each width and kept; a plan
then costs one forward pass over the samples.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from explorer.blocks import Block
from explorer.evaluation.per_sample import BATCH_SIZE, PerSample, measure_batches
from explorer.plans.damage.network_errors import channel_axis
from explorer.quantizers import ACTIVATIONS, FLOAT_BITS, WEIGHTS, QuantizerSettings, quantize_weight, simulate
from explorer.randomness import spread_rows
from explorer.studies import Study
from explorer.studies.calibration import calibration_batches
from explorer.watching import UNWATCHED, Watcher


class Measurer:
    """A study's network that takes the widths of one plan after another.

    Args:
        samples: how many, evenly spread over the split.
        quantizer: of the weights.
        a_bits: of every layer's input; 32 leaves the activations as they are.
        watcher: may stop before every batch.
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
        watcher: Watcher = UNWATCHED,
    ) -> None:
        self._blocks, self._quantizer, self._watcher = blocks, quantizer, watcher
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
        self._study, self._batches = study, list(study.data.batches(split, BATCH_SIZE, rows))

    def measure(self, w_bits: Mapping[str, int]) -> PerSample:
        """Losses and metric with the weights of every block at these widths.

        Raises:
            Stopped: the watcher asked for it.
        """
        with torch.no_grad():
            for block in self._blocks:
                for layer in block.layers:
                    weight = self._weight(layer.parameter, w_bits[block.name], channel_axis(layer))
                    self._network.get_parameter(layer.parameter).copy_(weight)
        return measure_batches(self._study, self._network, self._batches, check=self._watcher.check_stop)

    def _weight(self, parameter: str, bits: int, axis: int) -> Tensor:
        key = (parameter, bits)
        if key not in self._quantized:
            self._quantized[key] = quantize_weight(
                self._pristine[parameter], bits, self._quantizer, axis=axis
            )
        return self._quantized[key]

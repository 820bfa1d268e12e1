"""‖Q(W) − W‖² of a network's own blocks at every width, with the quantizer that will be used."""

from collections.abc import Iterable, Sequence
from weakref import WeakKeyDictionary

from torch import nn

from explorer.blocks import Block, Layer
from explorer.quantizers.settings import WEIGHTS, QuantizerSettings
from explorer.quantizers.weights import squared_errors
from explorer.studies.study import Study


def network_errors(
    study: Study, blocks: Sequence[Block], bits: Iterable[int], quantizer: QuantizerSettings = WEIGHTS
) -> dict[str, dict[int, float]]:
    """Block to bits to the squared error of its weights, summed over its layers."""
    widths = sorted(set(bits))
    # The blocks are those of the opened network (`Study.model`), which has weights that the study's own has not.
    keys = {
        (layer.parameter, width, quantizer) for block in blocks for layer in block.layers for width in widths
    }
    model = None if keys <= _KNOWN.setdefault(study.network, {}).keys() else study.model()
    errors: dict[str, dict[int, float]] = {}
    for block in blocks:
        errors[block.name] = dict.fromkeys(widths, 0.0)
        for layer in block.layers:
            for width in widths:
                errors[block.name][width] += _squared_error(study.network, model, layer, width, quantizer)
    return errors


# A page asks for the same errors again and again, and choosing a step is what takes the time. A study's network
# is never changed, so what was found for it holds as long as it lives.
_KNOWN: WeakKeyDictionary[nn.Module, dict[tuple[str, int, QuantizerSettings], float]] = WeakKeyDictionary()


def _squared_error(
    network: nn.Module, model: nn.Module | None, layer: Layer, bits: int, quantizer: QuantizerSettings
) -> float:
    """Of one layer at one width; ``model`` holds its weight where the error is not known for the network."""
    known = _KNOWN[network]
    key = (layer.parameter, bits, quantizer)
    if key not in known:
        assert model is not None
        weight = model.get_parameter(layer.parameter).detach()
        known[key] = squared_errors(weight, (bits,), quantizer, axis=layer.output_axis)[bits]
    return known[key]

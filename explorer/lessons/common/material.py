"""Networks with their data that lessons show, loaded once a process; nobody changes them.

A lesson's network trains or quantizes a copy: `explorer.studies.Study.model` makes one.
"""

from functools import cache

import torch
from torch import Tensor, nn

from explorer import studies
from explorer.questions.base import Split
from explorer.studies import Study

QUICK = "fashion-thin"  # where a lesson trains
USUAL = "fashion-resnet20"


@cache
def study(name: str = QUICK) -> Study:
    """A study that has weights.

    Raises:
        StudyError: it is not there, or has none.
    """
    return studies.load_network(name)


@cache
def network(name: str = QUICK) -> nn.Module:
    """The study's FP32 network in eval mode, to be read and run, not to be changed."""
    return study(name).model()


def weight(layer: str, name: str = QUICK) -> Tensor:
    """The weight of a layer, detached: (out, in) or (out, in, k, k)."""
    found = network(name).get_submodule(layer).weight
    assert isinstance(found, Tensor)
    return found.detach()


@cache
def layers(name: str = QUICK) -> tuple[str, ...]:
    """Names of the layers that have a weight to quantize, from input to output."""
    return tuple(layer.name for block in study(name).blocks() for layer in block.layers)


@cache
def images(count: int, name: str = QUICK, split: Split = "test") -> tuple[Tensor, Tensor]:
    """The first images of a split, normalised (N, C, H, W), and their labels (N,)."""
    data = study(name).data
    return data.inputs(split, slice(0, count)), data.targets(split, slice(0, count))


@cache
def input_of(layer: str, count: int = 64, name: str = QUICK) -> Tensor:
    """What a layer is given for the first test images: the activation (N, ...) that is quantized in front of it."""
    kept: list[Tensor] = []
    hook = (
        network(name)
        .get_submodule(layer)
        .register_forward_pre_hook(lambda module, given: kept.append(given[0].detach()))
    )
    try:
        with torch.no_grad():
            network(name)(images(count, name)[0])
    finally:
        hook.remove()
    return kept[0]

"""Quantizing block after block while the network trains, as HAWQ does (Dong et al. 2019, section 3.3).

Blocks are quantized in descending order of their damage Omega, so that those which lose most have the others in full
precision to train against. With S stages the ordered blocks are cut into S groups of as equal a number as possible;
stage i begins at step floor(i T / (2 (S - 1))) of T and quantizes one more group. So the last stage, with everything
quantized, has at least half of the steps, however short the training. HAWQ's own schedule is not public; this is a
reconstruction.

A block that is not quantized yet computes with its latent weights and its input as it comes. Measurements, unlike
steps, always quantize everything.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn.utils import parametrize

from explorer.blocks import Block
from explorer.errors import RunError
from explorer.quantizers.modules import INPUT, FakeQuantizer


class Stages:
    """The stages of a training.

    Args:
        blocks: of the plan.
        order: names of the blocks, first to be quantized first; None with a single stage.
        count: S.
        steps: T.

    Raises:
        RunError: several stages without an order, or an order of other blocks.
    """

    def __init__(self, blocks: Sequence[Block], order: Sequence[str] | None, count: int, steps: int) -> None:
        self._starts = stage_starts(count, steps)
        self._waits: dict[str, int] = {}  # layer to the step at which it is quantized
        if count == 1:
            return
        if order is None or set(order) != {block.name for block in blocks} or len(order) != len(blocks):
            raise RunError(
                "stages need the blocks of the plan in the order of their damage; compute their traces first, or train "
                "in one stage"
            )
        if count > len(blocks):
            raise RunError(f"there are {count} stages for {len(blocks)} blocks; use at most {len(blocks)}")
        layers = {block.name: [name for layer in block.layers for name in layer.names] for block in blocks}
        for place, name in enumerate(order):
            start = self._starts[place * count // len(order)]
            self._waits.update(dict.fromkeys(layers[name], start))

    @contextmanager
    def at(self, network: nn.Module, step: int) -> Iterator[None]:
        """Leave the blocks whose stage has not come in full precision while the block runs."""
        waiting = [name for name, start in self._waits.items() if step < start]
        quantizers = [each for name in waiting for each in _quantizers(network.get_submodule(name))]
        for quantizer in quantizers:
            quantizer.forward = _as_it_is  # type: ignore[method-assign]
        try:
            yield
        finally:
            for quantizer in quantizers:
                quantizer.__dict__.pop("forward", None)  # layers may share one


def stage_starts(count: int, steps: int) -> list[int]:
    """The first step of each stage."""
    return [0] if count == 1 else [stage * steps // (2 * (count - 1)) for stage in range(count)]


def _quantizers(layer: nn.Module) -> Iterator[FakeQuantizer]:
    found = [getattr(layer, INPUT, None)]
    if parametrize.is_parametrized(layer, "weight"):
        found += list(layer.parametrizations["weight"])  # type: ignore[index]
    for each in found:
        if isinstance(each, FakeQuantizer):
            yield each


def _as_it_is(x: Tensor) -> Tensor:
    return x

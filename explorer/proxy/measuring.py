"""Loss and metric of every sample without training, for one plan after another.

What `explorer.evaluation.evaluate` finds for a plan, on the same samples and by the same rules, without its repeated
work. Calibration runs on the FP32 network, so the step of an input depends on its layer and width alone and the value
of a weight on its width alone: both are found once and kept, and a plan costs the forward passes over the samples. The
values that the network computes with are those of `evaluate` to the bit; since the samples come in other batches, the
outputs agree to rounding.

All plans are measured on the same samples, so that differences between two of them, or from FP32, are paired: the
standard error is that of the mean of the differences. Samples are taken in an order of which every beginning is evenly
spread (`randomness.spread_order`), and what was measured of a plan is kept: a first estimate from few samples is
refined to all of them at the cost of the others.

Plans that differ from one another in a few blocks alone share what comes before the first of these: `Measurer.around`
computes that once a batch and replays it (`explorer.replay`).
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from explorer.blocks import Block
from explorer.errors import PlanError
from explorer.evaluation.per_sample import BATCH_SIZE, PerSample, joined, score
from explorer.plans.plan.plan import BlockBits, check_names
from explorer.quantizers import (
    ACTIVATIONS,
    FLOAT_BITS,
    WEIGHTS,
    Affine,
    GivenSteps,
    QuantizedWeight,
    QuantizerSettings,
    fake_quantize,
    simulate,
    weight_affine,
)
from explorer.quantizers.calibration import ObservedInputs, observe_inputs
from explorer.quantizers.layers import Place, places
from explorer.randomness import spread_order, spread_rows
from explorer.replay import Batch, Replay
from explorer.studies import Study
from explorer.studies.calibration import calibration_batches
from explorer.watching import UNWATCHED, Watcher

Bits = Mapping[str, BlockBits]  # block to its widths

MOST_BYTES = 2**29  # of inputs that are held; those beyond are loaded anew for every plan
MOST_PLANS = 1024  # whose samples are kept

_Layers = Mapping[str, tuple[int, int]]  # layer to bits of its weight and of its input
_Range = tuple[int, int]  # places of samples in the order in which they are measured
_Run = Callable[[_Range, Any], Any]  # a batch to its outputs


class Measurer:
    """A study's network that takes the widths of one plan after another.

    Args:
        samples: how many, evenly spread over the split; None: all.
        weights, activations: the rules that choose steps.
        watcher: may stop before every batch.

    Raises:
        StudyError: there is no such split.
    """

    def __init__(
        self,
        study: Study,
        blocks: Sequence[Block],
        *,
        samples: int | None = None,
        split: str = "test",
        weights: QuantizerSettings = WEIGHTS,
        activations: QuantizerSettings = ACTIVATIONS,
        watcher: Watcher = UNWATCHED,
    ) -> None:
        self.study, self.blocks, self.split = study, tuple(blocks), split
        size = study.data.size(split)
        spread = spread_rows(size, size if samples is None else samples)
        self._rows = spread[spread_order(len(spread))]
        self._settings, self._watcher = (weights, activations), watcher
        self._at_once = 1 if study.data.ragged else BATCH_SIZE
        self._network = _Switched(study, weights, activations)
        self._inputs: dict[_Range, tuple[Any, Tensor]] = {}
        self._input_bytes = 0
        self._found: OrderedDict[Any, list[PerSample]] = OrderedDict()
        self._lock = threading.RLock()

    @property
    def samples(self) -> int:
        """How many samples there are to measure on."""
        return len(self._rows)

    def measure(
        self, bits: Bits, *, samples: int | None = None, steps: GivenSteps | None = None
    ) -> PerSample:
        """Losses and metric of a plan without training, samples in the order of the split.

        Threads may share a measurer: they take turns.

        Args:
            bits: of every block.
            samples: how many; None: all. Fewer are the beginning of a fixed order, evenly spread.
            steps: go before the rules; such a plan is set up anew.

        Raises:
            PlanError: the blocks are others, or no sample is asked for.
            QuantizerError: a layer has no step at this width.
            Stopped: the watcher asked for it; what was measured is kept.
        """
        layers = self._layers(bits)
        return self._measured(layers, steps, samples, lambda: self._forward(layers, steps))

    def around(self, bits: Bits, changing: Collection[str]) -> "Around":
        """A measurer of plans that differ from this one in some blocks at most.

        Args:
            bits: of every block.
            changing: names of the blocks that may differ.

        Raises:
            PlanError: the blocks are others.
        """
        layers = self._layers(bits)
        check_names(dict.fromkeys([*bits, *changing]), self.blocks, self.study.name)
        return Around(self, layers, [block for block in self.blocks if block.name in changing])

    def _layers(self, bits: Bits) -> _Layers:
        check_names(bits, self.blocks, self.study.name)
        return {
            layer.name: (bits[block.name].w_bits, bits[block.name].a_bits)
            for block in self.blocks
            for layer in block.layers
        }

    def _forward(self, layers: _Layers, steps: GivenSteps | None) -> _Run:
        if steps is None:
            self._network.take(layers)
            return lambda _, inputs: self._network.model(inputs)
        weights, activations = self._settings
        calibration = calibration_batches(self.study)
        network = simulate(
            self.study.model(), layers, calibration, weights=weights, activations=activations, steps=steps
        )
        return lambda _, inputs: network(inputs)

    def _measured(
        self, layers: _Layers, steps: GivenSteps | None, samples: int | None, forward: Callable[[], _Run]
    ) -> PerSample:
        key = tuple(sorted(layers.items())), steps
        count = self.samples if samples is None else min(samples, self.samples)
        if count < 1:
            raise PlanError(f"{samples} samples cannot be measured; take at least 1")
        with self._lock, torch.no_grad():
            parts = self._found.setdefault(key, [])
            self._found.move_to_end(key)
            if len(self._found) > MOST_PLANS:
                self._found.popitem(last=False)
            done = sum(map(len, parts))
            if done < count:
                run = forward()
                for where in _ranges(done, count, self._at_once):
                    self._watcher.check_stop()
                    inputs, targets = self._batch(where)
                    parts.append(score(run(where, inputs), targets, self.study.loss, self.study.metric))
            return self._in_order(joined(parts), count)

    def _batch(self, where: _Range) -> tuple[Any, Tensor]:
        if where in self._inputs:
            return self._inputs[where]
        rows = self._rows[slice(*where)]
        (batch,) = self.study.data.batches(self.split, self._at_once, rows)
        self._input_bytes += sum(each.nbytes for each in pytree.tree_leaves(batch) if torch.is_tensor(each))
        if self._input_bytes <= MOST_BYTES:
            self._inputs[where] = batch
        return batch

    def _in_order(self, found: PerSample, count: int) -> PerSample:
        order = self._rows[:count].argsort()
        return PerSample(found.losses[order], None if found.metric is None else found.metric[order])


class Around:
    """Plans that differ from one in some blocks at most; what comes before the first of these is replayed.

    Attributes:
        replay: what it leaves out, and what it holds.
    """

    def __init__(self, measurer: Measurer, layers: _Layers, changing: Iterable[Block]) -> None:
        self._measurer, self._base = measurer, layers
        self._changing = {layer.name for block in changing for layer in block.layers}
        network = measurer._network
        self.replay = Replay(network.model, network.modules(self._changing))
        self._batches: dict[_Range, Batch] = {}

    def measure(self, bits: Bits, *, samples: int | None = None) -> PerSample:
        """As `Measurer.measure`, to the bit.

        Raises:
            PlanError: a block differs that was not to change.
        """
        layers = self._measurer._layers(bits)
        other = [name for name in layers if layers[name] != self._base[name] and name not in self._changing]
        if other:
            raise PlanError(
                f"the layer {other[0]} differs from the plan around which is measured; "
                "name its block among those that change"
            )

        def forward() -> _Run:
            self._measurer._network.take(layers)
            return self._outputs

        return self._measurer._measured(layers, None, samples, forward)

    def _outputs(self, where: _Range, inputs: Any) -> Any:
        if where in self._batches:
            return self._batches[where].outputs()
        self._batches[where] = self.replay.batch(inputs)
        return self._batches[where].recorded


class _Switched:
    """A network whose weights and inputs can be put at other widths, any number of times."""

    def __init__(self, study: Study, weights: QuantizerSettings, activations: QuantizerSettings) -> None:
        self.model = study.model()
        self._study, self._weights, self._activations = study, weights, activations
        self._pristine: dict[int, Tensor] = {}
        self._values: dict[tuple[int, int], Tensor] = {}
        self._observed: dict[str, ObservedInputs] = {}
        self._affines: dict[tuple[str, int], Affine] = {}
        self._w_bits: dict[int, int] = {}
        self._hooked: dict[str, _Input] = {}

    def modules(self, layers: Collection[str]) -> list[nn.Module]:
        """The modules that change with these layers, those that share a weight included."""
        names = {place.name for place in places(self.model, dict.fromkeys(layers, (FLOAT_BITS, FLOAT_BITS)))}
        return [self.model.get_submodule(name) for name in names]

    def take(self, layers: _Layers) -> None:
        """Compute with these widths of weights and inputs from now on; layers that are not named stay in FP32."""
        where = places(self.model, layers)
        self._observe([place for place in where if place.a_bits != FLOAT_BITS])
        inputs = {place.name: self._affine(place.name, place.a_bits) for place in where}
        for place in where:
            if self._w_bits.get(place.weight, FLOAT_BITS) != place.w_bits:
                self._put(place)
            self._input(place.name).affine = inputs[place.name]

    def _put(self, place: Place) -> None:
        weight = self.model.get_submodule(place.name).weight
        assert isinstance(weight, Tensor)
        with torch.no_grad():
            pristine = self._pristine.setdefault(place.weight, weight.detach().clone())
            weight.copy_(self._value(place, pristine))
        self._w_bits[place.weight] = place.w_bits

    def _value(self, place: Place, pristine: Tensor) -> Tensor:
        if place.w_bits == FLOAT_BITS:
            return pristine
        key = place.weight, place.w_bits
        if key not in self._values:
            affine = weight_affine(pristine, place.w_bits, self._weights, axis=place.weight_axis)
            correction = self._weights.bias_correction
            found = QuantizedWeight.of(
                pristine, affine, bias_correction=correction, channels=place.weight_axis
            )
            self._values[key] = found.dequantize()
        return self._values[key]

    def _observe(self, wanted: Sequence[Place]) -> None:
        """See what reaches layers that were not observed so far, in the FP32 network."""
        new = [place for place in wanted if place.name not in self._observed]
        if new:
            model, batches = self._study.model(), calibration_batches(self._study)
            observed = observe_inputs(model, new, batches, self._activations)
            self._observed.update({place.name: observed for place in new})

    def _affine(self, name: str, bits: int) -> Affine | None:
        if bits == FLOAT_BITS:
            return None
        if (name, bits) not in self._affines:
            self._affines[name, bits] = self._observed[name].affine(name, bits)
        return self._affines[name, bits]

    def _input(self, name: str) -> "_Input":
        if name not in self._hooked:
            self._hooked[name] = _Input()
            self.model.get_submodule(name).register_forward_pre_hook(self._hooked[name], with_kwargs=True)
        return self._hooked[name]


class _Input:
    """Forward pre-hook of a layer that quantizes its input, or leaves it for None."""

    affine: Affine | None = None

    def __call__(self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.affine is None:
            return None
        if args:
            return (fake_quantize(args[0], self.affine), *args[1:]), kwargs
        return args, {**kwargs, "input": fake_quantize(kwargs["input"], self.affine)}


def _ranges(start: int, end: int, at_once: int) -> Iterable[_Range]:
    """The places from start to end, cut where a whole number of batches ends."""
    while start < end:
        stop = min(start - start % at_once + at_once, end)
        yield start, stop
        start = stop

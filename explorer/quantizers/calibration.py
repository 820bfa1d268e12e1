"""Steps of activations from calibration batches: what reaches each layer of the FP32 network.

Min-max needs only the smallest and largest value over all batches. Every other rule sees a sample: of each
batch up to SAMPLE values (per channel: positions) drawn with a fixed seed, and the extremes, which a sample
would miss.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from explorer.errors import QuantizerError
from explorer.quantizers import steps
from explorer.quantizers.grid import FLOAT_BITS, Grid
from explorer.quantizers.layers import Place, input_axis
from explorer.quantizers.settings import QuantizerSettings
from explorer.quantizers.steps import min_max
from explorer.quantizers.steps.rows import as_rows, extremes
from explorer.quantizers.uniform import Affine
from explorer.randomness import Stream, generator

SAMPLE = 1 << 16


class _Observer:
    def __init__(self, axis: int | None, *, sample: bool) -> None:
        self.axis, self.sample = axis, sample
        self.low: Tensor | None = None
        self.high: Tensor | None = None
        self.kept: list[Tensor] = []
        self.generator = generator(Stream.OBSERVED_VALUES, 0)

    def see(self, x: Tensor) -> None:
        rows = as_rows(x, self.axis)
        low, high = extremes(rows)
        self.low = low if self.low is None else torch.minimum(self.low, low)
        self.high = high if self.high is None else torch.maximum(self.high, high)
        if self.sample:
            if rows.shape[1] > SAMPLE:
                drawn = torch.randint(rows.shape[1], (SAMPLE,), generator=self.generator)
                rows = rows[:, drawn.to(rows.device)]
            self.kept.append(rows.clone())  # a later in-place operation must not reach it

    def choose(self, grid: Grid, settings: QuantizerSettings) -> Affine:
        assert self.low is not None
        assert self.high is not None
        if self.sample:
            values = torch.cat([*self.kept, self.low[:, None], self.high[:, None]], dim=1)
            q = steps.choose(settings.step, values, grid, axis=0, scheme=settings.scheme)
        else:
            q = min_max.from_range(self.low, self.high, grid, axis=0, scheme=settings.scheme)
        return min_max.along(q, self.axis)


def input_affines(
    model: nn.Module, where: Iterable[Place], calibration: Iterable[Tensor], settings: QuantizerSettings
) -> dict[str, Affine]:
    """The step of each place's input, measured on `model`, which must hold no quantizer yet."""
    wanted = {p.name: Grid.of(p.a_bits, settings.scheme) for p in where if p.a_bits != FLOAT_BITS}
    if not wanted:
        return {}
    observers = _observe(model, wanted, calibration, settings)
    return {name: observers[name].choose(grid, settings) for name, grid in wanted.items()}


def _observe(
    model: nn.Module, wanted: Mapping[str, Grid], calibration: Iterable[Tensor], settings: QuantizerSettings
) -> dict[str, _Observer]:
    observers, hooks = {}, []
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        for name, grid in wanted.items():
            layer = model.get_submodule(name)
            axis = input_axis(layer) if settings.granularity == "channel" else None
            sample = settings.step != "min-max" or grid.is_sign
            observers[name] = _Observer(axis, sample=sample)
            hooks.append(layer.register_forward_pre_hook(_watch(name, observers[name]), with_kwargs=True))
        with torch.no_grad():
            for batch in calibration:
                model(batch)
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in modes.items():
            module.training = training
    for name, observer in observers.items():
        if observer.low is None:
            raise QuantizerError(
                f"no calibration batch reached layer {name!r}, so its activations have no step: give "
                f"calibration inputs that use it, or leave its activations at {FLOAT_BITS} bits"
            )
    return observers


def _watch(name: str, observer: _Observer) -> Any:
    def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        try:
            observer.see(args[0] if args else kwargs["input"])
        except QuantizerError as error:
            raise QuantizerError(f"at the input of layer {name!r}: {error}") from None

    return hook

"""Steps of activations from calibration batches: what reaches each layer of the FP32 network.

Min-max needs only the smallest and largest value over all batches. Every other rule sees a sample: of each
batch up to SAMPLE values (per channel: positions) drawn with a fixed seed, and the extremes, which a sample
would miss.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from explorer.errors import QuantizerError
from explorer.quantizers import steps
from explorer.quantizers.given import GivenSteps, LayerSteps
from explorer.quantizers.grid import FLOAT_BITS, WIDTHS, Grid
from explorer.quantizers.layers import Place, input_axis, places
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

    @property
    def signed(self) -> bool:
        """Whether a value was negative."""
        assert self.low is not None
        return bool((self.low < 0).any())

    def choose(self, grid: Grid, settings: QuantizerSettings) -> Affine:
        assert self.low is not None
        assert self.high is not None
        if settings.step != "min-max" or grid.is_sign:
            values = torch.cat([*self.kept, self.low[:, None], self.high[:, None]], dim=1)
            q = steps.choose(settings.step, values, grid, axis=0, scheme=settings.scheme)
        else:
            q = min_max.from_range(self.low, self.high, grid, axis=0, scheme=settings.scheme)
        return min_max.along(q, self.axis)


class ObservedInputs:
    """What reached some layers of a network, from which the step of each input follows at any width.

    A step depends on the layer, its width and the settings alone, since calibration runs on the FP32 network: one
    observation serves every plan.
    """

    def __init__(self, observers: Mapping[str, _Observer], settings: QuantizerSettings) -> None:
        self._observers, self._settings = observers, settings

    def affine(self, name: str, bits: int) -> Affine:
        """The step of a layer's input.

        Raises:
            QuantizerError: no calibration batch reached the layer, or there is no such width.
        """
        observer = self._seen(name)
        return observer.choose(Grid.of(bits, self._settings.scheme), self._settings)

    def fitted(self, name: str, bits: int) -> Affine:
        """The step of a layer's input on the unsigned grid where it was never seen negative, on the signed one else.

        Raises:
            QuantizerError: as `affine`.
        """
        observer = self._seen(name)
        grid = Grid.signed(bits) if observer.signed else Grid.unsigned(bits)
        return observer.choose(grid, self._settings)

    def _seen(self, name: str) -> _Observer:
        observer = self._observers[name]
        if observer.low is None:
            raise QuantizerError(
                f"no calibration batch reached layer {name!r}, so its activations have no step: give "
                f"calibration inputs that use it, or leave its activations at {FLOAT_BITS} bits"
            )
        return observer


def observe_inputs(
    model: nn.Module,
    where: Iterable[Place],
    calibration: Iterable[Tensor],
    settings: QuantizerSettings,
    *,
    menu: Iterable[int] = WIDTHS,
) -> ObservedInputs:
    """Run calibration batches through `model`, which must hold no quantizer, and see what reaches each place.

    `menu`: widths that steps will be asked for.
    """
    signs = any(Grid.of(bits, settings.scheme).is_sign for bits in menu)
    names = [place.name for place in where]
    observers = _observe(model, names, calibration, settings, sample=settings.step != "min-max" or signs)
    return ObservedInputs(observers, settings)


def input_affines(
    model: nn.Module, where: Iterable[Place], calibration: Iterable[Tensor], settings: QuantizerSettings
) -> dict[str, Affine]:
    """The step of each place's input, measured on `model`, which must hold no quantizer yet."""
    wanted = [place for place in where if place.a_bits != FLOAT_BITS]
    if not wanted:
        return {}
    menu = {place.a_bits for place in wanted}
    observed = observe_inputs(model, wanted, calibration, settings, menu=menu)
    return {place.name: observed.affine(place.name, place.a_bits) for place in wanted}


def fitted_steps(
    model: nn.Module,
    bits: Mapping[str, tuple[int, int]],
    calibration: Iterable[Tensor],
    *,
    rule: str = "mse",
    given: GivenSteps | None = None,
) -> GivenSteps:
    """``given`` steps, completed by one for the input of every layer: symmetric, unsigned where never seen negative.

    Args:
        bits: of the weight and of the input of each layer.
        rule: that chooses a step.
    """
    own: dict[str, LayerSteps] = {} if given is None else dict(given.layers)
    missing = [
        place
        for place in places(model, bits)
        if place.a_bits != FLOAT_BITS and (place.name not in own or own[place.name].a_step is None)
    ]
    if missing:
        settings = QuantizerSettings(scheme="symmetric", granularity="tensor", step=rule)
        observed = observe_inputs(model, missing, calibration, settings, menu={p.a_bits for p in missing})
        for place in missing:
            found = observed.fitted(place.name, place.a_bits)
            has = own.get(place.name, LayerSteps())
            own[place.name] = replace(has, a_step=float(found.step), a_signed=found.grid.qmin < 0)
    return GivenSteps(own, "none" if given is None else given.bias_correction)


def _observe(
    model: nn.Module,
    names: Iterable[str],
    calibration: Iterable[Tensor],
    settings: QuantizerSettings,
    *,
    sample: bool,
) -> dict[str, _Observer]:
    observers, hooks = {}, []
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        for name in names:
            layer = model.get_submodule(name)
            axis = input_axis(layer) if settings.granularity == "channel" else None
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
    return observers


def _watch(name: str, observer: _Observer) -> Any:
    def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        try:
            observer.see(args[0] if args else kwargs["input"])
        except QuantizerError as error:
            raise QuantizerError(f"at the input of layer {name!r}: {error}") from None

    return hook

r"""Lesson 10, flat minima: FPQ's noise, its distillation, and the trace while a network trains (arXiv 2503.11159).

With delta ~ U[-s/2, s/2], E delta = 0 and E delta^2 = s^2 / 12, and to the second order (eq. 7, 8)

    E L(w + delta) = L(w) + s^2 / 24 L''(w),       for many independent ones   L + s^2 / 24 Tr(L'')

so training under noise descends on the loss and on its curvature together. Two wells

    L(w) = 1 - a exp(-(w + 1)^2 / 2 u^2) - b exp(-(w - 1)^2 / 2 v^2)

have the mean under noise in closed form, by the error function.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from scipy.special import erf
from torch import Tensor, nn

from explorer.curvature.operators.output_hessian import roots
from explorer.estimates import Estimate, mean
from explorer.lessons.common import draws, material, trainings
from explorer.lessons.common.longs import LongExperiment, Values
from explorer.qat.distillation import standardized_apart
from explorer.qat.noise import noisy
from explorer.quantizers import FLOAT_BITS, Affine, Grid, simulate
from explorer.studies import Study
from explorer.watching import Watcher

SHARP, FLAT = (1.0, -1.0), (0.9, 1.0)  # depth and place of both wells; the sharp one is deeper
FLAT_WIDTH = 0.6
IMAGES = 32
NOISE_BITS = (2, 3, 4, 5, 6)
_DESCENT, _NOISE = range(2)  # purposes of random draws


@dataclass(frozen=True)
class Wells:
    """The loss of one weight; ``width`` is that of the sharp well, u."""

    width: float

    @property
    def _wells(self) -> tuple[tuple[float, float, float], ...]:
        return ((*SHARP, self.width), (*FLAT, FLAT_WIDTH))

    def loss(self, w: np.ndarray) -> np.ndarray:
        """L(w)."""
        found = np.ones_like(np.asarray(w, float))
        for depth, at, u in self._wells:
            found = found - depth * np.exp(-((w - at) ** 2) / (2 * u * u))
        return found

    def slope(self, w: np.ndarray) -> np.ndarray:
        """L'(w)."""
        found = np.zeros_like(np.asarray(w, float))
        for depth, at, u in self._wells:
            found = found + depth * (w - at) / u**2 * np.exp(-((w - at) ** 2) / (2 * u * u))
        return found

    def curvature(self, w: np.ndarray) -> np.ndarray:
        """L''(w)."""
        found = np.zeros_like(np.asarray(w, float))
        for depth, at, u in self._wells:
            x = (w - at) / u
            found = found + depth / u**2 * (1 - x**2) * np.exp(-(x**2) / 2)
        return found

    def under_noise(self, w: np.ndarray, step: float) -> np.ndarray:
        """E L(w + delta), delta ~ U[-step/2, step/2]."""
        found = np.ones_like(np.asarray(w, float))
        for depth, at, u in self._wells:
            ends = [(w - at + sign * step / 2) / (u * np.sqrt(2)) for sign in (1, -1)]
            found = found - depth * u * np.sqrt(np.pi / 2) * (erf(ends[0]) - erf(ends[1])) / step
        return found


def descend(wells: Wells, step: float, again: int, *, count: int = 300, rate: float = 0.02) -> np.ndarray:
    """Gradient descent from the sharp well, each gradient taken at w + delta; all w, (count + 1,)."""
    uniform = torch.rand(count, generator=draws.source(10, _DESCENT, again), dtype=torch.float64)
    way = [SHARP[1]]
    for delta in ((uniform - 0.5) * step).tolist():
        way.append(way[-1] - rate * float(wells.slope(np.array(way[-1] + delta))))
    return np.array(way)


@dataclass(frozen=True)
class Noisy:
    """Loss added by noise of a step on one layer's input, in nats.

    Attributes:
        step: s, in units of the activation.
        measured: mean over images, of the mean of +delta and -delta, which takes the gradient's part out. Its standard
            error is that of the difference from the prediction, which is of the same images.
        predicted: s^2 / 24 times the trace over the input.
    """

    bits: int
    step: float
    measured: Estimate
    predicted: float


@cache
def _base() -> tuple[Tensor, dict[str, tuple[Tensor, float]]]:
    """Losses of the images (N,); for every layer the trace over its input, an image (N,), and the largest input."""
    study, network = material.study(), material.study().model()
    images, labels = material.images(IMAGES)
    given: dict[str, Tensor] = {}

    def keep(layer: nn.Module, inputs: tuple[Tensor, ...], *, name: str) -> tuple[Tensor]:
        # A tensor of its own, so that the gradient of this layer's input is that of this layer alone.
        given[name] = inputs[0] * 1.0
        return (given[name],)

    for name in material.layers():
        network.get_submodule(name).register_forward_pre_hook(partial(keep, name=name))
    outputs = network(images.clone().requires_grad_(True))
    (root,) = roots(study.loss, outputs, labels)
    totals = {name: torch.zeros(len(images), dtype=torch.float64) for name in given}
    for column in range(outputs.shape[1]):
        unit = torch.zeros(outputs.shape, dtype=torch.float64)
        unit[:, column] = 1
        pulled = torch.autograd.grad(
            outputs, list(given.values()), root.times(unit).to(outputs.dtype), retain_graph=True
        )
        for name, gradient in zip(given, pulled, strict=True):
            totals[name] += gradient.double().flatten(1).square().sum(1)
    losses = study.loss.per_sample(outputs.detach(), labels).double()
    return losses, {name: (totals[name], float(x.detach().max())) for name, x in given.items()}


def feature_noise(layer: str, again: int) -> tuple[Noisy, ...]:
    """At several widths; the step is that of an unsigned grid up to the largest input."""
    study = material.study()
    losses, known = _base()
    traces, largest = known[layer]
    images, labels = material.images(IMAGES)
    network = material.network()
    found = []
    for bits in NOISE_BITS:
        step = largest / (2**bits - 1)
        q = Affine(torch.tensor(step), None, Grid.unsigned(bits))
        sides = []
        for sign in (1, -1):

            def add(
                module: nn.Module,
                inputs: tuple[Tensor, ...],
                q: Affine = q,
                sign: int = sign,
                draw: int = bits,
            ) -> tuple[Tensor]:
                delta = noisy(torch.zeros_like(inputs[0]), q, draws.source(10, _NOISE, again, draw))
                return (inputs[0] + sign * delta,)

            handle = network.get_submodule(layer).register_forward_pre_hook(add)
            try:
                with torch.no_grad():
                    sides.append(study.loss.per_sample(network(images), labels).double())
            finally:
                handle.remove()
        predicted = step**2 / 24 * traces
        apart = mean((sides[0] + sides[1]) / 2 - losses - predicted)
        sure = Estimate(apart.value + float(predicted.mean()), apart.stderr)
        found.append(Noisy(bits, step, sure, float(predicted.mean())))
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Outputs:
    """One channel of a convolution's output in the FP32 network and in a quantized one, (values,) each.

    Attributes:
        apart: L_CSD of the whole layer, after the change of scale and place.
        squared: mean squared difference of the layer's outputs, likewise.
        correlation: of this channel's outputs.
    """

    teacher: np.ndarray
    student: np.ndarray
    apart: float
    squared: float
    correlation: float


@cache
def _outputs(layer: str, bits: int) -> tuple[Tensor, Tensor]:
    """Outputs (N, C, H, W) of the layer in FP32, and with the weights of all layers at so many bits."""
    found = []
    study = material.study()
    widths = dict.fromkeys(material.layers(), (bits, FLOAT_BITS))
    for network in (study.model(), simulate(study.model(), widths, [])):
        kept: list[Tensor] = []
        network.get_submodule(layer).register_forward_hook(lambda m, i, out, kept=kept: kept.append(out))
        with torch.no_grad():
            network(material.images(IMAGES)[0])
        found.append(kept[0])
    return found[0], found[1]


def channel(layer: str, bits: int, number: int, scale: float, shift: float, values: int = 800) -> Outputs:
    """Channel ``number`` of a layer, the student's outputs times ``scale`` and plus ``shift``."""
    teacher, student = _outputs(layer, bits)
    student = scale * student + shift
    pair = [each[:, number].flatten().double() for each in (teacher, student)]
    correlation = float(torch.corrcoef(torch.stack(pair))[0, 1])
    every = max(1, len(pair[0]) // values)
    apart = float(standardized_apart(student, teacher))
    squared = float((student - teacher).square().mean())
    t, z = (each[::every].numpy() for each in pair)
    return Outputs(t, z, apart, squared, correlation)


VARIANTS: dict[str, dict[str, Any]] = {
    "LSQ": {"noise": 0.0, "channels": 0.0},
    "with noise": {"noise": 0.3, "channels": 0.0},
    "with CSD": {"noise": 0.0, "channels": 1.0},
    "FPQ: both": {"noise": 0.3, "channels": 1.0},
}


def fpq(study: Study, watcher: Watcher, *, epochs: int, w_bits: int, a_bits: int, images: int) -> Values:
    """LSQ without and with FPQ's noise (p = 0.3) and distillation, the trace over the weights after each epoch.

    The first and the last block have 8 bits, as in the paper. What is kept is the last network.

    Args:
        images: of the training split that the trace is a mean over.
    """
    plan = trainings.inner_plan(study, w_bits, a_bits, (8, 8))
    same = {
        "method": "lsq", "epochs": epochs, "keep": "last", "logits": 0.0, "trace_images": images,
        "batch_norm": "trained",
    }  # fmt: skip
    asked = [trainings.Asked(name, plan, {**same, **options}) for name, options in VARIANTS.items()]
    return {"rows": trainings.carry_out(study, watcher, asked, series="trace")}


LONG = {
    "fpq": LongExperiment(
        fpq,
        {
            "epochs": (1, 10),
            "w_bits": frozenset({2, 3, 4}),
            "a_bits": frozenset({2, 4}),
            "images": (128, 2048),
        },
    )
}

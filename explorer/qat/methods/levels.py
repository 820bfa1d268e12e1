r"""Weights that change their level while they train, and those that swing to and fro between two.

Nagel et al. 2022, "Overcoming oscillations in quantization-aware training". After every step t a weight has the whole
number k_t. It oscillates at t if k_t differs from k_{t-1} in the direction opposite to its last change; the
frequency of that, and a running mean of its level, are

    f_t = m o_t + (1 - m) f_{t-1},        e_t = m k_t + (1 - m) e_{t-1},        m = 0.01

and a weight counts as oscillating while f_t > 0.005. Two remedies:

    dampening   adds λ Σ (w^ - clip(w, s n, s p))² to the loss, which pulls weights to their levels
    freezing    a weight of f_t > τ stays at the level round(e_t) from then on

λ rises from 0 and τ falls to its end along half a cosine over the training. All of it lives in buffers of the network,
so that it travels with checkpoints.
"""

import math
from collections.abc import Iterator
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from explorer.qat.methods.base import MethodOptions
from explorer.quantizers.modules import FakeQuantizer
from explorer.quantizers.simulated import latent_weights, weight_quantizers
from explorer.quantizers.uniform import fake_quantize

LEVELS = "levels"
MOMENTUM = 0.01
OSCILLATING = 0.005
FREEZE_FROM = 4.0  # times the threshold's end, where it starts


class OscillationOptions(MethodOptions):
    """What is done about oscillating weights."""

    oscillation: Literal["count", "dampen", "freeze"] = Field(
        "count", description="of weights that swing between two levels: count them, dampen or freeze them"
    )
    dampening: float = Field(
        0.01, gt=0, le=100, description="λ at the end, of the squared distance of weights from their levels"
    )
    freezing: float = Field(
        0.01, gt=0, lt=1, description="frequency of oscillation above which a weight is frozen, at the end"
    )


class Levels(nn.Module):
    """Levels of one weight: a child of its quantizer. Every buffer but the last has a value for each weight, flat.

    A frequency falls by the same factor at every step without a change, so it is brought up to date where there is one.
    """

    began: Tensor  # level when the epoch began
    level: Tensor
    direction: Tensor  # of the last change; 0: none yet
    frequency: Tensor  # as of the step `changed`
    changed: Tensor  # number of the step of the last change
    mean: Tensor
    frozen: Tensor
    steps: Tensor  # seen in all

    def __init__(self, level: Tensor) -> None:
        super().__init__()
        flat = level.reshape(-1).clone()
        self.register_buffer("began", flat)
        self.register_buffer("level", flat.clone())
        self.register_buffer("direction", torch.zeros_like(flat, dtype=torch.int8))
        self.register_buffer("frequency", torch.zeros_like(flat))
        self.register_buffer("changed", torch.zeros_like(flat, dtype=torch.int32))
        self.register_buffer("mean", flat.clone())
        self.register_buffer("frozen", torch.zeros_like(flat, dtype=torch.bool))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int32, device=flat.device))

    def frequencies(self) -> Tensor:
        """f_t of every weight."""
        return self.frequency * (1 - MOMENTUM) ** (self.steps - self.changed)

    def see(self, level: Tensor, *, freeze_above: float | None) -> None:
        """Take in the levels after a step."""
        level = level.reshape(-1)
        self.steps.add_(1)
        at = (level != self.level).nonzero()[:, 0]
        if len(at):
            direction = (level[at] - self.level[at]).sign().to(torch.int8)
            swung = direction == -self.direction[at]
            kept = self.frequency[at] * (1 - MOMENTUM) ** (self.steps - self.changed[at])
            self.frequency[at] = kept + MOMENTUM * swung
            self.direction[at], self.changed[at], self.level[at] = direction, self.steps, level[at]
        if freeze_above is None:
            return
        self.mean.lerp_(level, MOMENTUM)
        late = (self.frequencies() > freeze_above) & ~self.frozen
        self.level.copy_(torch.where(late, self.mean.round(), self.level))
        self.frozen.logical_or_(late)


def watch_levels(network: nn.Module) -> None:
    """Begin to watch the weights of a prepared network."""
    for _, quantizer, latent in weight_quantizers(network):
        quantizer.add_module(LEVELS, Levels(quantizer.integers(latent)))


def _watched(network: nn.Module) -> Iterator[tuple[FakeQuantizer, Levels, Tensor]]:
    for _, quantizer, latent in weight_quantizers(network):
        levels = quantizer._modules.get(LEVELS)
        if isinstance(levels, Levels):
            yield quantizer, levels, latent


def begin_epoch(network: nn.Module) -> None:
    """Changes are counted from here; steps may just have been chosen again."""
    for quantizer, levels, latent in _watched(network):
        level = quantizer.integers(latent).reshape(-1)
        levels.level.copy_(torch.where(levels.frozen, levels.level, level))
        levels.began.copy_(levels.level)
        if levels.frozen.any():
            hold_frozen(quantizer, levels, latent)


@torch.no_grad()
def see_step(network: nn.Module, *, freeze_above: float | None) -> None:
    """After a step of the optimizer: count, and where asked freeze, which puts latent weights at their levels."""
    for quantizer, levels, latent in _watched(network):
        if freeze_above is not None:
            hold_frozen(quantizer, levels, latent)
        levels.see(quantizer.integers(latent), freeze_above=freeze_above)
        if freeze_above is not None:
            hold_frozen(quantizer, levels, latent)


@torch.no_grad()
def hold_frozen(quantizer: FakeQuantizer, levels: Levels, latent: Tensor) -> None:
    """Put frozen weights at their levels, whatever the step is by now."""
    step, _ = quantizer.affine().over(latent)
    frozen, level = (each.view(latent.shape) for each in (levels.frozen, levels.level))
    latent.copy_(torch.where(frozen, level * step, latent))


def dampening(network: nn.Module) -> Tensor:
    """Σ (w^ - clip(w, s n, s p))² over all weights, shared ones once; it pulls them to their levels, steps stay."""
    total = torch.zeros(())
    for _, quantizer, latent in latent_weights(network):
        q = quantizer.affine().detached()
        step, _ = q.over(latent)
        inside = torch.clamp(latent, step * q.grid.qmin, step * q.grid.qmax)
        total = total + (fake_quantize(latent, q) - inside).square().sum()
    return total


def shares(network: nn.Module) -> dict[str, float]:
    """Shares of all weights, by name."""
    counts = {"changed level in the epoch": 0, "oscillating": 0, "frozen": 0}
    weights = 0
    for _, levels, _ in _watched(network):
        weights += levels.level.numel()
        counts["changed level in the epoch"] += int((levels.level != levels.began).sum())
        counts["oscillating"] += int((levels.frequencies() > OSCILLATING).sum())
        counts["frozen"] += int(levels.frozen.sum())
    if not counts["frozen"]:
        del counts["frozen"]
    return {f"share of weights {name}": count / weights for name, count in counts.items()} if weights else {}


def rising(step: int, steps: int) -> float:
    """From 0 at the first step to 1 at the end along half a cosine; 1 where the end is not known."""
    return 0.5 * (1 - math.cos(math.pi * min(step / steps, 1.0))) if steps else 1.0

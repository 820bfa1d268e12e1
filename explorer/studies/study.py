"""What is under investigation: a trained network with its data and its loss, or published figures of one."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

import torch
from torch import nn

from explorer.blocks import Block
from explorer.errors import StudyError
from explorer.studies.data.images import ImageData
from explorer.studies.losses import KINDS, Loss
from explorer.studies.metrics import ACCURACY, Metric
from explorer.studies.networks.attention import open_attention


@dataclass(frozen=True)
class Card:
    """What a person should know about a study: where it comes from and what was measured on it.

    Attributes:
        title: a short name for people.
        summary: one or two sentences.
        source, licence: of the network and the data.
        facts: further lines, name to value, e.g. the accuracy on the full test set.
    """

    title: str
    summary: str = ""
    source: str = ""
    licence: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """A trained network, its data and its loss.

    Attributes:
        name: unique among the studies of one app; part of every plan.
        reference: what ``load`` was given, so that another process can load the same study.
        card: what a person should know.
        data: images and labels.
        loss: loss of the outputs.
        weights_sha256: SHA-256 of the weights file, as ``sha256sum`` prints it; another where batch norms are
            folded (`weights.folded_sha256`), so that the two networks share neither runs nor plans.
        network: the FP32 network; use ``model()``, which copies it.
        metric: what is counted beside the loss.
    """

    name: str
    reference: str
    card: Card
    data: ImageData
    loss: Loss
    weights_sha256: str
    network: nn.Module = field(repr=False)
    metric: Metric = ACCURACY

    def model(self) -> nn.Module:
        """A fresh FP32 copy of the network in eval mode, on the CPU; all parameters require gradients.

        Attention is opened, so that its projections are layers like others (`attention.open_attention`).
        """
        model = open_attention(copy.deepcopy(self.network).eval())
        return model.requires_grad_(True)

    @property
    def remark(self) -> str | None:
        """What a person must know before trusting a number about this study, if anything."""
        return self.data.remark

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over weights, data, preprocessing and loss: the identity of every run on this study."""
        parts = (self.weights_sha256, self.data.sha256, self.loss.description)
        return sha256("\n".join(parts).encode()).hexdigest()


@dataclass(frozen=True)
class ProfileStudy:
    """Published per-block figures of a network that is not here: plans work, measurements do not.

    Attributes:
        blocks: depth order; each has one layer that carries the name, the weights and the MACs.
        mean_traces: block to mean Hessian trace, as published.
        squared_errors: block to bit width to the squared error of its quantized weights, as published.
        latency_ms: block to bit width to milliseconds, as published.
        latency_device: what the latencies were measured on.
        ties: groups of blocks that must share one bit width.
        published_plans: plan to block to weight bits.
    """

    name: str
    reference: str
    card: Card
    blocks: tuple[Block, ...]
    mean_traces: Mapping[str, float]
    squared_errors: Mapping[str, Mapping[int, float]]
    latency_ms: Mapping[str, Mapping[int, float]]
    latency_device: str
    ties: tuple[tuple[str, ...], ...]
    published_plans: Mapping[str, Mapping[str, int]]
    weights_sha256: str

    @property
    def remark(self) -> str | None:
        """None: nothing is measured on a profile's data."""
        return None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the profile's file."""
        return self.weights_sha256


AnyStudy = Study | ProfileStudy


def check_forward(network: nn.Module, data: ImageData, loss: Loss) -> None:
    """Run two samples through the network and its loss, so that a mismatch is found before anything long.

    Raises:
        StudyError: the network cannot take the data's images, or the loss cannot take its outputs.
    """

    inputs, targets = data.inputs("test", slice(0, 2)), data.targets("test", slice(0, 2))
    try:
        with torch.no_grad():
            outputs = network(inputs)
    except Exception as error:  # a person's own forward may raise anything
        shape = tuple(inputs.shape[1:])
        raise StudyError(f"the network cannot take images of shape {shape}: {_first_line(error)}") from error
    if not torch.is_tensor(outputs):
        if loss.function is None:
            raise StudyError(
                f"the network returns a {type(outputs).__name__} and the loss {loss.kind} takes one tensor; "
                f"give [loss] kind a factory whose loss takes what the network returns"
            )
        _check_loss(outputs, targets, loss)
        return
    classes = len(data.classes)
    rows = outputs.ndim == 2 and (loss.kind == "cross_entropy" or outputs.shape[1] > 1)
    one_of_many = loss.kind in KINDS and not targets.is_floating_point()
    if (loss.kind == "cross_entropy" and not rows) or (one_of_many and rows and outputs.shape[1] < classes):
        raise StudyError(
            f"the network gives outputs of shape {tuple(outputs.shape[1:])} and the labels go up to "
            f"{classes - 1}; the factory must build a network with {classes} outputs"
        )
    _check_loss(outputs, targets, loss)


def check_same(network: nn.Module, folded: nn.Module, data: ImageData, loss: Loss) -> None:
    """Compare outputs and losses of two samples: what a graph does not show is the shape of what runs through it.

    Raises:
        StudyError: folding changed them by more than rounding can.
    """
    inputs, targets = data.inputs("test", slice(0, 2)), data.targets("test", slice(0, 2))
    with torch.no_grad():
        plain, other = network(inputs), folded(inputs)
        before, after = loss.per_sample(plain, targets), loss.per_sample(other, targets)
    same = torch.allclose(after, before, rtol=1e-3, atol=1e-3)
    if torch.is_tensor(plain):
        same = same and torch.allclose(other, plain, rtol=1e-3, atol=1e-3 * float(plain.abs().max()))
    if not same:
        raise StudyError(
            f"folding the batch normalisations changes what the network says of the first test images (losses of "
            f"{before.tolist()} become {after.tolist()}); use the network without [model] fold_batch_norms"
        )


def _check_loss(outputs: Any, targets: torch.Tensor, loss: Loss) -> None:
    try:
        value = loss.per_sample(outputs, targets)
    except StudyError:
        raise
    except Exception as error:
        raise StudyError(
            f"the loss {loss.kind} cannot take the network's outputs: {_first_line(error)}"
        ) from error
    if not torch.isfinite(value).all():
        raise StudyError(
            f"the loss of the first test images is {value.tolist()}; check the weights and [data] mean/std"
        )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__

"""What is under investigation: a trained network with its data and its loss, or published figures of one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Literal

import torch
from torch import nn

from explorer.blocks import Block, Granularity, partitions
from explorer.errors import StudyError
from explorer.studies.data.samples import SAMPLES, Noun, Samples, remark_on, training_name
from explorer.studies.identity.origin import Origin
from explorer.studies.identity.outputs import Said, said
from explorer.studies.identity.parts import CODE, digest, fingerprint
from explorer.studies.losses import Loss
from explorer.studies.metrics import ACCURACY, Metric, usual
from explorer.studies.networks.attention import open_attention
from explorer.studies.standard.computed import copied
from explorer.studies.standard.form import StandardForm, standard_form


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
        data: samples with their targets.
        loss: loss of the outputs.
        weights_sha256: SHA-256 of the weights file, as ``sha256sum`` prints it; another where batch norms are
            folded (`weights.folded_sha256`), so that the two networks share neither runs nor plans.
        network: the FP32 network; use ``model()``, which copies it.
        metric: what is counted beside the loss.
        device: where the network and what the data gives lie; no part of a study's identity.
        origin: the files it was loaded from; of a study made in Python, nothing.
    """

    has_network: ClassVar[Literal[True]] = True

    name: str
    reference: str
    card: Card
    data: Samples
    loss: Loss
    weights_sha256: str
    network: nn.Module = field(repr=False)
    metric: Metric = ACCURACY
    device: torch.device = field(default=torch.device("cpu"), compare=False)
    origin: Origin = field(default=Origin(), compare=False, repr=False)

    def model(self) -> nn.Module:
        """A fresh FP32 copy of the network in eval mode, on the study's device; all parameters require gradients.

        Attention is opened, so that its projections are layers like others (`attention.open_attention`), and every
        operator with a weight runs through a layer (`standard.form`).

        Raises:
            StudyError: the network cannot take a sample of its data.
        """
        return self._form.applied(self._opened()).requires_grad_(True)

    def _opened(self) -> nn.Module:
        return open_attention(copied(self.network).eval())

    @cached_property
    def _form(self) -> StandardForm:
        """The standard form, found by running a copy of the network once."""
        example = self.data.inputs("test", slice(0, 1))
        try:
            with torch.random.fork_rng(devices=[]):
                return standard_form(self._opened(), example)
        except Exception as error:  # a person's own forward may raise anything
            raise StudyError(
                f"the network cannot take one {self.data.noun.one} alone: {type(error).__name__}: {error}"
            ) from error

    def blocks(self, granularity: Granularity = "layer") -> tuple[Block, ...]:
        """The units that get a bit width each, in depth order.

        Raises:
            StudyError: there is nothing to quantize.
        """
        return self._partitions[granularity]

    @cached_property
    def _partitions(self) -> Mapping[Granularity, tuple[Block, ...]]:
        """Blocks at every granularity, found by running the network once."""
        return partitions(self.model(), self.data.inputs("test", slice(0, 1)))

    def on(self, device: torch.device | str) -> "Study":
        """The same study with its network, inputs and targets on a device."""
        device = torch.device(device)
        network = copied(self.network).to(device)
        moved = replace(self, network=network, data=self.data.on(device), device=device)
        moved.__dict__["_said"] = (
            self._said
        )  # what it says is asked where it was, since devices round differently
        return moved

    @property
    def noun(self) -> Noun:
        """What the samples are called."""
        return self.data.noun

    @property
    def training_name(self) -> str:
        """What the samples that are trained and calibrated on are called."""
        return training_name(self.data)

    @property
    def remark(self) -> str | None:
        """What a person must know before trusting a number about this study, if anything."""
        return " ".join(filter(None, (remark_on(self.data), self._said.remark, self._form.remark))) or None

    @cached_property
    def parts(self) -> Mapping[str, str]:
        """What decides every number about this study, each with a hash: name and place are none of it.

        ``weights``, ``data``, ``preprocessing``, ``loss``, ``metric`` where it is not the loss's usual one, one part a
        source file (``code of net.py``), and ``outputs``, what the network says of the first test samples
        (`identity.outputs`).
        """
        outputs = {} if self._said.sha256 is None else {"outputs": self._said.sha256}
        metric = {} if self.metric.name == usual(self.loss).name else {"metric": digest(self.metric.name)}
        return {
            "weights": self.weights_sha256,
            "data": self.data.sha256,
            "preprocessing": digest(self.data.preprocessing),
            "loss": digest(self.loss.description),
            **metric,
            **{f"{CODE}{name}": hashed for name, hashed in self.origin.code.items()},
            **outputs,
        }

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the parts: the identity of every run on this study."""
        return fingerprint(self.parts)

    @cached_property
    def _said(self) -> Said:
        return said(self.network, self.data, self.loss)


@dataclass(frozen=True)
class ProfileStudy:
    """Published per-block figures of a network that is not here: plans work, measurements do not.

    Attributes:
        published_blocks: depth order; each has one layer that carries the name, the weights and the MACs.
        mean_traces: block to mean Hessian trace, as published.
        squared_errors: block to bit width to the squared error of its quantized weights, as published.
        latency_ms: block to bit width to milliseconds, as published.
        latency_device: what the latencies were measured on.
        ties: groups of blocks that must share one bit width.
        published_plans: plan to block to weight bits.
    """

    has_network: ClassVar[Literal[False]] = False

    name: str
    reference: str
    card: Card
    published_blocks: tuple[Block, ...]
    mean_traces: Mapping[str, float]
    squared_errors: Mapping[str, Mapping[int, float]]
    latency_ms: Mapping[str, Mapping[int, float]]
    latency_device: str
    ties: tuple[tuple[str, ...], ...]
    published_plans: Mapping[str, Mapping[str, int]]
    weights_sha256: str
    origin: Origin = field(default=Origin(), compare=False, repr=False)

    def blocks(self, granularity: Granularity = "layer") -> tuple[Block, ...]:
        """The published blocks, whatever the granularity asked for."""
        return self.published_blocks

    @property
    def noun(self) -> Noun:
        """What the samples are called: a profile has none of its own."""
        return SAMPLES

    @property
    def metric(self) -> Metric:
        """What published figures are of: accuracy."""
        return ACCURACY

    @property
    def remark(self) -> str | None:
        """None: nothing is measured on a profile's data."""
        return None

    @property
    def parts(self) -> Mapping[str, str]:
        """What decides every number about it: the published figures."""
        return {"figures": self.weights_sha256}

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the profile's file."""
        return self.weights_sha256


AnyStudy = Study | ProfileStudy


def require_network(study: AnyStudy) -> Study:
    """The study, if it has a network.

    Raises:
        StudyError: it is a profile of published figures.
    """
    if study.has_network:
        return study
    raise StudyError(
        f"the study {study.name} holds published figures only, without weights or data, so nothing can be measured or "
        f"trained on it; choose a network study"
    )

"""What LAPQ found: three stages, each with its steps and what they are worth, and the way from one to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from explorer.blocks import Block, Layer
from explorer.errors import LapqError
from explorer.lapq.loss.history import PathPoint
from explorer.lapq.loss.sites import Site
from explorer.lapq.loss.widths import Widths
from explorer.lapq.phases.quadratic import PCurve
from explorer.plans import BlockBits, Plan
from explorer.quantizers.bias_correction import BiasCorrection
from explorer.quantizers.given import GivenSteps, LayerSteps
from explorer.quantizers.grid import FLOAT_BITS
from explorer.questions.steps import Form

STAGES = ("layerwise", "quadratic", "joint")


class _Known(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def weights_sha256(self) -> str: ...


@dataclass(frozen=True)
class Stage:
    """Where a phase ended.

    Attributes:
        calibration_loss: mean over the calibration images, which the phases minimise.
        loss, loss_stderr: mean over the test images and its standard error.
        accuracy, accuracy_stderr: share of test images right, in [0, 1]; None where there are no classes.
        steps: site to step.
    """

    calibration_loss: float
    loss: float
    loss_stderr: float
    accuracy: float | None
    accuracy_stderr: float | None
    steps: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**vars(self), "steps": dict(self.steps)}


@dataclass(frozen=True)
class LapqResult:
    """The outcome of `optimise`.

    Attributes:
        w_bits, a_bits: of all quantized tensors; None where a plan gave the widths.
        calibration: how many calibration images there were.
        sites: one a step, in the order in which a forward pass meets them.
        stages: ``layerwise`` (p = 2), ``quadratic`` (the best p) and ``joint``.
        p_curve: the loss along p.
        path: how the joint phase went down; its first point is where it began.
        evaluations: of the loss, of parts of the calibration images too, and of its gradient.
        forward_equivalents: their work in full forward passes over all calibration images; a backward pass counts
            as two forward passes.
        joint_evaluations, joint_equivalents: of the joint phase alone.
        seconds: spent on all of it, in this process.
        widths: layer to the widths that the plan gave its weight and its input; None without a plan.
    """

    study: str
    w_bits: int | None
    a_bits: int | None
    calibration: int
    form: Form
    bias_correction: BiasCorrection
    method: str
    seed: int
    sites: tuple[Site, ...]
    stages: Mapping[str, Stage]
    p_curve: PCurve
    path: tuple[PathPoint, ...]
    evaluations: int
    forward_equivalents: float
    joint_evaluations: int
    joint_equivalents: float
    seconds: float
    widths: Widths | None = None

    @property
    def steps(self) -> Mapping[str, float]:
        """Site to step, of the last stage."""
        return self.stages["joint"].steps

    def plan(self, study: _Known, blocks: Sequence[Block], *, stage: str = "joint", name: str = "") -> Plan:
        """The plan with the steps of a stage: the widths asked for; layers left alone are in FP32.

        Raises:
            LapqError: there is no such stage, the blocks hold layers of different widths, or the form of the
                quantizers has no place in a plan.
        """
        if stage not in self.stages:
            raise LapqError(f"there is no stage {stage!r}; use one of {', '.join(STAGES)}")
        if self.form != "integer":
            raise LapqError(
                f"quantizers of the form {self.form!r} cannot be kept in a plan, whose grids have 2^M whole numbers "
                'with a zero; use the form "integer"'
            )
        steps = self.stages[stage].steps
        return plan_of(self.sites, steps, study, blocks, self.bias_correction, name=name, widths=self.widths)

    def to_json(self) -> dict[str, Any]:
        """Plain data; ``steps`` are those of the last stage."""
        plain = {
            key: value for key, value in vars(self).items() if isinstance(value, str | int | float | None)
        }
        return {
            **plain,
            "sites": [site.to_json() for site in self.sites],
            "stages": {name: stage.to_json() for name, stage in self.stages.items()},
            "steps": dict(self.steps),
            "p_curve": self.p_curve.to_json(),
            "path": [point.to_json() for point in self.path],
            "widths": None if self.widths is None else {name: list(of) for name, of in self.widths.items()},
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> LapqResult:
        """What `to_json` wrote."""
        plain = {key: value for key, value in content.items() if key in cls.__annotations__}
        made = {
            "sites": tuple(Site.from_json(each) for each in content["sites"]),
            "stages": {name: Stage(**each) for name, each in content["stages"].items()},
            "p_curve": PCurve.from_json(content["p_curve"]),
            "path": tuple(PathPoint.from_json(each) for each in content["path"]),
        }
        if content.get("widths") is not None:
            made["widths"] = {name: tuple(of) for name, of in content["widths"].items()}
        return cls(**{**plain, **made})


def bits_of_sites(sites: Sequence[Site], blocks: Sequence[Block]) -> dict[str, BlockBits]:
    """Block to widths, FP32 where nothing is quantized.

    Raises:
        LapqError: the layers of a block have different widths.
    """
    widths: dict[tuple[str, str], int] = {(site.layer, site.kind): site.bits for site in sites}
    layers = {
        layer.name: (_width(widths, layer, "weight"), _width(widths, layer, "input"))
        for block in blocks
        for layer in block.layers
    }
    return bits_of_layers(layers, blocks)


def bits_of_layers(widths: Widths, blocks: Sequence[Block]) -> dict[str, BlockBits]:
    """Block to the widths of its layers.

    Raises:
        LapqError: the layers of a block have different widths.
    """
    found = {}
    for block in blocks:
        bits = {widths[layer.name] for layer in block.layers}
        if len(bits) > 1:
            raise LapqError(
                f"the layers of block {block.name} have different widths; make the plan with one block a layer"
            )
        found[block.name] = BlockBits(*bits.pop())
    return found


def _width(widths: Mapping[tuple[str, str], int], layer: Layer, kind: str) -> int:
    """Of a weight or input, whichever of the modules that share the weight has the site."""
    found = (widths[name, kind] for name in layer.names if (name, kind) in widths)
    return next(found, FLOAT_BITS)


def plan_of(
    sites: Sequence[Site],
    steps: Mapping[str, float],
    study: _Known,
    blocks: Sequence[Block],
    bias_correction: BiasCorrection = "none",
    *,
    name: str = "",
    widths: Widths | None = None,
) -> Plan:
    """The plan with these steps, whatever they came from.

    Args:
        widths: of the plan that was asked for; None: those of the sites, FP32 where there is none.

    Raises:
        LapqError: the layers of a block have different widths.
    """
    layers: dict[str, LayerSteps] = {}
    for layer in dict.fromkeys(site.layer for site in sites):
        of = {site.kind: site for site in sites if site.layer == layer}
        layers[layer] = LayerSteps(
            w_step=steps[of["weight"].name] if "weight" in of else None,
            a_step=steps[of["input"].name] if "input" in of else None,
            a_signed=of["input"].signed if "input" in of else True,
        )
    given = GivenSteps(layers, bias_correction)
    bits = bits_of_sites(sites, blocks) if widths is None else bits_of_layers(widths, blocks)
    return Plan(study.name, study.weights_sha256, bits, name, given)

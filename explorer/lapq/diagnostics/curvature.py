r"""The Hessian of the loss with respect to the steps, and the Gaussian curvature (Nahshan et al. 2019, sec. 3.2, A.1).

    K = det H / (‖g‖² + 1)²                 eq. 9, which is the curvature of a surface over two steps
    K = det H / (‖g‖² + 1)^((n + 2)/2)      Gauss-Kronecker, of a hypersurface over n; the same at n = 2

*Straight-through*, as the paper's code does it: the derivative of the straight-through derivative, through the graph
of the quantizers (`forms`). Rounding has the slope 1 in it, so it knows of steps only what the clipped range and the
rounding errors of the moment tell; with inputs alone quantized it is the Gauss-Newton matrix JᵀH_L J and has no
negative eigenvalue.

*Finite differences* are of the loss that is computed, which is piecewise smooth in the steps, in log steps:

    H_ii = (L(+i) - 2 L + L(-i))/h²
    H_ij = (L(+i+j) - L(+i) - L(+j) + 2 L - L(-i) - L(-j) + L(-i-j))/(2h²)

with an error of order h² and one of the jumps of the loss over h². Both depend on what is differentiated by: steps Δ,
clips c = reach · Δ (the paper's code) or log Δ, which has no unit; `StepHessian.by` converts.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from explorer.errors import LapqError
from explorer.estimates import weighted
from explorer.lapq.loss.network import Array, SteppedNetwork
from explorer.lapq.loss.objective import BACKWARD, Objective
from explorer.quantizers.modules import INPUT
from explorer.questions.steps import How
from explorer.studies.losses import Loss
from explorer.watching import UNWATCHED, Watcher

Unit = Literal["step", "clip", "log"]
UNITS: tuple[Unit, ...] = get_args(Unit)
SPACING = 0.05  # of finite differences, in log steps


@dataclass(frozen=True)
class GaussianCurvature:
    """K with both exponents; determinants of many steps leave the range of floats, hence the logarithms.

    Attributes:
        sign: of the determinant, -1, 0 or 1.
        log10: log10 |K| by eq. 9.
        log10_n: log10 |K| with the exponent (n + 2)/2.
    """

    sign: int
    log10: float
    log10_n: float

    @property
    def value(self) -> float:
        """K by eq. 9."""
        return self.sign * 10**self.log10


def gaussian_curvature(gradient: Array, hessian: Array) -> GaussianCurvature:
    """Of z(x) with this gradient, (n,), and Hessian, (n, n).

    >>> gaussian_curvature(np.zeros(2), np.array([[0.0, 1.0], [1.0, 0.0]])).value  # z = xy at 0
    -1.0
    """
    sign, log_det = np.linalg.slogdet(hessian)
    steepness = math.log1p(float(gradient @ gradient))
    n = len(gradient)
    log10_paper, log10_n = (
        float(log_det - exponent * steepness) / math.log(10) for exponent in (2, (n + 2) / 2)
    )
    return GaussianCurvature(int(sign), log10_paper, log10_n)


@dataclass(frozen=True, eq=False)
class StepHessian:
    """First and second derivatives of the loss by the steps Δ.

    Attributes:
        w_bits, a_bits: of all quantized tensors; None where a plan gave the widths.
        sites: names, in the order in which a forward pass meets them.
        steps: where, (n,).
        reaches: clip over step, (n,).
        loss: there.
        gradient: (n,).
        hessian: (n, n), symmetric.
        stderr: (n, n), of the mean over batches; None for finite differences, and with one batch.
        asymmetry: the largest difference from the transposed, over the largest entry, before it was evened out.
    """

    how: How
    w_bits: int | None
    a_bits: int | None
    sites: tuple[str, ...]
    steps: Array
    reaches: Array
    loss: float
    gradient: Array
    hessian: Array
    stderr: Array | None
    asymmetry: float

    def by(self, unit: Unit) -> tuple[Array, Array]:
        """Gradient and Hessian by steps, clips or log steps."""
        if unit not in UNITS:
            raise LapqError(f"there are no derivatives by {unit!r}; use one of {', '.join(UNITS)}")
        if unit == "log":
            slope = self.gradient * self.steps
            return slope, self.hessian * np.outer(self.steps, self.steps) + np.diag(slope)
        scale = 1 / self.reaches if unit == "clip" else np.ones_like(self.reaches)
        return self.gradient * scale, self.hessian * np.outer(scale, scale)

    def curvature(self, unit: Unit = "clip") -> GaussianCurvature:
        """K, which depends on the unit; the paper's is by clips."""
        return gaussian_curvature(*self.by(unit))

    def coupling(self) -> Array:
        """|H_ij|/√|H_ii H_jj| by log steps, (n, n): 1 on the diagonal, 0 where two steps can be chosen apart."""
        _, hessian = self.by("log")
        diagonal = np.sqrt(np.abs(np.diag(hessian)))
        bound = np.outer(diagonal, diagonal)
        found: Array = np.divide(np.abs(hessian), bound, out=np.zeros_like(hessian), where=bound > 0)
        return found

    def coupling_by_distance(self) -> Array:
        """Mean coupling of sites that are 1, 2, ... n - 1 apart, (n - 1,)."""
        coupling = self.coupling()
        return np.array([np.diagonal(coupling, offset).mean() for offset in range(1, len(coupling))])

    def to_json(self) -> dict[str, Any]:
        """Plain data, with what is drawn: the Hessian by log steps, couplings, curvatures by every unit."""
        scale = np.outer(self.steps, self.steps)
        arrays = {key: value.tolist() for key, value in vars(self).items() if isinstance(value, np.ndarray)}
        return {
            **vars(self),
            **arrays,
            "sites": list(self.sites),
            "log_hessian": self.by("log")[1].tolist(),
            "log_stderr": None if self.stderr is None else (self.stderr * scale).tolist(),
            "coupling": self.coupling().tolist(),
            "curvature": {unit: vars(self.curvature(unit)) for unit in UNITS},
            "coupling_by_distance": self.coupling_by_distance().tolist(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> StepHessian:
        """What `to_json` wrote."""
        known = {key: value for key, value in content.items() if key in cls.__annotations__}
        arrays = ("steps", "reaches", "gradient", "hessian", "stderr")
        made = {key: np.array(known[key], float) for key in arrays if known[key] is not None}
        return cls(**{**known, **made, "sites": tuple(content["sites"])})


def straight_through_hessian(
    objective: Objective, steps: Array, *, watcher: Watcher = UNWATCHED
) -> StepHessian:
    """By differentiating twice, batch by batch; what the objective's journal notes is not computed again."""
    steps = np.asarray(steps, np.float32)
    name = hashlib.sha256(steps.tobytes()).hexdigest()[:16]
    found, sizes = [], []
    cost = (1 + BACKWARD) * (1 + len(steps) * BACKWARD)
    for b, (inputs, targets) in enumerate(objective.batches):
        objective.check()

        def differentiate(inputs: Tensor = inputs, targets: Tensor = targets) -> Array:
            return _second_derivatives(objective.network, steps, inputs, targets, objective.study.loss)

        found.append(objective.journal.note(f"hessian {name} {b}", differentiate))
        sizes.append(len(targets))
        objective.count(("hessian", name, b), cost * len(targets) / len(objective.rows))
        _report(watcher, b + 1, len(objective.batches))
    of_batches = np.array(found)  # (B, n, n + 1), sums over a batch's samples, the gradient last
    mean, error = weighted(of_batches / np.array(sizes)[:, None, None], sizes)
    hessian = mean[:, :-1]
    largest = float(np.abs(hessian).max()) or 1.0
    return StepHessian(
        how="straight-through",
        **_where(objective, steps),
        gradient=mean[:, -1],
        hessian=(hessian + hessian.T) / 2,
        stderr=error[:, :-1] if len(sizes) > 1 else None,
        asymmetry=float(np.abs(hessian - hessian.T).max()) / largest,
    )


def finite_difference_hessian(
    objective: Objective, steps: Array, *, spacing: float = SPACING, watcher: Watcher = UNWATCHED
) -> StepHessian:
    """By n² + n + 1 losses at steps that are moved by ``spacing`` of their size."""
    if not 0 < spacing < 1:
        raise LapqError(f"steps cannot be moved by {spacing:g} of their size; give a share between 0 and 1")
    steps = np.asarray(steps, np.float32)
    n, done = len(steps), 0

    def at(*moved: tuple[int, int]) -> float:
        nonlocal done
        logs = np.log(steps.astype(float))
        for i, sign in moved:
            logs[i] += sign * spacing
        value = objective.loss(np.exp(logs) if moved else steps)
        done += 1
        _report(watcher, done, n * n + n + 1)
        return value

    centre = at()
    up, down = ([at((i, sign)) for i in range(n)] for sign in (1, -1))
    slope = (np.array(up) - np.array(down)) / (2 * spacing)
    hessian = np.diag((np.array(up) - 2 * centre + np.array(down)) / spacing**2)
    for sign, alone in ((1, up), (-1, down)):
        for i in range(n):
            for j in range(i + 1, n):
                mixed = at((i, sign), (j, sign)) - alone[i] - alone[j] + centre
                hessian[i, j] += mixed / (2 * spacing**2)
    hessian = np.triu(hessian) + np.triu(hessian, 1).T
    size = steps.astype(float)
    return StepHessian(
        how="finite-differences",
        **_where(objective, steps),
        gradient=slope / size,
        hessian=(hessian - np.diag(slope)) / np.outer(size, size),
        stderr=None,
        asymmetry=0.0,
    )


def _report(watcher: Watcher, done: int, total: int) -> None:
    watcher.report(done / total, f"derivatives: {done} of {total}")


def _where(objective: Objective, steps: Array) -> dict[str, Any]:
    return {
        "w_bits": objective.w_bits,
        "a_bits": objective.a_bits,
        "sites": objective.names,
        "steps": steps.astype(float),
        "reaches": np.array([site.levels.reach for site in objective.sites]),
        "loss": objective.loss(steps),
    }


def _second_derivatives(
    network: SteppedNetwork, steps: Array, inputs: Tensor, targets: Tensor, loss: Loss
) -> Array:
    """Sums over the samples: (n, n + 1), the Hessian and, last, the gradient."""
    network.place(steps)
    leaves = [torch.tensor(float(step), requires_grad=True) for step in steps]
    replaced = {}
    with torch.enable_grad():
        for i, (site, leaf) in enumerate(zip(network.sites, leaves, strict=True)):
            if site.kind == "weight":
                replaced[f"{site.layer}.weight"] = network.learned_weight(i, leaf)
            else:
                replaced[f"{site.layer}.{INPUT}.step"] = leaf
        total = loss.per_sample(functional_call(network.model, replaced, (inputs,)), targets).sum()
        slopes = torch.autograd.grad(  # a batch need not reach every layer
            total, leaves, create_graph=True, allow_unused=True, materialize_grads=True
        )
    rows = []
    for slope in slopes:
        row: tuple[Tensor | None, ...] = (None,) * len(leaves)
        if slope.requires_grad:
            row = torch.autograd.grad(slope, leaves, retain_graph=True, allow_unused=True)
        rows.append([0.0 if each is None else float(each) for each in row] + [float(slope.detach())])
    return np.array(rows)

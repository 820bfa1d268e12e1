r"""Lesson 9, the loss of step sizes: LAPQ in two dimensions (Nahshan et al. 2019).

The loss L(Delta_1, Delta_2) of a network as a function of the steps of two of its tensors, everything else in FP32.
Their *interaction* is what no sum of a function of each explains. Over a grid of steps, with u_i the row means and v_j
the column means of L less its mean,

    L_ij - mean = u_i + v_j + rest_ij,        share = var(rest) / var(L),

which is 0 where L = f(Delta_1) + g(Delta_2), so that steps can be chosen one by one.

The two tensors are the last two weights of the thin ResNet-20, ``layer3.2.conv2`` and ``linear``. What comes before
them does not depend on their steps and is computed once, so that the loss at two steps takes milliseconds; it is the
loss that `explorer.lapq.Objective` measures (which works for any tensors, and for all of them together).

Powell's method as Algorithm 1 of the paper has it: a line search along every direction, then one along what they gave
together, which takes the place of the first direction.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import minimize_scalar
from scipy.stats import norm
from torch import Tensor, nn

from explorer.lapq import Levels
from explorer.lapq.phases.quadratic import POINTS, parabola, vertex_within
from explorer.lessons.common import material
from explorer.quantizers.steps import lp
from explorer.randomness import Stream, drawn_rows, generator

SITES = ("layer3.2.conv2.weight", "linear.weight")
WIDTHS = (2, 3, 4)
IMAGES = 128
MARKED_P = (1.0, 1.5, 2.0, 2.5, 3.0)  # the paper's Fig. 1
RATIOS = np.geomspace(0.45, 2.4, 21)  # steps of the grid, over those of p = 2
SCAN = 9  # losses of a line search before it narrows
NORMAL = 4000  # quantiles that stand for a normal tensor


def levels(bits: int) -> Levels:
    """The whole numbers of a signed weight."""
    return Levels.of("integer", bits, signed=True)


@cache
def tensor(name: str) -> Tensor:
    """Values to be quantized, (n,): ``normal`` for quantiles of N(0, 1), else a layer's weight."""
    if name == "normal":
        return torch.from_numpy(norm.ppf((np.arange(NORMAL) + 0.5) / NORMAL)).float()
    return material.weight(name).flatten()


@lru_cache(maxsize=512)
def best_step(name: str, bits: int, p: float) -> float:
    """argmin over the step of mean |Q(x) - x|^p."""
    x = tensor(name)
    return least_error(x, levels(bits), p)


def least_error(x: Tensor, of: Levels, p: float) -> float:
    """The same for any values (n,) and levels."""
    most = x.new_tensor([of.covering(float(x.min()), float(x.max()))])
    return float(lp.minimise_error(x[None], of.quantize, most, p))


def error_at(x: Tensor, of: Levels, p: float, step: float) -> float:
    """mean |Q(x) - x|^p at one step."""
    return float(lp.mean_errors(x[None], of.quantize, x.new_tensor([[step]]), p)[0, 0])


def error_curve(x: Tensor, of: Levels, p: float, points: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Steps up to the one that clips nothing, and mean |Q(x) - x|^p at each."""
    most = of.covering(float(x.min()), float(x.max()))
    steps = most * np.arange(1, points + 1) / points
    asked = torch.from_numpy(steps).to(x)[:, None]
    return steps, lp.mean_errors(x[None], of.quantize, asked, p)[:, 0].numpy()


@dataclass(frozen=True, eq=False)
class Ending:
    """The end of the network, given some calibration images.

    Attributes:
        inputs: of the last convolution, (N, C, H, W).
        shortcut: what is added to its output, (N, C, H, W).
        scale, shift: of its batch norm, folded, (C, 1, 1).
        weights: of the convolution and of the last layer.
        bias: of the last layer.
        targets: (N,).
    """

    inputs: Tensor
    shortcut: Tensor
    scale: Tensor
    shift: Tensor
    weights: tuple[Tensor, Tensor]
    bias: Tensor
    targets: Tensor

    @torch.no_grad()
    def features(self, weight: Tensor) -> Tensor:
        """What the last layer is given, with a weight in the convolution, (N, C)."""
        out = F.conv2d(self.inputs, weight, padding=1) * self.scale + self.shift
        return F.relu(out + self.shortcut).mean((2, 3))

    @torch.no_grad()
    def loss(self, features: Tensor, weight: Tensor) -> float:
        """Mean loss with a weight in the last layer."""
        return float(F.cross_entropy(features @ weight.T + self.bias, self.targets))


@cache
def ending() -> Ending:
    """That of the thin ResNet-20 on the images that LAPQ draws for calibration."""
    study, network = material.study(), material.study().model()
    rows = drawn_rows(study.data.size("train"), IMAGES, generator(Stream.LAPQ_IMAGES, 0))
    kept: dict[str, Tensor] = {}
    for name in ("layer3.2", "layer3.2.conv2"):
        network.get_submodule(name).register_forward_pre_hook(
            lambda module, given, name=name: kept.__setitem__(name, given[0].detach())
        )
    with torch.no_grad():
        network(study.data.inputs("train", rows))
        parts = {key: value.detach() for key, value in network.state_dict().items()}
        norm_of = network.get_submodule("layer3.2.bn2")
        assert isinstance(norm_of, nn.BatchNorm2d)
        scale = parts["layer3.2.bn2.weight"] / (parts["layer3.2.bn2.running_var"] + norm_of.eps).sqrt()
        shift = parts["layer3.2.bn2.bias"] - parts["layer3.2.bn2.running_mean"] * scale
    return Ending(
        kept["layer3.2.conv2"],
        kept["layer3.2"],
        scale[:, None, None],
        shift[:, None, None],
        (parts[SITES[0]], parts[SITES[1]]),
        parts["linear.bias"],
        study.data.targets("train", rows),
    )


def loss(bits: int, steps: Sequence[float]) -> float:
    """L(Delta_1, Delta_2); infinite where a step is not positive."""
    if min(steps) <= 0:
        return float("inf")
    weight = levels(bits).quantize(ending().weights[1], torch.tensor(float(steps[1])))
    return ending().loss(_features(bits, float(np.float32(steps[0]))), weight)


def float_loss() -> float:
    """The same with both in FP32."""
    end = ending()
    return end.loss(end.features(end.weights[0]), end.weights[1])


def alone(bits: int, steps: Sequence[float]) -> tuple[float, float]:
    """The loss with the first quantized alone, and with the second."""
    end = ending()
    second = levels(bits).quantize(end.weights[1], torch.tensor(float(steps[1])))
    return (
        end.loss(_features(bits, float(np.float32(steps[0]))), end.weights[1]),
        end.loss(end.features(end.weights[0]), second),
    )


@lru_cache(maxsize=2048)
def _features(bits: int, step: float) -> Tensor:
    return ending().features(levels(bits).quantize(ending().weights[0], torch.tensor(step)))


def steps_at(bits: int, p: float) -> tuple[float, float]:
    """The steps of least L_p error of both tensors, LAPQ's phase 1."""
    first, second = (best_step(site.removesuffix(".weight"), bits, p) for site in SITES)
    return first, second


@dataclass(frozen=True, eq=False)
class Surface:
    """The loss over both steps.

    Attributes:
        axes: steps of each, (P,).
        loss: (P, P), [i, j] at axes[0][i] and axes[1][j].
    """

    axes: tuple[np.ndarray, np.ndarray]
    loss: np.ndarray

    @property
    def share(self) -> float:
        """Of the interaction in the variance of the loss."""
        return interaction_share(self.loss)

    @property
    def best(self) -> tuple[int, int]:
        """Where it is least."""
        i, j = np.unravel_index(int(self.loss.argmin()), self.loss.shape)
        return int(i), int(j)


def interaction_share(values: np.ndarray) -> float:
    """var(rest) / var(L) of a table, 0 where it is a sum of rows and columns.

    >>> interaction_share(np.add.outer([0.0, 1.0, 5.0], [2.0, 3.0]))
    0.0
    >>> interaction_share(np.multiply.outer([-1.0, 1.0], [-1.0, 1.0]))
    1.0
    """
    centred = values - values.mean()
    rest = centred - centred.mean(1, keepdims=True) - centred.mean(0, keepdims=True)
    return float(rest.var() / values.var())


@cache
def surface(bits: int) -> Surface:
    """Around the steps of p = 2."""
    first, second = (step * RATIOS for step in steps_at(bits, 2.0))
    return Surface((first, second), np.array([[loss(bits, (a, b)) for b in second] for a in first]))


@dataclass(frozen=True)
class Along:
    """Phase 2: the loss of the steps of least L_p error, against p.

    Attributes:
        p, losses: what was tried.
        coefficients: of the parabola, highest power first.
        vertex: p*; None where it is not trusted.
        vertex_loss: at p*.
        chosen, chosen_loss: p* if it is better than all that were tried, else the best of them.
    """

    p: tuple[float, ...]
    losses: tuple[float, ...]
    coefficients: tuple[float, ...]
    vertex: float | None
    vertex_loss: float | None
    chosen: float
    chosen_loss: float


@cache
def along_p(bits: int, points: tuple[float, ...] = POINTS) -> Along:
    """Phase 2 with both tensors."""
    tried = {p: loss(bits, steps_at(bits, p)) for p in points}
    losses = tuple(tried.values())
    coefficients = parabola(points, losses)
    vertex = vertex_within(coefficients, min(points), max(points))
    if vertex is not None:
        tried[vertex] = loss(bits, steps_at(bits, vertex))
    chosen = min(tried, key=lambda p: tried[p])
    at_vertex = None if vertex is None else tried[vertex]
    return Along(points, losses, coefficients, vertex, at_vertex, chosen, tried[chosen])


@dataclass(frozen=True, eq=False)
class Line:
    """One line search.

    Attributes:
        start, end: (n,); the end is the start where nothing better was found.
        direction: (n,).
        moves: multiples of the direction that were looked at, ascending, (m,); 0 is the start.
        losses: at each, (m,).
        loss: at the end.
        joint: whether the direction is what a whole round gave together.
    """

    start: np.ndarray
    end: np.ndarray
    direction: np.ndarray
    moves: np.ndarray
    losses: np.ndarray
    loss: float
    joint: bool


def powell(
    value: Callable[[np.ndarray], float],
    start: np.ndarray,
    *,
    rounds: int = 3,
    low: float = -np.inf,
    high: float = np.inf,
    reach: float = 4.0,
    precision: float = 1e-3,
) -> tuple[Line, ...]:
    """Algorithm 1: rounds of n + 1 line searches; its directions become conjugate on a quadratic.

    Args:
        value: to be minimised.
        start: (n,).
        low, high: of every variable.
        reach: the longest move, in multiples of a direction of length 1.
        precision: of a move.
    """
    n = len(start)
    directions = list(np.eye(n))
    at, best = start.astype(float), value(start)
    lines: list[Line] = []
    for _ in range(rounds):
        began = at
        for place in range(n + 1):
            joint = place == n
            if joint:
                moved = at - began
                if not moved.any():
                    return tuple(lines)
                directions = [*directions[1:], moved / np.linalg.norm(moved)]
            line = _search(
                value, at, best, directions[-1 if joint else place], low, high, reach, precision, joint=joint
            )
            lines.append(line)
            at, best = line.end, line.loss
    return tuple(lines)


def _search(
    value: Callable[[np.ndarray], float],
    start: np.ndarray,
    known: float,
    direction: np.ndarray,
    low: float,
    high: float,
    reach: float,
    precision: float,
    *,
    joint: bool,
) -> Line:
    """A scan between the ends that the box leaves, then Brent's method around its least: the loss has many dips."""
    back, forth = -reach, reach
    for at, d in zip(start, direction, strict=True):
        if d:
            ends = sorted(((low - at) / d, (high - at) / d))
            back, forth = max(back, ends[0]), min(forth, ends[1])
    seen = {0.0: known}

    def along(move: float) -> float:
        if move not in seen:
            seen[move] = value(start + move * direction)
        return seen[move]

    scanned = np.linspace(back, forth, SCAN)
    middle = min(range(SCAN), key=lambda place: along(float(scanned[place])))
    minimize_scalar(
        lambda move: along(float(move)),
        bounds=(scanned[max(middle - 1, 0)], scanned[min(middle + 1, SCAN - 1)]),
        method="bounded",
        options={"xatol": precision},
    )
    best = min(seen, key=lambda move: seen[move])
    moves = np.array(sorted(seen))
    losses = np.array([seen[move] for move in moves])
    return Line(start, start + best * direction, direction, moves, losses, seen[best], joint)


def along_axes(hessian: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Where one exact search along every axis in turn leads on 1/2 x . H x."""
    at = start.astype(float)
    for axis in range(len(at)):
        at[axis] -= (hessian[axis] @ at) / hessian[axis, axis]
    return at


@cache
def descent(bits: int) -> tuple[Line, ...]:
    """Phase 3 among the two steps, in multiples of the steps that phase 2 chose."""
    unit = np.array(steps_at(bits, along_p(bits).chosen))
    return powell(
        lambda ratio: loss(bits, ratio * unit), np.ones(2), low=0.5, high=2.1, reach=1.5, precision=5e-3
    )


def unit_steps(bits: int) -> np.ndarray:
    """What `descent` counts in, (2,)."""
    return np.array(steps_at(bits, along_p(bits).chosen))

r"""Lesson 8, choosing bits: the fewest bytes with the least damage, as a problem, as a game, and as it is measured.

    minimise  Omega(b) = sum_i Omega_i(b_i)     subject to     sum_i n_i b_i <= B,     b_i in {2, ..., 8}

with Omega_i(b) = dW . H dW of block i at b bits, twice the predicted rise of the loss. Both sums run block by block, so
dynamic programming finds every plan worth having (`explorer.plans.solvers`). A price mu for a bit makes each block
decide by itself (Everett 1963),

    b_i(mu) = argmin_b  Omega_i(b) + mu n_i b,

and gives the optimum for the budget that it happens to use, but only plans on the convex hull.

HAWQ-V2 looks at the plans in which a more sensitive block never has fewer bits: |B| = C(L + k - 1, k - 1) of the k^L.

The game is played on the thin ResNet-20. Its first 13 layers share one width; each of the last seven, which hold three
quarters of the weights, has its own. What comes before them is computed once a width, so that a plan is measured while
one waits.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn

from explorer.estimates import Estimate, mean, paired
from explorer.lessons.common import material
from explorer.plans import Budget, DamageTable, Frontier, FrontierQuestion, Point, solve, study_problem
from explorer.quantizers import FLOAT_BITS
from explorer.quantizers.weights import quantize_weight
from explorer.randomness import spread_rows

WIDTHS = tuple(range(2, 9))
TAIL = (
    "layer3.0.conv1",
    "layer3.0.conv2",
    "layer3.1.conv1",
    "layer3.1.conv2",
    "layer3.2.conv1",
    "layer3.2.conv2",
    "linear",
)
IMAGES = 256


def front() -> tuple[str, ...]:
    """The layers that share a width, from the input on."""
    return tuple(name for name in material.layers() if name not in TAIL)


def weights() -> tuple[int, ...]:
    """Number of weights of each of the eight parts: the front, and the last seven layers."""
    sizes = {block.name: block.weights for block in material.study().blocks()}
    return (sum(sizes[name] for name in front()), *(sizes[name] for name in TAIL))


def widths(bits: Sequence[int]) -> dict[str, int]:
    """Layer to its bits, from the bits of the eight parts."""
    return {**dict.fromkeys(front(), bits[0]), **dict(zip(TAIL, bits[1:], strict=True))}


def parts(layers: dict[str, int]) -> tuple[int, ...]:
    """The inverse: bits of the eight parts."""
    return (layers[front()[0]], *(layers[name] for name in TAIL))


def game_frontier(table: DamageTable) -> Frontier:
    """Every plan worth having, the front tied."""
    asked = FrontierQuestion(bits=WIDTHS, ties=(front(),))
    return solve(study_problem(material.study(), question=asked, damage=table))


@dataclass(frozen=True)
class Score:
    """A plan of the game beside the best within the budget.

    Attributes:
        size, budget: bytes.
        omega, omega_stderr: of the plan.
        best: the optimum.
    """

    size: float
    budget: float
    omega: float
    omega_stderr: float
    best: Point

    @property
    def fits(self) -> bool:
        """Whether it is within the budget."""
        return self.size <= self.budget

    @property
    def missed(self) -> float:
        """Its Omega over the optimum's."""
        return self.omega / self.best.omega


def budget_of(ratio: float) -> float:
    """Bytes of a compression."""
    return sum(weights()) * FLOAT_BITS / 8 / ratio


def score(frontier: Frontier, bits: Sequence[int], ratio: float) -> Score:
    """Judge the bits of the eight parts under a compression of at least ``ratio``.

    Raises:
        PlanError: no plan is that small.
    """
    asked, table = widths(bits), frontier.problem.damage
    size = sum(n * b for n, b in zip(weights(), bits, strict=True)) / 8
    best = frontier.best_under(Budget("at_most", budget_of(ratio)))
    return Score(size, budget_of(ratio), table.omega(asked), table.omega_stderr(asked), best)


@lru_cache(maxsize=512)
def losses(bits: tuple[int, ...], images: int = IMAGES) -> Tensor:
    """Loss of every test image with weights at these bits, (images,) float64; 32 leaves a part in FP32."""
    network, study = material.network(), material.study()
    tail = {name: copy.deepcopy(network.get_submodule(name)) for name in ("layer3", "linear")}
    with torch.no_grad():
        for name, width in zip(TAIL, bits[1:], strict=True):
            head, _, rest = name.partition(".")
            layer = tail[head].get_submodule(rest) if rest else tail[head]
            assert isinstance(layer.weight, Tensor)
            layer.weight.copy_(quantize_weight(layer.weight, width))
        outputs = tail["linear"](tail["layer3"](_entering(bits[0], images)).mean((2, 3)))
    found: Tensor = study.loss.per_sample(outputs, _rows(images)[1]).double()
    return found


@dataclass(frozen=True)
class Measured:
    """What two plans do to the loss of the same test images.

    Attributes:
        own, best: rise over FP32, paired.
        apart: own less best, paired.
    """

    own: Estimate
    best: Estimate
    apart: Estimate


def measured(own: Sequence[int], best: Sequence[int], images: int = IMAGES) -> Measured:
    """Measure both."""
    one, other = (losses(tuple(int(b) for b in bits), images) for bits in (own, best))
    full = losses((FLOAT_BITS,) * len(one_part()), images)
    return Measured(paired(one, full), paired(other, full), paired(one, other))


def one_part() -> tuple[str, ...]:
    """Names of the eight parts."""
    return ("first 13 layers", *TAIL)


def full_loss(images: int = IMAGES) -> Estimate:
    """The FP32 network's loss on these images."""
    return mean(losses((FLOAT_BITS,) * len(one_part()), images))


@cache
def _rows(images: int) -> tuple[Tensor, Tensor]:
    data = material.study().data
    rows = spread_rows(data.size("test"), images)
    return data.inputs("test", rows), data.targets("test", rows)


@cache
def _entering(width: int, images: int) -> Tensor:
    """What the third stage is given, with everything before it at a width."""
    network = material.study().model()
    kept: list[Tensor] = []
    with torch.no_grad():
        for name in front():
            layer = network.get_submodule(name)
            assert isinstance(layer, nn.Conv2d)
            layer.weight.copy_(quantize_weight(layer.weight, width))
        network.get_submodule("layer3").register_forward_pre_hook(
            lambda module, given: kept.append(given[0].detach())
        )
        network(_rows(images)[0])
    return kept[0]


def priced(frontier: Frontier, price: float) -> tuple[int, ...]:
    """Bits of the eight parts where each decides by itself what a byte is worth, Omega + price · bytes."""
    chosen = []
    for group in frontier.problem.groups:
        costs = np.array(group.omegas) + price * np.array(group.counts) / frontier.problem.cost.divisor
        chosen.append(group.options[int(costs.argmin())].w_bits)
    return tuple(chosen)


def on_hull(frontier: Frontier) -> np.ndarray:
    """Which plans of a frontier some price finds: corners of its lower convex hull, (P,) bool."""
    found = np.zeros(len(frontier), bool)
    corners: list[int] = []
    for place, (x, y) in enumerate(zip(frontier.cost, frontier.omega, strict=True)):
        while len(corners) > 1:
            (x1, y1), (x2, y2) = ((frontier.cost[k], frontier.omega[k]) for k in corners[-2:])
            if (y2 - y1) * (x - x1) < (y - y1) * (x2 - x1):
                break
            corners.pop()
        corners.append(place)
    found[corners] = True
    return found


@dataclass(frozen=True)
class Toy:
    """A problem of three blocks to be solved by hand.

    Attributes:
        weights: n of each.
        omegas: Omega of each at 2, 4 and 8 bits.
        budget: bits for all weights together.
    """

    weights: tuple[int, ...] = (1000, 3000, 6000)
    omegas: tuple[tuple[float, ...], ...] = ((9.0, 0.5, 0.0), (5.0, 0.3, 0.0), (2.0, 0.1, 0.0))
    budget: int = 32_000


TOY = Toy()
TOY_WIDTHS = (2, 4, 8)


def toy_size(bits: Sequence[float], toy: Toy = TOY) -> float:
    """Bits of all weights.

    >>> toy_size((4, 4, 2))
    28000
    """
    return sum(n * b for n, b in zip(toy.weights, bits, strict=True))


def toy_omega(bits: Sequence[float], toy: Toy = TOY) -> float:
    """Omega of a plan."""
    return sum(row[TOY_WIDTHS.index(int(b))] for row, b in zip(toy.omegas, bits, strict=True))


def toy_best(toy: Toy = TOY) -> tuple[int, ...]:
    """The optimum, by trying all 27 plans."""
    fitting = [bits for bits in product(TOY_WIDTHS, repeat=3) if toy_size(bits, toy) <= toy.budget]
    return min(fitting, key=lambda bits: toy_omega(bits, toy))

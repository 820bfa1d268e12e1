"""Measures that are made up: accuracy and loss of plans of three blocks are functions of their widths."""

from collections.abc import Callable, Sequence

import torch

from explorer.choosing import Bits, Comparing
from explorer.evaluation import PerSample
from explorer.plans import BlockBits, DamageTable, Problem, build_problem
from explorer.plans.costs.tables import CostTable

NAMES = ("a", "b", "c")


def bits(*widths: int) -> Bits:
    """Widths of the weights of a, b and c; FP32 inputs."""
    return {name: BlockBits(width, 32) for name, width in zip(NAMES, widths, strict=True)}


def comparing(
    share: Callable[[Bits], float],
    loss: Callable[[Bits], float] = lambda _: 0.0,
    *,
    samples: int = 2000,
    seed: int = 0,
    notes: dict[str, list[float]] | None = None,
) -> Comparing:
    """Comparisons in which a plan gets a share of the samples wrong, each of them by a fixed order of difficulty.

    The difficulties of the samples are drawn, so that the first few scatter as samples do.
    """
    draw = torch.Generator().manual_seed(seed)
    difficulty = torch.rand(samples, generator=draw, dtype=torch.float64)
    noise = torch.randn(samples, generator=draw, dtype=torch.float64)

    def measure(plan: Bits, count: int) -> PerSample:
        full = all(each.w_bits == 32 for each in plan.values())
        wrong = 0.0 if full else share(plan)
        right = (difficulty[:count] >= wrong).double()
        # Losses of two plans differ by the difference of their means, and by noise of each plan's own.
        own = sum(each.w_bits * 7**place for place, each in enumerate(plan.values())) % 13
        return PerSample(loss(plan) + 0.1 * noise[:count].roll(own), right)

    return Comparing(f"made up {seed}", measure, samples, notes=notes)


def problem(
    omega: Callable[[str, int], float],
    *,
    menu: Sequence[int] = (2, 3, 4, 6, 8),
    sizes: Sequence[int] = (1000, 2000, 4000),
) -> Problem:
    """Three blocks with a predicted damage; cost is their size."""
    counts = {
        name: {width: weights * width for width in (*menu, 32)}
        for name, weights in zip(NAMES, sizes, strict=True)
    }
    values = {name: {width: omega(name, width) for width in menu} for name in NAMES}
    return build_problem(
        NAMES,
        menu=menu,
        cost=CostTable("size", "bytes", counts, 8),
        damage=DamageTable(values, dict.fromkeys(NAMES, 1.0), {}),
        a_bits=32,
    )

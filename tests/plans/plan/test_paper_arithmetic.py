"""The arithmetic of HAWQ-V2's tables: a compression ratio and a size are one number, told twice."""

from typing import Any

import pytest

from explorer.plans import (
    Budget,
    build_problem,
    compression,
    count,
    damage_table,
    fp32_bytes,
    size_bytes,
    size_table,
)
from tests.plans.instances import block

MIB = 2**20
RESNET50_WEIGHTS = 25_557_032  # parameters, batch norm's statistics left out

# Base in MB or MiB as the paper has it, size, ratio.
MIXED = [
    *[("ResNet50", 97.8, *pair) for pair in ((7.99, 12.24), (7.96, 12.28), (6.11, 16.0), (9.17, 10.67))],
    *[
        ("ResNet50, the rows of HAQ", RESNET50_WEIGHTS * 4 / MIB, *pair)
        for pair in ((9.22, 10.57), (9.36, 10.41))
    ],
    *[("InceptionV3", 91.2, *pair) for pair in ((7.57, 12.04), (5.74, 15.88), (8.55, 10.67), (22.8, 4.0))],
    *[("SqueezeNext", 10.1, *pair) for pair in ((1.07, 9.40), (1.09, 9.26), (1.12, 9.04), (1.10, 9.18))],
    *[("RetinaNet", 145.0, *pair) for pair in ((18.13, 8.0), (17.90, 8.10))],
]


def _weights(base: float) -> int:
    """How many weights of 4 bytes have this size in MiB."""
    return round(base * MIB / 4)


@pytest.mark.parametrize(("network", "base", "size", "ratio"), MIXED)
def test_a_budget_as_a_ratio_is_the_size_in_the_paper(
    network: str, base: float, size: float, ratio: float
) -> None:
    """To the digits that were printed: the size to 0.005, the ratio to 0.005, and the base to half its last digit."""
    blocks = [block("all", _weights(base), 1)]
    problem = build_problem(
        ["all"],
        menu=(2, 8),
        cost=size_table(blocks, (2, 8)),
        damage=damage_table({"all": 1.0}, {"all": {2: 1.0, 8: 0.0}}),
    )
    limit = problem.limit(Budget("ratio", ratio)) / problem.cost.divisor / MIB
    last_digit = 0.05 if network != "ResNet50, the rows of HAQ" else 0.0
    assert limit == pytest.approx(size, abs=0.005 + size * 0.005 / ratio + last_digit / ratio)


@pytest.mark.parametrize(
    ("network", "base", "bits", "size", "ratio"),
    [
        ("ResNet50", 97.8, 2, 6.11, 16.0),
        ("ResNet50", 97.8, 3, 9.17, 10.67),
        ("InceptionV3", 91.2, 3, 8.55, 10.67),
        ("InceptionV3", 91.2, 8, 22.8, 4.0),
        ("RetinaNet", 145.0, 4, 18.13, 8.0),
    ],
)
def test_uniform_plans_have_the_papers_size_and_ratio(
    network: str, base: float, bits: int, size: float, ratio: float
) -> None:
    blocks = [block("all", _weights(base), 1)]
    assert compression(blocks, {"all": bits}) == pytest.approx(ratio, abs=0.005)
    assert size_bytes(blocks, {"all": bits}) / MIB == pytest.approx(size, abs=0.006)
    assert fp32_bytes(blocks) / MIB == pytest.approx(base, abs=0.001)


def test_a_ratio_of_the_activations_is_a_mean_width() -> None:
    """RetinaNet's 5.33 is 6 bits everywhere, its 7.62 a mean of 4.20 bits."""
    assert compression([block("a", 100, 1)], {"a": 6}) == pytest.approx(5.33, abs=0.005)
    shares = {"a": 8, "b": 4}  # 5 % at 8 bits and 95 % at 4: 4.2 bits
    assert compression([block("a", 5, 1), block("b", 95, 1)], shares) == pytest.approx(7.62, abs=0.005)


@pytest.mark.parametrize(
    ("blocks", "plans", "set_b"), [(20, 1_099_511_627_776, 1_771), (50, 4**50, 23_426), (54, 4**54, 29_260)]
)
def test_how_many_plans_there_are(blocks: int, plans: int, set_b: int) -> None:
    """4^L plans of 4 widths, C(L+3, 3) in HAWQ-V2's order; the paper's 2.3e4 is that of 50 blocks."""
    names = [f"b{place}" for place in range(blocks)]
    many = [block(name, 10, 1) for name in names]
    arguments: dict[str, Any] = {
        "menu": (2, 4, 6, 8),
        "cost": size_table(many, (2, 4, 6, 8)),
        "damage": damage_table(
            {name: float(place) for place, name in enumerate(names)},
            {key: {2: 1.0, 4: 0.1, 6: 0.01, 8: 0.0} for key in names},
        ),
    }
    assert build_problem(names, **arguments).search_space == plans
    assert build_problem(names, **arguments, monotone=True).search_space == set_b == count(blocks, 4)
    assert blocks != 50 or float(plans) == pytest.approx(1.268e30, rel=1e-3)

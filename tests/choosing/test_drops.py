"""Limits of a drop: by hand, and how often they hold what they claim."""

import math

import pytest
import torch

from explorer.choosing import Drop
from explorer.choosing.drops import z_of


def test_the_drop_is_the_paired_mean() -> None:
    """Four samples, one lost and none won: 1/4 with s² = (3·(1/4)² + (3/4)²)/3 = 1/4."""
    reference, plan = torch.tensor([1.0, 1, 1, 0]), torch.tensor([1.0, 0, 1, 0])
    drop = Drop.between(reference, plan)
    assert (drop.value, drop.samples) == (0.25, 4)
    assert drop.stderr == pytest.approx(0.25)


def test_without_a_difference_the_limit_is_the_score_limit_of_nothing_among_n() -> None:
    """Zero differences in n samples exclude a drop of z²/(n + z²) and more, not every drop."""
    assert Drop(0.0, 0.0, 256).upper(2) == pytest.approx(4 / 260)
    assert Drop(0.0, 0.0, 256).lower(2) == 0


def test_many_differences_leave_the_usual_limit() -> None:
    drop = Drop(0.01, 0.02, 500)
    assert drop.upper(2) == pytest.approx(0.05)
    assert drop.lower(2) == pytest.approx(-0.03)
    assert Drop(-0.2, 0.001, 500).upper(2) == pytest.approx(-0.198), (
        "Wilson's root is not real so far below 0"
    )


def test_the_limit_is_where_the_score_test_turns() -> None:
    """U − d is z standard errors of a net drop of U: the root, put back in."""
    drop = Drop(0.004, 0.001, 1000)
    limit = drop.upper(1.7)
    assert limit - drop.value == pytest.approx(1.7 * math.sqrt(limit * (1 - limit) / 1000))


@pytest.mark.parametrize(("lost", "won"), [(0.012, 0.002), (0.01, 0.0), (0.04, 0.03)])
def test_the_upper_limit_is_exceeded_as_seldom_as_promised(lost: float, won: float) -> None:
    """True drop 1 point, limit at one-sided 2.5 %: among 4,000 draws of 1,000 samples at most a little more."""
    draw = torch.Generator().manual_seed(5)
    chance = torch.rand(4000, 1000, generator=draw)
    differences = (chance < lost).double() - (chance > 1 - won).double()
    z = z_of(0.025)
    assert z == pytest.approx(1.96, abs=1e-3)
    drops = zip(differences.mean(1).tolist(), (differences.std(1) / 1000**0.5).tolist(), strict=True)
    missed = sum(Drop(value, stderr, 1000).upper(z) < lost - won for value, stderr in drops) / 4000
    assert missed < 0.035

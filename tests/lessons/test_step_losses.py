"""Lesson 9: its quick loss is LAPQ's, its Powell is exact on a quadratic, its L_p steps are Max's quantizer."""

from collections.abc import Sequence

import numpy as np
import pytest

from explorer.lapq import Levels, Objective
from explorer.lessons import step_losses
from explorer.lessons.common import material


def test_the_loss_of_two_steps_is_that_of_the_library_s_objective() -> None:
    """Which runs the whole network; with both tensors quantized, and with one alone."""

    def whole(sites: tuple[str, ...], steps: Sequence[float]) -> float:
        asked = Objective(
            material.study(), w_bits=2, a_bits=32, calibration=step_losses.IMAGES, leave=(), only=sites
        )
        return asked.loss(steps)

    steps = step_losses.steps_at(2, 2.0)
    assert step_losses.loss(2, steps) == pytest.approx(whole(step_losses.SITES, steps), abs=1e-5)
    for place, (site, step) in enumerate(zip(step_losses.SITES, steps, strict=True)):
        assert step_losses.alone(2, steps)[place] == pytest.approx(whole((site,), (step,)), abs=1e-5)
    assert step_losses.loss(2, (0.0, 0.3)) == float("inf")


@pytest.mark.parametrize(("bits", "clip"), [(2, 1.4935), (3, 2.0511), (4, 2.5140)])
def test_the_best_step_of_a_normal_tensor_is_max_s(bits: int, clip: float) -> None:
    """Population optimum of the mid-rise quantizer at p = 2 (Max 1960): clips in standard deviations."""
    levels = Levels.of("code", bits, signed=True)
    step = step_losses.least_error(step_losses.tensor("normal"), levels, 2.0)
    assert step * levels.reach == pytest.approx(clip, abs=0.02)


def test_a_larger_p_clips_less() -> None:
    steps = [step_losses.best_step("normal", 2, p) for p in (1.0, 2.0, 3.0, 4.0)]
    assert steps == sorted(steps)
    assert steps[0] < steps[-1]


@pytest.mark.parametrize("n", [2, 3])
def test_powell_is_exact_on_a_coupled_quadratic_and_axes_alone_are_not(n: int) -> None:
    """n rounds make n conjugate directions; the bound of the search is met, too."""
    hessian = np.eye(n) + 0.9 * (np.ones((n, n)) - np.eye(n))
    lines = step_losses.powell(
        lambda x: 0.5 * float(x @ hessian @ x), np.arange(1.0, n + 1), rounds=n, reach=8.0, precision=1e-7
    )
    assert lines[-1].loss < 1e-9
    assert [line.joint for line in lines[: n + 1]] == [False] * n + [True]
    at = np.arange(1.0, n + 1)
    for _ in range(n):
        at = step_losses.along_axes(hessian, at)
    assert 0.5 * at @ hessian @ at > 1e-4
    first = step_losses.along_axes(hessian, np.arange(1.0, n + 1))
    assert lines[n - 1].end == pytest.approx(first, abs=1e-4)


def test_a_search_never_ends_above_its_start_nor_outside_its_box() -> None:
    lines = step_losses.powell(
        lambda x: float(np.cos(9 * x[0]) + x[1] ** 2), np.array([1.0, 1.0]), low=0.4, high=2.0
    )
    for line in lines:
        assert line.loss <= line.losses[line.moves == 0][0]
        assert (line.end >= 0.4 - 1e-9).all()
        assert (line.end <= 2.0 + 1e-9).all()


def test_the_claim_of_the_lesson() -> None:
    """Coupled at 2 bits, separable at 4: the interaction's share falls with every bit."""
    shares = [step_losses.surface(bits).share for bits in step_losses.WIDTHS]
    assert shares[0] > 3 * shares[1] > 9 * shares[2]
    for bits in step_losses.WIDTHS:
        assert step_losses.descent(bits)[-1].loss <= step_losses.along_p(bits).chosen_loss

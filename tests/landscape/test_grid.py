"""Coarse to fine: every level refines the one before, and nothing is visited twice."""

import pytest

from explorer.errors import CurvatureError
from explorer.landscape.grid import levels
from explorer.questions import LandscapeQuestion
from explorer.questions.landscape import SIDES


@pytest.mark.parametrize("points", SIDES[:5])
@pytest.mark.parametrize("dims", [1, 2])
def test_every_level_completes_a_coarser_grid(points: int, dims: int) -> None:
    seen: set[tuple[int, ...]] = set()
    for number, level in enumerate(levels(points, dims)):
        assert not seen & set(level)
        assert len(set(level)) == len(level)
        seen |= set(level)
        stride = (points - 1) // (4 * 2**number)
        side = range(0, points, stride)
        assert seen == {(i,) for i in side} if dims == 1 else {(i, j) for i in side for j in side}
    assert len(seen) == points**dims


def test_each_level_starts_at_the_centre() -> None:
    assert levels(5, 2)[0][0] == (2, 2)
    assert levels(9, 2)[1][0] in ((3, 4), (4, 3), (5, 4), (4, 5))


@pytest.mark.parametrize("points", [0, 4, 6, 7, 21, 1000])
def test_a_grid_that_cannot_be_refined_is_not_asked_for(points: int) -> None:
    with pytest.raises(CurvatureError, match=f"points={points} cannot be refined; use one of 5, 9, 17"):
        LandscapeQuestion(points=points)

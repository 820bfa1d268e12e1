"""What a method tells of each layer, and the levels weights stand on."""

import numpy as np

from explorer.figures.training import layers, levels

POINTS = (
    {
        "epoch": 0.5,
        "layers": {"a": {"weight step": 0.2, "share of weights clipped": 0.0}, "b": {"weight step": 4.0}},
    },
    {
        "epoch": 1.0,
        "layers": {"a": {"weight step": 0.4, "share of weights clipped": 0.25}, "b": {"weight step": 2.0}},
    },
)


def test_steps_are_coloured_by_powers_of_two_from_their_start_and_shares_in_percent() -> None:
    """So that layers whose steps differ by orders of magnitude share one scale."""
    assert layers.quantities(POINTS) == ("weight step", "share of weights clipped")
    steps = layers.view(POINTS, "weight step")
    assert (steps.layers, steps.epochs, steps.relative) == (("a", "b"), (0.5, 1.0), True)
    assert steps.shown() == [[0.0, 1.0], [0.0, -1.0]]
    shares = layers.view(POINTS, "share of weights clipped")
    assert shares.layers == ("a",), "layers that tell nothing of it have no row"
    assert shares.shown() == [[0.0, 25.0]]


def test_a_figure_shows_small_changes_as_small() -> None:
    points = [
        {"epoch": epoch, "layers": {"a": {"weight step": step}}} for epoch, step in ((1.0, 1.0), (2.0, 1.01))
    ]
    [heat] = layers.figure(layers.view(points, "weight step")).data
    assert (heat.zmin, heat.zmax) == (-0.25, 0.25)


def test_levels_are_counted_and_those_that_moved() -> None:
    found = levels.view((-1, 0, 1), np.array([-1, 0, 0, 1]), np.array([-1, 0, 1, 1]))
    assert found == levels.LevelsView((-1, 0, 1), (0.25, 0.5, 0.25), (0.25, 0.25, 0.5), moved=0.25)
    assert levels.view(range(2**16), np.zeros(1), np.zeros(1)) is None, "too many to be drawn one by one"

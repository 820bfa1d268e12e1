"""Directions have unit length, are orthogonal, and are what their names say."""

import pytest
import torch
from torch import Tensor, nn

from explorer.curvature.operators.subject import prepare
from explorer.errors import CurvatureError
from explorer.landscape.directions import quantization_directions, random_directions
from explorer.landscape.target import Target, blocks_with, inner, norm, target_of
from explorer.studies import Study
from tests.curvature.networks import Mixed, Smooth, Twice, seeded, study_of


class Transposed(nn.Module):
    """A transposed convolution, whose output channels are its second dimension, and an embedding-like table."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(2, 5, 3)
        self.head = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.up(x)).mean(dim=(2, 3)))


def target(study: Study, block: str | None = None) -> Target:
    return target_of(prepare(study, blocks=blocks_with(study, block)), block)


@pytest.mark.parametrize("kind", [Mixed, Smooth, Transposed])
def test_every_filter_of_a_random_direction_has_the_norm_of_the_weights_filter(kind: type[nn.Module]) -> None:
    """Li et al. 2018, section 4; up to the one factor that makes the whole of unit length."""
    whole = target(study_of(seeded(kind)))
    for direction in random_directions(whole, 2, seed=3):
        assert direction.scale == pytest.approx(norm(whole.centre), rel=1e-6)
        for name, weight in whole.centre.items():
            channels = whole.channels[name]
            assert channels == (1 if name == "up.weight" else 0)
            filters = direction.vector[name].movedim(channels, 0).flatten(1) * direction.scale
            torch.testing.assert_close(
                filters.norm(dim=1), weight.movedim(channels, 0).flatten(1).norm(dim=1), rtol=1e-5, atol=0
            )


def test_a_random_direction_moves_only_the_weights_of_its_block() -> None:
    study = study_of(seeded(Mixed))
    [direction] = random_directions(target(study, "grouped"), 1, seed=0)
    assert list(direction.vector) == ["grouped.weight"]
    everything = random_directions(target(study), 1, seed=0)[0].vector
    assert all(name.endswith(".weight") and "bn" not in name for name in everything), "no bias, no batch norm"


@pytest.mark.parametrize("block", [None, "grouped", "linear"])
def test_directions_are_orthonormal(block: str | None) -> None:
    whole = target(study_of(seeded(Mixed)), block)
    for first, second in (random_directions(whole, 2, 0), quantization_directions(whole, (4, 2))):
        assert norm(first.vector) == pytest.approx(1, abs=1e-6)
        assert norm(second.vector) == pytest.approx(1, abs=1e-6)
        assert inner(first.vector, second.vector) == pytest.approx(0, abs=1e-6)


def test_random_directions_are_those_of_the_seed_and_of_no_global_generator() -> None:
    whole = target(study_of(seeded(Smooth)))
    torch.manual_seed(1)
    first = random_directions(whole, 2, seed=5)
    state = torch.random.get_rng_state()
    again = random_directions(whole, 2, seed=5)
    other = random_directions(whole, 1, seed=6)[0]
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(
        torch.equal(a.vector[n], b.vector[n]) for a, b in zip(first, again, strict=True) for n in a.vector
    )
    assert not torch.equal(first[0].vector["first.weight"], other.vector["first.weight"])
    assert torch.equal(
        first[0].vector["first.weight"], random_directions(whole, 1, 5)[0].vector["first.weight"]
    )


def test_the_plane_of_two_widths_holds_both_perturbations() -> None:
    whole = target(study_of(seeded(Mixed)))
    first, second = quantization_directions(whole, (3, 2))
    assert first.scale == pytest.approx(norm(whole.perturbation(3)))
    assert first.label == "3-bit perturbation"
    for bits in (3, 2):
        moved = whole.perturbation(bits)
        inside = inner(moved, first.vector) ** 2 + inner(moved, second.vector) ** 2
        assert inside == pytest.approx(norm(moved) ** 2, rel=1e-5)
    assert 0 < second.scale < norm(whole.perturbation(2))


def test_a_tied_weight_moves_once() -> None:
    whole = target(study_of(seeded(Twice)))
    assert sorted(whole.parameters) == ["enter.weight", "shared.weight"]
    assert whole.weights == 72 * 3 + 9


def test_a_module_is_a_block_too_and_an_unknown_one_is_named() -> None:
    network = nn.Sequential(nn.Flatten(), seeded(Smooth))
    study = study_of(network)
    assert sorted(target(study, "1").parameters) == ["1.first.weight", "1.second.weight"]
    with pytest.raises(CurvatureError, match=r"tiny has no block 'none'; use one of 1\.first, 1\.second"):
        blocks_with(study, "none")


def test_widths_that_do_not_move_the_weights_give_no_direction() -> None:
    network = seeded(Smooth)
    with torch.no_grad():
        network.second.weight.copy_(torch.tensor([[1.0, 0, -1, 1], [0, 1, 1, -1], [-1, 1, 0, 0]]))
    whole = target(study_of(network), "second")
    with pytest.raises(CurvatureError, match="the 8-bit perturbation of block second is zero"):
        quantization_directions(whole, (8,))

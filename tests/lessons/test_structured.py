"""Lesson 13: Monarch's identities, its projection, the butterfly inside it, Pixelfly's density, and the training."""

import json

import numpy as np
import pytest
import torch

from explorer import studies
from explorer.errors import LessonError
from explorer.lessons import structured
from explorer.lessons.common import draws, longs
from tests import learnable
from tests.watched import Watched


@pytest.mark.parametrize("m", [2, 3, 4])
def test_the_definition_the_entries_and_the_fast_product_are_one_matrix(m: int) -> None:
    """M = P L Pᵀ R (definition 3.1) with P its own inverse."""
    left, right, _ = structured.drawn_blocks(m)
    p = structured.permutation(m)
    assert torch.equal(p, p.T)
    assert torch.equal(p @ p, torch.eye(m * m, dtype=p.dtype))
    made = structured.monarch(left, right)
    torch.testing.assert_close(made, p @ torch.block_diag(*left) @ p.T @ torch.block_diag(*right))
    x = torch.randn(5, m * m, dtype=torch.float64, generator=draws.source(structured.LESSON, 8))
    torch.testing.assert_close(structured.multiply(left, right, x), x @ made.T)
    torch.testing.assert_close(structured.stages(left, right, x[0])["PLPR"].flatten(), made @ x[0])


def test_the_projection_keeps_monarch_matrices_and_its_error_is_what_it_leaves_out() -> None:
    left, right, _ = structured.drawn_blocks(4)
    made = structured.monarch(left, right)
    assert structured.project(made).error < 1e-12
    dense = structured.example("random")
    found = structured.project(dense, 3)
    assert found.error == pytest.approx(found.errors[2])
    assert np.all(np.diff(found.errors) < 0)
    nearer = structured.project(found.matrix + 0.0, 3)
    torch.testing.assert_close(nearer.matrix, found.matrix)
    step = structured.monarch(found.left[0] * 1.01, found.right[0]) - structured.monarch(
        found.left[0], found.right[0]
    )
    assert torch.linalg.matrix_norm(dense - found.matrix - step) > torch.linalg.matrix_norm(
        dense - found.matrix
    )
    with pytest.raises(LessonError, match="square number"):
        structured.project(torch.eye(8))


def test_what_is_exactly_a_monarch_matrix() -> None:
    """Hadamard's is; Fourier's only with its columns permuted; a butterfly of 4^q rows is."""
    assert structured.project(structured.example("hadamard")).error < 1e-12
    assert structured.project(structured.example("fourier")).error > 0.5
    assert structured.project(structured.example("fourier-p")).error < 1e-12
    for n in (16, 64):
        factors = structured.butterfly_factors(n)
        half, m = len(factors) // 2, structured.side(n)
        assert structured.project(structured.product(factors)).error < 1e-12
        right = structured.product(factors[half:])
        assert torch.equal(
            right != 0, torch.block_diag(*[torch.ones(m, m, dtype=torch.bool) for _ in range(m)])
        )
        p = structured.permutation(m)
        assert torch.equal((p @ structured.product(factors[:half]) @ p) != 0, right != 0)


@pytest.mark.parametrize(("grid", "factors"), [(8, 0), (8, 3), (64, 2)])
def test_pixelfly_s_density(grid: int, factors: int) -> None:
    mask = structured.pixelfly(grid, factors)
    assert float(mask.double().mean()) == (factors + 1) / grid
    assert torch.equal(mask, mask.T)


def test_parameters() -> None:
    """2 n^{3/2}; half of a dense matrix with 4 blocks, the authors' default."""
    assert structured.parameters(784) == 2 * 28**3
    assert structured.parameters(1024, 4) / 1024**2 == 0.5


def test_a_network_with_a_monarch_layer_learns_and_goes_on_where_it_was(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    study = studies.load_network(learnable.write(tmp_path_factory.mktemp("structured") / "learnable"))
    watcher = Watched()
    asked = longs.question("structured:training", images=300, epochs=12, seeds=2)
    found = longs.carry_out(study, asked, watcher).values
    assert json.loads(json.dumps(found)), "a run's record is JSON"
    rows = {row[0]: row for row in found["rows"]}
    assert rows["monarch"][1] == 2 * 8**3 + 64 * 3 + 64 + 3
    assert rows["narrow"][2] == 16 * 64 + 16 * 3
    assert min(rows[way][3] for way in ("dense", "monarch", "tuned", "narrow")) > 0.45
    assert rows["tuned"][3] >= rows["projected"][3]
    again = longs.carry_out(study, asked, Watched(begun=watcher.states[0]))
    assert again.values["rows"] == found["rows"]

"""Eigenpairs against dense ones, their signs, their errors, and what happens when too little is allowed."""

import json
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explorer.curvature.operators.hessian import hessian_rows
from explorer.curvature.spectra.eigenpairs import (
    Eigenpairs,
    Eigenvalues,
    eigenvalues,
    every_eigenpairs,
    top_eigenpairs,
)
from explorer.curvature.spectra.lanczos import lanczos_pairs, wanted_first
from explorer.curvature.spectra.power_iteration import power_pairs
from explorer.errors import CurvatureError
from explorer.questions import EigenvaluesQuestion
from explorer.questions.spectra import Which
from explorer.studies.data.images import ImageData
from explorer.studies.losses import Loss
from explorer.studies.study import Card, Study
from explorer.watching import Stopped
from tests.curvature.dense import dense_hessian
from tests.curvature.networks import Attention, Mixed, Smooth, Twice, seeded, study_of
from tests.watched import Watched

EXACTLY: dict[str, Any] = {"tol": 1e-9, "dtype": torch.float64, "samples": None}


def dense(study: Study, found: Eigenpairs, rows: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Eigenvalues and eigenvectors of the dense Hessian of the block that was asked for."""
    return torch.linalg.eigh(dense_hessian(study, list(found.vectors[0]), rows))


def flat(vector: object) -> Tensor:
    return torch.cat([part.flatten() for part in dict(vector).values()])  # type: ignore[call-overload]


@pytest.mark.parametrize("network", [Mixed, Smooth, Twice, Attention])
def test_every_block_and_the_whole_network_equal_the_dense_eigenvalues(network: type[nn.Module]) -> None:
    study = study_of(seeded(network), size=9)
    found = list(every_eigenpairs(study, k=3, **EXACTLY))
    assert [pairs.block for pairs in found] == [*(block.name for block in study.blocks()), None]
    for pairs in found:
        values, vectors = dense(study, pairs)
        expected = values.flip(0)[: len(pairs.values)]
        scale = float(values.abs().max())
        np.testing.assert_allclose(pairs.values, expected, rtol=1e-6, atol=1e-9 * scale)
        assert all(pairs.converged)
        assert max(pairs.residuals) <= 1e-8 * scale
        overlap = float((vectors[:, -1] @ flat(pairs.vectors[0])).abs())
        assert overlap == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("which", ["smallest", "magnitude"])
def test_negative_eigenvalues_keep_their_sign(which: Which) -> None:
    """A tanh network away from its minimum has both signs, and so has the other end of its spectrum."""
    study = study_of(seeded(Smooth))
    found = top_eigenpairs(study, k=4, which=which, **EXACTLY)
    values = dense(study, found)[0]
    expected = values[wanted_first(values, which)][:4]
    np.testing.assert_allclose(found.values, expected, rtol=1e-6)
    assert min(found.values) < 0


def test_lanczos_and_power_iteration_agree() -> None:
    study = study_of(seeded(Mixed))
    options: dict[str, Any] = {"k": 2, "dtype": torch.float64, "samples": 15, "block": "point"}
    power = top_eigenpairs(study, method="power", tol=1e-14, max_products=4000, **options)
    lanczos = top_eigenpairs(study, tol=1e-9, **options)
    np.testing.assert_allclose(power.values, lanczos.values, rtol=1e-6)
    np.testing.assert_allclose(flat(power.vectors[0]), flat(lanczos.vectors[0]), atol=1e-4)
    np.testing.assert_allclose(power.stderrs, lanczos.stderrs, rtol=1e-3)
    assert lanczos.products < power.products


SPECTRA = {
    "both signs": [-7.0, -3.0, 0.0, 1.0, 2.0, 5.0],
    "negative": [-5.0, -4.0, -2.5, -1.0],
    "multiple": [4.0, 4.0, 4.0, 1.0, 1.0],
    "identity": [3.0, 3.0, 3.0],
    "zero": [0.0, 0.0, 0.0, 0.0],
    "one number": [-2.0],
}


@pytest.mark.parametrize("which", ["largest", "smallest", "magnitude"])
@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize("iteration", [lanczos_pairs, power_pairs])
def test_a_quadratic_has_the_eigenvalues_of_its_matrix(
    iteration: object, spectrum: str, which: Which
) -> None:
    values = torch.tensor(SPECTRA[spectrum], dtype=torch.float64)
    generator = torch.Generator().manual_seed(4)
    basis = torch.linalg.qr(torch.randn(len(values), len(values), dtype=torch.float64, generator=generator))[
        0
    ]
    A = basis * values @ basis.T
    k = min(3, len(values))
    start = torch.randn(len(values), dtype=torch.float64, generator=generator)
    found = iteration(  # type: ignore[operator]
        A.matmul, start, k=k, which=which, tol=1e-13, max_products=6000, generator=generator
    )
    expected = values[wanted_first(values, which)][:k]
    np.testing.assert_allclose(found.values, expected, atol=1e-5)
    np.testing.assert_allclose(found.vectors @ found.vectors.T, torch.eye(k), atol=1e-6)
    np.testing.assert_allclose(A @ found.vectors.T, found.vectors.T * found.values, atol=1e-3)
    assert bool(found.converged.all())


@pytest.mark.parametrize("which", ["largest", "smallest", "magnitude"])
def test_a_basis_that_is_full_is_restarted(which: Which) -> None:
    values = torch.cat(
        [torch.linspace(-20, 30, 400, dtype=torch.float64), torch.tensor([31.0, -30.5])]
    ).double()
    start = torch.randn(402, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = lanczos_pairs(
        lambda v: values * v,
        start,
        k=2,
        which=which,
        tol=1e-8,
        max_products=2000,
        generator=torch.Generator(),
        basis_bytes=12 * 402 * 8,
    )
    np.testing.assert_allclose(found.values, values[wanted_first(values, which)][:2], rtol=1e-8)
    assert bool(found.converged.all())


def test_the_start_depends_on_the_seed_and_the_block_alone() -> None:
    study = study_of(seeded(Mixed))
    together = {pairs.block: pairs for pairs in every_eigenpairs(study, samples=9)}
    for block in ("grouped", None):
        alone = top_eigenpairs(study, samples=9, block=block)
        assert alone.values == together[block].values
        assert all(torch.equal(a, together[block].vectors[0][name]) for name, a in alone.vectors[0].items())
    rest = [pairs.block for pairs in every_eigenpairs(study, samples=9, skip=["stem", "point", None])]
    assert rest == ["depthwise", "grouped", "linear"]


def test_where_the_products_run_out_it_says_so() -> None:
    study = study_of(seeded(Mixed))
    found = top_eigenpairs(study, k=2, tol=1e-12, max_products=4, dtype=torch.float64)
    assert found.converged == (False, False)
    assert found.residuals[0] > 1e-6
    assert found.products == 4 + 2, "the errors of each took one more"


def test_a_block_smaller_than_k_gives_what_it_has() -> None:
    study = study_of(nn.Sequential(nn.Conv2d(2, 1, 1, bias=False), nn.Flatten(), seeded(nn.Linear, 36, 3)))
    with pytest.raises(CurvatureError, match="k=3 exceeds the 2 weights of 0; ask for fewer"):
        top_eigenpairs(study, block="0", k=3)
    assert [len(pairs.values) for pairs in every_eigenpairs(study, k=3)] == [2, 3, 3]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"block": "none"}, "there is no block 'none'; use one of first, second"),
        ({"k": 0}, "k=0"),
        ({"which": "middle"}, "no end 'middle'"),
        ({"method": "magic"}, "no method 'magic'"),
        ({"samples": 1}, "samples=1"),
        ({"tol": 0.0}, "tol=0"),
        ({"tol": math.nan}, "tol=nan"),
        ({"k": 3, "max_products": 3}, "max_products=3 is too few"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(options: dict, words: str) -> None:
    with pytest.raises(CurvatureError, match=words):
        top_eigenpairs(study_of(seeded(Smooth)), **options)


def test_progress_rises_to_the_end_and_stopping_ends_it() -> None:
    study, seen = study_of(seeded(Mixed)), Watched()
    found = list(every_eigenpairs(study, watcher=seen))
    assert 0 < seen.fractions[0] < seen.fractions[-1] <= 1
    assert any(words.startswith("grouped: λ = ") for _, words in seen.reports)
    some: list[Eigenpairs] = []
    with pytest.raises(Stopped):
        some.extend(every_eigenpairs(study, watcher=Watched(stop=lambda asked: asked > 9)))
    assert 0 < len(some) < len(found)
    assert [pairs.values for pairs in some] == [pairs.values for pairs in found[: len(some)]]
    with pytest.raises(Stopped):
        top_eigenpairs(study, watcher=Watched(stop=lambda _: True))


def test_eigenvalues_that_were_stopped_go_on_to_the_same_and_survive_plain_data() -> None:
    study = study_of(seeded(Mixed))
    question = EigenvaluesQuestion(samples=9)
    seen = Watched()
    whole = eigenvalues(study, question, held_out=1, watcher=seen)
    assert [point["block"] for point in seen.series("found")] == [pairs.block for pairs in whole.found]
    part = Watched(begun=seen.states[2])
    resumed = eigenvalues(study, question, held_out=1, watcher=part)
    assert len(part.states) == len(whole.found) - 3, "what is known is not searched again"
    assert [pairs.values for pairs in resumed.found] == [pairs.values for pairs in whole.found]
    assert resumed.tensors().keys() == whole.tensors().keys()
    assert all(torch.equal(tensor, whole.tensors()[name]) for name, tensor in resumed.tensors().items())
    assert "whole network/1/linear.weight" in whole.tensors()
    record = json.loads(json.dumps(whole.to_json()))
    assert set(record) == {"study", "eigenvalues", "seconds"}
    back = Eigenvalues.from_json(record, whole.tensors())
    assert back.to_json() == whole.to_json() == record
    assert back.tensors().keys() == whole.tensors().keys()
    assert back.of("point") is not None
    assert back.of("nowhere") is None
    none = eigenvalues(study, k=1, samples=9, held_out=0, kept=0, whole=False)
    assert none.tensors() == {}
    assert none.to_json()["eigenvalues"][0]["held_out"] == [None], "not known is null"


def test_nothing_is_held_out_where_all_rows_are_taken() -> None:
    found = top_eigenpairs(study_of(seeded(Smooth)), samples=None)
    assert found.stderrs == (0.0, 0.0)
    assert all(math.isnan(value) for value in found.held_out)
    record = found.to_json()
    assert record["held_out"] == [None, None]
    assert record["values"] == list(found.values)
    assert "vectors" not in record


@pytest.mark.parametrize("method", ["auto", "lanczos"])
def test_only_as_many_as_asked_for_are_tried_on_other_rows(method: str) -> None:
    study = study_of(seeded(Mixed))
    options: dict[str, Any] = {"block": "point", "samples": 9, "method": method}
    one, both = (top_eigenpairs(study, held_out=n, **options) for n in (1, None))
    assert one.values == both.values
    assert one.held_out[0] == both.held_out[0]
    assert math.isnan(one.held_out[1])
    assert not math.isnan(both.held_out[1])
    assert one.products == both.products - (method == "lanczos")


def many_samples(size: int) -> Study:
    """A one-layer regression with inputs of uneven length: forms vary much from sample to sample."""
    generator = np.random.default_rng(11)
    images = (generator.integers(0, 256, (size, 2, 2, 1)) * generator.random((size, 1, 1, 1))).astype(
        np.uint8
    )
    arrays: dict[str, np.ndarray] = {}
    for split in ("train", "test"):
        arrays[f"{split}_images"] = images
        arrays[f"{split}_labels"] = generator.integers(0, 2, size)
    data = ImageData(arrays, mean=(0.3,), std=(0.3,))
    network = nn.Sequential(nn.Flatten(), seeded(nn.Linear, 4, 2))
    return Study("many", "many", Card("many"), data, Loss("cross_entropy"), "0" * 64, network)


def test_the_standard_error_covers_the_choice_of_rows() -> None:
    """Over 120 draws of 100 of 600 rows, 95 % intervals hold the largest eigenvalue over all rows (the bias
    takes a few), those of the held-out form its value on all rows not drawn; lambda itself is biased upward."""
    study, size, runs = many_samples(600), 600, 120
    H = dense_hessian(study, ["1.weight"])
    largest = float(torch.linalg.eigvalsh(H)[-1])
    covered, held_out_covered, above, held_out_off = 0, 0, 0.0, 0.0
    for seed in range(runs):
        found = top_eigenpairs(study, block="1", k=1, samples=100, seed=seed, chunk=200, max_products=30)
        v = flat(found.vectors[0]).double()
        truth = float(v @ H @ v)
        covered += abs(found.values[0] - largest) <= 1.96 * found.stderrs[0]
        rest = torch.tensor(sorted(set(range(size)) - set(hessian_rows(size, 100, seed).tolist())))
        elsewhere = float(v @ dense_hessian(study, ["1.weight"], rest) @ v)
        held_out_covered += abs(found.held_out[0] - elsewhere) <= 1.96 * found.held_out_stderrs[0]
        above += (found.values[0] - truth) / runs
        held_out_off += (found.held_out[0] - elsewhere) / found.held_out_stderrs[0] / math.sqrt(runs)
    assert 0.88 <= covered / runs <= 0.99
    assert 0.90 <= held_out_covered / runs <= 0.99
    assert above > 0
    assert abs(held_out_off) < 3
